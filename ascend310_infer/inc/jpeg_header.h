#ifndef SSD_JPEG_HEADER_H
#define SSD_JPEG_HEADER_H

#include <cstdint>
#include <utility>
#include <vector>

namespace ssd {

// Height and width of a JPEG image, from its header. Throws std::invalid_argument, whose text continues "the image
// FILE ...", when the content is no JPEG image.
std::pair<int, int> jpeg_size(const std::vector<uint8_t> &content);

}  // namespace ssd

#endif  // SSD_JPEG_HEADER_H
