// The commit of one block of results.
#pragma once

#include <algorithm>
#include <vector>

#include "plan.hpp"

namespace skipvid {

// What pixels held before they were committed, where a gate asks how much they changed.
class Before {
  public:
    Before(const Map& map, CommitMode mode, float* const* pixels, int n) : pixels_(pixels) {
        if (!map.residual.wanted() || mode == CommitMode::kRefresh) return;
        const int channels = map.view.channels;
        values_.resize(static_cast<size_t>(n) * channels);
        for (int i = 0; i < n; ++i)
            std::copy_n(pixels[i], channels, values_.data() + static_cast<size_t>(i) * channels);
    }
    void note(Map& map, const Pixels& px, const uint8_t* committed) const {
        if (values_.empty()) return;
        const int channels = map.view.channels;
        for (int i = 0; i < px.n; ++i)
            if (committed[i])
                map.residual.norm[static_cast<size_t>(px.y[i]) * map.view.width + px.x[i]] =
                    l1_distance(pixels_[i], values_.data() + static_cast<size_t>(i) * channels, channels);
    }

  private:
    float* const* pixels_;
    std::vector<float> values_;
};

// Applies the activation to rows of `stride` floats per pixel, compares them with the map by its rule and writes what
// is accepted; sets the pixels' bits in its mask. Blocks of one map may be committed from several threads.
void commit_block(const Kernels& kernels, const Activation& activation, CommitMode mode, const Pixels& px, float* rows,
                  int stride, Map& out);

}  // namespace skipvid
