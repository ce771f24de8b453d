// Stride, dilation and padding of a convolution.
#pragma once
#include <algorithm>

#include "aot.h"

struct Geometry {
  int stride, dilation, top, left;

  // The operator's settings (stride, dilation, padding; -1: padding that makes the result ceil(size / stride)), and the
  // tensors that decide on that padding.
  Geometry(const Tensor &settings, const Tensor &x, const Tensor &weight, const Tensor &y) {
    const int32_t *values = settings.as<int32_t>();
    stride = values[0];
    dilation = values[1];
    top = values[2] >= 0 ? values[2] : same(x.shape[2], weight.shape[2], y.shape[2]);
    left = values[2] >= 0 ? values[2] : same(x.shape[3], weight.shape[3], y.shape[3]);
  }

 private:
  int same(int64_t size, int64_t kernel, int64_t out_size) const {
    return std::max<int64_t>(0, (out_size - 1) * stride + (kernel - 1) * dilation + 1 - size) / 2;
  }
};
