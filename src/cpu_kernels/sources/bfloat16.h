// Numbers of 16 bits: the upper half of a float32. Kernels compute in float32 and store such numbers.
#pragma once
#include "vector.h"

struct Bfloat16 {
  uint16_t bits;
};

typedef uint32_t Words __attribute__((vector_size(kVectorBytes)));
typedef uint16_t Halves __attribute__((vector_size(kVectorBytes / 2), aligned(2), may_alias));

inline float to_float(Bfloat16 value) {
  const uint32_t bits = uint32_t(value.bits) << 16;
  float result;
  std::memcpy(&result, &bits, sizeof(result));
  return result;
}
inline float to_float(float value) { return value; }

// To the nearest, ties to even; NaN stays NaN, which stops training.
inline void from_float(float value, Bfloat16 *to) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  to->bits = value != value ? bits >> 16 | 0x40 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}
inline void from_float(float value, float *to) { *to = value; }

inline Halves rounded(Vector value) {
#if defined(__AVX512BF16__) && defined(__AVX512F__)
  return (Halves)_mm512_cvtneps_pbh((__m512)value);
#else
  const Words bits = (Words)value;
  const Words nearest = (bits + 0x7fff + (bits >> 16 & 1)) >> 16, quiet = bits >> 16 | 0x40;
  const auto is_nan = value != value;
  return __builtin_convertvector((Words)(is_nan ? quiet : nearest), Halves);
#endif
}

inline Vector widened(Halves values) {
#if defined(__AVX512F__)
  return (Vector)_mm512_slli_epi32(_mm512_cvtepu16_epi32((__m256i)values), 16);  // GCC takes two halves of a vector
#else
  return (Vector)(__builtin_convertvector(values, Words) << 16);
#endif
}

inline Vector load(const Bfloat16 *from) { return widened(*reinterpret_cast<const Halves *>(from)); }
inline void store(Bfloat16 *to, Vector value) { *reinterpret_cast<Halves *>(to) = rounded(value); }

inline Vector load_part(const Bfloat16 *from, int count, float fill = 0) {
#if defined(__AVX512BW__) && defined(__AVX512VL__)
  const uint16_t mask = (1u << count) - 1;
  const __m256i values = _mm256_maskz_loadu_epi16(mask, from);
  const Vector value = (Vector)_mm512_slli_epi32(_mm512_cvtepu16_epi32(values), 16);
  return (Vector)_mm512_mask_mov_ps(_mm512_set1_ps(fill), mask, (__m512)value);
#else
  Vector value = splat(fill);
  for (int lane = 0; lane < count; ++lane) value[lane] = to_float(from[lane]);
  return value;
#endif
}
inline void store_part(Bfloat16 *to, Vector value, int count) {
  const Halves halves = rounded(value);
#if defined(__AVX512BW__) && defined(__AVX512VL__)
  _mm256_mask_storeu_epi16(to, (1u << count) - 1, (__m256i)halves);
#else
  for (int lane = 0; lane < count; ++lane) to[lane].bits = halves[lane];
#endif
}

// Lanes begin ... end - 1, of which there may be none; the others are zero, and not read.
inline Vector load_between(const Bfloat16 *from, int begin, int end) {
#if defined(__AVX512BW__) && defined(__AVX512VL__)
  const __m256i values = _mm256_maskz_loadu_epi16(lanes_within(begin, end), from);
  return (Vector)_mm512_slli_epi32(_mm512_cvtepu16_epi32(values), 16);
#else
  Vector value{};
  for (int lane = std::max(0, begin); lane < std::min(kLanes, end); ++lane) value[lane] = to_float(from[lane]);
  return value;
#endif
}

template <typename Number>
inline Vector load_up_to(const Number *from, int count) {
  return count == kLanes ? load(from) : load_part(from, count);
}

template <typename Number>
inline void store_up_to(Number *to, Vector values, int count) {
  count == kLanes ? store(to, values) : store_part(to, values, count);
}

#if defined(__AVX512F__)
// See vector.h.
inline void store_past_caches(Bfloat16 *to, Vector value) {
  _mm256_stream_si256(reinterpret_cast<__m256i *>(to), (__m256i)rounded(value));
}
#endif

// to[i] = from[i], rounded or widened
template <typename To, typename From>
inline void convert(To *to, const From *from, int64_t count) {
  int64_t at = 0;
  for (; at + kLanes <= count; at += kLanes) store(to + at, load(from + at));
  if (at < count) store_part(to + at, load_part(from + at, count - at), count - at);
}

inline void convert(Bfloat16 *to, const Bfloat16 *from, int64_t count) {
  int64_t at = 0;
#if defined(__AVX512BW__)
  for (; at + 2 * kLanes <= count; at += 2 * kLanes) _mm512_storeu_si512(to + at, _mm512_loadu_si512(from + at));
  const uint32_t rest = (uint64_t(1) << (count - at)) - 1;
  _mm512_mask_storeu_epi16(to + at, rest, _mm512_maskz_loadu_epi16(rest, from + at));
#else
  std::memcpy(to, from, count * sizeof(Bfloat16));
#endif
}
