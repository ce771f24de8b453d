// What MindSpore hands to a custom operator (func_type "aot").
#pragma once
#include <cstdint>
#include <cstdio>
#include <exception>

struct Tensor {
  void *data;
  const int64_t *shape;
  int rank;
  template <typename T>
  T *as() const {
    return static_cast<T *>(data);
  }
};

// Inputs, then outputs.
struct Arguments {
  int count;
  void **data;
  int *ranks;
  int64_t **shapes;
  Tensor operator[](int index) const { return {data[index], shapes[index], ranks[index]}; }
};

// Makes an operator of a function that takes `Arguments` and returns 0 when it succeeded.
#define OPERATOR(name, function)                                                                                      \
  extern "C" int name(int count, void **data, int *ranks, int64_t **shapes, const char **, void *, void *) {          \
    try {                                                                                                             \
      return function({count, data, ranks, shapes});                                                                  \
    } catch (const std::exception &error) {                                                                           \
      std::fprintf(stderr, #name ": %s\n", error.what());                                                             \
      return 1;                                                                                                       \
    }                                                                                                                 \
  }
