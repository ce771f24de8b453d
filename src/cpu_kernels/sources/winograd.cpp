#include "winograd.h"

#include <vector>

#include "pool.h"
#include "products.h"
#include "vector.h"

namespace {

constexpr int kTile = 4;                    // results of a tile on each side
constexpr int kSide = kTile + 2;            // points of a tile on each side
constexpr int kPoints = kSide * kSide;      // products of a tile
constexpr int kLeastChannels = 32;          // below, transforms cost more than is won
constexpr int kLeastPixels = 512;           // results of all images
constexpr int kMostColumns = 64 * kLanes;   // of the result
constexpr int kMaxBlock = 128;              // channels on each side of a task of the gradient of the weights
constexpr int kChunk = 48;                  // tiles that are transformed at a time there
constexpr int kTileStep = kChunk + kLanes;  // from one row of them to the next: the last piece may reach beyond
constexpr int kChunksOfSum = 16;
constexpr int64_t kTaskBytes = 12 << 20;    // transformed values of a task, to stay in the cache

// The points are 0, a, -a, b, -b and infinity. With 1 and 2, the usual ones, rounding errors are three times as large.
constexpr float a = 5.0f / 8, b = 3.0f / 2, aa = a * a, bb = b * b;
constexpr float at_zero = 1 / (aa * bb), at_a = 1 / (2 * aa * (aa - bb)), at_b = 1 / (2 * bb * (bb - aa));

// B^T d: six values of the source at the points.
template <typename Number>
inline void at_points(const Number *d, Number *points) {
  const Number even_a = d[4] - bb * d[2], odd_a = a * (d[3] - bb * d[1]);
  const Number even_b = d[4] - aa * d[2], odd_b = b * (d[3] - aa * d[1]);
  points[0] = aa * bb * d[0] - (aa + bb) * d[2] + d[4];
  points[1] = even_a + odd_a;
  points[2] = even_a - odd_a;
  points[3] = even_b + odd_b;
  points[4] = even_b - odd_b;
  points[5] = aa * bb * d[1] - (aa + bb) * d[3] + d[5];
}

// A^T m: four results from the products at the points.
template <typename Number>
inline void results_of(const Number *m, Number *y) {
  const Number sum_a = m[1] + m[2], difference_a = m[1] - m[2], sum_b = m[3] + m[4], difference_b = m[3] - m[4];
  y[0] = m[0] + sum_a + sum_b;
  y[1] = a * difference_a + b * difference_b;
  y[2] = aa * sum_a + bb * sum_b;
  y[3] = aa * a * difference_a + bb * b * difference_b + m[5];
}

// A y: four values of the gradient at the points.
template <typename Number>
inline void gradients_at(const Number *y, Number *points) {
  const Number even_a = y[0] + aa * y[2], odd_a = a * y[1] + aa * a * y[3];
  const Number even_b = y[0] + bb * y[2], odd_b = b * y[1] + bb * b * y[3];
  points[0] = y[0];
  points[1] = even_a + odd_a;
  points[2] = even_a - odd_a;
  points[3] = even_b + odd_b;
  points[4] = even_b - odd_b;
  points[5] = y[3];
}

// G g: three weights at the points; `step` from one to the next, in both.
template <typename Number>
inline void weights_at(const Number *g, Number *points, int step) {
  const Number even_a = at_a * (g[0] + aa * g[2 * step]), odd_a = at_a * a * g[step];
  const Number even_b = at_b * (g[0] + bb * g[2 * step]), odd_b = at_b * b * g[step];
  points[0] = at_zero * g[0];
  points[step] = even_a + odd_a;
  points[2 * step] = even_a - odd_a;
  points[3 * step] = even_b + odd_b;
  points[4 * step] = even_b - odd_b;
  points[5 * step] = g[2 * step];
}

// G^T u: gradients of three weights from those at the points.
template <typename Number>
inline void weight_gradients_of(const Number *u, Number *g) {
  const Number sum_a = at_a * (u[1] + u[2]), sum_b = at_b * (u[3] + u[4]);
  g[0] = at_zero * u[0] + sum_a + sum_b;
  g[1] = at_a * a * (u[1] - u[2]) + at_b * b * (u[3] - u[4]);
  g[2] = aa * sum_a + bb * sum_b + u[5];
}

// One number for each row of a panel. May begin at any float.
typedef float Rows __attribute__((vector_size(kMaxRows > 8 ? 64 : 32), aligned(4), may_alias));
static_assert(sizeof(Rows) >= kMaxRows * sizeof(float), "a panel has more rows");

// Tiles of results of all images, row by row.
struct Tiles {
  int64_t images, rows, columns;
  int64_t all_rows() const { return images * rows; }
};

Tiles tiles_of(int64_t images, const Image &result) {
  return {images, divide_up(result.height, kTile), divide_up(result.width, kTile)};
}

// Some tiles of one row, at most one for each lane.
struct Piece {
  int64_t image, row, column;
  int count;
};

// Those of rows [begin, end).
std::vector<Piece> pieces_of(const Tiles &tiles, int64_t begin, int64_t end) {
  std::vector<Piece> pieces;
  for (int64_t row = begin; row < end; ++row)
    for (int64_t column = 0; column < tiles.columns; column += kLanes)
      pieces.push_back({row / tiles.rows, row % tiles.rows, column,
                        int(std::min<int64_t>(kLanes, tiles.columns - column))});
  return pieces;
}

// Values (y, x ... x + LENGTH - 1) of a plane, zero outside; in `memory` where they are not all inside.
template <int LENGTH>
inline const float *line_of(const Image &image, const float *plane, int64_t y, int64_t x, float *memory) {
  const float *from = plane + y * image.width + x;
  const bool within = y >= 0 && y < image.height;
  if (within && x >= 0 && x + LENGTH <= image.width) return from;
  const int begin = std::max<int64_t>(0, -x), end = within ? std::min<int64_t>(LENGTH, image.width - x) : 0;
  for (int at = 0; at < LENGTH; at += kLanes) store(memory + at, load_between(from + at, begin - at, end - at));
  return memory;
}

#if defined(__AVX__) && !defined(__AVX512F__)
// The first, second, third and fourth of each four of 4 * kLanes values.
inline void load_fours(const float *from, Vector *values) {
#pragma GCC unroll 4
  for (int index = 0; index < 4; ++index)
    values[index] = (Vector)_mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(from + 4 * index)),
                                                 _mm_loadu_ps(from + 4 * index + 16), 1);
  transpose_fours(values);
}

// The reverse; the values are used up.
inline void store_fours(float *to, Vector *values) {
  transpose_fours(values);
#pragma GCC unroll 4
  for (int index = 0; index < 4; ++index) {
    _mm_storeu_ps(to + 4 * index, _mm256_castps256_ps128((__m256)values[index]));
    _mm_storeu_ps(to + 4 * index + 16, _mm256_extractf128_ps((__m256)values[index], 1));
  }
}
#else
inline Vector even_of(Vector low, Vector high) { return __builtin_shuffle(low, high, indexes(0, 2)); }
inline Vector odd_of(Vector low, Vector high) { return __builtin_shuffle(low, high, indexes(1, 2)); }

// The first, second, third and fourth of each four of 4 * kLanes values.
inline void load_fours(const float *from, Vector *values) {
  const Vector v0 = load(from), v1 = load(from + kLanes), v2 = load(from + 2 * kLanes), v3 = load(from + 3 * kLanes);
  const Vector even_low = even_of(v0, v1), even_high = even_of(v2, v3);
  const Vector odd_low = odd_of(v0, v1), odd_high = odd_of(v2, v3);
  values[0] = even_of(even_low, even_high);
  values[1] = even_of(odd_low, odd_high);
  values[2] = odd_of(even_low, even_high);
  values[3] = odd_of(odd_low, odd_high);
}

// The reverse.
inline void store_fours(float *to, Vector *values) {
  const Vector even_low = low_in_turns(values[0], values[2]), even_high = high_in_turns(values[0], values[2]);
  const Vector odd_low = low_in_turns(values[1], values[3]), odd_high = high_in_turns(values[1], values[3]);
  store(to, low_in_turns(even_low, odd_low));
  store(to + kLanes, high_in_turns(even_low, odd_low));
  store(to + 2 * kLanes, low_in_turns(even_high, odd_high));
  store(to + 3 * kLanes, high_in_turns(even_high, odd_high));
}
#endif

// The points of a tile from its lines, each of which is at the points already: `transform` for the columns.
template <int LINES, typename Transform>
inline void transform_columns(const Vector (&lines)[LINES][kSide], const Transform &transform, Vector *points) {
#pragma GCC unroll 6
  for (int part = 0; part < kSide; ++part) {
    Vector down[LINES], across[kSide];
#pragma GCC unroll 6
    for (int line = 0; line < LINES; ++line) down[line] = lines[line][part];
    transform(down, across);
#pragma GCC unroll 6
    for (int line = 0; line < kSide; ++line) points[line * kSide + part] = across[line];
  }
}

// B^T d B, d 6 x 6 values of the source, for the tiles of a piece.
inline void source_points(const Image &source, const float *plane, const Piece &piece, int row, int column,
                          Vector *points) {
  constexpr int kLength = kTile * (kLanes + 1);  // the last two are not used
  Vector half[kSide][kSide];
  for (int line = 0; line < kSide; ++line) {
    float memory[kLength + kLanes];
    const float *from = line_of<kLength>(source, plane, kTile * piece.row + line + row, kTile * piece.column + column,
                                         memory);
    Vector d[kTile + kTile];
    load_fours(from, d);
    load_fours(from + kTile, d + kTile);
    at_points(d, half[line]);
  }
  transform_columns(half, at_points<Vector>, points);
}

// A g A^T, g 4 x 4 values of the gradient.
inline void gradient_points(const Image &gradient, const float *plane, const Piece &piece, Vector *points) {
  constexpr int kLength = kTile * kLanes;
  Vector half[kTile][kSide];
  for (int line = 0; line < kTile; ++line) {
    float memory[kLength + kLanes];
    Vector values[kTile];
    load_fours(line_of<kLength>(gradient, plane, kTile * piece.row + line, kTile * piece.column, memory), values);
    gradients_at(values, half[line]);
  }
  transform_columns(half, gradients_at<Vector>, points);
}

// A^T m A of the tiles of rows [begin, end): 4 x 4 results of one channel from its points.
void transform_result(const Tiles &tiles, int64_t begin, int64_t end, const float *points, int64_t point_step,
                      float shift, const Image &result, float *channel) {
  for (int64_t at = begin; at < end; ++at, points += tiles.columns) {
    float *plane = channel + at / tiles.rows * result.size();
    const int64_t y = at % tiles.rows * kTile;
    for (int64_t piece = 0; piece < tiles.columns; piece += kLanes) {
      Vector half[kTile][kSide];
#pragma GCC unroll 6
      for (int part = 0; part < kSide; ++part) {
        Vector products[kSide], across[kTile];
#pragma GCC unroll 6
        for (int line = 0; line < kSide; ++line)
          products[line] = load(points + (line * kSide + part) * point_step + piece);
        results_of(products, across);
#pragma GCC unroll 4
        for (int line = 0; line < kTile; ++line) half[line][part] = across[line];
      }
      const int64_t length = std::min<int64_t>(kTile * kLanes, result.width - kTile * piece);
      for (int line = 0; line < std::min<int64_t>(kTile, result.height - y); ++line) {
        Vector values[kTile];
        results_of(half[line], values);
#pragma GCC unroll 4
        for (int part = 0; part < kTile; ++part) values[part] += shift;
        float *target = plane + (y + line) * result.width + kTile * piece;
        if (length == kTile * kLanes) {
          store_fours(target, values);
        } else {
          float memory[kTile * kLanes];
          store_fours(memory, values);
          copy(target, memory, length);
        }
      }
    }
  }
}

inline void add(const float *values, int count, float *totals) {
  for (int at = 0; at < count; at += kLanes) store(totals + at, load(totals + at) + load(values + at));
}

// Points of all channels of a block for the tiles of a piece: to[p * point_step + tile * block + channel], where
// points_of(channel, points) gives those of one channel.
template <typename Points>
inline void collect(int channels, int block, int count, const Points &points_of, int point_step, float *to) {
  Vector points[kPoints][kLanes] = {};
  for (int first = 0; first < channels; first += kLanes) {
    for (int index = 0; index < std::min(kLanes, channels - first); ++index) {
      Vector own[kPoints];
      points_of(first + index, own);
#pragma GCC unroll 16
      for (int point = 0; point < kPoints; ++point) points[point][index] = own[point];
    }
    for (int point = 0; point < kPoints; ++point) {
      Vector values[kLanes];
      for (int index = 0; index < kLanes; ++index) values[index] = points[point][index];
      transpose(values);
      for (int tile = 0; tile < count; ++tile) store(to + point * point_step + tile * block + first, values[tile]);
    }
  }
}

// Channels of a block, all blocks about the same.
int block_of(int64_t channels) { return round_up(divide_up(channels, divide_up(channels, kMaxBlock)), kColumns); }

// Rows of tiles of a task: as many as fill panels best, and leave several tasks for each thread.
int64_t rows_of_task(const Tiles &tiles, int64_t channels) {
  const int64_t most = std::max<int64_t>(kColumns, kTaskBytes / int64_t(sizeof(float) * kPoints) / channels);
  int64_t best = 1;
  double best_value = 0;
  for (int64_t rows = 1; rows <= std::max<int64_t>(1, most / tiles.columns) && rows <= tiles.all_rows(); ++rows) {
    const double count = rows * tiles.columns, tasks = divide_up(tiles.all_rows(), rows);
    const double value = count / round_up(count, kColumns) * tasks / round_up(tasks, 4) * count / (count + 8);
    if (value > best_value) best = rows, best_value = value;
  }
  return best;
}

}  // namespace

bool winograd_fits(const Geometry &geometry, const Tensor &weight, const Tensor &y) {
  return weight.shape[2] == 3 && weight.shape[3] == 3 && geometry.stride == 1 && geometry.dilation == 1 &&
         std::min(weight.shape[0], weight.shape[1]) >= kLeastChannels &&
         y.shape[0] * y.shape[2] * y.shape[3] >= kLeastPixels && y.shape[3] <= kMostColumns;
}

void winograd_correlate(int64_t channels, const Weights &weight, const float *bias, int64_t images, const Image &source,
                        const float *from, int row, int column, const Image &result, float *to) {
  const Tiles tiles = tiles_of(images, result);
  const int64_t depth = source.channels;
  const int count = divide_up(channels, kMaxRows), rows = divide_up(channels, count);
  // G g G^T of the weights, for each point panels as the products want them
  const int64_t point_size = count * depth * rows;
  float *weights = scratch<3>(kPoints * point_size);
  parallel(count, [&](int panel) {
    const int64_t first = int64_t(panel) * rows, last = std::min<int64_t>(channels, first + rows);
    for (int64_t c = 0; c < depth; ++c) {
      Rows g[9] = {}, half[kSide * 3], points[kPoints];
      for (int64_t m = first; m < last; ++m)
        for (int t = 0; t < 9; ++t) g[t][m - first] = weight.at(m, c, t);
      for (int j = 0; j < 3; ++j) weights_at(g + j, half + j, 3);
      for (int line = 0; line < kSide; ++line) weights_at(half + 3 * line, points + kSide * line, 1);
      float *target = weights + (panel * depth + c) * rows;
      if (c + 1 < depth) {  // the next channel comes where this writes beyond its rows
        for (int point = 0; point < kPoints; ++point)
          *reinterpret_cast<Rows *>(target + point * point_size) = points[point];
      } else {
        for (int point = 0; point < kPoints; ++point)
          std::memcpy(target + point * point_size, &points[point], rows * sizeof(float));
      }
    }
  });

  const int64_t task_rows = rows_of_task(tiles, depth + channels);
  // From one channel, and from one point, to the next: no power of two, which would strain few sets of the cache.
  const int64_t pitch = (divide_up(task_rows * tiles.columns, kColumns) | 1) * kColumns;
  const int64_t source_step = depth * pitch + kColumns, result_step = channels * pitch + kColumns;
  const auto kernels = multiply_table();
  const std::vector<float> zeros(kMaxRows);
  parallel(divide_up(tiles.all_rows(), task_rows), [&](int task) {
    const int64_t begin = task * task_rows, end = std::min(tiles.all_rows(), begin + task_rows);
    float *sources = scratch<0>(kPoints * source_step);
    float *results = scratch<1>(kPoints * result_step + kLanes);
    const std::vector<Piece> pieces = pieces_of(tiles, begin, end);
    for (int64_t c = 0; c < depth; ++c) {
      float *target = sources + c * pitch;
      for (const Piece &piece : pieces) {
        Vector points[kPoints];
        source_points(source, from + piece.image * source.size() + c * source.plane(), piece, row, column, points);
        for (int point = 0; point < kPoints; ++point) {
          if (piece.count == kLanes) {
            store(target + point * source_step, points[point]);
          } else {
            store_part(target + point * source_step, points[point], piece.count);
          }
        }
        target += piece.count;
      }
    }
    for (int point = 0; point < kPoints; ++point)
      for (int panel = 0; panel < count; ++panel) {
        const int64_t m = int64_t(panel) * rows;
        const Multiply kernel = kernels[std::min<int64_t>(rows, channels - m) - 1];
        for (int64_t at = 0; at < (end - begin) * tiles.columns; at += kColumns)
          kernel(depth, weights + point * point_size + panel * depth * rows, rows, sources + point * source_step + at,
                 pitch, results + point * result_step + m * pitch + at, pitch, zeros.data());
      }
    for (int64_t m = 0; m < channels; ++m)
      transform_result(tiles, begin, end, results + m * pitch, result_step, bias != nullptr ? bias[m] : 0.0f,
                       result, to + m * result.plane());
  });
}

void winograd_weight_gradient(int64_t images, const Image &gradient, const float *dy, const Image &source,
                              const float *from, int row, int column, float *dw) {
  const Tiles all_tiles = tiles_of(images, gradient);
  const std::vector<Piece> pieces = pieces_of(all_tiles, 0, all_tiles.all_rows());
  const int64_t lefts = gradient.channels, rights = source.channels;
  const int left_block = block_of(lefts), right_block = block_of(rights);
  const int left_blocks = divide_up(lefts, left_block), right_blocks = divide_up(rights, right_block);
  const int blocks = left_blocks * right_blocks;
  // Few blocks: the tiles are shared out too. The parts depend on the sizes alone, and so does the order of sums.
  const int64_t parts = std::max<int64_t>(1, std::min<int64_t>(pieces.size() / 16, 8 / blocks));
  const int64_t weights = lefts * rights * 9;
  float *partial = parts > 1 ? scratch<3>(parts * weights) : dw;
  const auto kernels = multiply_table<kTileStep>();
  const std::vector<float> zeros(kMaxRows);

  parallel(blocks * parts, [&](int task) {
    const int part = task % parts, block = task / parts;
    const int64_t left = block % left_blocks * left_block, right = block / left_blocks * right_block;
    const int left_count = std::min<int64_t>(left_block, lefts - left);
    const int right_count = std::min<int64_t>(right_block, rights - right);
    const int panel_rows = divide_up(left_count, divide_up(left_count, kMaxRows));
    // From one point to the next: no power of two, as above.
    const int gradient_step = kTileStep * left_block + kColumns, source_step = kChunk * right_block + kColumns;
    float *gradients = scratch<0>(kPoints * gradient_step);
    float *sources = scratch<1>(kPoints * source_step);
    // Two stages of sums where there are many terms, since rounding errors grow with their number.
    const int size = kPoints * left_block * right_block;
    float *sums = scratch<2>(size), *totals = nullptr;
    const auto add_sums = [&] {
      if (totals == nullptr) {
        totals = scratch<4>(size);
        std::fill(totals, totals + size, 0.0f);
      }
      add(sums, size, totals);
    };

    const size_t end = pieces.size() * (part + 1) / parts;
    int chunk = 0;
    for (size_t next = pieces.size() * part / parts; next < end; ++chunk) {
      const bool first = chunk % kChunksOfSum == 0;
      if (first && chunk > 0) add_sums();
      int tiles = 0;
      for (; next < end && tiles + pieces[next].count <= kChunk; tiles += pieces[next++].count) {
        const Piece &piece = pieces[next];
        const float *dy_planes = dy + piece.image * gradient.size() + left * gradient.plane();
        const float *planes = from + piece.image * source.size() + right * source.plane();
        for (int channel = 0; channel < left_count; ++channel) {
          Vector points[kPoints];
          gradient_points(gradient, dy_planes + channel * gradient.plane(), piece, points);
          for (int point = 0; point < kPoints; ++point)
            store(gradients + point * gradient_step + channel * kTileStep + tiles, points[point]);
        }
        collect(right_count, right_block, piece.count, [&](int channel, Vector *points) {
          source_points(source, planes + channel * source.plane(), piece, row, column, points);
        }, source_step, sources + tiles * right_block);
      }
      for (int point = 0; point < kPoints; ++point)
        for (int l = 0; l < left_count; l += panel_rows) {
          const Multiply kernel = kernels[std::min(panel_rows, left_count - l) - 1];
          for (int r = 0; r < right_count; r += kColumns)
            kernel(tiles, gradients + point * gradient_step + l * kTileStep, 1,
                   sources + point * source_step + r, right_block,
                   sums + (point * left_block + l) * right_block + r, right_block, first ? zeros.data() : nullptr);
        }
    }

    if (totals != nullptr) add_sums();
    const float *found = totals != nullptr ? totals : sums;

    float *target = partial + (parts > 1 ? part * weights : 0);
    for (int l = 0; l < left_count; ++l)
      for (int r = 0; r < right_count; r += kLanes) {
        Vector half[3][kSide];
        for (int part = 0; part < kSide; ++part) {
          Vector u[kSide], across[3];
          for (int line = 0; line < kSide; ++line)
            u[line] = load(found + ((line * kSide + part) * left_block + l) * right_block + r);
          weight_gradients_of(u, across);
          for (int i = 0; i < 3; ++i) half[i][part] = across[i];
        }
        Vector g[9];
        for (int i = 0; i < 3; ++i) weight_gradients_of(half[i], g + 3 * i);
        float *weight = target + ((left + l) * rights + right + r) * 9;
        for (int lane = 0; lane < std::min(kLanes, right_count - r); ++lane)
          for (int t = 0; t < 9; ++t) *weight++ = g[t][lane];
      }
  });
  if (parts > 1) add_parts(partial, parts, weights, dw);
}
