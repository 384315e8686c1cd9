#include "relief.hpp"

#include <algorithm>

namespace skipvid {

Cells::Cells(int height, int width) : height_(height), width_(width), words_(BitMap(1, width).words()) {
    set({1.0f}, {false}, 1, 1);
}

void Cells::set(const std::vector<float>& factors, const std::vector<bool>& finer, int rows, int columns) {
    rows_ = rows;
    factors_.assign(static_cast<size_t>(rows) * 64 * words_, 1.0f);
    coarse_.assign(static_cast<size_t>(rows) * words_, 0);
    finer_.assign(static_cast<size_t>(rows) * words_, 0);
    any_coarse_ = std::any_of(factors.begin(), factors.end(), [](float factor) { return factor > 1.0f; });
    for (int r = 0; r < rows; ++r) {
        float* line = factors_.data() + static_cast<size_t>(r) * 64 * words_;
        uint64_t* coarse = coarse_.data() + static_cast<size_t>(r) * words_;
        uint64_t* asked = finer_.data() + static_cast<size_t>(r) * words_;
        for (int x = 0; x < width_; ++x) {
            const int cell = r * columns + x * columns / width_;
            line[x] = factors[cell];
            if (factors[cell] > 1.0f) coarse[x >> 6] |= uint64_t{1} << (x & 63);
            if (finer[cell]) asked[x >> 6] |= uint64_t{1} << (x & 63);
        }
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

void Relief::set(std::vector<float> factors, int rows, int columns) {
    if (rows != rows_ || columns != columns_) last_.assign(factors.size(), 1.0f);
    rows_ = rows;
    columns_ = columns;
    factors_ = std::move(factors);
    finer_.resize(factors_.size());
    for (size_t i = 0; i < factors_.size(); ++i) finer_[i] = factors_[i] < last_[i];
    next_asks_ = std::find(finer_.begin(), finer_.end(), true) != finer_.end();
    for (auto& [size, cells] : cells_) cells.set(factors_, finer_, rows_, columns_);
}

void Relief::begin() {
    asks_ = next_asks_;
    next_asks_ = false;
    last_ = factors_;
}

const Cells& Relief::of(int height, int width) {
    const auto [found, is_new] = cells_.try_emplace({height, width}, height, width);
    if (is_new) found->second.set(factors_, finer_, rows_, columns_);
    return found->second;
}

}  // namespace skipvid
