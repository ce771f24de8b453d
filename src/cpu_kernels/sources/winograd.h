// 3 x 3 convolution of stride 1 by Winograd's algorithm (https://arxiv.org/abs/1509.09308). For each pair of channels,
// a tile of 4 x 4 results takes 36 products instead of 144, one of 8 x 8 results 100 instead of 576.
#pragma once
#include "aot.h"
#include "geometry.h"
#include "image.h"

// Whether the algorithm pays for a convolution whose results are those of `y`.
bool winograd_fits(const Geometry &geometry, const Tensor &weight, const Tensor &y);

// Weight of result channel m, source channel c and tap t.
struct Weights {
  const float *first;
  int64_t result_step, source_step;
  int tap_step;
  float at(int64_t m, int64_t c, int t) const { return first[m * result_step + c * source_step + t * tap_step]; }
};

// Tiles of 8 x 8 round more: a thirtieth of what bfloat16 does.
enum class TileSizes { kSmall, kAll };

// result[image][m][y][x] = sum over c, i, j of weight(m, c, 3 i + j) * source[image][c][y + i + row][x + j + column]
template <typename X, typename Y>
void winograd_correlate(TileSizes sizes, int64_t channels, const Weights &weight, const float *bias, int64_t images,
                        const Image &source, const X *from, int row, int column, const Image &result, Y *to);

// dw[o][c][i][j] = sum over image, y, x of dy[image][o][y][x] * source[image][c][y + i + row][x + j + column]
template <typename Y, typename X>
void winograd_weight_gradient(TileSizes sizes, int64_t images, const Image &gradient, const Y *dy, const Image &source,
                              const X *from, int row, int column, float *dw);
