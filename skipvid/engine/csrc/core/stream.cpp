#include "stream.hpp"

#include <algorithm>
#include <chrono>

#include "../ops/ops.hpp"
#include "threads.hpp"

namespace skipvid {
namespace {

constexpr size_t kScratchFloats = 24 * 1024;  // per block: stays in the second-level cache beside weights and windows

}  // namespace

Stream::Stream(std::shared_ptr<const Plan> plan, int input, PixelTable pixels, int threads)
    : plan_(std::move(plan)),
      input_(input),
      pixels_(std::move(pixels)),
      eight_(pixels_.eight()),
      threads_(std::max(1, threads)),
      flow_(*plan_) {
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
    hosts_.assign(tensors, false);
    for (const auto& op : plan_->ops())
        if (is_plain_concat(*op)) hosts_[op->output] = true;
    before_.resize(ops);
    scratch_.resize(threads_);
    shared_.resize(threads_);
    relayout();
}

void Stream::bind() {
    nodes_.clear();
    chains_.clear();
    walked_.assign(plan_->ops().size(), false);
    size_t block = 0, walk = 0, shared = 0;
    for (const auto& op : plan_->ops()) {
        const int index = static_cast<int>(nodes_.size());
        auto node = op->bind(maps_);
        Chain joint = chain(index);
        if (joint.ops.size() == 1)
            node = join(*plan_, *nodes_[joint.ops[0]], *plan_->ops()[joint.ops[0]], std::move(node));
        block = std::max({block, kScratchFloats, static_cast<size_t>(node->stride + node->extra) * node->granule});
        const int pixels =
            std::min(kSplitPixels, round_up(plan_->spec(op->output).height * plan_->spec(op->output).width, kMaxBlock));
        if (node->parts > 1) shared = std::max(shared, static_cast<size_t>(pixels) * (node->stride + node->extra));
        nodes_.push_back(std::move(node));
        if (joint.ops.size() > 1) {
            bind_walk(joint, index);
            walked_[index] = true;
            for (const int member : joint.ops) walked_[member] = true;
            walk = std::max(walk, joint.walk->scratch);
        }
        chains_.push_back(std::move(joint));
    }
    block_floats_ = static_cast<int>(block);
    for (Buffer& buffer : shared_)
        if (buffer.size() < shared) buffer = Buffer(shared);
    for (Buffer& buffer : scratch_)
        if (buffer.size() < std::max(block, walk)) buffer = Buffer(std::max(block, walk));
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
        moved = moved || (!gated_[tensor] && hosts_[tensor]);
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
    for (const OpenRule& rule : rules.opens) want_residual(plan_->ops()[rule.op]->inputs[0], wanted);
    for (size_t t = 0; t < maps_.size(); ++t) {
        if (wanted[t])
            maps_[t].residual.want(maps_[t].view.height, maps_[t].view.width);
        else
            maps_[t].residual.norm = {};
    }
    for (const OpenRule& rule : rules.opens) {
        const View& out = maps_[plan_->ops()[rule.op]->output].view;
        opening_.rules[rule.op] = rule;
        auto& gate = opening_.gates[rule.op] = std::move(before[rule.op]);
        if (gate == nullptr)
            gate = std::make_unique<OpenGate>(out.height, out.width, relief_.of(out.height, out.width));
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

// The norms of a concat that keeps no values of its own are the sums of its inputs' norms.
void Stream::want_residual(int tensor, std::vector<bool>& wanted) const {
    if (wanted[tensor]) return;
    wanted[tensor] = true;
    if (!hosts_[tensor] || gated_[tensor]) return;
    for (const int input : plan_->ops()[writer(tensor)]->inputs) want_residual(input, wanted);
}

int Stream::writer(int tensor) const {
    int index = 0;
    while (plan_->ops()[index]->output != tensor) ++index;
    return index;
}

void Stream::restore(int tensor) {
    const int index = writer(tensor);
    for (const int input : plan_->ops()[index]->inputs)
        if (joined_[input]) restore(input);
    store_rows(index, 0, maps_[tensor].view.height);
}

void Stream::reset() {
    for (Map& map : maps_) map.changed.clear();
    for (BitMap& map : active_) map.clear();
    std::fill(counts_.begin(), counts_.end(), 0);
    std::fill(ms_.begin(), ms_.end(), 0.0);
    for (Map& map : maps_) std::fill_n(map.residual.norm.data(), map.residual.norm.size(), 0.0f);
    sweep_.next = 0;
    relief_.set({1.0f}, 1, 1, 1.0f);
    image_.clear();
    started_ = false;
    // Halos are never written and a refresh writes the rest, so buffers need no clearing.
}

void Stream::run(int first, int last) {
    using Clock = std::chrono::steady_clock;
    const Pool::Frame frame;
    const bool quiet = maps_[input_].changed.empty() && sweep_.count == 0 && !relief_.asks();
    banded_ = first;
    if (threads_ > 1 && !refresh_ && !profiling && !quiet) {
        run_flow(first, last);
        return;
    }
    for (int i = first; i < last; ++i) {
        if (refresh_ && !profiling && i >= banded_) banded_ = run_bands(i, last);
        if (!profiling) {
            run_op(i);
            continue;
        }
        const auto start = Clock::now();
        run_op(i);
        ms_[i] = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    }
}

// Every thread takes operators whose inputs are there, and helps with large ones while there are none.
void Stream::run_flow(int first, int last) {
    flow_.begin(first, last);
    Pool::instance().run(threads_, threads_, [&](int, int) {
        int op = -1;
        for (Patience patience; op >= 0 || !flow_.done();) {
            if (op < 0) op = flow_.take();
            if (op >= 0) {
                run_op(op);
                op = flow_.finished(op);
            } else if (!Pool::instance().help()) {
                patience.wait();
                continue;
            }
            patience = {};
        }
    });
}

void Stream::run_op(int index) {
    const Op& op = *plan_->ops()[index];
    Map& out = maps_[op.output];
    BitMap& active = active_[index];
    active.clear();
    out.changed.clear();
    for (const int tensor : op.extra_outputs) maps_[tensor].changed.clear();
    OpenGate* gate = opening_.gates[index].get();
    if (refresh_) {
        active.fill();
    } else {
        nodes_[index]->footprint(active);
        if (gate != nullptr && (relief_.asks() || !active.empty())) {
            const Map& in = maps_[op.inputs[0]];
            gate->open(opening_.rules[index], in.residual, in.view.height, in.view.width, plan_->kernels(), threads_,
                       relief_.asks(), active);
        }
    }
    BitMap looked;
    if (sweep_.count > 0 && !(joined_[op.output] && walked_[index])) {
        looked = BitMap(active.height(), active.width());
        look(op, looked);
        active.add(looked);
    }
    if (gate != nullptr) gate->computed(refresh_ ? active : looked);
    const int64_t pixels = active.empty() ? 0 : active.index(plan_->kernels(), before_[index]);
    counts_[index] = pixels;
    attribute(chains_[index], active, pixels);
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
        run_blocks(index, looked, looked.index(plan_->kernels(), before_[index]), CommitMode::kExact);
    }
    if (rest.empty()) return;
    pixels = rest.index(plan_->kernels(), before_[index]);
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
        if (layout_.host[tensor] != op.output)
            active.each([&](int y, int x) { std::copy_n(from.at(y, x), from.channels, out.view.at(y, x) + channel); });
        channel += from.channels;
    }
    if (!out.residual.wanted()) return;
    const auto width = static_cast<size_t>(out.view.width);
    active.each([&](int y, int x) {
        float& sum = out.residual.norm[y * width + x];
        for (const int tensor : op.inputs) sum += maps_[tensor].residual.norm[y * width + x];
    });
}

}  // namespace skipvid
