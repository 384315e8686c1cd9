// Elementary functions on vectors. Polynomials of the Cephes library's kind; errors measured against double precision
// by tests/engine/native/test_vmath.py over all of the useful range.
#pragma once

#include "simd.hpp"

namespace skipvid::SKIPVID_ISA {

// e^x = e * 2^n for low <= x, with e near 1 and n whole; the parts of the two functions below.
SKIPVID_INLINE V exp_parts(V x, V& n) {
    n = round(x * splat(1.44269504088896341f));
    V r = fma(n, splat(-0.693359375f), x);
    r = fma(n, splat(2.12194440e-4f), r);
    V p = splat(1.9875691500e-4f);
    p = fma(p, r, splat(1.3981999507e-3f));
    p = fma(p, r, splat(8.3334519073e-3f));
    p = fma(p, r, splat(4.1665795894e-2f));
    p = fma(p, r, splat(1.6666665459e-1f));
    p = fma(p, r, splat(5.0000001201e-1f));
    return fma(p * r, r, r + splat(1.0f));
}

// e^x between e^-87.3 and e^88, clamped to those outside: all that a sigmoid needs. NaN stays NaN, as second operand of
// min and max.
SKIPVID_INLINE V exp_bounded(V x) {
    V n;
    const V e = exp_parts(max(splat(-87.3f), min(splat(88.0f), x)), n);
    return scale2(e, n);
}

// e^x. Relative error < 2e-7 for -87.3 < x < 88.7; below that 1.2e-38, above that infinity; NaN stays NaN.
SKIPVID_INLINE V exp(V x) {
    const V low = splat(-87.33654f), high = splat(88.72283f);
    V n;
    const V e = exp_parts(max(low, min(high, x)), n);
    // 2^n in two factors: n reaches 128, where a single one would overflow.
    const V half = round(n * splat(0.5f));
    const V result = scale2(splat(1.0f), half) * scale2(e, n - half);
    return less(high, x, splat(INFINITY), less(x, low, splat(1.17549435e-38f), result));
}

// 1 + e^-x, within 2^-126 and 2^126, as a power of 2. What rounding the exponent loses grows with it, but where it does
// e^-x, or 1 beside it, no longer matters to a sigmoid. The polynomial is the best of its degree that is 1 at 0,
// relative error < 1e-7 (Lawson's algorithm). NaN stays NaN, as second operand of min and max.
SKIPVID_INLINE V one_plus_exp_minus(V x) {
    const V t = max(splat(-126.0f), min(splat(126.0f), x * splat(-1.44269504f))), n = round(t), r = t - n;
    V p = splat(1.32647273e-3f);
    p = fma(p, r, splat(9.67151299e-3f));
    p = fma(p, r, splat(5.55073358e-2f));
    p = fma(p, r, splat(2.40222424e-1f));
    p = fma(p, r, splat(6.93147004e-1f));
    p = fma(p, r, splat(1.0f));
    return splat(1.0f) + scale2(p, n);
}

// 1 / (1 + e^-x), |error| < 1e-7.
SKIPVID_INLINE V sigmoid(V x) { return splat(1.0f) / one_plus_exp_minus(x); }

// log(1 + u) for 0 <= u <= 1 as 2 artanh(u / (2 + u)), |error| < 2e-7.
SKIPVID_INLINE V log1p_unit(V u) {
    const V s = u / (splat(2.0f) + u), t = s * s;
    V p = splat(1.0f / 13);
    p = fma(p, t, splat(1.0f / 11));
    p = fma(p, t, splat(1.0f / 9));
    p = fma(p, t, splat(1.0f / 7));
    p = fma(p, t, splat(1.0f / 5));
    p = fma(p, t, splat(1.0f / 3));
    p = fma(p, t, splat(1.0f));
    return (s + s) * p;
}

// log(1 + e^x) = max(x, 0) + log(1 + e^-|x|), |error| < 2e-7 + 6e-8 |x|.
SKIPVID_INLINE V softplus(V x) { return max(splat(0.0f), x) + log1p_unit(exp_bounded(splat(0.0f) - absolute(x))); }

// tanh, |error| < 2e-7: a polynomial near 0, 1 - 2 / (e^2x + 1) elsewhere.
SKIPVID_INLINE V tanh(V x) {
    const V z = absolute(x), q = x * x;
    V p = splat(-5.70498872745e-3f);
    p = fma(p, q, splat(2.06390887954e-2f));
    p = fma(p, q, splat(-5.37397155531e-2f));
    p = fma(p, q, splat(1.33314422036e-1f));
    p = fma(p, q, splat(-3.33332819422e-1f));
    const V near = fma(p * q, x, x);
    const V far = with_sign(splat(1.0f) - splat(2.0f) / (exp_bounded(z + z) + splat(1.0f)), x);
    return less(z, splat(0.625f), near, far);
}

// x / (1 + e^-x), |error| < 2e-7 |x|.
SKIPVID_INLINE V silu(V x) { return x / one_plus_exp_minus(x); }

// x tanh(log(1 + e^x)) = x (w^2 + 2w) / (w^2 + 2w + 2) with w = e^x.
SKIPVID_INLINE V mish(V x) {
    const V w = exp_bounded(min(splat(20.0f), x));
    const V n = w * (w + splat(2.0f));
    return less(splat(20.0f), x, x, x * (n / (n + splat(2.0f))));
}

// erf by Abramowitz and Stegun 7.1.26, |error| < 5e-7.
SKIPVID_INLINE V erf(V x) {
    const V z = absolute(x);
    const V t = splat(1.0f) / fma(splat(0.3275911f), z, splat(1.0f));
    V p = splat(1.061405429f);
    p = fma(p, t, splat(-1.453152027f));
    p = fma(p, t, splat(1.421413741f));
    p = fma(p, t, splat(-0.284496736f));
    p = fma(p, t, splat(0.254829592f));
    return with_sign(splat(1.0f) - p * t * exp_bounded(splat(0.0f) - z * z), x);
}

}  // namespace skipvid::SKIPVID_ISA
