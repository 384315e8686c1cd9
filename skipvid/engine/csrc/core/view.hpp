// A feature map in memory: (height, width, channels) float32 inside a buffer with a halo and, possibly, other channels.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace skipvid {

struct View {
    float* data = nullptr;  // pixel (0, 0), channel 0; rows and columns of zeros lie before and behind
    ptrdiff_t row = 0;      // floats from a pixel to the one below
    ptrdiff_t pixel = 0;    // floats from a pixel to its right neighbour; more than `channels` in a slice of a concat
    int height = 0;
    int width = 0;
    int channels = 0;

    float* at(int y, int x) const { return data + y * row + x * pixel; }
};

// Most pixels a work item holds. Blocks are multiples of 24 where possible, which every tile height divides.
constexpr int kMaxBlock = 96;

// Pixels of an output map, in raster order.
struct Pixels {
    int n = 0;
    int16_t y[kMaxBlock];
    int16_t x[kMaxBlock];

    void add(int row, int column) {
        y[n] = static_cast<int16_t>(row);
        x[n++] = static_cast<int16_t>(column);
    }
    // Those from number `begin` to before number `end`.
    Pixels part(int begin, int end) const {
        Pixels result;
        result.n = end - begin;
        std::copy_n(y + begin, result.n, result.y);
        std::copy_n(x + begin, result.n, result.x);
        return result;
    }
};

constexpr int round_up(int value, int multiple) { return (value + multiple - 1) / multiple * multiple; }
constexpr int div_up(int a, int b) { return (a + b - 1) / b; }

}  // namespace skipvid
