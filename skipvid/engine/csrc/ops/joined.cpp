// A depthwise convolution and the pointwise one behind it as one operator: what lies between them exists in scratch
// only.
#include <algorithm>

#include "ops.hpp"

namespace skipvid {
namespace {

class JoinedNode : public Node {
  public:
    JoinedNode(const Kernels& kernels, const Node& first, const Op& op, int channels, std::unique_ptr<Node> second)
        : kernels_(kernels), first_(first), op_(op), channels_(channels), second_(std::move(second)) {
        stride = second_->stride;
        extra = first.stride;
        cost = first.cost + second_->cost;
        granule = second_->granule;
        weights = second_->weights;
        parts = second_->parts;
        direct = second_->direct;
    }
    void footprint(BitMap& active) override { second_->footprint(active); }
    int rows_ready(int input, int rows) const override { return second_->rows_ready(input, rows); }
    void compute(Block block) const override {
        if (block.parts == 1) prepare(block);
        second_->compute_from(0, between(block), extra, block);
    }
    void prepare(Block block) const override {
        const int n = block.pixels->n, begin = n * block.part / block.parts, end = n * (block.part + 1) / block.parts;
        Pixels share = block.pixels->part(begin, end);
        float* values = between(block) + static_cast<ptrdiff_t>(begin) * extra;
        first_.compute({&share, values});
        activate_rows(kernels_, op_.left(), channels_, share.n, values, extra);
    }

  private:
    float* between(const Block& block) const {
        return block.scratch + static_cast<ptrdiff_t>(block.pixels->n) * stride;
    }

    const Kernels& kernels_;
    const Node& first_;
    const Op& op_;
    int channels_;
    std::unique_ptr<Node> second_;
};

}  // namespace

void activate_rows(const Kernels& kernels, const Activation& f, int channels, int rows, float* values, ptrdiff_t step) {
    if (f.kind == Act::kIdentity) return;
    float* row[kMaxBlock];
    for (int i = 0; i < rows; ++i) row[i] = values + i * step;
    kernels.commit({rows, channels, row, values, step, f, CommitMode::kRefresh, NormKind::kMax, 0.0f, nullptr});
}

std::unique_ptr<Node> join(const Plan& plan, const Node& first, const Op& op, std::unique_ptr<Node> second) {
    return std::make_unique<JoinedNode>(plan.kernels(), first, op, plan.spec(op.output).channels, std::move(second));
}

}  // namespace skipvid
