// Depthwise convolution: one input channel per output channel.
#include <algorithm>

#include "packing.hpp"

namespace skipvid {
namespace {

class DepthwiseOp : public Op {
  public:
    const Kernels& kernels;
    ConvGeometry geometry;
    Buffer weights;  // [tap][padded channel]
    Buffer bias;

    DepthwiseOp(const Kernels& k, const ConvGeometry& g) : kernels(k), geometry(g) {}
    Halo halo(const TensorSpec& in) const override { return conv_halo(geometry, in); }
    bool limits_results() const override { return true; }
    std::unique_ptr<Node> bind(const std::vector<Map>& maps) const override {
        return bind_to(maps[inputs[0]], maps[output].view.height);
    }
    std::unique_ptr<Node> bind_to(const Map& input, int out_height) const override;
};

class DepthwiseNode : public Node {
  public:
    DepthwiseNode(const DepthwiseOp& op, const Map& in, int out_height) : op_(op), in_(in), out_height_(out_height) {
        const ConvGeometry& g = op.geometry;
        vertical = g.vertical();
        horizontal = g.horizontal();
        for (int y = 0; y < g.kernel_h; ++y)
            for (int x = 0; x < g.kernel_w; ++x)
                taps_.push_back(y * g.dilation_h * in.view.row + x * g.dilation_w * in.view.pixel);
        stride = round_up(g.out_channels, 16);
        // Neighbours share what they load, so that a multiply-add costs about half of one of a dense convolution.
        cost = (0.5 * static_cast<double>(taps_.size()) + 4.0) * div_up(g.out_channels, op.kernels.lanes);
    }
    void footprint(BitMap& active) override { window_footprint(in_.changed, vertical, horizontal, active); }
    int rows_ready(int, int rows) const override {
        const ConvGeometry& g = op_.geometry;
        return ConvGeometry::window_rows(rows, in_.view.height, out_height_, g.kernel_h, g.stride_h, g.dilation_h,
                                         g.top);
    }
    void compute(Block block) const override { compute_at(in_.view.data, block); }
    void compute_at(const float* origin, Block block) const override {
        const ConvGeometry& g = op_.geometry;
        const View& v = in_.view;
        const Pixels& px = *block.pixels;
        const float* window[kMaxBlock];
        const float* anchor = origin - g.top * v.row - g.left * v.pixel;
        const ptrdiff_t down = g.stride_h * v.row, right = g.stride_w * v.pixel;
        for (int i = 0; i < px.n; ++i) window[i] = anchor + px.y[i] * down + px.x[i] * right;
        op_.kernels.depthwise({px.n, window, taps_.data(), static_cast<int>(taps_.size()), op_.weights.data(),
                               op_.bias.data(), g.out_channels, block.scratch, stride, op_.limits(), g.kernel_h,
                               g.kernel_w, g.dilation_h * v.row, g.dilation_w * v.pixel, right});
    }

  private:
    const DepthwiseOp& op_;
    const Map& in_;
    int out_height_;
    std::vector<ptrdiff_t> taps_;
};

std::unique_ptr<Node> DepthwiseOp::bind_to(const Map& input, int out_height) const {
    return std::make_unique<DepthwiseNode>(*this, input, out_height);
}

}  // namespace

std::unique_ptr<Op> make_depthwise(const Plan& plan, const ConvGeometry& g, const float* weight, const float* bias) {
    auto op = std::make_unique<DepthwiseOp>(plan.kernels(), g);
    const int taps = g.kernel_h * g.kernel_w, padded = round_up(g.out_channels, plan.kernels().lanes);
    op->weights = Buffer(static_cast<size_t>(taps) * padded);
    for (int t = 0; t < taps; ++t)
        for (int c = 0; c < g.out_channels; ++c)
            op->weights[static_cast<size_t>(t) * padded + c] = weight[c * taps + t];
    op->bias = Buffer(padded);
    std::copy_n(bias, g.out_channels, op->bias.data());
    return op;
}

}  // namespace skipvid
