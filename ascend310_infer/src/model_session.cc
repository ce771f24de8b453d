#include "model_session.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "error.h"
#include "image_files.h"
#include "include/api/context.h"
#include "include/api/model.h"
#include "include/api/types.h"

namespace ssd {
namespace fs = std::filesystem;

namespace {

std::string shape_text(const std::vector<int64_t> &shape) {
  std::string text;
  for (const int64_t size : shape) {
    text += (text.empty() ? "" : ", ") + std::to_string(size);
  }
  return "(" + text + ")";
}

std::shared_ptr<mindspore::Context> make_context(const Device &device) {
  auto context = std::make_shared<mindspore::Context>();
  auto &devices = context->MutableDeviceInfo();
  if (device.type == "Ascend") {
    auto info = std::make_shared<mindspore::AscendDeviceInfo>();
    info->SetDeviceID(static_cast<uint32_t>(device.id));
    info->SetBufferOptimizeMode("off_optimize");
    if (!device.aipp_path.empty()) {
      info->SetInsertOpConfigPath(device.aipp_path);
    }
    devices.push_back(info);
  } else if (device.type == "GPU") {
    auto info = std::make_shared<mindspore::GPUDeviceInfo>();
    info->SetDeviceID(static_cast<uint32_t>(device.id));
    devices.push_back(info);
  } else {
    context->SetThreadNum(device.threads);
    auto info = std::make_shared<mindspore::CPUDeviceInfo>();
    info->SetEnableFP16(false);
    devices.push_back(info);
  }
  return context;
}

// Throws UserError, with what to do, for a file that is another kind of model.
void check_kind(const fs::path &path, const std::vector<uint8_t> &content) {
  const std::string suffix = path.extension().string();
  if (suffix == ".onnx" || suffix == ".air" || suffix == ".ckpt") {
    throw UserError(path.string() + " is no MindIR or .ms file: export it as ONNX and convert that with "
                    "scripts/convert_lite.sh");
  }
  constexpr size_t kMarkAt = 4;  // FlatBuffers have their file identifier after the offset of the root
  constexpr char kMark[] = "MSL";
  const bool has_mark = content.size() > 2 * kMarkAt && std::memcmp(content.data() + kMarkAt, kMark, 3) == 0;
  if (content.empty() || (suffix == ".ms") != has_mark) {
    throw UserError(path.string() + " is no model of MindSpore Lite, or it is damaged: convert the exported ONNX file "
                    "with scripts/convert_lite.sh");
  }
}

bool is_not_finite(const mindspore::MSTensor &tensor) {
  if (tensor.DataType() != mindspore::DataType::kNumberTypeFloat32 || tensor.Data() == nullptr) {
    return false;
  }
  const auto *values = static_cast<const float *>(tensor.Data().get());
  return std::any_of(values, values + tensor.ElementNum(), [](float value) { return !std::isfinite(value); });
}

}  // namespace

struct ModelSession::Impl {
  std::string name;
  mindspore::Model model;
  std::vector<mindspore::MSTensor> inputs;
  std::vector<mindspore::MSTensor> outputs;
  bool is_checked = false;  // a run has shown finite values inside the network only
};

ModelSession::ModelSession(const fs::path &path, const Device &device) : impl_(std::make_unique<Impl>()) {
  impl_->name = path.string();
  check_kind(path, read_file(path));
  const auto type = path.extension() == ".ms" ? mindspore::kMindIR_Lite : mindspore::kMindIR;
  const mindspore::Status status = impl_->model.Build(impl_->name, type, make_context(device));
  if (status.IsError()) {
    const std::string device_hint =
        device.type == "CPU" ? "" : "is there such a device, and is this MindSpore Lite built for it? ";
    throw UserError("MindSpore Lite cannot load " + impl_->name + " on the device " + device.type + " (" +
                    status.ToString() + "): " + device_hint + "is the file damaged, or made for another version? "
                    "scripts/convert_lite.sh converts an exported ONNX file for this one");
  }
  impl_->inputs = impl_->model.GetInputs();
  impl_->is_checked = device.type != "CPU";  // elsewhere, values inside the network are not in the memory of the host
}

ModelSession::~ModelSession() = default;

size_t ModelSession::batch_size() const { return static_cast<size_t>(impl_->inputs.at(0).Shape().at(0)); }

ImageShape ModelSession::image_shape() const {
  const auto &inputs = impl_->inputs;
  const std::vector<int64_t> shape = inputs.size() == 1 ? inputs[0].Shape() : std::vector<int64_t>();
  const bool is_positive = std::all_of(shape.begin(), shape.end(), [](int64_t size) { return size > 0; });
  if (shape.size() == 4 && is_positive && inputs[0].DataType() == mindspore::DataType::kNumberTypeFloat32) {
    if (shape[1] == 3) {
      return {static_cast<int>(shape[2]), static_cast<int>(shape[3]), Layout::kChannelsFirst};
    }
    if (shape[3] == 3) {
      return {static_cast<int>(shape[1]), static_cast<int>(shape[2]), Layout::kChannelsLast};
    }
  }
  throw UserError(impl_->name + " has " + std::to_string(inputs.size()) + " input(s), the first of the shape " +
                  (inputs.empty() ? "()" : shape_text(inputs[0].Shape())) +
                  "; expected is one, (B, 3, height, width) or (B, height, width, 3) float32: is it a detector of "
                  "export.py?");
}

void ModelSession::set_image(size_t row, const float *image) {
  const size_t bytes = image_shape().elements() * sizeof(float);
  std::memcpy(static_cast<char *>(impl_->inputs[0].MutableData()) + row * bytes, image, bytes);
}

void ModelSession::set_device_image(const void *data, size_t bytes) {
  auto &input = impl_->inputs[0];
  if (bytes != input.DataSize()) {
    throw UserError("the hardware decoder returns " + std::to_string(bytes) + " bytes, but " + impl_->name + " takes " +
                    std::to_string(input.DataSize()) + ": are --image_height, --image_width and the AIPP configuration "
                    "those of the model?");
  }
  input.SetDeviceData(const_cast<void *>(data));
}

void ModelSession::run() {
  // Kernels of MindSpore Lite make numbers of what is none, and ReLU6 makes 6 of infinite values, so neither the outputs
  // of the network nor those of a fused kernel would show it: weights are among the inputs.
  mindspore::MSKernelCallBack after;
  bool is_broken = false;
  if (!impl_->is_checked) {
    after = [&is_broken](const std::vector<mindspore::MSTensor> &inputs,
                         const std::vector<mindspore::MSTensor> &outputs,
                         const mindspore::MSCallBackParam & /*kernel*/) {
      is_broken = is_broken || std::any_of(outputs.begin(), outputs.end(), is_not_finite) ||
                  std::any_of(inputs.begin(), inputs.end(), is_not_finite);
      return true;
    };
  }
  const mindspore::Status status = impl_->model.Predict(impl_->inputs, &impl_->outputs, nullptr, after);
  if (status.IsError()) {
    throw UserError("MindSpore Lite cannot run " + impl_->name + " (" + status.ToString() + ")");
  }
  impl_->is_checked = true;
  if (is_broken) {
    throw UserError(impl_->name + " computes values that are not finite numbers (NaN or infinite): its weights are "
                    "broken; export an earlier checkpoint");
  }
}

NetworkOutput ModelSession::output(size_t row) const {
  const auto &outputs = impl_->outputs;
  const auto fits = [this](const mindspore::MSTensor &tensor) {
    const auto &shape = tensor.Shape();
    return shape.size() == 3 && static_cast<size_t>(shape[0]) == batch_size() && shape[1] > 0 && shape[2] > 0 &&
           tensor.DataType() == mindspore::DataType::kNumberTypeFloat32 && tensor.Data() != nullptr;
  };
  if (outputs.size() != 2 || !fits(outputs[0]) || !fits(outputs[1]) || outputs[0].Shape()[2] != 4 ||
      outputs[0].Shape()[1] != outputs[1].Shape()[1]) {
    std::string shapes;
    for (const auto &tensor : outputs) {
      shapes += (shapes.empty() ? "" : ", ") + shape_text(tensor.Shape());
    }
    throw UserError(impl_->name + " returns " + shapes + "; expected are boxes (B, anchors, 4) and scores (B, anchors, "
                    "classes), float32: is it a detector of export.py?");
  }
  NetworkOutput result;
  result.num_boxes = static_cast<size_t>(outputs[0].Shape()[1]);
  result.num_classes = static_cast<size_t>(outputs[1].Shape()[2]);
  const auto *boxes = static_cast<const float *>(outputs[0].Data().get());
  const auto *scores = static_cast<const float *>(outputs[1].Data().get());
  result.boxes = boxes + row * result.num_boxes * 4;
  result.scores = scores + row * result.num_boxes * result.num_classes;
  return result;
}

}  // namespace ssd
