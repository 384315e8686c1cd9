// The active pixels of an operator in blocks: divided among the threads, computed, committed while they are hot.
#include <algorithm>

#include "commit.hpp"
#include "stream.hpp"
#include "threads.hpp"

namespace skipvid {
namespace {

constexpr double kForkCost = 16000.0;       // vector multiply-adds that take as long as waking another thread is worth
constexpr double kBlockCost = 10000.0;      // and those of a block worth claiming by itself
constexpr double kPixelCost = 12.0;         // overhead per pixel: list, pointers, commit
constexpr size_t kManyWeights = 32 * 1024;  // floats: more than the first-level cache holds beside the rest

}  // namespace

Stream::Work Stream::divide(const Node& node, int64_t pixels) const {
    const double pixel_cost = node.cost + kPixelCost, cost = pixel_cost * static_cast<double>(pixels);
    const int threads = cost < kForkCost ? 1 : threads_;
    int block = std::min<int>(kMaxBlock, block_floats_ / std::max(1, node.stride + node.extra));
    if (threads > 1) {
        // Enough blocks to balance, none too small to be worth claiming.
        const auto share = static_cast<int>((pixels + 4 * threads - 1) / (4 * threads));
        const int least = static_cast<int>(kBlockCost / pixel_cost) + 1;
        block = std::min(block, std::max(share, least));
    }
    block = std::max(node.granule, block / node.granule * node.granule);
    block = std::min(block, kMaxBlock);
    return {threads, block, static_cast<int>((pixels + block - 1) / block)};
}

// Block `number` of the active pixels.
void Stream::collect(int index, const BitMap& active, int64_t pixels, int number, int block, Pixels& px) const {
    const int64_t first = static_cast<int64_t>(number) * block;
    active.collect(before_[index], first, std::min(pixels, first + block), px);
}

// Computes the active pixels; several threads call `sink`.
void Stream::compute(int index, const BitMap& active, int64_t pixels, const Sink& sink) {
    if (const Chain& chain = chains_[index]; chain.walk != nullptr) {
        const Walk& walk = *chain.walk;
        const int threads = walk.cost * static_cast<double>(pixels) < kForkCost ? 1 : threads_;
        const int parts = walk.divide(active, threads);
        Pool::instance().run(threads, parts, [&](int part, int worker) {
            walk.run(part, parts, {active, active_[chain.ops[0]]}, scratch_[worker].data(), worker, sink);
        });
        return;
    }
    const Node& node = *nodes_[index];
    const auto [threads, block, blocks] = divide(node, pixels);
    const View* old = refresh_ ? nullptr : &maps_[plan_->ops()[index]->output].view;
    Pool::instance().run(threads, blocks, [&, block = block](int number, int worker) {
        Pixels px;
        collect(index, active, pixels, number, block, px);
        float* scratch = scratch_[worker].data();
        node.compute({.pixels = &px, .scratch = scratch, .old = old});
        sink(px, scratch, worker);
    });
}

int Stream::row_stride(int index) const {
    const Chain& chain = chains_[index];
    return chain.walk != nullptr ? chain.walk->stride : nodes_[index]->stride;
}

void Stream::run_blocks(int index, const BitMap& active, int64_t pixels, CommitMode mode) {
    const Op& op = *plan_->ops()[index];
    Map& out = maps_[op.output];
    out.changed.widen(active.top(), active.bottom());
    if (index < banded_) {
        // In bands, before.
    } else if (const int parts = divide_channels(*nodes_[index], pixels); chains_[index].walk == nullptr && parts > 1) {
        run_split(index, active, pixels, parts, mode);
    } else if (mode == CommitMode::kRefresh && chains_[index].walk == nullptr && nodes_[index]->direct) {
        store_rows(index, 0, out.view.height);
    } else {
        compute(index, active, pixels, [&](Pixels& px, float* rows, int) {
            commit_block(plan_->kernels(), op.left(), mode, px, rows, row_stride(index), out);
        });
    }
    if (mode == CommitMode::kRefresh)
        out.changed.fill();
    else
        out.changed.trim();
}

// Few pixels and many weights: in how many shares to divide the output channels, so that every thread reads its share
// of the weights only, and for many pixels at a time; 1: not at all.
int Stream::divide_channels(const Node& node, int64_t pixels) const {
    const bool few = pixels <= kSplitPixels && node.weights >= kManyWeights;
    if (!few || threads_ == 1 || node.cost * static_cast<double>(pixels) < kForkCost) return 1;
    const auto blocks = static_cast<int>((pixels + kMaxBlock - 1) / kMaxBlock);
    return std::min(node.parts, div_up(4 * threads_, blocks));
}

// Blocks whose results are computed in shares of the output channels, by several threads.
void Stream::run_split(int index, const BitMap& active, int64_t pixels, int parts, CommitMode mode) {
    const Op& op = *plan_->ops()[index];
    const Node& node = *nodes_[index];
    const int blocks = static_cast<int>((pixels + kMaxBlock - 1) / kMaxBlock);
    const int even = round_up(static_cast<int>(pixels + blocks - 1) / blocks, 8);
    std::vector<Pixels> px(blocks);
    Buffer& shared = shared_[Pool::worker()];
    const auto block = [&](int number, int part, int of) {
        float* rows = shared.data() + static_cast<ptrdiff_t>(number) * kMaxBlock * (node.stride + node.extra);
        return Block{&px[number], rows, part, of};
    };
    for (int number = 0; number < blocks; ++number) collect(index, active, pixels, number, even, px[number]);
    if (node.extra > 0) {
        const int shares = div_up(4 * threads_, blocks);
        Pool::instance().run(threads_, blocks * shares,
                             [&](int item, int) { node.prepare(block(item / shares, item % shares, shares)); });
    }
    Pool::instance().run(threads_, blocks * parts,
                         [&](int item, int) { node.compute(block(item % blocks, item / blocks, parts)); });
    Pool::instance().run(threads_, blocks, [&](int number, int) {
        const Block done = block(number, 0, 1);
        commit_block(plan_->kernels(), op.left(), mode, *done.pixels, done.scratch, node.stride, maps_[op.output]);
    });
}

}  // namespace skipvid
