#ifndef SSD_PARTS_H
#define SSD_PARTS_H

#include <filesystem>

namespace ssd {

// A temporary name beside `path`, for what is renamed to `path` when it is whole. What killed runs left of it is removed;
// what belongs to a run that may still be alive, perhaps on another machine with the same folder, stays.
std::filesystem::path part_of(const std::filesystem::path &path);

}  // namespace ssd

#endif  // SSD_PARTS_H
