// One side of the transforms of Winograd's algorithm F(TILE x TILE, 3 x 3): polynomials at the points 0, p, -p for each
// p of `PointsOf`, and infinity. Rows of p and -p have their even and their odd terms in common.
#pragma once
#include "vector.h"

// Chosen for the smallest rounding errors. Those of 8 are 40 times those of 4, and a thirtieth of bfloat16's.
template <int TILE>
struct PointsOf;
template <>
struct PointsOf<4> {
  static constexpr double values[] = {5.0 / 8, 3.0 / 2};
};
template <>
struct PointsOf<8> {
  static constexpr double values[] = {7.0 / 16, 3.0 / 4, 5.0 / 4, 7.0 / 4};
};

template <int TILE>
struct Transforms {
  static constexpr int kSide = TILE + 2;           // points of a tile on each side
  static constexpr int kPoints = kSide * kSide;    // products of a tile
  static constexpr int kPairs = TILE / 2;

  struct Coefficients {
    float all[kPairs + 1] = {};          // of the product of x^2 - q^2 over all q, those of x^0, x^2, ...
    float others[kPairs][kPairs] = {};   // [p]: of the product without q = p
    float powers[kPairs][TILE] = {};     // [p][k]: p^k
    float scales[kPairs] = {};           // [p]: 1 / (2 p^2 times the product of p^2 - q^2 over the others)
    float scale_of_zero = 0;             // 1 / the product of -q^2

    constexpr Coefficients() {
      double product[kPairs + 1] = {1}, at_zero = 1;
      for (int pair = 0; pair < kPairs; ++pair) {
        const double square = PointsOf<TILE>::values[pair] * PointsOf<TILE>::values[pair];
        at_zero *= -square;
        multiply(product, pair, square);
        double rest[kPairs + 1] = {1}, scale = 2 * square, power = 1;
        int degree = 0;
        for (int other = 0; other < kPairs; ++other) {
          if (other == pair) continue;
          const double its = PointsOf<TILE>::values[other] * PointsOf<TILE>::values[other];
          multiply(rest, degree++, its);
          scale *= square - its;
        }
        for (int k = 0; k < kPairs; ++k) others[pair][k] = rest[k];
        for (int k = 0; k < TILE; ++k, power *= PointsOf<TILE>::values[pair]) powers[pair][k] = power;
        scales[pair] = 1 / scale;
      }
      for (int k = 0; k <= kPairs; ++k) all[k] = product[k];
      scale_of_zero = 1 / at_zero;
    }

    // A polynomial of this degree in x^2, times x^2 - square.
    static constexpr void multiply(double *polynomial, int degree, double square) {
      polynomial[degree + 1] = 0;
      for (int k = degree + 1; k > 0; --k) polynomial[k] = polynomial[k - 1] - square * polynomial[k];
      polynomial[0] *= -square;
    }
  };
  static constexpr Coefficients kOf{};

  // B^T d: TILE + 2 values of the source at the points.
  template <typename Number>
  static inline void at_points(const Number *d, Number *points) {
    Number zero = d[TILE], infinity = d[TILE + 1];
#pragma GCC unroll 8
    for (int k = 0; k < kPairs; ++k) {
      zero += kOf.all[k] * d[2 * k];
      infinity += kOf.all[k] * d[2 * k + 1];
    }
    points[0] = zero;
    points[kSide - 1] = infinity;
#pragma GCC unroll 8
    for (int pair = 0; pair < kPairs; ++pair) {
      Number even = d[TILE], odd = d[TILE - 1];
#pragma GCC unroll 8
      for (int k = 0; k < kPairs - 1; ++k) {
        even += kOf.others[pair][k] * d[2 * k + 2];
        odd += kOf.others[pair][k] * d[2 * k + 1];
      }
      odd *= kOf.powers[pair][1];
      points[2 * pair + 1] = even + odd;
      points[2 * pair + 2] = even - odd;
    }
  }

  // A^T m: TILE results from the products at the points.
  template <typename Number>
  static inline void results_of(const Number *m, Number *y) {
    Number sums[kPairs], differences[kPairs];
#pragma GCC unroll 8
    for (int pair = 0; pair < kPairs; ++pair) {
      sums[pair] = m[2 * pair + 1] + m[2 * pair + 2];
      differences[pair] = m[2 * pair + 1] - m[2 * pair + 2];
    }
#pragma GCC unroll 8
    for (int k = 0; k < TILE; ++k) {
      const Number *terms = k % 2 == 0 ? sums : differences;
      Number total = kOf.powers[0][k] * terms[0];
#pragma GCC unroll 8
      for (int pair = 1; pair < kPairs; ++pair) total += kOf.powers[pair][k] * terms[pair];
      y[k] = k == 0 ? m[0] + total : k == TILE - 1 ? m[kSide - 1] + total : total;
    }
  }

  // A y: TILE values of the gradient at the points.
  template <typename Number>
  static inline void gradients_at(const Number *y, Number *points) {
    points[0] = y[0];
    points[kSide - 1] = y[TILE - 1];
#pragma GCC unroll 8
    for (int pair = 0; pair < kPairs; ++pair) {
      Number even = y[0], odd = kOf.powers[pair][1] * y[1];
#pragma GCC unroll 8
      for (int k = 2; k < TILE; k += 2) {
        even += kOf.powers[pair][k] * y[k];
        odd += kOf.powers[pair][k + 1] * y[k + 1];
      }
      points[2 * pair + 1] = even + odd;
      points[2 * pair + 2] = even - odd;
    }
  }

  // G g: three weights at the points; `step` from one to the next, in both.
  template <typename Number>
  static inline void weights_at(const Number *g, Number *points, int step) {
    points[0] = kOf.scale_of_zero * g[0];
    points[(kSide - 1) * step] = g[2 * step];
#pragma GCC unroll 8
    for (int pair = 0; pair < kPairs; ++pair) {
      const Number even = kOf.scales[pair] * (g[0] + kOf.powers[pair][2] * g[2 * step]);
      const Number odd = kOf.scales[pair] * kOf.powers[pair][1] * g[step];
      points[(2 * pair + 1) * step] = even + odd;
      points[(2 * pair + 2) * step] = even - odd;
    }
  }

  // G^T u: gradients of three weights from those at the points.
  template <typename Number>
  static inline void weight_gradients_of(const Number *u, Number *g) {
    g[0] = kOf.scale_of_zero * u[0];
    g[1] = Number{};
    g[2] = u[kSide - 1];
#pragma GCC unroll 8
    for (int pair = 0; pair < kPairs; ++pair) {
      const Number sum = kOf.scales[pair] * (u[2 * pair + 1] + u[2 * pair + 2]);
      g[0] += sum;
      g[1] += kOf.scales[pair] * kOf.powers[pair][1] * (u[2 * pair + 1] - u[2 * pair + 2]);
      g[2] += kOf.powers[pair][2] * sum;
    }
  }
};

// ---- pixels of tiles side by side, a tile in each lane ----

// values[i] = numbers i, i + COUNT, i + 2 COUNT, ... of COUNT vectors side by side, which are used up
template <int COUNT>
inline void deal(Vector *from, Vector *values, int step = 1) {
  if constexpr (COUNT == 1) {
    values[0] = from[0];
  } else {
    Vector even[COUNT / 2], odd[COUNT / 2];
#pragma GCC unroll 8
    for (int index = 0; index < COUNT / 2; ++index) {
      even[index] = even_of(from[2 * index], from[2 * index + 1]);
      odd[index] = odd_of(from[2 * index], from[2 * index + 1]);
    }
    deal<COUNT / 2>(even, values, 2 * step);
    deal<COUNT / 2>(odd, values + step, 2 * step);
  }
}

// The reverse.
template <int COUNT>
inline void undeal(const Vector *values, Vector *to, int step = 1) {
  if constexpr (COUNT == 1) {
    to[0] = values[0];
  } else {
    Vector even[COUNT / 2], odd[COUNT / 2];
    undeal<COUNT / 2>(values, even, 2 * step);
    undeal<COUNT / 2>(values + step, odd, 2 * step);
#pragma GCC unroll 8
    for (int index = 0; index < COUNT / 2; ++index) {
      to[2 * index] = low_in_turns(even[index], odd[index]);
      to[2 * index + 1] = high_in_turns(even[index], odd[index]);
    }
  }
}

// values[i] = pixel i of each of kLanes tiles of TILE pixels
template <int TILE>
inline void load_tiles(const float *from, Vector *values) {
#if defined(__AVX__) && !defined(__AVX512F__)
  if constexpr (TILE == 4) {
#pragma GCC unroll 4
    for (int index = 0; index < 4; ++index)
      values[index] = (Vector)_mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(from + 4 * index)),
                                                   _mm_loadu_ps(from + 4 * index + 16), 1);
    transpose_fours(values);
    return;
  }
#endif
  Vector side_by_side[TILE];
#pragma GCC unroll 8
  for (int index = 0; index < TILE; ++index) side_by_side[index] = load(from + index * kLanes);
  deal<TILE>(side_by_side, values);
}

// The reverse; the values are used up.
template <int TILE>
inline void store_tiles(float *to, Vector *values) {
#if defined(__AVX__) && !defined(__AVX512F__)
  if constexpr (TILE == 4) {
    transpose_fours(values);
#pragma GCC unroll 4
    for (int index = 0; index < 4; ++index) {
      _mm_storeu_ps(to + 4 * index, _mm256_castps256_ps128((__m256)values[index]));
      _mm_storeu_ps(to + 4 * index + 16, _mm256_extractf128_ps((__m256)values[index], 1));
    }
    return;
  }
#endif
  Vector side_by_side[TILE];
  undeal<TILE>(values, side_by_side);
#pragma GCC unroll 8
  for (int index = 0; index < TILE; ++index) store(to + index * kLanes, side_by_side[index]);
}
