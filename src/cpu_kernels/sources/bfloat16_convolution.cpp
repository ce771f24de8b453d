// Convolution with all channels, as products of matrices of bfloat16. Images may be float32 or bfloat16 on either side.
#include <algorithm>
#include <vector>

#include "aot.h"
#include "bfloat16_products.h"
#include "geometry.h"
#include "image.h"
#include "numbers.h"
#include "pixels.h"
#include "pool.h"
#include "products.h"
#include "winograd.h"

namespace {

constexpr int64_t kDepth16 = 1024;               // that is summed before the next block is gathered
constexpr int64_t kGathered = 512 << 10;         // bytes of a task: half of a second-level cache, or less
constexpr int64_t kLeastTasks = 8;               // so that all threads have some

// Part of a panel: columns [begin, end) are pixels that lie side by side in an image.
struct Part {
  int begin, end;
  int64_t offset;  // in the source or the result, of the pixel that column 0 would be
};

// [row of parts][panel]: the parts of each panel, one list for each tap.
class PartsOfPanels {
 public:
  PartsOfPanels(const std::vector<std::vector<Run>> &runs, int panels, int stride) : panels_(panels) {
    for (const auto &row : runs) {
      size_t next = 0;
      for (int panel = 0; panel < panels; ++panel) {
        starts_.push_back(parts_.size());
        for (; next < row.size() && row[next].column < (panel + 1) * kPanel; ++next) {
          const int column = row[next].column - panel * kPanel;
          parts_.push_back({column, column + row[next].length, row[next].offset - int64_t(column) * stride});
        }
      }
    }
    starts_.push_back(parts_.size());
  }
  const Part *begin(int row, int panel) const { return parts_.data() + starts_[row * panels_ + panel]; }
  const Part *end(int row, int panel) const { return parts_.data() + starts_[row * panels_ + panel + 1]; }

 private:
  int panels_;
  std::vector<Part> parts_;
  std::vector<size_t> starts_;
};

#if defined(__AVX512BW__)
inline uint32_t lanes_between(int begin, int end) {
  return uint32_t((uint64_t(1) << end) - (uint64_t(1) << begin));
}

inline __m512i round_to_words(__m512 low, __m512 high) {
#if defined(__AVX512BF16__)
  return (__m512i)_mm512_cvtne2ps_pbh(high, low);
#else
  return _mm512_inserti64x4(_mm512_castsi256_si512((__m256i)rounded((Vector)low)), (__m256i)rounded((Vector)high), 1);
#endif
}

constexpr uint32_t kEven = 0x55555555;

// `values`, with the numbers (begin, end) replaced by from[lane * stride]; nothing else is read.
inline __m512i load_words(__m512i values, const Bfloat16 *from, int begin, int end, int stride) {
  const uint32_t lanes = lanes_between(begin, end);
  if (stride == 1) return _mm512_mask_loadu_epi16(values, lanes, from);
  if (stride == 2) {
    const auto half = [&](uint32_t mask, const Bfloat16 *at) {  // 16 even numbers
      const uint32_t spread = _pdep_u32(mask, kEven);
      return _mm512_cvtepi32_epi16(_mm512_maskz_loadu_epi16(spread, at));
    };
    const __m512i picked = _mm512_inserti64x4(_mm512_castsi256_si512(half(lanes & 0xffff, from)),
                                              half(lanes >> 16, from + kPanel), 1);
    return _mm512_mask_mov_epi16(values, lanes, picked);
  }
  alignas(64) uint16_t words[kPanel];
  _mm512_store_si512(words, values);
  for (int lane = begin; lane < end; ++lane) words[lane] = from[int64_t(lane) * stride].bits;
  return _mm512_load_si512(words);
}
inline __m512i load_words(__m512i values, const float *from, int begin, int end, int stride) {
  const uint32_t lanes = lanes_between(begin, end);
  if (stride == 1) {
    return _mm512_mask_mov_epi16(values, lanes, round_to_words(_mm512_maskz_loadu_ps(lanes & 0xffff, from),
                                                               _mm512_maskz_loadu_ps(lanes >> 16, from + 16)));
  }
  if (stride == 2) {
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const auto half = [&](uint32_t mask, const float *at) {  // 16 even numbers
      const uint32_t spread = _pdep_u32(mask, kEven);
      return _mm512_permutex2var_ps(_mm512_maskz_loadu_ps(spread & 0xffff, at), even,
                                    _mm512_maskz_loadu_ps(spread >> 16, at + 16));
    };
    return _mm512_mask_mov_epi16(values, lanes, round_to_words(half(lanes & 0xffff, from),
                                                               half(lanes >> 16, from + kPanel)));
  }
  alignas(64) float picked[kPanel] = {};
  for (int lane = begin; lane < end; ++lane) picked[lane] = from[int64_t(lane) * stride];
  return _mm512_mask_mov_epi16(values, lanes, round_to_words(_mm512_load_ps(picked), _mm512_load_ps(picked + 16)));
}

// A row of a panel: the columns of two channels in turns. The columns are then in the order of `column_at`.
template <typename X>
inline void gather_pair(Bfloat16 *to, const X *even, const X *odd, const Part *part, const Part *end, int stride) {
  __m512i a = _mm512_setzero_si512(), b = a;
  for (; part != end; ++part) {
    a = load_words(a, even + part->offset, part->begin, part->end, stride);
    if (odd != nullptr) b = load_words(b, odd + part->offset, part->begin, part->end, stride);
  }
  _mm512_store_si512(to, _mm512_unpacklo_epi16(a, b));
  _mm512_store_si512(to + kPanel, _mm512_unpackhi_epi16(a, b));
}

// A row of results + shift, in the order of the columns, to the pixels of the parts.
inline void put_parts(const float *values, float shift, const Part *part, const Part *end, Bfloat16 *to) {
  const __m512 add = _mm512_set1_ps(shift);
  const __m512 low = _mm512_load_ps(values) + add, high = _mm512_load_ps(values + 16) + add;
  const __m512i words = pixels_in_order(round_to_words(low, high));
  for (; part != end; ++part) {
    if (part->end - part->begin == kPanel) {
      _mm512_storeu_si512(to + part->offset, words);
    } else {
      _mm512_mask_storeu_epi16(to + part->offset, lanes_between(part->begin, part->end), words);
    }
  }
}
inline void put_parts(const float *values, float shift, const Part *part, const Part *end, float *to) {
  const __m512 a = _mm512_load_ps(values) + shift, b = _mm512_load_ps(values + 16) + shift;
  const __m512 low = pixels_in_order(a, b, 0), high = pixels_in_order(a, b, 16);
  for (; part != end; ++part) {
    const uint32_t lanes = lanes_between(part->begin, part->end);
    _mm512_mask_storeu_ps(to + part->offset, lanes & 0xffff, low);
    _mm512_mask_storeu_ps(to + part->offset + 16, lanes >> 16, high);
  }
}

// Where a column lies in a row of results.
inline int column_at(int column) { return column / 8 * 4 + column % 4 + column / 4 % 2 * 16; }
#else
template <typename X>
inline void gather_pair(Bfloat16 *to, const X *even, const X *odd, const Part *part, const Part *end, int stride) {
  std::memset(to, 0, 2 * kPanel * sizeof(Bfloat16));
  for (; part != end; ++part)
    for (int column = part->begin; column < part->end; ++column) {
      const int64_t at = part->offset + int64_t(column) * stride;
      from_float(to_float(even[at]), to + 2 * column);
      if (odd != nullptr) from_float(to_float(odd[at]), to + 2 * column + 1);
    }
}

template <typename Y>
inline void put_parts(const float *values, float shift, const Part *part, const Part *end, Y *to) {
  for (; part != end; ++part)
    for (int column = part->begin; column < part->end; ++column)
      from_float(values[column] + shift, to + part->offset + column);
}

inline int column_at(int column) { return column; }
#endif

// Weights as panels [panel][block of the depth][row][kBlock]. The depth is that of pairs of channels: [pair][tap][2].
struct Panels16 {
  int64_t channels, pairs, blocks;
  int rows, padded_rows, count;
  Bfloat16 *data;
  const Bfloat16 *at(int panel, int64_t block) const { return data + (panel * blocks + block) * padded_rows * kBlock; }
  int rows_of(int panel) const { return std::min<int64_t>(rows, channels - int64_t(panel) * rows); }
};

// `weight(m, c, t)` -> float, for channel c and tap t of the source
template <typename Weight>
Panels16 pack_weights16(int64_t channels, int64_t source_channels, int T, const Weight &weight) {
  const Products16 &products = products16();
  const int64_t pairs = divide_up(source_channels, 2) * T, blocks = divide_up(pairs, kPairs);
  const int count = divide_up(channels, products.most_rows);
  const int rows = products.padded(divide_up(channels, count)), padded_rows = products.padded(rows);
  const int64_t size = count * blocks * padded_rows * kBlock;
  Bfloat16 *data = reinterpret_cast<Bfloat16 *>(scratch<3>(size / 2 + 1));
  const Panels16 panels{channels, pairs, blocks, rows, padded_rows, int(divide_up(channels, rows)), data};
  parallel(panels.count, [&](int panel) {
    Bfloat16 *to = data + panel * blocks * padded_rows * kBlock;
    for (int64_t block = 0; block < blocks; ++block)
      for (int row = 0; row < padded_rows; ++row, to += kBlock) {
        float values[kBlock] = {};
        const int64_t first = block * kPairs;
        const int count = row < panels.rows_of(panel) ? std::min<int64_t>(kPairs, pairs - first) : 0;
        int64_t c = first / T * 2;
        for (int index = 0, t = first % T; index < count; ++index) {
          const int64_t m = int64_t(panel) * rows + row;
          values[2 * index] = weight(m, c, t);
          if (c + 1 < source_channels) values[2 * index + 1] = weight(m, c + 1, t);
          if (++t == T) t = 0, c += 2;
        }
        convert(to, values, kBlock);
      }
  });
  return panels;
}

// result[image][m][pixels of the lattice] = sum over channel c and tap t of weights[m][c, t] * source (+ bias)
template <typename X, typename Y>
void correlate16(const Panels16 &weights, const float *bias, int64_t images, const Image &source, const Taps &taps,
                 const X *from, const Lattice &result, Y *to) {
  const int64_t columns = images * result.pixels();
  const int T = taps.count();
  const int64_t depth_blocks = std::min(weights.blocks, kDepth16 / kBlock);  // at a time
  const int64_t panel_size = depth_blocks * kBlock * kPanel;
  const bool at_once = depth_blocks == weights.blocks;
  const bool in_one_row = result.pixels() == result.plane;
  const Lattice lattice = in_one_row ? result.in_one_row() : result;
  const int64_t most_panels = std::max<int64_t>(1, kGathered / (panel_size * int64_t(sizeof(Bfloat16))));
  const int64_t task_columns = kPanel * std::min(most_panels, divide_up(divide_up(columns, kLeastTasks), kPanel));
  const Products16 &products = products16();
  const auto to_image = at_once && lattice.step == 1 ? products.to_image<Y>() : nullptr;
  const std::vector<float> zeros(weights.channels);
  const float *shifts = bias != nullptr ? bias : zeros.data();

  parallel(divide_up(columns, task_columns), [&](int task) {
    const int64_t begin = task * task_columns, end = std::min(columns, begin + task_columns);
    const int panels = divide_up(end - begin, kPanel);
    const PartsOfPanels sources(source_runs(taps, result, source, begin, end, kPanel), panels, taps.stride);
    std::vector<std::vector<Run>> target_runs(1);
    for_rows(lattice, begin, end, kPanel, [&](int64_t at, int64_t image, int64_t row, int64_t column, int64_t length) {
      const int64_t offset = image * weights.channels * result.plane + lattice.offset(row, column);
      target_runs[0].push_back({int(at), int(length), offset});
    });
    const PartsOfPanels targets(target_runs, panels, lattice.step);
    Bfloat16 *gathered = reinterpret_cast<Bfloat16 *>(scratch<0>(panels * panel_size / 2));
    const int64_t group_size = int64_t(weights.padded_rows) * kPanel;  // sums of a group of channels in a panel
    float *sums = scratch<1>(at_once ? group_size : panels * weights.count * group_size);
    const ProductsOfTask ready;

    for (int64_t first = 0; first < weights.blocks; first += depth_blocks) {
      const int blocks = std::min(depth_blocks, weights.blocks - first);
      const int pairs = std::min<int64_t>(blocks * kPairs, weights.pairs - first * kPairs);
      const bool is_last = first + blocks == weights.blocks;
      const int gathered_pairs = products.kind == kAmx ? blocks * kPairs : pairs;  // a tile takes whole blocks
      for (int row = 0; row < gathered_pairs; ++row) {
        const int64_t pair = first * kPairs + row;
        Bfloat16 *target = gathered + int64_t(row) * 2 * kPanel;
        if (pair >= weights.pairs) {
          for (int panel = 0; panel < panels; ++panel)
            std::memset(target + panel * panel_size, 0, 2 * kPanel * sizeof(Bfloat16));
          continue;
        }
        const int64_t channel = pair / T * 2;
        const int tap = pair % T;
        const X *even = from + channel * source.plane();
        const X *odd = channel + 1 < source.channels ? even + source.plane() : nullptr;
        const int64_t ahead = tap + 1 == T ? 2 * source.plane() : 0;
        for (int panel = 0; panel < panels; ++panel) {
          const Part *part = sources.begin(tap, panel), *last = sources.end(tap, panel);
          // channels lie too far apart for the processor to foresee them
          if (ahead != 0 && part != last && odd != nullptr) {
            __builtin_prefetch(even + part->offset + ahead);
            __builtin_prefetch(odd + part->offset + ahead);
          }
          gather_pair(target + panel * panel_size, even, odd, part, last, taps.stride);
        }
      }
      for (int group = 0; group < weights.count; ++group) {
        const int64_t m = int64_t(group) * weights.rows;
        const int rows = weights.rows_of(group);
        for (int panel = 0; panel < panels; ++panel) {
          const Part *part = targets.begin(0, panel), *last = targets.end(0, panel);
          Y *target = to + m * result.plane;
          if (to_image != nullptr && part->end - part->begin == kPanel) {
            to_image(rows, pairs, weights.at(group, first), int64_t(weights.padded_rows) * kBlock,
                     gathered + panel * panel_size, shifts + m, target + part->offset, result.plane);
            continue;
          }
          float *sum = at_once ? sums : sums + (int64_t(panel) * weights.count + group) * group_size;
          products.packed(rows, pairs, weights.at(group, first), int64_t(weights.padded_rows) * kBlock,
                          gathered + panel * panel_size, sum, kPanel, first == 0);
          if (!is_last) continue;
          for (int row = 0; row < rows; ++row, target += result.plane) {
            const float shift = shifts[m + row];
            const float *values = sum + row * kPanel;
            if (lattice.step == 1) {
              put_parts(values, shift, part, last, target);
              continue;
            }
            for (const Part *one = part; one != last; ++one)
              for (int column = one->begin; column < one->end; ++column)
                from_float(values[column_at(column)] + shift, target + one->offset + column * lattice.step);
          }
        }
      }
    }
  });
}

// ---- gradient of the weights: sums over all pixels of products of channels ----

constexpr int kRightRows = 4 * kPanel;             // rows of the source of a task
constexpr int kRightStep = kRightRows + 16;        // from one row of sums to the next: no power of two
constexpr int kLeftRows = 96;                      // rows of the gradient that are gathered at a time, at most
constexpr int64_t kPixelsOfPart16 = 8192;          // summed in one go: rounding errors grow with their number

template <typename X>
inline void copy_row(Bfloat16 *to, const X *from, int64_t length, int stride) {
  if (stride == 1) return convert(to, from, length);
#if defined(__AVX512BW__)
  for (int64_t at = 0; at < length; at += kPanel) {
    const int count = std::min<int64_t>(kPanel, length - at);
    const __m512i words = load_words(_mm512_setzero_si512(), from + at * stride, 0, count, stride);
    _mm512_mask_storeu_epi16(to + at, lanes_between(0, count), words);
  }
#else
  for (int64_t at = 0; at < length; ++at) from_float(to_float(from[at * stride]), to + at);
#endif
}

// Runs of a row with zeros between and after them. Rows lie too far apart for the processor to foresee them: what lies
// `ahead` is asked for early.
template <typename X>
void gather_row16(Bfloat16 *to, int pixels, const std::vector<Run> &runs, const X *from, int stride, int64_t ahead) {
  int at = 0;
  for (const Run &run : runs) {
    if (run.column > at) std::memset(to + at, 0, (run.column - at) * sizeof(Bfloat16));
    copy_row(to + run.column, from + run.offset, run.length, stride);
    for (int64_t pixel = 0; pixel < int64_t(run.length) * stride; pixel += 64 / sizeof(X))
      __builtin_prefetch(from + run.offset + ahead + pixel);
    at = run.column + run.length;
  }
  std::memset(to + at, 0, (pixels - at) * sizeof(Bfloat16));
}

// Rows of a source as panels [panel][pair of pixels][row][2], zero beyond the last row:
// gather_row(row, to) -> `pixels` of one row.
template <typename GatherRow>
void gather_panels16(int rows, int pixels, const GatherRow &gather_row, Bfloat16 *panels) {
  Bfloat16 *gathered = reinterpret_cast<Bfloat16 *>(scratch<1>(kLanes * kRowStep16 / 2));
  for (int first = 0; first < round_up(rows, kPanel); first += kLanes) {
    for (int row = 0; row < kLanes; ++row) {
      if (first + row < rows) {
        gather_row(first + row, gathered + row * kRowStep16);
      } else {
        std::memset(gathered + row * kRowStep16, 0, pixels * sizeof(Bfloat16));
      }
    }
    float *to = reinterpret_cast<float *>(panels) + first / kPanel * (kPixels16 / 2) * kPanel + first % kPanel;
    for (int at = 0; at < pixels / 2; at += kLanes) {  // a pair of numbers moves as if it were a float
      Vector values[kLanes];
#pragma GCC unroll 16
      for (int row = 0; row < kLanes; ++row)
        values[row] = load(reinterpret_cast<const float *>(gathered + row * kRowStep16) + at);
      transpose(values);
#pragma GCC unroll 16
      for (int pair = 0; pair < kLanes; ++pair) store(to + (at + pair) * kPanel, values[pair]);
    }
  }
}

template <typename Y, typename X>
void weight_gradient16(int64_t images, const Image &gradient, const Y *dy, const Image &source, const Taps &taps,
                       const X *x, float *dw) {
  const Lattice pixels{gradient.height, gradient.width, 0, 0, 1, gradient.width, gradient.plane()};
  const Taps itself{1, {0}, {0}};
  const int64_t columns = images * pixels.pixels(), chunks = divide_up(columns, kPixels16);
  const int T = taps.count();
  const int64_t lefts = gradient.channels, rights = source.channels * T, weights = lefts * rights;
  const Products16 &products = products16();
  const int most_rows = products.padded(divide_up(lefts, divide_up(lefts, products.most_rows)));  // of a product
  const int left_block = kLeftRows / most_rows * most_rows;
  const int blocks = divide_up(rights, kRightRows);
  const bool in_rows = products.dots != nullptr;
  // The tasks are parts of the pixels for blocks of the source. The parts depend on the sizes alone, and so does the
  // order of sums.
  const int parts = std::min(chunks, std::max(divide_up(8, blocks), divide_up(columns, kPixelsOfPart16)));
  float *partial = parts > 1 ? scratch<3>(parts * weights) : dw;

  parallel(blocks * parts, [&](int task) {
    const int part = task % parts;
    const int64_t right = task / parts * kRightRows;
    const int right_rows = std::min<int64_t>(kRightRows, rights - right), panels = divide_up(right_rows, kPanel);
    Bfloat16 *rows = reinterpret_cast<Bfloat16 *>(scratch<0>(kLeftRows * kRowStep16 / 2));
    Bfloat16 *columns_of_source = reinterpret_cast<Bfloat16 *>(scratch<2>((kRightRows + kDotRights) * kRowStep16 / 2));
    float *totals = scratch<4>((lefts + kLeftRows) * kRightStep);
    const ProductsOfTask ready;

    const int64_t first = chunks * part / parts, last = chunks * (part + 1) / parts;
    for (int64_t chunk = first; chunk < last; ++chunk) {
      const int64_t begin = chunk * kPixels16, end = std::min(columns, begin + kPixels16);
      const int depth = round_up(end - begin, kBlock);
      const auto left_runs = source_runs(itself, pixels, gradient, begin, end, 0);
      const auto right_runs = source_runs(taps, pixels, source, begin, end, 0);
      const auto gather_right = [&](int row, Bfloat16 *to) {
        gather_row16(to, depth, right_runs[(right + row) % T], x + (right + row) / T * source.plane(), taps.stride,
                     2 * source.plane());
      };
      if (in_rows) {
        for (int row = 0; row < right_rows; ++row) gather_right(row, columns_of_source + row * kRowStep16);
      } else {
        gather_panels16(right_rows, depth, gather_right, columns_of_source);
      }
      for (int64_t left = 0; left < lefts; left += left_block) {
        const int count = std::min<int64_t>(left_block, lefts - left);
        for (int row = 0; row < count; ++row)
          gather_row16(rows + row * kRowStep16, depth, left_runs[0], dy + (left + row) * gradient.plane(), 1,
                       2 * gradient.plane());
        if (in_rows) {
          products.dots(count, right_rows, depth, rows, columns_of_source, totals + left * kRightStep,
                        kRightStep, chunk == first);
          continue;
        }
        for (int panel = 0; panel < panels; ++panel)
          for (int row = 0; row < count; row += most_rows)
            products.gathered(std::min(most_rows, count - row), depth / 2, rows + row * kRowStep16, kBlock,
                              columns_of_source + panel * kPixels16 * kPanel,
                              totals + (left + row) * kRightStep + panel * kPanel, kRightStep, chunk == first);
      }
    }
    float *target = partial + (parts > 1 ? part * weights : 0) + right;
    for (int64_t left = 0; left < lefts; ++left) copy(target + left * rights, totals + left * kRightStep, right_rows);
  });
  if (parts > 1) add_parts(partial, parts, weights, dw);
}

// Winograd's algorithm needs float32: its sums of bfloat16 would be off by far more than the rounding of the inputs. It
// takes a quarter of the multiplications, which only tiles make up for.
bool wants_winograd(const Geometry &geometry, const Tensor &weight, const Tensor &y) {
  return products16().kind != kAmx && winograd_fits(geometry, weight, y);
}

// geometry, x (B, C, H, W), weight (O, C, h, w) [, bias (O)] -> y
int forward(const Arguments &arguments) {
  const Tensor x = arguments[1], weight = arguments[2], y = arguments[arguments.count - 1];
  const float *bias = arguments.count == 5 ? arguments[3].as<float>() : nullptr;
  const Geometry geometry(arguments[0], x, weight, y);
  if (wants_winograd(geometry, weight, y)) {
    with_numbers(x, [&](const auto *from) {
      with_numbers(y, [&](auto *to) {
        winograd_correlate(TileSizes::kAll, weight.shape[0], {weight.as<float>(), weight.shape[1] * 9, 9, 1}, bias,
                           x.shape[0], image_of(x), from, -geometry.top, -geometry.left, image_of(y), to);
      });
    });
    return 0;
  }
  const int64_t T = weight.shape[2] * weight.shape[3], depth = weight.shape[1] * T;
  const float *values = weight.as<float>();
  const Panels16 panels = pack_weights16(weight.shape[0], weight.shape[1], T,
                                         [&](int64_t m, int64_t c, int t) { return values[m * depth + c * T + t]; });
  const Image target = image_of(y);
  const Lattice lattice{target.height, target.width, 0, 0, 1, target.width, target.plane()};
  const Taps taps = forward_taps(geometry, weight.shape[2], weight.shape[3]);
  with_numbers(x, [&](const auto *from) {
    with_numbers(y, [&](auto *to) { correlate16(panels, bias, x.shape[0], image_of(x), taps, from, lattice, to); });
  });
  return 0;
}

// geometry, dy, weight, x (for its shape) -> dx
int input_gradient(const Arguments &arguments) {
  const Tensor dy = arguments[1], weight = arguments[2], dx = arguments[4];
  const Geometry geometry(arguments[0], dx, weight, dy);
  const Image source = image_of(dy), target = image_of(dx);
  const int64_t rows = weight.shape[2], columns = weight.shape[3], all = rows * columns;
  const float *values = weight.as<float>();
  if (wants_winograd(geometry, weight, dx)) {
    with_numbers(dy, [&](const auto *from) {
      with_numbers(dx, [&](auto *to) {
        winograd_correlate(TileSizes::kAll, target.channels, {values + 8, 9, target.channels * 9, -1}, nullptr,
                           dy.shape[0], source, from, geometry.top - 2, geometry.left - 2, target, to);
      });
    });
    return 0;
  }
  for_phases(geometry, target, rows, columns,
             [&](const Lattice &lattice, const Taps &taps, const std::vector<int64_t> &used) {
    if (used.empty()) {
      with_numbers(dx, [&](auto *to) { clear(dx.shape[0] * target.channels, lattice, to); });
      return;
    }
    const Panels16 panels =
        pack_weights16(target.channels, source.channels, used.size(), [&](int64_t m, int64_t c, int t) {
          return values[(c * target.channels + m) * all + used[t]];
        });
    with_numbers(dy, [&](const auto *from) {
      with_numbers(dx, [&](auto *to) {
        correlate16(panels, nullptr, dy.shape[0], source, taps, from, lattice, to);
      });
    });
  });
  return 0;
}

// geometry, dy, x, weight (for its shape) -> dw
int gradient_of_weights(const Arguments &arguments) {
  const Tensor dy = arguments[1], x = arguments[2], dw = arguments[4];
  const Geometry geometry(arguments[0], x, dw, dy);
  if (wants_winograd(geometry, dw, dy)) {
    with_numbers(dy, [&](const auto *gradient) {
      with_numbers(x, [&](const auto *source) {
        winograd_weight_gradient(TileSizes::kAll, dy.shape[0], image_of(dy), gradient, image_of(x), source,
                                 -geometry.top, -geometry.left, dw.as<float>());
      });
    });
    return 0;
  }
  const Taps taps = forward_taps(geometry, dw.shape[2], dw.shape[3]);
  with_numbers(dy, [&](const auto *gradient) {
    with_numbers(x, [&](const auto *source) {
      weight_gradient16(dy.shape[0], image_of(dy), gradient, image_of(x), taps, source, dw.as<float>());
    });
  });
  return 0;
}

}  // namespace

OPERATOR(bfloat16_convolution, forward)
OPERATOR(bfloat16_convolution_input_gradient, input_gradient)
OPERATOR(bfloat16_convolution_weight_gradient, gradient_of_weights)
