#pragma once
// The solver behind one small door: Z3 answers obligations (verify/checker/obligation.h). A
// time-out, a limit that is reached and Ctrl-C are the answer Unknown with the reason, and no call
// lasts much longer than its time limit: Z3 4.8.12 may overlook its own, so a watchdog interrupts
// it again and again, and a call in a process of its own is killed. fp.fma must not appear in any
// obligation: Z3 4.8.12 decides it wrongly (Z3Prover/z3#10608).

#include "verify/checker/obligation.h"

#include <atomic>

namespace isamorph::verify {

struct SmtOptions {
  unsigned timeout_ms = 60'000;
  unsigned rlimit = 0;                          ///< 0: none
  const std::atomic<bool> *interrupt = nullptr; ///< set: the answer is Unknown, soon
  unsigned memory_mb = 4096;                    ///< of Z3 in its process; 0: no limit
  /// Ask in a child process, which is killed when time is up. Not while other threads run.
  bool isolated = false;
};

/// For questions that are asked on the way to an obligation, where "unknown" changes what is
/// proved: so many steps of Z3 (two to five million take a second), whatever else the machine does.
inline SmtOptions within_steps(unsigned rlimit) {
  SmtOptions options;
  options.rlimit = rlimit;
  return options;
}

/// Never throws.
SmtResult check(const Obligation &obligation, const SmtOptions &options = {});

/// `check` as the checker takes it.
Solver built_in_solver(const SmtOptions &options);

/// "z3 4.8.12"
std::string solver_version();

} // namespace isamorph::verify
