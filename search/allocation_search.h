#pragma once
// The depth-first search for a canonical stacking of one connected set of blocks.

#include "search/allocation_blocks.h"

#include <memory>

namespace isamorph::search {

/// What decides a search's course besides the blocks.
struct CanonicalOptions {
  AllocationSwitches switches;
  /// The blocks in order of preference: of those that could come next at one offset, the first in
  /// this order is tried first.
  std::vector<std::uint32_t> order;
};

/// One search, which can be paused and continued.
class CanonicalSearch {
public:
  enum class Outcome : std::uint8_t { Found, Exhausted, Paused };

  virtual ~CanonicalSearch() = default;
  /// Tries up to `budget` further placements.
  virtual Outcome run(std::uint64_t budget) = 0;
  /// Placements tried so far.
  virtual std::uint64_t steps() const = 0;
  /// After Found: one offset for each block.
  virtual std::vector<std::int64_t> offsets() const = 0;
  /// How often a section had no room for what is left, and a block no room at all.
  virtual const std::vector<std::uint64_t> &section_failures() const = 0;
  virtual std::vector<std::uint64_t> block_failures() const = 0;
};

/// `problem` must not be contradictory, and must outlive the search.
std::unique_ptr<CanonicalSearch> make_canonical_search(const BlockProblem &problem,
                                                       const CanonicalOptions &options);

} // namespace isamorph::search
