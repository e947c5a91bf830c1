#pragma once
// Which loops may run their iterations side by side, each on on-chip buffers of its own. Private to
// sim/.
//
// The iterations of a loop are independent when each reads on-chip only what it wrote before, or
// what no iteration writes, and none touches a byte of off-chip memory that another writes. Decided
// from addresses, exactly but for reads that lie partly in what the iteration wrote.

#include "sim/loop_footprints.h"

namespace isamorph::sim {

/// For each loop whether its iterations are independent whatever the iterations around it. Only the
/// outermost such loops, of at least `least_work`, are named; what takes too long to find out is
/// taken to be dependent.
std::vector<char> independent_loops(const LoopNest &nest, const LoopFootprints &footprints,
                                    std::size_t least_work);

} // namespace isamorph::sim
