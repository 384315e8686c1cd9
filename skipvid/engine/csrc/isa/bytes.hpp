// Bytes of images: comparison of 64 at a time, and eight pixels on their way to floats.
#pragma once

#include <cstdint>

#include "../kernels/kernels.hpp"
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

#if defined(SKIPVID_AVX512) || defined(SKIPVID_AVX2)
constexpr bool kEightPixels = true;

// Of eight pixels, the bit of the one that a byte, or a float, belongs to.
inline constexpr uint8_t kPixelBits[24] = {1,    1,    1,    2,    2,    2,    4,    4,    4,    8,    8,    8,
                                           0x10, 0x10, 0x10, 0x20, 0x20, 0x20, 0x40, 0x40, 0x40, 0x80, 0x80, 0x80};
inline constexpr int kFirstBytes[3] = {0, 6, 8};  // of 16 that hold those of a vector of eight floats, in any order

// Writes the values of the pixels whose bits are set, and their bytes to those behind them. Of 24 bytes and floats.
// `Scaled`: mean and std are 0 and 1, which change nothing.
template <bool Scaled>
SKIPVID_INLINE void take_eight(const EightPixels& way, const uint8_t* image, uint32_t bits, float* to,
                               uint8_t* behind) {
    const __m256i pixels = _mm256_set1_epi32(static_cast<int>(bits));
    for (int v = 0; v < 3; ++v) {
        const __m128i number = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(way.byte + 8 * v));
        const __m128i from = _mm_sub_epi8(number, _mm_set1_epi8(static_cast<char>(kFirstBytes[v])));
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(image + kFirstBytes[v]));
        const __m256 level = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_shuffle_epi8(bytes, from)));
        __m256 value = _mm256_mul_ps(level, _mm256_loadu_ps(way.scale + 8 * v));
        if constexpr (!Scaled) {
            value = _mm256_sub_ps(value, _mm256_loadu_ps(way.mean + 8 * v));
            value = _mm256_div_ps(value, _mm256_loadu_ps(way.std + 8 * v));
        }
        const __m256i bit = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(kPixelBits + 8 * v)));
        const __m256i wanted = _mm256_cmpeq_epi32(_mm256_and_si256(pixels, bit), bit);
        const __m256 old = _mm256_loadu_ps(to + 8 * v);
        _mm256_storeu_ps(to + 8 * v, _mm256_blendv_ps(old, value, _mm256_castsi256_ps(wanted)));
    }
    const __m128i byte_pixels = _mm_set1_epi8(static_cast<char>(bits));
    for (int half = 0; half < 2; ++half) {  // the second begins within the first
        auto* place = reinterpret_cast<__m128i*>(behind + 8 * half);
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(image + 8 * half));
        const __m128i bit = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kPixelBits + 8 * half));
        const __m128i wanted = _mm_cmpeq_epi8(_mm_and_si128(byte_pixels, bit), bit);
        _mm_storeu_si128(place, _mm_blendv_epi8(_mm_loadu_si128(place), bytes, wanted));
    }
}
#else
constexpr bool kEightPixels = false;

template <bool Scaled>
inline void take_eight(const EightPixels&, const uint8_t*, uint32_t, float*, uint8_t*) {}
#endif

}  // namespace skipvid::SKIPVID_ISA
