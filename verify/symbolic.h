#pragma once
// Symbolic execution: tensor graphs and kernels on tensors of terms. The kernel side follows the
// ISA's semantics alone, byte by byte in off-chip memory and place by place in buffers; it knows
// nothing of how the kernel was found.

#include "spec/kernel.h"
#include "verify/term.h"

#include <stdexcept>

namespace isamorph::verify {

struct SymbolicTensor {
  semantics::Shape shape;
  std::vector<TermId> elements; ///< row-major
};

/// The inputs of a program: element e of parameter p is the term input(p, e).
std::vector<SymbolicTensor> symbolic_inputs(TermGraph &terms,
                                            std::span<const semantics::Shape> shapes);

/// More work than a limit would have been done, or too many values kept apart.
struct TooMuchWork : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The values of all nodes of a graph. Throws InputError at an operation without symbolic
/// semantics, TooMuchWork where a start index depends on the inputs.
std::vector<SymbolicTensor> execute_nodes(TermGraph &terms, const semantics::TensorGraph &graph,
                                          std::span<const SymbolicTensor> inputs);
/// The results of a graph.
std::vector<SymbolicTensor> execute(TermGraph &terms, const semantics::TensorGraph &graph,
                                    std::span<const SymbolicTensor> inputs);

/// The outputs of a valid kernel (spec::validate), in its order, for the inputs in its order. Loops
/// are unrolled: every instance runs. Throws TooMuchWork before the elements that its instructions
/// read, compute and fold are more than `limit`.
std::vector<SymbolicTensor> execute(TermGraph &terms, const spec::Isa &isa,
                                    const spec::Kernel &kernel,
                                    std::span<const SymbolicTensor> inputs,
                                    std::int64_t limit = std::int64_t{1} << 29);

} // namespace isamorph::verify
