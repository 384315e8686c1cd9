// Which output pixels of a row have a window that changed by enough, and how many there are.

namespace skipvid::SKIPVID_ISA {

constexpr int kFewBits = 6;  // of a word, up to which its pixels are looked at one by one

// Sums over the rows of the windows, for `count` columns from `first` on. `Rows`: as many as there are; 0: any number.
template <int Rows>
SKIPVID_INLINE void sum_columns(const OpenArgs& a, int first, int count) {
    const int n = Rows > 0 ? Rows : a.row_count, last = first + count, begin = first < a.pad ? a.pad : first;
    const int end = last < a.pad + a.width ? last : a.pad + a.width;
    for (int c = first; c < (begin < last ? begin : last); ++c) a.columns[c] = 0.0f;
    for (int c = end > first ? end : first; c < last; ++c) a.columns[c] = 0.0f;
    int c = begin;
    for (; c + kLanes <= end; c += kLanes) {
        V sum = splat(0.0f);
        for (int k = 0; k < n; ++k) sum = sum + load(a.rows[k] + (c - a.pad));
        store(a.columns + c, sum);
    }
    for (; c < end; ++c) {
        float sum = 0.0f;
        for (int k = 0; k < n; ++k) sum += a.rows[k][c - a.pad];
        a.columns[c] = sum;
    }
}

inline float window_sum(const OpenArgs& a, int x) {
    float sum = a.columns[x * a.stride];
    for (int k = 1; k < a.kernel_w; ++k) sum += a.columns[x * a.stride + k * a.dilation];
    return sum;
}

inline uint64_t open_few(const OpenArgs& a, int w, uint64_t word) {
    for (uint64_t bits = word; bits != 0; bits &= bits - 1) {
        const int x = w * 64 + std::countr_zero(bits);
        float sum = window_sum(a, x);
        if (a.sums != nullptr) sum += a.sums[x];
        const bool closed = sum <= a.limit * a.factors[x];
        if (a.sums != nullptr) a.sums[x] = closed ? sum : 0.0f;
        if (closed) word ^= bits & -bits;
    }
    return word;
}

// A pixel that no change reaches adds zero to what it remembers, so all of a word may be added up.
inline uint64_t open_many(const OpenArgs& a, int w, uint64_t word) {
    uint64_t closed = 0;
    for (int i = 0; i < 64; i += kLanes) {
        const int x = w * 64 + i;
        V sum;
        if (a.stride == 1) {
            sum = load(a.columns + x);
            for (int k = 1; k < a.kernel_w; ++k) sum = sum + load(a.columns + x + k * a.dilation);
        } else if (a.stride == 2) {
            const float* from = a.columns + 2 * x;
            sum = even_lanes(load(from), load(from + kLanes));
            for (int k = 1; k < a.kernel_w; ++k)
                sum = sum + even_lanes(load(from + k * a.dilation), load(from + k * a.dilation + kLanes));
        } else {
            float lanes[kLanes];
            for (int lane = 0; lane < kLanes; ++lane) lanes[lane] = window_sum(a, x + lane);
            sum = load(lanes);
        }
        if (a.sums != nullptr) {
            sum = load(a.sums + x) + sum;
            store(a.sums + x, sum);
        }
        closed |= at_most(sum, splat(a.limit) * load(a.factors + x)) << i;
    }
    const uint64_t open = word & ~closed;
    if (a.sums != nullptr)
        for (uint64_t bits = open; bits != 0; bits &= bits - 1) a.sums[w * 64 + std::countr_zero(bits)] = 0.0f;
    return open;
}

inline void open_row(const OpenArgs& a) {
    const int reach = (a.kernel_w - 1) * a.dilation + 1;
    int done = 0;  // columns summed so far
    for (int w = 0; w < a.words; ++w) {
        if (a.mask[w] == 0) continue;
        if (a.sums != nullptr)
            for (int i = 0; i < 64; i += 16) prefetch(a.sums + w * 64 + i);
        const int first = w * 64 * a.stride, end = (w * 64 + 63) * a.stride + reach;
        const int from = done > first ? done : first;
        if (from < end) a.row_count == 3 ? sum_columns<3>(a, from, end - from) : sum_columns<0>(a, from, end - from);
        done = end;
    }
    // Only now: what closed pixels remember has been fetched, and sums of columns have arrived in the cache.
    for (int w = 0; w < a.words; ++w) {
        const uint64_t word = a.mask[w];
        if (word != 0) a.mask[w] = std::popcount(word) <= kFewBits ? open_few(a, w, word) : open_many(a, w, word);
    }
}

inline void index_rows(const uint64_t* mask, int words, int rows, int32_t* before) {
    int32_t n = 0;
    for (int y = 0; y < rows; ++y, mask += words) {
        before[y] = n;
        for (int w = 0; w < words; ++w) n += std::popcount(mask[w]);
    }
    before[rows] = n;
}

}  // namespace skipvid::SKIPVID_ISA
