// Comparison of 64 bytes at a time.
#pragma once

#include <cstdint>

#include "simd.hpp"

namespace skipvid::SKIPVID_ISA {

// Bit i: whether |p[i] - q[i]| > limit.
SKIPVID_INLINE uint64_t bytes_apart(const uint8_t* p, const uint8_t* q, uint8_t limit) {
#if defined(SKIPVID_AVX512)
    const __m512i a = _mm512_loadu_si512(p), b = _mm512_loadu_si512(q);
    const __m512i apart = _mm512_or_si512(_mm512_subs_epu8(a, b), _mm512_subs_epu8(b, a));
    return _mm512_cmpgt_epu8_mask(apart, _mm512_set1_epi8(static_cast<char>(limit)));
#elif defined(SKIPVID_AVX2)
    const __m256i most = _mm256_set1_epi8(static_cast<char>(limit));
    uint64_t bits = 0;
    for (int half = 0; half < 2; ++half) {
        const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p) + half);
        const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(q) + half);
        const __m256i apart = _mm256_or_si256(_mm256_subs_epu8(a, b), _mm256_subs_epu8(b, a));
        const __m256i within = _mm256_cmpeq_epi8(_mm256_subs_epu8(apart, most), _mm256_setzero_si256());
        bits |= static_cast<uint64_t>(~static_cast<uint32_t>(_mm256_movemask_epi8(within))) << (32 * half);
    }
    return bits;
#elif defined(SKIPVID_NEON)
    static const uint8_t kPlaces[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const uint8x16_t most = vdupq_n_u8(limit), places = vld1q_u8(kPlaces);
    uint64_t bits = 0;
    for (int part = 0; part < 4; ++part) {
        const uint8x16_t apart = vcgtq_u8(vabdq_u8(vld1q_u8(p + 16 * part), vld1q_u8(q + 16 * part)), most);
        const uint8x16_t own = vandq_u8(apart, places);
        const uint64_t low = vaddv_u8(vget_low_u8(own)), high = vaddv_u8(vget_high_u8(own));
        bits |= (low | high << 8) << (16 * part);
    }
    return bits;
#else
    uint64_t bits = 0;
    for (int i = 0; i < 64; ++i) {
        const int apart = p[i] > q[i] ? p[i] - q[i] : q[i] - p[i];
        bits |= static_cast<uint64_t>(apart > limit) << i;
    }
    return bits;
#endif
}

}  // namespace skipvid::SKIPVID_ISA
