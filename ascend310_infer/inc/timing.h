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

// The line of time_Result/test_perform_static.txt: average time of the network for an image.
std::string network_time_line(double seconds, size_t num_images);

// The last line that the program prints: speed of the whole program and of the network alone.
std::string throughput_line(double seconds, double network_seconds, size_t num_images);

}  // namespace ssd

#endif  // SSD_TIMING_H
