#ifndef SSD_THRESHOLDS_FILE_H
#define SSD_THRESHOLDS_FILE_H

#include <filesystem>

namespace ssd {

// The confidence threshold with the best F1 of the model `a.mindir`, from the file a.mindir.thresholds.json, which
// scripts/convert_lite.sh writes beside it. Throws UserError when there is none, or it is damaged.
float read_best_score(const std::filesystem::path &model);

}  // namespace ssd

#endif  // SSD_THRESHOLDS_FILE_H
