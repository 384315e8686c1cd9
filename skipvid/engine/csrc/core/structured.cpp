// Commits that are decided for blocks of pixels as a whole, and those of single pixels.
#include <algorithm>

#include "commit.hpp"
#include "stream.hpp"
#include "threads.hpp"

namespace skipvid {

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
        collect(active, pixels, number, block, px);
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
