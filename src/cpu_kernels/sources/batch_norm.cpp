// Batch normalisation of (B, C, H, W) with the statistics of the batch, and the activation after it.
#include <algorithm>
#include <cmath>
#include <type_traits>

#include "aot.h"
#include "numbers.h"
#include "pool.h"
#include "vector.h"

namespace {

enum Activation { kNone = 0, kRelu = 1, kRelu6 = 2 };

struct Sizes {
  int64_t images, channels, plane;
  int64_t count() const { return images * plane; }
  template <typename Number>
  bool is_streamed() const {
    return images * channels * plane * int64_t(sizeof(Number)) >= kStreamed;
  }
  template <typename Number>
  Number *of(Number *data, int64_t image, int64_t channel) const {
    return data + (image * channels + channel) * plane;
  }
};

Sizes sizes_of(const Tensor &x) {
  Sizes sizes{x.shape[0], x.shape[1], 1};
  for (int axis = 2; axis < x.rank; ++axis) sizes.plane *= x.shape[axis];
  return sizes;
}

// action(channel) for all of them; a task has some side by side.
template <typename Action>
void for_channels(const Sizes &sizes, const Action &action) {
  const int64_t together = std::min<int64_t>(4, divide_up(sizes.channels, 32));
  parallel(divide_up(sizes.channels, together), [&](int task) {
    for (int64_t channel = task * together; channel < std::min(sizes.channels, (task + 1) * together); ++channel)
      action(channel);
  });
}

// Asks for the same plane of the next channel while this one is at work: planes of a channel lie far apart, and each
// would be waited for. Of large planes, which the processor reads ahead by itself, for the first page.
template <typename Number>
inline void prefetch_next(const Sizes &sizes, const Number *plane) {
  constexpr int64_t kLine = 64 / sizeof(Number), kPage = 4096 / sizeof(Number), kSmall = 32 * kPage;
  const int64_t numbers = sizes.count() <= kSmall ? sizes.plane : std::min(sizes.plane, kPage);
  for (int64_t at = 0; at < numbers; at += kLine) __builtin_prefetch(plane + sizes.plane + at);
}

// a > b ? a : b, and a < b ? a : b
#if defined(__AVX512F__)
inline Vector larger(Vector a, Vector b) { return (Vector)_mm512_max_ps((__m512)a, (__m512)b); }
inline Vector smaller(Vector a, Vector b) { return (Vector)_mm512_min_ps((__m512)a, (__m512)b); }
#else
inline Vector larger(Vector a, Vector b) { return a > b ? a : b; }
inline Vector smaller(Vector a, Vector b) { return a < b ? a : b; }
#endif

template <int ACTIVATION>
inline Vector activate(Vector value) {
  if (ACTIVATION != kNone) value = larger(value, Vector{});
  if (ACTIVATION == kRelu6) value = smaller(value, splat(6.0f));
  return value;
}

// The gradient where the activation lets it through.
template <int ACTIVATION>
inline Vector pass(Vector gradient, Vector value) {
  if (ACTIVATION != kNone) gradient = value > 0.0f ? gradient : Vector{};
  if (ACTIVATION == kRelu6) gradient = value < 6.0f ? gradient : Vector{};
  return gradient;
}

// to[at] = compute(at, count) for a plane, `count` numbers each time. Results too large to be found in a cache by
// whoever reads them are written past it; their memory would be read first otherwise.
template <typename Number, typename Compute>
inline void fill_plane(int64_t plane, bool streamed, Number *to, const Compute &compute) {
  int64_t at = 0;
  const auto part = [&](int count) {
    store_part(to + at, compute(at, count), count);
    at += count;
  };
#if defined(__AVX512F__)
  if (streamed) {
    const int64_t before = -int64_t(reinterpret_cast<uintptr_t>(to) / sizeof(Number)) & (kLanes - 1);
    if (before > 0) part(std::min(plane, before));
    for (; at + kLanes <= plane; at += kLanes) store_past_caches(to + at, compute(at, kLanes));
    finish_streaming();
  }
#endif
  for (; at + kLanes <= plane; at += kLanes) store(to + at, compute(at, kLanes));
  if (at < plane) part(int(plane - at));
}

// Mean and biased variance of a channel. Sums are of differences from a value of the channel, which keeps the variance
// exact where the mean is large; each plane is summed by itself, in double precision over the planes.
template <typename X>
void statistics(const Sizes &sizes, const X *x, int64_t channel, double *mean, double *variance) {
  const float origin = to_float(sizes.of(x, 0, channel)[0]);
  double total = 0, total_squares = 0;
  for (int64_t image = 0; image < sizes.images; ++image) {
    const X *from = sizes.of(x, image, channel);
    constexpr int kStreams = 4;
    Vector sums[kStreams] = {}, squares[kStreams] = {};
    int64_t at = 0;
    for (; at + kStreams * kLanes <= sizes.plane; at += kStreams * kLanes)
#pragma GCC unroll 4
      for (int stream = 0; stream < kStreams; ++stream) {
        const Vector value = load(from + at + stream * kLanes) - origin;
        sums[stream] += value;
        squares[stream] += value * value;
      }
    for (; at < sizes.plane; at += kLanes) {
      const int count = std::min<int64_t>(kLanes, sizes.plane - at);
      const Vector value = load_part(from + at, count, origin) - origin;
      sums[0] += value;
      squares[0] += value * value;
    }
    total += sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
    total_squares += sum((squares[0] + squares[1]) + (squares[2] + squares[3]));
  }
  const double shift = total / sizes.count();
  *mean = origin + shift;
  *variance = std::max(0.0, total_squares / sizes.count() - shift * shift);
}

// y = activation(x * scale + shift)
template <int ACTIVATION, typename X, typename Y>
void normalise(const Sizes &sizes, const X *x, int64_t channel, float scale, float shift, Y *y) {
  for (int64_t image = 0; image < sizes.images; ++image) {
    const X *from = sizes.of(x, image, channel);
    prefetch_next(sizes, from);
    fill_plane(sizes.plane, sizes.is_streamed<Y>(), sizes.of(y, image, channel), [&](int64_t at, int count) {
      return activate<ACTIVATION>(load_up_to(from + at, count) * scale + shift);
    });
  }
}

template <typename X, typename Y>
auto normalise_for(float activation) {
  return activation == kRelu6  ? normalise<kRelu6, X, Y>
         : activation == kRelu ? normalise<kRelu, X, Y>
                               : normalise<kNone, X, Y>;
}

template <int ACTIVATION, typename Y, typename X>
void gradients(const Sizes &sizes, const Y *dy, const X *x, int64_t channel, float mean, float deviation, bool of_batch,
               float gamma, float beta, X *dx, float *dgamma, float *dbeta) {
  // With x^ = (x - mean) / deviation and g = dy where the activation lets it through:
  // dx = gamma / deviation * (g - mean(g) - x^ * mean(g * x^)), or gamma / deviation * g where mean and deviation are
  // not those of the batch
  const float inverse = 1 / deviation, scale = gamma * inverse, shift = beta - mean * scale;
  double total = 0, total_products = 0;
  for (int64_t image = 0; image < sizes.images; ++image) {
    const X *values = sizes.of(x, image, channel);
    const Y *from = sizes.of(dy, image, channel);
    Vector sums[2] = {}, products[2] = {};
    int64_t at = 0;
    for (; at + 2 * kLanes <= sizes.plane; at += 2 * kLanes)
#pragma GCC unroll 2
      for (int stream = 0; stream < 2; ++stream) {
        const Vector value = load(values + at + stream * kLanes);
        const Vector g = pass<ACTIVATION>(load(from + at + stream * kLanes), value * scale + shift);
        sums[stream] += g;
        products[stream] += g * (value - mean);
      }
    for (; at < sizes.plane; at += kLanes) {
      const int count = std::min<int64_t>(kLanes, sizes.plane - at);
      const Vector value = load_part(values + at, count);
      const Vector g = pass<ACTIVATION>(load_part(from + at, count), value * scale + shift);
      sums[0] += g;
      products[0] += g * (value - mean);
    }
    total += sum(sums[0] + sums[1]);
    total_products += sum(products[0] + products[1]);
  }
  *dbeta = total;
  *dgamma = total_products * inverse;
  const float mean_g = of_batch ? total / sizes.count() : 0;
  const float slope = of_batch ? total_products / sizes.count() * inverse * inverse : 0;  // of x - mean
  const auto gradient = [&](Vector g, Vector value) {
    return scale * (pass<ACTIVATION>(g, value * scale + shift) - mean_g - (value - mean) * slope);
  };
  for (int64_t image = 0; image < sizes.images; ++image) {
    const X *values = sizes.of(x, image, channel);
    const Y *from = sizes.of(dy, image, channel);
    prefetch_next(sizes, values);
    prefetch_next(sizes, from);
    fill_plane(sizes.plane, sizes.is_streamed<X>(), sizes.of(dx, image, channel), [&](int64_t at, int count) {
      return gradient(load_up_to(from + at, count), load_up_to(values + at, count));
    });
  }
}

// settings (epsilon, part of the new in the moving statistics, activation), x, gamma, beta, moving_mean,
// moving_variance -> y, mean, deviation; the moving statistics are updated where they are
template <typename X, typename Y>
void forward(const Arguments &arguments, const X *x, Y *y) {
  const float *settings = arguments[0].as<float>();
  const float *gamma = arguments[2].as<float>(), *beta = arguments[3].as<float>();
  float *moving_mean = arguments[4].as<float>(), *moving_variance = arguments[5].as<float>();
  float *means = arguments[7].as<float>(), *deviations = arguments[8].as<float>();
  const Sizes sizes = sizes_of(arguments[1]);
  const float epsilon = settings[0], part = settings[1];
  const auto apply = normalise_for<X, Y>(settings[2]);
  for_channels(sizes, [&](int64_t channel) {
    double mean, variance;
    statistics(sizes, x, channel, &mean, &variance);
    const double deviation = std::sqrt(variance + epsilon);
    means[channel] = mean;
    deviations[channel] = deviation;
    const float scale = gamma[channel] / deviation;
    apply(sizes, x, channel, scale, beta[channel] - mean * scale, y);
    moving_mean[channel] += part * (mean - moving_mean[channel]);
    const double unbiased = variance * sizes.count() / std::max<int64_t>(1, sizes.count() - 1);
    moving_variance[channel] += part * (unbiased - moving_variance[channel]);
  });
}

int forward_operator(const Arguments &arguments) {
  with_numbers(arguments[1], [&](const auto *x) {
    with_numbers(arguments[6], [&](auto *y) { forward(arguments, x, y); });
  });
  return 0;
}

// settings, x, gamma, beta, moving_mean, moving_variance -> y, by the moving statistics
template <typename X, typename Y>
void inference(const Arguments &arguments, const X *x, Y *y) {
  const float *settings = arguments[0].as<float>();
  const float *gamma = arguments[2].as<float>(), *beta = arguments[3].as<float>();
  const float *means = arguments[4].as<float>(), *variances = arguments[5].as<float>();
  const Sizes sizes = sizes_of(arguments[1]);
  const auto apply = normalise_for<X, Y>(settings[2]);
  for_channels(sizes, [&](int64_t channel) {
    const float scale = gamma[channel] / std::sqrt(variances[channel] + settings[0]);
    apply(sizes, x, channel, scale, beta[channel] - means[channel] * scale, y);
  });
}

int inference_operator(const Arguments &arguments) {
  with_numbers(arguments[1], [&](const auto *x) {
    with_numbers(arguments[6], [&](auto *y) { inference(arguments, x, y); });
  });
  return 0;
}

template <typename Y, typename X>
void backward(const Arguments &arguments, bool of_batch, const Y *dy, const X *x, X *dx) {
  const float *settings = arguments[0].as<float>();
  const Sizes sizes = sizes_of(arguments[2]);
  const auto apply = settings[2] == kRelu6  ? gradients<kRelu6, Y, X>
                     : settings[2] == kRelu ? gradients<kRelu, Y, X>
                                            : gradients<kNone, Y, X>;
  for_channels(sizes, [&](int64_t channel) {
    const float spread = arguments[6].as<float>()[channel];
    apply(sizes, dy, x, channel, arguments[5].as<float>()[channel],
          of_batch ? spread : std::sqrt(spread + settings[0]), of_batch, arguments[3].as<float>()[channel],
          arguments[4].as<float>()[channel], dx, arguments[8].as<float>() + channel,
          arguments[9].as<float>() + channel);
  });
}

void backward_operator(const Arguments &arguments, bool of_batch) {
  with_numbers(arguments[1], [&](const auto *dy) {
    with_numbers(arguments[2], [&](auto *x) {
      backward(arguments, of_batch, dy, x, arguments[7].as<std::decay_t<decltype(*x)>>());
    });
  });
}

// settings, dy, x, gamma, beta, mean, deviation -> dx, dgamma, dbeta
int training_gradients(const Arguments &arguments) {
  backward_operator(arguments, true);
  return 0;
}

// settings, dy, x, gamma, beta, moving_mean, moving_variance -> dx, dgamma, dbeta
int inference_gradients(const Arguments &arguments) {
  backward_operator(arguments, false);
  return 0;
}

}  // namespace

OPERATOR(batch_norm, forward_operator)
OPERATOR(batch_norm_gradients, training_gradients)
OPERATOR(batch_norm_inference, inference_operator)
OPERATOR(batch_norm_inference_gradients, inference_gradients)
