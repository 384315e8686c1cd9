#include "opengate.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace skipvid {

void Residual::clear(const BitMap& changed) {
    if (norm.empty() || changed.empty()) return;
    std::fill(norm.begin() + static_cast<ptrdiff_t>(changed.top()) * changed.width(),
              norm.begin() + static_cast<ptrdiff_t>(changed.bottom()) * changed.width(), 0.0f);
}

void OpenGate::open(const OpenRule& rule, const Residual& residual, int height, int width, BitMap& active) {
    const Axis &v = rule.vertical, &h = rule.horizontal;
    const float* norm = residual.norm.data();
    const auto window = [&](int y, int x) {
        float sum = 0.0f;
        for (int ky = 0; ky < v.kernel; ++ky) {
            const int row = y * v.stride - v.pad + ky * v.dilation;
            if (row < 0 || row >= height) continue;
            for (int kx = 0; kx < h.kernel; ++kx) {
                const int column = x * h.stride - h.pad + kx * h.dilation;
                if (column >= 0 && column < width) sum += norm[static_cast<size_t>(row) * width + column];
            }
        }
        return sum;
    };
    for (int y = active.top(); y < active.bottom(); ++y)
        for (int w = 0; w < active.words(); ++w) {
            uint64_t& word = active.row(y)[w];
            for (uint64_t bits = word; bits != 0; bits &= bits - 1) {
                const int bit = std::countr_zero(bits), x = w * 64 + bit;
                float sum = window(y, x);
                if (rule.accumulate) sum = sums_[static_cast<size_t>(y) * width_ + x] += sum;
                if (sum <= rule.limit) word &= ~(uint64_t{1} << bit);  // what is not a number opens
            }
        }
    active.trim();
    if (rule.structure > 1) spread_blocks(active, rule.structure);
}

void OpenGate::computed(const BitMap& active) {
    active.each([&](int y, int x) { sums_[static_cast<size_t>(y) * width_ + x] = 0.0f; });
}

float l1_distance(const float* a, const float* b, int n) {
    constexpr int kParts = 16;
    float parts[kParts] = {};
    int i = 0;
    for (; i + kParts <= n; i += kParts)
        for (int k = 0; k < kParts; ++k) parts[k] += std::fabs(a[i + k] - b[i + k]);
    for (int k = 0; i < n; ++i, ++k) parts[k] += std::fabs(a[i] - b[i]);
    for (int step = kParts / 2; step > 0; step /= 2)
        for (int k = 0; k < step; ++k) parts[k] += parts[k + step];
    return parts[0];
}

void spread_blocks(BitMap& map, int side) {
    if (side <= 1 || map.empty()) return;
    uint64_t corners = 0;  // the first bit of every block
    for (int b = 0; b < 64; b += side) corners |= uint64_t{1} << b;
    const uint64_t block = (uint64_t{1} << side) - 1;
    const int first = map.top() / side * side, last = std::min(map.height(), (map.bottom() + side - 1) / side * side);
    for (int y = first; y < last; y += side) {
        const int end = std::min(y + side, map.height());
        for (int w = 0; w < map.words(); ++w) {
            uint64_t word = 0;
            for (int i = std::max(y, map.top()); i < std::min(end, map.bottom()); ++i) word |= map.row(i)[w];
            for (int shift = 1; shift < side; shift *= 2) word |= word >> shift;
            word = (word & corners) * block;
            if (w == map.words() - 1) word &= map.tail();
            for (int i = y; i < end; ++i) map.row(i)[w] = word;
        }
    }
    map.widen(first, last);
}

}  // namespace skipvid
