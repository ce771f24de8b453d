// Sizes of one image of a batch.
#pragma once
#include "aot.h"

struct Image {
  int64_t channels, height, width;
  int64_t plane() const { return height * width; }
  int64_t size() const { return channels * plane(); }
};

inline Image image_of(const Tensor &tensor) { return {tensor.shape[1], tensor.shape[2], tensor.shape[3]}; }
