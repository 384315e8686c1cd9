// Which pixels of a map: one bit per pixel, rows of 64-bit words.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "../kernels/kernels.hpp"
#include "view.hpp"

namespace skipvid {

class BitMap {
  public:
    BitMap() = default;
    BitMap(int height, int width);

    int height() const { return height_; }
    int width() const { return width_; }
    int words() const { return words_; }
    // Rows outside [top, bottom) hold no set bit; work is limited to this band.
    int top() const { return top_; }
    int bottom() const { return bottom_; }
    bool empty() const { return top_ >= bottom_; }

    uint64_t* row(int y) { return bits_.data() + static_cast<size_t>(y) * words_; }
    const uint64_t* row(int y) const { return bits_.data() + static_cast<size_t>(y) * words_; }
    bool get(int y, int x) const { return (row(y)[x >> 6] >> (x & 63)) & 1; }
    void set(int y, int x) {
        row(y)[x >> 6] |= uint64_t{1} << (x & 63);
        widen(y, y + 1);
    }
    void clear(int y, int x) { row(y)[x >> 6] &= ~(uint64_t{1} << (x & 63)); }
    uint64_t tail() const { return tail_; }  // valid bits of a row's last word

    void clear();
    void fill();
    // Announces that rows [top, bottom) may hold set bits.
    void widen(int top, int bottom);
    void add(const BitMap& other);                // union; same size
    void subtract(const BitMap& other);           // what is not in the other; same size
    void intersect(const BitMap& other);          // what is in both; same size
    void remove(int x0, int y0, int x1, int y1);  // clears a rectangle
    void fill_rows(int top, int bottom);
    // Shrinks the band to rows that do hold set bits.
    void trim();
    int64_t count() const;
    // before[y] = set bits above row y, for the rows of the band and one more; returns the number of set bits.
    int64_t index(const Kernels& kernels, std::vector<int32_t>& before) const;
    // Whether a row has a set pixel in [begin, end).
    bool holds(int y, int begin, int end) const;
    // Calls body(x) for the set pixels of a row that lie in [begin, end), from left to right.
    template <class Body>
    void each(int y, int begin, int end, const Body& body) const {
        for (int w = begin >> 6; w * 64 < end; ++w) {
            for (uint64_t bits = within(y, w, begin, end); bits != 0; bits &= bits - 1)
                body(w * 64 + std::countr_zero(bits));
        }
    }
    // Calls body(y, x) for all set pixels in raster order.
    template <class Body>
    void each(const Body& body) const {
        for (int y = top_; y < bottom_; ++y) each(y, 0, width_, [&](int x) { body(y, x); });
    }
    // Set pixels number [begin, end) in raster order, end - begin <= kMaxBlock; `before` from index().
    void collect(const std::vector<int32_t>& before, int64_t begin, int64_t end, Pixels& out) const;

  private:
    // The bits of word `w` of a row that stand for columns [begin, end).
    uint64_t within(int y, int w, int begin, int end) const {
        uint64_t bits = row(y)[w];
        if (w * 64 < begin) bits &= ~uint64_t{0} << (begin - w * 64);
        if (end - w * 64 < 64) bits &= (uint64_t{1} << (end - w * 64)) - 1;
        return bits;
    }

    int height_ = 0, width_ = 0, words_ = 0;
    int top_ = 0, bottom_ = 0;
    uint64_t tail_ = 0;
    std::vector<uint64_t> bits_;
};

// Bits [position, position + 64) of a row of `words` words; bits outside the row are 0.
inline uint64_t bits_at(const uint64_t* row, int words, int position) {
    const int word = position >> 6, shift = position & 63;  // arithmetic shift: floor for negative positions
    const uint64_t low = (word >= 0 && word < words) ? row[word] : 0;
    if (shift == 0) return low;
    const uint64_t high = (word + 1 >= 0 && word + 1 < words) ? row[word + 1] : 0;
    return (low >> shift) | (high << (64 - shift));
}

}  // namespace skipvid
