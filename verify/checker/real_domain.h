#pragma once
// Operations as functions of real numbers: where they are defined.

#include "semantics/op.h"

namespace isamorph::verify {

/// Whether an operation has a value for all real operands. Division and remainder have none where
/// they divide by 0, roots and logarithms none for negative numbers, a power none for some.
constexpr bool defined_everywhere(semantics::OpCode op) {
  using semantics::OpCode;
  switch (op) {
  case OpCode::Divide:
  case OpCode::Remainder:
  case OpCode::Power:
  case OpCode::Log:
  case OpCode::LogPlusOne:
  case OpCode::Sqrt:
  case OpCode::Rsqrt:
    return false;
  default:
    return true;
  }
}

} // namespace isamorph::verify
