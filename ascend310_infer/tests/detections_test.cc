#include "detections.h"

#include <gtest/gtest.h>

#include <limits>

#include "error.h"

namespace ssd {
namespace {

TEST(Overlap, CountsBothEndsOfABox) {
  EXPECT_FLOAT_EQ(overlap({0, 0, 9, 9}, {0, 0, 9, 9}), 1);
  EXPECT_FLOAT_EQ(overlap({0, 0, 9, 9}, {0, 5, 9, 14}), 50.0F / 150.0F);  // 10 x 5 of 100 + 100 - 50
  EXPECT_FLOAT_EQ(overlap({0, 0, 9, 9}, {0, 9, 9, 18}), 10.0F / 190.0F);  // they share one column
  EXPECT_FLOAT_EQ(overlap({0, 0, 9, 9}, {0, 10, 9, 19}), 0);
  EXPECT_FLOAT_EQ(overlap({3, 3, 3, 3}, {3, 3, 3, 3}), 1);  // a box of one pixel
}

TEST(Suppress, KeepsWhatOverlapsNoMoreThanTheThreshold) {
  const std::vector<PixelBox> boxes = {{0, 0, 9, 9}, {0, 5, 9, 14}, {20, 20, 29, 29}};
  EXPECT_EQ(suppress(boxes, 50.0F / 150.0F, 10), (std::vector<size_t>{0, 1, 2}));
  EXPECT_EQ(suppress(boxes, 0.33F, 10), (std::vector<size_t>{0, 2}));
  EXPECT_EQ(suppress(boxes, 0.33F, 1), (std::vector<size_t>{0}));
  EXPECT_TRUE(suppress({}, 0.33F, 10).empty());
}

TEST(Suppress, ASuppressedBoxSuppressesNothing) {
  const std::vector<PixelBox> chain = {{0, 0, 9, 9}, {0, 4, 9, 13}, {0, 8, 9, 17}};  // neighbours overlap by 60 / 140
  EXPECT_EQ(suppress(chain, 0.4F, 10), (std::vector<size_t>{0, 2}));
}

// Two anchors side by side, scores of the background and two classes.
class SelectDetections : public ::testing::Test {
 protected:
  std::vector<Detection> select(const Thresholds &thresholds, int height = 100, int width = 200) const {
    return select_detections({boxes.data(), scores.data(), scores.size() / 3, 3}, height, width, thresholds);
  }

  std::vector<float> boxes = {0.1F, 0.2F, 0.3F, 0.4F, 0.5F, 0.5F, 0.75F, 1.0F};
  std::vector<float> scores = {0.9F, 0.2F, 0.6F, 0.9F, 0.3F, 0.1F};
};

TEST_F(SelectDetections, InPixelsByLabelAndScore) {
  const auto found = select({0.1F, 0.6F, 100});
  ASSERT_EQ(found.size(), 3U);  // the background does not count, 0.1 is not above 0.1
  EXPECT_EQ(found[0].label, 1U);
  EXPECT_EQ(found[0].score, 0.3F);
  EXPECT_EQ(found[0].box, (std::array<float, 4>{100, 50, 100, 25}));
  EXPECT_EQ(found[1].label, 1U);
  EXPECT_EQ(found[1].score, 0.2F);
  EXPECT_EQ(found[2].label, 2U);
  EXPECT_EQ(found[2].score, 0.6F);
  EXPECT_FLOAT_EQ(found[2].box[0], 40);
  EXPECT_FLOAT_EQ(found[2].box[3], 20);
}

TEST_F(SelectDetections, SuppressionIsPerClass) {
  boxes = {0, 0, 0.5F, 0.5F, 0, 0, 0.5F, 0.5F};
  const auto found = select({0.05F, 0.6F, 100});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].score, 0.3F);
  EXPECT_EQ(found[1].score, 0.6F);
}

TEST_F(SelectDetections, AtMostSoManyOfAClass) { EXPECT_EQ(select({0.05F, 0.6F, 1}).size(), 2U); }

TEST_F(SelectDetections, EqualScoresKeepTheOrderOfTheAnchors) {
  scores = {0, 0.5F, 0, 0, 0.5F, 0};
  const auto found = select({0.1F, 0.6F, 100});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_FLOAT_EQ(found[0].box[0], 40);
  EXPECT_FLOAT_EQ(found[1].box[0], 100);
}

TEST_F(SelectDetections, Nothing) { EXPECT_TRUE(select({0.99F, 0.6F, 100}).empty()); }

TEST_F(SelectDetections, NumbersThatAreNone) {
  const NetworkOutput output = {boxes.data(), scores.data(), 2, 3};
  EXPECT_NO_THROW(check_finite(output));
  scores[1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(check_finite(output), UserError);
  EXPECT_THROW(select({}), UserError);
  scores[1] = 1.5F;  // no sigmoid
  EXPECT_NO_THROW(check_finite(output));
  EXPECT_THROW(select({}), UserError);
  scores[1] = 0.5F;
  boxes[3] = std::numeric_limits<float>::infinity();
  EXPECT_THROW(select({}), UserError);
}

}  // namespace
}  // namespace ssd
