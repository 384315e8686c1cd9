// Convolution over all channels of a group.
#include <algorithm>

#include "packing.hpp"

namespace skipvid {
namespace {

class ConvOp : public Op {
  public:
    const Kernels& kernels;
    ConvGeometry geometry;
    PackedConv packed;
    Buffer bias;

    ConvOp(const Kernels& k, const ConvGeometry& g) : kernels(k), geometry(g) {}
    std::vector<Tap> taps() const {
        std::vector<Tap> result;
        for (int y = 0; y < geometry.kernel_h; ++y)
            for (int x = 0; x < geometry.kernel_w; ++x)
                result.push_back({y * geometry.dilation_h, x * geometry.dilation_w});
        return result;
    }
    Halo halo(const TensorSpec& in) const override { return conv_halo(geometry, in); }
    bool limits_results() const override { return true; }
    std::unique_ptr<Node> bind(const std::vector<Map>& maps) const override;
};

class ConvNode : public Node {
  public:
    ConvNode(const ConvOp& op, const Map& in, int out_height) : op_(op), in_(in), out_height_(out_height) {
        vertical = op.geometry.vertical();
        horizontal = op.geometry.horizontal();
        fresh_ = fresh_pixels(op.geometry, in.view);
        walk_ = walk_window(op.packed, op.geometry, in.view);
        stride = conv_stride(op.kernels, op.packed);
        cost = static_cast<double>(op.packed.steps) * div_up(op.geometry.out_channels, op.kernels.lanes);
        granule = 24;
        weights = op.packed.weights.size();
        if (op.geometry.groups == 1) {  // small groups overlap in scratch
            parts = static_cast<int>(op.packed.panels.size());
            direct = op.geometry.out_channels % op.kernels.lanes == 0 && op.left().kind == Act::kIdentity;
        }
    }
    void footprint(BitMap& active) override { window_footprint(in_.changed, vertical, horizontal, active); }
    int rows_ready(int, int rows) const override {
        const ConvGeometry& g = op_.geometry;
        return ConvGeometry::window_rows(rows, in_.view.height, out_height_, g.kernel_h, g.stride_h, g.dilation_h,
                                         g.top);
    }
    void compute(Block block) const override {
        const ConvGeometry& g = op_.geometry;
        const Pixels& px = *block.pixels;
        const float* window[kMaxBlock];
        const float* anchor = in_.view.data - g.top * in_.view.row - g.left * in_.view.pixel;
        for (int i = 0; i < px.n; ++i)
            window[i] = anchor + px.y[i] * g.stride_h * in_.view.row + px.x[i] * g.stride_w * in_.view.pixel;
        run(block, window, {fresh_.data(), static_cast<int>(fresh_.size()), g.in_channels});
    }

    void compute_from(int, const float* rows, ptrdiff_t step, Block block) const override {
        const float* window[kMaxBlock];
        for (int i = 0; i < block.pixels->n; ++i) window[i] = rows + i * step;
        run(block, window, {});
    }

  private:
    void run(const Block& block, const float* const* window, Ahead ahead) const {
        const float* old[kMaxBlock];
        if (block.old != nullptr) {
            const Pixels& px = *block.pixels;
            for (int i = 0; i < px.n; ++i) old[i] = block.old->at(px.y[i], px.x[i]);
            ahead.old = old;
            ahead.channels = block.old->channels;
        }
        const auto panels = static_cast<int>(op_.packed.panels.size());
        const int first = panels * block.part / block.parts, last = panels * (block.part + 1) / block.parts;
        float* own[kMaxBlock];
        for (int i = 0; block.rows == nullptr && i < block.pixels->n; ++i)
            own[i] = block.scratch + static_cast<ptrdiff_t>(i) * stride;
        op_.kernels.conv({block.pixels->n, window, walk_.segments.data(), walk_.chunks.data(),
                          static_cast<int>(walk_.chunks.size()), op_.packed.panels.data() + first, last - first,
                          op_.bias.data(), block.rows == nullptr ? own : block.rows, op_.limits(), ahead});
    }

    const ConvOp& op_;
    const Map& in_;
    int out_height_;
    WindowWalk walk_;
    std::vector<ptrdiff_t> fresh_;
};

std::unique_ptr<Node> ConvOp::bind(const std::vector<Map>& maps) const {
    return std::make_unique<ConvNode>(*this, maps[inputs[0]], maps[output].view.height);
}

}  // namespace

std::unique_ptr<Op> make_conv(const Plan& plan, int output, const ConvGeometry& g, const float* weight,
                              const float* bias) {
    if (g.depthwise()) return make_depthwise(plan, g, weight, bias);
    auto op = std::make_unique<ConvOp>(plan.kernels(), g);
    const int tap_count = g.kernel_h * g.kernel_w, in = g.in_per_group();
    const int lanes = plan.kernels().lanes;
    op->packed = pack_conv(plan.kernels(), g, op->taps(), [&](int o, int c, int t) {
        return weight[(static_cast<size_t>(o) * in + c) * tap_count + t];
    });
    op->bias = Buffer(g.out_channels + 4 * lanes);
    std::copy_n(bias, g.out_channels, op->bias.data());
    const TensorSpec& out = plan.spec(output);
    op->macs = static_cast<double>(out.height) * out.width * g.out_channels * in * tap_count;
    return op;
}

}  // namespace skipvid
