// Indirect convolution: MR arbitrary output pixels by NV vectors of output channels in registers.
//
// Every output is bias + sum over the window's values in order, one fused multiply-add each, whatever MR, NV and the
// chunking of the reduction are: bits do not depend on how pixels are grouped.

namespace skipvid::SKIPVID_ISA {

template <int MR, int NV>
SKIPVID_INLINE void conv_tile(const float* const* SKIPVID_RESTRICT window, ptrdiff_t source,
                              const Segment* SKIPVID_RESTRICT segment, int segments,
                              const float* SKIPVID_RESTRICT weights, const float* SKIPVID_RESTRICT bias,
                              float* const* SKIPVID_RESTRICT rows, int channel, const Limits& limits) {
    V sum[MR][NV];
    for (int i = 0; i < MR; ++i)
        for (int j = 0; j < NV; ++j) sum[i][j] = load((bias ? bias : rows[i]) + channel + j * kLanes);
    for (int s = 0; s < segments; ++s) {
        const float* p[MR];
        for (int i = 0; i < MR; ++i) p[i] = window[i] + source + segment[s].offset;
        const int length = segment[s].length;
        for (int c = 0; c < length; ++c) {
            V w[NV];
            for (int j = 0; j < NV; ++j) w[j] = load(weights + j * kLanes);
            for (int i = 0; i < MR; ++i) {
                const V x = splat(p[i][c]);
                for (int j = 0; j < NV; ++j) sum[i][j] = fma(x, w[j], sum[i][j]);
            }
            weights += NV * kLanes;
        }
    }
    const V low = splat(limits.low), high = splat(limits.high);
    for (int i = 0; i < MR; ++i)
        for (int j = 0; j < NV; ++j) store(rows[i] + channel + j * kLanes, min(high, max(low, sum[i][j])));
}

// Tiles of MR pixels, then one of the remaining 1 ... MR - 1.
template <int MR, int NV, int Rest = MR - 1>
void conv_rest(int rest, const float* const* window, ptrdiff_t source, const Segment* segment, int segments,
               const float* weights, const float* bias, float* const* rows, int channel, const Limits& limits) {
    if constexpr (Rest > 0) {
        if (rest == Rest)
            conv_tile<Rest, NV>(window, source, segment, segments, weights, bias, rows, channel, limits);
        else
            conv_rest<MR, NV, Rest - 1>(rest, window, source, segment, segments, weights, bias, rows, channel, limits);
    }
}

// Fetches what `count` windows add to those before them.
SKIPVID_INLINE void fetch_ahead(const Ahead& ahead, const float* const* window, int count) {
    for (int k = 0; k < ahead.count; ++k)
        for (int i = 0; i < count; ++i) {
            const float* p = window[i] + ahead.offsets[k];
            for (int c = ahead.floats - 1; c >= 0; c -= 16) prefetch(p + c);
        }
}

// Fetches what the results of `count` pixels will be compared with, which is not at once.
SKIPVID_INLINE void fetch_old(const Ahead& ahead, const float* const* old, int count) {
    for (int i = 0; i < count; ++i)
        for (int c = ahead.channels - 1; c >= 0; c -= 16) prefetch_later(old[i] + c);
}

template <int MR, int NV>
void conv_panel(const ConvArgs& a, const Panel& panel, const Chunk& chunk) {
    const float* weights = panel.weights + static_cast<size_t>(chunk.first) * NV * kLanes;
    const float* bias = chunk.first == 0 ? a.bias : nullptr;
    const Segment* segment = a.segments + chunk.segment;
    const Limits limits = &chunk == a.chunks + a.chunk_count - 1 ? a.limits : Limits{};
    int i = 0;
    const bool first = &panel == a.panels && &chunk == a.chunks;
    for (; i + MR <= a.pixels; i += MR) {
        if (first && a.ahead.old != nullptr) fetch_old(a.ahead, a.ahead.old + i, MR);
        if (first && a.ahead.count != 0) {
            const int next = a.pixels - i - MR;
            fetch_ahead(a.ahead, a.window + i + MR, next < MR ? next : MR);
        }
        conv_tile<MR, NV>(a.window + i, panel.source, segment, chunk.segments, weights, bias, a.rows + i, panel.channel,
                          limits);
    }
    conv_rest<MR, NV>(a.pixels - i, a.window + i, panel.source, segment, chunk.segments, weights, bias, a.rows + i,
                      panel.channel, limits);
}

// Tile heights: as many accumulators as the registers hold beside one input value and the weights.
#if defined(SKIPVID_AVX512)
constexpr int kTile[5] = {0, 12, 12, 8, 0};
constexpr int kMainVectors = 2, kMaxVectors = 3;
#elif defined(SKIPVID_AVX2)
constexpr int kTile[5] = {0, 8, 6, 4, 0};
constexpr int kMainVectors = 2, kMaxVectors = 3;
#elif defined(SKIPVID_NEON)
constexpr int kTile[5] = {0, 8, 8, 6, 6};
constexpr int kMainVectors = 4, kMaxVectors = 4;
#else
constexpr int kTile[5] = {0, 4, 4, 0, 0};
constexpr int kMainVectors = 2, kMaxVectors = 2;
#endif

inline void conv(const ConvArgs& a) {
    for (int k = 0; k < a.chunk_count; ++k) {
        for (int p = 0; p < a.panel_count; ++p) {
            const Panel& panel = a.panels[p];
            switch (panel.vectors) {
                case 1:
                    conv_panel<kTile[1], 1>(a, panel, a.chunks[k]);
                    break;
                case 2:
                    conv_panel<kTile[2], 2>(a, panel, a.chunks[k]);
                    break;
                case 3:
                    if constexpr (kMaxVectors >= 3) conv_panel<kTile[3], 3>(a, panel, a.chunks[k]);
                    break;
                default:
                    if constexpr (kMaxVectors >= 4) conv_panel<kTile[4], 4>(a, panel, a.chunks[k]);
                    break;
            }
        }
    }
}

}  // namespace skipvid::SKIPVID_ISA
