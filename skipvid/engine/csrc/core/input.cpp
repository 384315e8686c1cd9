// The gate of the network's input.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "footprint.hpp"
#include "stream.hpp"

namespace skipvid {
namespace {
constexpr int kMaxImageChannels = 16;  // of an input that is made from images; native.py refuses more
}  // namespace

void Stream::begin(const float* chw, bool refresh) {
    refresh_ = refresh || !started_;
    started_ = true;
    image_.clear();
    take(chw);
}

void Stream::begin_image(const uint8_t* hwc, bool refresh) {
    refresh_ = refresh || !started_ || image_.empty();
    started_ = true;
    take_image(hwc);
}

// spread = pixels near a candidate that lies outside the ignored rectangles, and outside those themselves.
void Stream::spread(BitMap& candidates, BitMap& spread) const {
    for (const Rectangle& r : rule_.ignore) candidates.remove(r.x0, r.y0, r.x1, r.y1);
    candidates.trim();
    if (rule_.dilation > 0)
        dilate(candidates, rule_.dilation, spread);
    else
        spread.add(candidates);
    for (const Rectangle& r : rule_.ignore) spread.remove(r.x0, r.y0, r.x1, r.y1);
}

void Stream::take(const float* chw) {
    Map& map = maps_[input_];
    const View& v = map.view;
    const size_t plane = static_cast<size_t>(v.height) * v.width;
    map.changed.clear();
    const auto differs = [&](const float* from, const float* to) {
        for (int c = 0; c < v.channels; ++c)
            if (std::bit_cast<uint32_t>(from[c * plane]) != std::bit_cast<uint32_t>(to[c])) return true;
        return false;
    };
    const auto exceeds = [&](const float* from, const float* to) {
        float top = 0.0f;
        for (int c = 0; c < v.channels; ++c) {
            const float d = std::fabs(from[c * plane] - to[c]) / (pixels_.unit.empty() ? 1.0f : pixels_.unit[c]);
            if (std::isnan(d)) return true;
            top = std::max(top, d);
        }
        return top > rule_.threshold;
    };
    BitMap candidates(v.height, v.width);
    for (int y = 0; y < v.height; ++y)
        for (int x = 0; x < v.width; ++x) {
            const float* from = chw + static_cast<size_t>(y) * v.width + x;
            float* to = v.at(y, x);
            if (refresh_) {
                for (int c = 0; c < v.channels; ++c) to[c] = from[c * plane];
            } else if (rule_.threshold > 0.0f ? exceeds(from, to) : differs(from, to)) {
                candidates.set(y, x);
            }
        }
    if (refresh_) {
        map.changed.fill();
        return;
    }
    BitMap near(v.height, v.width);
    spread(candidates, near);
    for (int y = near.top(); y < near.bottom(); ++y)
        for (int w = 0; w < near.words(); ++w)
            for (uint64_t bits = near.row(y)[w]; bits != 0; bits &= bits - 1) {
                const int x = w * 64 + std::countr_zero(bits);
                const float* from = chw + static_cast<size_t>(y) * v.width + x;
                float* to = v.at(y, x);
                if (!differs(from, to)) continue;
                for (int c = 0; c < v.channels; ++c) to[c] = from[c * plane];
                map.changed.set(y, x);
            }
}

void Stream::convert(const uint8_t* image, int y, int x, float* values) const {
    const int channels = maps_[input_].view.channels;
    const uint8_t* p = image + (static_cast<size_t>(y) * maps_[input_].view.width + x) * 3;
    for (int c = 0; c < channels; ++c) values[c] = pixels_.table[static_cast<size_t>(c) * 256 + p[pixels_.order[c]]];
}

void Stream::take_image(const uint8_t* image) {
    Map& map = maps_[input_];
    const View& v = map.view;
    const size_t row_bytes = static_cast<size_t>(v.width) * 3;
    map.changed.clear();
    if (refresh_) {
        image_.assign(image, image + row_bytes * v.height);
        for (int y = 0; y < v.height; ++y)
            for (int x = 0; x < v.width; ++x) convert(image, y, x, v.at(y, x));
        map.changed.fill();
        return;
    }
    BitMap candidates(v.height, v.width);
    // Grey levels are whole: above the threshold is above the next whole number below it.
    const int threshold = static_cast<int>(std::min(255.0f, std::floor(rule_.threshold)));
    for (int y = 0; y < v.height; ++y)
        if (plan_->kernels().differ_u8(image + y * row_bytes, image_.data() + y * row_bytes, v.width, 3, threshold,
                                       candidates.row(y)))
            candidates.widen(y, y + 1);
    BitMap near(v.height, v.width);
    spread(candidates, near);
    for (int y = near.top(); y < near.bottom(); ++y)
        for (int w = 0; w < near.words(); ++w)
            for (uint64_t bits = near.row(y)[w]; bits != 0; bits &= bits - 1) {
                const int x = w * 64 + std::countr_zero(bits);
                const size_t at = y * row_bytes + static_cast<size_t>(x) * 3;
                if (std::memcmp(image + at, image_.data() + at, 3) == 0) continue;
                std::memcpy(image_.data() + at, image + at, 3);
                float values[kMaxImageChannels];
                convert(image, y, x, values);
                // An image may differ where the input does not, in a channel that it does not read.
                if (std::memcmp(values, v.at(y, x), v.channels * sizeof(float)) == 0) continue;
                std::memcpy(v.at(y, x), values, v.channels * sizeof(float));
                map.changed.set(y, x);
            }
}

}  // namespace skipvid
