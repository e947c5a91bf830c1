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
  kLines = kLoops,
  kBatches ///< and on: one for each batch dimension, around all others
};
inline constexpr std::array<const char *, kLoops + 1> kVariables = {"io", "i", "jo", "j", "k", "r"};

/// The steps of a product's kernel, each for one tile. A sum begins with the first summand, or with
/// zero and the first accumulation. The tail is a shorter tile at the end of the contraction.
enum ProductStep : std::size_t {
  kLoadLeft,
  kLoadRight,
  kAccumulate,
  kBegin,
  kZero,
  kStore,
  kTailLeft,
  kTailRight,
  kTail,
  kProductSteps
};

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
  std::int64_t sum() const {
    return std::accumulate(by_unit.begin(), by_unit.end(), std::int64_t{0});
  }
  std::int64_t busiest() const {
    return by_unit.empty() ? 0 : *std::max_element(by_unit.begin(), by_unit.end());
  }
  std::int64_t cost(costmodel::CostModel model) const {
    return model == costmodel::CostModel::Overlap ? busiest() : sum();
  }
};

/// Of a nest of steps, its addresses left aside.
Weight weigh(const LoopNest &nest, const spec::Isa &isa, costmodel::CostModel model);

inline LoopNest loop(LoopId id, std::int64_t start, std::int64_t end, std::vector<LoopNest> parts,
                     std::int64_t step = 1) {
  return {{}, id, kVariables[id], start, end, step, std::move(parts)};
}

/// One way to run the loops: their order, how often each runs, and around which loops each operand
/// is loaded: `depth_of[x]` loops are around the loads of operand x.
struct Scheme {
  std::array<LoopId, kLoops> order{};
  std::array<std::int64_t, kLoops> trips{};
  std::array<std::size_t, 2> depth_of{};
  /// Double buffering: the loop, by position, whose body stands twice, for even and for odd
  /// iterations, with two copies of what is made inside of it. kLoops: none.
  std::size_t doubled = kLoops;
  std::int64_t cost = 0;     ///< no less; of Overlap, the work of the busiest unit
  std::int64_t makespan = 0; ///< Overlap: about how long it takes
  std::int64_t bytes = 0;

  std::size_t position(LoopId id) const {
    return static_cast<std::size_t>(std::find(order.begin(), order.end(), id) - order.begin());
  }
  std::int64_t trips_around(std::size_t depth) const {
    std::int64_t out = 1;
    for (std::size_t l = 0; l < depth; ++l)
      out *= trips[order[l]];
    return out;
  }
  /// How often what is inside `depth` loops, but for that over the sum, happens.
  std::int64_t trips_but_sum(std::size_t depth) const {
    return trips_around(depth) / (position(kSum) < depth ? trips[kSum] : 1);
  }
  /// Copies of what is made inside `depth` loops.
  std::int64_t copies(std::size_t depth) const { return doubled < depth ? 2 : 1; }
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

/// Operands 0 and 1, 2: the sum, and the operands' tails.
inline constexpr std::size_t kHeld = 5;

/// A product's tiles as far as its loops are concerned.
struct ProductTiles {
  std::array<std::int64_t, kAxes> counts{};
  std::int64_t batches = 1;   ///< how often all loops run
  std::array<Axis, 2> free{}; ///< of the operands
  /// Places of a tile along the first addressed dimension; 0 where there are no tails.
  std::array<std::int64_t, kHeld> heights{};
  std::array<std::uint32_t, kHeld> buffers{};
  std::array<Weight, kProductSteps> weights{};

  std::array<Axis, 2> axes_of(std::size_t x) const {
    if (x == 2)
      return {free[0], free[1]};
    return {free[x], kDepth};
  }
  /// Tiles of x that are there at a time when they are made inside `depth` loops.
  std::int64_t tiles(std::size_t x, const Scheme &scheme, std::size_t depth) const {
    auto [first, second] = axes_of(x);
    return scheme.extent(first, depth) * scheme.extent(second, depth);
  }
};

/// Where the tiles of the operands and the sum lie.
struct TileLayout {
  std::array<Affine, kHeld> starts;
  std::array<std::int64_t, kHeld> distance{}; ///< from the copy of even iterations to odd ones'
  std::vector<std::int64_t> reserved;         ///< places, by buffer

  /// Of iterations of a parity of the doubled loop.
  TileLayout of(std::int64_t parity) const;
};

/// nullopt where the buffers are too small.
std::optional<TileLayout> layout(const Scheme &scheme, const ProductTiles &tiles,
                                 const spec::Isa &isa);

/// All schemes that fit, the best first.
std::vector<Scheme> schemes(const ProductTiles &tiles, const spec::Isa &isa,
                            costmodel::CostModel model);

} // namespace isamorph::search
