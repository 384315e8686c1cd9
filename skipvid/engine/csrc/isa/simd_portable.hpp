// Plain loops that compilers turn into the baseline's vectors. Included by simd.hpp, which says what the functions do.
#pragma once

namespace skipvid::SKIPVID_ISA {

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
SKIPVID_INLINE float sum_lanes(V a) { return (a.v[0] + a.v[2]) + (a.v[1] + a.v[3]); }
SKIPVID_INLINE float max_lanes(V a) {
    float top = a.v[0];
    for (int i = 1; i < kLanes; ++i) top = a.v[i] > top ? a.v[i] : top;
    return top;
}
SKIPVID_INLINE V even_lanes(V a, V b) {
    return each([&](int i) { return i < kLanes / 2 ? a.v[2 * i] : b.v[2 * i - kLanes]; });
}
SKIPVID_INLINE uint64_t at_most(V a, V b) {
    uint64_t bits = 0;
    for (int i = 0; i < kLanes; ++i) bits |= static_cast<uint64_t>(a.v[i] <= b.v[i]) << i;
    return bits;
}

}  // namespace skipvid::SKIPVID_ISA
