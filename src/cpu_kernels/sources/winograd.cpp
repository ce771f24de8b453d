#include "winograd.h"

#include <vector>

#include "bfloat16.h"
#include "pool.h"
#include "products.h"
#include "vector.h"
#include "winograd_transforms.h"

namespace {

constexpr int kLeastChannels = 32;          // below, transforms cost more than is won
constexpr int kLeastPixels = 512;           // results of all images
constexpr int kChunk = 4 * kLanes;          // tiles of a task of a transform
constexpr int kChunkStep = kChunk + kLanes;  // from one row of them to the next: no power of two
constexpr int64_t kLeastBytes = 2 << 20, kMostBytes = 48 << 20;  // of transformed values at a time
constexpr int kTogether = 16;               // channels whose weights are transformed before they are stored
constexpr int kWeightCost = 20;             // transforming a weight at a point takes as long as so many products

// Tiles of results of all images, row by row.
struct Tiles {
  int64_t images, rows, columns;
  int64_t count() const { return images * rows * columns; }
};

Tiles tiles_of(int64_t images, const Image &result, int tile) {
  return {images, divide_up(result.height, tile), divide_up(result.width, tile)};
}

// Tiles side by side, from tile `at` of a chunk on.
struct Segment {
  int64_t image, row, column;
  int at, count;
};

struct Chunk {
  int64_t first;  // of all tiles
  int count;
  std::vector<Segment> segments;
  Indexes is_last[kChunk / kLanes] = {};  // of its segment
};

// Those of tiles [begin, end).
std::vector<Chunk> chunks_of(const Tiles &tiles, int64_t begin, int64_t end) {
  std::vector<Chunk> chunks;
  for (int64_t first = begin; first < end; first += kChunk) {
    Chunk chunk{first, int(std::min<int64_t>(kChunk, end - first)), {}};
    for (int at = 0; at < chunk.count;) {
      const int64_t row = (first + at) / tiles.columns, column = (first + at) % tiles.columns;
      const int count = std::min<int64_t>(tiles.columns - column, chunk.count - at);
      chunk.segments.push_back({row / tiles.rows, row % tiles.rows, column, at, count});
      at += count;
      chunk.is_last[(at - 1) / kLanes][(at - 1) % kLanes] = -1;
    }
    chunks.push_back(std::move(chunk));
  }
  return chunks;
}

// One number for each row of a panel. May begin at any float.
typedef float Rows __attribute__((vector_size(kMaxRows > 8 ? 64 : 32), aligned(4), may_alias));
static_assert(sizeof(Rows) >= kMaxRows * sizeof(float), "a panel has more rows");

template <int TILE>
class Winograd : Transforms<TILE> {
  using Transforms<TILE>::kSide;
  using Transforms<TILE>::kPoints;
  static constexpr int kLine = TILE * kChunk + 2 * kLanes;  // pixels of a chunk, and what is written beyond

  static void store_points(const Vector *points, float *to, int64_t point_step) {
#pragma GCC unroll 10
    for (int part = 0; part < kSide; ++part) store(to + part * point_step, points[part]);
  }

  // B^T d B, d kSide x kSide values of the source, for the tiles of a chunk: those of a group of kLanes tiles at
  // place(group), from one point to the next `point_step`.
  template <typename X, typename Place>
  static void source_points(const Image &source, const X *channel, const Chunk &chunk, int row, int column,
                            int64_t point_step, const Place &place) {
    float lines[kSide][kLine];
    float after[kSide][2 * kChunk];  // the two pixels after a tile, where the next one is another segment's
    for (const Segment &segment : chunk.segments) {
      const int64_t y = TILE * segment.row + row, x = TILE * segment.column + column;
      const X *from = channel + segment.image * source.size() + y * source.width + x;
      const int top = std::max<int64_t>(0, -y), bottom = std::min<int64_t>(kSide, source.height - y);
      const int left = std::max<int64_t>(0, -x), right = std::min<int64_t>(TILE * segment.count + 2, source.width - x);
      for (int at = 0; at < TILE * segment.count + 2; at += kLanes) {
        Vector values[kSide], points[kSide];
        if (top == 0 && bottom == kSide && left <= at && at + kLanes <= right) {
#pragma GCC unroll 10
          for (int line = 0; line < kSide; ++line) values[line] = load(from + line * source.width + at);
        } else {
#pragma GCC unroll 10
          for (int line = 0; line < kSide; ++line)
            values[line] = line < top || line >= bottom
                               ? Vector{}
                               : load_between(from + line * source.width + at, left - at, right - at);
        }
        Transforms<TILE>::at_points(values, points);
#pragma GCC unroll 10
        for (int line = 0; line < kSide; ++line) store(lines[line] + TILE * segment.at + at, points[line]);
      }
      const int end = segment.at + segment.count;
      for (int line = 0; line < kSide; ++line)
        std::memcpy(after[line] + 2 * (end - 1), lines[line] + TILE * end, 2 * sizeof(float));
    }
    const Indexes next = indexes(1, 1);
    for (int line = 0; line < kSide; ++line)
      for (int group = 0; group * kLanes < chunk.count; ++group) {
        const float *pixels = lines[line] + TILE * kLanes * group, *pairs = after[line] + 2 * kLanes * group;
        Vector values[kSide], points[kSide];
        load_tiles<TILE>(pixels, values);
        const Vector low = load(pairs), high = load(pairs + kLanes);
        values[TILE] = chunk.is_last[group] ? even_of(low, high)
                                            : __builtin_shuffle(values[0], splat(pixels[TILE * kLanes]), next);
        values[TILE + 1] = chunk.is_last[group] ? odd_of(low, high)
                                                : __builtin_shuffle(values[1], splat(pixels[TILE * kLanes + 1]), next);
        Transforms<TILE>::at_points(values, points);
        store_points(points, place(group) + line * kSide * point_step, point_step);
      }
  }

  // A g A^T, g TILE x TILE values of the gradient, in the same way.
  template <typename Y, typename Place>
  static void gradient_points(const Image &gradient, const Y *channel, const Chunk &chunk, int64_t point_step,
                              const Place &place) {
    float lines[kSide][kLine];
    for (const Segment &segment : chunk.segments) {
      const int64_t y = TILE * segment.row, x = TILE * segment.column;
      const Y *from = channel + segment.image * gradient.size() + y * gradient.width + x;
      const int height = std::min<int64_t>(TILE, gradient.height - y);
      const int width = std::min<int64_t>(TILE * segment.count, gradient.width - x);
      for (int at = 0; at < TILE * segment.count; at += kLanes) {
        Vector values[TILE], points[kSide];
#pragma GCC unroll 8
        for (int line = 0; line < TILE; ++line)
          values[line] = load_between(from + line * gradient.width + at, 0, line < height ? width - at : 0);
        Transforms<TILE>::gradients_at(values, points);
#pragma GCC unroll 10
        for (int line = 0; line < kSide; ++line) store(lines[line] + TILE * segment.at + at, points[line]);
      }
    }
    for (int line = 0; line < kSide; ++line)
      for (int group = 0; group * kLanes < chunk.count; ++group) {
        Vector values[TILE], points[kSide];
        load_tiles<TILE>(lines[line] + TILE * kLanes * group, values);
        Transforms<TILE>::gradients_at(values, points);
        store_points(points, place(group) + line * kSide * point_step, point_step);
      }
  }

  // A^T m A of the tiles of a chunk: TILE x TILE results of one channel from its products, [point][tile].
  template <typename Y>
  static void put_results(const float *products, int64_t point_step, const Chunk &chunk, float shift,
                          const Image &result, Y *channel) {
    float lines[kSide][kLine];
    for (int line = 0; line < kSide; ++line)
      for (int group = 0; group * kLanes < chunk.count; ++group) {
        Vector values[kSide], pixels[TILE];
#pragma GCC unroll 10
        for (int part = 0; part < kSide; ++part)
          values[part] = load(products + (line * kSide + part) * point_step + group * kLanes);
        Transforms<TILE>::results_of(values, pixels);
        store_tiles<TILE>(lines[line] + TILE * kLanes * group, pixels);
      }
    for (const Segment &segment : chunk.segments) {
      const int64_t y = TILE * segment.row, x = TILE * segment.column;
      Y *to = channel + segment.image * result.size() + y * result.width + x;
      const int height = std::min<int64_t>(TILE, result.height - y);
      const int width = std::min<int64_t>(TILE * segment.count, result.width - x);
      for (int at = 0; at < width; at += kLanes) {
        Vector values[kSide], pixels[TILE];
#pragma GCC unroll 10
        for (int line = 0; line < kSide; ++line) values[line] = load(lines[line] + TILE * segment.at + at);
        Transforms<TILE>::results_of(values, pixels);
#pragma GCC unroll 8
        for (int line = 0; line < TILE; ++line) {
          if (line >= height) break;
          store_up_to(to + line * result.width + at, pixels[line] + shift, std::min(kLanes, width - at));
        }
      }
    }
  }

  // G g G^T of the weights: at each point the panels that the products want, [point][panel][c][row].
  static void transform_weights(int64_t channels, const Weights &weight, int64_t depth, int rows, int64_t point_size,
                                float *to) {
    const bool is_streamed = kPoints * point_size * int64_t(sizeof(float)) >= kStreamed;
    parallel(divide_up(channels, rows), [&](int panel) {
      const int64_t first = int64_t(panel) * rows, last = std::min<int64_t>(channels, first + rows);
      const int64_t step = kTogether * rows + sizeof(Rows) / sizeof(float);  // a transform writes beyond its rows
      float *points_of_all = scratch<2>(kPoints * step);
      for (int64_t begin = 0; begin < depth; begin += kTogether) {
        const int64_t end = std::min(depth, begin + kTogether);
        for (int64_t c = begin; c < end; ++c) {
          Rows g[9] = {}, half[kSide * 3], points[kPoints];
          for (int64_t m = first; m < last; ++m)
            for (int t = 0; t < 9; ++t) g[t][m - first] = weight.at(m, c, t);
          for (int j = 0; j < 3; ++j) Transforms<TILE>::weights_at(g + j, half + j, 3);
          for (int line = 0; line < kSide; ++line)
            Transforms<TILE>::weights_at(half + 3 * line, points + kSide * line, 1);
          for (int point = 0; point < kPoints; ++point)
            *reinterpret_cast<Rows *>(points_of_all + point * step + (c - begin) * rows) = points[point];
        }
        for (int point = 0; point < kPoints; ++point)
          copy_result(to + point * point_size + (panel * depth + begin) * rows, points_of_all + point * step,
                      (end - begin) * rows, is_streamed);
      }
      if (is_streamed) finish_streaming();
    });
  }

  // Tiles at a time: whole panels, about the same each time. The transformed weights are read, or written, each time:
  // few times where they do not stay in the caches; where they do, the transformed values are to stay there too.
  static int64_t tiles_at_a_time(int64_t tiles, int64_t lefts, int64_t rights) {
    const int64_t of_weights = sizeof(float) * kPoints * lefts * rights;
    const int64_t of_tile = sizeof(float) * kPoints * (lefts + rights);
    const int64_t bytes = of_weights < kStreamed ? std::max(kLeastBytes, of_weights / 2) : kMostBytes;
    const int64_t most = std::max<int64_t>(kChunk, bytes / of_tile);
    return round_up(divide_up(tiles, divide_up(tiles, most)), kColumns);
  }

 public:
  template <typename X, typename Y>
  static void correlate(int64_t channels, const Weights &weight, const float *bias, int64_t images, const Image &source,
                        const X *from, int row, int column, const Image &result, Y *to) {
    const Tiles tiles = tiles_of(images, result, TILE);
    const int64_t depth = source.channels;
    const int count = divide_up(channels, kMaxRows), rows = divide_up(channels, count);
    const int64_t point_size = count * depth * rows;
    float *weights = scratch<3>(kPoints * point_size);
    transform_weights(channels, weight, depth, rows, point_size, weights);

    const int64_t step = tiles_at_a_time(tiles.count(), depth, channels);
    const int64_t panel_size = depth * kColumns;
    // From one channel, and from one point, to the next: no power of two, which would strain few sets of the cache.
    const int64_t pitch = (step / kColumns | 1) * kColumns;
    const int64_t source_step = step * depth + kColumns, result_step = channels * pitch + kColumns;
    float *sources = scratch<0>(kPoints * source_step), *results = scratch<1>(kPoints * result_step);
    const auto kernels = multiply_table(), halves = multiply_table<1, 1>();
    const std::vector<float> zeros(kMaxRows);
    for (int64_t begin = 0; begin < tiles.count(); begin += step) {
      const std::vector<Chunk> chunks = chunks_of(tiles, begin, std::min(tiles.count(), begin + step));
      parallel(depth * chunks.size(), [&](int task) {
        const Chunk &chunk = chunks[task % chunks.size()];
        const int64_t c = task / chunks.size();
        // [panel of tiles][c][tile]
        float *target = sources + (chunk.first - begin) * depth + c * kColumns;
        source_points(source, from + c * source.plane(), chunk, row, column, source_step, [=](int group) {
          return target + group / kColumnVectors * panel_size + group % kColumnVectors * kLanes;
        });
      });
      const int64_t end = std::min(tiles.count() - begin, step);
      parallel(kPoints * count, [&](int task) {
        const int point = task / count, group = task % count;
        const int64_t m = int64_t(group) * rows;
        const int index = std::min<int64_t>(rows, channels - m) - 1;
        const float *factors = weights + point * point_size + group * depth * rows;
        for (int64_t at = 0; at < end; at += kColumns) {
          const Multiply kernel = end - at > kLanes ? kernels[index] : halves[index];
          kernel(depth, factors, rows, sources + point * source_step + at * depth, kColumns,
                 results + point * result_step + m * pitch + at, pitch, zeros.data());
        }
      });
      parallel(channels * chunks.size(), [&](int task) {
        const Chunk &chunk = chunks[task % chunks.size()];
        const int64_t m = task / chunks.size();
        put_results(results + m * pitch + chunk.first - begin, result_step, chunk, bias != nullptr ? bias[m] : 0.0f,
                    result, to + m * result.plane());
      });
    }
  }

  template <typename Y, typename X>
  static void weight_gradient(int64_t images, const Image &gradient, const Y *dy, const Image &source, const X *from,
                              int row, int column, float *dw) {
    const Tiles tiles = tiles_of(images, gradient, TILE);
    const int64_t lefts = gradient.channels, rights = source.channels;
    const int right_panels = divide_up(rights, kColumns), right_groups = divide_up(rights, kLanes);
    const int count = divide_up(lefts, kMaxRows), rows = divide_up(lefts, count);
    const int64_t step = round_up(tiles_at_a_time(tiles.count(), lefts, right_panels * kColumns), kChunk);
    // From one point to the next: no power of two, as above.
    const int64_t gradient_step = step / kChunk * lefts * kChunkStep + kColumns;
    const int64_t source_step = right_panels * step * kColumns + kColumns;
    const int64_t sums_width = (right_panels | 1) * kColumns;
    float *gradients = scratch<0>(kPoints * gradient_step), *sources = scratch<1>(kPoints * source_step);
    float *sums = scratch<3>(kPoints * lefts * sums_width);
    const auto kernels = multiply_table<kChunkStep>();
    const std::vector<float> zeros(kMaxRows);
    for (int64_t begin = 0; begin < tiles.count(); begin += step) {
      const std::vector<Chunk> chunks = chunks_of(tiles, begin, std::min(tiles.count(), begin + step));
      const int tasks_of_gradient = chunks.size() * lefts;
      parallel(tasks_of_gradient + chunks.size() * right_groups, [&](int task) {
        if (task < tasks_of_gradient) {
          const int64_t index = task % chunks.size(), channel = task / chunks.size();
          float *target = gradients + (index * lefts + channel) * kChunkStep;  // [chunk][channel][tile]
          gradient_points(gradient, dy + channel * gradient.plane(), chunks[index], gradient_step,
                          [=](int group) { return target + group * kLanes; });
          return;
        }
        const int64_t index = (task - tasks_of_gradient) % chunks.size();
        const int64_t first = (task - tasks_of_gradient) / chunks.size() * kLanes;
        const Chunk &chunk = chunks[index];
        float *points = scratch<2>(kPoints * kLanes * kChunkStep);  // [point][channel][tile]
        for (int channel = 0; channel < kLanes; ++channel) {
          if (first + channel < rights)
            source_points(source, from + (first + channel) * source.plane(), chunk, row, column, kLanes * kChunkStep,
                          [=](int group) { return points + channel * kChunkStep + group * kLanes; });
        }
        // [panel of channels][tile][channel]
        float *target = sources + (first / kColumns * step + chunk.first - begin) * kColumns + first % kColumns;
        for (int point = 0; point < kPoints; ++point)
          for (int group = 0; group * kLanes < chunk.count; ++group) {
            Vector values[kLanes];
            for (int channel = 0; channel < kLanes; ++channel)
              values[channel] = load(points + (point * kLanes + channel) * kChunkStep + group * kLanes);
            transpose(values);
            for (int tile = 0; tile < kLanes; ++tile)
              store(target + point * source_step + (group * kLanes + tile) * kColumns, values[tile]);
          }
      });
      parallel(kPoints * count, [&](int task) {
        const int point = task / count;
        const int64_t left = int64_t(task % count) * rows;
        const Multiply kernel = kernels[std::min<int64_t>(rows, lefts - left) - 1];
        float *target = sums + (point * lefts + left) * sums_width;
        for (int panel = 0; panel < right_panels; ++panel)
          for (size_t index = 0; index < chunks.size(); ++index)
            kernel(chunks[index].count, gradients + point * gradient_step + (index * lefts + left) * kChunkStep, 1,
                   sources + point * source_step + (panel * step + index * kChunk) * kColumns, kColumns,
                   target + panel * kColumns, sums_width, begin == 0 && index == 0 ? zeros.data() : nullptr);
      });
    }

    parallel(lefts, [&](int left) {
      for (int64_t right = 0; right < rights; right += kLanes) {
        Vector half[3][kSide], g[9];
        for (int part = 0; part < kSide; ++part) {
          Vector u[kSide], across[3];
          for (int line = 0; line < kSide; ++line)
            u[line] = load(sums + ((line * kSide + part) * lefts + left) * sums_width + right);
          Transforms<TILE>::weight_gradients_of(u, across);
          for (int i = 0; i < 3; ++i) half[i][part] = across[i];
        }
        for (int i = 0; i < 3; ++i) Transforms<TILE>::weight_gradients_of(half[i], g + 3 * i);
        float *weight = dw + (left * rights + right) * 9;
        for (int lane = 0; lane < std::min<int64_t>(kLanes, rights - right); ++lane)
          for (int t = 0; t < 9; ++t) *weight++ = g[t][lane];
      }
    });
  }
};

// Products of a pair of channels, and what the transform of its weight costs.
int64_t cost_of(int64_t images, const Image &result, int tile) {
  const int64_t tiles = round_up(tiles_of(images, result, tile).count(), kLanes);
  return (tiles + kWeightCost) * (tile + 2) * (tile + 2);
}

bool wants_large(TileSizes sizes, int64_t images, const Image &result) {
  return sizes == TileSizes::kAll && cost_of(images, result, 8) < cost_of(images, result, 4);
}

}  // namespace

bool winograd_fits(const Geometry &geometry, const Tensor &weight, const Tensor &y) {
  return weight.shape[2] == 3 && weight.shape[3] == 3 && geometry.stride == 1 && geometry.dilation == 1 &&
         std::min(weight.shape[0], weight.shape[1]) >= kLeastChannels &&
         y.shape[0] * y.shape[2] * y.shape[3] >= kLeastPixels;
}

template <typename X, typename Y>
void winograd_correlate(TileSizes sizes, int64_t channels, const Weights &weight, const float *bias, int64_t images,
                        const Image &source, const X *from, int row, int column, const Image &result, Y *to) {
  const auto correlate =
      wants_large(sizes, images, result) ? Winograd<8>::correlate<X, Y> : Winograd<4>::correlate<X, Y>;
  correlate(channels, weight, bias, images, source, from, row, column, result, to);
}

template <typename Y, typename X>
void winograd_weight_gradient(TileSizes sizes, int64_t images, const Image &gradient, const Y *dy, const Image &source,
                              const X *from, int row, int column, float *dw) {
  const auto find =
      wants_large(sizes, images, gradient) ? Winograd<8>::weight_gradient<Y, X> : Winograd<4>::weight_gradient<Y, X>;
  find(images, gradient, dy, source, from, row, column, dw);
}

#define FOR_NUMBERS(A, B)                                                                                           \
  template void winograd_correlate(TileSizes, int64_t, const Weights &, const float *, int64_t, const Image &,      \
                                   const A *, int, int, const Image &, B *);                                        \
  template void winograd_weight_gradient(TileSizes, int64_t, const Image &, const A *, const Image &, const B *,    \
                                         int, int, float *);
FOR_NUMBERS(float, float)
FOR_NUMBERS(float, Bfloat16)
FOR_NUMBERS(Bfloat16, float)
FOR_NUMBERS(Bfloat16, Bfloat16)
