// Largest value of a square window.
#include <algorithm>

#include "aot.h"
#include "image.h"
#include "pool.h"
#include "vector.h"

namespace {

struct Windows {
  Image source, result;
  int size, stride, top, left;

  // settings (size, stride, whether padding makes the result ceil(size / stride))
  Windows(const Tensor &settings, const Tensor &x, const Tensor &y) : source(image_of(x)), result(image_of(y)) {
    const int32_t *values = settings.as<int32_t>();
    size = values[0], stride = values[1];
    top = values[2] ? padding(source.height, result.height) : 0;
    left = values[2] ? padding(source.width, result.width) : 0;
  }
  int padding(int64_t pixels, int64_t results) const {
    return std::max<int64_t>(0, (results - 1) * stride + size - pixels) / 2;
  }
  // visit(position in the plane) for the pixels of a window, row by row
  template <typename Visit>
  void visit(int64_t row, int64_t column, const Visit &visit) const {
    const int64_t y = row * stride - top, x = column * stride - left;
    for (int64_t i = std::max<int64_t>(0, y); i < std::min(source.height, y + size); ++i)
      for (int64_t j = std::max<int64_t>(0, x); j < std::min(source.width, x + size); ++j) visit(i * source.width + j);
  }
  // The first of the largest pixels.
  int64_t largest(const float *plane, int64_t row, int64_t column) const {
    int64_t best = -1;
    visit(row, column, [&](int64_t at) { best = best < 0 || plane[at] > plane[best] ? at : best; });
    return best;
  }
};

// settings, x (B, C, H, W) -> y
int forward(const Arguments &arguments) {
  const Tensor x = arguments[1], y = arguments[2];
  const Windows windows(arguments[0], x, y);
  parallel(x.shape[0] * x.shape[1], [&](int index) {
    const float *from = x.as<float>() + index * windows.source.plane();
    float *to = y.as<float>() + index * windows.result.plane();
    for (int64_t row = 0; row < windows.result.height; ++row)
      for (int64_t column = 0; column < windows.result.width; ++column) *to++ = from[windows.largest(from, row, column)];
  });
  return 0;
}

// settings, dy, x -> dx
int backward(const Arguments &arguments) {
  const Tensor dy = arguments[1], x = arguments[2], dx = arguments[3];
  const Windows windows(arguments[0], x, dy);
  parallel(x.shape[0] * x.shape[1], [&](int index) {
    const float *plane = x.as<float>() + index * windows.source.plane();
    const float *from = dy.as<float>() + index * windows.result.plane();
    float *to = dx.as<float>() + index * windows.source.plane();
    std::fill(to, to + windows.source.plane(), 0.0f);
    for (int64_t row = 0; row < windows.result.height; ++row)
      for (int64_t column = 0; column < windows.result.width; ++column)
        to[windows.largest(plane, row, column)] += *from++;
  });
  return 0;
}

}  // namespace

OPERATOR(max_pool, forward)
OPERATOR(max_pool_gradient, backward)
