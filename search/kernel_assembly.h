#pragma once
// From a plan to a kernel: real addresses instead of the packed ones of the state space, and the
// layout of off-chip memory (inputs in parameter order from byte 0, then the constants that are
// read, then outputs, then scratch).

#include "search/planner.h"

namespace isamorph::search {

/// What the kernel's off-chip tensors are called and look like.
struct KernelTensors {
  std::vector<std::pair<std::string, Shape>> inputs, outputs;
};

spec::Kernel assemble_kernel(const StateSpace &space, const Plan &plan, const TensorEGraph &egraph,
                             const KernelTensors &tensors, const std::string &name);

} // namespace isamorph::search
