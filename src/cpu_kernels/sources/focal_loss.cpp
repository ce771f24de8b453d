// Focal loss over independent sigmoids (https://arxiv.org/abs/1708.02002, equation 5), summed for each image.
#include <algorithm>
#include <vector>

#include "aot.h"
#include "pool.h"
#include "vector.h"

namespace {

constexpr int kGroups = 32;     // of kLanes anchors each, of a task
constexpr float kFree = -1e4f;  // a logit that costs nothing where its class is wrong

// e^x for x <= 0, at least e^-87.
inline Vector exp_of_negative(Vector x) {
  constexpr float kLog2High = 0.693359375f, kLog2Low = -2.12194440e-4f;  // ln 2; products of the first one are exact
  constexpr float kRound = 3 << 22;  // floats of this size have no digits after the point
  x = x < -87.0f ? splat(-87.0f) : x;
  const Vector rounded = x * 1.44269504f + kRound;
  const Vector power = rounded - kRound;
  const Vector r = x - power * kLog2High - power * kLog2Low;
  Vector value = splat(1.0f / 5040);
  for (float factor : {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f}) value = value * r + factor;
  const Indexes exponent = (Indexes)rounded - (Indexes)splat(kRound) + 127;
  return value * (Vector)(exponent << 23);
}

// ln(1 + x) for x in [0, 1], as 2 artanh(x / (2 + x)).
inline Vector log_of_one_plus(Vector x) {
  const Vector ratio = x / (2.0f + x), square = ratio * ratio;
  Vector value = splat(1.0f / 15);
  for (int odd = 13; odd > 0; odd -= 2) value = value * square + 1.0f / odd;
  return 2.0f * ratio * value;
}

struct Loss {
  Vector value, slope;
};

// p^gamma * -ln(1 - p), p = sigmoid(x): the loss of a wrong class, without alpha, and its derivative. That of the true
// class is the same at -x.
template <bool SQUARE>
inline Loss loss_of(Vector x, float gamma) {
  const Vector e = exp_of_negative(x < 0.0f ? x : -x);
  const Vector log_e = log_of_one_plus(e), small = e / (1.0f + e), large = 1.0f / (1.0f + e);
  const Vector p = x < 0.0f ? small : large, rest = x < 0.0f ? large : small;
  const Vector entropy = (x < 0.0f ? Vector{} : x) + log_e;
  const Vector power = SQUARE ? p * p : exp_of_negative(gamma * ((x < 0.0f ? x : Vector{}) - log_e));
  return {power * entropy, power * (gamma * rest * entropy + p)};
}

struct Sizes {
  int64_t images, anchors, classes;
  int parts() const { return divide_up(anchors, kGroups * kLanes); }
};

Sizes sizes_of(const Tensor &logits) { return {logits.shape[0], logits.shape[1], logits.shape[2]}; }

// visit(image, part, first anchor, number of anchors) for all groups of anchors; the parts of all images are the tasks.
template <typename Visit>
void for_groups(const Sizes &sizes, const Visit &visit) {
  parallel(sizes.images * sizes.parts(), [&](int task) {
    const int64_t image = task / sizes.parts(), part = task % sizes.parts();
    const int64_t end = std::min(sizes.anchors, (part + 1) * kGroups * kLanes);
    for (int64_t anchor = part * kGroups * kLanes; anchor < end; anchor += kLanes)
      visit(task, image * sizes.anchors + anchor, int(std::min<int64_t>(kLanes, end - anchor)));
  });
}

// visit(row, its label) for those of `count` anchors whose label is one of the classes.
template <typename Visit>
void for_labels(const Sizes &sizes, const int32_t *labels, int count, const Visit &visit) {
  for (int row = 0; row < count; ++row)
    if (labels[row] >= 0 && labels[row] < sizes.classes) visit(row, labels[row]);
}

template <bool SQUARE>
void forward(const Sizes &sizes, float gamma, float alpha, const float *logits, const int32_t *labels, float *losses) {
  std::vector<double> totals(sizes.images * sizes.parts());
  for_groups(sizes, [&](int task, int64_t anchor, int count) {
    // The logits of the true classes are taken out.
    const int64_t size = count * sizes.classes;
    float *wrong = scratch<0>(kLanes * sizes.classes);
    copy(wrong, logits + anchor * sizes.classes, size);
    Vector own = splat(kFree);
    for_labels(sizes, labels + anchor, count, [&](int row, int label) {
      float &logit = wrong[row * sizes.classes + label];
      own[row] = -logit;
      logit = kFree;
    });
    Vector sums = alpha * loss_of<SQUARE>(own, gamma).value;
    for (int64_t at = 0; at < size; at += kLanes) {
      const Vector x = load_part(wrong + at, std::min<int64_t>(kLanes, size - at), kFree);
      sums += (1 - alpha) * loss_of<SQUARE>(x, gamma).value;
    }
    totals[task] += sum(sums);
  });
  for (int64_t image = 0; image < sizes.images; ++image) {
    double total = 0;
    for (int part = 0; part < sizes.parts(); ++part) total += totals[image * sizes.parts() + part];
    losses[image] = total;
  }
}

template <bool SQUARE>
void backward(const Sizes &sizes, float gamma, float alpha, const float *dlosses, const float *logits,
              const int32_t *labels, float *dlogits) {
  for_groups(sizes, [&](int, int64_t anchor, int count) {
    const float scale = dlosses[anchor / sizes.anchors];
    const float *from = logits + anchor * sizes.classes;
    float *to = dlogits + anchor * sizes.classes;
    const int64_t size = count * sizes.classes;
    for (int64_t at = 0; at < size; at += kLanes) {
      const int length = std::min<int64_t>(kLanes, size - at);
      store_part(to + at, scale * (1 - alpha) * loss_of<SQUARE>(load_part(from + at, length), gamma).slope, length);
    }
    Vector own = splat(kFree);
    for_labels(sizes, labels + anchor, count, [&](int row, int label) { own[row] = -from[row * sizes.classes + label]; });
    const Vector slopes = -scale * alpha * loss_of<SQUARE>(own, gamma).slope;
    for_labels(sizes, labels + anchor, count, [&](int row, int label) { to[row * sizes.classes + label] = slopes[row]; });
  });
}

// settings (gamma, alpha), logits (B, A, C), labels (B, A) int32 -> losses (B,)
int forward_operator(const Arguments &arguments) {
  const float *settings = arguments[0].as<float>();
  const Tensor logits = arguments[1];
  (settings[0] == 2 ? forward<true> : forward<false>)(sizes_of(logits), settings[0], settings[1], logits.as<float>(),
                                                       arguments[2].as<int32_t>(), arguments[3].as<float>());
  return 0;
}

// settings, dlosses, logits, labels -> dlogits
int backward_operator(const Arguments &arguments) {
  const float *settings = arguments[0].as<float>();
  const Tensor logits = arguments[2];
  (settings[0] == 2 ? backward<true> : backward<false>)(
      sizes_of(logits), settings[0], settings[1], arguments[1].as<float>(), logits.as<float>(),
      arguments[3].as<int32_t>(), arguments[4].as<float>());
  return 0;
}

}  // namespace

OPERATOR(focal_loss, forward_operator)
OPERATOR(focal_loss_gradient, backward_operator)
