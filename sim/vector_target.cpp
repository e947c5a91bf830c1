#include "sim/vector_target.h"

namespace isamorph::sim {

VectorTarget host_vector_target() {
#if defined(__x86_64__)
  static const VectorTarget found = [] {
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
      return __builtin_cpu_supports("avx512vnni") ? VectorTarget::Avx512Vnni : VectorTarget::Avx512;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? VectorTarget::Avx2
                                                                           : VectorTarget::Portable;
  }();
  return found;
#else
  return VectorTarget::Portable;
#endif
}

} // namespace isamorph::sim
