#pragma once
// What all buffers of an accelerator hold while single instructions are compared, without holding
// it. Private to verify/.

#include "verify/one_instruction.h"

#include <set>

namespace isamorph::verify {

/// Numbers of one type side by side, whatever the buffers' types: those of a pool, again and again.
class BufferContents {
public:
  /// With `few`, each of the pool's numbers is one of these, so that any of them come together.
  BufferContents(semantics::Tensor pool, const std::vector<std::uint64_t> &few);

  std::uint64_t operator()(const Element &element, semantics::ElementType type) const;

  std::set<Element> &zero() { return zero_; } ///< these hold 0

private:
  semantics::Tensor pool_;
  std::set<Element> zero_;
};

/// Numbers at which operations change their ways: both zeros, ones, the first number of bf16, f16,
/// f32 and f64 that has no next integer, the ends of the range.
std::vector<std::uint64_t> special_numbers(semantics::ElementType type);

} // namespace isamorph::verify
