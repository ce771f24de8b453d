#include "bin_files.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>
#include <utility>

#include "error.h"
#include "parts.h"

namespace ssd {
namespace fs = std::filesystem;

namespace {

void make_folder(const fs::path &folder) {
  std::error_code error;
  fs::create_directories(folder.empty() ? "." : folder, error);
  if (error) {
    throw UserError("the folder " + folder.string() + " cannot be created: " + error.message());
  }
}

void write_file(const fs::path &path, const void *data, size_t size) {
  errno = 0;
  std::ofstream stream(path, std::ios::binary | std::ios::trunc);
  stream.write(static_cast<const char *>(data), static_cast<std::streamsize>(size));
  stream.close();
  if (!stream) {
    throw UserError(path.string() + " cannot be written: " +
                    (errno == 0 ? "is the disk full, or the folder write-protected?" : std::strerror(errno)));
  }
}

void move_file(const fs::path &from, const fs::path &to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) {
    throw UserError(to.string() + " cannot be written: " + error.message());
  }
}

}  // namespace

void write_whole_file(const fs::path &path, const void *data, size_t size) {
  make_folder(path.parent_path());
  std::error_code none;
  if (fs::exists(path, none) && !fs::is_regular_file(path, none)) {
    throw UserError(path.string() + " cannot be written: it is a folder, a pipe or a device");
  }
  const fs::path part = part_of(path);
  try {
    write_file(part, data, size);
    move_file(part, path);
  } catch (const UserError &) {
    std::error_code ignored;
    fs::remove(part, ignored);
    throw;
  }
}

BinFiles::BinFiles(fs::path folder) : folder_(std::move(folder)), part_(part_of(folder_)) { make_folder(part_); }

BinFiles::~BinFiles() {
  std::error_code ignored;
  fs::remove_all(part_, ignored);
}

void BinFiles::add(const std::string &id, const NetworkOutput &output) {
  write(id + "_0.bin", output.boxes, output.num_boxes * 4);
  write(id + "_1.bin", output.scores, output.num_boxes * output.num_classes);
}

void BinFiles::write(const std::string &name, const float *values, size_t count) {
  write_file(part_ / name, values, count * sizeof(float));
  names_.push_back(name);
}

void BinFiles::finish() {
  make_folder(folder_);
  for (const auto &name : names_) {
    move_file(part_ / name, folder_ / name);
  }
  names_.clear();
}

}  // namespace ssd
