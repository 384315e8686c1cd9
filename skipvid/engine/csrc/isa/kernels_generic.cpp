// portable: no set is named
#define SKIPVID_ISA isa_generic
#define SKIPVID_ISA_NAME "generic"
#include "kernels_impl.hpp"

namespace skipvid {
const Kernels* generic_kernels() { return &isa_generic::kKernels; }
}  // namespace skipvid
