// Images, 64 pixels of 3 bytes at a time: comparison, and the way to the network's input.

namespace skipvid::SKIPVID_ISA {

constexpr int kWordBytes = 3 * 64;

// Bits 0, 3, 6, ... of a word, packed into its low 22.
SKIPVID_INLINE uint64_t every_third(uint64_t v) {
    const uint64_t last = v >> 63;
    v &= 0x1249249249249249u;
    v = (v ^ v >> 2) & 0x10c30c30c30c30c3u;
    v = (v ^ v >> 4) & 0x100f00f00f00f00fu;
    v = (v ^ v >> 8) & 0x001f0000ff0000ffu;
    v = (v ^ v >> 16) & 0x001f00000000ffffu;
    return ((v ^ v >> 32) & 0x1fffffu) | last << 21;
}

// Which of 64 pixels have a byte above the threshold. `p` and `q` are read for kWordBytes.
SKIPVID_INLINE uint64_t exceeding(const uint8_t* p, const uint8_t* q, uint8_t threshold) {
    uint64_t byte[4] = {}, pixel[3];
    for (int i = 0; i < 3; ++i) byte[i] = bytes_apart(p + 64 * i, q + 64 * i, threshold);
    if ((byte[0] | byte[1] | byte[2]) == 0) return 0;
    for (int i = 0; i < 3; ++i)  // a pixel is its byte and the two behind it
        pixel[i] = byte[i] | (byte[i] >> 1 | byte[i + 1] << 63) | (byte[i] >> 2 | byte[i + 1] << 62);
    // Pixels begin at bytes 0, 3, ..., 63 | 66, ..., 126 | 129, ..., 189.
    return every_third(pixel[0]) | every_third(pixel[1] >> 2) << 22 | every_third(pixel[2] >> 1) << 43;
}

// Of `pixels` pixels, 64 at most.
SKIPVID_INLINE uint64_t exceeding(const uint8_t* p, const uint8_t* q, uint8_t threshold, int pixels) {
    if (pixels >= 64) return exceeding(p, q, threshold);
    uint8_t a[kWordBytes] = {}, b[kWordBytes] = {};
    std::memcpy(a, p, static_cast<size_t>(pixels) * 3);
    std::memcpy(b, q, static_cast<size_t>(pixels) * 3);
    return exceeding(a, b, threshold);
}

inline void compare_image(const CompareArgs& a) {
    const auto level = static_cast<uint8_t>(a.level), coarse_level = static_cast<uint8_t>(a.coarse_level);
    for (int w = 0; w * 64 < a.width; ++w) {
        const uint8_t *p = a.first + w * kWordBytes, *q = a.second + w * kWordBytes;
        const int pixels = a.width - w * 64;
        const uint64_t coarse = level == coarse_level ? 0 : a.coarse[w];
        uint64_t mask = 0;
        if (~coarse != 0) mask = exceeding(p, q, level, pixels) & ~coarse;
        if (coarse != 0) mask |= exceeding(p, q, coarse_level, pixels) & coarse;
        a.mask[w] = mask;
    }
}

// Three channels, nearly all networks, are spelled out by the compiler; 0: as many as there are.
template <int Channels>
class Converter {
  public:
    static constexpr int kMost = Channels > 0 ? Channels : kMaxInputChannels;
    explicit Converter(const TakeArgs& a) : channels_(a.channels) {
        for (int c = 0; c < channels(); ++c) table_[c] = a.table + 256 * c, order_[c] = a.order[c];
    }
    int channels() const { return Channels > 0 ? Channels : channels_; }
    void operator()(const uint8_t* from, float* to) const {
        for (int c = 0; c < channels(); ++c) to[c] = table_[c][from[order_[c]]];
    }

  private:
    const float* table_[kMost];
    int order_[kMost];
    int channels_;
};

// Those of the pixels 64 * w, 64 * w + 1, ... whose bits are set and whose values become others.
template <int Channels, bool Norms>
SKIPVID_INLINE uint64_t take_pixels(const TakeArgs& a, const Converter<Channels>& convert, int w, uint64_t bits) {
    uint64_t changed = 0;
    for (; bits != 0; bits &= bits - 1) {
        const ptrdiff_t x = w * 64 + std::countr_zero(bits);
        float value[Converter<Channels>::kMost], *to = a.row + x * a.pixel, moved = 0.0f;
        uint32_t difference = 0;
        convert(a.image + x * 3, value);
        for (int c = 0; c < convert.channels(); ++c) {
            difference |= std::bit_cast<uint32_t>(value[c]) ^ std::bit_cast<uint32_t>(to[c]);
            if constexpr (Norms) moved += std::fabs(value[c] - to[c]);
            to[c] = value[c];
        }
        for (int k = 0; k < 3; ++k) a.behind[x * 3 + k] = a.image[x * 3 + k];
        // An image may differ where the input does not, in a channel that it does not read.
        if (difference == 0) continue;
        changed |= bits & -bits;
        if constexpr (Norms) a.norms[x] = moved;
    }
    return changed;
}

constexpr int kWordsAhead = 2;

// Takes pixels eight at a time: those whose bits are set, of which every byte that differs makes a value that does.
// Returns those that are left, at the row's end.
template <bool Scaled>
SKIPVID_INLINE uint64_t take_eights(const TakeArgs& a, int w, uint64_t bits) {
    for (int k = 0; k < 64; k += 8) {
        const uint32_t own = bits >> k & 0xff;
        const ptrdiff_t x = w * 64 + k;
        if (x + 8 > a.width) return bits >> k << k;
        if (own != 0) take_eight<Scaled>(*a.eight, a.image + x * 3, own, a.row + x * 3, a.behind + x * 3);
    }
    return 0;
}

template <int Channels>
void take_row(const TakeArgs& a) {
    const Converter<Channels> convert(a);
    if (a.near == nullptr) {
        std::memcpy(a.behind, a.image, static_cast<size_t>(a.width) * 3);
        for (int x = 0; x < a.width; ++x) convert(a.image + static_cast<ptrdiff_t>(x) * 3, a.row + x * a.pixel);
        return;
    }
    const int words = (a.width + 63) / 64;
    const bool eights = kEightPixels && a.eight != nullptr && a.norms == nullptr && a.pixel == 3;
    for (int w = 0; w < words; ++w) {
        // Changed pixels lie so apart that the hardware does not foresee where.
        if (const int next = w + kWordsAhead; next < words && a.near[next] != 0)
            for (ptrdiff_t i = 0; i < 64 * a.pixel; i += 16) prefetch(a.row + next * 64 * a.pixel + i);
        if (a.near[w] == 0) continue;
        const uint64_t differing =
            exceeding(a.image + w * kWordBytes, a.behind + w * kWordBytes, 0, a.width - w * 64) & a.near[w];
        if (eights) {
            const uint64_t rest =
                a.eight->scaled ? take_eights<true>(a, w, differing) : take_eights<false>(a, w, differing);
            if (rest != 0) take_pixels<Channels, false>(a, convert, w, rest);
            a.changed[w] = differing;
            continue;
        }
        a.changed[w] = a.norms == nullptr ? take_pixels<Channels, false>(a, convert, w, differing)
                                          : take_pixels<Channels, true>(a, convert, w, differing);
    }
}

inline void take_image(const TakeArgs& a) { a.channels == 3 ? take_row<3>(a) : take_row<0>(a); }

inline void apart_row(const uint8_t* SKIPVID_RESTRICT a, const uint8_t* SKIPVID_RESTRICT b, int bytes,
                      uint8_t* SKIPVID_RESTRICT largest, uint16_t* SKIPVID_RESTRICT total) {
    for (int i = 0; i < bytes; ++i) {
        const uint8_t apart = a[i] > b[i] ? a[i] - b[i] : b[i] - a[i];
        largest[i] = apart > largest[i] ? apart : largest[i];
        total[i] = static_cast<uint16_t>(total[i] + apart);
    }
}

}  // namespace skipvid::SKIPVID_ISA
