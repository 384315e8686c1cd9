// Where in the picture the network was recomputed.
#include "heat.hpp"

#include <algorithm>
#include <array>

#include "stream.hpp"

namespace skipvid {
namespace {

// The bits of a byte as eight numbers.
constexpr auto kBits = [] {
    std::array<std::array<float, 8>, 256> table{};
    for (int byte = 0; byte < 256; ++byte)
        for (int bit = 0; bit < 8; ++bit) table[byte][bit] = static_cast<float>(byte >> bit & 1);
    return table;
}();

// total[x] += share where bit x of the row is set; `total` has room for whole words.
void add_row(const uint64_t* row, int words, float share, float* total) {
    for (int w = 0; w < words; ++w, total += 64) {
        if (row[w] == 0) continue;
        for (int b = 0; b < 8; ++b) {
            const auto byte = static_cast<uint8_t>(row[w] >> 8 * b);
            if (byte == 0) continue;
            const auto& bits = kBits[byte];
            for (int i = 0; i < 8; ++i) total[8 * b + i] += share * bits[i];
        }
    }
}

}  // namespace

Overlap::Overlap(int source, int target) : parts(source) {
    for (int cell = 0; cell < target; ++cell) {
        const double low = cell * static_cast<double>(source) / target,
                     high = (cell + 1) * static_cast<double>(source) / target;
        for (int s = static_cast<int>(low); s < source && s < high; ++s) {
            const double part = std::min<double>(high, s + 1) - std::max<double>(low, s);
            if (part > 0) parts[s].push_back({cell, static_cast<float>(part / (high - low))});
        }
    }
}

const Overlap& HeatGrid::overlap(int source, int target) {
    auto& found = overlaps_[{source, target}];
    if (found.parts.empty()) found = Overlap(source, target);
    return found;
}

void HeatGrid::clear() {
    for (auto& [size, layer] : layers_) layer.top = layer.bottom = 0;
}

// Maps of one size are added up before they are laid over the grid.
void HeatGrid::add(const BitMap& mask, float share) {
    Layer& layer = layers_[{mask.height(), mask.width()}];
    const int row = mask.words() * 64;
    layer.values.resize(static_cast<size_t>(mask.height()) * row);
    const auto clear = [&](int top, int bottom) {
        if (top < bottom)
            std::fill_n(layer.values.begin() + static_cast<ptrdiff_t>(top) * row,
                        static_cast<ptrdiff_t>(bottom - top) * row, 0.0f);
    };
    if (layer.top >= layer.bottom) {
        layer.top = mask.top();
        layer.bottom = mask.bottom();
        clear(layer.top, layer.bottom);
    } else {
        clear(mask.top(), layer.top);
        clear(layer.bottom, mask.bottom());
        layer.top = std::min(layer.top, mask.top());
        layer.bottom = std::max(layer.bottom, mask.bottom());
    }
    for (int y = mask.top(); y < mask.bottom(); ++y)
        add_row(mask.row(y), mask.words(), share, layer.values.data() + static_cast<ptrdiff_t>(y) * row);
}

// Rows first, which are long and lie side by side; few are left when columns follow.
void HeatGrid::lay(int height, int width, float* out) {
    std::fill_n(out, static_cast<size_t>(height) * width, 0.0f);
    for (const auto& [size, layer] : layers_) {
        if (layer.top >= layer.bottom) continue;
        const Overlap &rows = overlap(size.first, height), &columns = overlap(size.second, width);
        const int row = div_up(size.second, 64) * 64;
        const int first = rows.parts[layer.top].front().cell, last = rows.parts[layer.bottom - 1].back().cell;
        lines_.assign(static_cast<size_t>(last - first + 1) * row, 0.0f);
        for (int y = layer.top; y < layer.bottom; ++y) {
            const float* values = layer.values.data() + static_cast<ptrdiff_t>(y) * row;
            for (const auto& [cell, share] : rows.parts[y]) {
                float* line = lines_.data() + static_cast<ptrdiff_t>(cell - first) * row;
                for (int x = 0; x < row; ++x) line[x] += share * values[x];
            }
        }
        for (int cell = first; cell <= last; ++cell) {
            const float* line = lines_.data() + static_cast<ptrdiff_t>(cell - first) * row;
            float* to = out + static_cast<ptrdiff_t>(cell) * width;
            for (int x = 0; x < size.second; ++x) {
                if (line[x] == 0.0f) continue;
                for (const auto& [column, share] : columns.parts[x]) to[column] += share * line[x];
            }
        }
    }
    for (int i = 0; i < height * width; ++i) out[i] = std::clamp(out[i], 0.0f, 1.0f);
}

void Stream::heat(int height, int width, float* out) {
    double dense = 0.0;
    for (const auto& op : plan_->ops()) dense += op->macs;
    heat_.clear();
    for (size_t i = 0; i < active_.size(); ++i) {
        const double macs = plan_->ops()[i]->macs;
        if (macs > 0.0 && !active_[i].empty()) heat_.add(active_[i], static_cast<float>(macs / dense));
    }
    heat_.lay(height, width, out);
}

}  // namespace skipvid
