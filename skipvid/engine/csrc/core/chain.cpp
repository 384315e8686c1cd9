// Operators that run as one: which they are, and what of the frame is put down to each.
#include <algorithm>

#include "../ops/ops.hpp"
#include "stream.hpp"

namespace skipvid {

// The operators that run as one with number `last`, if it is the last of such: followed up through the joined tensors.
Chain Stream::chain(int last) const {
    const auto& ops = plan_->ops();
    Chain chain;
    if (ops[last]->kind() != OpKind::kBlock || joined_[ops[last]->output]) return chain;
    for (int index = last;;) {
        const auto& inputs = ops[index]->inputs;
        const auto joined = std::find_if(inputs.begin(), inputs.end(), [&](int tensor) { return joined_[tensor]; });
        if (joined == inputs.end()) return chain;
        index = writer(*joined);
        chain.ops.insert(chain.ops.begin(), index);
    }
}

// Runs as a walk what is more than a depthwise and a pointwise convolution; with a fourth operator, an addition.
void Stream::bind_walk(Chain& chain, int last) const {
    const bool adds = chain.ops.size() == 3;
    const int project = adds ? chain.ops[2] : last;
    InvertedResidual parts{
        chain.ops[0],         chain.ops[1], project, nodes_[chain.ops[0]].get(), nodes_[chain.ops[1]].get(),
        nodes_[project].get()};
    if (adds) {
        parts.add = nodes_[last].get();
        parts.input = plan_->ops()[last]->inputs[0] == plan_->ops()[project]->output ? 0 : 1;
    }
    chain.walk = walk_inverted(*plan_, parts);
}

// What runs as a walk is computed where its last operator is, an expanded map where that reads it. A depthwise and a
// pointwise convolution are active in the same pixels anyway.
void Stream::attribute(const Chain& chain, const BitMap& active, int64_t pixels) {
    if (chain.walk == nullptr) return;
    for (const int index : chain.ops) {
        BitMap& own = active_[index];
        const bool read = index == chain.ops[0] && !refresh_;
        own.clear();
        if (read)
            chain.walk->read(active, own);
        else if (refresh_)
            own.fill();
        else
            own.add(active);
        counts_[index] = read || refresh_ ? own.count() : pixels;
    }
}

}  // namespace skipvid
