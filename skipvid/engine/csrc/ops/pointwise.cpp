// Operators whose output pixel reads the same pixel of its inputs: unary, binary, softmax.
#include <algorithm>

#include "ops.hpp"

namespace skipvid {
namespace {

static_assert(kMaxBlock <= kMaxPixels, "every block must fit into one commit");

class UnaryOp : public Op {
  public:
    int lanes = 1;
    std::unique_ptr<Node> bind(const std::vector<Map>& maps) const override;
};

// The values pass through the scratch area unchanged; the commit applies the function.
class UnaryNode : public Node {
  public:
    UnaryNode(const UnaryOp& op, const Map& in) : in_(in) {
        stride = round_up(in.view.channels, 16);
        cost = 6.0 * div_up(in.view.channels, op.lanes);
    }
    void footprint(BitMap& active) override { active.add(in_.changed); }
    int rows_ready(int, int rows) const override { return rows; }
    void compute(Block block) const override {
        const Pixels& px = *block.pixels;
        for (int i = 0; i < px.n; ++i)
            std::copy_n(in_.view.at(px.y[i], px.x[i]), in_.view.channels,
                        block.scratch + static_cast<ptrdiff_t>(i) * stride);
    }

  private:
    const Map& in_;
};

std::unique_ptr<Node> UnaryOp::bind(const std::vector<Map>& maps) const {
    return std::make_unique<UnaryNode>(*this, maps[inputs[0]]);
}

class BinaryOp : public Op {
  public:
    const Kernels& kernels;
    BinaryKind binary;
    TensorSpec out;
    Buffer value;  // the constant
    View constant;
    bool constant_first = false;

    BinaryOp(const Kernels& k, BinaryKind b, TensorSpec o) : kernels(k), binary(b), out(o) {}
    std::unique_ptr<Node> bind(const std::vector<Map>& maps) const override;
};

// An operand, with steps of zero where it broadcasts over space.
View broadcast(View view, const TensorSpec& out) {
    if (view.height == 1 && out.height > 1) view.row = 0;
    if (view.width == 1 && out.width > 1) view.pixel = 0;
    return view;
}

class BinaryNode : public Node {
  public:
    BinaryNode(const BinaryOp& op, const std::vector<Map>& maps) : op_(op) {
        for (const int tensor : op.inputs) {
            maps_.push_back(&maps[tensor]);
            operands_.push_back(broadcast(maps[tensor].view, op.out));
        }
        if (op.constant.data != nullptr)
            operands_.insert(op.constant_first ? operands_.begin() : operands_.end(), broadcast(op.constant, op.out));
        stride = round_up(op.out.channels, 16);
        cost = 6.0 * div_up(op.out.channels, op.kernels.lanes);
    }
    int rows_ready(int input, int rows) const override {
        return maps_[input]->view.height == op_.out.height ? rows : -1;
    }
    void footprint(BitMap& active) override {
        for (const Map* map : maps_) {
            if (map->changed.empty()) continue;
            if (map->view.height == op_.out.height && map->view.width == op_.out.width)
                active.add(map->changed);
            else
                active.fill();
        }
    }
    void compute(Block block) const override {
        const float *a[kMaxBlock], *b[kMaxBlock];
        point(0, block, a);
        point(1, block, b);
        run(block, a, b);
    }
    void compute_from(int input, const float* rows, ptrdiff_t step, Block block) const override {
        const float *given[kMaxBlock], *other[kMaxBlock];
        for (int i = 0; i < block.pixels->n; ++i) given[i] = rows + i * step;
        point(1 - input, block, other);
        run(block, input == 0 ? given : other, input == 0 ? other : given);
    }

  private:
    void point(int operand, const Block& block, const float** to) const {
        const Pixels& px = *block.pixels;
        for (int i = 0; i < px.n; ++i) to[i] = operands_[operand].at(px.y[i], px.x[i]);
    }
    void run(const Block& block, const float* const* a, const float* const* b) const {
        op_.kernels.binary({block.pixels->n, op_.out.channels, op_.binary, a, b, operands_[0].channels == 1,
                            operands_[1].channels == 1, block.scratch, stride});
    }

    const BinaryOp& op_;
    std::vector<const Map*> maps_;
    std::vector<View> operands_;
};

std::unique_ptr<Node> BinaryOp::bind(const std::vector<Map>& maps) const {
    return std::make_unique<BinaryNode>(*this, maps);
}

class SoftmaxOp : public Op {
  public:
    const Kernels& kernels;
    int groups;
    SoftmaxOp(const Kernels& k, int g) : kernels(k), groups(g) {}
    std::unique_ptr<Node> bind(const std::vector<Map>& maps) const override;
};

class SoftmaxNode : public Node {
  public:
    SoftmaxNode(const SoftmaxOp& op, const Map& in) : op_(op), in_(in) {
        stride = round_up(in.view.channels, 16);
        cost = 40.0 * op.groups * div_up(in.view.channels / op.groups, op.kernels.lanes);
    }
    void footprint(BitMap& active) override { active.add(in_.changed); }
    int rows_ready(int, int rows) const override { return rows; }
    void compute(Block block) const override {
        const Pixels& px = *block.pixels;
        const float* source[kMaxBlock];
        for (int i = 0; i < px.n; ++i) source[i] = in_.view.at(px.y[i], px.x[i]);
        op_.kernels.softmax({px.n, in_.view.channels, op_.groups, source, block.scratch, stride});
    }

  private:
    const SoftmaxOp& op_;
    const Map& in_;
};

std::unique_ptr<Node> SoftmaxOp::bind(const std::vector<Map>& maps) const {
    return std::make_unique<SoftmaxNode>(*this, maps[inputs[0]]);
}

}  // namespace

std::unique_ptr<Op> make_unary(const Plan& plan, int) {
    auto op = std::make_unique<UnaryOp>();
    op->lanes = plan.kernels().lanes;
    return op;
}

std::unique_ptr<Op> make_binary(const Plan& plan, int output, BinaryKind kind, const ConstantOperand& constant) {
    auto op = std::make_unique<BinaryOp>(plan.kernels(), kind, plan.spec(output));
    if (constant.value != nullptr) {
        const size_t size = static_cast<size_t>(constant.height) * constant.width * constant.channels;
        op->value = Buffer(size);
        std::copy_n(constant.value, size, op->value.data());
        op->constant = {op->value.data(),  static_cast<ptrdiff_t>(constant.width) * constant.channels,
                        constant.channels, constant.height,
                        constant.width,    constant.channels};
        op->constant_first = constant.first;
    }
    return op;
}

std::unique_ptr<Op> make_softmax(const Plan& plan, int, int groups) {
    return std::make_unique<SoftmaxOp>(plan.kernels(), groups);
}

}  // namespace skipvid
