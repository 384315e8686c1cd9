#include "opengate.hpp"

#include <algorithm>
#include <bit>

#include "threads.hpp"

namespace skipvid {
namespace {

constexpr int kRowsPerChunk = 8;
constexpr int kWordsAlone = 96;  // of a mask, up to which looking takes less than sharing it

}  // namespace

void Residual::clear(const BitMap& changed) {
    for (int y = changed.top(); y < changed.bottom(); ++y) {
        float* line = norm.data() + static_cast<size_t>(y) * changed.width();
        for (int w = 0; w < changed.words(); ++w)
            if (changed.row(y)[w] != 0) std::fill_n(line + w * 64, std::min(64, changed.width() - w * 64), 0.0f);
    }
}

void OpenGate::open(const OpenRule& rule, const Residual& residual, int height, int width, const Kernels& kernels,
                    int threads, bool ask, BitMap& active) {
    if (ask && rule.accumulate && rule.limit >= 0.0f) cells_.add_finer(active);
    const Axis &v = rule.vertical, &h = rule.horizontal;
    const int rows = active.bottom() - active.top();
    const auto look = [&](int chunk, int) {
        thread_local std::vector<float> columns;
        thread_local std::vector<const float*> lines;
        columns.resize(static_cast<size_t>(active.words() * 64) * h.stride +
                       static_cast<size_t>(h.kernel) * h.dilation);
        const int first = active.top() + chunk * kRowsPerChunk;
        for (int y = first; y < std::min(active.bottom(), first + kRowsPerChunk); ++y) {
            lines.clear();
            for (int k = 0; k < v.kernel; ++k) {
                const int row = y * v.stride - v.pad + k * v.dilation;
                if (row >= 0 && row < height) lines.push_back(residual.norm.data() + static_cast<size_t>(row) * width);
            }
            float* sums = rule.accumulate ? sums_.data() + static_cast<size_t>(y) * stride_ : nullptr;
            kernels.open_row({lines.data(), static_cast<int>(lines.size()), h.kernel, h.stride, h.dilation, h.pad,
                              width, columns.data(), sums, rule.limit, cells_.factors(y), active.row(y),
                              active.words()});
        }
    };
    Pool::instance().run(rows * active.words() > kWordsAlone ? threads : 1, div_up(rows, kRowsPerChunk), look);
    active.trim();
    if (rule.structure == 1) return;
    spread_blocks(active, rule.structure);
    computed(active);
}

void OpenGate::computed(const BitMap& active) {
    active.each([&](int y, int x) { sums_[static_cast<size_t>(y) * stride_ + x] = 0.0f; });
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
