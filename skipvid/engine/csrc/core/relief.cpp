#include "relief.hpp"

#include <algorithm>

namespace skipvid {

bool ReliefGrid::same_row(const ReliefGrid& other, int row) const {
    const auto first = static_cast<ptrdiff_t>(row) * columns, last = first + columns;
    return common == other.common &&
           std::equal(factors.begin() + first, factors.begin() + last, other.factors.begin() + first) &&
           std::equal(finer.begin() + first, finer.begin() + last, other.finer.begin() + first);
}

Cells::Cells(int height, int width, const ReliefGrid& grid)
    : height_(height), width_(width), words_(BitMap(1, width).words()) {
    set(grid, {0, 0, 1.0f, {}, {}});
}

void Cells::set(const ReliefGrid& grid, const ReliefGrid& before) {
    const bool same_size = grid.rows == before.rows && grid.columns == before.columns;
    if (!same_size) {
        rows_ = grid.rows;
        factors_.assign(static_cast<size_t>(rows_) * 64 * words_, 1.0f);
        coarse_.assign(static_cast<size_t>(rows_) * words_, 0);
        finer_.assign(static_cast<size_t>(rows_) * words_, 0);
    }
    for (int row = 0; row < rows_; ++row)
        if (!same_size || !grid.same_row(before, row)) set_row(grid, row);
}

void Cells::set_row(const ReliefGrid& grid, int row) {
    float* line = factors_.data() + static_cast<size_t>(row) * 64 * words_;
    uint64_t* coarse = coarse_.data() + static_cast<size_t>(row) * words_;
    uint64_t* asked = finer_.data() + static_cast<size_t>(row) * words_;
    std::fill_n(coarse, words_, 0);
    std::fill_n(asked, words_, 0);
    for (int x = 0; x < width_; ++x) {
        const int cell = row * grid.columns + x * grid.columns / width_;
        line[x] = grid.factors[cell];
        coarse[x >> 6] |= static_cast<uint64_t>(line[x] > grid.common) << (x & 63);
        asked[x >> 6] |= static_cast<uint64_t>(grid.finer[cell]) << (x & 63);
    }
}

void Cells::add_finer(BitMap& map) const {
    for (int y = 0; y < height_; ++y) {
        const uint64_t* asked = finer_.data() + cell_row(y) * words_;
        uint64_t any = 0;
        for (int w = 0; w < words_; ++w) {
            map.row(y)[w] |= asked[w];
            any |= asked[w];
        }
        if (any != 0) map.widen(y, y + 1);
    }
}

void Cells::remove_coarse(BitMap& map) const {
    for (int y = map.top(); y < map.bottom(); ++y)
        for (int w = 0; w < words_; ++w) map.row(y)[w] &= ~coarse(y)[w];
}

void Relief::set(std::vector<float> factors, int rows, int columns, float common) {
    for (float& factor : factors) factor *= common;
    if (rows != grid_.rows || columns != grid_.columns) last_.assign(factors.size(), 1.0f);
    ReliefGrid before{rows, columns, common, std::move(factors), std::vector<uint8_t>(last_.size())};
    std::swap(grid_, before);
    for (size_t i = 0; i < last_.size(); ++i) grid_.finer[i] = grid_.factors[i] < last_[i];
    next_asks_ = std::find(grid_.finer.begin(), grid_.finer.end(), 1) != grid_.finer.end();
    for (auto& [size, cells] : cells_) cells.set(grid_, before);
}

void Relief::begin() {
    asks_ = next_asks_;
    next_asks_ = false;
    last_ = grid_.factors;
}

const Cells& Relief::of(int height, int width) {
    return cells_.try_emplace({height, width}, height, width, grid_).first->second;
}

}  // namespace skipvid
