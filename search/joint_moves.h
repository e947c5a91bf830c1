#pragma once
// Joint moves: one instruction that moves what several would where memory holds it side by side.
//
// Off chip, the inputs lie one after the other, then the constants, in an order that is ours to
// choose, then the outputs. A load of more rows brings a run of them on chip, the rows of one after
// those of the other, and instructions read the rows that they need; a store of more rows writes a
// run of outputs from values that lie so. A run is of places that some instruction needs each, of
// at most 64 KiB (byte_sources.h). That the larger move does what the separate ones do is
// not assumed: an e-graph shows it for the sizes at hand (row_lemma.h), or there is no joint move.

#include "search/placement_graph.h"
#include "semantics/rules.h"

namespace isamorph::search {

/// Adds joint loads and stores to a graph from memory to memory, and their values to the e-graph,
/// and puts the constants into an order that joins more. Nothing where instructions change control
/// state.
void add_joint_moves(PlacementGraph &graph, TensorEGraph &egraph, const spec::Isa &isa,
                     costmodel::CostModel model, std::span<const semantics::RewriteRule> rules,
                     semantics::Level level);

} // namespace isamorph::search
