#include "stream.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>

#include "../ops/ops.hpp"
#include "threads.hpp"

namespace skipvid {
namespace {

constexpr size_t kScratchFloats = 24 * 1024;  // per block: stays in the second-level cache beside weights and windows
constexpr double kForkCost = 40000.0;   // vector multiply-adds that take as long as waking another thread is worth
constexpr double kBlockCost = 20000.0;  // and those of a block worth claiming by itself
constexpr double kPixelCost = 12.0;     // overhead per pixel: list, pointers, commit

// Sets bits of several workers: words are shared between blocks.
class BitWriter {
  public:
    explicit BitWriter(BitMap& map) : map_(map) {}
    ~BitWriter() { flush(); }
    void set(int y, int x) {
        uint64_t* word = map_.row(y) + (x >> 6);
        if (word != word_) {
            flush();
            word_ = word;
        }
        bits_ |= uint64_t{1} << (x & 63);
    }

  private:
    void flush() {
        if (bits_ != 0) std::atomic_ref<uint64_t>(*word_).fetch_or(bits_, std::memory_order_relaxed);
        bits_ = 0;
    }
    BitMap& map_;
    uint64_t* word_ = nullptr;
    uint64_t bits_ = 0;
};

}  // namespace

Stream::Stream(std::shared_ptr<const Plan> plan, int input, PixelTable pixels, int threads)
    : plan_(std::move(plan)), input_(input), pixels_(std::move(pixels)), threads_(std::max(1, threads)) {
    const size_t tensors = plan_->tensors().size(), ops = plan_->ops().size();
    maps_.resize(tensors);
    for (size_t t = 0; t < tensors; ++t)
        maps_[t].changed = BitMap(plan_->tensors()[t].height, plan_->tensors()[t].width);
    for (const auto& op : plan_->ops())
        active_.emplace_back(plan_->spec(op->output).height, plan_->spec(op->output).width);
    counts_.assign(ops, 0);
    ms_.assign(ops, 0.0);
    gated_.assign(tensors, false);
    scratch_.resize(threads_);
    relayout();
}

void Stream::bind() {
    nodes_.clear();
    size_t scratch = 0;
    for (const auto& op : plan_->ops()) {
        nodes_.push_back(op->bind(maps_));
        const Node& node = *nodes_.back();
        scratch = std::max({scratch, kScratchFloats, static_cast<size_t>(node.stride) * node.granule});
    }
    for (Buffer& buffer : scratch_)
        if (buffer.size() < scratch) buffer = Buffer(scratch);
}

void Stream::relayout() {
    Layout layout = Layout::make(*plan_, input_, gated_);
    for (size_t t = 0; t < maps_.size(); ++t) {
        const View old = maps_[t].view, view = layout.views[t];
        for (int y = 0; started_ && y < view.height; ++y)
            for (int x = 0; x < view.width; ++x) std::copy_n(old.at(y, x), view.channels, view.at(y, x));
        maps_[t].view = view;
    }
    layout_ = std::move(layout);
    bind();
}

void Stream::configure(InputRule input, const std::vector<Gate>& gates) {
    rule_ = std::move(input);
    bool moved = false;
    for (size_t t = 0; t < maps_.size(); ++t) {
        maps_[t].gate = gates[t];
        // A concat that once kept values of its own goes on doing so: what it withheld is nowhere else.
        if (gates[t].threshold > 0.0f && !gated_[t]) {
            gated_[t] = true;
            moved = true;
        }
    }
    if (moved) relayout();
}

void Stream::reset() {
    for (Map& map : maps_) map.changed.clear();
    for (BitMap& map : active_) map.clear();
    std::fill(counts_.begin(), counts_.end(), 0);
    std::fill(ms_.begin(), ms_.end(), 0.0);
    image_.clear();
    started_ = false;
    // Halos are never written and a refresh writes the rest, so buffers need no clearing.
}

void Stream::run(int first, int last) {
    using Clock = std::chrono::steady_clock;
    for (int i = first; i < last; ++i) {
        if (!profiling) {
            run_op(i);
            continue;
        }
        const auto start = Clock::now();
        run_op(i);
        ms_[i] = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    }
}

void Stream::run_op(int index) {
    const Op& op = *plan_->ops()[index];
    Map& out = maps_[op.output];
    BitMap& active = active_[index];
    active.clear();
    out.changed.clear();
    for (const int tensor : op.extra_outputs) maps_[tensor].changed.clear();
    if (refresh_)
        active.fill();
    else
        nodes_[index]->footprint(active);
    const int64_t pixels = active.empty() ? 0 : active.index(before_);
    counts_[index] = pixels;
    if (pixels == 0) {
        active.clear();
        return;
    }
    switch (op.kind()) {
        case OpKind::kIsland:
            break;
        case OpKind::kConcat:
            if (!gated_[op.output]) {
                run_concat(index);
                break;
            }
            [[fallthrough]];
        default:
            run_blocks(index, pixels);
    }
}

void Stream::run_concat(int index) {
    // The mask is the union: a changed input pixel is a changed output pixel, and nothing else is.
    const Op& op = *plan_->ops()[index];
    Map& out = maps_[op.output];
    const BitMap& active = active_[index];
    out.changed.add(active);
    int channel = 0;
    for (const int tensor : op.inputs) {
        const View& from = maps_[tensor].view;
        if (layout_.host[tensor] != op.output) {
            for (int y = active.top(); y < active.bottom(); ++y)
                for (int w = 0; w < active.words(); ++w)
                    for (uint64_t bits = active.row(y)[w]; bits != 0; bits &= bits - 1) {
                        const int x = w * 64 + std::countr_zero(bits);
                        std::copy_n(from.at(y, x), from.channels, out.view.at(y, x) + channel);
                    }
        }
        channel += from.channels;
    }
}

void Stream::run_blocks(int index, int64_t pixels) {
    const Op& op = *plan_->ops()[index];
    const Node& node = *nodes_[index];
    Map& out = maps_[op.output];
    const BitMap& active = active_[index];
    const double pixel_cost = node.cost + kPixelCost, cost = pixel_cost * static_cast<double>(pixels);
    const int threads = cost < kForkCost ? 1 : threads_;
    int block = std::min<int>(kMaxBlock, static_cast<int>(scratch_[0].size()) / std::max(1, node.stride));
    if (threads > 1) {
        // Enough blocks to balance, none too small to be worth claiming.
        const auto share = static_cast<int>((pixels + 4 * threads - 1) / (4 * threads));
        const int least = static_cast<int>(kBlockCost / pixel_cost) + 1;
        block = std::min(block, std::max(share, least));
    }
    block = std::max(node.granule, block / node.granule * node.granule);
    block = std::min(block, kMaxBlock);
    const int blocks = static_cast<int>((pixels + block - 1) / block);
    out.changed.widen(active.top(), active.bottom());
    const CommitMode mode = refresh_                    ? CommitMode::kRefresh
                            : out.gate.threshold > 0.0f ? CommitMode::kNorm
                                                        : CommitMode::kExact;
    Pool::instance().run(threads, blocks, [&](int number, int worker) {
        Pixels px;
        active.collect(before_, static_cast<int64_t>(number) * block,
                       std::min<int64_t>(pixels, static_cast<int64_t>(number + 1) * block), px);
        float* scratch = scratch_[worker].data();
        node.compute({&px, scratch});
        float* target[kMaxBlock];
        uint8_t committed[kMaxBlock];
        for (int i = 0; i < px.n; ++i) target[i] = out.view.at(px.y[i], px.x[i]);
        plan_->kernels().commit({px.n, out.view.channels, target, scratch, node.stride, op.activation, mode,
                                 out.gate.norm, out.gate.threshold, committed});
        if (mode == CommitMode::kRefresh) return;
        BitWriter writer(out.changed);
        for (int i = 0; i < px.n; ++i)
            if (committed[i]) writer.set(px.y[i], px.x[i]);
    });
    if (mode == CommitMode::kRefresh)
        out.changed.fill();
    else
        out.changed.trim();
}

void Stream::write(int tensor, const float* values, ptrdiff_t row, ptrdiff_t pixel, ptrdiff_t channel) {
    Map& out = maps_[tensor];
    const int channels = out.view.channels;
    const CommitMode mode = refresh_                    ? CommitMode::kRefresh
                            : out.gate.threshold > 0.0f ? CommitMode::kNorm
                                                        : CommitMode::kExact;
    const Buffer scratch(static_cast<size_t>(round_up(channels, 16)));
    float* line = const_cast<float*>(scratch.data());
    out.changed.clear();
    for (int y = 0; y < out.view.height; ++y)
        for (int x = 0; x < out.view.width; ++x) {
            for (int c = 0; c < channels; ++c) line[c] = values[y * row + x * pixel + c * channel];
            float* target = out.view.at(y, x);
            uint8_t committed = 1;
            plan_->kernels().commit(
                {1, channels, &target, line, 0, Activation{}, mode, out.gate.norm, out.gate.threshold, &committed});
            if (committed) out.changed.set(y, x);
        }
}

}  // namespace skipvid
