#ifndef SSD_DETECTIONS_H
#define SSD_DETECTIONS_H

#include <array>
#include <cstddef>
#include <vector>

namespace ssd {

// Outputs of the network for one image. The arrays are not owned.
struct NetworkOutput {
  const float *boxes = nullptr;   // (num_boxes, 4) ymin xmin ymax xmax in [0, 1]
  const float *scores = nullptr;  // (num_boxes, num_classes), column 0 is the background
  size_t num_boxes = 0;
  size_t num_classes = 0;
};

struct Detection {
  std::array<float, 4> box;  // xmin, ymin, width, height, pixels of the original image
  float score;
  size_t label;
};

struct Thresholds {
  float min_score = 0.1F;      // detections have a higher score
  float nms_threshold = 0.6F;  // largest IoU of two detections of a class
  size_t max_boxes = 100;      // largest number of detections of a class
};

// A box in pixels, as ymin xmin ymax xmax.
using PixelBox = std::array<float, 4>;

// Intersection over union. Both ends of a box belong to it, so a side is one pixel longer than the difference of its
// coordinates (src/boxes/nms.py).
float overlap(const PixelBox &first, const PixelBox &second);

// Greedy non-maximum suppression. `boxes` are in order of descending score; returns the indexes of those that are kept,
// at most `max_boxes`.
std::vector<size_t> suppress(const std::vector<PixelBox> &boxes, float threshold, size_t max_boxes);

// Throws UserError unless all numbers are finite.
void check_finite(const NetworkOutput &output);

// The detections of an image of that size, in pixels: confidence threshold and NMS, in order of the labels, and of
// descending score within a label. They equal those of `select_detections` in src/boxes/nms.py to the last bit. Throws
// UserError for numbers that are no boxes or scores.
std::vector<Detection> select_detections(const NetworkOutput &output, int height, int width,
                                         const Thresholds &thresholds);

}  // namespace ssd

#endif  // SSD_DETECTIONS_H
