// The end of every operator: activation, comparison with what the consumers have seen, and the write, while the block
// is hot.

namespace skipvid::SKIPVID_ISA {

// All channels of one pixel.
template <class Body>
SKIPVID_INLINE void each_vector(int channels, const Body& body) {
    int c = 0;
    for (; c + kLanes <= channels; c += kLanes) body(c, kLanes);
    if (c < channels) body(c, channels - c);
}

template <Act K>
void commit_refresh(const CommitArgs& a) {
    for (int i = 0; i < a.pixels; ++i) {
        const float* from = a.scratch + i * a.stride;
        float* to = a.target[i];
        int c = 0;
        for (; c + kLanes <= a.channels; c += kLanes) store(to + c, activation<K>(load(from + c), a.activation, c));
        if (c < a.channels) store_part(to + c, activation<K>(load(from + c), a.activation, c), a.channels - c);
    }
}

// Pixels between one that is compared and one that is fetched.
constexpr int kAhead = 4;

// Commits iff any bit differs. Writing equal bits changes nothing, so every pixel is written.
template <Act K, bool Moved>
void commit_exact(const CommitArgs& a) {
    const int channels = a.channels, pixels = a.pixels;
    const Activation f = a.activation;
    const float* from = a.scratch;
    for (int i = 0; i < pixels; ++i, from += a.stride) {
        float* to = a.target[i];
        const float* ahead = a.target[i + kAhead < pixels ? i + kAhead : i];
        Bits difference = zero_bits();
        V moved = splat(0.0f);
        int c = 0;
        for (; c + kLanes <= channels; c += kLanes) {
            prefetch(ahead + c);
            const V value = activation<K>(load(from + c), f, c), old = load(to + c);
            difference = gather_difference(difference, value, old);
            if constexpr (Moved) moved = moved + absolute(value - old);
            store(to + c, value);
        }
        if (c < channels) {
            prefetch(ahead + c);
            const V value = activation<K>(load(from + c), f, c), old = load(to + c);
            difference = gather_difference(difference, value, old, channels - c);
            if constexpr (Moved) moved = moved + keep_below(absolute(value - old), channels - c);
            store_part(to + c, value, channels - c);
        }
        a.committed[i] = any(difference);
        if constexpr (Moved) a.moved[i] = sum_lanes(moved);
    }
}

// Commits iff the norm of the difference exceeds the threshold or is not a number. Norms of all pixels come first: a
// comparison that decides about a branch would hold up the next pixel.
template <Act K, bool Max, bool Moved>
void commit_norm(const CommitArgs& a) {
    float squares[kMaxPixels], top[kMaxPixels];
    for (int i = 0; i < a.pixels; ++i) {
        float* from = const_cast<float*>(a.scratch) + i * a.stride;
        const float* to = a.target[i];
        V sum = splat(0.0f), highest = splat(0.0f), moved = splat(0.0f);
        const float* ahead = a.target[i + kAhead < a.pixels ? i + kAhead : i];
        each_vector(a.channels, [&](int c, int part) {
            prefetch(ahead + c);
            const V value = activation<K>(load(from + c), a.activation, c);
            store(from + c, value);
            V d = value - load(to + c);
            if (part < kLanes) d = keep_below(d, part);
            sum = fma(d, d, sum);
            if constexpr (Max) highest = max(absolute(d), highest);  // passes over NaN: `sum` keeps it
            if constexpr (Moved) moved = moved + absolute(d);
        });
        squares[i] = sum_lanes(sum);
        if constexpr (Max) top[i] = max_lanes(highest);
        if constexpr (Moved) a.moved[i] = sum_lanes(moved);
    }
    if constexpr (Max) {
        for (int i = 0; i < a.pixels; ++i) a.committed[i] = !(top[i] <= a.threshold) || squares[i] != squares[i];
    } else {
        const float scale = a.norm == NormKind::kRms ? static_cast<float>(a.channels) : 1.0f;
        for (int i = 0; i < a.pixels; ++i) a.committed[i] = !(std::sqrt(squares[i] / scale) <= a.threshold);
    }
    for (int i = 0; i < a.pixels; ++i) {
        if (!a.committed[i]) continue;
        const float* from = a.scratch + i * a.stride;
        float* to = a.target[i];
        each_vector(a.channels, [&](int c, int part) {
            if (part == kLanes)
                store(to + c, load(from + c));
            else
                store_part(to + c, load(from + c), part);
        });
    }
}

template <Act K, bool Moved>
void commit_changes(const CommitArgs& a) {
    if (a.mode == CommitMode::kExact)
        commit_exact<K, Moved>(a);
    else if (a.norm == NormKind::kMax)
        commit_norm<K, true, Moved>(a);
    else
        commit_norm<K, false, Moved>(a);
}

inline void commit(const CommitArgs& a) {
    with_activation(a.activation.kind, [&]<Act K>() {
        if (a.mode == CommitMode::kRefresh)
            commit_refresh<K>(a);
        else if (a.moved != nullptr)
            commit_changes<K, true>(a);
        else
            commit_changes<K, false>(a);
    });
}

}  // namespace skipvid::SKIPVID_ISA
