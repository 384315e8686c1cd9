// Commits that are decided for blocks of pixels as a whole, and those of single pixels.
#include <algorithm>

#include "commit.hpp"
#include "stream.hpp"
#include "threads.hpp"

namespace skipvid {

// Decides for all pixels first, against copies of what the map holds, and then commits those of the blocks decided for.
void Stream::run_structured(int index, const BitMap& active, int64_t pixels) {
    const Op& op = *plan_->ops()[index];
    Map& out = maps_[op.output];
    const int channels = out.view.channels, padded = round_up(channels, 16), stride = row_stride(index);
    struct Computed {
        std::vector<Pixels> pixels;
        std::vector<float> values;  // (pixels, padded), activated
    };
    std::vector<Computed> found(scratch_.size());  // by worker
    std::vector<BitMap> exceeding(scratch_.size(), BitMap(out.view.height, out.view.width));
    compute(index, active, pixels, [&](Pixels& px, float* rows, int worker) {
        std::vector<float> old(static_cast<size_t>(px.n) * padded);
        float* target[kMaxBlock];
        uint8_t exceeds[kMaxBlock];
        for (int i = 0; i < px.n; ++i) {
            target[i] = old.data() + static_cast<ptrdiff_t>(i) * padded;
            std::copy_n(out.view.at(px.y[i], px.x[i]), channels, target[i]);
        }
        plan_->kernels().commit({px.n, channels, target, rows, stride, op.left(), CommitMode::kNorm, out.gate.norm,
                                 out.gate.threshold, exceeds});
        // The comparison left the activated values behind.
        Computed& mine = found[worker];
        mine.pixels.push_back(px);
        for (int i = 0; i < px.n; ++i) {
            const float* row = rows + static_cast<ptrdiff_t>(i) * stride;
            mine.values.insert(mine.values.end(), row, row + padded);
            if (exceeds[i]) exceeding[worker].set(px.y[i], px.x[i]);
        }
    });
    BitMap decided(out.view.height, out.view.width);
    for (const BitMap& map : exceeding) decided.add(map);
    spread_blocks(decided, structure_);
    for (const Computed& part : found) {
        const float* values = part.values.data();
        for (const Pixels& px : part.pixels)
            for (int i = 0; i < px.n; ++i, values += padded)
                if (decided.get(px.y[i], px.x[i])) commit_pixel(out, px.y[i], px.x[i], values);
    }
}

void Stream::commit_pixel(Map& out, int y, int x, const float* values) {
    float* target = out.view.at(y, x);
    uint8_t committed = 0;
    float moved = 0.0f;
    plan_->kernels().commit({1, out.view.channels, &target, values, 0, Activation{}, CommitMode::kExact, out.gate.norm,
                             out.gate.threshold, &committed, &moved});
    if (!committed) return;
    out.changed.set(y, x);
    if (out.residual.wanted()) out.residual.note(y, x, out.view.width, moved);
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
