#pragma once
// Words for people: names of values, facts and actions, and why a program has no kernel.

#include "search/state_space.h"

namespace isamorph::search {

/// A short name for every e-class: the graph's name of the value, or the shortest term over such
/// names. Empty where there is none.
std::vector<std::string> value_names(const TensorEGraph &egraph,
                                     const semantics::TensorGraph &graph,
                                     std::span<const ClassId> classes);

std::vector<std::string> fact_names(const StateSpace &space, std::span<const std::string> values);
std::vector<std::string> action_names(const StateSpace &space, std::span<const std::string> values);

/// Why the results cannot be reached even without regard to capacity, in terms of the user's graph.
/// `classes` are the e-classes of the graph's nodes.
std::string explain_unreachable(const TensorEGraph &egraph, const spec::Isa &isa,
                                const semantics::TensorGraph &graph,
                                std::span<const ClassId> classes, const PlacementGraph &placements);

/// Which attribute of which instruction would have to be determined.
std::string explain_undetermined(const spec::Isa &isa,
                                 const PlacementGraph::Undetermined &undetermined);

} // namespace isamorph::search
