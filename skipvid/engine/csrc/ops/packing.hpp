// Weights of a convolution as panels of vector width, and the walk through a pixel's window.
#pragma once

#include <vector>

#include "../core/buffer.hpp"
#include "../core/view.hpp"
#include "ops.hpp"

namespace skipvid {

// A tap of the window: where it lies, in pixels from the anchor.
struct Tap {
    int dy, dx;
};

struct PackedConv {
    Buffer weights;
    std::vector<Panel> panels;
    std::vector<Tap> taps;
    int steps = 0;  // of the reduction: taps x channels per group
};

// weight_at(output channel, input channel within the group, tap).
template <class WeightAt>
PackedConv pack_conv(const Kernels& kernels, const ConvGeometry& g, std::vector<Tap> taps, const WeightAt& weight_at) {
    PackedConv packed;
    packed.taps = std::move(taps);
    const int tap_count = static_cast<int>(packed.taps.size());
    const int in = g.in_per_group(), out = g.out_per_group(), lanes = kernels.lanes;
    packed.steps = tap_count * in;
    size_t floats = 0;
    std::vector<size_t> starts;
    for (int group = 0; group < g.groups; ++group)
        for (int done = 0, left = div_up(out, lanes); left > 0;) {
            // Full panels, and at the end one wider or narrower: whatever keeps the registers busy.
            const int vectors = left <= kernels.max_vectors ? left : kernels.main_vectors;
            packed.panels.push_back({nullptr, vectors, group * out + done * lanes, static_cast<ptrdiff_t>(group) * in});
            starts.push_back(floats);
            floats += static_cast<size_t>(vectors) * lanes * packed.steps;
            done += vectors;
            left -= vectors;
        }
    packed.weights = Buffer(floats);
    for (size_t p = 0; p < packed.panels.size(); ++p) {
        Panel& panel = packed.panels[p];
        float* to = packed.weights.data() + starts[p];
        panel.weights = to;
        const int group = static_cast<int>(panel.source) / (in > 0 ? in : 1);
        const int end = (group + 1) * out;
        for (int t = 0; t < tap_count; ++t)
            for (int c = 0; c < in; ++c)
                for (int k = 0; k < panel.vectors * lanes; ++k, ++to)
                    if (panel.channel + k < end) *to = weight_at(panel.channel + k, c, t);
    }
    return packed;
}

// The walk of a window through a map, cut into chunks of the reduction.
struct WindowWalk {
    std::vector<Segment> segments;
    std::vector<Chunk> chunks;
};
WindowWalk walk_window(const PackedConv& packed, const ConvGeometry& geometry, const View& in);

// Offsets, from a window's anchor, of the pixels that the window does not share with those to the left and above; none
// where the map fits into the caches.
std::vector<ptrdiff_t> fresh_pixels(const ConvGeometry& geometry, const View& in);

// Zeros that a convolution reads around its input.
Halo conv_halo(const ConvGeometry& geometry, const TensorSpec& in);

// Scratch floats per pixel: panels write whole vectors, those of small groups beyond the last channel.
int conv_stride(const Kernels& kernels, const PackedConv& packed);

}  // namespace skipvid
