// What MindSpore hands to a custom operator (func_type "aot").
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>

struct Tensor {
  void *data;
  const int64_t *shape;
  int rank;
  bool is_bfloat16;  // or float32, or int32
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
  const char **types;  // their names; none: no bfloat16 among them
  Tensor operator[](int index) const {
    const bool is_bfloat16 = types != nullptr && std::strcmp(types[index], "bfloat16") == 0;
    return {data[index], shapes[index], ranks[index], is_bfloat16};
  }
};

// Makes an operator of a function that takes `Arguments` and returns 0 when it succeeded.
#define OPERATOR(name, function)                                                                                      \
  extern "C" int name(int count, void **data, int *ranks, int64_t **shapes, const char **types, void *, void *) {     \
    try {                                                                                                             \
      return function({count, data, ranks, shapes, types});                                                           \
    } catch (const std::exception &error) {                                                                           \
      std::fprintf(stderr, #name ": %s\n", error.what());                                                             \
      return 1;                                                                                                       \
    }                                                                                                                 \
  }
