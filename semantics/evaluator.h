#pragma once
// The reference evaluator: what a tensor graph computes, bit for bit, under a numerics profile.
//
// Movement never changes bits. Float results that are NaN have one pattern (quiet, positive, no
// payload). maximum and minimum give NaN when an operand is NaN, and order -0 before +0. Where a
// profile flushes denormals, arithmetic and comparisons read and write them as zeros; negate, abs
// and select do not. Integers wrap; x/0 has all bits set, x%0 = x; shifts past the width give 0 or
// copies of the sign; of an integer's exponent six bits count, after its sign. A float becomes an
// integer truncated and saturated, NaN becomes 0. Arithmetic on pred is that of truth values. A
// convolution is the dot of its gathered windows, padding being +0 (semantics/window.h). How all
// this compares to XLA on the CPU is measured in semantics/NUMERICS.md.

#include "semantics/graph.h"
#include "semantics/numerics.h"

namespace isamorph::semantics {

/// One operation on values. `operands` in order; throws std::logic_error for operations that are
/// not evaluable.
Tensor evaluate_op(OpCode op, const Attributes &attributes, std::span<const Tensor *const> operands,
                   const Shape &result, const NumericsProfile &profile);

/// One element of an element-wise operation (compare, select and convert included) on bits, same
/// meaning as above. `types` are the operands' element types.
std::uint64_t evaluate_scalar(OpCode op, const Attributes &attributes,
                              std::span<const ElementType> types,
                              std::span<const std::uint64_t> operands, ElementType result,
                              const NumericsProfile &profile);

/// The results for inputs in parameter order. Throws InputError when shapes of inputs do not fit.
std::vector<Tensor> evaluate(const TensorGraph &graph, std::span<const Tensor> inputs,
                             const NumericsProfile &profile);

/// The same for inputs that lie anywhere.
std::vector<Tensor> evaluate_borrowed(const TensorGraph &graph,
                                      std::span<const Tensor *const> inputs,
                                      const NumericsProfile &profile);

/// The exact function of the profile for a unary float operation on 16-bit types: all 65536
/// results, computed once.
std::span<const std::uint16_t> unary_table(OpCode op, ElementType type,
                                           const NumericsProfile &profile);

} // namespace isamorph::semantics
