#include "detections.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "error.h"

namespace ssd {
namespace {

void check_scores(const NetworkOutput &output) {
  const float *scores_end = output.scores + output.num_boxes * output.num_classes;
  const auto is_score = [](float value) { return value >= 0 && value <= 1; };
  const float *wrong = std::find_if_not(output.scores, scores_end, is_score);
  if (wrong != scores_end) {
    throw UserError("the network returns a score of " + std::to_string(*wrong) +
                    ", expected 0 to 1: export the network for inference, with export.py");
  }
}

// Indexes of the default boxes whose score is above the threshold, for each label; none for the background.
std::vector<std::vector<size_t>> candidates_by_label(const NetworkOutput &output, float min_score) {
  std::vector<std::vector<size_t>> candidates(output.num_classes);
  const float *score = output.scores;
  for (size_t anchor = 0; anchor < output.num_boxes; ++anchor) {
    for (size_t label = 0; label < output.num_classes; ++label, ++score) {
      if (*score > min_score && label > 0) {
        candidates[label].push_back(anchor);
      }
    }
  }
  return candidates;
}

}  // namespace

void check_finite(const NetworkOutput &output) {
  const auto is_finite = [](float value) { return std::isfinite(value); };
  const bool boxes_are = std::all_of(output.boxes, output.boxes + output.num_boxes * 4, is_finite);
  if (!boxes_are ||
      !std::all_of(output.scores, output.scores + output.num_boxes * output.num_classes, is_finite)) {
    throw UserError(std::string("the network returns ") + (boxes_are ? "scores" : "boxes") +
                    " that are not finite numbers: its weights are broken; export an earlier checkpoint");
  }
}

float overlap(const PixelBox &first, const PixelBox &second) {
  const auto area = [](const PixelBox &box) { return (box[2] - box[0] + 1) * (box[3] - box[1] + 1); };
  const float height = std::max(std::min(first[2], second[2]) - std::max(first[0], second[0]) + 1, 0.0F);
  const float width = std::max(std::min(first[3], second[3]) - std::max(first[1], second[1]) + 1, 0.0F);
  const float intersection = height * width;
  return intersection / (area(first) + area(second) - intersection);
}

std::vector<size_t> suppress(const std::vector<PixelBox> &boxes, float threshold, size_t max_boxes) {
  std::vector<size_t> kept;
  for (size_t index = 0; index < boxes.size() && kept.size() < max_boxes; ++index) {
    const bool is_clear = std::all_of(kept.begin(), kept.end(), [&](size_t other) {
      return overlap(boxes[other], boxes[index]) <= threshold;
    });
    if (is_clear) {
      kept.push_back(index);
    }
  }
  return kept;
}

std::vector<Detection> select_detections(const NetworkOutput &output, int height, int width,
                                         const Thresholds &thresholds) {
  check_finite(output);
  check_scores(output);
  const auto rows = static_cast<float>(height);
  const auto columns = static_cast<float>(width);
  auto candidates = candidates_by_label(output, thresholds.min_score);
  std::vector<Detection> detections;
  std::vector<PixelBox> boxes;
  for (size_t label = 1; label < output.num_classes; ++label) {
    auto &anchors = candidates[label];
    const auto score_of = [&](size_t anchor) { return output.scores[anchor * output.num_classes + label]; };
    std::stable_sort(anchors.begin(), anchors.end(), [&](size_t a, size_t b) { return score_of(a) > score_of(b); });
    boxes.clear();
    for (const size_t anchor : anchors) {
      const float *box = output.boxes + anchor * 4;
      boxes.push_back({box[0] * rows, box[1] * columns, box[2] * rows, box[3] * columns});
    }
    for (const size_t index : suppress(boxes, thresholds.nms_threshold, thresholds.max_boxes)) {
      const auto &[ymin, xmin, ymax, xmax] = boxes[index];
      detections.push_back({{xmin, ymin, xmax - xmin, ymax - ymin}, score_of(anchors[index]), label});
    }
  }
  return detections;
}

}  // namespace ssd
