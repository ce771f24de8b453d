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

// result (ROWS, kColumns) = the sum before, or shifts (ROWS), + a (depth, ROWS) * b (depth, kColumns); steps are those
// from one k, or one row, to the next
template <int ROWS>
void multiply(int depth, const float *a, int a_step, const float *b, int b_step, float *result, int64_t result_step,
              const float *shifts) {
  Vector total[ROWS][kColumnVectors];
#pragma GCC unroll 16
  for (int row = 0; row < ROWS; ++row)
#pragma GCC unroll 4
    for (int part = 0; part < kColumnVectors; ++part)
      total[row][part] = shifts != nullptr ? splat(shifts[row]) : load(result + row * result_step + part * kLanes);
  for (int k = 0; k < depth; ++k) {
    Vector columns[kColumnVectors];
#pragma GCC unroll 4
    for (int part = 0; part < kColumnVectors; ++part) columns[part] = load(b + part * kLanes);
#pragma GCC unroll 16
    for (int row = 0; row < ROWS; ++row) {
      const Vector factor = splat(a[row]);
#pragma GCC unroll 4
      for (int part = 0; part < kColumnVectors; ++part) total[row][part] += factor * columns[part];
    }
    a += a_step;
    b += b_step;
  }
#pragma GCC unroll 16
  for (int row = 0; row < ROWS; ++row)
#pragma GCC unroll 4
    for (int part = 0; part < kColumnVectors; ++part)
      store(result + row * result_step + part * kLanes, total[row][part]);
}

using Multiply = void (*)(int, const float *, int, const float *, int, float *, int64_t, const float *);
template <int... ROWS>
std::array<Multiply, sizeof...(ROWS)> multiply_table(std::integer_sequence<int, ROWS...>) {
  return {multiply<ROWS + 1>...};
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

// ---- products of rows with rows ----

constexpr int kLeft = kRegisters == 32 ? 4 : 3;   // rows of a tile from the one side
constexpr int kRight = kRegisters == 32 ? 6 : 4;  // and from the other
constexpr int kPixels = 32 * kLanes;              // length that is multiplied at a time
constexpr int kRowStep = kPixels + kLanes;        // no power of two, which would strain few sets of the cache
constexpr int kLeftBlock = 16 * kLeft, kRightBlock = 16 * kRight;

// totals[kLeft][kRight] += left[kLeft][...] * right[kRight][...], each a vector of partial sums
inline void multiply_rows(int vectors, const float *left, const float *right, float *totals) {
  Vector total[kLeft][kRight];
#pragma GCC unroll 8
  for (int l = 0; l < kLeft; ++l)
#pragma GCC unroll 8
    for (int r = 0; r < kRight; ++r) total[l][r] = load(totals + (l * kRight + r) * kLanes);
  for (int k = 0; k < vectors; ++k) {
    Vector a[kLeft];
#pragma GCC unroll 8
    for (int l = 0; l < kLeft; ++l) a[l] = load(left + l * kRowStep);
#pragma GCC unroll 8
    for (int r = 0; r < kRight; ++r) {
      Vector b = load(right + r * kRowStep);
      keep(b);
#pragma GCC unroll 8
      for (int l = 0; l < kLeft; ++l) total[l][r] += a[l] * b;
    }
    left += kLanes;
    right += kLanes;
  }
#pragma GCC unroll 8
  for (int l = 0; l < kLeft; ++l)
#pragma GCC unroll 8
    for (int r = 0; r < kRight; ++r) store(totals + (l * kRight + r) * kLanes, total[l][r]);
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
