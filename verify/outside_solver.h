#pragma once
// Somebody else's solver, by its command line. Only one word counts as a proof: a run that ends
// with status 0 and prints `unsat` and nothing else on standard output. `sat`, `unknown`, errors,
// crashes, silence and time-outs are no proof, each with its reason.

#include "verify/checker/obligation.h"

#include <atomic>
#include <string_view>

namespace isamorph::verify {

/// The reason when the shell does not find or may not run the command.
inline constexpr std::string_view kCannotRun = "the solver's command cannot be run";

struct OutsideSolverOptions {
  unsigned timeout_ms = 60'000;                 ///< an obligation; then the solver is killed
  const std::atomic<bool> *interrupt = nullptr; ///< set: the solver is killed
};

/// `command` is a shell command; the name of the obligation's file is appended to it.
Solver outside_solver(const std::string &command, const OutsideSolverOptions &options);

} // namespace isamorph::verify
