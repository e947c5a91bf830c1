#pragma once
// Control state, conditions and regions with steps, taken away: what a kernel does on an ISA that
// has them is what another kernel does on an ISA that has none. Everything that gives a kernel a
// meaning (the simulator, the verifier, its checker, the cost model) resolves it first, and the
// planner plans on the arms.
//
// Control state is changed by integer expressions over attributes and state alone, so that it is
// known at every instruction that runs. Nothing is approximated: loops are walked.

#include "spec/kernel.h"

namespace isamorph::spec {

/// Whether the ISA has control state, conditions or regions with steps.
bool has_control(const Isa &isa);

/// An ISA with its instructions taken apart into arms that stand alone: every condition is among an
/// arm's constraints, all expressions are over attributes and the state that the arm finds, and the
/// only updates are `after`, at once. Arms of one instruction have its name. Regions with steps
/// whose extent is the distance are plain regions in an arm of their own.
struct Arms {
  explicit Arms(const Isa &isa);
  Isa isa;
  std::vector<std::uint32_t> instruction; ///< by arm: the instruction that it belongs to
  std::vector<std::uint32_t> first;       ///< by instruction: its first arm; then the number of arms
};

/// The control state while a kernel runs.
class Control {
public:
  explicit Control(const Isa &isa);

  /// An arm with values of attributes and state, by the arm's symbols.
  struct Step {
    std::uint32_t arm;
    semantics::Bindings values;
  };
  /// What an instruction without strides is in this state. Its constraints may not hold. Throws
  /// InputError where a condition has no value.
  Step select(const KernelInstruction &call) const;
  /// What a step does to the state. Throws InputError where a value leaves its range.
  void advance(const Step &step);
  /// As before the first instruction.
  void restart();

  const Arms &arms() const { return arms_; }
  std::span<const std::int64_t> values() const { return values_; } ///< parallel to Isa::state
  /// "occupancy = 1, push = 2"; "" without state.
  std::string text() const;

private:
  Arms arms_;
  std::vector<std::int64_t> values_;
};

/// The state after a step that begins in `values.last(state)`; nullopt where an update has no value
/// or leaves its range.
std::optional<std::vector<std::int64_t>> state_after(const Isa &arms, std::uint32_t arm,
                                                     const semantics::Bindings &values);

/// A valid kernel and its ISA without control: the instructions of `isa()` are arms whose state
/// became attributes and whose regions with steps became as many plain ones. Loops stay where no
/// iteration chooses another arm or another value of state that matters; else there are none.
/// Without control it borrows both, which must then outlive it.
class Resolved {
public:
  /// Throws InputError at an instruction of a kernel that is not valid.
  Resolved(const Isa &isa, const Kernel &kernel);
  const Isa &isa() const { return own_isa_ ? *own_isa_ : *isa_; }
  const Kernel &kernel() const { return own_kernel_ ? *own_kernel_ : *kernel_; }

private:
  const Isa *isa_;
  const Kernel *kernel_;
  std::optional<Isa> own_isa_;
  std::optional<Kernel> own_kernel_;
};

} // namespace isamorph::spec
