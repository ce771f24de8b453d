#include "coco.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
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

// A number as an id, as by `whole_number` of src/dataset/coco.py: programs write a column of ids with gaps as 1.0, 2.0.
std::optional<int64_t> whole_number(const json &value) {
  constexpr double kEnd = 9223372036854775808.0;  // the first number that is too large
  if (value.is_number_float()) {
    const double number = value.get<double>();
    const bool is_whole = std::trunc(number) == number && std::abs(number) < kEnd;
    return is_whole ? std::optional<int64_t>(static_cast<int64_t>(number)) : std::nullopt;
  }
  const bool is_huge = value.is_number_unsigned() && value.get<uint64_t>() > std::numeric_limits<int64_t>::max();
  if (!value.is_number_integer() || is_huge || value == std::numeric_limits<int64_t>::min()) {
    return std::nullopt;
  }
  return value.get<int64_t>();
}

// A field of the entry `where`. A fraction or a huge number would become another id.
int64_t integer_of(const json &entry, const std::string &key, const std::string &where) {
  const auto number = whole_number(entry.at(key));
  if (!number) {
    throw UserError(where + " has " + key + " " + shown(entry.at(key)) + ", expected an integer");
  }
  return *number;
}

std::string entry_of(const fs::path &path, const std::string &list, size_t index) {
  return path.string() + " is no COCO annotation file: " + list + "[" + std::to_string(index) + "]";
}

std::unordered_map<std::string, int64_t> image_ids(const fs::path &path, const json &images) {
  std::unordered_map<std::string, int64_t> by_name;
  std::set<int64_t> ids;
  for (const auto &image : images) {
    const int64_t id = integer_of(image, "id", entry_of(path, "images", ids.size()));
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

// Category ids of the annotations; none in a file that only lists images.
std::set<int64_t> used_categories(const fs::path &path, const json &content) {
  std::set<int64_t> used;
  if (content.contains("annotations")) {
    const json &annotations = content.at("annotations");
    for (size_t index = 0; index < annotations.size(); ++index) {
      const std::string where = entry_of(path, "annotations", index);
      integer_of(annotations.at(index), "image_id", where);
      used.insert(integer_of(annotations.at(index), "category_id", where));
    }
  }
  return used;
}

// As `category_names` of src/dataset/coco.py: of several categories of one name, those without boxes do not count.
std::map<size_t, int64_t> category_ids(const fs::path &path, const json &categories, const std::set<int64_t> &used,
                                       const std::vector<std::string> &classes) {
  std::map<std::string, std::vector<int64_t>> by_name;
  std::set<int64_t> ids;
  for (const auto &category : categories) {
    const int64_t id = integer_of(category, "id", entry_of(path, "categories", ids.size()));
    if (!ids.insert(id).second) {
      throw UserError(path.string() + " has two categories with the id " + std::to_string(id));
    }
    by_name[category.at("name").get<std::string>()].push_back(id);
  }
  std::map<size_t, int64_t> by_label;
  for (const auto &[name, of_name] : by_name) {
    std::vector<int64_t> with_boxes;
    std::copy_if(of_name.begin(), of_name.end(), std::back_inserter(with_boxes),
                 [&used](int64_t id) { return used.count(id) > 0; });
    if (with_boxes.size() > 1) {
      throw UserError(path.string() + " has boxes of two categories of the name '" + shown_name(name) +
                      "': give them different names, or their boxes one id");
    }
    const auto label = static_cast<size_t>(std::find(classes.begin(), classes.end(), name) - classes.begin());
    if (label > 0 && label < classes.size()) {
      by_label[label] = with_boxes.empty() ? of_name[0] : with_boxes[0];
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
    ids.categories = category_ids(path, content.at("categories"), used_categories(path, content), classes);
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
