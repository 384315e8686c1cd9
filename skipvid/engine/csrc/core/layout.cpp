#include "layout.hpp"

#include <algorithm>

#include "../ops/ops.hpp"

namespace skipvid {
namespace {

// For every tensor the concat output that hosts it, and its first channel there. A tensor has one home: the first
// concat that can take it.
void place(const Plan& plan, int input, const std::vector<bool>& gated, std::vector<int>& host,
           std::vector<int>& channel) {
    for (const auto& op : plan.ops()) {
        if (!is_plain_concat(*op) || gated[op->output]) continue;
        int first = 0;
        for (const int tensor : op->inputs) {
            const bool once = std::count(op->inputs.begin(), op->inputs.end(), tensor) == 1;
            if (once && tensor != input && host[tensor] < 0) {
                host[tensor] = op->output;
                channel[tensor] = first;
            }
            first += plan.spec(tensor).channels;
        }
    }
}

Halo widest(const Halo& a, const Halo& b) {
    return {std::max(a.top, b.top), std::max(a.left, b.left), std::max(a.bottom, b.bottom), std::max(a.right, b.right)};
}

}  // namespace

Layout Layout::make(const Plan& plan, int input, const std::vector<bool>& gated) {
    const int count = static_cast<int>(plan.tensors().size());
    Layout layout;
    layout.host.assign(count, -1);
    layout.views.resize(count);
    std::vector<int> channel(count, 0), root(count);
    place(plan, input, gated, layout.host, channel);
    for (int t = 0; t < count; ++t) {
        root[t] = t;
        int offset = 0;
        while (layout.host[root[t]] >= 0) {
            offset += channel[root[t]];
            root[t] = layout.host[root[t]];
        }
        channel[t] = t == root[t] ? 0 : offset;
    }
    std::vector<Halo> halo(count);
    for (const auto& op : plan.ops())
        for (const int tensor : op->inputs)
            halo[root[tensor]] = widest(halo[root[tensor]], op->halo(plan.spec(tensor)));
    for (int t = 0; t < count; ++t) {
        if (root[t] != t) continue;
        const TensorSpec& spec = plan.spec(t);
        const Halo& h = halo[t];
        const ptrdiff_t row = static_cast<ptrdiff_t>(spec.width + h.left + h.right) * spec.channels;
        layout.buffers.emplace_back(static_cast<size_t>(row) * (spec.height + h.top + h.bottom));
        float* origin = layout.buffers.back().data() + h.top * row + static_cast<ptrdiff_t>(h.left) * spec.channels;
        layout.views[t] = {origin, row, spec.channels, spec.height, spec.width, spec.channels};
    }
    for (int t = 0; t < count; ++t) {
        if (root[t] == t) continue;
        View view = layout.views[root[t]];
        view.data += channel[t];
        view.channels = plan.spec(t).channels;
        layout.views[t] = view;
    }
    return layout;
}

}  // namespace skipvid
