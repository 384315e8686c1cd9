// Relief: by how much thresholds are coarser in places, cell by cell of a grid over the picture. The rule is written
// down at Executor.relieve in skipvid/engine/executor.py.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "bitmap.hpp"

namespace skipvid {

struct ReliefGrid {
    int rows = 1, columns = 1;
    float common = 1;                  // what all cells are multiplied by; above it a cell is coarse
    std::vector<float> factors{1.0f};  // (rows, columns), with that
    std::vector<uint8_t> finer{0};     // (rows, columns): 1 where the factor has fallen

    bool same_row(const ReliefGrid& other, int row) const;
};

// What a grid says of the pixels of maps of one size: pixel (y, x) lies in cell (y * rows / height, x * columns /
// width).
class Cells {
  public:
    Cells(int height, int width, const ReliefGrid& grid);
    // `before`: the grid that this was set to last; rows of cells that are as they were there are left alone.
    void set(const ReliefGrid& grid, const ReliefGrid& before);
    // Of the pixels of a row, for whole words of a mask: what limits are multiplied by.
    const float* factors(int y) const { return factors_.data() + cell_row(y) * 64 * words_; }
    // Adds the pixels of cells that have become finer.
    void add_finer(BitMap& map) const;
    // Pixels of a row in cells that are coarser than all are.
    const uint64_t* coarse(int y) const { return coarse_.data() + cell_row(y) * words_; }
    void remove_coarse(BitMap& map) const;

  private:
    size_t cell_row(int y) const { return static_cast<size_t>(y * rows_ / height_); }
    void set_row(const ReliefGrid& grid, int row);

    int height_, width_, words_;
    int rows_ = 1;
    std::vector<float> factors_;            // (rows, 64 * words)
    std::vector<uint64_t> coarse_, finer_;  // (rows, words)
};

class Relief {
  public:
    // From the next frame on. A grid of another size than the last one's is compared with factors of 1.
    void set(std::vector<float> factors, int rows, int columns, float common);
    // A frame begins.
    void begin();
    // Whether this frame asks closed pixels again, since their cells have become finer.
    bool asks() const { return asks_; }
    // The cells of maps of this size; they live as long as this does.
    const Cells& of(int height, int width);

  private:
    ReliefGrid grid_;                // of the next frame
    std::vector<float> last_{1.0f};  // factors of the last one
    bool next_asks_ = false, asks_ = false;
    std::map<std::pair<int, int>, Cells> cells_;
};

}  // namespace skipvid
