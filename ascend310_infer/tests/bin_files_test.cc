#include "bin_files.h"

#include <cstring>

#include "temporary_folder.h"
#include "timing.h"

namespace ssd {
namespace {

using BinFilesTest = TemporaryFolder;

TEST_F(BinFilesTest, HoldTheValuesAsTheyAre) {
  const std::vector<float> boxes = {0, 0.25F, 0.5F, 1, 0.1F, 0.2F, 0.3F, 0.4F};
  const std::vector<float> scores = {0.9F, 0.1F, 0.5F, 0.6F, 0.7F, 0.8F};
  BinFiles files(folder / "result_Files");
  files.add("one", {boxes.data(), scores.data(), 2, 3});
  EXPECT_FALSE(std::filesystem::exists(folder / "result_Files"));  // not before the end
  files.finish();
  const std::string first = read(folder / "result_Files" / "one_0.bin");
  const std::string second = read(folder / "result_Files" / "one_1.bin");
  ASSERT_EQ(first.size(), 32U);
  ASSERT_EQ(second.size(), 24U);
  EXPECT_EQ(std::memcmp(first.data(), boxes.data(), 32), 0);
  EXPECT_EQ(std::memcmp(second.data(), scores.data(), 24), 0);
}

TEST_F(BinFilesTest, AnInterruptedRunLeavesNothing) {
  const std::vector<float> values(7);
  {
    BinFiles files(folder / "result_Files");
    files.add("one", {values.data(), values.data(), 1, 3});
  }
  EXPECT_TRUE(names().empty());
}

TEST_F(BinFilesTest, WholeFilesReplaceOlderOnes) {
  write("a.txt", "old and longer");
  write_whole_file(folder / "a.txt", "new", 3);
  write_whole_file(folder / "deeper" / "b.txt", "", 0);
  EXPECT_EQ(read(folder / "a.txt"), "new");
  EXPECT_EQ(names(), (std::vector<std::string>{"a.txt", "deeper"}));
}

TEST_F(BinFilesTest, PlacesThatCannotBeWritten) {
  write("file", "");
  EXPECT_NE(error_of([&] { write_whole_file(folder / "file" / "a.txt", "a", 1); }).find("cannot be created"),
            std::string::npos);
  std::filesystem::create_directory(folder / "taken");
  EXPECT_NE(error_of([&] { write_whole_file(folder / "taken", "a", 1); }).find("cannot be written"), std::string::npos);
  EXPECT_NE(error_of([] { write_whole_file("/dev/null", "a", 1); }).find("a device"), std::string::npos);
  EXPECT_NE(error_of([&] { write_whole_file(folder / std::string(300, 'x'), "a", 1); }).find("File name too long"),
            std::string::npos);
  EXPECT_EQ(names(), (std::vector<std::string>{"file", "taken"}));
}

TEST(Timing, LineOfTheResultFile) {
  EXPECT_EQ(network_time_line(1.5, 100), "NN inference cost average time: 15 ms of infer_count 100\n");
  EXPECT_EQ(throughput_line(2, 1, 100),
            "predicted 100 images in 2.0 s, 50.0 images per second (network alone 100.0)");
}

}  // namespace
}  // namespace ssd
