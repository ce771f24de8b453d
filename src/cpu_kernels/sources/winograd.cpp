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
constexpr int64_t kTaskBytes = 6 << 20;    // transformed values of a task, to stay in the cache

// Tiles of 2 x 2 results of all images, row by row.
struct Tiles {
  int64_t images, rows, columns;
  int64_t all_rows() const { return images * rows; }
};

Tiles tiles_of(int64_t images, const Image &result) {
  return {images, divide_up(result.height, 2), divide_up(result.width, 2)};
}

// even[i] = from[2 i + column], odd[i] = from[2 i + 1 + column], zero outside of the row
void split_row(const float *from, int64_t width, int64_t column, int64_t count, float *even, float *odd) {
  for (int phase = 0; phase < 2; ++phase) {
    float *to = phase == 0 ? even : odd;
    const int64_t start = phase + column;
    const int64_t first = std::min(count, start < 0 ? (1 - start) / 2 : 0);
    const int64_t pixel = start + 2 * first;
    const int64_t inside = std::max<int64_t>(0, std::min(count - first, (width - pixel + 1) / 2));
    std::fill(to, to + first, 0.0f);
    if (inside > 0) pick_every_second(to + first, from + pixel, inside);
    std::fill(to + first + inside, to + count, 0.0f);
  }
}

// visit(at, count) for pieces of at most one vector
template <typename Visit>
inline void for_pieces(int64_t count, const Visit &visit) {
  for (int64_t at = 0; at < count; at += kLanes) visit(at, int(std::min<int64_t>(kLanes, count - at)));
}

inline void put(float *to, Vector value, int count) {
  if (count == kLanes) {
    store(to, value);
  } else {
    store_part(to, value, count);
  }
}

// B^T d B of the tiles of rows [begin, end), d 4 x 4 values of one channel of the source: point p of tile t goes to
// to[p * point_step + t].
void transform_source(const Tiles &tiles, int64_t begin, int64_t end, const Image &source, const float *channel,
                      int row, int column, int64_t point_step, float *to) {
  const int64_t width = tiles.columns, pitch = round_up(width + 1, kLanes) + kLanes;
  float *lines = scratch<4>(8 * pitch);  // even and odd values of four rows, row y at place y % 4
  for (int64_t at = begin; at < end; ++at, to += width) {
    const int64_t tile_row = at % tiles.rows;
    const float *plane = channel + at / tiles.rows * source.size();
    const int place = tile_row % 2 * 2;
    for (int line = at == begin || tile_row == 0 ? 0 : 2; line < 4; ++line) {  // two are there from the tiles above
      const int64_t y = tile_row * 2 + line + row;
      const bool inside = y >= 0 && y < source.height;
      float *even = lines + (place + line) % 4 * 2 * pitch;
      split_row(plane + (inside ? y : 0) * source.width, inside ? source.width : 0, column, width + 1, even,
                even + pitch);
    }
    for_pieces(width, [&](int64_t piece, int count) {
      Vector half[4][4];
#pragma GCC unroll 4
      for (int line = 0; line < 4; ++line) {
        const float *even = lines + (place + line) % 4 * 2 * pitch + piece, *odd = even + pitch;
        const Vector d0 = load(even), d1 = load(odd), d2 = load(even + 1), d3 = load(odd + 1);
        half[line][0] = d0 - d2;
        half[line][1] = d1 + d2;
        half[line][2] = d2 - d1;
        half[line][3] = d1 - d3;
      }
#pragma GCC unroll 4
      for (int part = 0; part < 4; ++part) {
        put(to + part * point_step + piece, half[0][part] - half[2][part], count);
        put(to + (4 + part) * point_step + piece, half[1][part] + half[2][part], count);
        put(to + (8 + part) * point_step + piece, half[2][part] - half[1][part], count);
        put(to + (12 + part) * point_step + piece, half[1][part] - half[3][part], count);
      }
    });
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

// Some tiles of one row, at most one for each lane.
struct Piece {
  int64_t image, row, column;
  int count;
};

std::vector<Piece> pieces_of(const Tiles &tiles) {
  std::vector<Piece> pieces;
  for (int64_t row = 0; row < tiles.all_rows(); ++row)
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
    for (int64_t c = 0; c < depth; ++c)
      transform_source(tiles, begin, end, source, from + c * source.plane(), row, column, depth * pitch,
                       sources + c * pitch);
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
  const std::vector<Piece> pieces = pieces_of(tiles_of(images, gradient));
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
    float *sums = scratch<2>(kPoints * kBlock * kBlock);

    const size_t end = pieces.size() * (part + 1) / parts;
    bool first = true;
    for (size_t next = pieces.size() * part / parts; next < end; first = false) {
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

    float *target = partial + (parts > 1 ? part * weights : 0);
    for (int l = 0; l < left_count; ++l)
      for (int r = 0; r < right_count; ++r) {
        float u[kPoints], half[3][4];
        for (int point = 0; point < kPoints; ++point) u[point] = sums[(point * kBlock + l) * kBlock + r];
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
