// A depthwise convolution and the pointwise one behind it as one operator: what lies between them exists in scratch only.
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
    }
    void footprint(BitMap& active) override { second_->footprint(active); }
    int rows_ready(int input, int rows) const override { return second_->rows_ready(input, rows); }
    void compute(Block block) const override {
        const int n = block.pixels->n;
        float* between = block.scratch + static_cast<ptrdiff_t>(n) * stride;
        first_.compute({block.pixels, between});
        float* row[kMaxBlock];
        for (int i = 0; i < n; ++i) row[i] = between + static_cast<ptrdiff_t>(i) * extra;
        kernels_.commit({n, channels_, row, between, extra, op_.activation, CommitMode::kRefresh, NormKind::kMax, 0.0f,
                         nullptr});
        second_->compute_from(between, extra, block);
    }

  private:
    const Kernels& kernels_;
    const Node& first_;
    const Op& op_;
    int channels_;
    std::unique_ptr<Node> second_;
};

}  // namespace

std::unique_ptr<Node> join(const Plan& plan, const Node& first, const Op& op, std::unique_ptr<Node> second) {
    return std::make_unique<JoinedNode>(plan.kernels(), first, op, plan.spec(op.output).channels, std::move(second));
}

}  // namespace skipvid
