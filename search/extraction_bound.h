#pragma once
// Lower bounds of an extraction problem by landmark cuts (LM-cut, Helmert and Domshlak 2009; the
// directed cuts of Wong's dual ascent for Steiner trees, 1984): sets of nodes of which every
// extraction contains one, found one after the other in the costs that earlier ones left over.

#include "search/extraction_problem.h"

#include <cstdint>
#include <vector>

namespace isamorph::search {

struct CutBound {
  std::int64_t bound = 0;            ///< of a solution's cost, with the problem's constant
  std::vector<std::int64_t> reduced; ///< per node: the cost that no cut was charged to
  std::vector<std::int64_t> below;   ///< per class: its most expensive chain in reduced costs
  std::vector<std::int64_t> above;   ///< per class: the cheapest chain of users up to a root

  /// A bound of the cost of all solutions that use the node.
  std::int64_t with_node(const ExtractionProblem &problem, std::uint32_t n) const;
};

/// The problem must be derivable. `seed` decides which of equally expensive children a cut goes
/// through; 0: the first. Stops early once the bound has reached `enough`.
CutBound cut_bound(const ExtractionProblem &problem, const Users &users, std::int64_t enough,
                   std::uint64_t seed = 0);

/// The problem without the nodes of which the bound shows that no solution below `limit` uses them.
/// Returns the number of nodes dropped; the problem may then not be derivable.
std::uint32_t drop_expensive(ExtractionProblem &problem, const CutBound &bound, std::int64_t limit);

} // namespace isamorph::search
