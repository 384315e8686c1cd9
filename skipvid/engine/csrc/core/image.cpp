// Input from images: what differs is found in the bytes, and only changed pixels are converted.
#include <algorithm>
#include <bit>
#include <cmath>

#include "stream.hpp"
#include "threads.hpp"

namespace skipvid {
namespace {

constexpr int kRowsPerChunk = 16;
constexpr int kCompareAlone = 256 * 1024;  // up to so many pixels, comparing takes less than waking another thread,
constexpr int kConvertAlone = 32 * 1024;   // and converting what may have changed of these

}  // namespace

std::optional<EightPixels> PixelTable::eight() const {
    std::vector<int> bytes = order;
    std::sort(bytes.begin(), bytes.end());
    if (bytes != std::vector<int>{0, 1, 2} || steps.size() != 9) return std::nullopt;
    EightPixels way{};
    for (int k = 0; k < 24; ++k) {
        const int channel = k % 3;
        const float* own = &steps[3 * channel];
        way.byte[k] = static_cast<uint8_t>(k / 3 * 3 + order[channel]);
        way.scale[k] = own[0], way.mean[k] = own[1], way.std[k] = own[2];
    }
    way.scaled = std::ranges::all_of(way.mean, [](float mean) { return mean == 0.0f; }) &&
                 std::ranges::all_of(way.std, [](float std) { return std == 1.0f; });
    for (int c = 0; c < 3; ++c) {
        const float* value = &table[256 * c];
        for (int level = 0; level < 256; ++level) {
            const float made = (static_cast<float>(level) * way.scale[c] - way.mean[c]) / way.std[c];
            if (std::bit_cast<uint32_t>(made) != std::bit_cast<uint32_t>(value[level])) return std::nullopt;
            if (level > 0 && value[level] == value[level - 1]) return std::nullopt;
        }
    }
    return way;
}

// Calls body(row) for the rows [top, bottom), on several threads where that pays.
template <class Body>
void Stream::each_image_row(int top, int bottom, int alone, const Body& body) {
    const int width = maps_[input_].view.width, threads = (bottom - top) * width <= alone ? 1 : threads_;
    Pool::instance().run(threads, div_up(bottom - top, kRowsPerChunk), [&](int chunk, int) {
        const int first = top + chunk * kRowsPerChunk;
        for (int y = first; y < std::min(bottom, first + kRowsPerChunk); ++y) body(y);
    });
}

// candidates = pixels of rows [top, bottom) that differ from the image behind the map by more than `threshold` levels,
// or than the coarse threshold where relief makes them coarse.
void Stream::compare_image(const uint8_t* image, float threshold, int top, int bottom, BitMap& candidates) {
    const int width = candidates.width();
    const size_t row_bytes = static_cast<size_t>(width) * 3;
    const Cells& cells = relief_.of(candidates.height(), width);
    // Grey levels are whole: above the threshold is above the next whole number below it.
    const auto whole = [](float levels) { return static_cast<int>(std::min(255.0f, std::floor(levels))); };
    each_image_row(top, bottom, kCompareAlone, [&](int y) {
        plan_->kernels().compare_image({image + y * row_bytes, image_.data() + y * row_bytes, width, whole(threshold),
                                        whole(rule_.coarse), cells.coarse(y), candidates.row(y)});
    });
    candidates.widen(top, bottom);
    candidates.trim();
}

void Stream::take_image(const uint8_t* image) {
    Map& map = maps_[input_];
    const View& v = map.view;
    const size_t row_bytes = static_cast<size_t>(v.width) * 3;
    const auto take_row = [&](int y, const uint64_t* near) {
        float* norms = map.residual.wanted() ? map.residual.norm.data() + static_cast<size_t>(y) * v.width : nullptr;
        plan_->kernels().take_image({image + y * row_bytes, image_.data() + y * row_bytes, v.at(y, 0), v.pixel, v.width,
                                     v.channels, pixels_.table.data(), pixels_.order.data(),
                                     eight_ ? &*eight_ : nullptr, near, map.changed.row(y), norms});
    };
    if (refresh_) {
        image_.resize(row_bytes * v.height);
        each_image_row(0, v.height, kConvertAlone, [&](int y) { take_row(y, nullptr); });
        since_.clear();
        map.changed.fill();
        return;
    }
    BitMap candidates(v.height, v.width);
    compare_image(image, rule_.threshold, 0, v.height, candidates);
    if (rule_.frames > 0 && rule_.threshold > 0.0f) {
        BitMap recent(v.height, v.width), low(v.height, v.width);
        remember(candidates, recent);
        compare_image(image, rule_.low, recent.top(), recent.bottom(), low);
        low.intersect(recent);
        candidates.add(low);
    }
    BitMap near(v.height, v.width);
    spread(candidates, near);
    each_image_row(near.top(), near.bottom(), kConvertAlone, [&](int y) { take_row(y, near.row(y)); });
    map.changed.widen(near.top(), near.bottom());
    map.changed.trim();
}

}  // namespace skipvid
