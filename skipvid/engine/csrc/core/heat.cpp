// Where in the picture the network was recomputed.
#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "stream.hpp"

namespace skipvid {
namespace {

// Cells along one axis that a source pixel overlaps, and the share of each cell it covers.
struct Overlap {
    struct Part {
        int cell;
        float share;
    };
    std::vector<std::vector<Part>> parts;

    Overlap(int source, int target) : parts(source) {
        for (int cell = 0; cell < target; ++cell) {
            const double low = cell * static_cast<double>(source) / target,
                         high = (cell + 1) * static_cast<double>(source) / target;
            for (int s = static_cast<int>(low); s < source && s < high; ++s) {
                const double part = std::min<double>(high, s + 1) - std::max<double>(low, s);
                if (part > 0) parts[s].push_back({cell, static_cast<float>(part / (high - low))});
            }
        }
    }
};

}  // namespace

void Stream::heat(int height, int width, float* out) const {
    std::fill_n(out, static_cast<size_t>(height) * width, 0.0f);
    double dense = 0.0;
    for (const auto& op : plan_->ops()) dense += op->macs;
    if (dense == 0.0) return;
    // Maps of one size are added up before they are laid over the grid.
    std::map<std::pair<int, int>, std::vector<float>> by_size;
    for (size_t i = 0; i < active_.size(); ++i) {
        const BitMap& mask = active_[i];
        const auto share = static_cast<float>(plan_->ops()[i]->macs / dense);
        if (share == 0.0f || mask.empty()) continue;
        auto& total = by_size[{mask.height(), mask.width()}];
        total.resize(static_cast<size_t>(mask.height()) * mask.width());
        for (int y = mask.top(); y < mask.bottom(); ++y)
            for (int w = 0; w < mask.words(); ++w)
                for (uint64_t bits = mask.row(y)[w]; bits != 0; bits &= bits - 1)
                    total[static_cast<size_t>(y) * mask.width() + w * 64 + std::countr_zero(bits)] += share;
    }
    std::vector<float> line(width);
    for (const auto& [size, total] : by_size) {
        const Overlap rows(size.first, height), columns(size.second, width);
        for (int y = 0; y < size.first; ++y) {
            const float* values = total.data() + static_cast<size_t>(y) * size.second;
            if (std::all_of(values, values + size.second, [](float value) { return value == 0.0f; })) continue;
            std::fill(line.begin(), line.end(), 0.0f);
            for (int x = 0; x < size.second; ++x)
                for (const auto& [cell, share] : columns.parts[x]) line[cell] += share * values[x];
            for (const auto& [cell, share] : rows.parts[y])
                for (int x = 0; x < width; ++x) out[static_cast<size_t>(cell) * width + x] += share * line[x];
        }
    }
    for (int i = 0; i < height * width; ++i) out[i] = std::clamp(out[i], 0.0f, 1.0f);
}

}  // namespace skipvid
