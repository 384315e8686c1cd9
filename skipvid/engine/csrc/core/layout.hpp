// Where the maps of a stream live: one buffer per map, except that inputs of an ungated concat are slices of its
// buffer.
#pragma once

#include <vector>

#include "plan.hpp"

namespace skipvid {

struct Layout {
    std::vector<Buffer> buffers;
    std::vector<View> views;  // by tensor
    std::vector<int> host;    // by tensor: the concat's output it is a slice of, or -1

    // `gated[t]`: tensor t has a threshold, so a concat into it must keep values of its own.
    static Layout make(const Plan& plan, int input, const std::vector<bool>& gated);
};

}  // namespace skipvid
