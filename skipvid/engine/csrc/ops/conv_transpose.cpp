// Transposed convolution by output phase: the outputs with equal (o + pad) mod stride share their taps, and among
// themselves are a plain convolution of stride 1. Inputs beyond the map are read from its border of zeros.
#include <algorithm>

#include "packing.hpp"

namespace skipvid {
namespace {

struct Phase {
    PackedConv packed;
    Buffer depthwise;
};

class TransposeOp : public Op {
  public:
    const Kernels& kernels;
    ConvGeometry geometry;
    std::vector<Phase> phases;  // [row phase][column phase]
    Buffer bias;
    int out_height = 0, out_width = 0;

    TransposeOp(const Kernels& k, const ConvGeometry& g) : kernels(k), geometry(g) {}
    // Before: taps reach (kernel - 1) * dilation / stride back; behind: an output may lie beyond the last input.
    Halo halo(const TensorSpec& in) const override {
        const ConvGeometry& g = geometry;
        return {(g.kernel_h - 1) * g.dilation_h / g.stride_h, (g.kernel_w - 1) * g.dilation_w / g.stride_w,
                std::max(0, (out_height - 1 + g.top) / g.stride_h - (in.height - 1)),
                std::max(0, (out_width - 1 + g.left) / g.stride_w - (in.width - 1))};
    }
    std::unique_ptr<Node> bind(const std::vector<Map>& maps) const override;
};

class TransposeNode : public Node {
  public:
    TransposeNode(const TransposeOp& op, const Map& in) : op_(op), in_(in) {
        const ConvGeometry& g = op.geometry;
        stride = round_up(g.out_channels, 16);
        const double vectors = div_up(g.out_channels, op.kernels.lanes);
        for (const Phase& phase : op.phases) {
            walks_.push_back(g.depthwise() ? WindowWalk{} : walk_window(phase.packed, g, in.view));
            offsets_.emplace_back();
            for (const Tap& tap : phase.packed.taps)
                offsets_.back().push_back(tap.dy * in.view.row + tap.dx * in.view.pixel);
            if (!g.depthwise()) stride = std::max(stride, conv_stride(op.kernels, phase.packed));
            const double steps = g.depthwise() ? static_cast<double>(phase.packed.taps.size()) : phase.packed.steps;
            cost += steps * vectors / static_cast<double>(op.phases.size());
        }
        granule = 24;
    }
    void footprint(BitMap& active) override {
        const ConvGeometry& g = op_.geometry;
        transposed_footprint(in_.changed, {g.kernel_h, g.stride_h, g.dilation_h, g.top},
                             {g.kernel_w, g.stride_w, g.dilation_w, g.left}, active);
    }
    void compute(Block block) const override {
        const ConvGeometry& g = op_.geometry;
        Pixels& px = *block.pixels;
        const Pixels all = px;
        int n = 0;
        for (int phase = 0; phase < g.stride_h * g.stride_w; ++phase) {
            const int begin = n;
            const float* window[kMaxBlock];
            for (int i = 0; i < all.n; ++i) {
                const int y = all.y[i] + g.top, x = all.x[i] + g.left;
                if (y % g.stride_h * g.stride_w + x % g.stride_w != phase) continue;
                window[n - begin] = in_.view.at(y / g.stride_h, x / g.stride_w);
                px.y[n] = all.y[i];
                px.x[n++] = all.x[i];
            }
            if (n > begin) run(phase, n - begin, window, block.scratch + static_cast<ptrdiff_t>(begin) * stride);
        }
    }

  private:
    void run(int number, int pixels, const float* const* window, float* scratch) const {
        const Phase& phase = op_.phases[number];
        const WindowWalk& walk = walks_[number];
        if (op_.geometry.depthwise()) {
            op_.kernels.depthwise({pixels,
                                   window,
                                   offsets_[number].data(),
                                   static_cast<int>(offsets_[number].size()),
                                   phase.depthwise.data(),
                                   op_.bias.data(),
                                   op_.geometry.out_channels,
                                   scratch,
                                   stride,
                                   {}});
        } else {
            float* rows[kMaxBlock];
            for (int i = 0; i < pixels; ++i) rows[i] = scratch + static_cast<ptrdiff_t>(i) * stride;
            op_.kernels.conv({pixels,
                              window,
                              walk.segments.data(),
                              walk.chunks.data(),
                              static_cast<int>(walk.chunks.size()),
                              phase.packed.panels.data(),
                              static_cast<int>(phase.packed.panels.size()),
                              op_.bias.data(),
                              rows,
                              {},
                              {}});
        }
    }
    const TransposeOp& op_;
    const Map& in_;
    std::vector<WindowWalk> walks_;
    std::vector<std::vector<ptrdiff_t>> offsets_;
};

std::unique_ptr<Node> TransposeOp::bind(const std::vector<Map>& maps) const {
    return std::make_unique<TransposeNode>(*this, maps[inputs[0]]);
}

}  // namespace

std::unique_ptr<Op> make_conv_transpose(const Plan& plan, int output, const ConvGeometry& g, const float* weight,
                                        const float* bias) {
    auto op = std::make_unique<TransposeOp>(plan.kernels(), g);
    const int out = g.out_per_group(), lanes = plan.kernels().lanes;
    for (int py = 0; py < g.stride_h; ++py)
        for (int px = 0; px < g.stride_w; ++px) {
            // Output o + pad = stride * a + phase reads input a - (k*dilation - phase) / stride for the taps k that
            // divide.
            std::vector<Tap> taps;
            std::vector<int> source;
            for (int ky = 0; ky < g.kernel_h; ++ky)
                for (int kx = 0; kx < g.kernel_w; ++kx) {
                    const int dy = py - ky * g.dilation_h, dx = px - kx * g.dilation_w;
                    if (dy % g.stride_h != 0 || dx % g.stride_w != 0) continue;
                    taps.push_back({dy / g.stride_h, dx / g.stride_w});
                    source.push_back(ky * g.kernel_w + kx);
                }
            const int tap_count = g.kernel_h * g.kernel_w;
            Phase phase;
            if (g.depthwise()) {
                const int padded = round_up(g.out_channels, lanes);
                phase.depthwise = Buffer(taps.size() * padded);
                for (size_t t = 0; t < taps.size(); ++t)
                    for (int c = 0; c < g.out_channels; ++c)
                        phase.depthwise[t * padded + c] = weight[c * tap_count + source[t]];
                phase.packed.taps = taps;
            } else {
                phase.packed = pack_conv(plan.kernels(), g, taps, [&](int o, int c, int t) {
                    const int in_channel = o / out * g.in_per_group() + c;
                    return weight[(static_cast<size_t>(in_channel) * out + o % out) * tap_count + source[t]];
                });
            }
            op->phases.push_back(std::move(phase));
        }
    op->bias = Buffer(g.out_channels + 4 * lanes);
    std::copy_n(bias, g.out_channels, op->bias.data());
    op->out_height = plan.spec(output).height;
    op->out_width = plan.spec(output).width;
    return op;
}

}  // namespace skipvid
