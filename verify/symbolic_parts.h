#pragma once
// What symbolic execution of whole tensors and of single elements have in common. Private to
// verify/.

#include "verify/symbolic.h"

namespace isamorph::verify {

SymbolicTensor literal(TermGraph &terms, const semantics::Tensor &tensor);
std::vector<TermId> bytes_of(TermGraph &terms, const SymbolicTensor &tensor);
SymbolicTensor from_bytes(TermGraph &terms, const semantics::Shape &shape,
                          std::span<const TermId> bytes);

/// Whether an element-wise node gives the bits of its operand. Converted to the same type, only
/// integers do: floats lose NaN payloads (and denormals where they are flushed), and a pred byte
/// becomes 0 or 1.
bool keeps_bits(const semantics::Node &node, ElementType operand);

/// The dimensions of a rank that are in neither list.
std::vector<std::int64_t> others(std::size_t rank, std::span<const std::int64_t> a,
                                 std::span<const std::int64_t> b);
/// Element offsets of all index combinations of some dimensions, in row-major order of those
/// dimensions.
std::vector<std::int64_t> offsets(const semantics::Shape &shape,
                                  std::span<const std::int64_t> dims);

/// Elements that the operations of a graph read and write; those of a dot for each of its sums.
std::int64_t work_of(const semantics::TensorGraph &graph);

} // namespace isamorph::verify
