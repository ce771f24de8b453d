// Runs a detector on the images of a folder; see usage() in options.cc.

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <opencv2/core/utility.hpp>
#include <string>
#include <vector>

#include "bin_files.h"
#include "coco.h"
#include "detections.h"
#include "error.h"
#include "image_files.h"
#include "image_loader.h"
#include "model_session.h"
#include "options.h"
#include "thresholds_file.h"
#include "timing.h"
#ifdef SSD_DVPP
#include "dvpp_decoder.h"
#endif

namespace ssd {
namespace {
namespace fs = std::filesystem;

// Takes the outputs of the network.
class Results {
 public:
  virtual ~Results() = default;
  // Those of `paths` whose outputs are needed.
  virtual std::vector<fs::path> choose(const std::vector<fs::path> &paths) const { return paths; }
  virtual void add(const fs::path &path, int height, int width, const NetworkOutput &output) = 0;
  virtual void finish() = 0;
};

class OutputFiles : public Results {
 public:
  explicit OutputFiles(const Options &options) : files_(fs::path(options.output_path) / "result_Files") {}

  void add(const fs::path &path, int /*height*/, int /*width*/, const NetworkOutput &output) override {
    check_finite(output);
    files_.add(path.stem().string(), output);
  }

  void finish() override { files_.finish(); }

 private:
  BinFiles files_;
};

class DetectionFile : public Results {
 public:
  explicit DetectionFile(const Options &options)
      : path_(options.detections),
        thresholds_{options.best_score ? read_best_score(options.mindir_path) : options.min_score,
                    options.nms_threshold, static_cast<size_t>(options.max_boxes)},
        num_classes_(options.classes.size()),
        has_annotations_(!options.annotations.empty()) {
    if (has_annotations_) {
      ids_ = read_coco_ids(options.annotations, options.classes);
    }
  }

  std::vector<fs::path> choose(const std::vector<fs::path> &paths) const override {
    if (!has_annotations_) {
      std::for_each(paths.begin(), paths.end(), numeric_image_id);
      return paths;
    }
    std::vector<fs::path> chosen;
    std::copy_if(paths.begin(), paths.end(), std::back_inserter(chosen),
                 [this](const fs::path &path) { return ids_.images.count(path.filename().string()) > 0; });
    if (chosen.empty()) {
      throw UserError("none of the " + std::to_string(paths.size()) + " images, such as " + paths[0].string() +
                      ", is in the annotation file");
    }
    if (chosen.size() < paths.size()) {
      std::cout << paths.size() - chosen.size() << " of " << paths.size()
                << " images are not in the annotation file and are left out\n";
    }
    return chosen;
  }

  void add(const fs::path &path, int height, int width, const NetworkOutput &output) override {
    if (num_classes_ != 0 && num_classes_ != output.num_classes) {
      throw UserError("the network returns scores of " + std::to_string(output.num_classes) + " classes, but --classes "
                      "names " + std::to_string(num_classes_) + " (with the background)");
    }
    if (!results_) {
      results_ = std::make_unique<CocoResults>(has_annotations_ ? ids_.categories : labels(output.num_classes));
    }
    results_->add(has_annotations_ ? ids_.images.at(path.filename().string()) : numeric_image_id(path),
                  select_detections(output, height, width, thresholds_));
  }

  void finish() override {
    results_->write(path_);
    std::cout << results_->size() << " detections: " << path_.string() << "\n";
  }

 private:
  static std::map<size_t, int64_t> labels(size_t num_classes) {
    std::map<size_t, int64_t> ids;
    for (size_t label = 1; label < num_classes; ++label) {
      ids[label] = static_cast<int64_t>(label);
    }
    return ids;
  }

  fs::path path_;
  Thresholds thresholds_;
  size_t num_classes_;
  bool has_annotations_;
  CocoIds ids_;
  std::unique_ptr<CocoResults> results_;
};

struct Timing {
  double network = 0;  // seconds
  double all = 0;
};

// Decodes on the CPU.
Timing predict(const std::vector<fs::path> &paths, const Options &options, ModelSession *session, Results *results) {
  const size_t batch_size = session->batch_size();
  struct Size {
    int height;
    int width;
  };
  std::vector<Size> sizes(batch_size);
  Timing timing;
  const Stopwatch whole;
  ImageLoader loader(paths, Preprocessor(session->image_shape(), options.input_format), options.decode_threads,
                     options.upright);
  for (size_t begin = 0; begin < paths.size(); begin += batch_size) {
    const size_t count = std::min(batch_size, paths.size() - begin);  // further rows keep their old content
    for (size_t row = 0; row < count; ++row) {
      const LoadedImage &image = loader.next();
      sizes[row] = {image.height, image.width};
      session->set_image(row, image.input.data());
    }
    const Stopwatch network;
    session->run();
    timing.network += network.seconds();
    for (size_t row = 0; row < count; ++row) {
      results->add(paths[begin + row], sizes[row].height, sizes[row].width, session->output(row));
    }
  }
  timing.all = whole.seconds();
  return timing;
}

#ifdef SSD_DVPP
// Decodes with the hardware of the Ascend device.
Timing predict_dvpp(const std::vector<fs::path> &paths, const Options &options, ModelSession *session,
                    Results *results) {
  DvppDecoder decoder(options.image_height, options.image_width, options.device_id, options.upright);
  Timing timing;
  const Stopwatch whole;
  for (const auto &path : paths) {
    const DeviceImage image = decoder.decode(path);
    session->set_device_image(image.data.get(), image.bytes);
    const Stopwatch network;
    session->run();
    timing.network += network.seconds();
    results->add(path, image.height, image.width, session->output(0));
  }
  timing.all = whole.seconds();
  return timing;
}
#endif

void check_input_size(const ModelSession &session, const Options &options) {
  const ImageShape shape = session.image_shape();
  if (options.image_height != 0 && (shape.height != options.image_height || shape.width != options.image_width)) {
    throw UserError(options.mindir_path + " takes images of " + std::to_string(shape.height) + " x " +
                    std::to_string(shape.width) + ", but --image_height and --image_width say " +
                    std::to_string(options.image_height) + " x " + std::to_string(options.image_width) +
                    ": is it the model of this configuration?");
  }
}

void run(const Options &options) {
  const bool dvpp = options.cpu_dvpp == "DVPP";
#ifndef SSD_DVPP
  if (dvpp) {
    throw UserError("this program was built without hardware decoding: build it with cmake -DSSD_DVPP=ON, or use "
                    "--cpu_dvpp=CPU");
  }
#endif
  std::unique_ptr<Results> results;
  if (options.detections.empty()) {
    results = std::make_unique<OutputFiles>(options);
  } else {
    results = std::make_unique<DetectionFile>(options);
  }
  const auto paths = results->choose(find_images(options.dataset_path));
  ModelSession session(options.mindir_path,
                       {options.device_type, options.device_id, options.threads, dvpp ? options.aipp_path : ""});
  // The threads of the image loader are the parallelism; those of OpenCV would compete with them.
  cv::setNumThreads(1);
  Timing timing;
#ifdef SSD_DVPP
  if (dvpp) {
    timing = predict_dvpp(paths, options, &session, results.get());
  } else
#endif
  {
    check_input_size(session, options);
    timing = predict(paths, options, &session, results.get());
  }
  results->finish();
  const std::string line = network_time_line(timing.network, paths.size());
  write_whole_file(fs::path(options.output_path) / "time_Result" / "test_perform_static.txt", line.data(), line.size());
  std::cout << line << throughput_line(timing.all, timing.network, paths.size()) << "\n";
}

}  // namespace
}  // namespace ssd

int main(int argc, char **argv) {
  try {
    const ssd::Options options = ssd::parse_options({argv + 1, argv + argc});
    if (options.help) {
      std::cout << ssd::usage();
      return 0;
    }
    ssd::run(options);
  } catch (const std::exception &error) {
    std::cerr << "error: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
