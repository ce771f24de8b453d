// Which pixels a convolution reads and writes.
#pragma once
#include <algorithm>
#include <vector>

#include "geometry.h"
#include "image.h"
#include "pool.h"
#include "vector.h"

// Run of pixels of a panel block that lie side by side in the image.
struct Run {
  int column, length;
  int64_t offset;
};

// Which pixels of the source the pixels of the result are computed from: (row * stride + rows[t], ...) for each tap t.
struct Taps {
  int stride;
  std::vector<int> rows, columns;
  int count() const { return static_cast<int>(rows.size()); }
};

// Pixels (first + step * i, ...) of a larger map.
struct Lattice {
  int64_t height, width;            // number of pixels
  int64_t first_row = 0, first_column = 0, step = 1;
  int64_t full_width, plane;
  int64_t pixels() const { return height * width; }
  int64_t offset(int64_t row, int64_t column) const {
    return (first_row + step * row) * full_width + first_column + step * column;
  }
  // Where rows need not be told apart.
  Lattice in_one_row() const { return {1, pixels(), 0, 0, 1, pixels(), plane}; }
};

// Splits columns [begin, end) of all images into pieces of one row of one image: visit(column, image, row, column, n).
template <typename Visit>
void for_rows(const Lattice &lattice, int64_t begin, int64_t end, int64_t unit, const Visit &visit) {
  for (int64_t at = begin; at < end;) {
    const int64_t image = at / lattice.pixels(), pixel = at % lattice.pixels();
    const int64_t row = pixel / lattice.width, column = pixel % lattice.width;
    int64_t length = std::min(lattice.width - column, end - at);
    if (unit > 0) length = std::min(length, unit - (at - begin) % unit);
    visit(at - begin, image, row, column, length);
    at += length;
  }
}

// Whether each pixel of the result is computed from the same pixel of the source alone.
inline bool is_plain(const Taps &taps, const Lattice &result, const Image &source) {
  return taps.count() == 1 && taps.stride == 1 && taps.rows[0] == 0 && taps.columns[0] == 0 &&
         result.height == source.height && result.width == source.width && result.step == 1;
}

// For each tap, the runs of columns [begin, end) whose source pixels lie inside the image; the rest is padding.
inline std::vector<std::vector<Run>> source_runs(const Taps &taps, const Lattice &result, const Image &source,
                                                 int64_t begin, int64_t end, int64_t unit) {
  std::vector<std::vector<Run>> runs(taps.count());
  const bool plain = is_plain(taps, result, source);
  Lattice lattice = result;
  if (plain) lattice = lattice.in_one_row();
  for_rows(lattice, begin, end, unit, [&](int64_t at, int64_t image, int64_t row, int64_t column, int64_t length) {
    for (int tap = 0; tap < taps.count(); ++tap) {
      const int64_t y = row * taps.stride + taps.rows[tap];
      if (plain) {
        runs[0].push_back({int(at), int(length), image * source.size() + column});
        continue;
      }
      if (y < 0 || y >= source.height) continue;
      int64_t from = 0, to = length;
      while (from < to && (column + from) * taps.stride + taps.columns[tap] < 0) ++from;
      while (from < to && (column + to - 1) * taps.stride + taps.columns[tap] >= source.width) --to;
      if (from == to) continue;
      const int64_t x = (column + from) * taps.stride + taps.columns[tap];
      runs[tap].push_back({int(at + from), int(to - from), image * source.size() + y * source.width + x});
    }
  });
  return runs;
}

inline Taps forward_taps(const Geometry &geometry, int64_t rows, int64_t columns) {
  Taps taps{geometry.stride, {}, {}};
  for (int row = 0; row < rows; ++row)
    for (int column = 0; column < columns; ++column) {
      taps.rows.push_back(row * geometry.dilation - geometry.top);
      taps.columns.push_back(column * geometry.dilation - geometry.left);
    }
  return taps;
}

// The gradient of the input, phase by phase: each pixel of dx sees only the taps whose position agrees with its own
// modulo the stride. visit(lattice of dx, taps on dy, their numbers among rows * columns)
template <typename Visit>
void for_phases(const Geometry &geometry, const Image &target, int64_t rows, int64_t columns, const Visit &visit) {
  const int s = geometry.stride;
  for (int row_phase = 0; row_phase < s; ++row_phase)
    for (int column_phase = 0; column_phase < s; ++column_phase) {
      const Lattice lattice{divide_up(target.height - row_phase, s), divide_up(target.width - column_phase, s),
                            row_phase, column_phase, s, target.width, target.plane()};
      if (lattice.height <= 0 || lattice.width <= 0) continue;
      Taps taps{1, {}, {}};
      std::vector<int64_t> used;
      for (int row = 0; row < rows; ++row)
        for (int column = 0; column < columns; ++column) {
          const int y = row_phase + geometry.top - row * geometry.dilation;
          const int x = column_phase + geometry.left - column * geometry.dilation;
          if (y % s != 0 || x % s != 0) continue;
          taps.rows.push_back(y / s);
          taps.columns.push_back(x / s);
          used.push_back(row * columns + column);
        }
      visit(lattice, taps, used);
    }
}

// Zeros at the pixels of a lattice, in all planes.
template <typename Number>
void clear(int64_t planes, const Lattice &lattice, Number *to) {
  parallel(planes, [&](int plane) {
    for (int64_t y = 0; y < lattice.height; ++y)
      for (int64_t x = 0; x < lattice.width; ++x) to[plane * lattice.plane + lattice.offset(y, x)] = Number{};
  });
}
