// Vectors of AVX-512. Included by simd.hpp, which says what the functions do.
#pragma once

namespace skipvid::SKIPVID_ISA {

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
SKIPVID_INLINE float sum_lanes(V a) { return _mm512_reduce_add_ps(a.v); }
SKIPVID_INLINE float max_lanes(V a) { return _mm512_reduce_max_ps(a.v); }
SKIPVID_INLINE V even_lanes(V a, V b) {
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    return {_mm512_permutex2var_ps(a.v, even, b.v)};
}
SKIPVID_INLINE uint64_t at_most(V a, V b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ); }

}  // namespace skipvid::SKIPVID_ISA
