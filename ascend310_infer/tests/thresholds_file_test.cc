#include "thresholds_file.h"

#include "temporary_folder.h"

namespace ssd {
namespace {

using ThresholdsFile = TemporaryFolder;

TEST_F(ThresholdsFile, BestScore) {
  write("a.mindir.thresholds.json", R"({"thresholds": {"all_classes": {"best_f1": {"score": 0.25, "f1": 0.9}}}})");
  EXPECT_EQ(read_best_score(folder / "a.mindir"), 0.25F);
}

TEST_F(ThresholdsFile, FilesWithoutOneAreNamed) {
  EXPECT_NE(error_of([this] { read_best_score(folder / "a.mindir"); }).find("needs the file " + folder.string()),
            std::string::npos);
  for (const char *content : {"", "[", "[]", "1", "null", R"({"thresholds": null})",
                              R"({"thresholds": {"all_classes": []}})",
                              R"({"thresholds": {"all_classes": {"best_f1": {"score": "0.3"}}}})"}) {
    write("a.mindir.thresholds.json", content);
    EXPECT_NE(error_of([this] { read_best_score(folder / "a.mindir"); }).find("no threshold of the best F1"),
              std::string::npos)
        << content;
  }
}

}  // namespace
}  // namespace ssd
