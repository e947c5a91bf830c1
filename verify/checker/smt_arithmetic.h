#pragma once
// Element operations as SMT-LIB terms, as the evaluator defines them (semantics/evaluator.h):
// integers wrap, x/0 has all bits set and x%0 is x; maximum and minimum of floats give NaN when
// either operand is NaN and order -0 before +0; arithmetic on pred is that of truth values. Any NaN
// is one NaN. Denormals are kept: profiles that flush them are outside of these terms.

#include "semantics/op.h"

#include <optional>
#include <string>
#include <vector>

namespace isamorph::verify {

/// An operation on elements: `direction` is that of compare.
struct ScalarOperation {
  semantics::OpCode op = semantics::OpCode::Copy;
  semantics::CompareDirection direction = semantics::CompareDirection::EQ;
};

/// The sort of exact elements: Bool, (_ BitVec n) or (_ FloatingPoint e s).
std::string exact_sort(semantics::ElementType type);
/// The element with these bits, of that sort.
std::string exact_literal(semantics::ElementType type, std::uint64_t bits);

// The result of an operation on operands of a type; nullopt when these terms cannot say it. Compare
// gives a Bool. select is not among them: it is ite in every theory.

/// Bit for bit.
std::optional<std::string> exact_operation(const ScalarOperation &operation,
                                           semantics::ElementType type,
                                           const std::vector<std::string> &operands);
/// Over the reals. exponential is the uninterpreted function exp; division by zero has some value.
std::optional<std::string> real_operation(const ScalarOperation &operation,
                                          const std::vector<std::string> &operands);
/// On integers as numbers of sort Int that lie in their type's range. The result of a ring
/// operation is that of numbers: it is to be wrapped where it can leave the range.
std::optional<std::string> integer_operation(const ScalarOperation &operation,
                                             const std::vector<std::string> &operands);
/// Whether an operation means the same polynomial in every commutative ring.
bool is_ring_operation(semantics::OpCode op);

/// A term of sort Int modulo 2^width, in the type's range.
std::string wrapped(semantics::ElementType type, const std::string &term);
/// The term lies in the type's range.
std::string in_range(semantics::ElementType type, const std::string &term);
/// A number of sort Int: negative ones need parentheses.
std::string integer_literal(std::int64_t value);

} // namespace isamorph::verify
