// Depthwise convolution: several output pixels by one vector of channels in registers.
//
// Neighbouring outputs share columns of their windows, so a run of them reads each column once. Every output is bias +
// sum over the taps in order, one fused multiply-add each, whichever way it is computed: bits do not depend on which
// neighbours are active. Values beyond the last channel are read (buffers have slack) and never kept.

namespace skipvid::SKIPVID_ISA {

#if defined(SKIPVID_AVX512) || defined(SKIPVID_NEON)
constexpr bool kManyRegisters = true;  // 32
#else
constexpr bool kManyRegisters = false;
#endif

// Rows of the next tile that no earlier row of outputs has read are fetched while this one is computed: maps of many
// channels are too short a stretch per column for the hardware to foresee.
template <int Columns>
SKIPVID_INLINE void fetch_columns(const float* from, ptrdiff_t row, int rows, int step) {
    for (int r = 0; r < rows; ++r, from += row)
        for (int i = 0; i < Columns * kLanes; i += 16) prefetch(from + static_cast<ptrdiff_t>(step) * Columns + i);
}

// Channels from c on, NC vectors at a time, of outputs first ... first + MR - 1, whose windows lie S columns apart;
// returns the first channel left over.
template <int KW, int S, int MR, int NC>
SKIPVID_INLINE int run_channels(const DepthwiseArgs& a, int first, ptrdiff_t padded, int c) {
    constexpr int kColumns = (MR - 1) * S + KW;
    const float* window = a.window[first];
    float* out = a.scratch + first * a.stride;
    const float* ahead = window + (a.kernel_h - S) * a.down + kColumns * a.right;
    const ptrdiff_t right = a.right;
    const V low = splat(a.limits.low), high = splat(a.limits.high);
    for (; c + (NC - 1) * kLanes < a.channels; c += NC * kLanes) {
        for (int n = 0; n < NC; ++n) fetch_columns<MR * S>(ahead, a.down, S, c + n * kLanes);
        V sum[NC][MR];
        for (int n = 0; n < NC; ++n)
            for (int i = 0; i < MR; ++i) sum[n][i] = load(a.bias + c + n * kLanes);
        const float *weights = a.weights + c, *row = window + c;
        for (int ky = 0; ky < a.kernel_h; ++ky, row += a.down, weights += KW * padded) {
            V w[NC][KW];
            for (int n = 0; n < NC; ++n)
                for (int kx = 0; kx < KW; ++kx) w[n][kx] = load(weights + kx * padded + n * kLanes);
            const float* p = row;
#pragma GCC unroll 32
            for (int j = 0; j < kColumns; ++j, p += right) {
                for (int n = 0; n < NC; ++n) {
                    const V x = load(p + n * kLanes);
#pragma GCC unroll 8
                    for (int kx = 0; kx < KW; ++kx)
                        if (j >= kx && (j - kx) % S == 0 && (j - kx) / S < MR)
                            sum[n][(j - kx) / S] = fma(x, w[n][kx], sum[n][(j - kx) / S]);
                }
            }
        }
        for (int n = 0; n < NC; ++n)
            for (int i = 0; i < MR; ++i) store(out + i * a.stride + c + n * kLanes, min(high, max(low, sum[n][i])));
    }
    return c;
}

// Sums that take turns hide the time that each addition takes: few outputs, so more channels.
template <int KW, int S, int MR>
void depthwise_run(const DepthwiseArgs& a, int first, ptrdiff_t padded) {
    constexpr int kVectors = MR < 8 && kManyRegisters ? 2 : 1;
    const int c = run_channels<KW, S, MR, kVectors>(a, first, padded, 0);
    if constexpr (kVectors > 1) run_channels<KW, S, MR, 1>(a, first, padded, c);
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

// As run_channels, of outputs anywhere.
template <int MR, int NC>
SKIPVID_INLINE int any_channels(const DepthwiseArgs& a, int first, ptrdiff_t padded, int c) {
    float* out = a.scratch + first * a.stride;
    const V low = splat(a.limits.low), high = splat(a.limits.high);
    const float* p[MR];
    for (int i = 0; i < MR; ++i) p[i] = a.window[first + i] + c;
    const int left = a.tap_count > 0 ? a.pixels - first - MR : 0, next = left < MR ? left : MR;
    for (; c + (NC - 1) * kLanes < a.channels; c += NC * kLanes) {
        for (int n = 0; n < NC; ++n)
            if ((c + n * kLanes) % 16 == 0) fetch_last(a, first + MR, next, c + n * kLanes);
        V sum[MR][NC];
        for (int i = 0; i < MR; ++i)
            for (int n = 0; n < NC; ++n) sum[i][n] = load(a.bias + c + n * kLanes);
        const float* weights = a.weights + c;
        for (int t = 0; t < a.tap_count; ++t, weights += padded) {
            V w[NC];
            for (int n = 0; n < NC; ++n) w[n] = load(weights + n * kLanes);
            const ptrdiff_t offset = a.taps[t];
            for (int i = 0; i < MR; ++i)
                for (int n = 0; n < NC; ++n) sum[i][n] = fma(load(p[i] + offset + n * kLanes), w[n], sum[i][n]);
        }
        for (int i = 0; i < MR; ++i) {
            for (int n = 0; n < NC; ++n) store(out + i * a.stride + c + n * kLanes, min(high, max(low, sum[i][n])));
            p[i] += NC * kLanes;
        }
    }
    return c;
}

template <int MR>
void depthwise_any(const DepthwiseArgs& a, int first, ptrdiff_t padded) {
    constexpr int kVectors = 8 / MR > 4 ? 4 : 8 / MR;
    const int c = any_channels<MR, kVectors>(a, first, padded, 0);
    if constexpr (kVectors > 1) any_channels<MR, 1>(a, first, padded, c);
}

// Number of outputs from `first` on, `most` at most, that lie side by side.
inline int run_length(const DepthwiseArgs& a, int first, int most) {
    if (most > a.pixels - first) most = a.pixels - first;
    int n = 1;
    while (n < most && a.window[first + n] - a.window[first + n - 1] == a.step) ++n;
    return n;
}

// Number of outputs from `first` on, `most` at most, before the next four that lie side by side.
inline int scattered(const DepthwiseArgs& a, int first, int most) {
    int n = 0;
    while (n < most && first + n < a.pixels) {
        const int run = run_length(a, first + n, 4);
        if (run == 4) break;
        n += run;
    }
    return n < most ? n : most;
}

template <int KW, int S, int MR>
void depthwise_runs(const DepthwiseArgs& a, ptrdiff_t padded) {
    for (int i = 0; i < a.pixels;) {
        if constexpr (KW > 0) {
            const int run = run_length(a, i, MR);
            if (run == MR) {
                depthwise_run<KW, S, MR>(a, i, padded), i += MR;
                continue;
            }
            if (run >= 4) {
                depthwise_run<KW, S, 4>(a, i, padded), i += 4;
                continue;
            }
        }
        if ((KW > 0 ? scattered(a, i, 8) : a.pixels - i) >= 8)
            depthwise_any<8>(a, i, padded), i += 8;
        else if (a.pixels - i >= 4)
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
