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

// What pixels held before they were committed, where a gate asks how much they changed.
class Before {
  public:
    Before(const Map& map, CommitMode mode, float* const* pixels, int n) : pixels_(pixels) {
        if (!map.residual.wanted() || mode == CommitMode::kRefresh) return;
        const int channels = map.view.channels;
        values_.resize(static_cast<size_t>(n) * channels);
        for (int i = 0; i < n; ++i)
            std::copy_n(pixels[i], channels, values_.data() + static_cast<size_t>(i) * channels);
    }
    void note(Map& map, const Pixels& px, const uint8_t* committed) const {
        if (values_.empty()) return;
        const int channels = map.view.channels;
        for (int i = 0; i < px.n; ++i)
            if (committed[i])
                map.residual.norm[static_cast<size_t>(px.y[i]) * map.view.width + px.x[i]] =
                    l1_distance(pixels_[i], values_.data() + static_cast<size_t>(i) * channels, channels);
    }

  private:
    float* const* pixels_;
    std::vector<float> values_;
};

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
    joined_.assign(tensors, false);
    scratch_.resize(threads_);
    relayout();
}

void Stream::bind() {
    nodes_.clear();
    size_t scratch = 0;
    for (const auto& op : plan_->ops()) {
        auto node = op->bind(maps_);
        if (op->kind() == OpKind::kBlock && joined_[op->inputs[0]]) {
            const int first = writer(op->inputs[0]);
            node = join(*plan_, *nodes_[first], *plan_->ops()[first], std::move(node));
        }
        scratch = std::max({scratch, kScratchFloats, static_cast<size_t>(node->stride + node->extra) * node->granule});
        nodes_.push_back(std::move(node));
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

void Stream::configure(Rules rules) {
    rule_ = std::move(rules.input);
    structure_ = rules.structure;
    if (rule_.frames == 0) since_.clear();
    bool moved = false;
    const auto own_values = [&](int tensor) {
        moved = moved || !gated_[tensor];
        gated_[tensor] = true;
    };
    for (size_t t = 0; t < maps_.size(); ++t) {
        maps_[t].gate = rules.gates[t];
        // A concat that once kept values of its own goes on doing so: what it withheld is nowhere else.
        if (rules.gates[t].threshold > 0.0f) own_values(static_cast<int>(t));
    }
    std::vector<std::unique_ptr<OpenGate>> before(plan_->ops().size());
    before.swap(opening_.gates);
    before.resize(plan_->ops().size());
    opening_.rules.assign(plan_->ops().size(), {});
    std::vector<bool> wanted(maps_.size());
    for (const OpenRule& rule : rules.opens) wanted[plan_->ops()[rule.op]->inputs[0]] = true;
    for (size_t t = 0; t < maps_.size(); ++t)
        if (!wanted[t]) maps_[t].residual.norm.clear();
    for (const OpenRule& rule : rules.opens) {
        const Op& op = *plan_->ops()[rule.op];
        Map &in = maps_[op.inputs[0]], &out = maps_[op.output];
        opening_.rules[rule.op] = rule;
        auto& gate = opening_.gates[rule.op] = std::move(before[rule.op]);
        if (gate == nullptr) gate = std::make_unique<OpenGate>(out.view.height, out.view.width);
        // A concat whose norms are wanted commits like any other operator.
        in.residual.want(in.view.height, in.view.width);
        own_values(op.inputs[0]);
    }
    sweep_.every = rules.refresh_every;
    const bool rebind = rules.joined != joined_;
    for (size_t t = 0; started_ && t < maps_.size(); ++t)
        if (joined_[t] && !rules.joined[t]) restore(static_cast<int>(t));
    joined_ = std::move(rules.joined);
    if (moved)
        relayout();
    else if (rebind)
        bind();
}

int Stream::writer(int tensor) const {
    int index = 0;
    while (plan_->ops()[index]->output != tensor) ++index;
    return index;
}

void Stream::restore(int tensor) { store_rows(writer(tensor), 0, maps_[tensor].view.height); }

void Stream::reset() {
    for (Map& map : maps_) map.changed.clear();
    for (BitMap& map : active_) map.clear();
    std::fill(counts_.begin(), counts_.end(), 0);
    std::fill(ms_.begin(), ms_.end(), 0.0);
    for (Map& map : maps_) std::fill(map.residual.norm.begin(), map.residual.norm.end(), 0.0f);
    sweep_.next = 0;
    image_.clear();
    started_ = false;
    // Halos are never written and a refresh writes the rest, so buffers need no clearing.
}

void Stream::run(int first, int last) {
    using Clock = std::chrono::steady_clock;
    for (int i = first, banded = first; i < last; ++i) {
        if (refresh_ && !profiling && i >= banded) banded = run_bands(i, last);
        stored_ = i < banded;
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
    out.residual.clear(out.changed);
    out.changed.clear();
    for (const int tensor : op.extra_outputs) {
        maps_[tensor].residual.clear(maps_[tensor].changed);
        maps_[tensor].changed.clear();
    }
    OpenGate* gate = opening_.gates[index].get();
    if (refresh_) {
        active.fill();
    } else {
        nodes_[index]->footprint(active);
        if (gate != nullptr && !active.empty()) {
            const Map& in = maps_[op.inputs[0]];
            gate->open(opening_.rules[index], in.residual, in.view.height, in.view.width, active);
        }
    }
    BitMap looked;
    if (sweep_.count > 0) {
        looked = BitMap(active.height(), active.width());
        look(op, looked);
        active.add(looked);
    }
    if (gate != nullptr) gate->computed(active);
    const int64_t pixels = active.empty() ? 0 : active.index(before_);
    counts_[index] = pixels;
    if (pixels == 0) {
        active.clear();
    } else if (joined_[op.output]) {
        out.changed.add(active);
    } else if (op.kind() == OpKind::kConcat && !gated_[op.output]) {
        run_concat(index);
    } else if (op.kind() != OpKind::kIsland) {
        run_gated(index, pixels, looked);
    }
}

CommitMode Stream::commit_mode(const Map& map) const {
    if (refresh_) return CommitMode::kRefresh;
    return map.gate.threshold > 0.0f ? CommitMode::kNorm : CommitMode::kExact;
}

// What is looked at is committed without a threshold, the rest by the map's rule.
void Stream::run_gated(int index, int64_t pixels, const BitMap& looked) {
    const BitMap& active = active_[index];
    const CommitMode mode = commit_mode(maps_[plan_->ops()[index]->output]);
    if (mode != CommitMode::kNorm || (structure_ == 1 && looked.empty())) {
        run_blocks(index, active, pixels, mode);
        return;
    }
    BitMap rest = active;
    if (!looked.empty()) {
        rest.subtract(looked);
        rest.trim();
        run_blocks(index, looked, looked.index(before_), CommitMode::kExact);
    }
    if (rest.empty()) return;
    pixels = rest.index(before_);
    if (structure_ == 1)
        run_blocks(index, rest, pixels, mode);
    else
        run_structured(index, rest, pixels);
}

void Stream::run_concat(int index) {
    // The mask is the union: a changed input pixel is a changed output pixel, and nothing else is.
    const Op& op = *plan_->ops()[index];
    Map& out = maps_[op.output];
    const BitMap& active = active_[index];
    for (const int tensor : op.inputs) out.changed.add(maps_[tensor].changed);
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

Stream::Work Stream::divide(const Node& node, int64_t pixels) const {
    const double pixel_cost = node.cost + kPixelCost, cost = pixel_cost * static_cast<double>(pixels);
    const int threads = cost < kForkCost ? 1 : threads_;
    int block = std::min<int>(kMaxBlock, static_cast<int>(scratch_[0].size()) / std::max(1, node.stride + node.extra));
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

void Stream::run_blocks(int index, const BitMap& active, int64_t pixels, CommitMode mode) {
    const Op& op = *plan_->ops()[index];
    const Node& node = *nodes_[index];
    Map& out = maps_[op.output];
    const auto [threads, block, blocks] = divide(node, pixels);
    out.changed.widen(active.top(), active.bottom());
    if (!stored_)
        Pool::instance().run(threads, blocks, [&, block = block](int number, int worker) {
            Pixels px;
            active.collect(before_, static_cast<int64_t>(number) * block,
                           std::min<int64_t>(pixels, static_cast<int64_t>(number + 1) * block), px);
            float* scratch = scratch_[worker].data();
            node.compute({&px, scratch});
            float* target[kMaxBlock];
            uint8_t committed[kMaxBlock];
            for (int i = 0; i < px.n; ++i) target[i] = out.view.at(px.y[i], px.x[i]);
            const Before before(out, mode, target, px.n);
            plan_->kernels().commit({px.n, out.view.channels, target, scratch, node.stride, op.activation, mode,
                                     out.gate.norm, out.gate.threshold, committed});
            if (mode == CommitMode::kRefresh) return;
            before.note(out, px, committed);
            BitWriter writer(out.changed);
            for (int i = 0; i < px.n; ++i)
                if (committed[i]) writer.set(px.y[i], px.x[i]);
        });
    if (mode == CommitMode::kRefresh)
        out.changed.fill();
    else
        out.changed.trim();
}

// Decides for all pixels first, against copies of what the map holds, and then commits those of the blocks decided for.
void Stream::run_structured(int index, const BitMap& active, int64_t pixels) {
    const Op& op = *plan_->ops()[index];
    const Node& node = *nodes_[index];
    Map& out = maps_[op.output];
    const int channels = out.view.channels;
    const auto [threads, block, blocks] = divide(node, pixels);
    const auto stride = static_cast<size_t>(node.stride);
    Buffer values(static_cast<size_t>(pixels) * stride);
    std::vector<Pixels> where(blocks);
    std::vector<uint8_t> exceeds(static_cast<size_t>(pixels));
    Pool::instance().run(threads, blocks, [&, block = block](int number, int worker) {
        const int64_t first = static_cast<int64_t>(number) * block;
        Pixels& px = where[number];
        active.collect(before_, first, std::min<int64_t>(pixels, first + block), px);
        float* scratch = scratch_[worker].data();
        node.compute({&px, scratch});
        std::vector<float> old(static_cast<size_t>(px.n) * round_up(channels, 16));
        float* target[kMaxBlock];
        for (int i = 0; i < px.n; ++i) {
            target[i] = old.data() + static_cast<size_t>(i) * round_up(channels, 16);
            std::copy_n(out.view.at(px.y[i], px.x[i]), channels, target[i]);
        }
        plan_->kernels().commit({px.n, channels, target, scratch, node.stride, op.activation, CommitMode::kNorm,
                                 out.gate.norm, out.gate.threshold, exceeds.data() + first});
        // The comparison left the activated values behind.
        std::copy_n(scratch, px.n * stride, values.data() + first * stride);
    });
    BitMap decided(out.view.height, out.view.width);
    for (int b = 0; b < blocks; ++b)
        for (int i = 0; i < where[b].n; ++i)
            if (exceeds[static_cast<size_t>(b) * block + i]) decided.set(where[b].y[i], where[b].x[i]);
    spread_blocks(decided, structure_);
    for (int b = 0; b < blocks; ++b)
        for (int i = 0; i < where[b].n; ++i) {
            const int y = where[b].y[i], x = where[b].x[i];
            if (decided.get(y, x))
                commit_pixel(out, y, x, values.data() + (static_cast<size_t>(b) * block + i) * stride);
        }
}

void Stream::commit_pixel(Map& out, int y, int x, const float* values) {
    float* target = out.view.at(y, x);
    uint8_t committed = 1;
    Pixels px;
    px.n = 1;
    px.y[0] = static_cast<int16_t>(y);
    px.x[0] = static_cast<int16_t>(x);
    const Before before(out, CommitMode::kExact, &target, 1);
    plan_->kernels().commit({1, out.view.channels, &target, values, 0, Activation{}, CommitMode::kExact, out.gate.norm,
                             out.gate.threshold, &committed});
    if (!committed) return;
    out.changed.set(y, x);
    before.note(out, px, &committed);
}

void Stream::write(int tensor, const float* values, ptrdiff_t row, ptrdiff_t pixel, ptrdiff_t channel) {
    Map& out = maps_[tensor];
    const int channels = out.view.channels;
    const bool looked = sweep_.count > 0 && sweep_.band == sweep_.count - 1;
    const CommitMode mode = looked ? CommitMode::kExact : commit_mode(out);
    Buffer line(static_cast<size_t>(round_up(channels, 16))), old(static_cast<size_t>(round_up(channels, 16)));
    const auto take = [&](int y, int x) {
        for (int c = 0; c < channels; ++c) line[c] = values[y * row + x * pixel + c * channel];
    };
    const auto exceeds = [&](int y, int x) {
        float* target = old.data();
        uint8_t committed = 0;
        std::copy_n(out.view.at(y, x), channels, target);
        plan_->kernels().commit(
            {1, channels, &target, line.data(), 0, Activation{}, mode, out.gate.norm, out.gate.threshold, &committed});
        return committed != 0;
    };
    out.residual.clear(out.changed);
    out.changed.clear();
    BitMap decided(out.view.height, out.view.width);
    if (mode == CommitMode::kNorm) {
        for (int y = 0; y < out.view.height; ++y)
            for (int x = 0; x < out.view.width; ++x) {
                take(y, x);
                if (exceeds(y, x)) decided.set(y, x);
            }
        spread_blocks(decided, structure_);
    } else {
        decided.fill();
    }
    for (int y = decided.top(); y < decided.bottom(); ++y)
        for (int x = 0; x < out.view.width; ++x) {
            if (!decided.get(y, x)) continue;
            take(y, x);
            if (mode == CommitMode::kRefresh)
                std::copy_n(line.data(), channels, out.view.at(y, x));
            else
                commit_pixel(out, y, x, line.data());
        }
    if (mode == CommitMode::kRefresh) out.changed.fill();
}

}  // namespace skipvid
