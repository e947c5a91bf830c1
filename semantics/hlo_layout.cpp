#include "semantics/hlo_layout.h"

#include <algorithm>
#include <numeric>

namespace isamorph::semantics {
namespace {

using Dims = std::vector<std::int64_t>;

/// One movement of the way from the logical to the physical tensor, with the shapes before and
/// after.
struct Step {
  OpCode op; // Transpose or Reshape
  Dims permutation, before, after;
};

Dims permuted(const Dims &dims, const Dims &permutation) {
  Dims out;
  for (std::int64_t d : permutation)
    out.push_back(dims[static_cast<std::size_t>(d)]);
  return out;
}

bool is_identity(const Dims &permutation) {
  for (std::size_t i = 0; i < permutation.size(); ++i)
    if (permutation[i] != static_cast<std::int64_t>(i))
      return false;
  return true;
}

/// [.., R, C] with tile (r, c) lies as [.., R/r, C/c, r, c].
void add_tile(std::vector<Step> &steps, Dims &dims, const Dims &tile, const Location &location) {
  if (tile.empty() || tile.size() > dims.size())
    fail(location, "a tile of " + std::to_string(tile.size()) +
                       " dimensions for a tensor of rank " + std::to_string(dims.size()));
  std::size_t outer = dims.size() - tile.size();
  Dims split(dims.begin(), dims.begin() + static_cast<std::ptrdiff_t>(outer)), permutation(outer);
  std::iota(permutation.begin(), permutation.end(), 0);
  for (std::size_t i = 0; i < tile.size(); ++i) {
    std::int64_t size = dims[outer + i];
    if (tile[i] < 1 || size % tile[i] != 0)
      fail(location,
           "tile size " + std::to_string(tile[i]) + " does not divide " + std::to_string(size),
           "layouts with padding are not supported");
    split.insert(split.end(), {size / tile[i], tile[i]});
  }
  for (std::size_t half = 0; half < 2; ++half)
    for (std::size_t i = 0; i < tile.size(); ++i)
      permutation.push_back(static_cast<std::int64_t>(outer + 2 * i + half));
  steps.push_back({OpCode::Reshape, {}, dims, split});
  dims = permuted(split, permutation);
  steps.push_back({OpCode::Transpose, permutation, split, dims});
}

std::vector<Step> steps_to_physical(const Shape &logical,
                                    const std::optional<syntax::Layout> &layout) {
  std::vector<Step> steps;
  if (!layout)
    return steps;
  if (!layout->plain)
    fail(layout->location,
         "memory spaces and element sizes are not supported at the program's boundary");
  Dims dims = logical.dims,
       permutation(layout->minor_to_major.rbegin(), layout->minor_to_major.rend()),
       sorted = permutation;
  std::sort(sorted.begin(), sorted.end());
  if (sorted.size() != dims.size() || !is_identity(sorted))
    fail(layout->location, "the layout does not name each of the " + std::to_string(dims.size()) +
                               " dimensions once");
  if (!is_identity(permutation)) {
    Dims after = permuted(dims, permutation);
    steps.push_back({OpCode::Transpose, permutation, dims, after});
    dims = after;
  }
  for (const Dims &tile : layout->tiles)
    add_tile(steps, dims, tile, layout->location);
  return steps;
}

NodeId apply(TensorGraph &graph, NodeId node, OpCode op, const Dims &permutation, const Dims &dims,
             const Location &location) {
  Attributes attributes;
  if (op == OpCode::Transpose)
    attributes.set(AttributeKey::Dimensions, permutation);
  return graph.add(op, {node}, std::move(attributes), {graph[node].shape.type, dims}, {}, location);
}

} // namespace

NodeId read_boundary(TensorGraph &graph, const Shape &logical,
                     const std::optional<syntax::Layout> &layout, std::int64_t number,
                     const std::string &name, const Location &location) {
  std::vector<Step> steps = steps_to_physical(logical, layout);
  Attributes attributes;
  attributes.set(AttributeKey::ParameterNumber, {number});
  Shape physical{logical.type, steps.empty() ? logical.dims : steps.back().after};
  NodeId node = graph.add(OpCode::Parameter, {}, std::move(attributes), physical, name, location);
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    Dims inverse(step->permutation.size());
    for (std::size_t i = 0; i < inverse.size(); ++i)
      inverse[static_cast<std::size_t>(step->permutation[i])] = static_cast<std::int64_t>(i);
    node = apply(graph, node, step->op, inverse, step->before, location);
  }
  return node;
}

NodeId write_boundary(TensorGraph &graph, NodeId logical,
                      const std::optional<syntax::Layout> &layout, const Location &location) {
  for (const Step &step : steps_to_physical(graph[logical].shape, layout))
    logical = apply(graph, logical, step.op, step.permutation, step.after, location);
  return logical;
}

} // namespace isamorph::semantics
