#define SKIPVID_NEON
#define SKIPVID_ISA isa_neon
#define SKIPVID_ISA_NAME "neon"
#include "kernels_impl.hpp"

namespace skipvid {
const Kernels* neon_kernels() { return &isa_neon::kKernels; }
}  // namespace skipvid
