#include "winograd.h"

#include <vector>

#include "pool.h"
#include "products.h"
#include "vector.h"

namespace {

constexpr int kPoints = 16;                // products of a tile
constexpr int kLeastChannels = 32;         // below, transforms cost more than is won
constexpr int kLeastPixels = 512;          // results of all images
constexpr int kBlock = 6 * 16;              // channels on each side of a task of the gradient of the weights
constexpr int kChunk = 48;                  // tiles that are transformed at a time there
constexpr int kChunksOfSum = 16;
constexpr int64_t kTaskBytes = 6 << 20;    // transformed values of a task, to stay in the cache

// Tiles of 2 x 2 results of all images, row by row.
struct Tiles {
  int64_t images, rows, columns;
  int64_t all_rows() const { return images * rows; }
};

Tiles tiles_of(int64_t images, const Image &result) {
  return {images, divide_up(result.height, 2), divide_up(result.width, 2)};
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

// Values (y, x ... x + 2 * kLanes + 1) of a plane, zero outside; in `memory` where they are not all inside.
inline const float *line_of(const Image &image, const float *plane, int64_t y, int64_t x, float *memory) {
  constexpr int kLength = 2 * kLanes + 2;
  if (y >= 0 && y < image.height && x >= 0 && x + kLength <= image.width) return plane + y * image.width + x;
  std::fill(memory, memory + kLength, 0.0f);
  if (y >= 0 && y < image.height) {
    const int64_t first = std::max<int64_t>(0, -x), last = std::min<int64_t>(kLength, image.width - x);
    if (first < last) copy(memory + first, plane + y * image.width + x + first, last - first);
  }
  return memory;
}

// Even and odd ones of 2 * kLanes values.
inline void load_pairs(const float *from, Vector *even, Vector *odd) {
  const Vector low = load(from), high = load(from + kLanes);
  *even = __builtin_shuffle(low, high, indexes(0, 2));
  *odd = __builtin_shuffle(low, high, indexes(1, 2));
}

// B^T d B, d 4 x 4 values of the source, for the tiles of a piece.
inline void source_points(const Image &source, const float *plane, const Piece &piece, int row, int column,
                          Vector *points) {
  Vector half[4][4];
#pragma GCC unroll 4
  for (int line = 0; line < 4; ++line) {
    float memory[2 * kLanes + 2];
    const float *from = line_of(source, plane, 2 * piece.row + line + row, 2 * piece.column + column, memory);
    Vector d0, d1, d2, d3;
    load_pairs(from, &d0, &d1);
    load_pairs(from + 2, &d2, &d3);
    half[line][0] = d0 - d2;
    half[line][1] = d1 + d2;
    half[line][2] = d2 - d1;
    half[line][3] = d1 - d3;
  }
#pragma GCC unroll 4
  for (int part = 0; part < 4; ++part) {
    points[part] = half[0][part] - half[2][part];
    points[4 + part] = half[1][part] + half[2][part];
    points[8 + part] = half[2][part] - half[1][part];
    points[12 + part] = half[1][part] - half[3][part];
  }
}

// A g A^T, g 2 x 2 values of the gradient.
inline void gradient_points(const Image &gradient, const float *plane, const Piece &piece, Vector *points) {
  Vector half[2][4];
#pragma GCC unroll 2
  for (int line = 0; line < 2; ++line) {
    float memory[2 * kLanes + 2];
    Vector even, odd;
    load_pairs(line_of(gradient, plane, 2 * piece.row + line, 2 * piece.column, memory), &even, &odd);
    half[line][0] = even;
    half[line][1] = even + odd;
    half[line][2] = even - odd;
    half[line][3] = -odd;
  }
#pragma GCC unroll 4
  for (int part = 0; part < 4; ++part) {
    points[part] = half[0][part];
    points[4 + part] = half[0][part] + half[1][part];
    points[8 + part] = half[0][part] - half[1][part];
    points[12 + part] = -half[1][part];
  }
}

// A^T m A of the tiles of rows [begin, end): 2 x 2 results of one channel from its points.
void transform_result(const Tiles &tiles, int64_t begin, int64_t end, const float *points, int64_t point_step,
                      float shift, const Image &result, float *channel) {
  const int64_t width = tiles.columns, pitch = round_up(width, kLanes) + kLanes;
  float *lines = scratch<4>(4 * pitch);  // even and odd values of two rows
  for (int64_t at = begin; at < end; ++at, points += width) {
    for (int64_t piece = 0; piece < width; piece += kLanes) {
      Vector half[2][4];
#pragma GCC unroll 4
      for (int part = 0; part < 4; ++part) {
        const float *from = points + part * point_step + piece;
        const Vector m0 = load(from), m1 = load(from + 4 * point_step);
        const Vector m2 = load(from + 8 * point_step), m3 = load(from + 12 * point_step);
        half[0][part] = m0 + m1 + m2;
        half[1][part] = m1 - m2 - m3;
      }
#pragma GCC unroll 2
      for (int line = 0; line < 2; ++line) {
        store(lines + 2 * line * pitch + piece, half[line][0] + half[line][1] + half[line][2] + shift);
        store(lines + (2 * line + 1) * pitch + piece, half[line][1] - half[line][2] - half[line][3] + shift);
      }
    }
    float *plane = channel + at / tiles.rows * result.size();
    for (int line = 0; line < 2; ++line) {
      const int64_t y = at % tiles.rows * 2 + line;
      if (y < result.height)
        interleave(plane + y * result.width, lines + 2 * line * pitch, lines + (2 * line + 1) * pitch, result.width);
    }
  }
}

inline void add(const float *values, int count, float *totals) {
  for (int at = 0; at < count; at += kLanes) store(totals + at, load(totals + at) + load(values + at));
}

// Lanes become vectors: each pass deals the vectors of both halves out in turns.
inline void transpose(Vector *vectors) {
  Indexes low, high;
  for (int lane = 0; lane < kLanes; ++lane) {
    low[lane] = lane / 2 + lane % 2 * kLanes;
    high[lane] = low[lane] + kLanes / 2;
  }
#pragma GCC unroll 4
  for (int pass = 1; pass < kLanes; pass *= 2) {
    Vector dealt[kLanes];
#pragma GCC unroll 8
    for (int index = 0; index < kLanes / 2; ++index) {
      dealt[2 * index] = __builtin_shuffle(vectors[index], vectors[index + kLanes / 2], low);
      dealt[2 * index + 1] = __builtin_shuffle(vectors[index], vectors[index + kLanes / 2], high);
    }
#pragma GCC unroll 16
    for (int index = 0; index < kLanes; ++index) vectors[index] = dealt[index];
  }
}

// Points of all channels of a block for the tiles of a piece: to[(p * kChunk + tile) * kBlock + channel], where
// points_of(channel, points) gives those of one channel.
template <typename Points>
inline void collect(int channels, int count, const Points &points_of, float *to) {
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
      for (int tile = 0; tile < count; ++tile) store(to + (point * kChunk + tile) * kBlock + first, values[tile]);
    }
  }
}

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
         y.shape[0] * y.shape[2] * y.shape[3] >= kLeastPixels && y.shape[3] <= 2 * kPixels;
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
    for (int64_t c = 0; c < depth; ++c)
      for (int index = 0; index < std::min<int64_t>(rows, channels - int64_t(panel) * rows); ++index) {
        float g[9], half[4][3];
        for (int t = 0; t < 9; ++t) g[t] = weight.at(int64_t(panel) * rows + index, c, t);
        for (int j = 0; j < 3; ++j) {
          half[0][j] = g[j];
          half[1][j] = 0.5f * (g[j] + g[3 + j] + g[6 + j]);
          half[2][j] = 0.5f * (g[j] - g[3 + j] + g[6 + j]);
          half[3][j] = g[6 + j];
        }
        float *target = weights + (panel * depth + c) * rows + index;
        for (int i = 0; i < 4; ++i) {
          target[4 * i * point_size] = half[i][0];
          target[(4 * i + 1) * point_size] = 0.5f * (half[i][0] + half[i][1] + half[i][2]);
          target[(4 * i + 2) * point_size] = 0.5f * (half[i][0] - half[i][1] + half[i][2]);
          target[(4 * i + 3) * point_size] = half[i][2];
        }
      }
  });

  const int64_t task_rows = rows_of_task(tiles, depth + channels);
  const int64_t pitch = round_up(task_rows * tiles.columns, kColumns);
  const auto kernels = multiply_table(std::make_integer_sequence<int, kMaxRows>());
  const std::vector<float> zeros(kMaxRows);
  parallel(divide_up(tiles.all_rows(), task_rows), [&](int task) {
    const int64_t begin = task * task_rows, end = std::min(tiles.all_rows(), begin + task_rows);
    float *sources = scratch<0>(kPoints * depth * pitch);
    float *results = scratch<1>(kPoints * channels * pitch + kLanes);
    const std::vector<Piece> pieces = pieces_of(tiles, begin, end);
    for (int64_t c = 0; c < depth; ++c) {
      float *target = sources + c * pitch;
      for (const Piece &piece : pieces) {
        Vector points[kPoints];
        source_points(source, from + piece.image * source.size() + c * source.plane(), piece, row, column, points);
        for (int point = 0; point < kPoints; ++point) {
          if (piece.count == kLanes) {
            store(target + point * depth * pitch, points[point]);
          } else {
            store_part(target + point * depth * pitch, points[point], piece.count);
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
          kernel(depth, weights + point * point_size + panel * depth * rows, rows, sources + point * depth * pitch + at,
                 pitch, results + (point * channels + m) * pitch + at, pitch, zeros.data());
      }
    for (int64_t m = 0; m < channels; ++m)
      transform_result(tiles, begin, end, results + m * pitch, channels * pitch, bias != nullptr ? bias[m] : 0.0f,
                       result, to + m * result.plane());
  });
}

void winograd_weight_gradient(int64_t images, const Image &gradient, const float *dy, const Image &source,
                              const float *from, int row, int column, float *dw) {
  const Tiles all_tiles = tiles_of(images, gradient);
  const std::vector<Piece> pieces = pieces_of(all_tiles, 0, all_tiles.all_rows());
  const int64_t lefts = gradient.channels, rights = source.channels;
  const int left_blocks = divide_up(lefts, kBlock), right_blocks = divide_up(rights, kBlock);
  const int blocks = left_blocks * right_blocks;
  // Few blocks: the tiles are shared out too. The parts depend on the sizes alone, and so does the order of sums.
  const int64_t parts = std::max<int64_t>(1, std::min<int64_t>(pieces.size() / 16, 8 / blocks));
  const int64_t weights = lefts * rights * 9;
  float *partial = parts > 1 ? scratch<3>(parts * weights) : dw;
  const auto kernels = multiply_table(std::make_integer_sequence<int, kMaxRows>());
  const std::vector<float> zeros(kMaxRows);

  parallel(blocks * parts, [&](int task) {
    const int part = task % parts, block = task / parts;
    const int64_t left = block % left_blocks * kBlock, right = block / left_blocks * kBlock;
    const int left_count = std::min<int64_t>(kBlock, lefts - left);
    const int right_count = std::min<int64_t>(kBlock, rights - right);
    const int panel_rows = divide_up(left_count, divide_up(left_count, kMaxRows));
    float *gradients = scratch<0>(kPoints * kChunk * kBlock);
    float *sources = scratch<1>(kPoints * kChunk * kBlock);
    // Two stages of sums, since rounding errors grow with the number of terms.
    constexpr int kSums = kPoints * kBlock * kBlock;
    float *sums = scratch<2>(kSums), *totals = scratch<5>(kSums);
    std::fill(totals, totals + kSums, 0.0f);

    const size_t end = pieces.size() * (part + 1) / parts;
    int chunk = 0;
    for (size_t next = pieces.size() * part / parts; next < end; ++chunk) {
      const bool first = chunk % kChunksOfSum == 0;
      if (first && chunk > 0) add(sums, kSums, totals);
      int tiles = 0;
      for (; next < end && tiles + pieces[next].count <= kChunk; tiles += pieces[next++].count) {
        const Piece &piece = pieces[next];
        const float *dy_planes = dy + piece.image * gradient.size() + left * gradient.plane();
        const float *planes = from + piece.image * source.size() + right * source.plane();
        collect(left_count, piece.count, [&](int channel, Vector *points) {
          gradient_points(gradient, dy_planes + channel * gradient.plane(), piece, points);
        }, gradients + tiles * kBlock);
        collect(right_count, piece.count, [&](int channel, Vector *points) {
          source_points(source, planes + channel * source.plane(), piece, row, column, points);
        }, sources + tiles * kBlock);
      }
      for (int point = 0; point < kPoints; ++point)
        for (int l = 0; l < left_count; l += panel_rows) {
          const Multiply kernel = kernels[std::min(panel_rows, left_count - l) - 1];
          for (int r = 0; r < right_count; r += kColumns)
            kernel(tiles, gradients + point * kChunk * kBlock + l, kBlock, sources + point * kChunk * kBlock + r, kBlock,
                   sums + (point * kBlock + l) * kBlock + r, kBlock, first ? zeros.data() : nullptr);
        }
    }

    add(sums, kSums, totals);

    float *target = partial + (parts > 1 ? part * weights : 0);
    for (int l = 0; l < left_count; ++l)
      for (int r = 0; r < right_count; ++r) {
        float u[kPoints], half[3][4];
        for (int point = 0; point < kPoints; ++point) u[point] = totals[(point * kBlock + l) * kBlock + r];
        for (int j = 0; j < 4; ++j) {
          half[0][j] = u[j] + 0.5f * (u[4 + j] + u[8 + j]);
          half[1][j] = 0.5f * (u[4 + j] - u[8 + j]);
          half[2][j] = 0.5f * (u[4 + j] + u[8 + j]) + u[12 + j];
        }
        float *g = target + ((left + l) * rights + right + r) * 9;
        for (int i = 0; i < 3; ++i) {
          g[3 * i] = half[i][0] + 0.5f * (half[i][1] + half[i][2]);
          g[3 * i + 1] = 0.5f * (half[i][1] - half[i][2]);
          g[3 * i + 2] = 0.5f * (half[i][1] + half[i][2]) + half[i][3];
        }
      }
  });
  if (parts > 1) add_parts(partial, parts, weights, dw);
}
