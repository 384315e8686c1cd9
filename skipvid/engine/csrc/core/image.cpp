// Input from images: what differs is found in the bytes, and only changed pixels are converted.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "stream.hpp"
#include "threads.hpp"

namespace skipvid {
namespace {

constexpr int kRowsPerChunk = 16;
constexpr int kCompareAlone = 256 * 1024;  // up to so many pixels, comparing takes less than waking another thread,
constexpr int kConvertAlone = 32 * 1024;   // and converting what may have changed of these
constexpr int kMostChannels = 16;

// From the bytes of a pixel to its values. Three channels, nearly all networks, are spelled out by the compiler.
template <int Channels>
class Converter {
  public:
    Converter(const PixelTable& pixels, int channels) : channels_(channels) {
        for (int c = 0; c < channels; ++c) {
            table_[c] = pixels.table.data() + static_cast<size_t>(c) * 256;
            order_[c] = pixels.order[c];
        }
    }
    // Writes the values; whether any of them is new. `moved`: the sum of their absolute differences.
    bool operator()(const uint8_t* pixel, float* to, float& moved) const {
        const int channels = Channels > 0 ? Channels : channels_;
        uint32_t difference = 0;
        float value[Channels > 0 ? Channels : kMostChannels];
        for (int c = 0; c < channels; ++c) value[c] = table_[c][pixel[order_[c]]];
        moved = 0.0f;
        for (int c = 0; c < channels; ++c) {
            difference |= std::bit_cast<uint32_t>(value[c]) ^ std::bit_cast<uint32_t>(to[c]);
            moved += std::fabs(value[c] - to[c]);
            to[c] = value[c];
        }
        return difference != 0;
    }

  private:
    const float* table_[kMostChannels];
    int order_[kMostChannels];
    int channels_;
};

}  // namespace

// Calls body(row) for the rows [top, bottom), on several threads where that pays.
template <class Body>
void Stream::each_image_row(int top, int bottom, int alone, const Body& body) {
    const int width = maps_[input_].view.width, threads = (bottom - top) * width <= alone ? 1 : threads_;
    Pool::instance().run(threads, div_up(bottom - top, kRowsPerChunk), [&](int chunk, int) {
        const int first = top + chunk * kRowsPerChunk;
        for (int y = first; y < std::min(bottom, first + kRowsPerChunk); ++y) body(y);
    });
}

// candidates = pixels of rows [top, bottom) that differ from the image behind the map by more than `threshold` levels.
void Stream::compare_image(const uint8_t* image, float threshold, int top, int bottom, BitMap& candidates) {
    const int width = maps_[input_].view.width;
    const size_t row_bytes = static_cast<size_t>(width) * 3;
    // Grey levels are whole: above the threshold is above the next whole number below it.
    const int whole = static_cast<int>(std::min(255.0f, std::floor(threshold)));
    each_image_row(top, bottom, kCompareAlone, [&](int y) {
        plan_->kernels().differ_image(image + y * row_bytes, image_.data() + y * row_bytes, width, whole,
                                      candidates.row(y));
    });
    candidates.widen(top, bottom);
    candidates.trim();
}

// Of the candidates that relief makes coarse, those stay that differ by more than the coarse threshold.
void Stream::compare_coarsely(const uint8_t* image, BitMap& candidates) {
    const Cells& cells = relief_.of(candidates.height(), candidates.width());
    if (!cells.any_coarse() || rule_.threshold == 0.0f) return;
    const int width = candidates.width(), whole = static_cast<int>(std::min(255.0f, std::floor(rule_.coarse)));
    each_image_row(candidates.top(), candidates.bottom(), kConvertAlone, [&](int y) {
        const uint8_t *row = image + static_cast<size_t>(y) * width * 3, *behind = image_.data() + (row - image);
        for (int w = 0; w < candidates.words(); ++w) {
            uint64_t &bits = candidates.row(y)[w], coarse = cells.coarse(y)[w], differing = 0;
            if ((bits & coarse) == 0) continue;
            const ptrdiff_t first = static_cast<ptrdiff_t>(w) * 64 * 3;
            plan_->kernels().differ_image(row + first, behind + first, std::min(64, width - w * 64), whole, &differing);
            bits &= ~coarse | differing;
        }
    });
    candidates.trim();
}

// Takes over those of the `near` pixels of a row that differ in any bit. Their mask is what changes in the map: an
// image may differ where the input does not, in a channel that it does not read.
template <int Channels>
void Stream::commit_image_row(const uint8_t* image, const BitMap& near, int y) {
    Map& map = maps_[input_];
    const View& v = map.view;
    const uint8_t* row = image + static_cast<size_t>(y) * v.width * 3;
    uint8_t* behind = image_.data() + (row - image);
    const Converter<Channels> convert(pixels_, v.channels);
    float* norms = map.residual.wanted() ? map.residual.norm.data() + static_cast<size_t>(y) * v.width : nullptr;
    float* line = v.at(y, 0);
    for (int w = 0; w < near.words(); ++w) {
        uint64_t bits = near.row(y)[w], changed = 0, differing = 0;
        if (bits == 0) continue;
        const ptrdiff_t first = static_cast<ptrdiff_t>(w) * 64 * 3;
        plan_->kernels().differ_image(row + first, behind + first, std::min(64, v.width - w * 64), 0, &differing);
        for (bits &= differing; bits != 0; bits &= bits - 1) {
            const int x = w * 64 + std::countr_zero(bits);
            float moved;
            std::memcpy(behind + x * 3, row + x * 3, 3);
            if (!convert(row + x * 3, line + x * v.pixel, moved)) continue;
            changed |= bits & -bits;
            if (norms != nullptr) norms[x] = moved;
        }
        map.changed.row(y)[w] = changed;
    }
}

void Stream::take_image(const uint8_t* image) {
    Map& map = maps_[input_];
    const View& v = map.view;
    const size_t row_bytes = static_cast<size_t>(v.width) * 3;
    map.residual.clear(map.changed);
    map.changed.clear();
    if (refresh_) {
        image_.assign(image, image + row_bytes * v.height);
        const auto convert_rows = [&](const auto& convert) {
            each_image_row(0, v.height, kConvertAlone, [&](int y) {
                float moved;
                for (int x = 0; x < v.width; ++x)
                    convert(image + y * row_bytes + static_cast<size_t>(x) * 3, v.at(y, x), moved);
            });
        };
        if (v.channels == 3)
            convert_rows(Converter<3>(pixels_, 3));
        else
            convert_rows(Converter<0>(pixels_, v.channels));
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
    compare_coarsely(image, candidates);
    BitMap near(v.height, v.width);
    spread(candidates, near);
    each_image_row(near.top(), near.bottom(), kConvertAlone, [&](int y) {
        v.channels == 3 ? commit_image_row<3>(image, near, y) : commit_image_row<0>(image, near, y);
    });
    map.changed.widen(near.top(), near.bottom());
    map.changed.trim();
}

}  // namespace skipvid
