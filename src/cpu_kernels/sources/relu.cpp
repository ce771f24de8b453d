// The positive part, and its gradient. NaN stays NaN.
#include <algorithm>

#include "aot.h"
#include "numbers.h"
#include "pool.h"
#include "vector.h"

namespace {

constexpr int64_t kTask = 1 << 14;  // numbers

// Calls compute(position, count) for each vector of `tensor`.
template <typename Compute>
void for_vectors(const Tensor &tensor, const Compute &compute) {
  int64_t size = 1;
  for (int axis = 0; axis < tensor.rank; ++axis) size *= tensor.shape[axis];
  parallel(divide_up(size, kTask), [&](int task) {
    const int64_t end = std::min(size, (task + 1) * kTask);
    int64_t at = task * kTask;
    for (; at + kLanes <= end; at += kLanes) compute(at, kLanes);
    if (at < end) compute(at, int(end - at));
  });
}

// x -> y
int forward(const Arguments &arguments) {
  with_numbers(arguments[0], [&](const auto *x) {
    with_numbers(arguments[1], [&](auto *y) {
      for_vectors(arguments[0], [&](int64_t at, int count) {
        const Vector values = load_up_to(x + at, count);
        store_up_to(y + at, values < 0 ? Vector{} : values, count);
      });
    });
  });
  return 0;
}

// dy, y, x (for its type) -> dx
int gradient(const Arguments &arguments) {
  with_numbers(arguments[0], [&](const auto *dy) {
    with_numbers(arguments[1], [&](const auto *y) {
      with_numbers(arguments[3], [&](auto *dx) {
        for_vectors(arguments[0], [&](int64_t at, int count) {
          store_up_to(dx + at, load_up_to(y + at, count) > 0 ? load_up_to(dy + at, count) : Vector{}, count);
        });
      });
    });
  });
  return 0;
}

}  // namespace

OPERATOR(relu, forward)
OPERATOR(relu_gradient, gradient)
