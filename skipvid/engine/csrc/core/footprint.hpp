// Mask propagation: which output pixels have a changed input pixel in their window. All functions add to `out`.
#pragma once

#include <vector>

#include "bitmap.hpp"

namespace skipvid {

// A window along one axis: output o reads inputs o*stride - pad + k*dilation, 0 <= k < kernel.
struct Axis {
    int kernel = 1, stride = 1, dilation = 1, pad = 0;
};

void window_footprint(const BitMap& in, const Axis& vertical, const Axis& horizontal, BitMap& out);

// Transposed windows: input i reaches outputs i*stride - pad + k*dilation.
void transposed_footprint(const BitMap& in, const Axis& vertical, const Axis& horizontal, BitMap& out);

// Square neighbourhoods of Chebyshev radius `radius`.
void dilate(const BitMap& in, int radius, BitMap& out);

// Tables of one axis of a resampling, inverted: source s reaches outputs target[begin[s]] ... target[begin[s + 1] - 1].
struct Reach {
    std::vector<int32_t> begin, target;
    int replicate = 0;  // f > 0: source s reaches exactly f*s ... f*s + f - 1

    // index, weight: (outputs, taps); taps of weight 0 or index -1 read nothing.
    static Reach invert(const int32_t* index, const float* weight, int outputs, int taps, int sources);
};

void resample_footprint(const BitMap& in, const Reach& rows, const Reach& columns, BitMap& out);

}  // namespace skipvid
