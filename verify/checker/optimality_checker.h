#pragma once
// The part of a certificate that says how cheap a kernel could be: its cost, the prices of the
// planning task's actions and the landmarks. Private to the checker.

#include "spec/kernel.h"
#include "verify/checker/json_part.h"

namespace isamorph::verify {

struct OptimalityFinding {
  std::int64_t cost = 0, bound = 0; ///< of the kernel; what the landmarks prove
  std::string model;
  std::size_t landmarks = 0;
  std::string saturation; ///< how it ended, as the certificate says; empty if it does not
};

/// Throws Refused, or InputError when a part of the schema is missing.
OptimalityFinding check_optimality(const Part &part, const spec::Kernel &kernel,
                                   const spec::Isa &isa);

} // namespace isamorph::verify
