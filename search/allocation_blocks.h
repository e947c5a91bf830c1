#pragma once
// Live ranges as a stacking problem: the form in which the allocator searches.
//
// Time becomes sections, each a set of items that are live together. Items that share one place
// become one block, whose height differs from section to section; its base is flat. A block above
// another must begin at or above the other's highest height over the sections of both. Offsets and
// heights are counted in a unit that divides all of them.

#include "search/allocation.h"

#include <compare>
#include <span>

namespace isamorph::search {

/// A block's height in sections first, ..., last - 1.
struct BlockSpan {
  std::uint32_t first = 0, last = 0;
  std::int64_t height = 0;
  auto operator<=>(const BlockSpan &) const = default;
};

/// With another block that shares a section: the upper of the two begins at least the height of the
/// lower one (the highest over the shared sections) above it.
struct BlockContact {
  std::uint32_t block = 0;
  std::int64_t height = 0; ///< this block's, when it is the lower
  std::int64_t below = 0;  ///< the other's, when this block is the upper
};

struct Block {
  std::vector<std::uint32_t> items; ///< that share its place
  std::vector<BlockSpan> spans;     ///< ascending, disjoint
  std::vector<BlockContact> contacts;
  std::int64_t height = 0; ///< the highest
  std::int64_t alignment = 1;
  std::int64_t lifetime = 0;   ///< time units, of all its items
  std::int64_t contention = 0; ///< the largest total of a section that it is in
  std::optional<std::int64_t> fixed;
  std::optional<std::int64_t> hint;
  std::uint32_t first() const { return spans.front().first; }
  std::uint32_t last() const { return spans.back().last; }
};

struct BlockProblem {
  std::int64_t unit = 1; ///< bytes
  std::int64_t capacity = 0;
  std::uint32_t sections = 0;
  std::vector<std::int64_t> totals;  ///< the heights of a section's blocks
  std::vector<Block> blocks;         ///< of a positive height
  std::vector<Block> without_height; ///< these overlap nothing; their offsets stay in bytes
  std::int64_t bound = 0;            ///< no solution is lower; ignores `capacity`
  /// Fixed blocks overlap, or a block has two places: there is no solution at any capacity.
  bool contradictory = false;
};

/// The items `members` of one buffer.
BlockProblem make_blocks(const AllocationProblem &problem, std::span<const std::uint32_t> members,
                         std::int64_t capacity, const AllocationSwitches &switches);

/// The parts of a problem that share no section, each with a copy of its blocks and its sections
/// numbered from 0.
std::vector<BlockProblem> split_blocks(const BlockProblem &problem);

} // namespace isamorph::search
