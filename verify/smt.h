#pragma once
// The solver behind one small door. An obligation is SMT-LIB 2 text that is unsatisfiable exactly
// when the claim holds, so that any solver can be given it; here Z3 answers. A time-out can never
// be taken for a proof: the answer is a type with three names. fp.fma must not appear in any
// obligation: Z3 4.8.12 decides it wrongly (Z3Prover/z3#10608).

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

namespace isamorph::verify {

/// Valid if and only if `smtlib` (with set-logic and check-sat) is unsatisfiable.
struct Obligation {
  std::string name;
  std::string smtlib;
};

enum class SmtAnswer : std::uint8_t { Proved, Refuted, Unknown };

struct SmtResult {
  SmtAnswer answer = SmtAnswer::Unknown;
  std::string detail; ///< Refuted: the model; Unknown: the reason
  double seconds = 0;
};

struct SmtOptions {
  unsigned timeout_ms = 60'000;
  unsigned rlimit = 0;                          ///< 0: none
  const std::atomic<bool> *interrupt = nullptr; ///< set: the answer is Unknown, soon
};

SmtResult check(const Obligation &obligation, const SmtOptions &options = {});

/// "z3 4.8.12"
std::string solver_version();

} // namespace isamorph::verify
