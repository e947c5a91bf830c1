#pragma once
// One tile of a program: the tensor graph that computes a box of the results from boxes of the
// parameters. Index maps are followed backwards from the results: an element-wise operation needs
// the same box of its operands, a transpose the permuted one, a dot rows of one side and columns of
// the other. An operation that mixes the elements along a dimension (a reduce over it, the
// contraction of a dot) needs that dimension whole, with one exception: the contraction of one dot
// may be cut, and the graph then computes one summand of it.

#include "semantics/graph.h"

#include <compare>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace isamorph::search {

/// A dimension, from element `offset` on, that is cut into `count` slices of `size`.
struct TileAxis {
  std::string name;
  std::int64_t size = 1, count = 1, offset = 0;
  bool dropped = false; ///< slices of one element, whose dimension the tile's values do not have
};

/// A dimension of `whole` elements in slices of `size`: the full ones, and, if there is one, the
/// shorter one at the end.
/// `shifted`: one that is as long and overlaps with the slice before it.
std::vector<TileAxis> slices(const std::string &name, std::int64_t whole, std::int64_t size,
                             bool shifted = false);

/// One dimension of a box: whole, or slice number `axis` (at run time) of an axis.
struct BoxDimension {
  std::int64_t size = 0; ///< elements in the box
  std::optional<std::uint32_t> axis;
  auto operator<=>(const BoxDimension &) const = default;
};
using Box = std::vector<BoxDimension>;

/// The box of a whole value.
Box whole(const semantics::Shape &shape);

/// The dimensions of a box that a tile's value has.
std::vector<std::size_t> kept_dimensions(const Box &box, std::span<const TileAxis> axes);

/// A box of a parameter, or of a value at which the cut stopped.
struct TileInput {
  semantics::NodeId source;
  Box box;
};

struct TileGraph {
  semantics::TensorGraph graph; ///< parameter i is inputs[i]
  std::vector<TileInput> inputs;
};

/// A box of a node that is wanted.
struct TileResult {
  semantics::NodeId node;
  Box box;
};

/// The first contracting dimension of `dot` is cut along `axis`.
struct CutContraction {
  semantics::NodeId dot;
  std::uint32_t axis = 0;
};

struct CutOptions {
  std::optional<CutContraction> contraction;
  /// A node that is taken as given, if any.
  std::optional<semantics::NodeId> stop;
};

/// The graph of one tile, or why there is none: "dimension 1 of 'r' cannot be cut: ...".
std::variant<TileGraph, std::string> cut(const semantics::TensorGraph &graph,
                                         std::span<const TileAxis> axes,
                                         std::span<const TileResult> results,
                                         const CutOptions &options = {});

/// How far apart in memory neighbouring slices of each axis lie in a dense row-major tensor, in
/// bytes; 0 where the box does not depend on the axis.
std::vector<std::int64_t> slice_distances(const semantics::Shape &whole, const Box &box,
                                          std::size_t axes);

/// Where the first slices of all axes begin in such a tensor, in bytes.
std::int64_t first_slice(const semantics::Shape &whole, const Box &box,
                         std::span<const TileAxis> axes);

/// Whether a box is one run of bytes in a dense row-major tensor.
bool contiguous(const semantics::Shape &whole, const Box &box);

} // namespace isamorph::search
