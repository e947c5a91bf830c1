#pragma once
// What is put to a solver, and what it may answer. An obligation is SMT-LIB 2 text that is
// unsatisfiable exactly when the claim holds, so that any solver can be given it. The checker knows
// solvers by this header alone: it links none.

#include <cstdint>
#include <functional>
#include <string>

namespace isamorph::verify {

/// Valid if and only if `smtlib` (with set-logic and check-sat) is unsatisfiable.
struct Obligation {
  std::string name;
  std::string smtlib;
};

/// A time-out can never be taken for a proof: the answer is a type with three names.
enum class SmtAnswer : std::uint8_t { Proved, Refuted, Unknown };

struct SmtResult {
  SmtAnswer answer = SmtAnswer::Unknown;
  std::string detail; ///< Refuted: the model, if there is one; Unknown: the reason
  double seconds = 0;
};

/// Answers one obligation; never throws.
using Solver = std::function<SmtResult(const Obligation &)>;

} // namespace isamorph::verify
