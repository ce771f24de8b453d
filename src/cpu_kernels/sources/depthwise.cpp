// Depthwise convolution: each channel by itself, a square kernel of 3 or 5, stride 1 or 2.
//
// A plane is copied into a padded one, with as many columns for each row as the result has and some more, so that the
// result at position q of that grid is the sum over the taps of source[q + offset of the tap]: one long loop over
// vectors, whatever the width. With stride 2 the source is split into its four phases, (even or odd) rows and columns.
#include <algorithm>
#include <type_traits>

#include "aot.h"
#include "geometry.h"
#include "numbers.h"
#include "pool.h"
#include "vector.h"

namespace {

constexpr int kGroup = 8;  // planes of a task

struct Sizes {
  int64_t images, channels, height, width;  // of the input
  int64_t out_height, out_width;
  int stride, kernel, top, left;

  int reach() const { return (kernel - 1) / stride; }           // rows of a phase that a result reaches beyond its own
  int64_t pitch() const { return out_width + reach(); }
  int64_t rows() const { return out_height + reach(); }
  int64_t grid() const { return rows() * pitch() + 2 * kLanes; }  // floats of a phase, with room to read beyond
  int64_t positions() const { return out_height * pitch(); }
  int phases() const { return stride * stride; }
  int64_t tap_offset(int row, int column) const {
    return ((row % stride) * stride + column % stride) * grid() + row / stride * pitch() + column / stride;
  }
};

// Phases of a plane in padded grids: position (r, c) of phase (p, q) is the pixel (r * stride + p - top, ...).
// The grids must be zero where no pixel lies, from the start.
template <typename X>
void split(const Sizes &sizes, const X *plane, float *grids) {
  const int s = sizes.stride;
  for (int64_t y = 0; y < sizes.height; ++y) {
    const int64_t row = (y + sizes.top) / s;
    if (row >= sizes.rows()) continue;
    const X *from = plane + y * sizes.width;
    float *to = grids + (y + sizes.top) % s * s * sizes.grid() + row * sizes.pitch();
    if (s == 1) {
      convert(to + sizes.left, from, std::min(sizes.width, sizes.pitch() - sizes.left));
    } else {
      for (int phase = 0; phase < 2; ++phase) {
        const int64_t first = (phase + sizes.left) % 2;  // first pixel of the row that belongs to the phase
        const int64_t at = (first + sizes.left) / 2;
        const int64_t count = std::min((sizes.width - first + 1) / 2, sizes.pitch() - at);
        pick_every_second(to + phase * sizes.grid() + at, from + first, count);
      }
    }
  }
}

// The inverse: grids of the gradient of the input, phase by phase, to a plane.
template <typename X>
void join(const Sizes &sizes, const float *grids, X *plane) {
  const int64_t first = sizes.left / 2;
  for (int64_t y = 0; y < sizes.height; ++y) {
    const float *even = grids + (y + sizes.top) % 2 * 2 * sizes.grid() + (y + sizes.top) / 2 * sizes.pitch() + first;
    const float *odd = even + sizes.grid();
    X *to = plane + y * sizes.width;
    if (sizes.left % 2 == 0) {
      interleave(to, even, odd, sizes.width);
    } else {
      from_float(odd[0], to);
      interleave(to + 1, even + 1, odd + 1, sizes.width - 1);
    }
  }
}

// result[q] = sum over taps of weights[tap] * source[q + offsets[tap]]
template <int TAPS>
void correlate(int64_t positions, const float *source, const int64_t *offsets, const float *weights, float *result) {
  Vector factors[TAPS];
#pragma GCC unroll 25
  for (int tap = 0; tap < TAPS; ++tap) factors[tap] = splat(weights[tap]);
  for (int64_t at = 0; at < positions; at += kLanes) {
    Vector total{};
#pragma GCC unroll 25
    for (int tap = 0; tap < TAPS; ++tap) total += factors[tap] * load(source + at + offsets[tap]);
    store(result + at, total);
  }
}

// totals[tap] += gradient[q] * source[q + offsets[tap]], sums over all q kept apart by lane
template <int TAPS>
void accumulate(int64_t positions, const float *gradient, const float *source, const int64_t *offsets,
                Vector *totals) {
  Vector local[TAPS];
#pragma GCC unroll 25
  for (int tap = 0; tap < TAPS; ++tap) local[tap] = totals[tap];
  for (int64_t at = 0; at < positions; at += kLanes) {
    Vector factor = load(gradient + at);
    keep(factor);
#pragma GCC unroll 25
    for (int tap = 0; tap < TAPS; ++tap) local[tap] += factor * load(source + at + offsets[tap]);
  }
#pragma GCC unroll 25
  for (int tap = 0; tap < TAPS; ++tap) totals[tap] = local[tap];
}

Sizes sizes_of(const Tensor &settings, const Tensor &x, const Tensor &weight, const Tensor &y) {
  const Geometry geometry(settings, x, weight, y);
  return {x.shape[0], x.shape[1], x.shape[2], x.shape[3], y.shape[2], y.shape[3],
          geometry.stride, int(weight.shape[2]), geometry.top, geometry.left};
}

template <int K, typename X, typename Y>
void forward(const Sizes &sizes, const X *x, const float *weights, Y *y) {
  int64_t offsets[K * K];
  for (int tap = 0; tap < K * K; ++tap) offsets[tap] = sizes.tap_offset(tap / K, tap % K);
  const int64_t planes = sizes.images * sizes.channels, plane = sizes.height * sizes.width;
  const int64_t source_size = sizes.phases() * sizes.grid();
  parallel(divide_up(planes, kGroup), [&](int task) {
    float *source = scratch<0>(source_size);
    float *result = scratch<1>(sizes.grid());
    std::memset(source, 0, source_size * sizeof(float));
    for (int64_t index = task * kGroup; index < std::min<int64_t>(planes, (task + 1) * kGroup); ++index) {
      split(sizes, x + index * plane, source);
      correlate<K * K>(sizes.positions(), source, offsets, weights + index % sizes.channels * K * K, result);
      Y *to = y + index * sizes.out_height * sizes.out_width;
      for (int64_t row = 0; row < sizes.out_height; ++row)
        convert(to + row * sizes.out_width, result + row * sizes.pitch(), sizes.out_width);
    }
  });
}

// For the gradient of the input: the gradient of the result with `reach` rows and columns of zeros before it, in the
// same grid. Phase (p, q) of the input's grid sees the taps (p + i * stride, q + j * stride), i rows up, j columns left.
template <int TAPS>
void correlate_phase(const Sizes &sizes, const float *weights, const float *gradient, int64_t base, int row_phase,
                     int column_phase, int rows, int columns, float *result) {
  int64_t offsets[TAPS];
  float factors[TAPS];
  for (int i = 0, tap = 0; i < rows; ++i)
    for (int j = 0; j < columns; ++j, ++tap) {
      offsets[tap] = base - i * sizes.pitch() - j;
      factors[tap] = weights[(row_phase + i * sizes.stride) * sizes.kernel + column_phase + j * sizes.stride];
    }
  correlate<TAPS>(sizes.rows() * sizes.pitch(), gradient, offsets, factors, result);
}

template <int K, typename Y, typename X>
void backward(const Sizes &sizes, const Y *dy, const X *x, const float *weights, X *dx, float *dw) {
  int64_t offsets[K * K];
  for (int tap = 0; tap < K * K; ++tap) offsets[tap] = sizes.tap_offset(tap / K, tap % K);
  const int64_t plane = sizes.height * sizes.width, out_plane = sizes.out_height * sizes.out_width;
  const int64_t source_size = sizes.phases() * sizes.grid();
  const int64_t before = sizes.reach() * (sizes.pitch() + 1);  // zeros before the gradient
  const int64_t gradient_size = before + sizes.grid() + kLanes;
  parallel(sizes.channels, [&](int channel) {
    float *source = scratch<0>(source_size);
    float *gradient = scratch<1>(gradient_size);
    float *result = scratch<2>(source_size);
    std::memset(source, 0, source_size * sizeof(float));
    std::memset(gradient, 0, gradient_size * sizeof(float));
    const float *w = weights + int64_t(channel) * K * K;
    Vector totals[K * K] = {};
    for (int64_t image = 0; image < sizes.images; ++image) {
      const int64_t index = image * sizes.channels + channel;
      for (int64_t row = 0; row < sizes.out_height; ++row)
        convert(gradient + before + row * sizes.pitch(), dy + index * out_plane + row * sizes.out_width, sizes.out_width);
      split(sizes, x + index * plane, source);
      accumulate<K * K>(sizes.positions(), gradient + before, source, offsets, totals);
      if (sizes.stride == 1) {
        correlate_phase<K * K>(sizes, w, gradient, before, 0, 0, K, K, result);
        for (int64_t row = 0; row < sizes.height; ++row)
          convert(dx + index * plane + row * sizes.width, result + (row + sizes.top) * sizes.pitch() + sizes.left,
               sizes.width);
      } else {
        constexpr int E = (K + 1) / 2, O = K / 2;  // taps of the even and of the odd phase
        const int64_t grid = sizes.grid();
        correlate_phase<E * E>(sizes, w, gradient, before, 0, 0, E, E, result);
        correlate_phase<E * O>(sizes, w, gradient, before, 0, 1, E, O, result + grid);
        correlate_phase<O * E>(sizes, w, gradient, before, 1, 0, O, E, result + 2 * grid);
        correlate_phase<O * O>(sizes, w, gradient, before, 1, 1, O, O, result + 3 * grid);
        join(sizes, result, dx + index * plane);
      }
    }
    for (int tap = 0; tap < K * K; ++tap) dw[int64_t(channel) * K * K + tap] = sum(totals[tap]);
  });
}

// geometry, x (B, C, H, W), weight (C, 1, k, k) -> y
int forward_operator(const Arguments &arguments) {
  const Tensor x = arguments[1], weight = arguments[2], y = arguments[3];
  const Sizes sizes = sizes_of(arguments[0], x, weight, y);
  with_numbers(x, [&](const auto *from) {
    with_numbers(y, [&](auto *to) {
      using X = std::decay_t<decltype(*from)>;
      using Y = std::decay_t<decltype(*to)>;
      (sizes.kernel == 3 ? forward<3, X, Y> : forward<5, X, Y>)(sizes, from, weight.as<float>(), to);
    });
  });
  return 0;
}

// geometry, dy, x, weight -> dx, dw
int backward_operator(const Arguments &arguments) {
  const Tensor dy = arguments[1], x = arguments[2], weight = arguments[3], dx = arguments[4], dw = arguments[5];
  const Sizes sizes = sizes_of(arguments[0], x, weight, dy);
  with_numbers(dy, [&](const auto *gradient) {
    with_numbers(x, [&](const auto *source) {
      using Y = std::decay_t<decltype(*gradient)>;
      using X = std::decay_t<decltype(*source)>;
      (sizes.kernel == 3 ? backward<3, Y, X> : backward<5, Y, X>)(sizes, gradient, source, weight.as<float>(),
                                                                  dx.as<X>(), dw.as<float>());
    });
  });
  return 0;
}

}  // namespace

OPERATOR(depthwise, forward_operator)
OPERATOR(depthwise_gradients, backward_operator)
