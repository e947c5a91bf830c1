#pragma once
// How the loops of a tiled product run, and what that costs: the part of the search over products
// that knows no program. Private to the tilings (search/tiling_context.h).

#include "search/loop_nest.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace isamorph::search {

/// The axes of a product.
enum Axis : std::uint32_t { kRows, kColumns, kDepth, kAxes };
/// Loops by number. The tiles of rows are cut again: tile rows_in of the group rows_out. kLines
/// runs over the lines of a tile that do not lie side by side in memory.
enum LoopId : std::uint32_t {
  kRowsOut,
  kRowsIn,
  kColumnsOut,
  kColumnsIn,
  kSum,
  kLoops,
  kLines = kLoops
};
inline constexpr std::array<const char *, kLoops + 1> kVariables = {"io", "i", "jo", "j", "k", "r"};

/// What a step costs a unit each, and the bytes it moves.
struct Weight {
  std::vector<std::int64_t> by_unit;
  std::int64_t bytes = 0, calls = 0;

  void add(const Weight &other, std::int64_t times) {
    by_unit.resize(std::max(by_unit.size(), other.by_unit.size()), 0);
    for (std::size_t u = 0; u < other.by_unit.size(); ++u)
      by_unit[u] += times * other.by_unit[u];
    bytes += times * other.bytes;
    calls += times * other.calls;
  }
  std::int64_t cost(costmodel::CostModel model) const {
    if (model == costmodel::CostModel::Overlap)
      return by_unit.empty() ? 0 : *std::max_element(by_unit.begin(), by_unit.end());
    return std::accumulate(by_unit.begin(), by_unit.end(), std::int64_t{0});
  }
};

/// Of a nest of steps, its addresses left aside.
Weight weigh(const LoopNest &nest, const spec::Isa &isa, costmodel::CostModel model);

inline LoopNest loop(LoopId id, std::int64_t start, std::int64_t end, std::vector<LoopNest> parts) {
  return {{}, id, kVariables[id], start, end, 1, std::move(parts)};
}

/// One way to run the loops: their order, how often each runs, and around which loops each operand
/// is loaded: `depth_of[x]` loops are around the loads of operand x.
struct Scheme {
  std::array<LoopId, kLoops> order{};
  std::array<std::int64_t, kLoops> trips{};
  std::array<std::size_t, 2> depth_of{};
  std::int64_t cost = 0, bytes = 0;

  std::size_t position(LoopId id) const {
    return static_cast<std::size_t>(std::find(order.begin(), order.end(), id) - order.begin());
  }
  std::int64_t trips_around(std::size_t depth) const {
    std::int64_t out = 1;
    for (std::size_t l = 0; l < depth; ++l)
      out *= trips[order[l]];
    return out;
  }
  /// How many tiles along an axis are there at a time, for what is made inside `depth` loops.
  std::int64_t extent(Axis axis, std::size_t depth) const {
    std::int64_t out = 1;
    for (LoopId id : loops_of(axis))
      out *= position(id) >= depth ? trips[id] : 1;
    return out;
  }
  static std::vector<LoopId> loops_of(Axis axis) {
    switch (axis) {
    case kRows:
      return {kRowsOut, kRowsIn};
    case kColumns:
      return {kColumnsOut, kColumnsIn};
    default:
      return {kSum};
    }
  }
  /// The number of a tile along an axis times `factor`, over the loops inside `depth`.
  void add_index(Affine &to, Axis axis, std::size_t depth, std::int64_t factor) const {
    std::vector<LoopId> loops = loops_of(axis);
    for (std::size_t l = loops.size(); l-- > 0;) {
      if (position(loops[l]) >= depth)
        to.add(loops[l], factor);
      factor *= trips[loops[l]];
    }
  }
};

} // namespace isamorph::search
