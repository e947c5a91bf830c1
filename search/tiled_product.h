#pragma once
// A product in a program, what follows it, and their tiles, as programs of their own
// (search/tile_graph.h). Private to the tilings (search/tiling_context.h).

#include "search/tile_graph.h"
#include "search/tiling_scheme.h"

namespace isamorph::search {

/// One tile's product for one tile of the contraction.
struct Summand {
  std::vector<TileAxis> axes; ///< by Axis, then those of batches
  TileGraph tile;             ///< of both operands
};

/// A product, what follows it, and their tiles.
struct Product {
  TileResult result;
  Summand summand;             ///< for tiles of the contraction of one size
  std::optional<Summand> tail; ///< for a shorter one at the end
  TileGraph rest;              ///< from a whole tile of the dot to the result
  std::size_t sum_input = 0;   ///< which input of `rest` that is
  std::array<Axis, 2> free{};  ///< of operand 0 and 1
};

/// The one dot whose contraction may be cut, or why there is none.
std::variant<semantics::NodeId, std::string> find_dot(const semantics::TensorGraph &graph);

/// How long the contraction of `dot` is.
std::int64_t contraction(const semantics::TensorGraph &graph, semantics::NodeId dot);

/// How many batch dimensions a dot has: the first ones of its result.
std::size_t batches(const semantics::TensorGraph &graph, semantics::NodeId dot);

/// The product at `dot` in tiles along some rows and some columns of the result, tiles of `depth`
/// along the contraction and single elements along batch dimensions; or why it cannot be cut so.
std::variant<Product, std::string> make_product(const semantics::TensorGraph &graph,
                                                semantics::NodeId dot, const TileAxis &rows,
                                                const TileAxis &columns, std::int64_t depth);

} // namespace isamorph::search
