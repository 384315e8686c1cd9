// Vectors of AVX2 with FMA. Included by simd.hpp, which says what the functions do.
#pragma once

namespace skipvid::SKIPVID_ISA {

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
SKIPVID_INLINE float sum_lanes(V a) {
    __m128 sum = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
    sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
    return _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
}
SKIPVID_INLINE float max_lanes(V a) {
    __m128 top = _mm_max_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
    top = _mm_max_ps(top, _mm_movehl_ps(top, top));
    return _mm_cvtss_f32(_mm_max_ss(top, _mm_movehdup_ps(top)));
}
SKIPVID_INLINE V even_lanes(V a, V b) {
    const __m256 pairs = _mm256_shuffle_ps(a.v, b.v, _MM_SHUFFLE(2, 0, 2, 0));
    return {_mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(pairs), _MM_SHUFFLE(3, 1, 2, 0)))};
}
SKIPVID_INLINE uint64_t at_most(V a, V b) {
    return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(a.v, b.v, _CMP_LE_OQ)));
}

}  // namespace skipvid::SKIPVID_ISA
