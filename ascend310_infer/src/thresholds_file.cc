#include "thresholds_file.h"

#include <nlohmann/json.hpp>

#include "error.h"
#include "image_files.h"

namespace ssd {
namespace fs = std::filesystem;
using nlohmann::json;

float read_best_score(const fs::path &model) {
  const fs::path path = model.string() + ".thresholds.json";
  const std::string otherwise = "; give a number, such as --min_score=0.3";
  if (!fs::is_regular_file(path)) {
    throw UserError("--min_score=best needs the file " + path.string() +
                    ", which scripts/convert_lite.sh writes beside the model" + otherwise);
  }
  const auto content = read_file(path);
  const json file = json::parse(content.begin(), content.end(), nullptr, false);
  const json::json_pointer place("/thresholds/all_classes/best_f1/score");
  if (!file.is_object() || !file.contains(place) || !file[place].is_number()) {
    throw UserError(path.string() + " has no threshold of the best F1: the model was not evaluated while training" +
                    otherwise);
  }
  return file[place].get<float>();
}

}  // namespace ssd
