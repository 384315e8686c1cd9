// Staggered refresh; what it does and why is written down in skipvid/engine/reference/sweep.py.
#include <utility>

#include "stream.hpp"

namespace skipvid {

void Stream::begin_sweep() {
    sweep_.count = refresh_ ? 0 : sweep_.every;
    sweep_.band = sweep_.count > 0 ? sweep_.next % sweep_.count : 0;
    sweep_.next = sweep_.count > 0 ? sweep_.band + 1 : 0;
    if (sweep_.count > 0)
        for (BitMap& map : sweep_.changed) map.clear();
}

// The output pixels to recompute and commit without a threshold.
void Stream::look(int index, BitMap& looked) {
    const Op& op = *plan_->ops()[index];
    if (op.kind() == OpKind::kGlobalPool || op.kind() == OpKind::kIsland) {
        if (sweep_.band == sweep_.count - 1) looked.fill();
        return;
    }
    const auto exchange = [&] {
        for (size_t i = 0; i < op.inputs.size(); ++i) {
            // Each map once, however often it is read.
            bool first = true;
            for (size_t k = 0; k < i; ++k) first = first && op.inputs[k] != op.inputs[i];
            if (first) std::swap(maps_[op.inputs[i]].changed, sweep_.changed[op.inputs[i]]);
        }
    };
    exchange();
    nodes_[index]->footprint(looked);
    exchange();
    looked.fill_rows(sweep_.first_row(looked.height()), sweep_.end_row(looked.height()));
}

void Stream::note_looked(int tensor, const BitMap& looked) {
    BitMap& changed = sweep_.changed[tensor];
    changed = maps_[tensor].changed;
    changed.intersect(looked);
    changed.trim();
}

}  // namespace skipvid
