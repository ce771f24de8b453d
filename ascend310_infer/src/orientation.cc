#include "orientation.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace ssd {
namespace {

// Bytes of a file; beyond its end there are zeros.
class Bytes {
 public:
  Bytes(const uint8_t *data, size_t size) : data_(data), size_(size) {}

  size_t size() const { return size_; }

  Bytes from(size_t at) const { return at < size_ ? Bytes(data_ + at, size_ - at) : Bytes(data_, 0); }

  bool begins_with(std::string_view text) const {
    return text.size() <= size_ && std::equal(text.begin(), text.end(), data_, [](char letter, uint8_t byte) {
             return static_cast<uint8_t>(letter) == byte;
           });
  }

  // An unsigned number of `count` bytes.
  uint32_t number(size_t at, size_t count, bool big_endian) const {
    uint32_t value = 0;
    for (size_t i = 0; i < count; ++i) {
      const size_t index = at + (big_endian ? i : count - 1 - i);
      value = value * 256 + (index < size_ ? data_[index] : 0);
    }
    return value;
  }

 private:
  const uint8_t *data_;
  size_t size_;
};

// EXIF data begin with a header of TIFF: the order of bytes, 42, and where the list of entries is. An entry has a tag, a
// type, a count, and a value (TIFF 6.0, section 2).
int orientation_of_tiff(const Bytes &tiff) {
  constexpr uint32_t kTag = 0x0112;
  constexpr uint32_t kShort = 3;
  constexpr uint32_t kLong = 4;
  const bool big_endian = tiff.begins_with("MM");
  if ((!big_endian && !tiff.begins_with("II")) || tiff.number(2, 2, big_endian) != 42) {
    return kUpright;
  }
  const size_t list = tiff.number(4, 4, big_endian);
  const size_t count = tiff.number(list, 2, big_endian);
  for (size_t entry = list + 2; entry < list + 2 + 12 * count && entry + 12 <= tiff.size(); entry += 12) {
    const uint32_t type = tiff.number(entry + 2, 2, big_endian);
    if (tiff.number(entry, 2, big_endian) == kTag && tiff.number(entry + 4, 4, big_endian) == 1 &&
        (type == kShort || type == kLong)) {
      const uint32_t value = tiff.number(entry + 8, type == kShort ? 2 : 4, big_endian);
      return value >= 1 && value <= 8 ? static_cast<int>(value) : kUpright;
    }
  }
  return kUpright;
}

// Segments: 0xFF, marker, length of two bytes that counts itself (ITU T.81, annex B). EXIF data are in an APP1.
int orientation_of_jpeg(const Bytes &file) {
  constexpr uint32_t kApp1 = 0xE1;
  constexpr uint32_t kStartOfScan = 0xDA;
  for (size_t at = 2; at + 4 <= file.size() && file.number(at, 1, true) == 0xFF;) {
    const uint32_t marker = file.number(at + 1, 1, true);
    if (marker == 0xFF) {  // a fill byte
      ++at;
      continue;
    }
    const Bytes segment = file.from(at + 4);
    if (marker == kApp1 && segment.begins_with(std::string_view("Exif\0\0", 6))) {
      return orientation_of_tiff(segment.from(6));
    }
    if (marker == kStartOfScan) {
      break;
    }
    at += 2 + static_cast<size_t>(file.number(at + 2, 2, true));
  }
  return kUpright;
}

// Chunks of PNG: length, kind, content, checksum; those of WebP (RIFF): kind, length, content up to an even number.
int orientation_of_chunks(const Bytes &file, bool is_png) {
  for (size_t at = is_png ? 8 : 12; at + 8 <= file.size();) {
    const size_t length = file.number(is_png ? at : at + 4, 4, is_png);
    const Bytes kind = file.from(is_png ? at + 4 : at);
    const Bytes content = file.from(at + 8);
    if (kind.begins_with(is_png ? "eXIf" : "EXIF")) {
      return orientation_of_tiff(content.begins_with(std::string_view("Exif\0\0", 6)) ? content.from(6) : content);
    }
    if (kind.begins_with("IDAT")) {
      break;
    }
    at += is_png ? length + 12 : length + length % 2 + 8;
  }
  return kUpright;
}

}  // namespace

int exif_orientation(const std::vector<uint8_t> &content) {
  const Bytes file(content.data(), content.size());
  if (file.begins_with("\xFF\xD8")) {
    return orientation_of_jpeg(file);
  }
  if (file.begins_with("\x89PNG")) {
    return orientation_of_chunks(file, true);
  }
  if (file.begins_with("RIFF") && file.from(8).begins_with("WEBP")) {
    return orientation_of_chunks(file, false);
  }
  return kUpright;
}

cv::Mat turn_upright(const cv::Mat &image, int orientation) {
  // Codes of cv::flip by orientation, after rows and columns were exchanged where they have to be.
  constexpr int kNone = 2;
  constexpr int kLeftRight = 1;
  constexpr int kTopBottom = 0;
  constexpr int kBoth = -1;
  constexpr std::array kFlips = {kNone, kNone, kLeftRight, kBoth, kTopBottom, kNone, kLeftRight, kBoth, kTopBottom};
  cv::Mat source = image;
  if (orientation >= 5) {
    cv::transpose(image, source);
  }
  const int flip = kFlips.at(static_cast<size_t>(orientation));
  if (flip == kNone) {
    return source;
  }
  cv::Mat turned;  // not in place: `image` shares its pixels with the caller
  cv::flip(source, turned, flip);
  return turned;
}

}  // namespace ssd
