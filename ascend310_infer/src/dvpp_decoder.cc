#include "dvpp_decoder.h"

#include <cstdint>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "error.h"
#include "image_files.h"
#include "include/api/types.h"
#include "include/dataset/execute.h"
#include "include/dataset/vision_ascend.h"
#include "jpeg_header.h"
#include "orientation.h"

namespace ssd {
namespace dataset = mindspore::dataset;

namespace {

std::shared_ptr<dataset::TensorTransform> make_transform(int height, int width) {
  if (height % 2 != 0 || width % 2 != 0) {
    throw UserError("the hardware decoder returns images with even sides only, not " + std::to_string(height) + " x " +
                    std::to_string(width) + ": use --cpu_dvpp=CPU");
  }
  const std::vector<uint32_t> size = {static_cast<uint32_t>(height), static_cast<uint32_t>(width)};
  return std::make_shared<dataset::vision::DvppDecodeResizeJpeg>(size);
}

}  // namespace

struct DvppDecoder::Impl {
  Impl(int height, int width, int device_id, bool turn)
      : upright(turn),
        execute(make_transform(height, width), dataset::MapTargetDevice::kAscend310,
                static_cast<uint32_t>(device_id)) {}

  bool upright;
  dataset::Execute execute;
};

DvppDecoder::DvppDecoder(int height, int width, int device_id, bool upright)
    : impl_(std::make_unique<Impl>(height, width, device_id, upright)) {}

DvppDecoder::~DvppDecoder() = default;

DeviceImage DvppDecoder::decode(const std::filesystem::path &path) {
  std::vector<uint8_t> content = read_file(path);
  if (impl_->upright && exif_orientation(content) != kUpright) {
    throw UserError("the image " + path.string() + " has EXIF data that ask to turn it, which the hardware decoder does "
                    "not do: use --cpu_dvpp=CPU, or --exif=stored to take it as it is stored");
  }
  DeviceImage image;
  try {
    std::tie(image.height, image.width) = jpeg_size(content);
  } catch (const std::invalid_argument &error) {
    throw UserError("the image " + path.string() + " " + error.what());
  }
  const mindspore::MSTensor file("image", mindspore::DataType::kNumberTypeUInt8,
                                 {static_cast<int64_t>(content.size())}, content.data(), content.size());
  mindspore::MSTensor decoded;
  const mindspore::Status status = impl_->execute(file, &decoded);
  if (status.IsError()) {
    throw UserError("the image " + path.string() + " cannot be decoded by the device (" + status.ToString() + ")");
  }
  image.data = decoded.Data();
  image.bytes = decoded.DataSize();
  return image;
}

}  // namespace ssd
