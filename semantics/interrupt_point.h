#pragma once
// How evaluations and simulations that take long are ended from outside, by Ctrl-C say: they pass
// interrupt points on all of their threads, and the first one that finds the flag set throws.
// Results are whole or there are none.

#include <atomic>
#include <stdexcept>

namespace isamorph::semantics {

/// "interrupted in dot.3, operation 4 of 7"
struct Interrupted : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// While one lives, interrupt points of all threads look at `flag`; one at a time. Outside of such
/// a scope they never throw.
class InterruptScope {
public:
  explicit InterruptScope(const std::atomic<bool> &flag);
  ~InterruptScope();
  InterruptScope(const InterruptScope &) = delete;
  InterruptScope &operator=(const InterruptScope &) = delete;
};

/// Private to the next function: the flag of the scope, or null.
extern std::atomic<const std::atomic<bool> *> g_interrupt_flag;

/// Throws Interrupted when the flag is set. Two loads: for loops of a few hundred steps or more.
inline void interrupt_point() {
  const std::atomic<bool> *flag = g_interrupt_flag.load(std::memory_order_relaxed);
  if (flag && flag->load(std::memory_order_relaxed))
    throw Interrupted("interrupted");
}

} // namespace isamorph::semantics
