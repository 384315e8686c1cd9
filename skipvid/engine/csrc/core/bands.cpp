// A refresh writes every map, and large maps do not fit into the caches. So the operators of a chain take turns: each
// goes as far down the picture as the rows of its inputs allow, and finds them still cached. Values are the same; only
// the order of work differs.
#include <algorithm>

#include "stream.hpp"
#include "threads.hpp"

namespace skipvid {
namespace {

constexpr ptrdiff_t kBandFloats = 96 * 1024;     // of a chain's largest map, per turn
constexpr int kLongest = 3;                      // operators in turn: the bands of all of them share the cache
constexpr ptrdiff_t kCachedFloats = 256 * 1024;  // maps up to this size stay cached from operator to operator

ptrdiff_t floats(const View& view) { return static_cast<ptrdiff_t>(view.height) * view.width * view.channels; }

}  // namespace

// The end of the longest chain from `first` on: operators that read, of maps of the chain, only the one written before
// them and, row by row, earlier ones. What goes over its pixels in an order of its own is in none.
int Stream::chain_end(int first, int last) const {
    const auto& ops = plan_->ops();
    int end = first;
    for (; end < last && ops[end]->kind() == OpKind::kBlock; ++end) {
        if (walked_[end]) break;
        bool reads_last = end == first;
        for (size_t k = 0; k < ops[end]->inputs.size(); ++k) {
            const int input = ops[end]->inputs[k];
            for (int i = first; i < end; ++i) {
                if (ops[i]->output != input) continue;
                if (nodes_[end]->rows_ready(static_cast<int>(k), 1) < 0) return end;
                reads_last |= i == end - 1;
            }
        }
        if (!reads_last) break;
    }
    return end;
}

// Computes the chain that begins at `first` in bands, where that pays; returns the end of what was computed.
int Stream::run_bands(int first, int last) {
    const auto& ops = plan_->ops();
    int end = chain_end(first, last);
    const auto large = [&](int i) {
        return !joined_[ops[i]->output] && floats(maps_[ops[i]->output].view) > kCachedFloats;
    };
    if (end == first || !large(first)) return first;
    end = std::min(end, first + kLongest);
    int stop = first + 1;  // a chain goes one operator beyond its last large map
    for (int i = first; i < end; ++i)
        if (large(i)) stop = std::min(end, i + 2);
    if (stop - first < 2) return first;
    ptrdiff_t widest = 1;
    for (int i = first; i < stop; ++i) {
        const View& view = maps_[ops[i]->output].view;
        widest = std::max(widest, floats(view) / maps_[ops[first]->output].view.height);
    }
    const int height = maps_[ops[first]->output].view.height;
    const int band = static_cast<int>(std::max<ptrdiff_t>(2, kBandFloats * threads_ / widest));
    std::vector<int> done(stop - first, 0);
    for (int row = 0; row < height;) {
        row = std::min(height, row + band);
        for (int i = first; i < stop; ++i) {
            int ready = i == first ? row : maps_[ops[i]->output].view.height;
            for (size_t k = 0; k < ops[i]->inputs.size(); ++k)
                for (int j = first; j < i; ++j)
                    if (ops[j]->output == ops[i]->inputs[k])
                        ready = std::min(ready, nodes_[i]->rows_ready(static_cast<int>(k), done[j - first]));
            run_rows(i, done[i - first], ready);
            done[i - first] = std::max(done[i - first], ready);
        }
    }
    return stop;
}

void Stream::run_rows(int index, int begin, int end) {
    if (begin < end && !joined_[plan_->ops()[index]->output]) store_rows(index, begin, end);
}

// Computes and stores rows [begin, end) of an operator's output, without comparing.
void Stream::store_rows(int index, int begin, int end) {
    const Op& op = *plan_->ops()[index];
    const Node& node = *nodes_[index];
    const View& out = maps_[op.output].view;
    const int pixels = (end - begin) * out.width;
    int block = std::min<int>(kMaxBlock, block_floats_ / std::max(1, node.stride + node.extra));
    block = std::min(kMaxBlock, std::max(node.granule, block / node.granule * node.granule));
    Pool::instance().run(threads_, (pixels + block - 1) / block, [&](int number, int worker) {
        Pixels px;
        const int from = number * block;
        int y = begin + from / out.width, x = from % out.width;
        for (int i = std::min(block, pixels - from); i > 0; --i) {
            px.add(y, x);
            if (++x == out.width) x = 0, ++y;
        }
        float* scratch = scratch_[worker].data();
        float* target[kMaxBlock];
        const auto aim = [&] {
            for (int i = 0; i < px.n; ++i) target[i] = out.at(px.y[i], px.x[i]);
        };
        if (node.direct) {
            aim();
            node.compute({.pixels = &px, .scratch = scratch, .rows = target});
            return;
        }
        node.compute({&px, scratch});
        aim();  // now: the computation may have permuted the pixels
        plan_->kernels().commit({px.n, out.channels, target, scratch, node.stride, op.left(), CommitMode::kRefresh,
                                 NormKind::kMax, 0.0f, nullptr});
    });
}

}  // namespace skipvid
