// One vector type per instruction set. Included once per translation unit, which defines SKIPVID_ISA (a namespace)
// and one of SKIPVID_AVX512, SKIPVID_AVX2, SKIPVID_NEON or none (portable).
//
// `V` is a vector of `kLanes` floats, `Bits` one of bit patterns. What is not evident from the names:
//   fma                rounds once where the hardware can and twice in the portable set: within one set every kernel
//                      uses the same form, so bits never depend on tile sizes or masks
//   max, min           return the second operand when either is not a number
//   scale2(a, n)       a * 2^n, n whole and the result normal
//   gather_difference  adds the bits in which two vectors differ, of the first n lanes
//   sum_lanes          sum over lanes: halves, then their halves
//   max_lanes          maximum over lanes that are numbers
//   even_lanes(a, b)   lanes 0, 2, ... of both
//   at_most(a, b)      bit i: whether a <= b in lane i; not where either is not a number
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

// Into the second-level cache.
SKIPVID_INLINE void prefetch_later(const float* p) {
#if defined(SKIPVID_AVX512) || defined(SKIPVID_AVX2)
    _mm_prefetch(reinterpret_cast<const char*>(p), _MM_HINT_T1);
#elif defined(__GNUC__)
    __builtin_prefetch(p, 1, 2);
#else
    (void)p;
#endif
}

}  // namespace skipvid::SKIPVID_ISA

#if defined(SKIPVID_AVX512)
#include "simd_avx512.hpp"
#elif defined(SKIPVID_AVX2)
#include "simd_avx2.hpp"
#elif defined(SKIPVID_NEON)
#include "simd_neon.hpp"
#else
#include "simd_portable.hpp"
#endif
