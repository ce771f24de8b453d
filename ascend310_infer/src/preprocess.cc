#include "preprocess.h"

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <stdexcept>

#include "orientation.h"

namespace ssd {
cv::Mat decode_image(const std::vector<uint8_t> &content, bool upright) {
  if (content.empty()) {
    throw std::invalid_argument("is empty");
  }
  cv::Mat image;
  try {
    // OpenCV's own way to turn images knows other formats in each version.
    image = cv::imdecode(content, cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION);
  } catch (const cv::Exception &error) {
    throw std::invalid_argument("cannot be decoded: " + error.err);
  }
  if (image.empty()) {
    throw std::invalid_argument("cannot be decoded (damaged, or no known image format)");
  }
  return upright ? turn_upright(image, exif_orientation(content)) : image;
}

Preprocessor::Preprocessor(const ImageShape &shape, const InputFormat &format)
    : shape_(shape), float_resize_(format.float_resize) {
  for (size_t channel = 0; channel < 3; ++channel) {
    mean_[channel] = format.mean[channel] * 255.0F;
    standard_deviation_[channel] = format.standard_deviation[channel] * 255.0F;
    for (size_t value = 0; value < 256; ++value) {
      normalised_[channel][value] = (static_cast<float>(value) - mean_[channel]) / standard_deviation_[channel];
    }
  }
}

void Preprocessor::operator()(const cv::Mat &image, float *out) const {
  cv::Mat source = image;
  if (float_resize_) {
    image.convertTo(source, CV_32FC3);
  }
  cv::Mat resized;
  cv::resize(source, resized, cv::Size(shape_.width, shape_.height), 0, 0, cv::INTER_LINEAR);
  if (float_resize_) {
    write<float>(
        resized,
        [this](size_t channel, float value) { return (value - mean_[channel]) / standard_deviation_[channel]; }, out);
  } else {
    write<uint8_t>(resized, [this](size_t channel, uint8_t value) { return normalised_[channel][value]; }, out);
  }
}

template <typename Value, typename Normalise>
void Preprocessor::write(const cv::Mat &resized, const Normalise &value_of, float *out) const {
  const bool channels_last = shape_.layout == Layout::kChannelsLast;
  const size_t plane = static_cast<size_t>(shape_.height) * static_cast<size_t>(shape_.width);
  const size_t next_channel = channels_last ? 1 : plane;
  const size_t next_pixel = channels_last ? 3 : 1;
  for (int y = 0; y < shape_.height; ++y) {
    const auto *pixel = resized.ptr<Value>(y);  // blue, green, red
    for (int x = 0; x < shape_.width; ++x, pixel += 3, out += next_pixel) {
      out[0] = value_of(0, pixel[2]);
      out[next_channel] = value_of(1, pixel[1]);
      out[2 * next_channel] = value_of(2, pixel[0]);
    }
  }
}

}  // namespace ssd
