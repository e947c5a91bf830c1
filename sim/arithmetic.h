#pragma once
// Element-wise arithmetic on raw element storage, sixteen elements at once: the bits of
// semantics::run_elementwise. Private to sim/.

#include "semantics/graph.h"
#include "semantics/numerics.h"
#include "sim/vector_target.h"

namespace isamorph::sim {

using Arithmetic = void (*)(VectorTarget target, const std::byte *a, const std::byte *b,
                            std::byte *out, std::size_t count);

/// The loop for a binary operation on two operands of the result's shape; null when there is none:
/// add, subtract, multiply and divide of bf16 and f32 computed in f32, and the first three of
/// integers of at most 32 bits, have one.
Arithmetic arithmetic(semantics::OpCode op, semantics::ElementType type,
                      const semantics::NumericsProfile &profile);

/// Each bf16 or f16 element through a table of all 65536 results.
void look_up(std::span<const std::uint16_t> table, const std::byte *in, std::byte *out,
             std::size_t count);

/// Sign or zero extension of 8-bit integers to 32 bits; null for other conversions.
using Widening = void (*)(VectorTarget target, const std::byte *in, std::byte *out,
                          std::size_t count);
Widening widening(semantics::ElementType from, semantics::ElementType to);

} // namespace isamorph::sim
