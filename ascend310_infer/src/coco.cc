#include "coco.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "bin_files.h"
#include "error.h"
#include "image_files.h"

namespace ssd {
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

json read_json(const fs::path &path) {
  const auto content = read_file(path);
  try {
    return json::parse(content.begin(), content.end());
  } catch (const json::exception &error) {
    throw UserError("annotation file " + path.string() + " is no json: " + error.what());
  }
}

std::map<size_t, int64_t> category_ids(const json &categories, const std::vector<std::string> &classes) {
  std::map<size_t, int64_t> ids;
  for (const auto &category : categories) {
    const auto name = std::find(classes.begin(), classes.end(), category.at("name").get<std::string>());
    const auto label = static_cast<size_t>(name - classes.begin());
    if (name != classes.end() && label > 0) {
      ids[label] = category.at("id").get<int64_t>();
    }
  }
  return ids;
}

}  // namespace

CocoIds read_coco_ids(const fs::path &path, const std::vector<std::string> &classes) {
  const json content = read_json(path);
  CocoIds ids;
  try {
    for (const auto &image : content.at("images")) {
      const std::string name = fs::path(image.at("file_name").get<std::string>()).filename().string();
      if (!ids.images.emplace(name, image.at("id").get<int64_t>()).second) {
        throw UserError(path.string() + " lists two images with the name " + name);
      }
    }
    ids.categories = category_ids(content.at("categories"), classes);
  } catch (const json::exception &error) {
    throw UserError(path.string() + " is no COCO annotation file: " + error.what());
  }
  if (ids.categories.empty()) {
    throw UserError(path.string() + " has none of the classes of the model (--classes)");
  }
  return ids;
}

int64_t numeric_image_id(const fs::path &path) {
  const std::string name = path.stem().string();
  int64_t id = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
  if (error != std::errc() || end != name.data() + name.size()) {
    throw UserError("the name of " + path.string() +
                    " is no number: give the annotation file with the ids of the images (--annotations)");
  }
  return id;
}

CocoResults::CocoResults(std::map<size_t, int64_t> categories) : categories_(std::move(categories)) {}

void CocoResults::add(int64_t image_id, const std::vector<Detection> &detections) {
  for (const auto &detection : detections) {
    const auto category = categories_.find(detection.label);
    if (category != categories_.end()) {
      rows_.push_back({image_id, category->second, detection.box, detection.score});
    }
  }
}

void CocoResults::write(const fs::path &path) const {
  // Row by row: a tree of all detections of a large dataset would take gigabytes.
  std::string text = "[";
  for (const auto &row : rows_) {
    text += text.size() > 1 ? ",\n" : "\n";
    text += json{{"image_id", row.image_id}, {"category_id", row.category_id}, {"bbox", row.box}, {"score", row.score}}
                .dump();
  }
  text += "\n]\n";
  write_whole_file(path, text.data(), text.size());
}

}  // namespace ssd
