#include "orientation.h"

#include <gtest/gtest.h>

#include <opencv2/imgcodecs.hpp>
#include <string>

#include "preprocess.h"

namespace ssd {
namespace {

// EXIF data with that orientation, as a list of one entry.
std::string exif(int orientation, bool big_endian, char type = 3) {
  const auto number = [big_endian](unsigned value, size_t count) {
    std::string bytes;
    for (size_t i = 0; i < count; ++i) {
      bytes += static_cast<char>(value >> (8 * (big_endian ? count - 1 - i : i)));
    }
    return bytes;
  };
  return (big_endian ? "MM" : "II") + number(42, 2) + number(8, 4) + number(1, 2) + number(0x0112, 2) +
         number(static_cast<unsigned>(type), 2) + number(1, 4) + number(static_cast<unsigned>(orientation), 2) +
         number(0, 2) + number(0, 4);
}

std::vector<uint8_t> encode(const std::string &suffix) {
  std::vector<uint8_t> content;
  cv::imencode(suffix, cv::Mat(2, 3, CV_8UC3, cv::Scalar(0)), content);
  return content;
}

void insert(std::vector<uint8_t> *content, size_t at, const std::string &text) {
  content->insert(content->begin() + static_cast<std::ptrdiff_t>(at), text.begin(), text.end());
}

std::vector<uint8_t> jpeg_with(const std::string &tiff) {
  std::vector<uint8_t> content = encode(".jpg");
  const size_t length = tiff.size() + 8;
  insert(&content, 2, std::string("\xFF\xE1") + static_cast<char>(length / 256) + static_cast<char>(length % 256) +
                          std::string("Exif\0\0", 6) + tiff);
  return content;
}

TEST(Orientation, OfJpegFiles) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    EXPECT_EQ(exif_orientation(jpeg_with(exif(orientation, true))), orientation);
    EXPECT_EQ(exif_orientation(jpeg_with(exif(orientation, false))), orientation);
  }
  EXPECT_EQ(exif_orientation(encode(".jpg")), kUpright);
}

TEST(Orientation, OfPngAndWebpFiles) {
  auto png = encode(".png");
  const std::string tiff = exif(6, true);
  insert(&png, 33, std::string("\0\0\0", 3) + static_cast<char>(tiff.size()) + "eXIf" + tiff + "crc.");
  EXPECT_EQ(exif_orientation(png), 6);
  EXPECT_EQ(exif_orientation(encode(".png")), kUpright);
  const std::string chunk = std::string("EXIF") + static_cast<char>(tiff.size()) + std::string("\0\0\0", 3) + tiff;
  const std::string riff = "RIFF....WEBPVP8X" + std::string("\x03\0\0\0abc\0", 8) + chunk;
  EXPECT_EQ(exif_orientation({riff.begin(), riff.end()}), 6);
}

TEST(Orientation, OfWhatIsDamaged) {
  EXPECT_EQ(exif_orientation({}), kUpright);
  EXPECT_EQ(exif_orientation(jpeg_with("MM")), kUpright);
  EXPECT_EQ(exif_orientation(jpeg_with("XX" + exif(6, true).substr(2))), kUpright);
  EXPECT_EQ(exif_orientation(jpeg_with(exif(9, true))), kUpright);
  EXPECT_EQ(exif_orientation(jpeg_with(exif(6, true, 2))), kUpright);  // a text
  EXPECT_EQ(exif_orientation(jpeg_with(std::string("MM\0*\xFF\xFF\xFF\xFF", 8))), kUpright);
  auto cut = jpeg_with(exif(6, true));
  for (size_t size = 0; size < 30; ++size) {
    EXPECT_EQ(exif_orientation({cut.begin(), cut.begin() + static_cast<std::ptrdiff_t>(size)}), kUpright);
  }
}

TEST(Orientation, TurnsAsTheStandardSays) {
  // 1 2 3    as it is stored, one row above the other
  // 4 5 6
  const cv::Mat stored = (cv::Mat_<uint8_t>(2, 3) << 1, 2, 3, 4, 5, 6);
  const std::vector<cv::Mat> shown = {
      (cv::Mat_<uint8_t>(2, 3) << 1, 2, 3, 4, 5, 6), (cv::Mat_<uint8_t>(2, 3) << 3, 2, 1, 6, 5, 4),
      (cv::Mat_<uint8_t>(2, 3) << 6, 5, 4, 3, 2, 1), (cv::Mat_<uint8_t>(2, 3) << 4, 5, 6, 1, 2, 3),
      (cv::Mat_<uint8_t>(3, 2) << 1, 4, 2, 5, 3, 6), (cv::Mat_<uint8_t>(3, 2) << 4, 1, 5, 2, 6, 3),
      (cv::Mat_<uint8_t>(3, 2) << 6, 3, 5, 2, 4, 1), (cv::Mat_<uint8_t>(3, 2) << 3, 6, 2, 5, 1, 4)};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const cv::Mat turned = turn_upright(stored, orientation);
    const cv::Mat &expected = shown[static_cast<size_t>(orientation) - 1];
    ASSERT_EQ(turned.size(), expected.size()) << orientation;
    EXPECT_EQ(cv::norm(turned, expected, cv::NORM_INF), 0) << orientation;
  }
  EXPECT_EQ(decode_image(jpeg_with(exif(6, true))).size(), cv::Size(2, 3));
  EXPECT_EQ(decode_image(jpeg_with(exif(6, true)), false).size(), cv::Size(3, 2));
}

}  // namespace
}  // namespace ssd
