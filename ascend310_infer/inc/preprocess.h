#ifndef SSD_PREPROCESS_H
#define SSD_PREPROCESS_H

#include <array>
#include <cstdint>
#include <opencv2/core.hpp>
#include <vector>

namespace ssd {

// Order of the values of one image in the input of a network.
enum class Layout { kChannelsFirst, kChannelsLast };

// Shape of one image in the network's input.
struct ImageShape {
  int height = 0;
  int width = 0;
  Layout layout = Layout::kChannelsFirst;

  size_t elements() const { return static_cast<size_t>(height) * static_cast<size_t>(width) * 3; }
};

// Content of an image file -> 8-bit BGR pixels, turned upright as the EXIF data ask, or else as they are stored. Throws
// std::invalid_argument, whose text continues "the image FILE ...".
cv::Mat decode_image(const std::vector<uint8_t> &content, bool upright = true);

// Normalisation and resizing of the network's input.
struct InputFormat {
  std::array<float, 3> mean = {0.485F, 0.456F, 0.406F};  // of red, green, blue in 0 .. 1; the default is ImageNet's
  std::array<float, 3> standard_deviation = {0.229F, 0.224F, 0.225F};
  bool float_resize = false;  // resized values are not rounded to whole numbers
};

// Makes the input of the network from images. The arithmetic is that of src/dataset/transforms.py.
class Preprocessor {
 public:
  explicit Preprocessor(const ImageShape &shape, const InputFormat &format = {});

  const ImageShape &shape() const { return shape_; }

  // 8-bit BGR -> RGB float32: resized bilinearly without keeping the aspect ratio, minus the mean, divided by the
  // standard deviation. `out` has shape().elements() values.
  void operator()(const cv::Mat &image, float *out) const;

 private:
  // Writes the resized image `(height, width)` of that type of values, normalised by `value_of(channel, value)`.
  template <typename Value, typename Normalise>
  void write(const cv::Mat &resized, const Normalise &value_of, float *out) const;

  ImageShape shape_;
  bool float_resize_;
  std::array<float, 3> mean_;  // on the scale 0 .. 255
  std::array<float, 3> standard_deviation_;
  std::array<std::array<float, 256>, 3> normalised_;  // (RGB channel, 8-bit value) -> normalised value
};

}  // namespace ssd

#endif  // SSD_PREPROCESS_H
