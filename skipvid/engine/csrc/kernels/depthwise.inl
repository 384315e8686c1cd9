// Depthwise convolution: several output pixels by one vector of channels in registers.
//
// Neighbouring outputs share columns of their windows, so a run of them reads each column once. Every output is bias +
// sum over the taps in order, one fused multiply-add each, whichever way it is computed: bits do not depend on which
// neighbours are active. Values beyond the last channel are read (buffers have slack) and never kept.

namespace skipvid::SKIPVID_ISA {

// Rows of the next tile that no earlier row of outputs has read are fetched while this one is computed: maps of many
// channels are too short a stretch per column for the hardware to foresee.
template <int Columns>
SKIPVID_INLINE void fetch_columns(const float* from, ptrdiff_t row, int rows, int step) {
    for (int r = 0; r < rows; ++r, from += row)
        for (int i = 0; i < Columns * kLanes; i += 16) prefetch(from + static_cast<ptrdiff_t>(step) * Columns + i);
}

// Outputs first ... first + MR - 1, whose windows lie S columns apart.
template <int KW, int S, int MR>
void depthwise_run(const DepthwiseArgs& a, int first, ptrdiff_t padded) {
    constexpr int kColumns = (MR - 1) * S + KW;
    const float* window = a.window[first];
    float* out = a.scratch + first * a.stride;
    const float* ahead = window + (a.kernel_h - S) * a.down + kColumns * a.right;
    const ptrdiff_t right = a.right;
    for (int c = 0; c < a.channels; c += kLanes) {
        fetch_columns<MR * S>(ahead, a.down, S, c);
        V sum[MR];
        for (int i = 0; i < MR; ++i) sum[i] = load(a.bias + c);
        const float *weights = a.weights + c, *row = window + c;
        for (int ky = 0; ky < a.kernel_h; ++ky, row += a.down, weights += KW * padded) {
            V w[KW];
            for (int kx = 0; kx < KW; ++kx) w[kx] = load(weights + kx * padded);
            const float* p = row;
#pragma GCC unroll 32
            for (int j = 0; j < kColumns; ++j, p += right) {
                const V x = load(p);
#pragma GCC unroll 8
                for (int kx = 0; kx < KW; ++kx)
                    if (j >= kx && (j - kx) % S == 0 && (j - kx) / S < MR)
                        sum[(j - kx) / S] = fma(x, w[kx], sum[(j - kx) / S]);
            }
        }
        for (int i = 0; i < MR; ++i) store(out + i * a.stride + c, sum[i]);
    }
}

// The same for outputs anywhere: of each window, the last pixel in either direction.
SKIPVID_INLINE void fetch_last(const DepthwiseArgs& a, int first, int count, int channel) {
    const bool apart = a.step != a.right;  // windows further apart share fewer pixels
    for (int i = 0; i < count; ++i) {
        const float* last = a.window[first + i] + a.taps[a.tap_count - 1] + channel;
        prefetch(last);
        if (!apart) continue;
        prefetch(last - a.right);
        prefetch(last - a.down);
        prefetch(last - a.down - a.right);
    }
}

// Outputs anywhere.
template <int MR>
void depthwise_any(const DepthwiseArgs& a, int first, ptrdiff_t padded) {
    float* out = a.scratch + first * a.stride;
    const float* p[MR];
    for (int i = 0; i < MR; ++i) p[i] = a.window[first + i];
    const int left = a.tap_count > 0 ? a.pixels - first - MR : 0, next = left < MR ? left : MR;
    for (int c = 0; c < a.channels; c += kLanes) {
        if (c % 16 == 0) fetch_last(a, first + MR, next, c);
        V sum[MR];
        for (int i = 0; i < MR; ++i) sum[i] = load(a.bias + c);
        const float* weights = a.weights + c;
        for (int t = 0; t < a.tap_count; ++t, weights += padded) {
            const V w = load(weights);
            const ptrdiff_t offset = a.taps[t];
            for (int i = 0; i < MR; ++i) sum[i] = fma(load(p[i] + offset), w, sum[i]);
        }
        for (int i = 0; i < MR; ++i) {
            store(out + i * a.stride + c, sum[i]);
            p[i] += kLanes;
        }
    }
}

// Number of outputs from `first` on, `most` at most, that lie side by side.
inline int run_length(const DepthwiseArgs& a, int first, int most) {
    if (most > a.pixels - first) most = a.pixels - first;
    int n = 1;
    while (n < most && a.window[first + n] - a.window[first + n - 1] == a.step) ++n;
    return n;
}

template <int KW, int S, int MR>
void depthwise_runs(const DepthwiseArgs& a, ptrdiff_t padded) {
    for (int i = 0; i < a.pixels;) {
        const int run = KW > 0 ? run_length(a, i, MR) : 1;
        if constexpr (KW > 0) {
            if (run == MR) {
                depthwise_run<KW, S, MR>(a, i, padded), i += MR;
                continue;
            }
            if (run >= 4) {
                depthwise_run<KW, S, 4>(a, i, padded), i += 4;
                continue;
            }
        }
        if (a.pixels - i >= 4)
            depthwise_any<4>(a, i, padded), i += 4;
        else
            depthwise_any<1>(a, i, padded), i += 1;
    }
}

inline void depthwise(const DepthwiseArgs& a) {
    const ptrdiff_t padded = (a.channels + kLanes - 1) / kLanes * kLanes;
    const bool one = a.step == a.right, two = a.step == 2 * a.right;
    if (a.kernel_w == 3 && one) return depthwise_runs<3, 1, 8>(a, padded);
    if (a.kernel_w == 3 && two) return depthwise_runs<3, 2, 8>(a, padded);
    if (a.kernel_w == 5 && one) return depthwise_runs<5, 1, 8>(a, padded);
    if (a.kernel_w == 5 && two) return depthwise_runs<5, 2, 8>(a, padded);
    depthwise_runs<0, 1, 8>(a, padded);
}

}  // namespace skipvid::SKIPVID_ISA
