#include "coco.h"

#include <nlohmann/json.hpp>

#include "temporary_folder.h"

namespace ssd {
namespace {

using CocoTest = TemporaryFolder;
using nlohmann::json;

constexpr char kAnnotations[] = R"({
  "images": [{"id": 7, "file_name": "val/a.jpg"}, {"id": 12345678901, "file_name": "b.jpg"}],
  "categories": [{"id": 90, "name": "cat"}, {"id": 3, "name": "dog"}, {"id": 4, "name": "cow"}],
  "annotations": []})";

TEST_F(CocoTest, IdsByNameAndLabel) {
  const CocoIds ids = read_coco_ids(write("a.json", kAnnotations), {"background", "dog", "fish", "cat"});
  EXPECT_EQ(ids.images.at("a.jpg"), 7);
  EXPECT_EQ(ids.images.at("b.jpg"), 12345678901);
  EXPECT_EQ(ids.categories, (std::map<size_t, int64_t>{{1, 3}, {3, 90}}));
}

// As in src/dataset/coco.py.
TEST_F(CocoTest, WholeFloatsAreIds) {
  const CocoIds ids = read_coco_ids(write("a.json", R"({"images": [{"id": 1.0, "file_name": "a.jpg"}],
      "categories": [{"id": 3e0, "name": "dog"}], "annotations": [{"image_id": 1.0, "category_id": 3}]})"),
                                    {"background", "dog"});
  EXPECT_EQ(ids.images.at("a.jpg"), 1);
  EXPECT_EQ(ids.categories, (std::map<size_t, int64_t>{{1, 3}}));
}

TEST_F(CocoTest, OfCategoriesOfOneNameTheOneWithBoxesCounts) {
  const auto category = [&](const std::string &annotations) {
    const auto path = write("a.json", R"({"images": [], "categories": [{"id": 8, "name": "dog"},
                                      {"id": 3, "name": "dog"}])" +
                                          annotations + "}");
    return read_coco_ids(path, {"background", "dog"}).categories.at(1);
  };
  EXPECT_EQ(category(R"(, "annotations": [{"image_id": 1, "category_id": 3}])"), 3);
  EXPECT_EQ(category(R"(, "annotations": [])"), 8);
  EXPECT_EQ(category(""), 8);  // a file that only lists images
}

TEST_F(CocoTest, FilesThatAreNone) {
  const std::vector<std::string> classes = {"background", "dog"};
  const auto message = [&](const std::string &content) {
    const auto path = write("a.json", content);
    return error_of([&] { read_coco_ids(path, classes); });
  };
  EXPECT_NE(message("{").find("is no json"), std::string::npos);
  EXPECT_NE(message("[]").find("is no COCO annotation file"), std::string::npos);
  EXPECT_NE(message(R"({"images": [{"id": "x"}], "categories": []})").find("is no COCO"), std::string::npos);
  for (const std::string id : {"1.5", "\"1\"", "null", "true", "18446744073709551615", "1e30", "9223372036854775808.0",
                               "-9223372036854775808"}) {
    EXPECT_NE(message(R"({"images": [{"id": 1, "file_name": "a"}, {"id": )" + id + R"(, "file_name": "b"}]})")
                  .find("a.json is no COCO annotation file: images[1] has id " + json::parse(id).dump() + ", expected an integer"),
              std::string::npos);
    EXPECT_NE(message(R"({"images": [], "categories": [{"name": "dog", "id": )" + id + "}]}")
                  .find("categories[0] has id " + json::parse(id).dump() + ", expected an integer"),
              std::string::npos);
    for (const std::string key : {"image_id", "category_id"}) {
      const std::string other = key == "image_id" ? "category_id" : "image_id";
      EXPECT_NE(message(R"({"images": [], "categories": [], "annotations": [{")" + other + R"(": 1, ")" + key + R"(": )" +
                        id + "}]}")
                    .find("annotations[0] has " + key + " " + json::parse(id).dump() + ", expected an integer"),
                std::string::npos);
    }
  }
  EXPECT_NE(message(R"({"images": [{"id": 1, "file_name": "a"}, {"id": 1, "file_name": "b"}], "categories": []})")
                .find("two images with the id 1"),
            std::string::npos);
  EXPECT_NE(message(R"({"images": [], "categories": [{"id": 1, "name": "d\u001b"}, {"id": 2, "name": "d\u001b"}],
                        "annotations": [{"image_id": 1, "category_id": 1}, {"image_id": 1, "category_id": 2}]})")
                .find(R"(boxes of two categories of the name 'd\u001b')"),
            std::string::npos);
  EXPECT_NE(message(R"({"images": [], "categories": [{"id": 1, "name": "dog"}, {"id": 1, "name": "cat"}]})")
                .find("two categories with the id 1"),
            std::string::npos);
  EXPECT_NE(message(R"({"images": [], "categories": [{"id": 1, "name": "cat"}]})").find("none of the classes"),
            std::string::npos);
  EXPECT_NE(message(R"({"images": [{"id": 1, "file_name": "a"}, {"id": 2, "file_name": "b/a"}], "categories": []})")
                .find("two images with the name a"),
            std::string::npos);
  EXPECT_NE(error_of([&] { read_coco_ids(folder / "none.json", classes); }).find("none.json"), std::string::npos);
}

TEST_F(CocoTest, ResultsAreThoseOfKnownCategories) {
  CocoResults results(std::map<size_t, int64_t>{{1, 3}});
  results.add(7, {{{1, 2, 3.5F, 0.1F}, 0.75F, 1}, {{1, 2, 3, 4}, 0.5F, 2}});
  results.add(8, {});
  EXPECT_EQ(results.size(), 1U);
  results.write(folder / "found.json");
  const auto found = nlohmann::json::parse(read(folder / "found.json"));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0]["image_id"], 7);
  EXPECT_EQ(found[0]["category_id"], 3);
  EXPECT_EQ(found[0]["score"], 0.75);
  EXPECT_EQ(found[0]["bbox"][2], 3.5);
  EXPECT_EQ(found[0]["bbox"][3].get<float>(), 0.1F);
}

TEST_F(CocoTest, NoResultsAreAnEmptyList) {
  CocoResults(std::map<size_t, int64_t>()).write(folder / "found.json");
  EXPECT_EQ(nlohmann::json::parse(read(folder / "found.json")), nlohmann::json::array());
}

TEST(NumericImageId, IsTheName) {
  EXPECT_EQ(numeric_image_id("folder/000000000139.jpg"), 139);
  EXPECT_NE(error_of([] { numeric_image_id("12a.jpg"); }).find("is no number"), std::string::npos);
}

}  // namespace
}  // namespace ssd
