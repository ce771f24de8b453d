// Depthwise convolution: each channel by itself, a square kernel of 3 or 5, stride 1 or 2.
//
// Lanes are channels: `gather` transposes the pixels of as many planes as a vector has lanes, so that a vector is one
// pixel of all of them, and `scatter` transposes the results back. In between, the taps of a pixel are whole vectors
// beside each other, with any width of the image, and so are the weights. Tasks are bands of rows that fit in a cache.
#include <algorithm>
#include <type_traits>

#include "aot.h"
#include "geometry.h"
#include "numbers.h"
#include "pool.h"
#include "products.h"
#include "vector.h"

namespace {

constexpr int64_t kGridBytes = 128 << 10;  // of the rows of a band, together with those that its taps reach
constexpr int kAhead = 256;                // bytes; so many planes at once are too many for the processor to foresee

struct Sizes {
  int64_t images, channels, height, width;  // of the input
  int64_t out_height, out_width;
  int stride, kernel, top, left;

  int taps() const { return kernel * kernel; }
  int64_t plane() const { return height * width; }
  int64_t out_plane() const { return out_height * out_width; }
  int64_t groups() const { return divide_up(channels, kLanes); }
  // Columns of a grid of the input, the first `left` of which are zeros, and of one of the gradient of the result, with
  // kernel - 1 of them.
  int64_t pitch() const { return std::max((out_width - 1) * stride + kernel, left + width); }
  int64_t out_pitch() const { return kernel - 1 + std::max(out_width, (width - 1 + left) / stride + 1); }
  // Rows of the result in a band, and the bands.
  int64_t band_rows() const {
    const int64_t most = kGridBytes / (pitch() * kVectorBytes);
    const int64_t rows = std::max<int64_t>(1, (most - kernel + stride) / stride);
    return divide_up(out_height, divide_up(out_height, rows));
  }
  int64_t bands() const { return divide_up(out_height, band_rows()); }
};

Sizes sizes_of(const Tensor &settings, const Tensor &x, const Tensor &weight, const Tensor &y) {
  const Geometry geometry(settings, x, weight, y);
  return {x.shape[0], x.shape[1], x.shape[2], x.shape[3], y.shape[2], y.shape[3],
          geometry.stride, int(weight.shape[2]), geometry.top, geometry.left};
}

template <int Tag>
Vector *scratch_vectors(int64_t count) {
  return reinterpret_cast<Vector *>(scratch<Tag>(count * kLanes));
}

// One task: rows begin ... end - 1 of the result, for the channels of a group in one image.
struct Band {
  int64_t group, image, number, begin, end;
  // Rows of the input that the taps of these results see.
  int64_t first_source(const Sizes &sizes) const { return begin * sizes.stride - sizes.top; }
  int64_t last_source(const Sizes &sizes) const { return (end - 1) * sizes.stride - sizes.top + sizes.kernel; }
};

template <typename Task>
void for_bands(const Sizes &sizes, const Task &task) {
  const int64_t groups = sizes.groups(), bands = sizes.bands(), rows = sizes.band_rows();
  parallel(sizes.images * bands * groups, [&](int index) {
    const int64_t number = index / groups % bands;
    task(Band{index % groups, index / groups / bands, number, number * rows,
              std::min(sizes.out_height, (number + 1) * rows)});
  });
}

// The planes of a group, a lane each; lanes without a channel repeat the last one.
template <typename Number>
struct Planes {
  Number *of_lane[kLanes];
  int count;
};

template <typename Number>
Planes<Number> planes_of(const Sizes &sizes, const Band &band, Number *images, int64_t plane) {
  Planes<Number> planes;
  const int64_t first = band.group * kLanes;
  planes.count = std::min<int64_t>(kLanes, sizes.channels - first);
  for (int lane = 0; lane < kLanes; ++lane) {
    const int64_t channel = first + std::min(lane, planes.count - 1);
    planes.of_lane[lane] = images + (band.image * sizes.channels + channel) * plane;
  }
  return planes;
}

// Rows begin ... end - 1 of planes (height, width) as a grid [row][column] of vectors, with zeros in the first `before`
// columns, in those after the image, and in rows that the image does not have.
template <typename X>
void gather(const Planes<const X> &planes, int64_t height, int64_t width, int64_t begin, int64_t end, int before,
            int64_t pitch, Vector *grid) {
  const int64_t first = std::min(std::max<int64_t>(begin, 0), end), last = std::max(first, std::min(end, height));
  std::fill(grid, grid + (first - begin) * pitch, Vector{});
  std::fill(grid + (last - begin) * pitch, grid + (end - begin) * pitch, Vector{});
  for (int64_t row = first; row < last; ++row) {
    Vector *line = grid + (row - begin) * pitch;
    std::fill(line, line + before, Vector{});
    std::fill(line + before + width, line + pitch, Vector{});
  }
  Vector *to = grid + (first - begin) * pitch + before;
  int64_t left = width;  // pixels of the row that are to come
  for (int64_t at = first * width; at < last * width; at += kLanes) {
    const int count = std::min<int64_t>(kLanes, last * width - at);
    Vector pixels[kLanes];
#pragma GCC unroll 16
    for (int lane = 0; lane < kLanes; ++lane) {
      pixels[lane] = load_up_to(planes.of_lane[lane] + at, count);
      __builtin_prefetch(planes.of_lane[lane] + at + kAhead / sizeof(X));
    }
    transpose(pixels);
#pragma GCC unroll 16
    for (int pixel = 0; pixel < kLanes; ++pixel) {
      if (pixel == count) break;
      *to++ = pixels[pixel];
      if (--left == 0) {
        left = width;
        to += pitch - width;
      }
    }
  }
}

// The inverse: vectors of pixels begin ... end - 1 to planes.
template <typename Y>
void scatter(const Vector *from, int64_t begin, int64_t end, const Planes<Y> &planes) {
  for (int64_t at = begin; at < end; at += kLanes, from += kLanes) {
    const int count = std::min<int64_t>(kLanes, end - at);
    Vector pixels[kLanes];
#pragma GCC unroll 16
    for (int pixel = 0; pixel < kLanes; ++pixel) pixels[pixel] = from[pixel];
    transpose(pixels);
#pragma GCC unroll 16
    for (int lane = 0; lane < kLanes; ++lane)
      if (lane < planes.count) store_up_to(planes.of_lane[lane] + at, pixels[lane], count);
  }
}

// A row of taps side by side: the weights of the first, and what it sees for the first result.
struct TapRow {
  const Vector *weights, *source;
};

// Weights `step` apart.
struct TapRows {
  TapRow rows[5];
  int count, step;
};

// result[n * result_step] = sum over taps of weight * source[n * STRIDE], for n = at ... at + COUNT - 1. Each pixel is
// loaded once for all COLUMNS taps that see it.
template <int COUNT, int COLUMNS, int STRIDE>
void correlate_block(const TapRows &taps, int64_t at, Vector *result, int result_step) {
  Vector totals[COUNT] = {};
  for (int row = 0; row < taps.count; ++row) {
    Vector weights[COLUMNS];
#pragma GCC unroll 5
    for (int column = 0; column < COLUMNS; ++column) weights[column] = taps.rows[row].weights[column * taps.step];
    const Vector *source = taps.rows[row].source + at * STRIDE;
    keep(source);
#pragma GCC unroll 20
    for (int pixel = 0; pixel < (COUNT - 1) * STRIDE + COLUMNS; ++pixel) {
      Vector value = source[pixel];
      keep(value);
#pragma GCC unroll 5
      for (int column = 0; column < COLUMNS; ++column)
        if (const int n = (pixel - column) / STRIDE; pixel >= column && (pixel - column) % STRIDE == 0 && n < COUNT)
          totals[n] += weights[column] * value;
    }
  }
#pragma GCC unroll 8
  for (int n = 0; n < COUNT; ++n) result[(at + n) * result_step] = totals[n];
}

template <int COLUMNS, int STRIDE>
void correlate(const TapRows &taps, int64_t count, Vector *result, int result_step) {
  int64_t at = 0;
  for (; at + 8 <= count; at += 8) correlate_block<8, COLUMNS, STRIDE>(taps, at, result, result_step);
  for (; at + 2 <= count; at += 2) correlate_block<2, COLUMNS, STRIDE>(taps, at, result, result_step);
  if (at < count) correlate_block<1, COLUMNS, STRIDE>(taps, at, result, result_step);
}

// [group][tap]: weights (C, 1, k, k) with a channel in each lane
const Vector *pack_weights(const Sizes &sizes, const float *weights) {
  const int taps = sizes.taps();
  Vector *packed = scratch_vectors<4>(sizes.groups() * taps);
  for (int64_t index = 0; index < sizes.groups() * kLanes; ++index) {
    const int64_t channel = std::min(index, sizes.channels - 1);
    Vector *to = packed + index / kLanes * taps;
    for (int tap = 0; tap < taps; ++tap) to[tap][index % kLanes] = weights[channel * taps + tap];
  }
  return packed;
}

template <int K, int STRIDE, typename X, typename Y>
void forward(const Sizes &sizes, const X *x, const float *weights, Y *y) {
  const Vector *packed = pack_weights(sizes, weights);
  const int64_t pitch = sizes.pitch(), source_rows = (sizes.band_rows() - 1) * STRIDE + K;
  for_bands(sizes, [&](const Band &band) {
    Vector *source = scratch_vectors<0>(source_rows * pitch);
    Vector *result = scratch_vectors<1>(round_up(sizes.band_rows() * sizes.out_width, kLanes));
    gather(planes_of(sizes, band, x, sizes.plane()), sizes.height, sizes.width, band.first_source(sizes),
           band.last_source(sizes), sizes.left, pitch, source);
    TapRows taps{{}, K, 1};
    for (int64_t row = band.begin; row < band.end; ++row) {
      for (int tap = 0; tap < K; ++tap)
        taps.rows[tap] = {packed + (band.group * K + tap) * K, source + ((row - band.begin) * STRIDE + tap) * pitch};
      correlate<K, STRIDE>(taps, sizes.out_width, result + (row - band.begin) * sizes.out_width, 1);
    }
    scatter(result, band.begin * sizes.out_width, band.end * sizes.out_width,
            planes_of(sizes, band, y, sizes.out_plane()));
  });
}

// totals[row][column of the kernel] += sum over n of gradient[n] * source[row * pitch + n * STRIDE + column]
template <int ROWS, int K, int STRIDE>
void accumulate(int64_t count, const Vector *gradient, const Vector *source, int64_t pitch, Vector *totals) {
  Vector local[ROWS * K];
#pragma GCC unroll 25
  for (int tap = 0; tap < ROWS * K; ++tap) local[tap] = totals[tap];
  for (int64_t n = 0; n < count; ++n) {
    Vector factor = gradient[n];
    keep(factor);
#pragma GCC unroll 25
    for (int tap = 0; tap < ROWS * K; ++tap) local[tap] += factor * source[tap / K * pitch + n * STRIDE + tap % K];
  }
#pragma GCC unroll 25
  for (int tap = 0; tap < ROWS * K; ++tap) totals[tap] = local[tap];
}

// A row of the gradient of the input, at the columns `phase`, phase + STRIDE, ...: those see the taps FIRST_TAP,
// FIRST_TAP + STRIDE, ... of a row, the last of them at the left. `gradient` is where pixel (0, 0) of the result's is.
template <int K, int STRIDE, int FIRST_TAP>
void correlate_phase(const Sizes &sizes, const Vector *weights, const Vector *gradient, int64_t row, int phase,
                     Vector *result) {
  constexpr int kColumns = (K - FIRST_TAP - 1) / STRIDE + 1, kLeft = FIRST_TAP + (kColumns - 1) * STRIDE;
  TapRows taps{{}, 0, -STRIDE};
  for (int tap = 0; tap < K; ++tap)
    if (const int64_t down = row + sizes.top - tap; down % STRIDE == 0)
      taps.rows[taps.count++] = {weights + tap * K + kLeft, gradient + down / STRIDE * sizes.out_pitch() +
                                                                (phase + sizes.left - kLeft) / STRIDE};
  correlate<kColumns, 1>(taps, divide_up(sizes.width - phase, STRIDE), result + phase, STRIDE);
}

template <int K, int STRIDE, typename Y, typename X>
void backward(const Sizes &sizes, const Y *dy, const X *x, const float *weights, X *dx, float *dw) {
  constexpr int kTaps = K * K, kRows = kTaps + 2 <= kRegisters ? K : 1;  // rows of taps whose sums fit in the registers
  const Vector *packed = pack_weights(sizes, weights);
  const int64_t pitch = sizes.pitch(), out_pitch = sizes.out_pitch(), rows = sizes.band_rows(), bands = sizes.bands();
  const int64_t numbers = sizes.channels * kTaps;
  float *parts = scratch<5>(sizes.images * bands * numbers);
  for_bands(sizes, [&](const Band &band) {
    // Rows of the input whose gradients are made here, and of the gradient of the result that these see.
    const int64_t begin = std::min(band.begin * STRIDE, sizes.height);
    const int64_t end = band.end == sizes.out_height ? sizes.height : std::min(band.end * STRIDE, sizes.height);
    const int64_t first = std::min(band.begin, (begin + sizes.top - (K - 1)) / STRIDE);
    const int64_t last = std::max(band.end, (end - 1 + sizes.top) / STRIDE + 1);
    Vector *source = scratch_vectors<0>(((rows - 1) * STRIDE + K) * pitch);
    Vector *gradients = scratch_vectors<1>((last - first) * out_pitch);
    Vector *result = scratch_vectors<2>(round_up((end - begin) * sizes.width, kLanes));
    gather(planes_of(sizes, band, x, sizes.plane()), sizes.height, sizes.width, band.first_source(sizes),
           band.last_source(sizes), sizes.left, pitch, source);
    gather(planes_of(sizes, band, dy, sizes.out_plane()), sizes.out_height, sizes.out_width, first, last, K - 1,
           out_pitch, gradients);
    const Vector *gradient = gradients - first * out_pitch + K - 1;

    Vector totals[kTaps] = {};
    for (int64_t row = band.begin; row < band.end; ++row)
#pragma GCC unroll 5
      for (int tap = 0; tap < K; tap += kRows)
        accumulate<kRows, K, STRIDE>(sizes.out_width, gradient + row * out_pitch,
                                     source + ((row - band.begin) * STRIDE + tap) * pitch, pitch, totals + tap * K);
    float *part = parts + (band.image * bands + band.number) * numbers + band.group * kLanes * kTaps;
    for (int lane = 0; lane < std::min<int64_t>(kLanes, sizes.channels - band.group * kLanes); ++lane)
      for (int tap = 0; tap < kTaps; ++tap) part[lane * kTaps + tap] = totals[tap][lane];

    const Vector *group_weights = packed + band.group * kTaps;
    for (int64_t row = begin; row < end; ++row) {
      Vector *to = result + (row - begin) * sizes.width;
      if constexpr (STRIDE == 1) {
        correlate_phase<K, 1, 0>(sizes, group_weights, gradient, row, 0, to);
      } else {
        correlate_phase<K, 2, 0>(sizes, group_weights, gradient, row, sizes.left % 2, to);
        correlate_phase<K, 2, 1>(sizes, group_weights, gradient, row, 1 - sizes.left % 2, to);
      }
    }
    scatter(result, begin * sizes.width, end * sizes.width, planes_of(sizes, band, dx, sizes.plane()));
  });
  add_parts(parts, sizes.images * bands, numbers, dw);
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
