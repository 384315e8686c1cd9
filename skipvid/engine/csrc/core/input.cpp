// The gate of the network's input.
#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>

#include "footprint.hpp"
#include "stream.hpp"
#include "threads.hpp"

namespace skipvid {
namespace {

constexpr int kClearAlone = 1024;  // words of masks whose norms are cleared in less than waking another thread takes

}  // namespace

void Stream::begin(const float* chw, bool refresh) {
    begin_frame(refresh || !started_, [&] { take(chw); });
    image_.clear();
}

void Stream::begin_image(const uint8_t* hwc, bool refresh) {
    begin_frame(refresh || !started_ || image_.empty(), [&] { take_image(hwc); });
}

// Calls take(), while the other threads clear the norms of the last frame's changes, and then help.
template <class Take>
void Stream::begin_frame(bool refresh, const Take& take) {
    refresh_ = refresh;
    started_ = true;
    begin_sweep();
    relief_.begin();
    Map& input = maps_[input_];
    if (input.residual.wanted()) input.residual.clear(input.changed);
    input.changed.clear();
    int words = 0;
    std::vector<Map*> stale;
    for (Map& map : maps_) {
        if (!map.residual.wanted() || map.changed.empty()) continue;
        words += (map.changed.bottom() - map.changed.top()) * map.changed.words();
        stale.push_back(&map);
    }
    const auto clear = [&](size_t first, size_t step) {
        for (size_t i = first; i < stale.size(); i += step) stale[i]->residual.clear(stale[i]->changed);
    };
    if (words <= kClearAlone || threads_ == 1) {
        clear(0, 1);
        take();
        return;
    }
    std::atomic<bool> taken{false};
    Pool::instance().run(threads_, threads_, [&](int part, int) {
        if (part == 0) {
            take();
            taken.store(true, std::memory_order_release);
            return;
        }
        clear(part - 1, threads_ - 1);
        for (Patience patience; !taken.load(std::memory_order_acquire);)
            if (!Pool::instance().help()) patience.wait();
    });
}

// recent = pixels near one that exceeded the threshold lately; then takes note of those that do now.
void Stream::remember(const BitMap& candidates, BitMap& recent) {
    if (since_.empty()) since_.assign(static_cast<size_t>(recent.height()) * recent.width(), rule_.frames);
    BitMap late(recent.height(), recent.width());
    for (int y = 0; y < recent.height(); ++y)
        for (int x = 0; x < recent.width(); ++x) {
            int32_t& since = since_[static_cast<size_t>(y) * recent.width() + x];
            if (since < rule_.frames) late.set(y, x);
            since = candidates.get(y, x) ? 0 : std::min(since + 1, rule_.frames);
        }
    dilate(late, rule_.radius, recent);
}

// spread = pixels near a candidate that lies outside the ignored rectangles, or to be looked at anyway, and outside
// those rectangles themselves. What relief makes coarse takes nothing along.
void Stream::spread(BitMap& candidates, BitMap& spread) {
    for (const Rectangle& r : rule_.ignore) candidates.remove(r.x0, r.y0, r.x1, r.y1);
    candidates.trim();
    if (rule_.dilation > 0) {
        BitMap fine = candidates;
        relief_.of(fine.height(), fine.width()).remove_coarse(fine);
        dilate(fine, rule_.dilation, spread);
    }
    spread.add(candidates);
    if (rule_.threshold > 0.0f) spread_blocks(spread, structure_);
    if (sweep_.count > 0) spread.fill_rows(sweep_.first_row(spread.height()), sweep_.end_row(spread.height()));
    for (const Rectangle& r : rule_.ignore) spread.remove(r.x0, r.y0, r.x1, r.y1);
}

void Stream::take(const float* chw) {
    Map& map = maps_[input_];
    const View& v = map.view;
    const size_t plane = static_cast<size_t>(v.height) * v.width;
    const auto differs = [&](const float* from, const float* to) {
        for (int c = 0; c < v.channels; ++c)
            if (std::bit_cast<uint32_t>(from[c * plane]) != std::bit_cast<uint32_t>(to[c])) return true;
        return false;
    };
    const auto exceeds = [&](const float* from, const float* to, float threshold) {
        float top = 0.0f;
        for (int c = 0; c < v.channels; ++c) {
            const float d = std::fabs(from[c * plane] - to[c]) / (pixels_.unit.empty() ? 1.0f : pixels_.unit[c]);
            if (std::isnan(d)) return true;
            top = std::max(top, d);
        }
        return top > threshold;
    };
    const Cells& cells = relief_.of(v.height, v.width);
    const auto limit = [&](int y, int x, float threshold) {
        return ((cells.coarse(y)[x >> 6] >> (x & 63)) & 1) != 0 ? rule_.coarse : threshold;
    };
    BitMap candidates(v.height, v.width);
    for (int y = 0; y < v.height; ++y)
        for (int x = 0; x < v.width; ++x) {
            const float* from = chw + static_cast<size_t>(y) * v.width + x;
            float* to = v.at(y, x);
            if (refresh_) {
                for (int c = 0; c < v.channels; ++c) to[c] = from[c * plane];
            } else if (rule_.threshold > 0.0f ? exceeds(from, to, limit(y, x, rule_.threshold)) : differs(from, to)) {
                candidates.set(y, x);
            }
        }
    if (refresh_) {
        since_.clear();
        map.changed.fill();
        return;
    }
    if (rule_.frames > 0 && rule_.threshold > 0.0f) {
        BitMap recent(v.height, v.width);
        remember(candidates, recent);
        for (int y = recent.top(); y < recent.bottom(); ++y)
            for (int x = 0; x < v.width; ++x)
                if (recent.get(y, x) &&
                    exceeds(chw + static_cast<size_t>(y) * v.width + x, v.at(y, x), limit(y, x, rule_.low)))
                    candidates.set(y, x);
    }
    BitMap near(v.height, v.width);
    spread(candidates, near);
    near.each([&](int y, int x) {
        const float* from = chw + static_cast<size_t>(y) * v.width + x;
        float* to = v.at(y, x);
        if (!differs(from, to)) return;
        if (map.residual.wanted()) {
            float& norm = map.residual.norm[static_cast<size_t>(y) * v.width + x];
            for (int c = 0; c < v.channels; ++c) norm += std::fabs(from[c * plane] - to[c]);
        }
        for (int c = 0; c < v.channels; ++c) to[c] = from[c * plane];
        map.changed.set(y, x);
    });
}

}  // namespace skipvid
