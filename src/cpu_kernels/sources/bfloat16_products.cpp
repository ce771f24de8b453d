#include "bfloat16_products.h"

#include <algorithm>
#include <array>
#include <utility>

#if defined(__AMX_BF16__) && defined(__AMX_TILE__) && defined(__linux__)
#define HAS_AMX 1
#include <sys/syscall.h>
#include <unistd.h>
#endif
#if defined(__AVX512BF16__) && defined(__AVX512F__)
#define HAS_AVX512_BF16 1
#endif

namespace {

// What the others compute, on any processor.
template <int ROW_STEP>
void multiply_twin(int rows, int pairs, const Bfloat16 *a, int64_t block_step, const Bfloat16 *b, float *result,
                   int64_t result_step, bool first) {
  constexpr int kParts = kPanel / kLanes;
  for (int row = 0; row < rows; ++row) {
    float *to = result + row * result_step;
    Vector totals[kParts];
    for (int part = 0; part < kParts; ++part) totals[part] = first ? Vector{} : load(to + part * kLanes);
    for (int pair = 0; pair < pairs; ++pair) {
      const Bfloat16 *factors = a + pair / kPairs * block_step + row * ROW_STEP + pair % kPairs * 2;
      const float *columns = reinterpret_cast<const float *>(b) + pair * kPanel;  // each holds a pair
      const Vector even = splat(to_float(factors[0])), odd = splat(to_float(factors[1]));
      for (int part = 0; part < kParts; ++part) {
        const Words words = (Words)load(columns + part * kLanes);
        totals[part] += even * (Vector)(words << 16);
        totals[part] += odd * (Vector)(words & 0xffff0000);
      }
    }
    for (int part = 0; part < kParts; ++part) store(to + part * kLanes, totals[part]);
  }
}

constexpr Products16 kTwinProducts{
    kTwin, 12, 1, multiply_twin<kBlock>, multiply_twin<kRowStep16>, nullptr, nullptr, nullptr};

#if defined(HAS_AVX512_BF16)
constexpr int kAvx512Rows = 12;

using Sums = __m512[kPanel / kLanes];

// The products of ROWS rows of a with the columns of b, added to `totals`.
template <int ROWS>
inline __attribute__((always_inline)) void add_products(int pairs, const Bfloat16 *a, int64_t block_step,
                                                        const Bfloat16 *b, Sums *totals) {
  const auto add = [&](int pair) {
    const __m512bh left = (__m512bh)_mm512_loadu_si512(b), right = (__m512bh)_mm512_loadu_si512(b + kPanel);
#pragma GCC unroll 16
    for (int row = 0; row < ROWS; ++row) {
      int32_t factors;
      std::memcpy(&factors, a + row * kBlock + 2 * pair, sizeof(factors));
      const __m512bh factor = (__m512bh)_mm512_set1_epi32(factors);
      totals[row][0] = _mm512_dpbf16_ps(totals[row][0], factor, left);
      totals[row][1] = _mm512_dpbf16_ps(totals[row][1], factor, right);
    }
    b += 2 * kPanel;
  };
  for (; pairs >= kPairs; pairs -= kPairs, a += block_step)
    for (int pair = 0; pair < kPairs; ++pair) add(pair);
  for (int pair = 0; pair < pairs; ++pair) add(pair);
}

template <int ROWS>
void multiply_avx512(int pairs, const Bfloat16 *a, int64_t block_step, const Bfloat16 *b, float *result,
                     int64_t result_step, bool first) {
  Sums totals[ROWS];
#pragma GCC unroll 16
  for (int row = 0; row < ROWS; ++row)
#pragma GCC unroll 2
    for (int part = 0; part < 2; ++part)
      totals[row][part] = first ? _mm512_setzero_ps() : _mm512_loadu_ps(result + row * result_step + part * 16);
  add_products<ROWS>(pairs, a, block_step, b, totals);
#pragma GCC unroll 16
  for (int row = 0; row < ROWS; ++row)
#pragma GCC unroll 2
    for (int part = 0; part < 2; ++part) _mm512_storeu_ps(result + row * result_step + part * 16, totals[row][part]);
}

inline void store_pixels(Bfloat16 *to, const Sums &sums) {
  _mm512_storeu_si512(to, pixels_in_order((__m512i)_mm512_cvtne2ps_pbh(sums[1], sums[0])));
}
inline void store_pixels(float *to, const Sums &sums) {
  _mm512_storeu_ps(to, pixels_in_order(sums[0], sums[1], 0));
  _mm512_storeu_ps(to + 16, pixels_in_order(sums[0], sums[1], 16));
}

template <int ROWS, typename Y>
void multiply_to_image(int pairs, const Bfloat16 *a, int64_t block_step, const Bfloat16 *b, const float *shifts,
                       Y *result, int64_t result_step) {
  Sums totals[ROWS];
#pragma GCC unroll 16
  for (int row = 0; row < ROWS; ++row) totals[row][0] = totals[row][1] = _mm512_set1_ps(shifts[row]);
  add_products<ROWS>(pairs, a, block_step, b, totals);
#pragma GCC unroll 16
  for (int row = 0; row < ROWS; ++row) store_pixels(result + row * result_step, totals[row]);
}

template <int... ROWS>
constexpr auto table_of(std::integer_sequence<int, ROWS...>) {
  return std::array{multiply_avx512<ROWS + 1>...};
}
template <typename Y, int... ROWS>
constexpr auto image_table_of(std::integer_sequence<int, ROWS...>) {
  return std::array{multiply_to_image<ROWS + 1, Y>...};
}

template <typename Y>
void multiply_to_image_rows(int rows, int pairs, const Bfloat16 *a, int64_t block_step, const Bfloat16 *b,
                            const float *shifts, Y *result, int64_t result_step) {
  static constexpr auto table = image_table_of<Y>(std::make_integer_sequence<int, kAvx512Rows>());
  table[rows - 1](pairs, a, block_step, b, shifts, result, result_step);
}

void multiply_avx512_rows(int rows, int pairs, const Bfloat16 *a, int64_t block_step, const Bfloat16 *b,
                          float *result, int64_t result_step, bool first) {
  static constexpr auto table = table_of(std::make_integer_sequence<int, kAvx512Rows>());
  table[rows - 1](pairs, a, block_step, b, result, result_step, first);
}

// The sums of the lanes of four vectors.
inline __m128 sums_of(__m512 a, __m512 b, __m512 c, __m512 d) {
  const __m512 low = _mm512_unpacklo_ps(a, b) + _mm512_unpackhi_ps(a, b);
  const __m512 high = _mm512_unpacklo_ps(c, d) + _mm512_unpackhi_ps(c, d);
  const __m512 fours = (__m512)(_mm512_unpacklo_pd((__m512d)low, (__m512d)high)) +
                       (__m512)(_mm512_unpackhi_pd((__m512d)low, (__m512d)high));
  const __m256 eights = _mm512_castps512_ps256(fours) + _mm512_extractf32x8_ps(fours, 1);
  return _mm256_castps256_ps128(eights) + _mm256_extractf128_ps(eights, 1);
}

// Lanes are pairs of the depth, so nothing is transposed.
template <int LEFTS>
void dots_avx512(int depth, const Bfloat16 *left, const Bfloat16 *right, float *result, int64_t result_step,
                 bool first) {
  __m512 totals[LEFTS][kDotRights];
#pragma GCC unroll 8
  for (int l = 0; l < LEFTS; ++l)
#pragma GCC unroll 4
    for (int r = 0; r < kDotRights; ++r) totals[l][r] = _mm512_setzero_ps();
  for (int at = 0; at < depth; at += kBlock) {
    __m512bh columns[kDotRights];
#pragma GCC unroll 4
    for (int r = 0; r < kDotRights; ++r) columns[r] = (__m512bh)_mm512_loadu_si512(right + r * kRowStep16 + at);
#pragma GCC unroll 8
    for (int l = 0; l < LEFTS; ++l) {
      const __m512bh row = (__m512bh)_mm512_loadu_si512(left + l * kRowStep16 + at);
#pragma GCC unroll 4
      for (int r = 0; r < kDotRights; ++r) totals[l][r] = _mm512_dpbf16_ps(totals[l][r], row, columns[r]);
    }
  }
#pragma GCC unroll 8
  for (int l = 0; l < LEFTS; ++l) {
    float *to = result + l * result_step;
    const __m128 sums = sums_of(totals[l][0], totals[l][1], totals[l][2], totals[l][3]);
    _mm_storeu_ps(to, first ? sums : sums + _mm_loadu_ps(to));
  }
}

void multiply_rows_avx512(int lefts, int rights, int depth, const Bfloat16 *left, const Bfloat16 *right, float *result,
                          int64_t result_step, bool first) {
  constexpr int kLefts = 6;
  using Dots = void (*)(int, const Bfloat16 *, const Bfloat16 *, float *, int64_t, bool);
  static constexpr Dots table[kLefts] = {dots_avx512<1>, dots_avx512<2>, dots_avx512<3>,
                                         dots_avx512<4>, dots_avx512<5>, dots_avx512<6>};
  for (int l = 0; l < lefts; l += kLefts)
    for (int r = 0; r < rights; r += kDotRights)
      table[std::min(kLefts, lefts - l) - 1](depth, left + l * kRowStep16, right + r * kRowStep16,
                                             result + l * result_step + r, result_step, first);
}

constexpr Products16 kAvx512Products{kAvx512,
                                     kAvx512Rows,
                                     1,
                                     multiply_avx512_rows,
                                     nullptr,
                                     multiply_rows_avx512,
                                     multiply_to_image_rows<Bfloat16>,
                                     multiply_to_image_rows<float>};
#endif

#if defined(HAS_AMX)
constexpr int kTileRows = 16;
constexpr int kTileBytes = 64;  // of a row

// Tiles 0 to 3 are sums: 0 and 1 of the first 16 rows, 2 and 3 of the next. 4 and 5 are those rows, 6 and 7 columns.
struct alignas(64) TileConfiguration {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t bytes_of_row[16] = {};
  uint8_t rows[16] = {};
  TileConfiguration() {
    for (int tile = 0; tile < 8; ++tile) bytes_of_row[tile] = kTileBytes, rows[tile] = kTileRows;
  }
};

template <int ROW_STEP>
void multiply_amx(int rows, int pairs, const Bfloat16 *a, int64_t block_step, const Bfloat16 *b, float *result,
                  int64_t result_step, bool first) {
  const int64_t step = result_step * sizeof(float);
  constexpr int64_t kRowBytes = ROW_STEP * sizeof(Bfloat16), kPanelBytes = 2 * kTileBytes;
  const bool both = rows > kTileRows;
  float *lower = result + kTileRows * result_step;
  if (first) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  } else {
    _tile_loadd(0, result, step);
    _tile_loadd(1, result + kPanel / 2, step);
    if (both) {
      _tile_loadd(2, lower, step);
      _tile_loadd(3, lower + kPanel / 2, step);
    }
  }
  for (; pairs > 0; pairs -= kPairs, a += block_step, b += kBlock * kPanel) {
    _tile_loadd(4, a, kRowBytes);
    _tile_loadd(6, b, kPanelBytes);
    _tile_loadd(7, b + kBlock, kPanelBytes);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    if (both) {
      _tile_loadd(5, a + kTileRows * ROW_STEP, kRowBytes);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
  }
  _tile_stored(0, result, step);
  _tile_stored(1, result + kPanel / 2, step);
  if (both) {
    _tile_stored(2, lower, step);
    _tile_stored(3, lower + kPanel / 2, step);
  }
}

constexpr Products16 kAmxProducts{kAmx,    2 * kTileRows, kTileRows, multiply_amx<kBlock>, multiply_amx<kRowStep16>,
                                  nullptr, nullptr, nullptr};

// Linux saves the tiles of a process only if it was asked to.
bool may_use_tiles() {
  constexpr int kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  static const bool allowed = syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  return allowed;
}
#endif

const Products16 *chosen = &kTwinProducts;

}  // namespace

const Products16 &products16() { return *chosen; }

ProductsOfTask::ProductsOfTask() {
#if defined(HAS_AMX)
  static const TileConfiguration configuration;
  if (chosen->kind == kAmx) _tile_loadconfig(&configuration);
#endif
}

ProductsOfTask::~ProductsOfTask() {
#if defined(HAS_AMX)
  if (chosen->kind == kAmx) _tile_release();
#endif
}

// Lets the products of bfloat16 use the instructions of that kind; returns whether this processor and system have them.
extern "C" int set_bfloat16_kind(int kind) {
  if (kind == kTwin) {
    chosen = &kTwinProducts;
    return 1;
  }
#if defined(HAS_AVX512_BF16)
  if (kind == kAvx512) {
    chosen = &kAvx512Products;
    return 1;
  }
#endif
#if defined(HAS_AMX)
  if (kind == kAmx && may_use_tiles()) {
    chosen = &kAmxProducts;
    return 1;
  }
#endif
  return 0;
}
