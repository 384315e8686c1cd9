// Pointwise functions as functors over vectors; `channel` is the first channel of the vector.

namespace skipvid::SKIPVID_ISA {

template <Act K>
SKIPVID_INLINE V activation(V x, const Activation& f, int channel) {
    const V zero = splat(0.0f), one = splat(1.0f);
    if constexpr (K == Act::kRelu) return max(zero, x);  // NaN stays: second operand
    if constexpr (K == Act::kLeakyRelu) return less(x, zero, x * splat(f.alpha), x);
    if constexpr (K == Act::kPrelu) return less(x, zero, x * load(f.slope + channel), x);
    if constexpr (K == Act::kClip) return min(splat(f.beta), max(splat(f.alpha), x));
    if constexpr (K == Act::kSigmoid) return sigmoid(x);
    if constexpr (K == Act::kHardSigmoid) return min(one, max(zero, fma(splat(f.alpha), x, splat(f.beta))));
    if constexpr (K == Act::kHardSwish) return x * min(one, max(zero, fma(x, splat(1.0f / 6.0f), splat(0.5f))));
    if constexpr (K == Act::kSilu) return silu(x);
    if constexpr (K == Act::kMish) return mish(x);
    if constexpr (K == Act::kTanh) return tanh(x);
    if constexpr (K == Act::kElu) return less(x, zero, splat(f.alpha) * (exp(x) - one), x);
    if constexpr (K == Act::kGelu) return x * splat(0.5f) * (one + erf(x * splat(0.70710678f)));
    if constexpr (K == Act::kSoftplus) return softplus(x);
    if constexpr (K == Act::kExp) return exp(x);
    if constexpr (K == Act::kSqrt) return sqrt(x);
    if constexpr (K == Act::kAbs) return absolute(x);
    if constexpr (K == Act::kNeg) return splat(-1.0f) * x;
    return x;
}

// Calls body with the function as a compile-time constant.
template <class Body>
void with_activation(Act kind, const Body& body) {
    switch (kind) {
#define SKIPVID_CASE(K)                     \
    case Act::K:                            \
        body.template operator()<Act::K>(); \
        break;
        // clang-format off
        SKIPVID_CASE(kIdentity)
        SKIPVID_CASE(kRelu)
        SKIPVID_CASE(kLeakyRelu)
        SKIPVID_CASE(kPrelu)
        SKIPVID_CASE(kClip)
        SKIPVID_CASE(kSigmoid)
        SKIPVID_CASE(kHardSigmoid)
        SKIPVID_CASE(kHardSwish)
        SKIPVID_CASE(kSilu)
        SKIPVID_CASE(kMish)
        SKIPVID_CASE(kTanh)
        SKIPVID_CASE(kElu)
        SKIPVID_CASE(kGelu)
        SKIPVID_CASE(kSoftplus)
        SKIPVID_CASE(kExp)
        SKIPVID_CASE(kSqrt)
        SKIPVID_CASE(kAbs)
        SKIPVID_CASE(kNeg)
        // clang-format on
#undef SKIPVID_CASE
    }
}

inline void activate(const Activation& f, const float* in, float* out, int n) {
    with_activation(f.kind, [&]<Act K>() {
        for (int i = 0; i < n; i += kLanes) {
            const int part = n - i < kLanes ? n - i : kLanes;
            store_part(out + i, activation<K>(load_part(in + i, part), f, i), part);
        }
    });
}

}  // namespace skipvid::SKIPVID_ISA
