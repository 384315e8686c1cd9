// How far two pictures are apart, tile by tile.
#pragma once

#include <cstdint>
#include <vector>

namespace skipvid {

// By tile, row after row of them.
struct Apart {
    std::vector<uint8_t> largest;
    std::vector<float> total;
};

// Absolute differences of two pictures of `height` lines of `bytes`. Tiles are `lines` (at most 256) high and `step`
// bytes wide; those at the right and lower edge may be smaller.
Apart tiles_apart(const uint8_t* first, const uint8_t* second, int height, int bytes, int lines, int step);

}  // namespace skipvid
