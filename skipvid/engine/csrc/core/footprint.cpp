#include "footprint.hpp"

#include <algorithm>

namespace skipvid {
namespace {

using Row = std::vector<uint64_t>;

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

// dst[x] |= OR over k of src[x*stride - pad + k*dilation].
void gather_row(const uint64_t* src, int words, const Axis& axis, uint64_t* dst, int dst_words, uint64_t tail) {
    const auto window = [&](int position) {
        uint64_t v = 0;
        for (int k = 0; k < axis.kernel; ++k) v |= bits_at(src, words, position - axis.pad + k * axis.dilation);
        return v;
    };
    if (axis.stride == 1) {
        for (int w = 0; w < dst_words; ++w) dst[w] |= window(w * 64);
    } else if (axis.stride == 2) {
        for (int w = 0; w < dst_words; ++w)
            dst[w] |= even_bits(window(w * 128)) | even_bits(window(w * 128 + 64)) << 32;
    } else {
        for (int w = 0; w < dst_words; ++w)
            for (int b = 0; b < 64; ++b) dst[w] |= (window((w * 64 + b) * axis.stride) & 1) << b;
    }
    dst[dst_words - 1] &= tail;
}

// ORs rows of `in` into `row`; whether any bit is set.
bool or_row(const BitMap& in, int y, Row& row) {
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
void stuff_row(const uint64_t* src, int words, int factor, Row& dst) {
    std::fill(dst.begin(), dst.end(), 0);
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
    thread_local Row row;
    row.resize(in.words());
    for (int y = first; y <= last; ++y) {
        std::fill(row.begin(), row.end(), 0);
        bool any = false;
        for (int k = 0; k < v.kernel; ++k) any |= or_row(in, y * v.stride - v.pad + k * v.dilation, row);
        if (any) gather_row(row.data(), in.words(), h, out.row(y), out.words(), out.tail());
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
    row.resize(in.words());
    stuffed.resize(static_cast<size_t>(in.words()) * h.stride);
    const int words = static_cast<int>(stuffed.size());
    for (int y = first; y <= last; ++y) {
        std::fill(row.begin(), row.end(), 0);
        bool any = false;
        for (int k = 0; k < v.kernel; ++k) {
            const int up = y + v.pad - k * v.dilation;
            if (up >= 0 && up % v.stride == 0) any |= or_row(in, up / v.stride, row);
        }
        if (!any) continue;
        stuff_row(row.data(), in.words(), h.stride, stuffed);
        uint64_t* dst = out.row(y);
        for (int w = 0; w < out.words(); ++w)
            for (int k = 0; k < h.kernel; ++k)
                dst[w] |= bits_at(stuffed.data(), words, w * 64 + h.pad - k * h.dilation);
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
    thread_local Row row, stuffed;
    row.resize(out.words());
    for (int y = in.top(); y < in.bottom(); ++y) {
        const int begin = rows.begin[y], end = rows.begin[y + 1];
        if (begin == end) continue;
        const uint64_t* src = in.row(y);
        std::fill(row.begin(), row.end(), 0);
        if (columns.replicate == 2) {
            stuffed.resize(static_cast<size_t>(in.words()) * 2);
            stuff_row(src, in.words(), 2, stuffed);
            for (int w = 0; w < out.words(); ++w) row[w] = stuffed[w] | stuffed[w] << 1;
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
