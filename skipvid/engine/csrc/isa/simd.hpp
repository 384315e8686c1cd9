// One vector type per instruction set. Included once per translation unit, which defines SKIPVID_ISA (a namespace)
// and one of SKIPVID_AVX512, SKIPVID_AVX2, SKIPVID_NEON or none (portable).
//
// `V` is a vector of `kLanes` floats. `fma` rounds once where the hardware can and twice in the portable set: within
// one set every kernel uses the same form, so bits never depend on tile sizes or masks.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(SKIPVID_AVX512) || defined(SKIPVID_AVX2)
#include <immintrin.h>
#elif defined(SKIPVID_NEON)
#include <arm_neon.h>
#endif

#if defined(_MSC_VER)
#define SKIPVID_INLINE __forceinline
#define SKIPVID_RESTRICT __restrict
#else
#define SKIPVID_INLINE inline __attribute__((always_inline))
#define SKIPVID_RESTRICT __restrict__
#endif

namespace skipvid::SKIPVID_ISA {

SKIPVID_INLINE void prefetch(const float* p) {
#if defined(SKIPVID_AVX512) || defined(SKIPVID_AVX2)
    _mm_prefetch(reinterpret_cast<const char*>(p), _MM_HINT_T0);
#elif defined(__GNUC__)
    __builtin_prefetch(p);
#else
    (void)p;
#endif
}

#if defined(SKIPVID_AVX512)

constexpr int kLanes = 16;
struct V {
    __m512 v;
};
struct Bits {  // a vector of bit patterns
    __m512i v;
};
SKIPVID_INLINE V load(const float* p) { return {_mm512_loadu_ps(p)}; }
SKIPVID_INLINE V splat(float x) { return {_mm512_set1_ps(x)}; }
SKIPVID_INLINE void store(float* p, V a) { _mm512_storeu_ps(p, a.v); }
SKIPVID_INLINE __mmask16 lanes_below(int n) { return static_cast<__mmask16>((1u << n) - 1); }
SKIPVID_INLINE V load_part(const float* p, int n) { return {_mm512_maskz_loadu_ps(lanes_below(n), p)}; }
SKIPVID_INLINE void store_part(float* p, V a, int n) { _mm512_mask_storeu_ps(p, lanes_below(n), a.v); }
SKIPVID_INLINE V fma(V a, V b, V c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
SKIPVID_INLINE V operator+(V a, V b) { return {_mm512_add_ps(a.v, b.v)}; }
SKIPVID_INLINE V operator-(V a, V b) { return {_mm512_sub_ps(a.v, b.v)}; }
SKIPVID_INLINE V operator*(V a, V b) { return {_mm512_mul_ps(a.v, b.v)}; }
SKIPVID_INLINE V operator/(V a, V b) { return {_mm512_div_ps(a.v, b.v)}; }
// max and min return the second operand when either is not a number.
SKIPVID_INLINE V max(V a, V b) { return {_mm512_max_ps(a.v, b.v)}; }
SKIPVID_INLINE V min(V a, V b) { return {_mm512_min_ps(a.v, b.v)}; }
SKIPVID_INLINE V sqrt(V a) { return {_mm512_sqrt_ps(a.v)}; }
SKIPVID_INLINE V round(V a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
SKIPVID_INLINE V less(V a, V b, V yes, V no) {
    return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ), no.v, yes.v)};
}
SKIPVID_INLINE V scale2(V a, V n) {  // a * 2^n, n whole and the result normal
    return {_mm512_castsi512_ps(
        _mm512_add_epi32(_mm512_castps_si512(a.v), _mm512_slli_epi32(_mm512_cvtps_epi32(n.v), 23)))};
}
SKIPVID_INLINE Bits zero_bits() { return {_mm512_setzero_si512()}; }
SKIPVID_INLINE Bits gather_difference(Bits seen, V a, V b) {
    return {_mm512_or_si512(seen.v, _mm512_xor_si512(_mm512_castps_si512(a.v), _mm512_castps_si512(b.v)))};
}
SKIPVID_INLINE Bits gather_difference(Bits seen, V a, V b, int n) {
    const __m512i d = _mm512_xor_si512(_mm512_castps_si512(a.v), _mm512_castps_si512(b.v));
    return {_mm512_or_si512(seen.v, _mm512_maskz_mov_epi32(lanes_below(n), d))};
}
SKIPVID_INLINE bool any(Bits a) { return _mm512_test_epi32_mask(a.v, a.v) != 0; }
SKIPVID_INLINE V absolute(V a) {
    return {_mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(a.v), _mm512_set1_epi32(0x7fffffff)))};
}
SKIPVID_INLINE V with_sign(V magnitude, V sign) {
    const __m512i s = _mm512_and_si512(_mm512_castps_si512(sign.v), _mm512_set1_epi32(INT32_MIN));
    return {_mm512_castsi512_ps(_mm512_or_si512(_mm512_castps_si512(magnitude.v), s))};
}
SKIPVID_INLINE V keep_below(V a, int n) { return {_mm512_maskz_mov_ps(lanes_below(n), a.v)}; }

#elif defined(SKIPVID_AVX2)

constexpr int kLanes = 8;
struct V {
    __m256 v;
};
struct Bits {
    __m256i v;
};
alignas(32) inline constexpr int32_t kLaneMasks[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
SKIPVID_INLINE __m256i lanes_below(int n) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kLaneMasks + 8 - n));
}
SKIPVID_INLINE V load(const float* p) { return {_mm256_loadu_ps(p)}; }
SKIPVID_INLINE V splat(float x) { return {_mm256_set1_ps(x)}; }
SKIPVID_INLINE void store(float* p, V a) { _mm256_storeu_ps(p, a.v); }
SKIPVID_INLINE V load_part(const float* p, int n) { return {_mm256_maskload_ps(p, lanes_below(n))}; }
SKIPVID_INLINE void store_part(float* p, V a, int n) {  // masked stores are microcoded on several x86 cores
    __m128 half = _mm256_castps256_ps128(a.v);
    if (n >= 8) {
        _mm256_storeu_ps(p, a.v);
        return;
    }
    if (n & 4) {
        _mm_storeu_ps(p, half);
        half = _mm256_extractf128_ps(a.v, 1);
        p += 4;
    }
    if (n & 2) {
        _mm_storel_pi(reinterpret_cast<__m64*>(p), half);
        half = _mm_movehl_ps(half, half);
        p += 2;
    }
    if (n & 1) _mm_store_ss(p, half);
}
SKIPVID_INLINE V fma(V a, V b, V c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
SKIPVID_INLINE V operator+(V a, V b) { return {_mm256_add_ps(a.v, b.v)}; }
SKIPVID_INLINE V operator-(V a, V b) { return {_mm256_sub_ps(a.v, b.v)}; }
SKIPVID_INLINE V operator*(V a, V b) { return {_mm256_mul_ps(a.v, b.v)}; }
SKIPVID_INLINE V operator/(V a, V b) { return {_mm256_div_ps(a.v, b.v)}; }
SKIPVID_INLINE V max(V a, V b) { return {_mm256_max_ps(a.v, b.v)}; }
SKIPVID_INLINE V min(V a, V b) { return {_mm256_min_ps(a.v, b.v)}; }
SKIPVID_INLINE V sqrt(V a) { return {_mm256_sqrt_ps(a.v)}; }
SKIPVID_INLINE V round(V a) { return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
SKIPVID_INLINE V less(V a, V b, V yes, V no) {
    return {_mm256_blendv_ps(no.v, yes.v, _mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ))};
}
SKIPVID_INLINE V scale2(V a, V n) {
    return {_mm256_castsi256_ps(
        _mm256_add_epi32(_mm256_castps_si256(a.v), _mm256_slli_epi32(_mm256_cvtps_epi32(n.v), 23)))};
}
SKIPVID_INLINE Bits zero_bits() { return {_mm256_setzero_si256()}; }
SKIPVID_INLINE Bits gather_difference(Bits seen, V a, V b) {
    return {_mm256_or_si256(seen.v, _mm256_castps_si256(_mm256_xor_ps(a.v, b.v)))};
}
SKIPVID_INLINE Bits gather_difference(Bits seen, V a, V b, int n) {
    const __m256i d = _mm256_and_si256(lanes_below(n), _mm256_castps_si256(_mm256_xor_ps(a.v, b.v)));
    return {_mm256_or_si256(seen.v, d)};
}
SKIPVID_INLINE bool any(Bits a) { return !_mm256_testz_si256(a.v, a.v); }
SKIPVID_INLINE V absolute(V a) { return {_mm256_andnot_ps(_mm256_set1_ps(-0.0f), a.v)}; }
SKIPVID_INLINE V with_sign(V magnitude, V sign) {
    return {_mm256_or_ps(magnitude.v, _mm256_and_ps(sign.v, _mm256_set1_ps(-0.0f)))};
}
SKIPVID_INLINE V keep_below(V a, int n) { return {_mm256_and_ps(a.v, _mm256_castsi256_ps(lanes_below(n)))}; }

#elif defined(SKIPVID_NEON)

constexpr int kLanes = 4;
struct V {
    float32x4_t v;
};
struct Bits {
    uint32x4_t v;
};
SKIPVID_INLINE V load(const float* p) { return {vld1q_f32(p)}; }
SKIPVID_INLINE V splat(float x) { return {vdupq_n_f32(x)}; }
SKIPVID_INLINE void store(float* p, V a) { vst1q_f32(p, a.v); }
SKIPVID_INLINE V load_part(const float* p, int n) {
    float lanes[kLanes] = {};
    for (int i = 0; i < n; ++i) lanes[i] = p[i];
    return load(lanes);
}
SKIPVID_INLINE void store_part(float* p, V a, int n) {
    float lanes[kLanes];
    store(lanes, a);
    for (int i = 0; i < n; ++i) p[i] = lanes[i];
}
SKIPVID_INLINE uint32x4_t lanes_below(int n) {
    const uint32_t index[4] = {0, 1, 2, 3};
    return vcltq_u32(vld1q_u32(index), vdupq_n_u32(static_cast<uint32_t>(n)));
}
SKIPVID_INLINE V fma(V a, V b, V c) { return {vfmaq_f32(c.v, a.v, b.v)}; }
SKIPVID_INLINE V operator+(V a, V b) { return {vaddq_f32(a.v, b.v)}; }
SKIPVID_INLINE V operator-(V a, V b) { return {vsubq_f32(a.v, b.v)}; }
SKIPVID_INLINE V operator*(V a, V b) { return {vmulq_f32(a.v, b.v)}; }
SKIPVID_INLINE V operator/(V a, V b) { return {vdivq_f32(a.v, b.v)}; }
SKIPVID_INLINE V max(V a, V b) { return {vbslq_f32(vcgtq_f32(a.v, b.v), a.v, b.v)}; }
SKIPVID_INLINE V min(V a, V b) { return {vbslq_f32(vcltq_f32(a.v, b.v), a.v, b.v)}; }
SKIPVID_INLINE V sqrt(V a) { return {vsqrtq_f32(a.v)}; }
SKIPVID_INLINE V round(V a) { return {vrndnq_f32(a.v)}; }
SKIPVID_INLINE V less(V a, V b, V yes, V no) { return {vbslq_f32(vcltq_f32(a.v, b.v), yes.v, no.v)}; }
SKIPVID_INLINE V scale2(V a, V n) {
    return {vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(a.v), vshlq_n_s32(vcvtq_s32_f32(n.v), 23)))};
}
SKIPVID_INLINE Bits zero_bits() { return {vdupq_n_u32(0)}; }
SKIPVID_INLINE Bits gather_difference(Bits seen, V a, V b) {
    return {vorrq_u32(seen.v, veorq_u32(vreinterpretq_u32_f32(a.v), vreinterpretq_u32_f32(b.v)))};
}
SKIPVID_INLINE Bits gather_difference(Bits seen, V a, V b, int n) {
    const uint32x4_t d = veorq_u32(vreinterpretq_u32_f32(a.v), vreinterpretq_u32_f32(b.v));
    return {vorrq_u32(seen.v, vandq_u32(d, lanes_below(n)))};
}
SKIPVID_INLINE bool any(Bits a) { return vmaxvq_u32(a.v) != 0; }
SKIPVID_INLINE V absolute(V a) { return {vabsq_f32(a.v)}; }
SKIPVID_INLINE V with_sign(V magnitude, V sign) { return {vbslq_f32(vdupq_n_u32(0x80000000u), sign.v, magnitude.v)}; }
SKIPVID_INLINE V keep_below(V a, int n) {
    return {vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(a.v), lanes_below(n)))};
}

#else  // portable: plain loops that compilers turn into the baseline's vectors

constexpr int kLanes = 4;
struct V {
    float v[kLanes];
};
struct Bits {
    uint32_t v[kLanes];
};
template <class F>
SKIPVID_INLINE V each(const F& f) {
    V r;
    for (int i = 0; i < kLanes; ++i) r.v[i] = f(i);
    return r;
}
SKIPVID_INLINE V load(const float* p) {
    return each([&](int i) { return p[i]; });
}
SKIPVID_INLINE V splat(float x) {
    return each([&](int) { return x; });
}
SKIPVID_INLINE void store(float* p, V a) {
    for (int i = 0; i < kLanes; ++i) p[i] = a.v[i];
}
SKIPVID_INLINE V load_part(const float* p, int n) {
    return each([&](int i) { return i < n ? p[i] : 0.0f; });
}
SKIPVID_INLINE void store_part(float* p, V a, int n) {
    for (int i = 0; i < n; ++i) p[i] = a.v[i];
}
SKIPVID_INLINE V fma(V a, V b, V c) {
    return each([&](int i) { return a.v[i] * b.v[i] + c.v[i]; });
}
SKIPVID_INLINE V operator+(V a, V b) {
    return each([&](int i) { return a.v[i] + b.v[i]; });
}
SKIPVID_INLINE V operator-(V a, V b) {
    return each([&](int i) { return a.v[i] - b.v[i]; });
}
SKIPVID_INLINE V operator*(V a, V b) {
    return each([&](int i) { return a.v[i] * b.v[i]; });
}
SKIPVID_INLINE V operator/(V a, V b) {
    return each([&](int i) { return a.v[i] / b.v[i]; });
}
SKIPVID_INLINE V max(V a, V b) {
    return each([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
}
SKIPVID_INLINE V min(V a, V b) {
    return each([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
}
SKIPVID_INLINE V sqrt(V a) {
    return each([&](int i) { return std::sqrt(a.v[i]); });
}
SKIPVID_INLINE V round(V a) {
    return each([&](int i) { return std::nearbyint(a.v[i]); });
}
SKIPVID_INLINE V less(V a, V b, V yes, V no) {
    return each([&](int i) { return a.v[i] < b.v[i] ? yes.v[i] : no.v[i]; });
}
SKIPVID_INLINE V scale2(V a, V n) {
    return each([&](int i) {
        const int32_t shift = n.v[i] > -300.0f && n.v[i] < 300.0f ? static_cast<int32_t>(n.v[i]) : 0;
        return std::bit_cast<float>(std::bit_cast<uint32_t>(a.v[i]) + (static_cast<uint32_t>(shift) << 23));
    });
}
SKIPVID_INLINE Bits zero_bits() { return {{0, 0, 0, 0}}; }
SKIPVID_INLINE Bits gather_difference(Bits seen, V a, V b, int n) {
    for (int i = 0; i < n; ++i) seen.v[i] |= std::bit_cast<uint32_t>(a.v[i]) ^ std::bit_cast<uint32_t>(b.v[i]);
    return seen;
}
SKIPVID_INLINE Bits gather_difference(Bits seen, V a, V b) { return gather_difference(seen, a, b, kLanes); }
SKIPVID_INLINE bool any(Bits a) { return (a.v[0] | a.v[1] | a.v[2] | a.v[3]) != 0; }
SKIPVID_INLINE V absolute(V a) {
    return each([&](int i) { return std::fabs(a.v[i]); });
}
SKIPVID_INLINE V with_sign(V magnitude, V sign) {
    return each([&](int i) { return std::copysign(magnitude.v[i], sign.v[i]); });
}
SKIPVID_INLINE V keep_below(V a, int n) {
    return each([&](int i) { return i < n ? a.v[i] : 0.0f; });
}

#endif

// Sum over lanes: halves, then their halves.
SKIPVID_INLINE float sum_lanes(V a) {
#if defined(SKIPVID_AVX512)
    return _mm512_reduce_add_ps(a.v);
#elif defined(SKIPVID_AVX2)
    __m128 sum = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
    sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
    return _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
#elif defined(SKIPVID_NEON)
    return vaddvq_f32(a.v);
#else
    return (a.v[0] + a.v[2]) + (a.v[1] + a.v[3]);
#endif
}
// Maximum over lanes that are numbers.
SKIPVID_INLINE float max_lanes(V a) {
#if defined(SKIPVID_AVX512)
    return _mm512_reduce_max_ps(a.v);
#elif defined(SKIPVID_AVX2)
    __m128 top = _mm_max_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
    top = _mm_max_ps(top, _mm_movehl_ps(top, top));
    return _mm_cvtss_f32(_mm_max_ss(top, _mm_movehdup_ps(top)));
#elif defined(SKIPVID_NEON)
    return vmaxnmvq_f32(a.v);
#else
    float top = a.v[0];
    for (int i = 1; i < kLanes; ++i) top = a.v[i] > top ? a.v[i] : top;
    return top;
#endif
}

}  // namespace skipvid::SKIPVID_ISA
