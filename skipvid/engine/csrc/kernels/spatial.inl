// Pools, resampling, row sums and the comparison of images.

namespace skipvid::SKIPVID_ISA {

// Window [first, last) of taps that lie in a map of `size`.
SKIPVID_INLINE void clip_taps(int anchor, int kernel, int dilation, int size, int& first, int& last) {
    first = anchor < 0 ? (-anchor + dilation - 1) / dilation : 0;
    last = anchor + (kernel - 1) * dilation < size ? kernel : (size - anchor + dilation - 1) / dilation;
    if (last < first) last = first;  // a window wholly in the padding
}

inline void average_pixel(const PoolArgs& a, int y, int x, float* out) {
    const int ay = y * a.stride_h - a.top, ax = x * a.stride_w - a.left;
    int y0, y1, x0, x1;
    clip_taps(ay, a.kernel_h, a.dilation_h, a.height, y0, y1);
    clip_taps(ax, a.kernel_w, a.dilation_w, a.width, x0, x1);
    const ptrdiff_t down = a.row * a.dilation_h, right = a.pixel * a.dilation_w;
    const float* window = a.origin + (ay + y0 * a.dilation_h) * a.row + (ax + x0 * a.dilation_w) * a.pixel;
    float count = static_cast<float>((y1 - y0) * (x1 - x0));
    if (a.count_pads) {
        int p0, p1, q0, q1;  // the same in the padded map
        clip_taps(ay + a.top, a.kernel_h, a.dilation_h, a.height + a.top + a.bottom, p0, p1);
        clip_taps(ax + a.left, a.kernel_w, a.dilation_w, a.width + a.left + a.right, q0, q1);
        count = static_cast<float>((p1 - p0) * (q1 - q0));
    }
    for (int c = 0; c < a.channels; c += kLanes) {
        V value = splat(0.0f);
        for (int ky = 0; ky < y1 - y0; ++ky) {
            const float* p = window + ky * down + c;
            for (int kx = 0; kx < x1 - x0; ++kx, p += right) value = value + load(p);
        }
        store(out + c, value / splat(count));
    }
}

constexpr int kPoolColumns = 128;

// The maxima of `run` outputs side by side. Each is the maximum, from left to right, of those of its window's columns,
// from top to bottom, whatever the run: zeros of either sign and values that are no numbers come out the same.
// Columns are shared: their maxima are taken once. Columns outside the map count -infinity.
inline void max_run(const PoolArgs& a, int y, int x, int run, float* out) {
    const int ay = y * a.stride_h - a.top, ax = x * a.stride_w - a.left;
    const int columns = (run - 1) * a.stride_w + (a.kernel_w - 1) * a.dilation_w + 1;
    int y0, y1;
    clip_taps(ay, a.kernel_h, a.dilation_h, a.height, y0, y1);
    const ptrdiff_t down = a.row * a.dilation_h;
    const int first = ax < 0 ? -ax : 0, last = ax + columns > a.width ? a.width - ax : columns;
    const float* window = a.origin + (ay + y0 * a.dilation_h) * a.row + ax * a.pixel;
    const V lowest = splat(-INFINITY);
    V column[kPoolColumns];
    for (int j = 0; j < columns; ++j) column[j] = lowest;
    for (int c = 0; c < a.channels; c += kLanes) {
        for (int j = first; j < last; ++j) {
            const float* p = window + j * a.pixel + c;
            V value = lowest;
            for (int ky = y0; ky < y1; ++ky, p += down) value = max(value, load(p));
            column[j] = value;
        }
        const V* from = column;
        float* to = out + c;
        for (int i = 0; i < run; ++i, from += a.stride_w, to += a.stride) {
            V value = lowest;
            for (int kx = 0; kx < a.kernel_w; ++kx) value = max(value, from[kx * a.dilation_w]);
            store(to, value);
        }
    }
}

// As max_run, of one output whose window is too wide for it.
inline void max_pixel(const PoolArgs& a, int y, int x, float* out) {
    const int ay = y * a.stride_h - a.top, ax = x * a.stride_w - a.left;
    int y0, y1, x0, x1;
    clip_taps(ay, a.kernel_h, a.dilation_h, a.height, y0, y1);
    clip_taps(ax, a.kernel_w, a.dilation_w, a.width, x0, x1);
    const ptrdiff_t down = a.row * a.dilation_h, right = a.pixel * a.dilation_w;
    const float* window = a.origin + (ay + y0 * a.dilation_h) * a.row + (ax + x0 * a.dilation_w) * a.pixel;
    for (int c = 0; c < a.channels; c += kLanes) {
        V value = splat(-INFINITY);
        for (int kx = 0; kx < x1 - x0; ++kx) {
            const float* p = window + kx * right + c;
            V column = splat(-INFINITY);
            for (int ky = 0; ky < y1 - y0; ++ky, p += down) column = max(column, load(p));
            value = max(value, column);
        }
        store(out + c, value);
    }
}

inline void pool(const PoolArgs& a) {
    const int room = kPoolColumns - (a.kernel_w - 1) * a.dilation_w;
    const int most = room < 1 ? 0 : (room - 1) / a.stride_w + 1;
    for (int i = 0; i < a.pixels;) {
        float* out = a.scratch + i * a.stride;
        const int y = a.y[i], x = a.x[i];
        if (a.average || most == 0) {
            (a.average ? average_pixel : max_pixel)(a, y, x, out);
            ++i;
            continue;
        }
        int run = 1;
        while (run < most && i + run < a.pixels && a.y[i + run] == y && a.x[i + run] == x + run) ++run;
        max_run(a, y, x, run, out);
        i += run;
    }
}

inline void resample_pixel(const ResampleArgs& a, int y, int x, float* out) {
    const int32_t* rows = a.row_index + y * a.row_taps;
    const int32_t* cols = a.col_index + x * a.col_taps;
    const float* row_weight = a.row_weight + y * a.row_taps;
    const float* col_weight = a.col_weight + x * a.col_taps;
    bool outside = false;
    for (int t = 0; t < a.row_taps; ++t) outside |= rows[t] < 0 && row_weight[t] != 0.0f;
    for (int t = 0; t < a.col_taps; ++t) outside |= cols[t] < 0 && col_weight[t] != 0.0f;
    const bool copy = a.row_taps == 1 && a.col_taps == 1;
    for (int c = 0; c < a.channels; c += kLanes) {
        V value = splat(outside ? a.fill : 0.0f);
        if (!outside && copy) value = load(a.origin + rows[0] * a.row + cols[0] * a.pixel + c);
        if (!outside && !copy) {
            for (int i = 0; i < a.row_taps; ++i) {
                if (row_weight[i] == 0.0f) continue;
                const float* row = a.origin + rows[i] * a.row + c;
                V across = splat(0.0f);
                for (int j = 0; j < a.col_taps; ++j)
                    if (col_weight[j] != 0.0f)
                        across = fma(splat(col_weight[j]), load(row + cols[j] * a.pixel), across);
                value = fma(splat(row_weight[i]), across, value);
            }
        }
        store(out + c, value);
    }
}

inline void resample(const ResampleArgs& a) {
    for (int i = 0; i < a.pixels; ++i) resample_pixel(a, a.y[i], a.x[i], a.scratch + i * a.stride);
}

// Channels from c on, NC vectors at a time: every addition waits for the one before, of its own channel only. Returns
// the first channel left over.
template <bool Maximum, int NC>
SKIPVID_INLINE int reduce_channels(const float* row, ptrdiff_t pixel, int width, int channels, float* result, int c) {
    for (; c + (NC - 1) * kLanes < channels; c += NC * kLanes) {
        const float* p = row + c;
        V value[NC];
        for (int n = 0; n < NC; ++n) value[n] = load(p + n * kLanes);
        for (int x = 1; x < width; ++x) {
            p += pixel;
            for (int n = 0; n < NC; ++n) {
                const V next = load(p + n * kLanes);
                value[n] = Maximum ? max(value[n], next) : value[n] + next;
            }
        }
        for (int n = 0; n < NC; ++n) store(result + c + n * kLanes, value[n]);
    }
    return c;
}

template <bool Maximum>
void reduce(const float* row, ptrdiff_t pixel, int width, int channels, float* result) {
    const int c = reduce_channels<Maximum, 4>(row, pixel, width, channels, result, 0);
    reduce_channels<Maximum, 1>(row, pixel, width, channels, result, c);
}

inline void reduce_row(const float* row, ptrdiff_t pixel, int width, int channels, bool maximum, float* result) {
    (maximum ? reduce<true> : reduce<false>)(row, pixel, width, channels, result);
}

}  // namespace skipvid::SKIPVID_ISA
