// Which instruction set this process uses.
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

#include "../kernels/kernels.hpp"

#if defined(_MSC_VER) && defined(_M_X64)
#include <intrin.h>
#endif

namespace skipvid {
namespace {

#if defined(SKIPVID_X86)
#if defined(_MSC_VER) && !defined(__clang__)
bool has_avx(bool wide) {
    int r[4];
    __cpuid(r, 1);
    const bool fma = (r[2] & 1 << 12) && (r[2] & 1 << 27) && (r[2] & 1 << 28);
    if (!fma) return false;
    const unsigned long long state = _xgetbv(0);
    __cpuidex(r, 7, 0);
    if (!wide) return (state & 6) == 6 && (r[1] & 1 << 5);
    const int needed = 1 << 16 | 1 << 17 | 1 << 30 | static_cast<int>(1u << 31);
    return (state & 0xe6) == 0xe6 && (r[1] & needed) == needed;
}
bool has_avx2() { return has_avx(false); }
bool has_avx512() { return has_avx(true); }
#else
bool has_avx2() {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("popcnt");
}
bool has_avx512() {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif
#endif

const Kernels* best(std::string_view wanted) {
#if defined(SKIPVID_X86)
    if ((wanted.empty() || wanted == "avx512") && has_avx512()) return avx512_kernels();
    if ((wanted.empty() || wanted == "avx2") && has_avx2()) return avx2_kernels();
#elif defined(SKIPVID_ARM)
    if (wanted.empty() || wanted == "neon") return neon_kernels();
#endif
    if (wanted.empty() || wanted == "generic") return generic_kernels();
    return nullptr;
}

}  // namespace

const Kernels& choose_kernels() {
    const char* wanted = std::getenv("SKIPVID_ISA");
    const Kernels* kernels = best(wanted == nullptr ? "" : wanted);
    if (kernels == nullptr)
        throw std::runtime_error(std::string("SKIPVID_ISA=") + wanted +
                                 ": this machine or build has no such instruction set");
    return *kernels;
}

}  // namespace skipvid
