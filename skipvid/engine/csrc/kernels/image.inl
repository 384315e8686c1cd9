// Comparison of images, 64 pixels of 3 bytes at a time.

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
    for (int i = 0; i < 3; ++i)  // a pixel is its byte and the two behind it
        pixel[i] = byte[i] | (byte[i] >> 1 | byte[i + 1] << 63) | (byte[i] >> 2 | byte[i + 1] << 62);
    // Pixels begin at bytes 0, 3, ..., 63 | 66, ..., 126 | 129, ..., 189.
    return every_third(pixel[0]) | every_third(pixel[1] >> 2) << 22 | every_third(pixel[2] >> 1) << 43;
}

inline bool differ_image(const uint8_t* a, const uint8_t* b, int width, int threshold, uint64_t* mask) {
    const auto limit = static_cast<uint8_t>(threshold);
    bool any = false;
    for (int x = 0; x < width; x += 64, a += kWordBytes, b += kWordBytes, ++mask) {
        const size_t bytes = width - x < 64 ? static_cast<size_t>(width - x) * 3 : kWordBytes;
        if (bytes == kWordBytes) {
            *mask = exceeding(a, b, limit);
        } else {
            uint8_t p[kWordBytes] = {}, q[kWordBytes] = {};
            std::memcpy(p, a, bytes);
            std::memcpy(q, b, bytes);
            *mask = exceeding(p, q, limit);
        }
        any |= *mask != 0;
    }
    return any;
}

inline void apart_row(const uint8_t* SKIPVID_RESTRICT a, const uint8_t* SKIPVID_RESTRICT b, int bytes,
                      uint8_t* SKIPVID_RESTRICT largest, uint16_t* SKIPVID_RESTRICT total) {
    for (int i = 0; i < bytes; ++i) {
        const uint8_t apart = a[i] > b[i] ? a[i] - b[i] : b[i] - a[i];
        largest[i] = apart > largest[i] ? apart : largest[i];
        total[i] = static_cast<uint16_t>(total[i] + apart);
    }
}

}  // namespace skipvid::SKIPVID_ISA
