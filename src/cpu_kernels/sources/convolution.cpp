// Convolution with all channels, as products of matrices whose panels are gathered from the image as they are needed.
#include <algorithm>
#include <vector>

#include "aot.h"
#include "geometry.h"
#include "image.h"
#include "numbers.h"
#include "pixels.h"
#include "pool.h"
#include "products.h"
#include "vector.h"
#include "winograd.h"

namespace {

constexpr int kDepth = 256;                          // products that are summed before the next block is packed
constexpr int64_t kTaskFloats = kDepth * 6 * kColumns;  // gathered at a time: half of a second-level cache

// Copies a run of pixels, and calls for those at `ahead`: channels lie too far apart for the processor to foresee them.
inline void gather(float *to, const float *from, int length, int stride, int64_t ahead) {
  if (stride == 1) {
    copy(to, from, length);
  } else {
    for (int index = 0; index < length; ++index) to[index] = from[index * stride];
  }
  for (int64_t at = 0; at < int64_t(length) * stride; at += 64 / sizeof(float)) __builtin_prefetch(from + ahead + at);
}

// result[image][m][pixels of the lattice] = sum over channel c and tap t of weights[m][c * taps + t] * source (+ bias)
void correlate(const Panels &weights, const float *bias, int64_t images, const Image &source, const Taps &taps,
               const float *from, const Lattice &result, float *to) {
  const int64_t columns = images * result.pixels();
  const int T = taps.count();
  const int64_t depth = weights.depth;
  // whole channels, so that padding lies at the same rows of each block
  const int64_t block = std::min<int64_t>(T * std::max(1, kDepth / T), depth);
  const int64_t result_size = weights.channels * result.plane;
  const bool in_one_row = result.pixels() == result.plane;
  const Lattice lattice = in_one_row ? result.in_one_row() : result;
  // small maps: smaller tasks, so that all threads have some
  const int64_t task_columns =
      std::min(kTaskFloats / block / kColumns * kColumns, round_up(divide_up(columns, 8), kColumns));
  const auto kernels = multiply_table();
  const std::vector<float> zeros(weights.channels);
  const float *shifts = bias != nullptr ? bias : zeros.data();

  parallel(divide_up(columns, task_columns), [&](int task) {
    const int64_t begin = task * task_columns, end = std::min(columns, begin + task_columns);
    const int panels = divide_up(end - begin, kColumns);
    const auto runs = source_runs(taps, result, source, begin, end, kColumns);
    float *gathered = scratch<0>(panels * block * kColumns);
    if (!is_plain(taps, result, source))  // for the padding
      std::memset(gathered, 0, panels * block * kColumns * sizeof(float));
    // Where the pixels of a panel lie side by side, sums are made in the result itself.
    std::vector<float *> direct(panels, nullptr);
    if (in_one_row)
      for (int panel = 0; panel < panels; ++panel) {
        const int64_t first = begin + panel * kColumns, pixel = first % result.plane;
        if (first + kColumns <= end && pixel + kColumns <= result.plane)
          direct[panel] = to + first / result.plane * result_size + pixel;
      }
    float *sums = scratch<1>(int64_t(panels) * weights.channels * kColumns);

    for (int64_t k = 0; k < depth; k += block) {
      const int size = std::min(block, depth - k);
      for (int row = 0; row < size; row += T)
        for (int tap = 0; tap < T; ++tap)
          for (const Run &run : runs[tap]) {
            const int panel = run.column / kColumns;
            gather(gathered + (panel * block + row + tap) * kColumns + run.column % kColumns,
                   from + run.offset + (k + row) / T * source.plane(), run.length, taps.stride, 2 * source.plane());
          }
      for (int group = 0; group < weights.count; ++group) {
        const int64_t m = int64_t(group) * weights.rows;
        const Multiply kernel = kernels[weights.rows_of(group) - 1];
        for (int panel = 0; panel < panels; ++panel) {
          const float *columns_of_panel = gathered + panel * block * kColumns;
          if (direct[panel] != nullptr)
            kernel(size, weights.at(group, k), weights.rows, columns_of_panel, kColumns, direct[panel] + m * result.plane,
                   result.plane, k == 0 ? shifts + m : nullptr);
          else
            kernel(size, weights.at(group, k), weights.rows, columns_of_panel, kColumns,
                   sums + (panel * weights.channels + m) * kColumns, kColumns, k == 0 ? shifts + m : nullptr);
        }
      }
    }

    for_rows(lattice, begin, end, kColumns,
             [&](int64_t at, int64_t image, int64_t row, int64_t column, int64_t length) {
      const int panel = at / kColumns;
      if (direct[panel] != nullptr) return;
      float *target = to + image * result_size + lattice.offset(row, column);
      const float *values = sums + panel * weights.channels * kColumns + at % kColumns;
      for (int64_t m = 0; m < weights.channels; ++m, target += result.plane, values += kColumns) {
        if (lattice.step == 1) {
          copy(target, values, length);
        } else {
          for (int index = 0; index < length; ++index) target[index * lattice.step] = values[index];
        }
      }
    });
  });
}

// ---- gradient of the weights: sums over all pixels of products of channels ----

constexpr int kPixels = 256;                   // gathered at a time
constexpr int kRowStep = kPixels + kLanes;     // no power of two, which would strain few sets of the cache
constexpr int kLeftBlock = 4 * kMaxRows;       // rows of the gradient that are gathered at a time
constexpr int kRightBlock = 4 * kColumns;      // rows of the source of a task
constexpr int64_t kPixelsOfPart = 8192;        // summed in one go: rounding errors grow with their number

// Runs of a row with zeros between and after them.
void gather_row(float *to, const std::vector<Run> &runs, const float *from, int stride, int64_t ahead) {
  int at = 0;
  for (const Run &run : runs) {
    std::fill(to + at, to + run.column, 0.0f);
    gather(to + run.column, from + run.offset, run.length, stride, ahead);
    at = run.column + run.length;
  }
  std::fill(to + at, to + kPixels, 0.0f);
}

// Rows of a source as panels [panel][pixel][row], zero beyond the last row: gather_row(row, to) -> kPixels of one row.
template <typename GatherRow>
void gather_panels(int rows, const GatherRow &gather_row, float *panels) {
  float *gathered = scratch<1>(kLanes * kRowStep);
  for (int first = 0; first < round_up(rows, kColumns); first += kLanes) {
    for (int row = 0; row < kLanes; ++row) {
      if (first + row < rows) {
        gather_row(first + row, gathered + row * kRowStep);
      } else {
        std::fill(gathered + row * kRowStep, gathered + row * kRowStep + kPixels, 0.0f);
      }
    }
    float *to = panels + first / kColumns * kPixels * kColumns + first % kColumns;
    for (int at = 0; at < kPixels; at += kLanes) {
      Vector values[kLanes];
#pragma GCC unroll 16
      for (int row = 0; row < kLanes; ++row) values[row] = load(gathered + row * kRowStep + at);
      transpose(values);
#pragma GCC unroll 16
      for (int pixel = 0; pixel < kLanes; ++pixel) store(to + (at + pixel) * kColumns, values[pixel]);
    }
  }
}

void weight_gradient(int64_t images, const Image &gradient, const float *dy, const Image &source, const Taps &taps,
                     const float *x, float *dw) {
  const Lattice pixels{gradient.height, gradient.width, 0, 0, 1, gradient.width, gradient.plane()};
  const Taps itself{1, {0}, {0}};
  const int64_t columns = images * pixels.pixels(), chunks = divide_up(columns, kPixels);
  const int T = taps.count();
  const int64_t lefts = gradient.channels, rights = source.channels * T, weights = lefts * rights;
  const int left_rows = divide_up(lefts, divide_up(lefts, kMaxRows));  // of a product
  const int left_block = kLeftBlock / left_rows * left_rows;
  const int blocks = divide_up(rights, kRightBlock);
  // The tasks are parts of the pixels for blocks of the source. The parts depend on the sizes alone, and so does the
  // order of sums.
  const int parts = std::min(chunks, std::max(divide_up(8, blocks), divide_up(columns, kPixelsOfPart)));
  float *partial = parts > 1 ? scratch<3>(parts * weights) : dw;
  const auto kernels = multiply_table<kRowStep>();
  const std::vector<float> zeros(kMaxRows);

  parallel(blocks * parts, [&](int task) {
    const int part = task % parts;
    const int64_t right = task / parts * kRightBlock;
    const int right_rows = std::min<int64_t>(kRightBlock, rights - right), panels = divide_up(right_rows, kColumns);
    float *rows = scratch<0>(kLeftBlock * kRowStep);
    float *columns_of_source = scratch<2>(kRightBlock * kPixels);
    float *totals = scratch<4>(lefts * kRightBlock);

    const int64_t first = chunks * part / parts, last = chunks * (part + 1) / parts;
    for (int64_t chunk = first; chunk < last; ++chunk) {
      const int64_t begin = chunk * kPixels, end = std::min(columns, begin + kPixels);
      const auto left_runs = source_runs(itself, pixels, gradient, begin, end, 0);
      const auto right_runs = source_runs(taps, pixels, source, begin, end, 0);
      gather_panels(right_rows, [&](int row, float *to) {
        gather_row(to, right_runs[(right + row) % T], x + (right + row) / T * source.plane(), taps.stride,
                   2 * source.plane());
      }, columns_of_source);
      for (int64_t left = 0; left < lefts; left += left_block) {
        const int count = std::min<int64_t>(left_block, lefts - left);
        for (int row = 0; row < count; ++row)
          gather_row(rows + row * kRowStep, left_runs[0], dy + (left + row) * gradient.plane(), 1, 2 * gradient.plane());
        for (int panel = 0; panel < panels; ++panel)
          for (int row = 0; row < count; row += left_rows)
            kernels[std::min(left_rows, count - row) - 1](
                end - begin, rows + row * kRowStep, 1, columns_of_source + panel * kPixels * kColumns, kColumns,
                totals + (left + row) * kRightBlock + panel * kColumns, kRightBlock,
                chunk == first ? zeros.data() : nullptr);
      }
    }
    float *target = partial + (parts > 1 ? part * weights : 0) + right;
    for (int64_t left = 0; left < lefts; ++left) copy(target + left * rights, totals + left * kRightBlock, right_rows);
  });
  if (parts > 1) add_parts(partial, parts, weights, dw);
}

// geometry, x (B, C, H, W), weight (O, C, h, w) [, bias (O)] -> y
int forward(const Arguments &arguments) {
  const Tensor x = arguments[1], weight = arguments[2], y = arguments[arguments.count - 1];
  const float *bias = arguments.count == 5 ? arguments[3].as<float>() : nullptr;
  const Geometry geometry(arguments[0], x, weight, y);
  if (winograd_fits(geometry, weight, y)) {
    winograd_correlate(TileSizes::kSmall, weight.shape[0], {weight.as<float>(), weight.shape[1] * 9, 9, 1}, bias,
                       x.shape[0], image_of(x), x.as<float>(), -geometry.top, -geometry.left, image_of(y),
                       y.as<float>());
    return 0;
  }
  const int64_t T = weight.shape[2] * weight.shape[3], depth = weight.shape[1] * T;
  const float *values = weight.as<float>();
  const Panels panels = pack_weights(weight.shape[0], weight.shape[1], T,
                                     [&](int64_t m, int64_t c, int t) { return values[m * depth + c * T + t]; });
  const Image target = image_of(y);
  correlate(panels, bias, x.shape[0], image_of(x),
            forward_taps(geometry, weight.shape[2], weight.shape[3]), x.as<float>(),
            {target.height, target.width, 0, 0, 1, target.width, target.plane()}, y.as<float>());
  return 0;
}

// geometry, dy, weight, x (for its shape) -> dx
int input_gradient(const Arguments &arguments) {
  const Tensor dy = arguments[1], weight = arguments[2], dx = arguments[4];
  const Geometry geometry(arguments[0], dx, weight, dy);
  const Image source = image_of(dy), target = image_of(dx);
  const int64_t rows = weight.shape[2], columns = weight.shape[3], out_channels = weight.shape[0];
  const float *values = weight.as<float>();
  if (winograd_fits(geometry, weight, dx)) {
    winograd_correlate(TileSizes::kSmall, target.channels, {values + 8, 9, target.channels * 9, -1}, nullptr,
                       dy.shape[0], source, dy.as<float>(), geometry.top - 2, geometry.left - 2, target,
                       dx.as<float>());
    return 0;
  }
  for_phases(geometry, target, rows, columns,
             [&](const Lattice &lattice, const Taps &taps, const std::vector<int64_t> &used) {
    if (used.empty()) {
      clear(dx.shape[0] * target.channels, lattice, dx.as<float>());
      return;
    }
    const int64_t all = rows * columns;
    const Panels panels = pack_weights(target.channels, out_channels, used.size(), [&](int64_t m, int64_t c, int t) {
      return values[(c * target.channels + m) * all + used[t]];
    });
    correlate(panels, nullptr, dy.shape[0], source, taps, dy.as<float>(), lattice, dx.as<float>());
  });
  return 0;
}

// geometry, dy, x, weight (for its shape) -> dw
int gradient_of_weights(const Arguments &arguments) {
  const Tensor dy = arguments[1], x = arguments[2], dw = arguments[4];
  const Geometry geometry(arguments[0], x, dw, dy);
  if (winograd_fits(geometry, dw, dy)) {
    winograd_weight_gradient(TileSizes::kSmall, dy.shape[0], image_of(dy), dy.as<float>(), image_of(x), x.as<float>(),
                             -geometry.top, -geometry.left, dw.as<float>());
    return 0;
  }
  weight_gradient(dy.shape[0], image_of(dy), dy.as<float>(), image_of(x),
                  forward_taps(geometry, dw.shape[2], dw.shape[3]), x.as<float>(), dw.as<float>());
  return 0;
}

// dy (B, C, H, W) -> dbias (C,)
template <typename Number>
void sum_channels(int64_t images, const Image &image, const Number *dy, float *dbias) {
  parallel(image.channels, [&](int channel) {
    double total = 0;
    for (int64_t index = 0; index < images; ++index) {
      const Number *from = dy + index * image.size() + channel * image.plane();
      Vector sums{};
      int64_t at = 0;
      for (; at + kLanes <= image.plane(); at += kLanes) sums += load(from + at);
      if (at < image.plane()) sums += load_part(from + at, image.plane() - at);
      total += sum(sums);
    }
    dbias[channel] = total;
  });
}

int gradient_of_bias(const Arguments &arguments) {
  const Tensor dy = arguments[0];
  with_numbers(dy, [&](const auto *from) {
    sum_channels(dy.shape[0], image_of(dy), from, arguments[1].as<float>());
  });
  return 0;
}

}  // namespace

OPERATOR(convolution, forward)
OPERATOR(convolution_input_gradient, input_gradient)
OPERATOR(convolution_weight_gradient, gradient_of_weights)
OPERATOR(convolution_bias_gradient, gradient_of_bias)
