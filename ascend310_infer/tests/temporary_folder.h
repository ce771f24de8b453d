#ifndef SSD_TESTS_TEMPORARY_FOLDER_H
#define SSD_TESTS_TEMPORARY_FOLDER_H

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "error.h"

namespace ssd {

// A test with a folder of its own, which is removed at the end.
class TemporaryFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "ssd-test-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder = name;
  }

  void TearDown() override { std::filesystem::remove_all(folder); }

  std::filesystem::path write(const std::string &name, const std::string &content) const {
    std::ofstream(folder / name, std::ios::binary) << content;
    return folder / name;
  }

  static std::string read(const std::filesystem::path &path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }

  // Names of the folder's entries, sorted.
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto &entry : std::filesystem::directory_iterator(folder)) {
      found.push_back(entry.path().filename().string());
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  std::filesystem::path folder;
};

// The message of the UserError that `action` throws; a failure when there is none.
template <typename Action>
std::string error_of(const Action &action) {
  try {
    action();
  } catch (const UserError &error) {
    return error.what();
  }
  ADD_FAILURE() << "no UserError";
  return "";
}

}  // namespace ssd

#endif  // SSD_TESTS_TEMPORARY_FOLDER_H
