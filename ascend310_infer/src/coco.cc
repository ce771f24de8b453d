#include "coco.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
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

// A value of the file for a message: without control characters.
std::string shown(const json &value) { return value.dump(-1, ' ', true, json::error_handler_t::replace); }

std::string shown_name(const std::string &name) {
  const std::string quoted = shown(name);
  return quoted.substr(1, quoted.size() - 2);
}

// The id of an entry of `where`. A fraction or a huge number would become another id.
int64_t integer_id(const json &entry, const std::string &where) {
  const json &id = entry.at("id");
  const bool is_huge = id.is_number_unsigned() && id.get<uint64_t>() > std::numeric_limits<int64_t>::max();
  if (!id.is_number_integer() || is_huge) {
    throw UserError(where + " has id " + shown(id) + ", expected an integer");
  }
  return id.get<int64_t>();
}

std::string entry_of(const fs::path &path, const std::string &list, size_t index) {
  return path.string() + " is no COCO annotation file: " + list + "[" + std::to_string(index) + "]";
}

std::unordered_map<std::string, int64_t> image_ids(const fs::path &path, const json &images) {
  std::unordered_map<std::string, int64_t> by_name;
  std::set<int64_t> ids;
  for (const auto &image : images) {
    const int64_t id = integer_id(image, entry_of(path, "images", ids.size()));
    const std::string name = fs::path(image.at("file_name").get<std::string>()).filename().string();
    if (!by_name.emplace(name, id).second) {
      throw UserError(path.string() + " lists two images with the name " + shown_name(name));
    }
    if (!ids.insert(id).second) {
      throw UserError(path.string() + " lists two images with the id " + std::to_string(id));
    }
  }
  return by_name;
}

std::map<size_t, int64_t> category_ids(const fs::path &path, const json &categories,
                                       const std::vector<std::string> &classes) {
  std::map<size_t, int64_t> by_label;
  std::set<std::string> names;
  std::set<int64_t> ids;
  for (const auto &category : categories) {
    const int64_t id = integer_id(category, entry_of(path, "categories", names.size()));
    const std::string name = category.at("name").get<std::string>();
    if (!names.insert(name).second) {
      throw UserError(path.string() + " has two categories of the name '" + shown_name(name) +
                      "': give them different names");
    }
    if (!ids.insert(id).second) {
      throw UserError(path.string() + " has two categories with the id " + std::to_string(id));
    }
    const auto label = static_cast<size_t>(std::find(classes.begin(), classes.end(), name) - classes.begin());
    if (label > 0 && label < classes.size()) {
      by_label[label] = id;
    }
  }
  return by_label;
}

}  // namespace

CocoIds read_coco_ids(const fs::path &path, const std::vector<std::string> &classes) {
  const json content = read_json(path);
  CocoIds ids;
  try {
    ids.images = image_ids(path, content.at("images"));
    ids.categories = category_ids(path, content.at("categories"), classes);
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
