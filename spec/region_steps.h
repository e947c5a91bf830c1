#pragma once
// Regions with steps made plain ones. Private to spec/: others take kernels without them from
// spec/state.h.

#include "spec/isa.h"

namespace isamorph::spec {

/// Counts of the regions with steps, in the order of reads and then writes.
using StepCounts = std::vector<std::int64_t>;

bool has_steps(const Instruction &way);

/// The instruction with one plain region for each with steps: what it is where distances are
/// extents.
Instruction dense_regions(const Instruction &arm);

/// The instruction with as many plain regions for each with steps as its count says; their tensors
/// are put together, or taken apart, in its body.
Instruction plain_regions(const Instruction &arm, const StepCounts &counts);

} // namespace isamorph::spec
