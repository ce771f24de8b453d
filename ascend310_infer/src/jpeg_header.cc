#include "jpeg_header.h"

#include <stdexcept>

namespace ssd {
namespace {

// A frame header (SOF): 0xC0 to 0xCF without the Huffman tables, the extension, and the arithmetic coding conditions.
bool is_frame_header(uint8_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

}  // namespace

std::pair<int, int> jpeg_size(const std::vector<uint8_t> &content) {
  const auto word = [&content](size_t at) { return content[at] * 256 + content[at + 1]; };
  if (content.size() > 2 && word(0) == 0xFFD8) {
    // Segments: 0xFF, marker, length of two bytes that counts itself; in a frame header, precision (one byte),
    // height and width follow (ITU T.81, annex B).
    for (size_t at = 2; at + 9 <= content.size() && content[at] == 0xFF;) {
      const uint8_t marker = content[at + 1];
      if (marker == 0xFF) {  // a fill byte
        ++at;
      } else if (is_frame_header(marker)) {
        return {word(at + 5), word(at + 7)};
      } else {
        at += 2 + static_cast<size_t>(word(at + 2));
      }
    }
  }
  throw std::invalid_argument("is no JPEG file, which the hardware decoder needs, or it is damaged");
}

}  // namespace ssd
