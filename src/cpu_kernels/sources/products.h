// Products of matrices, the inner loops.
#pragma once
#include <algorithm>
#include <array>
#include <utility>

#include "pool.h"
#include "vector.h"

constexpr int kColumnVectors = 2;
constexpr int kColumns = kColumnVectors * kLanes;    // columns of a panel
constexpr int kMaxRows = kRegisters == 32 ? 12 : 6;  // rows of a panel

// result (ROWS, VECTORS * kLanes) = the sum before, or shifts (ROWS), + a (depth, ROWS) * b (depth, VECTORS * kLanes).
// The sum before is added last, so that rounding errors grow with the terms of a call and the calls, not with their
// product. Steps are those from one k, or one row of the result, to the next; ROW_STEP is that from one row of a to the
// next.
template <int ROWS, int ROW_STEP, int VECTORS>
void multiply(int depth, const float *a, int a_step, const float *b, int b_step, float *result, int64_t result_step,
              const float *shifts) {
  Vector total[ROWS][VECTORS];
#pragma GCC unroll 16
  for (int row = 0; row < ROWS; ++row)
#pragma GCC unroll 4
    for (int part = 0; part < VECTORS; ++part)
      total[row][part] = shifts != nullptr ? splat(shifts[row]) : Vector{};
  for (int k = 0; k < depth; ++k) {
    Vector columns[VECTORS];
#pragma GCC unroll 4
    for (int part = 0; part < VECTORS; ++part) columns[part] = load(b + part * kLanes);
#pragma GCC unroll 16
    for (int row = 0; row < ROWS; ++row) {
      const Vector factor = splat(a[row * ROW_STEP]);
#pragma GCC unroll 4
      for (int part = 0; part < VECTORS; ++part) total[row][part] += factor * columns[part];
    }
    a += a_step;
    b += b_step;
  }
#pragma GCC unroll 16
  for (int row = 0; row < ROWS; ++row)
#pragma GCC unroll 4
    for (int part = 0; part < VECTORS; ++part) {
      float *to = result + row * result_step + part * kLanes;
      store(to, shifts != nullptr ? total[row][part] : load(to) + total[row][part]);
    }
}

using Multiply = void (*)(int, const float *, int, const float *, int, float *, int64_t, const float *);
template <int ROW_STEP, int VECTORS, int... ROWS>
std::array<Multiply, sizeof...(ROWS)> table_of_products(std::integer_sequence<int, ROWS...>) {
  return {multiply<ROWS + 1, ROW_STEP, VECTORS>...};
}
// [rows - 1]: the product for so many rows
template <int ROW_STEP = 1, int VECTORS = kColumnVectors>
std::array<Multiply, kMaxRows> multiply_table() {
  return table_of_products<ROW_STEP, VECTORS>(std::make_integer_sequence<int, kMaxRows>());
}

// Weights as panels [panel][k][rows]. Their memory belongs to the calling thread.
struct Panels {
  int64_t channels, depth;
  int rows, count;
  float *data;
  const float *at(int panel, int64_t k) const { return data + (panel * depth + k) * rows; }
  int rows_of(int panel) const { return std::min<int64_t>(rows, channels - int64_t(panel) * rows); }
};

// `weight(m, c, t)` -> float, for channel c and tap t of the source
template <typename Weight>
Panels pack_weights(int64_t channels, int64_t source_channels, int T, const Weight &weight) {
  const int64_t depth = source_channels * T;
  const int count = divide_up(channels, kMaxRows), rows = divide_up(channels, count);
  const Panels panels{channels, depth, rows, count, scratch<3>(count * depth * rows)};
  parallel(count, [&](int panel) {
    float *to = panels.data + panel * depth * rows;
    for (int64_t c = 0; c < source_channels; ++c)
      for (int t = 0; t < T; ++t, to += rows)
        for (int row = 0; row < panels.rows_of(panel); ++row) to[row] = weight(int64_t(panel) * rows + row, c, t);
  });
  return panels;
}

// result[i] = sum over part of partial[part][i], in this order
inline void add_parts(const float *partial, int parts, int64_t count, float *result) {
  constexpr int64_t kTaskSize = 4096;
  parallel(divide_up(count, kTaskSize), [&](int task) {
    for (int64_t index = task * kTaskSize; index < std::min(count, (task + 1) * kTaskSize); ++index) {
      float total = 0;
      for (int part = 0; part < parts; ++part) total += partial[part * count + index];
      result[index] = total;
    }
  });
}
