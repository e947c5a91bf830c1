#pragma once
// The steps of a tiled product's kernel: loads of operands' tiles, products, what begins a sum and
// what follows it. Each is planned on its own. Private to the tilings (search/tiling_context.h).

#include "search/tiled_product.h"
#include "search/tiling_context.h"

#include <memory>

namespace isamorph::search {

/// The values of a tile and who plans on them.
struct PlannedTile {
  PlannedTile(TilingContext &around, const semantics::TensorGraph &graph)
      : context(around), values(context.saturated(graph)), planner(context.planner(values)) {}
  PlannedTile(const PlannedTile &) = delete;
  ~PlannedTile() { context.count(planner); }

  TilingContext &context;
  TileValues values;
  StepPlanner planner;
};

/// Operands' tiles and their product, for one size of tiles.
class SummandSteps {
public:
  SummandSteps(TilingContext &context, const Summand &summand);

  /// Of operand 0 and 1, and 2: the sum.
  const Shape &shape(std::size_t x) const {
    return tile_.values.egraph.shape(tile_.values.input(x));
  }
  /// Chooses the buffers of the operands' tiles and of the sum; false if one does not fit.
  bool hold_in(const std::array<std::uint32_t, 3> &buffers);
  /// Places of a tile along the first addressed dimension of its buffer.
  std::int64_t height(std::size_t x) const;

  /// A tile from memory to `to`.
  std::optional<LoopNest> load(std::size_t x, const Scheme &scheme, Affine to,
                               const std::vector<std::int64_t> &reserved, OffChipPool &pool);

  enum Result : std::size_t { kSummand, kSummed, kZero };
  /// A product by itself, added to the sum so far, or zero instead, where the sum lies.
  std::optional<LoopNest> compute(Result result, const std::array<Affine, 3> &starts,
                                  const std::vector<std::int64_t> &reserved, OffChipPool &pool);

private:
  PlannedTile &line_of(std::size_t x);

  TilingContext &context_;
  const Summand &summand_;
  PlannedTile tile_;
  std::array<Vertex, 3> vertices_; ///< of the operands' tiles and the sum so far
  std::array<std::unique_ptr<PlannedTile>, 2> lines_;
};

/// From a whole tile of a sum to the result in memory.
class FinishingSteps {
public:
  FinishingSteps(TilingContext &context, const Product &product)
      : context_(context), product_(product) {}
  std::optional<LoopNest> store(const Scheme &scheme, Affine from, std::uint32_t buffer,
                                const std::vector<std::int64_t> &reserved, OffChipPool &pool);

private:
  bool prepare(bool by_lines);

  TilingContext &context_;
  const Product &product_;
  std::optional<PlannedTile> tile_;
  std::vector<TileInput> inputs_;
};

} // namespace isamorph::search
