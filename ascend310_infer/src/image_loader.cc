#include "image_loader.h"

#include <stdexcept>
#include <string>
#include <utility>

#include "error.h"
#include "image_files.h"

namespace ssd {

ImageLoader::ImageLoader(std::vector<std::filesystem::path> paths, Preprocessor preprocess, int threads, bool upright)
    : paths_(std::move(paths)),
      preprocess_(std::move(preprocess)),
      upright_(upright),
      slots_(2 * static_cast<size_t>(threads) + 1) {
  for (auto &slot : slots_) {
    slot.image.input.resize(preprocess_.shape().elements());
  }
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back(&ImageLoader::work, this);
  }
}

ImageLoader::~ImageLoader() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  slot_is_free_.notify_all();
  for (auto &thread : threads_) {
    thread.join();
  }
}

const LoadedImage &ImageLoader::next() {
  std::unique_lock<std::mutex> lock(mutex_);
  if (delivered_ == paths_.size()) {
    throw std::logic_error("all images have been delivered");
  }
  if (delivered_ > 0) {
    slots_[(delivered_ - 1) % slots_.size()].ready = false;
  }
  Slot &slot = slots_[delivered_ % slots_.size()];
  ++delivered_;
  slot_is_free_.notify_one();
  slot_is_ready_.wait(lock, [&slot] { return slot.ready; });
  if (slot.error) {
    std::rethrow_exception(slot.error);
  }
  return slot.image;
}

void ImageLoader::work() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    // The slot of the image that was delivered last is still in use.
    const auto has_room = [this] { return begun_ + 1 < delivered_ + slots_.size(); };
    slot_is_free_.wait(lock, [&] { return stopping_ || begun_ == paths_.size() || has_room(); });
    if (stopping_ || begun_ == paths_.size()) {
      return;
    }
    const size_t index = begun_++;
    Slot &slot = slots_[index % slots_.size()];
    lock.unlock();
    slot.error = nullptr;
    try {
      load(index, &slot);
    } catch (...) {
      slot.error = std::current_exception();
    }
    lock.lock();
    slot.ready = true;
    slot_is_ready_.notify_one();
  }
}

void ImageLoader::load(size_t index, Slot *slot) const {
  try {
    const cv::Mat image = decode_image(read_file(paths_[index]), upright_);
    slot->image.height = image.rows;
    slot->image.width = image.cols;
    preprocess_(image, slot->image.input.data());
  } catch (const std::invalid_argument &error) {
    throw UserError("the image " + paths_[index].string() + " " + error.what());
  }
}

}  // namespace ssd
