#ifndef SSD_MODEL_SESSION_H
#define SSD_MODEL_SESSION_H

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>

#include "detections.h"
#include "preprocess.h"

namespace ssd {

// Where and how a model runs.
struct Device {
  std::string type = "CPU";  // Ascend, GPU or CPU
  int id = 0;
  int threads = 1;        // on a CPU
  std::string aipp_path;  // Ascend: AIPP configuration to build into the model; empty: none
};

// A detector in MindSpore Lite: images -> boxes and scores.
class ModelSession {
 public:
  // Throws UserError when this MindSpore Lite cannot load the file as a model on that device.
  ModelSession(const std::filesystem::path &path, const Device &device);
  ~ModelSession();
  ModelSession(const ModelSession &) = delete;
  ModelSession &operator=(const ModelSession &) = delete;

  // Number of images that one call of `run` takes.
  size_t batch_size() const;

  // Shape of one image. UserError when the input is not that of a detector: float32 images of three channels.
  ImageShape image_shape() const;

  // Copies the output of a Preprocessor into a row of the batch.
  void set_image(size_t row, const float *image);

  // Replaces the whole input by an image in the memory of the device, the output of the hardware decoder.
  void set_device_image(const void *data, size_t bytes);

  // Runs the network on the batch.
  void run();

  // Outputs of the last run for one image of the batch; valid until the next run. UserError when they are not boxes and
  // scores.
  NetworkOutput output(size_t row) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ssd

#endif  // SSD_MODEL_SESSION_H
