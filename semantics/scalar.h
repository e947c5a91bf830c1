#pragma once
// Arithmetic on one element, from which the evaluator is built. Private to semantics/.

#include "semantics/numerics.h"
#include "semantics/op.h"

namespace isamorph::semantics {

/// +-0 for a denormal of `type`, other bits unchanged.
std::uint64_t flush(ElementType type, std::uint64_t bits);

/// A float operation of one or two operands, given and returned as bits of `type`: computed in
/// `work` (at least as wide as `type`), rounded to `work`, then to `type`. For +, -, *, / and sqrt
/// the detour over double is exact: 53 bits are at least 2p + 2 for every p <= 24 (Figueroa 1995).
std::uint64_t float_op(OpCode op, ElementType type, ElementType work, std::uint64_t a,
                       std::uint64_t b);

/// An operation on integers or pred, as bits: wraps around; division by zero gives all ones,
/// remainder by zero the dividend (XLA's CPU backend).
std::uint64_t integer_op(OpCode op, ElementType type, std::uint64_t a, std::uint64_t b);

/// convert: floats to nearest even, float to integer toward zero and saturating (NaN to 0),
/// integers wrap.
std::uint64_t convert_element(ElementType from, ElementType to, std::uint64_t bits);

/// The type in which element-wise operations of `type` are computed.
ElementType work_type(ElementType type, const NumericsProfile &profile);

} // namespace isamorph::semantics
