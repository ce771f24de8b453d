// Depthwise convolution: each channel by itself, a square kernel of 3 or 5, stride 1 or 2.
//
// A plane is copied into a padded one, with as many columns for each row as the result has and some more, so that the
// result at position q of that grid is the sum over the taps of source[q + offset of the tap]: one long loop over
// vectors, whatever the width. With stride 2 the source is split into its four phases, (even or odd) rows and columns.
//
// Grids are of bfloat16 where the image on either side is, and the weights are rounded then; sums are float32.
#include <algorithm>
#include <type_traits>

#include "aot.h"
#include "depthwise_sums.h"
#include "geometry.h"
#include "numbers.h"
#include "pool.h"
#include "vector.h"

namespace {

constexpr int kGroup = 8;  // planes of a task, side by side in memory

struct Sizes {
  int64_t images, channels, height, width;  // of the input
  int64_t out_height, out_width;
  int stride, kernel, top, left;

  int reach() const { return (kernel - 1) / stride; }           // rows of a phase that a result reaches beyond its own
  int64_t pitch() const { return out_width + reach(); }
  int64_t rows() const { return out_height + reach(); }
  int64_t grid() const { return rows() * pitch() + 4 * kLanes; }  // numbers of a phase, with room to read beyond
  int64_t positions() const { return out_height * pitch(); }
  int phases() const { return stride * stride; }
  int64_t phase_offset(int row, int column) const { return ((row % stride) * stride + column % stride) * grid(); }
};

// Phases of a plane in padded grids: position (r, c) of phase (p, q) is the pixel (r * stride + p - top, ...).
// The grids must be zero where no pixel lies, from the start.
template <typename X, typename Grid>
void split(const Sizes &sizes, const X *plane, Grid *grids) {
  const int s = sizes.stride;
  for (int64_t y = 0; y < sizes.height; ++y) {
    const int64_t row = (y + sizes.top) / s;
    if (row >= sizes.rows()) continue;
    const X *from = plane + y * sizes.width;
    Grid *to = grids + (y + sizes.top) % s * s * sizes.grid() + row * sizes.pitch();
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
void join(const Sizes &sizes, const X *grids, X *plane) {
  const int64_t first = sizes.left / 2;
  for (int64_t y = 0; y < sizes.height; ++y) {
    const X *even = grids + (y + sizes.top) % 2 * 2 * sizes.grid() + (y + sizes.top) / 2 * sizes.pitch() + first;
    const X *odd = even + sizes.grid();
    X *to = plane + y * sizes.width;
    if (sizes.left % 2 == 0) {
      interleave(to, even, odd, sizes.width);
    } else {
      to[0] = odd[0];
      interleave(to + 1, even + 1, odd + 1, sizes.width - 1);
    }
  }
}

Sizes sizes_of(const Tensor &settings, const Tensor &x, const Tensor &weight, const Tensor &y) {
  const Geometry geometry(settings, x, weight, y);
  return {x.shape[0], x.shape[1], x.shape[2], x.shape[3], y.shape[2], y.shape[3],
          geometry.stride, int(weight.shape[2]), geometry.top, geometry.left};
}

// Scratch memory for so many numbers of a grid.
template <int Tag, typename Grid>
Grid *scratch_grid(int64_t numbers) {
  return reinterpret_cast<Grid *>(scratch<Tag>(divide_up(numbers * sizeof(Grid), sizeof(float))));
}

// Bfloat16 if one of the two images is of it.
template <typename X, typename Y>
using GridOf = std::conditional_t<std::is_same_v<X, float> && std::is_same_v<Y, float>, float, Bfloat16>;

// The taps of a result. With stride 2, even columns lie in one phase and odd ones in another.
template <int K, int STRIDE>
using TapsOf = std::conditional_t<STRIDE == 1, TapRows<K, K, 0>, TapRows<K, (K + 1) / 2, K / 2>>;

// Where the tap of a column of the kernel lies among them.
template <int K, int STRIDE>
constexpr int place_of(int column) {
  return column % STRIDE * ((K + 1) / 2) + column / STRIDE;
}

template <int K, int STRIDE>
TapsOf<K, STRIDE> taps_of(const Sizes &sizes, const float *weights) {
  TapsOf<K, STRIDE> taps;
  for (int row = 0; row < K; ++row)
    for (int column = 0; column < K; ++column) {
      if (column < STRIDE) taps.offsets[row][column] = sizes.phase_offset(row, column) + row / STRIDE * sizes.pitch();
      taps.weights[row][place_of<K, STRIDE>(column)] = weights[row * K + column];
    }
  return taps;
}

template <int K, int STRIDE, typename X, typename Y>
void forward(const Sizes &sizes, const X *x, const float *weights, Y *y) {
  using Grid = GridOf<X, Y>;
  const int64_t planes = sizes.images * sizes.channels, plane = sizes.height * sizes.width;
  const int64_t source_size = sizes.phases() * sizes.grid();
  parallel(divide_up(planes, kGroup), [&](int task) {
    Grid *source = scratch_grid<0, Grid>(source_size);
    Y *result = scratch_grid<1, Y>(sizes.grid());
    std::memset(source, 0, source_size * sizeof(Grid));
    for (int64_t index = task * kGroup; index < std::min<int64_t>(planes, (task + 1) * kGroup); ++index) {
      split(sizes, x + index * plane, source);
      const auto taps = taps_of<K, STRIDE>(sizes, weights + index % sizes.channels * K * K);
      correlation_of<Grid>(taps)(sizes.positions(), source, result);
      Y *to = y + index * sizes.out_height * sizes.out_width;
      for (int64_t row = 0; row < sizes.out_height; ++row)
        convert(to + row * sizes.out_width, result + row * sizes.pitch(), sizes.out_width);
    }
  });
}

// For the gradient of the input: the gradient of the result with `reach` rows and columns of zeros before it, in the
// same grid. Phase (p, q) of the input's grid sees the taps (p + i * stride, q + j * stride), i rows up, j columns left.
template <typename Grid, int ROWS, int COLUMNS>
auto correlation_of_phase(const Sizes &sizes, const float *weights, int64_t before, int row_phase, int column_phase) {
  TapRows<ROWS, COLUMNS, 0> taps;
  for (int i = 0; i < ROWS; ++i) {
    taps.offsets[i][0] = before - i * sizes.pitch() - (COLUMNS - 1);
    for (int j = 0; j < COLUMNS; ++j)
      taps.weights[i][COLUMNS - 1 - j] =
          weights[(row_phase + i * sizes.stride) * sizes.kernel + column_phase + j * sizes.stride];
  }
  return correlation_of<Grid>(taps);
}

template <int K, int STRIDE, typename Y, typename X>
void backward(const Sizes &sizes, const Y *dy, const X *x, const float *weights, X *dx, float *dw) {
  using Grid = GridOf<X, Y>;
  const int64_t plane = sizes.height * sizes.width, out_plane = sizes.out_height * sizes.out_width;
  const int64_t source_size = sizes.phases() * sizes.grid();
  const int64_t before = sizes.reach() * (sizes.pitch() + 1);  // zeros before the gradient
  const int64_t gradient_size = before + sizes.grid();
  parallel(sizes.channels, [&](int channel) {
    Grid *source = scratch_grid<0, Grid>(source_size);
    Grid *gradient = scratch_grid<1, Grid>(gradient_size);
    X *result = scratch_grid<2, X>(source_size);
    std::memset(source, 0, source_size * sizeof(Grid));
    std::memset(gradient, 0, gradient_size * sizeof(Grid));
    const float *w = weights + int64_t(channel) * K * K;
    const auto taps = taps_of<K, STRIDE>(sizes, w);
    Vector totals[K * K] = {};
    const auto for_images = [&](const auto &correlate_all) {
      for (int64_t image = 0; image < sizes.images; ++image) {
        const int64_t index = image * sizes.channels + channel;
        for (int64_t row = 0; row < sizes.out_height; ++row)
          convert(gradient + before + row * sizes.pitch(), dy + index * out_plane + row * sizes.out_width,
                  sizes.out_width);
        split(sizes, x + index * plane, source);
        accumulate(sizes.positions(), gradient + before, source, taps, totals);
        correlate_all(dx + index * plane);
      }
    };
    const int64_t grid = sizes.grid(), positions = sizes.rows() * sizes.pitch();
    if constexpr (STRIDE == 1) {
      const auto correlate = correlation_of_phase<Grid, K, K>(sizes, w, before, 0, 0);
      for_images([&](X *to) {
        correlate(positions, gradient, result);
        for (int64_t row = 0; row < sizes.height; ++row)
          convert(to + row * sizes.width, result + (row + sizes.top) * sizes.pitch() + sizes.left, sizes.width);
      });
    } else {
      constexpr int E = (K + 1) / 2, O = K / 2;  // taps of the even and of the odd phase
      const auto even = correlation_of_phase<Grid, E, E>(sizes, w, before, 0, 0);
      const auto even_odd = correlation_of_phase<Grid, E, O>(sizes, w, before, 0, 1);
      const auto odd_even = correlation_of_phase<Grid, O, E>(sizes, w, before, 1, 0);
      const auto odd = correlation_of_phase<Grid, O, O>(sizes, w, before, 1, 1);
      for_images([&](X *to) {
        even(positions, gradient, result);
        even_odd(positions, gradient, result + grid);
        odd_even(positions, gradient, result + 2 * grid);
        odd(positions, gradient, result + 3 * grid);
        join(sizes, result, to);
      });
    }
    for (int tap = 0; tap < K * K; ++tap)
      dw[int64_t(channel) * K * K + tap] = sum(totals[tap / K * K + place_of<K, STRIDE>(tap % K)]);
  });
}

// action(integral constants of the size of the kernel and of the stride)
template <typename Action>
void with_kernel(const Sizes &sizes, const Action &action) {
  const auto with_stride = [&](auto kernel) {
    if (sizes.stride == 1) {
      action(kernel, std::integral_constant<int, 1>());
    } else {
      action(kernel, std::integral_constant<int, 2>());
    }
  };
  if (sizes.kernel == 3) {
    with_stride(std::integral_constant<int, 3>());
  } else {
    with_stride(std::integral_constant<int, 5>());
  }
}

// geometry, x (B, C, H, W), weight (C, 1, k, k) -> y
int forward_operator(const Arguments &arguments) {
  const Tensor x = arguments[1], weight = arguments[2], y = arguments[3];
  const Sizes sizes = sizes_of(arguments[0], x, weight, y);
  with_numbers(x, [&](const auto *from) {
    with_numbers(y, [&](auto *to) {
      with_kernel(sizes, [&](auto kernel, auto stride) {
        forward<kernel, stride>(sizes, from, weight.as<float>(), to);
      });
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
      with_kernel(sizes, [&](auto kernel, auto stride) {
        using X = std::decay_t<decltype(*source)>;
        backward<kernel, stride>(sizes, gradient, source, weight.as<float>(), dx.as<X>(), dw.as<float>());
      });
    });
  });
  return 0;
}

}  // namespace

OPERATOR(depthwise, forward_operator)
OPERATOR(depthwise_gradients, backward_operator)
