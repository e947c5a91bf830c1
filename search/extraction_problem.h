#pragma once
// The least DAG cost as a small problem of its own: what simplification, bounds, local search and
// branch and bound work on.
//
// Invariants: the nodes of class c are class_at[c] .. class_at[c + 1] - 1; children are ascending
// and not repeated; costs are integers and not negative. Each node remembers the nodes of the
// e-graph that are chosen along with it. A solution of the problem together with `taken` gives an
// extraction of the e-graph: a choice for every class that it needs (and perhaps for others).

#include "search/extraction.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace isamorph::search {

struct ExtractionProblem {
  std::vector<std::uint32_t> class_at{0}; ///< [classes + 1]
  std::vector<std::uint32_t> node_class;
  std::vector<std::int64_t> cost;
  std::vector<std::uint32_t> child_at{0}, child;   ///< [nodes + 1], classes
  std::vector<std::uint32_t> origin_at{0}, origin; ///< [nodes + 1], nodes of the e-graph
  std::vector<std::uint32_t> roots;                ///< ascending, not repeated
  std::int64_t constant = 0;                       ///< the cost of what is taken in any case
  std::vector<std::uint32_t> taken;                ///< nodes of the e-graph

  std::uint32_t classes() const { return static_cast<std::uint32_t>(class_at.size()) - 1; }
  std::uint32_t nodes() const { return static_cast<std::uint32_t>(node_class.size()); }
  std::span<const std::uint32_t> children(std::uint32_t n) const {
    return {child.data() + child_at[n], child.data() + child_at[n + 1]};
  }
  std::span<const std::uint32_t> origins(std::uint32_t n) const {
    return {origin.data() + origin_at[n], origin.data() + origin_at[n + 1]};
  }

  void add_class() { class_at.push_back(class_at.back()); }
  /// Adds a node to the last class.
  void add_node(std::int64_t node_cost, std::span<const std::uint32_t> children,
                std::span<const std::uint32_t> origins);
};

/// The e-graph with costs times `scale`, rounded down, negative ones as zero.
ExtractionProblem problem_of(const SerializedEGraph &graph, double scale);

/// A power of two by which all costs can be multiplied so that no sum of costs leaves 62 bits, and
/// so that costs which are integers stay integers.
double scale_for(const SerializedEGraph &graph);

/// A node for each class that the roots need, kNoNode elsewhere.
struct ExtractionSolution {
  std::vector<std::uint32_t> choice;
  std::int64_t cost = 0; ///< with the problem's constant
};

/// The nodes of the e-graph that a solution chooses, with those taken.
std::vector<std::uint32_t> origins_of(const ExtractionProblem &problem,
                                      const ExtractionSolution &solution);

struct SimplifyOptions {
  bool landmarks = true, dominance = true, merging = true;
};

/// What is left can be derived and reached from the roots, whatever the options. An equivalent
/// problem, usually much smaller; nullopt when some root cannot be derived.
std::optional<ExtractionProblem> simplify(ExtractionProblem problem,
                                          const SimplifyOptions &options);

/// One round of merging, a step of simplification: folds a class into its only user, one with a
/// single node into the only class that uses it or, when it costs nothing, into all users; takes
/// roots with a single node that no node uses. Returns whether anything changed; if so the problem
/// may hold nodes that use their own class.
bool merge_classes(ExtractionProblem &problem);

/// Parts that share no class; their solutions together solve the problem. The constant and what is
/// taken go to the first part.
std::vector<ExtractionProblem> decompose(const ExtractionProblem &problem);

/// For each class the nodes that have it as a child.
struct Users {
  std::vector<std::uint32_t> at, user;
  explicit Users(const ExtractionProblem &problem);
  std::span<const std::uint32_t> of(std::uint32_t c) const {
    return {user.data() + at[c], user.data() + at[c + 1]};
  }
};

} // namespace isamorph::search
