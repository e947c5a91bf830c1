#pragma once
// From a plan to a kernel: real addresses instead of the packed ones of the state space, and the
// layout of off-chip memory (inputs in parameter order from byte 0, then the constants that are
// read, then outputs, then scratch).

#include "search/planner.h"

namespace isamorph::search {

/// An instance of a plan and the numbers of the slots that it uses.
struct PlanStep {
  std::uint32_t instance = 0;
  semantics::Bindings fixed;                ///< as of Transition
  std::vector<std::uint32_t> reads, writes; ///< parallel to the instruction's
};

/// The steps of a plan where they really happen: each position of a symmetric buffer, which states
/// keep packed, at the place that a value keeps.
std::vector<PlanStep> real_steps(const StateSpace &space, const Plan &plan);

/// The typed tensor whose memory image a class is: reshape(bitcast-convert(x)) or one of the two;
/// else the image itself.
TensorRef typed_constant(const TensorEGraph &egraph, ClassId image);

/// What the kernel's off-chip tensors are called and look like.
struct KernelTensors {
  std::vector<std::pair<std::string, Shape>> inputs, outputs;
};

/// Of a program: its parameters, and its results under names that differ from theirs.
KernelTensors kernel_tensors(const semantics::TensorGraph &graph);
/// The program's name as an identifier.
std::string kernel_name(const semantics::TensorGraph &graph);

spec::Kernel assemble_kernel(const StateSpace &space, const Plan &plan, const TensorEGraph &egraph,
                             const KernelTensors &tensors, const std::string &name);

} // namespace isamorph::search
