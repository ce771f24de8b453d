#ifndef SSD_BIN_FILES_H
#define SSD_BIN_FILES_H

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "detections.h"

namespace ssd {

// Writes a file whole or not at all, and makes its folder; UserError when it cannot be written.
void write_whole_file(const std::filesystem::path &path, const void *data, size_t size);

// The outputs of the network as files `<id>_0.bin` (boxes) and `<id>_1.bin` (scores), float32 without a header.
//
// They are written to a temporary folder beside `folder` and move there together at the end, so that an interrupted run
// leaves nothing that looks like its result.
class BinFiles {
 public:
  explicit BinFiles(std::filesystem::path folder);
  ~BinFiles();
  BinFiles(const BinFiles &) = delete;
  BinFiles &operator=(const BinFiles &) = delete;

  void add(const std::string &id, const NetworkOutput &output);

  // Moves the files to `folder`.
  void finish();

 private:
  void write(const std::string &name, const float *values, size_t count);

  std::filesystem::path folder_;
  std::filesystem::path part_;
  std::vector<std::string> names_;
};

}  // namespace ssd

#endif  // SSD_BIN_FILES_H
