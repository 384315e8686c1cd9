#define SKIPVID_AVX2
#define SKIPVID_ISA isa_avx2
#define SKIPVID_ISA_NAME "avx2"
#include "kernels_impl.hpp"

namespace skipvid {
const Kernels* avx2_kernels() { return &isa_avx2::kKernels; }
}  // namespace skipvid
