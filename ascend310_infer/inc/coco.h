#ifndef SSD_COCO_H
#define SSD_COCO_H

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "detections.h"

namespace ssd {

// The ids of a COCO annotation file.
struct CocoIds {
  std::unordered_map<std::string, int64_t> images;  // by file name, without folders
  std::map<size_t, int64_t> categories;             // by label; labels that the file does not have are missing
};

// Reads a COCO annotation file, or one without annotations. `classes` are the names by label, the background first.
// Throws UserError when the file is no such file, has none of the classes, has an id that is no integer, two images of
// the same name, boxes of two categories of the same name, or two images or categories of the same id.
CocoIds read_coco_ids(const std::filesystem::path &path, const std::vector<std::string> &classes);

// The id of an image without an annotation file: its file name; UserError when the name is no integer.
int64_t numeric_image_id(const std::filesystem::path &path);

// Detections in the COCO result format.
class CocoResults {
 public:
  // Categories by label as in CocoIds; detections of other labels are left out.
  explicit CocoResults(std::map<size_t, int64_t> categories);

  void add(int64_t image_id, const std::vector<Detection> &detections);

  size_t size() const { return rows_.size(); }

  // Writes the file whole or not at all; UserError when it cannot be written.
  void write(const std::filesystem::path &path) const;

 private:
  struct Row {
    int64_t image_id;
    int64_t category_id;
    std::array<float, 4> box;
    float score;
  };

  std::map<size_t, int64_t> categories_;
  std::vector<Row> rows_;
};

}  // namespace ssd

#endif  // SSD_COCO_H
