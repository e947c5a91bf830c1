#pragma once
// The part of a certificate that bounds what any kernel of the program must do: bytes moved,
// elementary products formed, and the cost that follows. All of it is found again from the program
// and the ISA; the argument is in verify/CERTIFICATES.md, "Bounds". Private to the checker.

#include "semantics/graph.h"
#include "spec/kernel.h"
#include "verify/checker/json_part.h"

namespace isamorph::verify {

struct BoundsFinding {
  std::string model;
  std::int64_t cost = 0, cost_bound = 0;   ///< of the kernel; of every kernel
  std::int64_t bytes = 0, bytes_bound = 0; ///< moved between off-chip memory and the chip
};

/// Throws Refused, or InputError when a part of the schema is missing.
BoundsFinding check_bounds(const Part &part, const semantics::TensorGraph &graph,
                           const spec::Kernel &kernel, const spec::Isa &isa);

} // namespace isamorph::verify
