#ifndef SSD_IMAGE_FILES_H
#define SSD_IMAGE_FILES_H

#include <cstdint>
#include <filesystem>
#include <vector>

namespace ssd {

// The images of a folder, by file name, without sub-folders. Throws UserError when there is no such folder, it has no
// image, or two images whose names differ in the suffix only: the results of one would overwrite those of the other.
std::vector<std::filesystem::path> find_images(const std::filesystem::path &folder);

// The content of a file; UserError when it cannot be read.
std::vector<uint8_t> read_file(const std::filesystem::path &path);

}  // namespace ssd

#endif  // SSD_IMAGE_FILES_H
