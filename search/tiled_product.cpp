#include "search/tiled_product.h"

#include <fmt/format.h>

namespace isamorph::search {

using semantics::AttributeKey;
using semantics::Node;
using semantics::NodeId;
using semantics::OpCode;
using semantics::Shape;
using semantics::TensorGraph;

std::variant<NodeId, std::string> find_dot(const TensorGraph &graph) {
  std::optional<NodeId> dot;
  for (std::uint32_t n = 0; n < graph.nodes.size(); ++n) {
    const Node &node = graph.nodes[n];
    if (node.op != OpCode::Dot)
      continue;
    if (dot)
      return "it has several dots, of which none is cut along its contraction";
    if (node.shape.rank() != 2 + node.attributes.get(AttributeKey::LhsBatch).size() ||
        node.attributes.get(AttributeKey::LhsContracting).size() != 1)
      return fmt::format("'{}' is no product of matrices", node.name);
    dot = NodeId{n};
  }
  if (!dot)
    return "it has no dot whose contraction could be cut";
  return *dot;
}

std::size_t batches(const TensorGraph &graph, NodeId dot) {
  return graph[dot].attributes.get(AttributeKey::LhsBatch).size();
}

std::int64_t contraction(const TensorGraph &graph, NodeId dot) {
  const Node &node = graph[dot];
  auto dimension = static_cast<std::size_t>(node.attributes.get(AttributeKey::LhsContracting)[0]);
  return graph[node.operands[0]].shape.dims[dimension];
}

namespace {

std::variant<Summand, std::string> make_summand(const TensorGraph &graph, NodeId dot,
                                                const Box &box, std::vector<TileAxis> axes) {
  TileResult sum{dot, box};
  CutOptions options;
  options.contraction = CutContraction{dot, kDepth};
  auto tile = cut(graph, axes, std::span(&sum, 1), options);
  if (const auto *why = std::get_if<std::string>(&tile))
    return *why;
  Summand out{std::move(axes), std::get<TileGraph>(std::move(tile))};
  if (out.tile.inputs.size() != 2)
    return fmt::format("'{}' is no product of two parameters", graph[dot].name);
  return out;
}

} // namespace

std::variant<Product, std::string> make_product(const TensorGraph &graph, NodeId dot,
                                                const TileAxis &rows, const TileAxis &columns,
                                                std::int64_t depth) {
  Product out;
  std::vector<TileAxis> along = slices("k", contraction(graph, dot), depth),
                        axes = {rows, columns, along[0]};
  std::size_t around = batches(graph, dot);
  out.result.node = graph.results[0];
  for (std::uint32_t b = 0; b < around; ++b) {
    axes.push_back({fmt::format("b{}", b), 1, graph[dot].shape.dims[b], 0, true});
    out.result.box.push_back({1, kAxes + b});
  }
  out.result.box.push_back({rows.size, kRows});
  out.result.box.push_back({columns.size, kColumns});
  CutOptions rest;
  rest.stop = dot;
  auto after = cut(graph, axes, std::span(&out.result, 1), rest);
  if (const auto *why = std::get_if<std::string>(&after))
    return *why;
  out.rest = std::get<TileGraph>(std::move(after));
  std::size_t sums = 0;
  for (std::size_t i = 0; i < out.rest.inputs.size(); ++i)
    if (out.rest.inputs[i].source == dot) {
      out.sum_input = i;
      ++sums;
    }
  const Box *box = sums == 1 ? &out.rest.inputs[out.sum_input].box : nullptr;
  bool fits = box && (*box)[around].axis && (*box)[around + 1].axis;
  for (std::uint32_t b = 0; b < around && fits; ++b)
    fits = (*box)[b].axis == kAxes + b;
  if (!fits)
    return fmt::format("a tile of the result needs more than a tile of '{}'", graph[dot].name);
  out.free = {static_cast<Axis>(*(*box)[around].axis), static_cast<Axis>(*(*box)[around + 1].axis)};
  auto summand = make_summand(graph, dot, *box, axes);
  if (const auto *why = std::get_if<std::string>(&summand))
    return *why;
  out.summand = std::get<Summand>(std::move(summand));
  if (along.size() > 1) {
    axes[kDepth] = along[1];
    auto tail = make_summand(graph, dot, *box, axes);
    if (const auto *why = std::get_if<std::string>(&tail))
      return *why;
    out.tail = std::get<Summand>(std::move(tail));
  }
  return out;
}

} // namespace isamorph::search
