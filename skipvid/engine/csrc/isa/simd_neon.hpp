// Vectors of NEON on 64-bit Arm. Included by simd.hpp, which says what the functions do.
#pragma once

namespace skipvid::SKIPVID_ISA {

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
SKIPVID_INLINE float sum_lanes(V a) { return vaddvq_f32(a.v); }
SKIPVID_INLINE float max_lanes(V a) { return vmaxnmvq_f32(a.v); }
SKIPVID_INLINE V even_lanes(V a, V b) { return {vuzp1q_f32(a.v, b.v)}; }
SKIPVID_INLINE uint64_t at_most(V a, V b) {
    const uint32_t places[4] = {1, 2, 4, 8};
    return vaddvq_u32(vandq_u32(vcleq_f32(a.v, b.v), vld1q_u32(places)));
}

}  // namespace skipvid::SKIPVID_ISA
