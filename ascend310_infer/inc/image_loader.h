#ifndef SSD_IMAGE_LOADER_H
#define SSD_IMAGE_LOADER_H

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <mutex>
#include <thread>
#include <vector>

#include "preprocess.h"

namespace ssd {

// An image, ready for the network.
struct LoadedImage {
  std::vector<float> input;  // output of the preprocessor
  int height = 0;            // of the original image, upright unless it is taken as it is stored; pixels
  int width = 0;
};

// Reads, decodes and preprocesses images in its own threads, ahead of the caller.
class ImageLoader {
 public:
  // `upright`: see decode_image.
  ImageLoader(std::vector<std::filesystem::path> paths, Preprocessor preprocess, int threads, bool upright = true);
  ~ImageLoader();
  ImageLoader(const ImageLoader &) = delete;
  ImageLoader &operator=(const ImageLoader &) = delete;

  // The next image, in the order of the paths; valid until the next call. Call it once for each path. Throws UserError
  // when this image cannot be read.
  const LoadedImage &next();

 private:
  struct Slot {
    LoadedImage image;
    std::exception_ptr error;
    bool ready = false;
  };

  void work();
  void load(size_t index, Slot *slot) const;

  const std::vector<std::filesystem::path> paths_;
  const Preprocessor preprocess_;
  const bool upright_;
  std::vector<Slot> slots_;  // image i is in slot i % size
  std::mutex mutex_;
  std::condition_variable slot_is_ready_;
  std::condition_variable slot_is_free_;
  size_t begun_ = 0;      // images that a thread has taken
  size_t delivered_ = 0;  // images that `next` has returned; the last of them still occupies its slot
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace ssd

#endif  // SSD_IMAGE_LOADER_H
