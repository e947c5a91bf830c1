#pragma once
// Movement of elements in regular patterns, prepared once and run any number of times. Every
// movement but the dynamic ones is one such copy for each operand, or an unchanged run of bytes.

#include "semantics/op.h"

namespace isamorph::semantics {

/// For every index tuple over `dims`: to[target + sum(index * target_step)] = from[source +
/// sum(index * source_step)]; all counted in elements of `element_bytes` (1, 2, 4 or 8).
struct StridedCopy {
  std::vector<std::int64_t> dims;
  std::int64_t source = 0, target = 0;
  std::vector<std::int64_t> source_step, target_step;
  int element_bytes = 1;

  /// `from` and `to` do not overlap. Allocates nothing.
  void run(const std::byte *from, std::byte *to) const;
  /// The same copy with fewer dimensions: those of one index are dropped, and neighbours that step
  /// as one are joined.
  StridedCopy simplified() const;
};

/// The result has the bytes of its one operand: copy, reshape, bitcast-convert.
bool keeps_bytes(OpCode op);

/// The copies, in order, that make the result of transpose, broadcast, slice, reverse, concatenate
/// or pad: one for each operand in operand order, except that pad's fill (its operand 1) is copied
/// before its input (operand 0).
struct OperandCopy {
  std::size_t operand;
  StridedCopy copy;
};
std::vector<OperandCopy> movement_copies(OpCode op, const Attributes &attributes,
                                         std::span<const Shape *const> operands,
                                         const Shape &result);

} // namespace isamorph::semantics
