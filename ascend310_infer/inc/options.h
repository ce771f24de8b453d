#ifndef SSD_OPTIONS_H
#define SSD_OPTIONS_H

#include <string>
#include <vector>

#include "preprocess.h"

namespace ssd {

// The flags of the program; names and defaults as in kFlags of options.cc.
struct Options {
  std::string mindir_path;
  std::string dataset_path;
  std::string device_type = "CPU";
  int device_id = 0;
  std::string cpu_dvpp = "CPU";
  std::string aipp_path;
  int image_height = 0;  // 0: that of the model
  int image_width = 0;
  InputFormat input_format;
  bool upright = true;  // images are turned as their EXIF data ask
  std::string output_path = ".";
  std::string detections;  // empty: the outputs of the network are written as .bin files
  std::string annotations;
  std::vector<std::string> classes;
  float min_score = 0.1F;
  bool best_score = false;  // instead of min_score, the one that belongs to the model
  float nms_threshold = 0.6F;
  int max_boxes = 100;
  int threads = 0;  // 0: all cores
  int decode_threads = 0;
  bool help = false;
};

// Text of --help.
std::string usage();

// Flags, written --name=value or --name value, without the program's name. Throws UserError for an unknown flag, a
// value that is not allowed, and flags that contradict each other.
Options parse_options(const std::vector<std::string> &arguments);

}  // namespace ssd

#endif  // SSD_OPTIONS_H
