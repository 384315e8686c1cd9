// Arithmetic of two maps, softmax over channels.

namespace skipvid::SKIPVID_ISA {

template <BinaryKind K>
SKIPVID_INLINE V combine(V a, V b) {
    if constexpr (K == BinaryKind::kAdd) return a + b;
    if constexpr (K == BinaryKind::kSub) return a - b;
    if constexpr (K == BinaryKind::kMul) return a * b;
    if constexpr (K == BinaryKind::kDiv) return a / b;
    if constexpr (K == BinaryKind::kMax) return max(a, b);
    if constexpr (K == BinaryKind::kMin) return min(a, b);
    if constexpr (K == BinaryKind::kPow) {
        float x[kLanes], y[kLanes];
        store(x, a);
        store(y, b);
        for (int i = 0; i < kLanes; ++i) x[i] = std::pow(x[i], y[i]);
        return load(x);
    }
}

template <BinaryKind K>
void binary_block(const BinaryArgs& g) {
    for (int i = 0; i < g.pixels; ++i) {
        const float *a = g.a[i], *b = g.b[i];
        float* out = g.scratch + i * g.stride;
        for (int c = 0; c < g.channels; c += kLanes) {
            const V left = g.a_scalar ? splat(*a) : load(a + c);
            const V right = g.b_scalar ? splat(*b) : load(b + c);
            store(out + c, combine<K>(left, right));
        }
    }
}

inline void binary(const BinaryArgs& g) {
    switch (g.kind) {
        case BinaryKind::kAdd:
            binary_block<BinaryKind::kAdd>(g);
            break;
        case BinaryKind::kSub:
            binary_block<BinaryKind::kSub>(g);
            break;
        case BinaryKind::kMul:
            binary_block<BinaryKind::kMul>(g);
            break;
        case BinaryKind::kDiv:
            binary_block<BinaryKind::kDiv>(g);
            break;
        case BinaryKind::kMax:
            binary_block<BinaryKind::kMax>(g);
            break;
        case BinaryKind::kMin:
            binary_block<BinaryKind::kMin>(g);
            break;
        case BinaryKind::kPow:
            binary_block<BinaryKind::kPow>(g);
            break;
    }
}

// e^(x - max) / sum, each group of channels by itself; the sum runs over vectors, then lanes.
inline void softmax(const SoftmaxArgs& a) {
    const int size = a.channels / a.groups;
    for (int i = 0; i < a.pixels; ++i)
        for (int g = 0; g < a.groups; ++g) {
            const float* in = a.source[i] + g * size;
            float* out = a.scratch + i * a.stride + g * size;
            V top = splat(-INFINITY), sum = splat(0.0f);
            const V none = splat(-INFINITY);
            const auto part_of = [&](int c, int part) {
                if (part == kLanes) return load(in + c);
                float lanes[kLanes];
                store(lanes, none);
                for (int k = 0; k < part; ++k) lanes[k] = in[c + k];
                return load(lanes);
            };
            each_vector(size, [&](int c, int part) { top = max(top, part_of(c, part)); });
            const V highest = splat(max_lanes(top));
            each_vector(size, [&](int c, int part) {
                const V e = keep_below(exp(part_of(c, part) - highest), part);
                sum = sum + e;
                store_part(out + c, e, part);
            });
            const V total = splat(sum_lanes(sum));
            each_vector(size, [&](int c, int part) { store_part(out + c, load_part(out + c, part) / total, part); });
        }
}

}  // namespace skipvid::SKIPVID_ISA
