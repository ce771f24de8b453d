#ifndef SSD_ORIENTATION_H
#define SSD_ORIENTATION_H

#include <cstdint>
#include <opencv2/core.hpp>
#include <vector>

namespace ssd {

constexpr int kUpright = 1;

// Orientation that the EXIF data of a JPEG, PNG or WebP file state, 1 to 8; 1 where they state none, or are damaged. The
// same as in src/dataset/exif.py.
int exif_orientation(const std::vector<uint8_t> &content);

// The image as it is to be shown: turned and mirrored as its orientation asks.
cv::Mat turn_upright(const cv::Mat &image, int orientation);

}  // namespace ssd

#endif  // SSD_ORIENTATION_H
