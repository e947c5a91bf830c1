#pragma once
// Runs a kernel bit-exactly from the ISA's semantics. The kernel must be valid (spec::validate),
// which makes every access lie inside its buffer and every read see a written place.

#include "semantics/evaluator.h"
#include "sim/observer.h"

namespace isamorph::sim {

class Program;

/// A kernel prepared for running: bodies compiled once, addresses resolved. Reusable for any number
/// of inputs; `run` is const and may be called from several threads. It uses the threads of the
/// oneTBB arena that it is called in; the result is the same for any number of them.
class Simulator {
public:
  /// Throws InputError at an instruction that leaves a buffer or has no evaluator.
  Simulator(const spec::Isa &isa, spec::Kernel kernel);
  ~Simulator();
  Simulator(Simulator &&) noexcept;

  /// Outputs for inputs in the kernel's order. Throws InputError when shapes do not fit, and
  /// semantics::Interrupted, which says after how many instructions, in an InterruptScope
  /// (semantics/interrupt_point.h).
  std::vector<semantics::Tensor> run(std::span<const semantics::Tensor> inputs) const;
  /// The same in program order on one thread, with an observer; nullopt when it ended the run.
  std::optional<std::vector<semantics::Tensor>> run(std::span<const semantics::Tensor> inputs,
                                                    Observer &observer) const;

private:
  std::unique_ptr<Program> program_;
};

} // namespace isamorph::sim
