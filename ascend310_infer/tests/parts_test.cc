#include "parts.h"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

#include "temporary_folder.h"

namespace ssd {
namespace {
namespace fs = std::filesystem;

using PartsTest = TemporaryFolder;

TEST_F(PartsTest, OnlyThoseOfRunsThatHaveEndedAreRemoved) {
  const pid_t ended = fork();
  if (ended == 0) {
    _exit(0);
  }
  ASSERT_EQ(waitpid(ended, nullptr, 0), ended);
  const std::string alive = ".part-" + std::to_string(getppid()) + "-a.json";
  const std::string dead = ".part-" + std::to_string(ended);
  fs::create_directories(folder / (dead + "-a.json") / "sub");
  write(dead + "-b.json", "");      // of another file
  write(dead + "@elsewhere-a.json", "");
  write(alive, "");
  write(".part-x-a.json", "");
  write("a.json", "");
  write(".part-1@old-a.json", "");
  fs::last_write_time(folder / ".part-1@old-a.json", fs::file_time_type::clock::now() - std::chrono::hours(25));
  const fs::path own = part_of(folder / "a.json");
  EXPECT_EQ(own.parent_path(), folder);
  EXPECT_EQ(own.filename().string().find(".part-" + std::to_string(getpid()) + "@"), 0U);
  std::vector<std::string> left = {dead + "@elsewhere-a.json", dead + "-b.json", alive, ".part-x-a.json", "a.json"};
  std::sort(left.begin(), left.end());
  EXPECT_EQ(names(), left);
  write(own.filename().string(), "");
  part_of(folder / "a.json");  // what a killed run of the same number has left
  EXPECT_EQ(names(), left);
}

}  // namespace
}  // namespace ssd
