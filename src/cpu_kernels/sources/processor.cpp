// What the kernels were compiled for.
#include "vector.h"

extern "C" int vector_bits() { return 8 * kVectorBytes; }
