#pragma once
// What a kernel moves between off-chip memory and the chip, in bytes: the off-chip regions that its
// instructions read and write, each time they do. Loops are not unrolled unless a region's size
// changes with their variables.

#include "spec/kernel.h"

namespace isamorph::costmodel {

struct Traffic {
  std::int64_t loaded = 0, stored = 0; ///< bytes
  std::int64_t total() const { return loaded + stored; }
  bool operator==(const Traffic &) const = default;
};

/// Of a valid kernel (spec::validate).
Traffic traffic(const spec::Isa &isa, const spec::Kernel &kernel);

} // namespace isamorph::costmodel
