#include "timing.h"

#include <algorithm>
#include <iomanip>
#include <sstream>

namespace ssd {

double Stopwatch::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

std::string network_time_line(double seconds, size_t num_images) {
  const double milliseconds = seconds * 1000 / static_cast<double>(std::max<size_t>(num_images, 1));
  std::ostringstream text;
  text << "NN inference cost average time: " << milliseconds << " ms of infer_count " << num_images << "\n";
  return text.str();
}

std::string throughput_line(double seconds, double network_seconds, size_t num_images) {
  const auto rate = [num_images](double time) { return static_cast<double>(num_images) / std::max(time, 1e-9); };
  std::ostringstream text;
  text << std::fixed << std::setprecision(1) << "predicted " << num_images << " images in " << seconds << " s, "
       << rate(seconds) << " images per second (network alone " << rate(network_seconds) << ")";
  return text.str();
}

}  // namespace ssd
