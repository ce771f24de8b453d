#ifndef SSD_TIMING_H
#define SSD_TIMING_H

#include <chrono>
#include <cstddef>
#include <string>

namespace ssd {

// Seconds since it was made.
class Stopwatch {
 public:
  double seconds() const;

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// The time that the network took for `num_images`, as time_Result/test_perform_static.txt says it.
std::string network_time_line(double seconds, size_t num_images);

// Speed of the whole program and of the network alone, for people.
std::string throughput_line(double seconds, double network_seconds, size_t num_images);

}  // namespace ssd

#endif  // SSD_TIMING_H
