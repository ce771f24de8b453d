// Products of matrices of bfloat16 with sums in float32: the inner loops, one for each kind of processor.
#pragma once
#include <type_traits>

#include "bfloat16.h"

constexpr int kBlock = 32;       // numbers of the depth that a product takes at a time: a row of a tile
constexpr int kPairs = kBlock / 2;
constexpr int kPanel = 32;       // columns of a panel: two tiles
constexpr int kPixels16 = 1024;  // of a row of the gradient of the weights, gathered at a time, at most
constexpr int kRowStep16 = kPixels16 + kBlock;  // no power of two, which would strain few sets of the cache

enum Kind { kTwin = 0, kAvx512 = 1, kAmx = 2 };

// result (rows, kPanel) = the sum before, or 0 if `first`, + a (rows, depth) * b (depth, kPanel), depth = 2 * pairs.
// a: kBlock numbers of each row; from one block to the next `block_step`. b: [pair of the depth][column][2].
// The memory of a and of the result has `padded(rows)` rows. For AMX, a and b are zero beyond the depth, up to a whole
// block.
using Multiply16 = void (*)(int rows, int pairs, const Bfloat16 *a, int64_t block_step, const Bfloat16 *b,
                            float *result, int64_t result_step, bool first);

// result (lefts, rights) = the sum before, or 0 if `first`, + left (lefts, depth) * right (rights, depth) transposed.
// Rows are kRowStep16 numbers apart, the depth is a multiple of kBlock. `right` and the result have `round_up(rights,
// kDotRights)` rows and columns.
using MultiplyRows16 = void (*)(int lefts, int rights, int depth, const Bfloat16 *left, const Bfloat16 *right,
                                float *result, int64_t result_step, bool first);
constexpr int kDotRights = 4;

#if defined(__AVX512BW__)
// A row of sums, whose columns are in the order of `gather_pair`, with its pixels side by side.
inline __m512i pixels_in_order(__m512i words) {
  return _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7), words);
}
inline __m512 pixels_in_order(__m512 first, __m512 second, int from) {  // 16 of them, from = 0 or 16
  const __m512i order = _mm512_setr_epi32(0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  return _mm512_permutex2var_ps(first, _mm512_add_epi32(order, _mm512_set1_epi32(from / 2)), second);
}
#endif

// As `Multiply16` from the sum `shifts[row]` on. The columns of b are in the order of `gather_pair`, those of the
// result in that of the pixels. Sums stay in registers.
template <typename Y>
using MultiplyToImage = void (*)(int rows, int pairs, const Bfloat16 *a, int64_t block_step, const Bfloat16 *b,
                                 const float *shifts, Y *result, int64_t result_step);

struct Products16 {
  Kind kind;
  int most_rows;        // of a panel
  int row_unit;         // rows are padded to it
  Multiply16 packed;    // rows of a block are kBlock numbers apart
  // One of these is there, the other nullptr:
  Multiply16 gathered;  // rows are kRowStep16 numbers apart
  MultiplyRows16 dots;
  MultiplyToImage<Bfloat16> to_bfloat16_image;  // like `packed`; may be nullptr
  MultiplyToImage<float> to_float_image;
  template <typename Y>
  MultiplyToImage<Y> to_image() const {
    if constexpr (std::is_same_v<Y, float>) {
      return to_float_image;
    } else {
      return to_bfloat16_image;
    }
  }
  int padded(int64_t rows) const { return round_up(rows, row_unit); }
};

// The one that is set, see `set_bfloat16_kind`.
const Products16 &products16();

// Makes the thread ready for products, and leaves it as it was at the end: one for each task.
class ProductsOfTask {
 public:
  ProductsOfTask();
  ~ProductsOfTask();
};
