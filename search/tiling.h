#pragma once
// Kernels for shapes that no single instruction covers: the results are cut into a grid of equal
// tiles, loops run over the grid, and the planner plans what happens in them. Where tiles do not
// divide a dimension, those at its end are shorter, or, where no instruction takes shorter ones,
// overlap with those before them; each such strip has loops of its own. Two forms are searched:
//
// Maps: every tile is computed alone. What does not depend on an inner loop (a matrix that all
// tiles multiply with) may be made before it and stay on chip; which values stay, and the order of
// the loops, is searched, each body being planned for the space that is left.
//
// Products: a dot whose contraction is too long for an instruction is summed tile by tile in an
// on-chip accumulator, and the result goes through what follows it in the program. Loops are cut
// again, so that several tiles of an operand stay on chip while others pass by; the order of the
// loops, their cuts and the loops around which operands are loaded are searched exhaustively, for
// the cost model in force. Where units overlap, the body of one loop may stand twice, for even and
// odd iterations, with two copies of what is made in it (double buffering); the most promising
// kernels, with and without that, are simulated.
//
// Which instructions load, multiply, accumulate and store is found by matching alone. Whether the
// kernel is right is for the verifier to say.

#include "search/search.h"

namespace isamorph::search {

/// The cheapest kernel of these forms that was found. Its status is never Optimal: irregular
/// tilings are not searched. The bound holds for every kernel (search/lower_bound.h).
SearchResult find_tiled_kernel(const semantics::TensorGraph &graph, const spec::Isa &isa,
                               std::span<const semantics::RewriteRule> rules,
                               const SearchOptions &options);

} // namespace isamorph::search
