#include "image_files.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <unordered_map>

#include "error.h"

namespace ssd {
namespace fs = std::filesystem;

namespace {

// As IMAGE_SUFFIXES of src/dataset/images.py.
constexpr std::array kSuffixes = {".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".webp", ".tif", ".tiff"};

bool is_image(const fs::path &path) {
  std::string suffix = path.extension().string();
  std::transform(suffix.begin(), suffix.end(), suffix.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::find(kSuffixes.begin(), kSuffixes.end(), suffix) != kSuffixes.end();
}

}  // namespace

std::vector<fs::path> find_images(const fs::path &folder) {
  std::error_code error;
  std::vector<fs::path> images;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    if (is_image(entry->path()) && entry->is_regular_file(ignored)) {
      images.push_back(entry->path());
    }
  }
  if (error) {
    throw UserError("the folder of the images " + folder.string() + " cannot be read: " + error.message());
  }
  if (images.empty()) {
    std::string suffixes;
    for (const char *suffix : kSuffixes) {
      suffixes += std::string(suffixes.empty() ? "" : ", ") + suffix;
    }
    throw UserError("there is no image in " + folder.string() + " (looked for " + suffixes + ")");
  }
  std::sort(images.begin(), images.end());
  std::unordered_map<std::string, fs::path> by_stem;
  for (const auto &path : images) {
    const auto [other, is_new] = by_stem.emplace(path.stem().string(), path);
    if (!is_new) {
      throw UserError(other->second.string() + " and " + path.string() +
                      " have the same name for their result files: rename one");
    }
  }
  return images;
}

std::vector<uint8_t> read_file(const fs::path &path) {
  std::error_code error;
  // The opening of a named pipe would wait for its writer.
  if (fs::exists(path, error) && !fs::is_regular_file(path, error)) {
    throw UserError(path.string() + " cannot be read: it is a folder, a pipe or a device");
  }
  errno = 0;
  std::ifstream stream(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = stream ? static_cast<std::streamoff>(stream.tellg()) : -1;
  if (size < 0) {
    throw UserError(path.string() + " cannot be read: " + std::strerror(errno));
  }
  std::vector<uint8_t> content(static_cast<size_t>(size));
  stream.seekg(0);
  if (!stream.read(reinterpret_cast<char *>(content.data()), size)) {
    throw UserError(path.string() + " cannot be read to its end");
  }
  return content;
}

}  // namespace ssd
