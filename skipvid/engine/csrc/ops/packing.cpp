#include "packing.hpp"

#include <algorithm>

namespace skipvid {
namespace {
// Steps of the reduction per chunk: a panel of 16 channels then takes 20 KB of the first-level cache.
constexpr int kChunkSteps = 320;
// Floats of a map that the second-level cache keeps.
constexpr ptrdiff_t kCachedFloats = 64 * 1024;
}  // namespace

WindowWalk walk_window(const PackedConv& packed, const ConvGeometry& g, const View& in) {
    WindowWalk walk;
    const int per_tap = g.in_per_group();
    // Cut only where each output channel belongs to one panel: small groups overlap in the scratch area.
    const int chunk_count = g.groups > 1 ? 1 : std::max(1, (packed.steps + kChunkSteps / 2) / kChunkSteps);
    int done = 0, chunk_end = 0;
    for (const Tap& tap : packed.taps) {
        ptrdiff_t offset = tap.dy * in.row + tap.dx * in.pixel;
        for (int left = per_tap; left > 0;) {
            if (done == chunk_end) {
                walk.chunks.push_back({static_cast<int>(walk.segments.size()), 0, done});
                const auto number = static_cast<int64_t>(walk.chunks.size());
                chunk_end = static_cast<int>(packed.steps * number / chunk_count);
            }
            const int length = std::min(left, chunk_end - done);
            Chunk& chunk = walk.chunks.back();
            Segment* last = chunk.segments > 0 ? &walk.segments.back() : nullptr;
            if (last != nullptr && last->offset + last->length == offset) {
                last->length += length;  // neighbouring pixels without a gap: one stretch
            } else {
                walk.segments.push_back({offset, length});
                ++chunk.segments;
            }
            offset += length;
            done += length;
            left -= length;
        }
    }
    if (walk.chunks.empty()) walk.chunks.push_back({0, 0, 0});  // no tap: the bias alone
    return walk;
}

std::vector<ptrdiff_t> fresh_pixels(const ConvGeometry& g, const View& in) {
    std::vector<ptrdiff_t> offsets;
    if (in.row * in.height < kCachedFloats) return offsets;
    for (int ky = std::max(0, g.kernel_h - g.stride_h); ky < g.kernel_h; ++ky)
        for (int kx = std::max(0, g.kernel_w - g.stride_w); kx < g.kernel_w; ++kx)
            offsets.push_back(ky * g.dilation_h * in.row + kx * g.dilation_w * in.pixel);
    return offsets;
}

Halo conv_halo(const ConvGeometry& g, const TensorSpec& in) {
    // The last window may end before the padding does.
    const auto behind = [](int size, int before, int after, int kernel, int dilation, int stride) {
        const int reach = (kernel - 1) * dilation, outputs = (size + before + after - reach - 1) / stride + 1;
        return std::max(0, (outputs - 1) * stride - before + reach - (size - 1));
    };
    return {std::max(0, g.top), std::max(0, g.left),
            behind(in.height, g.top, g.bottom, g.kernel_h, g.dilation_h, g.stride_h),
            behind(in.width, g.left, g.right, g.kernel_w, g.dilation_w, g.stride_w)};
}

int conv_stride(const Kernels& kernels, const PackedConv& packed) {
    int stride = 0;
    for (const Panel& panel : packed.panels) stride = std::max(stride, panel.channel + panel.vectors * kernels.lanes);
    return round_up(stride, 16);
}

}  // namespace skipvid
