#ifndef SSD_DVPP_DECODER_H
#define SSD_DVPP_DECODER_H

#include <cstddef>
#include <filesystem>
#include <memory>

namespace ssd {

// An image in the memory of an Ascend device: YUV 4:2:0, of the size of the network's input.
struct DeviceImage {
  std::shared_ptr<const void> data;
  size_t bytes = 0;
  int height = 0;  // of the original image, pixels
  int width = 0;
};

// Decodes and resizes JPEG files with the hardware of an Ascend device (DVPP).
class DvppDecoder {
 public:
  // Height and width of the network's input, both even. With `upright`, images that their EXIF data ask to turn are
  // refused, since the hardware does not turn them.
  DvppDecoder(int height, int width, int device_id, bool upright);
  ~DvppDecoder();
  DvppDecoder(const DvppDecoder &) = delete;
  DvppDecoder &operator=(const DvppDecoder &) = delete;

  // UserError when the file is no JPEG image, the device cannot decode it, or it would have to be turned.
  DeviceImage decode(const std::filesystem::path &path);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ssd

#endif  // SSD_DVPP_DECODER_H
