#pragma once
// What a NaN result looks like, bit for bit. Any NaN equals any NaN at every level of equivalence,
// so that no verdict depends on it; a program that reinterprets bits sees it.

#include "semantics/element_type.h"

#include <array>
#include <string>
#include <vector>

namespace isamorph::semantics {

class Cursor;

/// Operands by their place. A unary operand is the left one; of clamp the left one is the value,
/// the bounds are right ones.
enum class NanOperand : std::uint8_t { Left, Right, Accumulator };

struct NanForm {
  /// Of f16, bf16, f32, f64: what an invalid operation gives, and an operation none of whose
  /// `propagated` operands is NaN.
  std::array<std::uint64_t, 4> patterns = {0x7e00, 0x7fc0, 0x7fc00000, 0x7ff8000000000000};
  /// The first of these that is NaN is the result, made quiet; empty: always the pattern.
  std::vector<NanOperand> propagated;
  bool operator==(const NanForm &) const = default;

  std::uint64_t pattern(ElementType float_type) const;
  bool propagates() const { return !propagated.empty(); }
};

/// A NaN of `from` as a quiet NaN of `to`: its sign and the first bits of its payload, or all of
/// them with zeros after.
std::uint64_t quiet_nan(ElementType from, std::uint64_t bits, ElementType to);

/// `TYPE 0xBITS ... propagate OPERAND ...` after `nan`, on top of the default; `accumulator`: there
/// is such an operand. Throws InputError, also when the bits are no NaN of the type.
NanForm parse_nan_form(Cursor &cursor, bool accumulator);
/// The same text; empty for the default.
std::string print_nan_form(const NanForm &form);

} // namespace isamorph::semantics
