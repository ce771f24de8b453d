// Vectors of the width that the processor has, and memory aligned to them.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include <sys/mman.h>

#if defined(__AVX__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
constexpr int kRegisters = 32;
#elif defined(__AVX__)
constexpr int kVectorBytes = 32;
constexpr int kRegisters = 16;
#else
constexpr int kVectorBytes = 16;
constexpr int kRegisters = 32;
#endif
constexpr int kLanes = kVectorBytes / sizeof(float);

// May begin at any float.
typedef float Vector __attribute__((vector_size(kVectorBytes), aligned(4), may_alias));

inline Vector load(const float *from) { return *reinterpret_cast<const Vector *>(from); }
inline void store(float *to, Vector value) { *reinterpret_cast<Vector *>(to) = value; }

inline Vector splat(float value) { return value - Vector{}; }

typedef int32_t Indexes __attribute__((vector_size(kVectorBytes)));

// Numbers start, start + step, ... of two vectors side by side.
inline Indexes indexes(int start, int step) {
  Indexes result;
  for (int lane = 0; lane < kLanes; ++lane) result[lane] = start + lane * step;
  return result;
}

// The first `count` lanes; the others are filled, or left alone.
inline Vector load_part(const float *from, int count, float fill = 0) {
#if defined(__AVX512F__)
  return _mm512_mask_loadu_ps(_mm512_set1_ps(fill), (1u << count) - 1, from);
#else
  Vector value = splat(fill);
  for (int lane = 0; lane < count; ++lane) value[lane] = from[lane];
  return value;
#endif
}
inline void store_part(float *to, Vector value, int count) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(to, (1u << count) - 1, value);
#else
  for (int lane = 0; lane < count; ++lane) to[lane] = value[lane];
#endif
}

#if defined(__AVX512F__)
// A mask of lanes begin ... end - 1, of which there may be none.
inline __mmask16 lanes_within(int begin, int end) {
  const auto below = [](int lane) { return (1u << std::max(0, std::min(lane, kLanes))) - 1; };
  return below(end) & ~below(begin);
}
#endif

// Lanes begin ... end - 1, of which there may be none; the others are zero, and not read.
inline Vector load_between(const float *from, int begin, int end) {
#if defined(__AVX512F__)
  return _mm512_maskz_loadu_ps(lanes_within(begin, end), from);
#elif defined(__AVX__)
  const Indexes lanes = indexes(0, 1);
  return (Vector)_mm256_maskload_ps(from, (__m256i)((lanes >= begin) & (lanes < end)));
#else
  Vector value{};
  for (int lane = std::max(0, begin); lane < std::min(kLanes, end); ++lane) value[lane] = from[lane];
  return value;
#endif
}

// Keeps a value in a register: compilers would rather load it again with each instruction that uses it.
inline void keep(Vector &value) {
#if defined(__AVX512F__)
  asm("" : "+v"(value));
#elif defined(__AVX__)
  asm("" : "+x"(value));
#elif defined(__aarch64__)
  asm("" : "+w"(value));
#endif
}

// The same for an address: compilers would rather keep one for each offset to it.
inline void keep(const Vector *&address) { asm("" : "+r"(address)); }

inline float sum(Vector value) {
  float lanes[kLanes];
  store(lanes, value);
#pragma GCC unroll 4
  for (int half = kLanes / 2; half > 0; half /= 2)
    for (int lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
  return lanes[0];
}

inline int64_t divide_up(int64_t value, int64_t by) { return (value + by - 1) / by; }
inline int64_t round_up(int64_t value, int64_t to) { return divide_up(value, to) * to; }

constexpr size_t kHugePage = 2 << 20;

// Scratch memory of one thread: grows, and is kept for the next kernel. One for each `Tag`.
template <int Tag>
float *scratch(size_t floats) {
  struct Memory {
    float *data = nullptr;
    size_t size = 0;
    ~Memory() { std::free(data); }
  };
  static thread_local Memory memory;
  if (memory.size < floats) {
    std::free(memory.data);
    memory.size = 0;
    const size_t bytes = floats * sizeof(float), page = bytes < kHugePage ? 64 : kHugePage;
    const size_t whole = round_up(bytes, page);
    memory.data = static_cast<float *>(std::aligned_alloc(page, whole));
    if (memory.data == nullptr) throw std::bad_alloc();
    if (page == kHugePage) madvise(memory.data, whole, MADV_HUGEPAGE);  // with small ones, streams wait for addresses
    memory.size = floats;
  }
  return memory.data;
}

inline void copy(float *to, const float *from, int64_t count) {
  int64_t at = 0;
  for (; at + kLanes <= count; at += kLanes) store(to + at, load(from + at));
  if (at < count) store_part(to + at, load_part(from + at, count - at), count - at);
}

// Bytes of a result from which on it does not go through the caches: whoever reads it would not find it there, and
// memory that is written through a cache is read first.
constexpr int64_t kStreamed = 16 << 20;
#if defined(__AVX512F__)
// To a multiple of the vector's bytes in memory. Readers on other cores see it after `finish_streaming`.
inline void store_past_caches(float *to, Vector value) { _mm512_stream_ps(to, (__m512)value); }
inline void finish_streaming() { _mm_sfence(); }
#else
inline void store_past_caches(float *to, Vector value) { store(to, value); }
inline void finish_streaming() {}
#endif

// Past the caches where it can be.
inline void copy_result(float *to, const float *from, int64_t count, bool is_streamed) {
  if (!is_streamed || count % kLanes != 0 || reinterpret_cast<uintptr_t>(to) % kVectorBytes != 0)
    return copy(to, from, count);
  for (int64_t at = 0; at < count; at += kLanes) store_past_caches(to + at, load(from + at));
}

// Every second of two vectors side by side.
inline Vector even_of(Vector low, Vector high) { return __builtin_shuffle(low, high, indexes(0, 2)); }
inline Vector odd_of(Vector low, Vector high) { return __builtin_shuffle(low, high, indexes(1, 2)); }

// a[n], b[n], a[n + 1], b[n + 1], ... from lane n = `start` on.
inline Vector in_turns(Vector a, Vector b, int start) {
  Indexes order;
  for (int lane = 0; lane < kLanes; ++lane) order[lane] = start + lane / 2 + lane % 2 * kLanes;
  return __builtin_shuffle(a, b, order);
}
inline Vector low_in_turns(Vector a, Vector b) { return in_turns(a, b, 0); }
inline Vector high_in_turns(Vector a, Vector b) { return in_turns(a, b, kLanes / 2); }

#if defined(__AVX__) && !defined(__AVX512F__)
// Both halves of four vectors as 4 x 4 matrices, transposed: shuffles within a half cost least.
inline void transpose_fours(Vector *vectors) {
  const __m256 low_a = _mm256_unpacklo_ps((__m256)vectors[0], (__m256)vectors[1]);
  const __m256 high_a = _mm256_unpackhi_ps((__m256)vectors[0], (__m256)vectors[1]);
  const __m256 low_b = _mm256_unpacklo_ps((__m256)vectors[2], (__m256)vectors[3]);
  const __m256 high_b = _mm256_unpackhi_ps((__m256)vectors[2], (__m256)vectors[3]);
  vectors[0] = (Vector)_mm256_shuffle_ps(low_a, low_b, 0x44);
  vectors[1] = (Vector)_mm256_shuffle_ps(low_a, low_b, 0xee);
  vectors[2] = (Vector)_mm256_shuffle_ps(high_a, high_b, 0x44);
  vectors[3] = (Vector)_mm256_shuffle_ps(high_a, high_b, 0xee);
}

// Lanes become vectors.
inline void transpose(Vector *vectors) {
  transpose_fours(vectors);
  transpose_fours(vectors + 4);
  for (int index = 0; index < 4; ++index) {
    const __m256 low = (__m256)vectors[index], high = (__m256)vectors[index + 4];
    vectors[index] = (Vector)_mm256_permute2f128_ps(low, high, 0x20);
    vectors[index + 4] = (Vector)_mm256_permute2f128_ps(low, high, 0x31);
  }
}
#else
// Lanes become vectors: each pass deals the vectors of both halves out in turns.
inline void transpose(Vector *vectors) {
#pragma GCC unroll 4
  for (int pass = 1; pass < kLanes; pass *= 2) {
    Vector dealt[kLanes];
#pragma GCC unroll 8
    for (int index = 0; index < kLanes / 2; ++index) {
      dealt[2 * index] = low_in_turns(vectors[index], vectors[index + kLanes / 2]);
      dealt[2 * index + 1] = high_in_turns(vectors[index], vectors[index + kLanes / 2]);
    }
#pragma GCC unroll 16
    for (int index = 0; index < kLanes; ++index) vectors[index] = dealt[index];
  }
}
#endif
