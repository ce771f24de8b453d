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
};

// The first of the largest pixels of a window each: its value, and its position in the plane.
struct Largest {
  Vector values{};
  Indexes positions = Indexes{} - 1;
};

// from[0], from[stride], ... for lanes begin ... end - 1; nothing else is read.
template <typename X>
inline Vector load_strided(const X *from, int64_t stride, int begin, int end) {
  if (stride == 1) return load_between(from, begin, end);
  if (stride == 2)
    return even_of(load_between(from, 2 * begin, 2 * end - 1),
                   load_between(from + kLanes, 2 * begin - kLanes, 2 * end - 1 - kLanes));
  Vector values{};
  for (int lane = begin; lane < end; ++lane) values[lane] = to_float(from[lane * stride]);
  return values;
}

// Takes over what is larger. A NaN that comes first stays.
template <bool WITH_POSITIONS>
inline void compare(Largest &best, Vector values, Indexes positions) {
  const Indexes is_new = values > best.values;
  best.values = is_new ? values : best.values;
  if (WITH_POSITIONS) best.positions = is_new ? positions : best.positions;
}

// Of kLanes windows side by side, the first of which begins at pixel (y, x), with none beyond the plane.
template <bool WITH_POSITIONS, typename X>
inline Largest largest_inside(const Windows &windows, const X *plane, int64_t y, int64_t x) {
  const int stride = windows.stride;
  const int64_t width = windows.source.width;
  const auto load_lanes = [&](const X *from) {
    if (stride == 1) return load(from);
    return even_of(load(from), load_between(from + kLanes, 0, kLanes - 1));
  };
  const X *from = plane + y * width + x;
  Largest best{load_lanes(from), int32_t(y * width + x) + indexes(0, 1) * stride};
  const Indexes first = best.positions;
  for (int64_t i = 0; i < windows.size; ++i)
    for (int64_t j = i == 0; j < windows.size; ++j)
      compare<WITH_POSITIONS>(best, load_lanes(from + i * width + j), first + int32_t(i * width + j));
  return best;
}

// Of windows (row, column) ... (row, column + count - 1).
template <bool WITH_POSITIONS, typename X>
inline Largest largest_of(const Windows &windows, const X *plane, int64_t row, int64_t column, int count) {
  const int stride = windows.stride;
  const int64_t width = windows.source.width, y = row * stride - windows.top, x = column * stride - windows.left;
  if (count == kLanes && stride <= 2 && x >= 0 && x + (kLanes - 1) * stride + windows.size <= width && y >= 0 &&
      y + windows.size <= windows.source.height)
    return largest_inside<WITH_POSITIONS>(windows, plane, y, x);
  const Indexes lanes = indexes(0, 1);
  Largest best;
  for (int64_t i = std::max<int64_t>(0, y); i < std::min(windows.source.height, y + windows.size); ++i)
    for (int64_t j = x; j < x + windows.size; ++j) {
      const int begin = j < 0 ? divide_up(-j, stride) : 0;
      const int end = std::min<int64_t>(count, j < width ? divide_up(width - j, stride) : 0);
      if (begin >= end) continue;
      const Vector values = load_strided(plane + i * width + j, stride, begin, end);
      const Indexes is_new = (lanes >= begin) & (lanes < end) & ((best.positions < 0) | (values > best.values));
      best.values = is_new ? values : best.values;
      best.positions = is_new ? int32_t(i * width + j) + lanes * stride : best.positions;
    }
  return best;
}

// visit(index of the first, number, the largest pixels) for the windows of a plane, some at a time.
template <bool WITH_POSITIONS, typename X, typename Visit>
void visit_windows(const Windows &windows, const X *plane, const Visit &visit) {
  for (int64_t row = 0; row < windows.result.height; ++row)
    for (int64_t column = 0; column < windows.result.width; column += kLanes) {
      const int count = std::min<int64_t>(kLanes, windows.result.width - column);
      visit(row * windows.result.width + column, count,
            largest_of<WITH_POSITIONS>(windows, plane, row, column, count));
    }
}

template <typename X>
void forward(const Windows &windows, int64_t planes, const X *x, X *y) {
  parallel(planes, [&](int index) {
    X *to = y + index * windows.result.plane();
    const X *plane = x + index * windows.source.plane();
    visit_windows<false>(windows, plane, [&](int64_t at, int count, const Largest &largest) {
      store_up_to(to + at, largest.values, count);
    });
  });
}

// The sums of a plane are made in float32.
template <typename X>
void backward(const Windows &windows, int64_t planes, const X *dy, const X *x, X *dx) {
  const int64_t size = windows.source.plane();
  parallel(planes, [&](int index) {
    const X *from = dy + index * windows.result.plane();
    X *to = dx + index * size;
    float *sums = std::is_same_v<X, float> ? reinterpret_cast<float *>(to) : scratch<0>(size);
    std::fill(sums, sums + size, 0.0f);
    visit_windows<true>(windows, x + index * size, [&](int64_t at, int count, const Largest &largest) {
      for (int lane = 0; lane < count; ++lane) sums[largest.positions[lane]] += to_float(from[at + lane]);
    });
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
