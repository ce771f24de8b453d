#include "preprocess.h"

#include <gtest/gtest.h>

#include <opencv2/imgcodecs.hpp>
#include <stdexcept>

#include "jpeg_header.h"

namespace ssd {
namespace {

// Height 2, width 3; the blue, green and red of pixel i are i, 10 i and 30 i.
cv::Mat small_image() {
  cv::Mat image(2, 3, CV_8UC3);
  for (int i = 0; i < 6; ++i) {
    image.at<cv::Vec3b>(i / 3, i % 3) = cv::Vec3b(uchar(i), uchar(10 * i), uchar(30 * i));
  }
  return image;
}

std::vector<uint8_t> encode(const std::string &suffix, const cv::Mat &image) {
  std::vector<uint8_t> content;
  cv::imencode(suffix, image, content);
  return content;
}

TEST(DecodeImage, GivesThePixelsThatWereStored) {
  const cv::Mat decoded = decode_image(encode(".png", small_image()));
  ASSERT_EQ(decoded.size(), small_image().size());
  EXPECT_EQ(cv::norm(decoded, small_image(), cv::NORM_INF), 0);
}

TEST(DecodeImage, GreyAndTransparentImagesBecomeColoured) {
  const cv::Mat grey = decode_image(encode(".png", cv::Mat(4, 5, CV_8UC1, cv::Scalar(7))));
  EXPECT_EQ(grey.type(), CV_8UC3);
  EXPECT_EQ(grey.at<cv::Vec3b>(3, 4), cv::Vec3b(7, 7, 7));
  EXPECT_EQ(decode_image(encode(".png", cv::Mat(4, 5, CV_8UC4, cv::Scalar(1, 2, 3, 4)))).type(), CV_8UC3);
  EXPECT_EQ(decode_image(encode(".png", cv::Mat(4, 5, CV_16UC3, cv::Scalar(1, 2, 3)))).type(), CV_8UC3);
}

TEST(DecodeImage, WhatIsNoImage) {
  EXPECT_THROW(decode_image({}), std::invalid_argument);
  EXPECT_THROW(decode_image({'t', 'e', 'x', 't'}), std::invalid_argument);
  auto cut = encode(".png", small_image());
  cut.resize(20);
  EXPECT_THROW(decode_image(cut), std::invalid_argument);
}

TEST(Preprocess, NormalisesAndOrdersTheChannels) {
  std::vector<float> first(18);
  std::vector<float> last(18);
  Preprocessor({2, 3, Layout::kChannelsFirst})(small_image(), first.data());
  Preprocessor({2, 3, Layout::kChannelsLast})(small_image(), last.data());
  EXPECT_NEAR(first[0], (0 - 123.675) / 58.395, 1e-6);
  EXPECT_NEAR(first[5], (150 - 123.675) / 58.395, 1e-6);  // red of the last pixel
  EXPECT_NEAR(first[6 + 5], (50 - 116.28) / 57.12, 1e-6);
  EXPECT_NEAR(first[12 + 5], (5 - 103.53) / 57.375, 1e-6);
  for (size_t pixel = 0; pixel < 6; ++pixel) {
    for (size_t channel = 0; channel < 3; ++channel) {
      EXPECT_EQ(first[channel * 6 + pixel], last[pixel * 3 + channel]);
    }
  }
}

TEST(Preprocess, ResizesBilinearlyFromPixelCentres) {
  cv::Mat image(1, 2, CV_8UC3);
  image.at<cv::Vec3b>(0, 0) = cv::Vec3b(0, 0, 0);
  image.at<cv::Vec3b>(0, 1) = cv::Vec3b(0, 0, 100);
  std::vector<float> out(2 * 4 * 3);
  Preprocessor({2, 4, Layout::kChannelsFirst})(image, out.data());
  const std::vector<double> expected = {0, 25, 75, 100};
  for (size_t i = 0; i < 8; ++i) {
    EXPECT_NEAR(out[i], (expected[i % 4] - 123.675) / 58.395, 1e-5) << i;
  }
}

TEST(Preprocess, OtherMeansAndFractions) {
  cv::Mat image(1, 2, CV_8UC3);
  image.at<cv::Vec3b>(0, 0) = cv::Vec3b(0, 0, 0);
  image.at<cv::Vec3b>(0, 1) = cv::Vec3b(1, 1, 255);
  InputFormat format;
  format.mean = {1, 0.5F, 0};
  format.standard_deviation = {0.5F, 1, 2};
  const ImageShape shape = {1, 4, Layout::kChannelsLast};
  std::vector<float> rounded(12);
  std::vector<float> exact(12);
  Preprocessor(shape, format)(image, rounded.data());
  format.float_resize = true;
  Preprocessor(shape, format)(image, exact.data());
  EXPECT_NEAR(exact[0], -2, 1e-6);                          // red 0
  EXPECT_NEAR(exact[9], 0, 1e-6);                           // red 255
  EXPECT_NEAR(exact[4], (0.25 - 127.5) / 255, 1e-6);        // green between 0 and 1
  EXPECT_NEAR(exact[8], 0.75 / 510, 1e-6);                  // blue
  EXPECT_NEAR(rounded[4], (0 - 127.5) / 255, 1e-6);
  EXPECT_NEAR(rounded[8], 1.0 / 510, 1e-6);
}

TEST(JpegSize, IsThatOfTheHeader) {
  EXPECT_EQ(jpeg_size(encode(".jpg", cv::Mat(37, 300, CV_8UC3, cv::Scalar(9)))), std::make_pair(37, 300));
}

TEST(JpegSize, WhatIsNoJpegFile) {
  EXPECT_THROW(jpeg_size({}), std::invalid_argument);
  EXPECT_THROW(jpeg_size(encode(".png", small_image())), std::invalid_argument);
  auto cut = encode(".jpg", small_image());
  for (const size_t length : {1U, 2U, 3U, 4U, 20U, 100U}) {
    cut.resize(length);
    EXPECT_THROW(jpeg_size(std::vector<uint8_t>(cut)), std::invalid_argument) << length;
    cut = encode(".jpg", small_image());
  }
}

}  // namespace
}  // namespace ssd
