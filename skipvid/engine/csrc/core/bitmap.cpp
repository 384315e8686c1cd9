#include "bitmap.hpp"

#include <algorithm>
#include <cstring>

namespace skipvid {

BitMap::BitMap(int height, int width)
    : height_(height),
      width_(width),
      words_(div_up(width, 64)),
      tail_(width % 64 ? (uint64_t{1} << (width % 64)) - 1 : ~uint64_t{0}),
      bits_(static_cast<size_t>(height) * static_cast<size_t>(div_up(width, 64))) {}

void BitMap::clear() {
    if (!empty()) std::memset(row(top_), 0, static_cast<size_t>(bottom_ - top_) * words_ * sizeof(uint64_t));
    top_ = bottom_ = 0;
}

void BitMap::fill() {
    std::fill(bits_.begin(), bits_.end(), ~uint64_t{0});
    for (int y = 0; y < height_; ++y) row(y)[words_ - 1] = tail_;
    top_ = 0;
    bottom_ = height_;
}

void BitMap::widen(int top, int bottom) {
    if (top >= bottom) return;
    if (empty()) {
        top_ = top;
        bottom_ = bottom;
    } else {
        top_ = std::min(top_, top);
        bottom_ = std::max(bottom_, bottom);
    }
}

void BitMap::add(const BitMap& other) {
    if (other.empty()) return;
    const uint64_t* from = other.row(other.top_);
    uint64_t* to = row(other.top_);
    const int n = (other.bottom_ - other.top_) * words_;
    for (int i = 0; i < n; ++i) to[i] |= from[i];
    widen(other.top_, other.bottom_);
}

void BitMap::subtract(const BitMap& other) {
    for (int y = std::max(top_, other.top_); y < std::min(bottom_, other.bottom_); ++y)
        for (int w = 0; w < words_; ++w) row(y)[w] &= ~other.row(y)[w];
}

void BitMap::intersect(const BitMap& other) {
    for (int y = top_; y < bottom_; ++y)
        for (int w = 0; w < words_; ++w) row(y)[w] &= other.row(y)[w];
}

void BitMap::fill_rows(int top, int bottom) {
    for (int y = top; y < bottom; ++y) {
        std::fill_n(row(y), words_, ~uint64_t{0});
        row(y)[words_ - 1] = tail_;
    }
    widen(top, bottom);
}

void BitMap::remove(int x0, int y0, int x1, int y1) {
    x0 = std::max(x0, 0);
    x1 = std::min(x1, width_);
    for (int y = std::max(y0, top_); y < std::min(y1, bottom_); ++y)
        for (int x = x0; x < x1; ++x) row(y)[x >> 6] &= ~(uint64_t{1} << (x & 63));
}

namespace {
bool any(const uint64_t* row, int words) {
    uint64_t all = 0;
    for (int w = 0; w < words; ++w) all |= row[w];
    return all != 0;
}
}  // namespace

void BitMap::trim() {
    while (top_ < bottom_ && !any(row(top_), words_)) ++top_;
    while (top_ < bottom_ && !any(row(bottom_ - 1), words_)) --bottom_;
    if (top_ >= bottom_) top_ = bottom_ = 0;
}

bool BitMap::holds(int y, int begin, int end) const {
    for (int w = begin >> 6; w * 64 < end; ++w)
        if (within(y, w, begin, end) != 0) return true;
    return false;
}

int64_t BitMap::count() const {
    int64_t n = 0;
    if (empty()) return 0;
    const uint64_t* bits = row(top_);
    for (int i = 0; i < (bottom_ - top_) * words_; ++i) n += std::popcount(bits[i]);
    return n;
}

int64_t BitMap::index(const Kernels& kernels, std::vector<int32_t>& before) const {
    before.resize(static_cast<size_t>(height_) + 1);
    kernels.index_rows(row(top_), words_, bottom_ - top_, before.data() + top_);
    return before[bottom_];
}

void BitMap::collect(const std::vector<int32_t>& before, int64_t begin, int64_t end, Pixels& out) const {
    const auto first = before.begin() + top_, last = before.begin() + bottom_ + 1;
    int y = static_cast<int>(std::upper_bound(first, last, static_cast<int32_t>(begin)) - before.begin()) - 1;
    int skip = static_cast<int>(begin - before[y]);
    const int want = static_cast<int>(end - begin);
    int n = 0;
    for (; n < want; ++y) {
        const uint64_t* bits = row(y);
        for (int w = 0; w < words_ && n < want; ++w) {
            uint64_t word = bits[w];
            const int set = std::popcount(word);
            if (skip >= set) {
                skip -= set;
                continue;
            }
            for (; skip > 0; --skip) word &= word - 1;
            for (; word != 0 && n < want; word &= word - 1, ++n) {
                out.y[n] = static_cast<int16_t>(y);
                out.x[n] = static_cast<int16_t>(w * 64 + std::countr_zero(word));
            }
        }
    }
    out.n = n;
}

}  // namespace skipvid
