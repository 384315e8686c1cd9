// Operators that only move values: concat and channel selections, space to depth, depth to space.
#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "ops.hpp"

namespace skipvid {
namespace {

// Channels that stay together on the way.
struct Run {
    ptrdiff_t from;  // floats from the input pixel
    int to, length;
};

void append(std::vector<Run>& runs, ptrdiff_t from, int to) {
    if (!runs.empty()) {
        Run& last = runs.back();
        if (last.from + last.length == from && last.to + last.length == to) {
            ++last.length;
            return;
        }
    }
    runs.push_back({from, to, 1});
}

// A channel of the inputs.
struct Source {
    int input, channel;
    bool operator==(const Source&) const = default;
    Source after(int n) const { return {input, channel + n}; }
};

// Channels that follow each other in an input, and go to every `step`-th channel of the output: 1 where they stay
// together, more after channel shuffles.
struct Strand {
    Source first;
    int to, step, length;
};

std::vector<Strand> strands_of(const std::vector<Source>& sources) {
    std::vector<Strand> strands;
    const auto count = static_cast<int>(sources.size());
    std::vector<bool> taken(count);
    for (int c = 0; c < count; ++c) {
        if (taken[c]) continue;
        const Source first = sources[c];
        int step = 1, length = 1;
        while (c + step < count && (taken[c + step] || sources[c + step] != first.after(1))) ++step;
        for (int to = c + step; to < count && !taken[to] && sources[to] == first.after(length); to += step) {
            taken[to] = true;
            ++length;
        }
        strands.push_back({first, c, step, length});
    }
    return strands;
}

// Pieces are short: a call to memcpy costs more than the values.
inline void move(const float* from, float* to, int n) {
    for (int i = 0; i < n; ++i) to[i] = from[i];
}

// As move, but may write and read up to four values where there are fewer: what lies behind is written later.
inline void move_onward(const float* from, float* to, int n) {
    if (n <= 4)
        std::memcpy(to, from, 4 * sizeof(float));
    else
        move(from, to, n);
}

inline void move_apart(const float* from, float* to, int step, int n) {
    for (int i = 0; i < n; ++i, to += step) *to = from[i];
}

class ConcatOp : public Op {
  public:
    bool plain = false;
    int channels = 0;
    std::vector<Strand> strands;
    OpKind kind() const override { return plain ? OpKind::kConcat : OpKind::kBlock; }
    std::unique_ptr<Node> bind(const std::vector<Map>& maps) const override;
};

class ConcatNode : public Node {
  public:
    ConcatNode(const ConcatOp& op, const std::vector<Map>& maps) : op_(op) {
        for (const int tensor : op.inputs) inputs_.push_back(&maps[tensor]);
        stride = round_up(op.channels, 16);
        // Channels that are strewn are moved one by one.
        for (const Strand& s : op.strands) cost += 4.0 + s.length * (s.step == 1 ? 0.25 : 2.0);
    }
    void footprint(BitMap& active) override {
        for (const Map* map : inputs_) active.add(map->changed);
    }
    void compute(Block block) const override {
        const Pixels& px = *block.pixels;
        for (const Strand& strand : op_.strands) {
            const View& view = inputs_[strand.first.input]->view;
            for (int i = 0; i < px.n; ++i) {
                const float* from = view.at(px.y[i], px.x[i]) + strand.first.channel;
                float* to = block.scratch + static_cast<ptrdiff_t>(i) * stride + strand.to;
                if (strand.step == 1)
                    move(from, to, strand.length);
                else
                    move_apart(from, to, strand.step, strand.length);
            }
        }
    }

  private:
    const ConcatOp& op_;
    std::vector<const Map*> inputs_;
};

std::unique_ptr<Node> ConcatOp::bind(const std::vector<Map>& maps) const {
    return std::make_unique<ConcatNode>(*this, maps);
}

// Both directions between space and channels: per phase of the output pixel, where each channel comes from in a b x b
// block.
class RearrangeOp : public Op {
  public:
    bool gathers = true;  // space to depth
    int block = 1, channels = 0;
    std::vector<int32_t> source;
    std::unique_ptr<Node> bind(const std::vector<Map>& maps) const override;
};

class RearrangeNode : public Node {
  public:
    RearrangeNode(const RearrangeOp& op, const Map& in)
        : op_(op), in_(in), runs_(op.gathers ? 1 : op.block * op.block) {
        for (size_t phase = 0; phase < runs_.size(); ++phase)
            for (int c = 0; c < op.channels; ++c) {
                const int32_t* row = op.source.data() + static_cast<size_t>(c) * 3;
                const ptrdiff_t from = op.gathers ? row[0] * in.view.row + row[1] * in.view.pixel + row[2]
                                                  : op.source[phase * op.channels + c];
                append(runs_[phase], from, c);
            }
        if (op.gathers)
            for (int c = 0; c < op.channels; ++c)
                read_.emplace(op.source[static_cast<size_t>(c) * 3], op.source[static_cast<size_t>(c) * 3 + 1]);
        stride = round_up(op.channels, 16);
        cost = op.channels / 4.0 + static_cast<double>(runs_[0].size());
    }
    void footprint(BitMap& active) override {
        const Axis axis{op_.block, op_.block, 1, 0};
        if (!op_.gathers) {
            transposed_footprint(in_.changed, axis, axis, active);
        } else if (static_cast<int>(read_.size()) == op_.block * op_.block) {
            window_footprint(in_.changed, axis, axis, active);
        } else {
            for (const auto& [dy, dx] : read_)
                window_footprint(in_.changed, {1, op_.block, 1, -dy}, {1, op_.block, 1, -dx}, active);
        }
    }
    void compute(Block block) const override {
        const Pixels& px = *block.pixels;
        const int b = op_.block;
        for (int i = 0; i < px.n; ++i) {
            const int y = px.y[i], x = px.x[i];
            const float* from = op_.gathers ? in_.view.at(y * b, x * b) : in_.view.at(y / b, x / b);
            float* to = block.scratch + static_cast<ptrdiff_t>(i) * stride;
            for (const Run& run : runs_[op_.gathers ? 0 : y % b * b + x % b])
                move_onward(from + run.from, to + run.to, run.length);
        }
    }

  private:
    const RearrangeOp& op_;
    const Map& in_;
    std::vector<std::vector<Run>> runs_;
    std::set<std::pair<int, int>> read_;  // pixels of the block that some channel comes from
};

std::unique_ptr<Node> RearrangeOp::bind(const std::vector<Map>& maps) const {
    return std::make_unique<RearrangeNode>(*this, maps[inputs[0]]);
}

std::unique_ptr<Op> make_rearrange(const Plan& plan, int output, int block, const std::vector<int32_t>& source,
                                   bool gathers) {
    auto op = std::make_unique<RearrangeOp>();
    op->gathers = gathers;
    op->block = block;
    op->channels = plan.spec(output).channels;
    op->source = source;
    return op;
}

}  // namespace

std::unique_ptr<Op> make_concat(const Plan& plan, int output, const std::vector<int>& input_channels,
                                const std::vector<int32_t>& channels) {
    auto op = std::make_unique<ConcatOp>();
    op->plain = channels.empty();
    op->channels = plan.spec(output).channels;
    std::vector<Source> all, chosen;
    for (size_t i = 0; i < input_channels.size(); ++i)
        for (int c = 0; c < input_channels[i]; ++c) all.push_back({static_cast<int>(i), c});
    for (int c = 0; c < op->channels; ++c) chosen.push_back(all.at(op->plain ? c : channels.at(c)));
    op->strands = strands_of(chosen);
    return op;
}

bool is_plain_concat(const Op& op) { return op.kind() == OpKind::kConcat; }

std::unique_ptr<Op> make_space_to_depth(const Plan& plan, int output, int block, const std::vector<int32_t>& source) {
    return make_rearrange(plan, output, block, source, true);
}

std::unique_ptr<Op> make_depth_to_space(const Plan& plan, int output, int block, const std::vector<int32_t>& source) {
    return make_rearrange(plan, output, block, source, false);
}

}  // namespace skipvid
