#pragma once
// The allocator's techniques by name, for tests and benchmarks that turn them off one at a time.

#include "search/allocation.h"

namespace isamorph::search::test {

struct Technique {
  const char *name;
  bool AllocationSwitches::*on;
};
inline constexpr Technique kTechniques[] = {
    {"common_divisor", &AllocationSwitches::common_divisor},
    {"maximal_sections", &AllocationSwitches::maximal_sections},
    {"decomposition", &AllocationSwitches::decomposition},
    {"section_inference", &AllocationSwitches::section_inference},
    {"support", &AllocationSwitches::support},
    {"passing", &AllocationSwitches::passing},
    {"dominance", &AllocationSwitches::dominance},
    {"symmetry", &AllocationSwitches::symmetry},
    {"no_goods", &AllocationSwitches::no_goods},
    {"restarts", &AllocationSwitches::restarts},
    {"portfolio", &AllocationSwitches::portfolio}};

} // namespace isamorph::search::test
