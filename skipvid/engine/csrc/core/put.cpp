// Values of a map to their places in an array that holds the same values in another order.
#include <cstring>

#include "stream.hpp"

namespace skipvid {
namespace {

void put_pixel(const float* from, int channels, ptrdiff_t step, float* to) {
    if (step == 1)
        std::memcpy(to, from, static_cast<size_t>(channels) * sizeof(float));
    else
        for (int c = 0; c < channels; ++c) to[c * step] = from[c];
}

}  // namespace

void Stream::put(int tensor, const int64_t* places, ptrdiff_t step, bool everywhere, float* out) const {
    const View& v = maps_[tensor].view;
    const BitMap& changed = maps_[tensor].changed;
    if (everywhere) {
        for (int y = 0; y < v.height; ++y)
            for (int x = 0; x < v.width; ++x)
                put_pixel(v.at(y, x), v.channels, step, out + places[static_cast<ptrdiff_t>(y) * v.width + x]);
        return;
    }
    changed.each([&](int y, int x) {
        put_pixel(v.at(y, x), v.channels, step, out + places[static_cast<ptrdiff_t>(y) * v.width + x]);
    });
}

}  // namespace skipvid
