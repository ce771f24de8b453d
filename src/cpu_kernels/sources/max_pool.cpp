// Largest value of a square window.
#include <algorithm>
#include <type_traits>

#include "aot.h"
#include "image.h"
#include "numbers.h"
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
  template <typename X>
  int64_t largest(const X *plane, int64_t row, int64_t column) const {
    int64_t best = -1;
    visit(row, column, [&](int64_t at) {
      best = best < 0 || to_float(plane[at]) > to_float(plane[best]) ? at : best;
    });
    return best;
  }
};

template <typename X>
void forward(const Windows &windows, int64_t planes, const X *x, X *y) {
  parallel(planes, [&](int index) {
    const X *from = x + index * windows.source.plane();
    X *to = y + index * windows.result.plane();
    for (int64_t row = 0; row < windows.result.height; ++row)
      for (int64_t column = 0; column < windows.result.width; ++column) *to++ = from[windows.largest(from, row, column)];
  });
}

// The sums of a plane are made in float32.
template <typename X>
void backward(const Windows &windows, int64_t planes, const X *dy, const X *x, X *dx) {
  const int64_t size = windows.source.plane();
  parallel(planes, [&](int index) {
    const X *plane = x + index * size, *from = dy + index * windows.result.plane();
    X *to = dx + index * size;
    float *sums = std::is_same_v<X, float> ? reinterpret_cast<float *>(to) : scratch<0>(size);
    std::fill(sums, sums + size, 0.0f);
    for (int64_t row = 0; row < windows.result.height; ++row)
      for (int64_t column = 0; column < windows.result.width; ++column)
        sums[windows.largest(plane, row, column)] += to_float(*from++);
    if (!std::is_same_v<X, float>) convert(to, sums, size);
  });
}

// settings, x (B, C, H, W) -> y of the same type
int forward_operator(const Arguments &arguments) {
  const Tensor x = arguments[1], y = arguments[2];
  with_numbers(x, [&](auto *from) {
    using X = std::decay_t<decltype(*from)>;
    forward<X>(Windows(arguments[0], x, y), x.shape[0] * x.shape[1], from, y.as<X>());
  });
  return 0;
}

// settings, dy, x -> dx, all of one type
int backward_operator(const Arguments &arguments) {
  const Tensor dy = arguments[1], x = arguments[2], dx = arguments[3];
  with_numbers(x, [&](auto *from) {
    using X = std::decay_t<decltype(*from)>;
    backward<X>(Windows(arguments[0], x, dy), x.shape[0] * x.shape[1], dy.as<X>(), from, dx.as<X>());
  });
  return 0;
}

}  // namespace

OPERATOR(max_pool, forward_operator)
OPERATOR(max_pool_gradient, backward_operator)
