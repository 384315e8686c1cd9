#define SKIPVID_AVX512
#define SKIPVID_ISA isa_avx512
#define SKIPVID_ISA_NAME "avx512"
#include "kernels_impl.hpp"

namespace skipvid {
const Kernels* avx512_kernels() { return &isa_avx512::kKernels; }
}  // namespace skipvid
