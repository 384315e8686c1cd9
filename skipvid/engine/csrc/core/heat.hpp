// Masks of all sizes, weighted and brought to one grid by area.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "bitmap.hpp"

namespace skipvid {

// Cells along one axis that a source pixel overlaps, and the share of each cell it covers.
struct Overlap {
    struct Part {
        int cell;
        float share;
    };
    std::vector<std::vector<Part>> parts;  // by source pixel

    Overlap() = default;
    Overlap(int source, int target);
};

// Keeps its tables and memory from frame to frame.
class HeatGrid {
  public:
    void clear();
    void add(const BitMap& mask, float share);
    // (height, width): what was added, clamped to 0 ... 1.
    void lay(int height, int width, float* out);

  private:
    // Sums over maps of one size, in rows of whole words of bits; nothing outside rows [top, bottom).
    struct Layer {
        std::vector<float> values;
        int top = 0, bottom = 0;
    };
    const Overlap& overlap(int source, int target);

    std::map<std::pair<int, int>, Layer> layers_;
    std::map<std::pair<int, int>, Overlap> overlaps_;
    std::vector<float> lines_;
};

}  // namespace skipvid
