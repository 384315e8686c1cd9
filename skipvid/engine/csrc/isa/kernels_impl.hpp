// The body of each instruction set's translation unit. No standard containers in here: an inline function of theirs,
// compiled for a newer instruction set, might be the copy the linker keeps for everyone.
#pragma once

#include <cmath>
#include <cstring>

#include "../kernels/kernels.hpp"
#include "bytes.hpp"
#include "simd.hpp"
#include "vmath.hpp"

#include "../kernels/activation.inl"
#include "../kernels/conv.inl"
#include "../kernels/depthwise.inl"
#include "../kernels/commit.inl"
#include "../kernels/opengate.inl"
#include "../kernels/pointwise.inl"
#include "../kernels/spatial.inl"
#include "../kernels/image.inl"

namespace skipvid::SKIPVID_ISA {

inline const Kernels kKernels = {
    SKIPVID_ISA_NAME, kLanes,  kMainVectors, kMaxVectors, conv,       depthwise,     commit,     binary,    pool,
    resample,         softmax, reduce_row,   open_row,    index_rows, compare_image, take_image, apart_row, activate,
};

}  // namespace skipvid::SKIPVID_ISA
