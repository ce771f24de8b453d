// Tensors whose numbers are float32 or bfloat16.
#pragma once
#include "aot.h"
#include "bfloat16.h"

// action(pointer to the numbers of the tensor)
template <typename Action>
void with_numbers(const Tensor &tensor, const Action &action) {
  if (tensor.is_bfloat16) {
    action(tensor.as<Bfloat16>());
  } else {
    action(tensor.as<float>());
  }
}
