// Staggered refresh; what it does and why is written down in skipvid/engine/reference/sweep.py.
#include "stream.hpp"

namespace skipvid {

void Stream::begin_sweep() {
    sweep_.count = refresh_ ? 0 : sweep_.every;
    sweep_.band = sweep_.count > 0 ? sweep_.next % sweep_.count : 0;
    sweep_.next = sweep_.count > 0 ? sweep_.band + 1 : 0;
}

// Adds the output pixels to recompute and commit without a threshold.
void Stream::look(const Op& op, BitMap& looked) const {
    if (op.kind() != OpKind::kGlobalPool && op.kind() != OpKind::kIsland)
        looked.fill_rows(sweep_.first_row(looked.height()), sweep_.end_row(looked.height()));
    else if (sweep_.band == sweep_.count - 1)
        looked.fill();
}

}  // namespace skipvid
