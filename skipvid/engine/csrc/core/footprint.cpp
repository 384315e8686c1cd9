#include "footprint.hpp"

#include <algorithm>

namespace skipvid {
namespace {

// Words of a row of a mask, with one of zeros before and one behind them.
class Row {
  public:
    void clear(int words) { bits_.assign(static_cast<size_t>(words) + 2, 0); }
    int words() const { return static_cast<int>(bits_.size()) - 2; }
    uint64_t* data() { return bits_.data() + 1; }
    const uint64_t* data() const { return bits_.data() + 1; }

  private:
    std::vector<uint64_t> bits_;
};

// The even bits of a word, packed into its low half.
uint64_t even_bits(uint64_t v) {
    v &= 0x5555555555555555u;
    v = (v | v >> 1) & 0x3333333333333333u;
    v = (v | v >> 2) & 0x0f0f0f0f0f0f0f0fu;
    v = (v | v >> 4) & 0x00ff00ff00ff00ffu;
    v = (v | v >> 8) & 0x0000ffff0000ffffu;
    return (v | v >> 16) & 0x00000000ffffffffu;
}

// The inverse: the low half spread over the even bits.
uint64_t spread_bits(uint64_t v) {
    v &= 0xffffffffu;
    v = (v | v << 16) & 0x0000ffff0000ffffu;
    v = (v | v << 8) & 0x00ff00ff00ff00ffu;
    v = (v | v << 4) & 0x0f0f0f0f0f0f0f0fu;
    v = (v | v << 2) & 0x3333333333333333u;
    return (v | v << 1) & 0x5555555555555555u;
}

int floor_div(int a, int b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

// dst[x] |= row[x + shift] for the bits of `words` words, of which the row has as many at least.
void or_shifted(const Row& row, int words, int shift, uint64_t* dst) {
    const uint64_t* src = row.data();
    if (shift == 0) {
        for (int w = 0; w < words; ++w) dst[w] |= src[w];
    } else if (0 < shift && shift < 64) {
        for (int w = 0; w < words; ++w) dst[w] |= src[w] >> shift | src[w + 1] << (64 - shift);
    } else if (-64 < shift && shift < 0) {
        for (int w = 0; w < words; ++w) dst[w] |= src[w] << -shift | src[w - 1] >> (64 + shift);
    } else {
        for (int w = 0; w < words; ++w) dst[w] |= bits_at(src, row.words(), w * 64 + shift);
    }
}

// dst[x] |= OR over k of src[x*stride - pad + k*dilation]; `src` has stride * dst_words words at least, `window` is
// scratch.
void gather_row(const Row& src, const Axis& axis, Row& window, uint64_t* dst, int dst_words, uint64_t tail) {
    const int words = axis.stride * dst_words;
    window.clear(words);
    uint64_t* near = window.data();
    for (int k = 0; k < axis.kernel; ++k) or_shifted(src, words, k * axis.dilation - axis.pad, near);
    if (axis.stride == 1) {
        for (int w = 0; w < dst_words; ++w) dst[w] |= near[w];
    } else if (axis.stride == 2) {
        for (int w = 0; w < dst_words; ++w) dst[w] |= even_bits(near[2 * w]) | even_bits(near[2 * w + 1]) << 32;
    } else {
        for (int x = 0; x < dst_words * 64; ++x) {
            const int from = x * axis.stride;
            dst[x >> 6] |= (near[from >> 6] >> (from & 63) & 1) << (x & 63);
        }
    }
    dst[dst_words - 1] &= tail;
}

// ORs rows of `in` into `row`; whether any bit is set.
bool or_row(const BitMap& in, int y, uint64_t* row) {
    if (y < in.top() || y >= in.bottom()) return false;
    const uint64_t* src = in.row(y);
    uint64_t any = 0;
    for (int w = 0; w < in.words(); ++w) {
        row[w] |= src[w];
        any |= src[w];
    }
    return any != 0;
}

// dst bit x*factor = src bit x.
void stuff_row(const uint64_t* src, int words, int factor, uint64_t* dst) {
    if (factor == 2) {
        for (int w = 0; w < words; ++w) {
            dst[2 * w] = spread_bits(src[w]);
            dst[2 * w + 1] = spread_bits(src[w] >> 32);
        }
        return;
    }
    for (int w = 0; w < words; ++w)
        for (uint64_t word = src[w]; word != 0; word &= word - 1) {
            const int x = (w * 64 + std::countr_zero(word)) * factor;
            dst[x >> 6] |= uint64_t{1} << (x & 63);
        }
}

}  // namespace

void window_footprint(const BitMap& in, const Axis& v, const Axis& h, BitMap& out) {
    if (in.empty()) return;
    if (v.kernel == 1 && h.kernel == 1 && v.stride == 1 && h.stride == 1 && v.pad == 0 && h.pad == 0 &&
        in.height() == out.height() && in.width() == out.width()) {
        out.add(in);
        return;
    }
    const int reach = (v.kernel - 1) * v.dilation;
    const int first = std::max(0, floor_div(in.top() + v.pad - reach + v.stride - 1, v.stride));
    const int last = std::min(out.height() - 1, floor_div(in.bottom() - 1 + v.pad, v.stride));
    if (first > last) return;
    const int words = std::max(in.words(), h.stride * out.words());
    thread_local Row row, window;
    for (int y = first; y <= last; ++y) {
        row.clear(words);
        bool any = false;
        for (int k = 0; k < v.kernel; ++k) any |= or_row(in, y * v.stride - v.pad + k * v.dilation, row.data());
        if (any) gather_row(row, h, window, out.row(y), out.words(), out.tail());
    }
    out.widen(first, last + 1);
}

void transposed_footprint(const BitMap& in, const Axis& v, const Axis& h, BitMap& out) {
    if (in.empty()) return;
    const int reach = (v.kernel - 1) * v.dilation;
    const int first = std::max(0, in.top() * v.stride - v.pad);
    const int last = std::min(out.height() - 1, (in.bottom() - 1) * v.stride - v.pad + reach);
    if (first > last) return;
    thread_local Row row, stuffed;
    for (int y = first; y <= last; ++y) {
        row.clear(in.words());
        bool any = false;
        for (int k = 0; k < v.kernel; ++k) {
            const int up = y + v.pad - k * v.dilation;
            if (up >= 0 && up % v.stride == 0) any |= or_row(in, up / v.stride, row.data());
        }
        if (!any) continue;
        stuffed.clear(std::max(in.words() * h.stride, out.words()));
        stuff_row(row.data(), in.words(), h.stride, stuffed.data());
        uint64_t* dst = out.row(y);
        for (int k = 0; k < h.kernel; ++k) or_shifted(stuffed, out.words(), h.pad - k * h.dilation, dst);
        dst[out.words() - 1] &= out.tail();
    }
    out.widen(first, last + 1);
}

void dilate(const BitMap& in, int radius, BitMap& out) {
    const Axis axis{2 * radius + 1, 1, 1, radius};
    window_footprint(in, axis, axis, out);
}

Reach Reach::invert(const int32_t* index, const float* weight, int outputs, int taps, int sources) {
    std::vector<std::vector<int32_t>> reached(sources);
    for (int o = 0; o < outputs; ++o)
        for (int t = 0; t < taps; ++t) {
            const int s = index[o * taps + t];
            if (weight[o * taps + t] == 0.0f || s < 0) continue;
            if (reached[s].empty() || reached[s].back() != o) reached[s].push_back(o);
        }
    Reach reach;
    reach.begin.push_back(0);
    for (const auto& list : reached) {
        reach.target.insert(reach.target.end(), list.begin(), list.end());
        reach.begin.push_back(static_cast<int32_t>(reach.target.size()));
    }
    if (sources > 0 && outputs % sources == 0 && static_cast<int>(reach.target.size()) == outputs) {
        const int factor = outputs / sources;
        bool regular = true;
        for (int o = 0; o < outputs; ++o) regular = regular && reach.target[o] == o;
        for (int s = 0; s < sources; ++s) regular = regular && reach.begin[s] == s * factor;
        if (regular) reach.replicate = factor;
    }
    return reach;
}

void resample_footprint(const BitMap& in, const Reach& rows, const Reach& columns, BitMap& out) {
    if (in.empty()) return;
    thread_local Row line, wide;
    for (int y = in.top(); y < in.bottom(); ++y) {
        const int begin = rows.begin[y], end = rows.begin[y + 1];
        if (begin == end) continue;
        const uint64_t* src = in.row(y);
        line.clear(out.words());
        uint64_t* row = line.data();
        if (columns.replicate == 2) {
            wide.clear(in.words() * 2);
            stuff_row(src, in.words(), 2, wide.data());
            for (int w = 0; w < out.words(); ++w) row[w] = wide.data()[w] | wide.data()[w] << 1;
        } else {
            for (int w = 0; w < in.words(); ++w)
                for (uint64_t word = src[w]; word != 0; word &= word - 1) {
                    const int x = w * 64 + std::countr_zero(word);
                    for (int t = columns.begin[x]; t < columns.begin[x + 1]; ++t)
                        row[columns.target[t] >> 6] |= uint64_t{1} << (columns.target[t] & 63);
                }
        }
        for (int t = begin; t < end; ++t) {
            uint64_t* dst = out.row(rows.target[t]);
            for (int w = 0; w < out.words(); ++w) dst[w] |= row[w];
            out.widen(rows.target[t], rows.target[t] + 1);
        }
    }
}

}  // namespace skipvid
