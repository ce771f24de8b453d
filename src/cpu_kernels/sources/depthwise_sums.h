// Inner loops of the depthwise convolution, over padded grids of float32 or bfloat16.
#pragma once
#include <array>
#include <type_traits>

#include "bfloat16.h"

// Rows of taps: in each, N0 taps side by side and N1 more, which lie elsewhere (0: none).
template <int ROWS, int N0, int N1>
struct TapRows {
  int64_t offsets[ROWS][2] = {};  // of the first tap of each
  float weights[ROWS][N0 + N1];

  template <typename Visit>  // visit(number, offset, weight)
  void for_taps(const Visit &visit) const {
    for (int row = 0, number = 0; row < ROWS; ++row)
      for (int tap = 0; tap < N0 + N1; ++tap, ++number)
        visit(number, tap < N0 ? offsets[row][0] + tap : offsets[row][1] + tap - N0, weights[row][tap]);
  }
};

// Correlation<Grid, Taps>(taps)(positions, source, result): result[q] = sum over taps of weight * source[q + offset].
template <typename Grid, typename Taps, typename = void>
class Correlation;

template <typename Grid, typename Taps>
Correlation<Grid, Taps> correlation_of(const Taps &taps) {
  return Correlation<Grid, Taps>(taps);
}

template <typename Number>
constexpr bool kHasProductsOf = false;

#if defined(__AVX512BF16__) && defined(__AVX512F__)
template <>
constexpr bool kHasProductsOf<Bfloat16> = true;

inline __m512bh load_pairs(const Bfloat16 *from) { return (__m512bh)_mm512_loadu_si512(from); }
inline __m512bh splat_pair(float first, float second) {
  Bfloat16 pair[2];
  from_float(first, pair);
  from_float(second, pair + 1);
  int32_t bits;
  std::memcpy(&bits, pair, sizeof(bits));
  return (__m512bh)_mm512_set1_epi32(bits);
}

// N taps side by side as pairs of factors, for sums at even positions and at odd ones. An odd tap that is left goes with
// a zero beside it: after it where there is one tap, before it where there are more, so that no source is loaded twice.
template <int N>
struct PairsOfTaps {
  static constexpr int kPairs = (N + 1) / 2, kLoads = N == 1 ? 1 : N;
  __m512bh factors[kPairs], alone_at_odd;
  void set(const float *weights) {
#pragma GCC unroll 4
    for (int pair = 0; pair < N / 2; ++pair) factors[pair] = splat_pair(weights[2 * pair], weights[2 * pair + 1]);
    if (N % 2 == 1) factors[N / 2] = N == 1 ? splat_pair(weights[0], 0) : splat_pair(0, weights[N - 1]);
    alone_at_odd = splat_pair(0, weights[0]);
  }
  void add(const Bfloat16 *source, __m512 &even, __m512 &odd) const {
    __m512bh loaded[kLoads];
#pragma GCC unroll 5
    for (int at = 0; at < kLoads; ++at) loaded[at] = load_pairs(source + at);
    if (N == 1) {
      even = _mm512_dpbf16_ps(even, loaded[0], factors[0]);
      odd = _mm512_dpbf16_ps(odd, loaded[0], alone_at_odd);
      return;
    }
#pragma GCC unroll 4
    for (int pair = 0; pair < kPairs; ++pair) {
      const int at = 2 * pair < N - 1 ? 2 * pair : N - 2;
      even = _mm512_dpbf16_ps(even, loaded[at], factors[pair]);
      odd = _mm512_dpbf16_ps(odd, loaded[at + 1], factors[pair]);
    }
  }
};
template <>
struct PairsOfTaps<0> {
  void set(const float *) {}
  void add(const Bfloat16 *, __m512 &, __m512 &) const {}
};

// The numbers of both in turns.
inline void store_in_turns(float *to, __m512 even, __m512 odd) {
  store(to, low_in_turns((Vector)even, (Vector)odd));
  store(to + kLanes, high_in_turns((Vector)even, (Vector)odd));
}
inline void store_in_turns(Bfloat16 *to, __m512 even, __m512 odd) {
  const __m512i both = (__m512i)_mm512_cvtne2ps_pbh(odd, even);  // even ones first
  _mm512_storeu_si512(to, _mm512_permutexvar_epi16(order_in_turns(kLanes), both));
}

// 32 results at a time, those at even and at odd positions apart.
template <int ROWS, int N0, int N1>
class Correlation<Bfloat16, TapRows<ROWS, N0, N1>> {
 public:
  explicit Correlation(const TapRows<ROWS, N0, N1> &taps) : taps_(taps) {
    for (int row = 0; row < ROWS; ++row) {
      pairs_[row].first.set(taps.weights[row]);
      pairs_[row].second.set(taps.weights[row] + N0);
    }
  }
  template <typename Y>
  void operator()(int64_t positions, const Bfloat16 *source, Y *result) const {
    const auto pairs = pairs_;
    for (int64_t at = 0; at < positions; at += 2 * kLanes) {
      __m512 even = _mm512_setzero_ps(), odd = even;
#pragma GCC unroll 5
      for (int row = 0; row < ROWS; ++row) {
        pairs[row].first.add(source + at + taps_.offsets[row][0], even, odd);
        pairs[row].second.add(source + at + taps_.offsets[row][1], even, odd);
      }
      store_in_turns(result + at, even, odd);
    }
  }

 private:
  struct Pairs {
    PairsOfTaps<N0> first;
    PairsOfTaps<N1> second;
  };
  TapRows<ROWS, N0, N1> taps_;
  std::array<Pairs, ROWS> pairs_;
};

// totals[tap] += gradient[q] * source[q + offset of the tap], sums over all q kept apart by lane
template <int ROWS, int N0, int N1>
void accumulate(int64_t positions, const Bfloat16 *gradient, const Bfloat16 *source, const TapRows<ROWS, N0, N1> &taps,
                Vector *totals) {
  constexpr int kTaps = ROWS * (N0 + N1);
  int64_t offsets[kTaps];
  taps.for_taps([&](int number, int64_t offset, float) { offsets[number] = offset; });
  __m512 local[kTaps];
#pragma GCC unroll 25
  for (int tap = 0; tap < kTaps; ++tap) local[tap] = (__m512)totals[tap];
  for (int64_t at = 0; at < positions; at += 2 * kLanes) {
    const __m512bh factors = load_pairs(gradient + at);
#pragma GCC unroll 25
    for (int tap = 0; tap < kTaps; ++tap)
      local[tap] = _mm512_dpbf16_ps(local[tap], factors, load_pairs(source + at + offsets[tap]));
  }
#pragma GCC unroll 25
  for (int tap = 0; tap < kTaps; ++tap) totals[tap] = (Vector)local[tap];
}
#endif

// The same with float32 arithmetic, also for grids of bfloat16 where the processor has no products of them.
template <typename Grid, int ROWS, int N0, int N1>
class Correlation<Grid, TapRows<ROWS, N0, N1>, std::enable_if_t<!kHasProductsOf<Grid>>> {
 public:
  explicit Correlation(const TapRows<ROWS, N0, N1> &taps) {
    taps.for_taps([&](int number, int64_t offset, float weight) {
      Grid factor;
      from_float(weight, &factor);
      offsets_[number] = offset;
      weights_[number] = to_float(factor);
    });
  }
  template <typename Y>
  void operator()(int64_t positions, const Grid *source, Y *result) const {
    Vector factors[kTaps];
#pragma GCC unroll 25
    for (int tap = 0; tap < kTaps; ++tap) factors[tap] = splat(weights_[tap]);
    for (int64_t at = 0; at < positions; at += kLanes) {
      Vector total{};
#pragma GCC unroll 25
      for (int tap = 0; tap < kTaps; ++tap) total += factors[tap] * load(source + at + offsets_[tap]);
      store(result + at, total);
    }
  }

 private:
  static constexpr int kTaps = ROWS * (N0 + N1);
  int64_t offsets_[kTaps];
  float weights_[kTaps];
};

template <int ROWS, int N0, int N1, typename Grid>
std::enable_if_t<!kHasProductsOf<Grid>> accumulate(int64_t positions, const Grid *gradient, const Grid *source,
                                                   const TapRows<ROWS, N0, N1> &taps, Vector *totals) {
  constexpr int kTaps = ROWS * (N0 + N1);
  int64_t offsets[kTaps];
  taps.for_taps([&](int number, int64_t offset, float) { offsets[number] = offset; });
  Vector local[kTaps];
#pragma GCC unroll 25
  for (int tap = 0; tap < kTaps; ++tap) local[tap] = totals[tap];
  for (int64_t at = 0; at < positions; at += kLanes) {
    Vector factor = load(gradient + at);
    keep(factor);
#pragma GCC unroll 25
    for (int tap = 0; tap < kTaps; ++tap) local[tap] += factor * load(source + at + offsets[tap]);
  }
#pragma GCC unroll 25
  for (int tap = 0; tap < kTaps; ++tap) totals[tap] = local[tap];
}
