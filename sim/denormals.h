#pragma once
// Arithmetic that reads denormals as zeros and writes zeros in place of results that are tiny after
// rounding, as the machine itself does it (x86's DAZ and FTZ): at no cost, and the same bits as the
// evaluator's under DenormalWay::FlushAfter.

#include "semantics/numerics.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace isamorph::sim {

#if defined(__x86_64__)
inline constexpr bool kMachineFlushes = true;

/// This thread's arithmetic flushes while the scope lasts, if `flushes`. What runs in it must not
/// be inlined there: the compiler does not know that arithmetic depends on the scope.
class FlushScope {
public:
  explicit FlushScope(bool flushes) : before_(_mm_getcsr()) {
    constexpr unsigned flush_to_zero = 0x8000, denormals_are_zeros = 0x0040;
    if (flushes)
      _mm_setcsr(before_ | flush_to_zero | denormals_are_zeros);
  }
  ~FlushScope() { _mm_setcsr(before_); }
  FlushScope(const FlushScope &) = delete;
  FlushScope &operator=(const FlushScope &) = delete;

private:
  unsigned before_;
};
#else
inline constexpr bool kMachineFlushes = false;

/// Never asked to flush (machine_flushes below).
class FlushScope {
public:
  explicit FlushScope(bool) {}
};
#endif

/// Whether the machine's own arithmetic in f32 does with denormals what the profile says: nullopt
/// when it cannot (a denormal f16 is none of f32), else whether it runs in a flushing scope.
inline std::optional<bool> machine_flushes(const semantics::NumericsProfile &profile,
                                           semantics::OpCode op, semantics::ElementType type) {
  using semantics::TinyResults;
  semantics::DenormalUse use = semantics::denormal_use(profile, op, type);
  if (use == semantics::DenormalUse{})
    return false;
  bool whole =
      use == semantics::DenormalUse{true, true, TinyResults::FlushAfter} &&
      semantics::least_exponent(type) == semantics::least_exponent(semantics::ElementType::F32);
  return whole && kMachineFlushes ? std::optional(true) : std::nullopt;
}

} // namespace isamorph::sim
