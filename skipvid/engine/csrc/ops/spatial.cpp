// Pools, resampling, and the seat of dense islands.
#include <algorithm>

#include "ops.hpp"

namespace skipvid {
namespace {

class PoolOp : public Op {
  public:
    const Kernels& kernels;
    PoolGeometry geometry;
    PoolOp(const Kernels& k, const PoolGeometry& g) : kernels(k), geometry(g) {}
    std::unique_ptr<Node> bind(const std::vector<Map>& maps) const override;
};

class PoolNode : public Node {
  public:
    PoolNode(const PoolOp& op, const Map& in, int out_height) : op_(op), in_(in), out_height_(out_height) {
        stride = round_up(in.view.channels, 16);
        cost = static_cast<double>(op.geometry.kernel_h * op.geometry.kernel_w + 4) *
               div_up(in.view.channels, op.kernels.lanes);
    }
    void footprint(BitMap& active) override {
        const PoolGeometry& g = op_.geometry;
        window_footprint(in_.changed, {g.kernel_h, g.stride_h, g.dilation_h, g.top},
                         {g.kernel_w, g.stride_w, g.dilation_w, g.left}, active);
    }
    int rows_ready(int, int rows) const override {
        const PoolGeometry& g = op_.geometry;
        return ConvGeometry::window_rows(rows, in_.view.height, out_height_, g.kernel_h, g.stride_h, g.dilation_h,
                                         g.top);
    }
    void compute(Block block) const override {
        const PoolGeometry& g = op_.geometry;
        const View& v = in_.view;
        const Pixels& px = *block.pixels;
        op_.kernels.pool({v.data,     v.row,      v.pixel,    v.height,      v.width,      v.channels,
                          g.kernel_h, g.kernel_w, g.stride_h, g.stride_w,    g.dilation_h, g.dilation_w,
                          g.top,      g.left,     g.bottom,   g.right,       g.average,    g.count_pads,
                          px.n,       px.y,       px.x,       block.scratch, stride});
    }

  private:
    const PoolOp& op_;
    const Map& in_;
    int out_height_;
};

std::unique_ptr<Node> PoolOp::bind(const std::vector<Map>& maps) const {
    return std::make_unique<PoolNode>(*this, maps[inputs[0]], maps[output].view.height);
}

class GlobalPoolOp : public Op {
  public:
    const Kernels& kernels;
    bool average;
    GlobalPoolOp(const Kernels& k, bool a) : kernels(k), average(a) {}
    OpKind kind() const override { return OpKind::kGlobalPool; }
    std::unique_ptr<Node> bind(const std::vector<Map>& maps) const override;
};

// Keeps one sum per row and redoes those of rows that changed; rows are added from top to bottom whatever changed, so
// that the bits do not depend on history.
class GlobalPoolNode : public Node {
  public:
    GlobalPoolNode(const GlobalPoolOp& op, const Map& in) : op_(op), in_(in) {
        stride = round_up(in.view.channels, 16);
        rows_ = Buffer(static_cast<size_t>(stride) * in.view.height);
        cost = static_cast<double>(in.view.height) * in.view.width * div_up(in.view.channels, op.kernels.lanes);
        fresh_ = true;
    }
    void footprint(BitMap& active) override {
        if (!in_.changed.empty()) active.fill();
    }
    void compute(Block block) const override {
        const View& v = in_.view;
        float* out = block.scratch;
        for (int y = 0; y < v.height; ++y) {
            if (!fresh_ && !in_.changed.holds(y, 0, v.width)) continue;
            op_.kernels.reduce_row(v.at(y, 0), v.pixel, v.width, v.channels, !op_.average,
                                   rows_.data() + static_cast<size_t>(y) * stride);
        }
        fresh_ = false;
        std::copy_n(rows_.data(), v.channels, out);
        for (int y = 1; y < v.height; ++y) {
            const float* row = rows_.data() + static_cast<size_t>(y) * stride;
            for (int c = 0; c < v.channels; ++c)
                out[c] = op_.average ? out[c] + row[c] : (row[c] > out[c] ? row[c] : out[c]);
        }
        if (op_.average)
            for (int c = 0; c < v.channels; ++c) out[c] /= static_cast<float>(v.height * v.width);
    }

  private:
    const GlobalPoolOp& op_;
    const Map& in_;
    mutable Buffer rows_;  // the output is one pixel: a single thread computes it
    mutable bool fresh_ = true;
};

std::unique_ptr<Node> GlobalPoolOp::bind(const std::vector<Map>& maps) const {
    return std::make_unique<GlobalPoolNode>(*this, maps[inputs[0]]);
}

class ResampleOp : public Op {
  public:
    const Kernels& kernels;
    ResampleTables tables;
    Reach rows, columns;
    ResampleOp(const Kernels& k, ResampleTables t) : kernels(k), tables(std::move(t)) {}
    std::unique_ptr<Node> bind(const std::vector<Map>& maps) const override;
};

class ResampleNode : public Node {
  public:
    ResampleNode(const ResampleOp& op, const Map& in) : op_(op), in_(in) {
        stride = round_up(in.view.channels, 16);
        cost = static_cast<double>(op.tables.row_taps * op.tables.col_taps + 4) *
               div_up(in.view.channels, op.kernels.lanes);
    }
    void footprint(BitMap& active) override { resample_footprint(in_.changed, op_.rows, op_.columns, active); }
    void compute(Block block) const override {
        const ResampleTables& t = op_.tables;
        const View& v = in_.view;
        const Pixels& px = *block.pixels;
        op_.kernels.resample({v.data, v.row, v.pixel, v.channels, t.row_taps, t.col_taps, t.row_index.data(),
                              t.row_weight.data(), t.col_index.data(), t.col_weight.data(), t.fill, px.n, px.y, px.x,
                              block.scratch, stride});
    }

  private:
    const ResampleOp& op_;
    const Map& in_;
};

std::unique_ptr<Node> ResampleOp::bind(const std::vector<Map>& maps) const {
    return std::make_unique<ResampleNode>(*this, maps[inputs[0]]);
}

class IslandOp : public Op {
  public:
    OpKind kind() const override { return OpKind::kIsland; }
    std::unique_ptr<Node> bind(const std::vector<Map>& maps) const override;
};

class IslandNode : public Node {
  public:
    explicit IslandNode(std::vector<const Map*> inputs) : inputs_(std::move(inputs)) {}
    void footprint(BitMap& active) override {
        for (const Map* map : inputs_)
            if (!map->changed.empty()) active.fill();
    }
    void compute(Block) const override {}

  private:
    std::vector<const Map*> inputs_;
};

std::unique_ptr<Node> IslandOp::bind(const std::vector<Map>& maps) const {
    std::vector<const Map*> read;
    for (const int tensor : inputs) read.push_back(&maps[tensor]);
    return std::make_unique<IslandNode>(std::move(read));
}

}  // namespace

std::unique_ptr<Op> make_pool(const Plan& plan, int, const PoolGeometry& geometry) {
    return std::make_unique<PoolOp>(plan.kernels(), geometry);
}

std::unique_ptr<Op> make_global_pool(const Plan& plan, int, bool average) {
    return std::make_unique<GlobalPoolOp>(plan.kernels(), average);
}

std::unique_ptr<Op> make_resample(const Plan& plan, int input, int output, ResampleTables tables) {
    const TensorSpec &in = plan.spec(input), &out = plan.spec(output);
    auto op = std::make_unique<ResampleOp>(plan.kernels(), std::move(tables));
    const ResampleTables& t = op->tables;
    op->rows = Reach::invert(t.row_index.data(), t.row_weight.data(), out.height, t.row_taps, in.height);
    op->columns = Reach::invert(t.col_index.data(), t.col_weight.data(), out.width, t.col_taps, in.width);
    return op;
}

std::unique_ptr<Op> make_island(const std::vector<int>& extra_outputs, double macs) {
    auto op = std::make_unique<IslandOp>();
    op->extra_outputs = extra_outputs;
    op->macs = macs;
    return op;
}

}  // namespace skipvid
