#pragma once
// Runs a kernel bit-exactly from the ISA's semantics. The kernel must be valid (spec::validate),
// which makes every access lie inside its buffer and every read see a written place.

#include "semantics/evaluator.h"
#include "spec/kernel.h"

namespace isamorph::sim {

/// A kernel prepared for running: bodies instantiated once, constants laid out. Reusable for any
/// number of inputs; `run` is const and may be called from several threads.
class Simulator {
public:
  Simulator(const spec::Isa &isa, const spec::Kernel &kernel);
  ~Simulator();
  Simulator(Simulator &&) noexcept;

  /// Outputs for inputs in the kernel's order. Throws InputError when shapes do not fit.
  std::vector<semantics::Tensor> run(std::span<const semantics::Tensor> inputs) const;

private:
  struct Program;
  std::unique_ptr<Program> program_;
};

} // namespace isamorph::sim
