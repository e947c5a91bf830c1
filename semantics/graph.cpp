#include "semantics/graph.h"

#include "semantics/window.h"

#include <cassert>
#include <stdexcept>

namespace isamorph::semantics {

NodeId TensorGraph::add(OpCode op, std::vector<NodeId> operands, Attributes attributes,
                        const Shape &declared, std::string node_name, const Location &location) {
  std::vector<Shape> shapes;
  for (NodeId operand : operands) {
    assert(operand.v < nodes.size());
    shapes.push_back(nodes[operand.v].shape);
  }
  Node node;
  try {
    node.shape = infer_shape(op, shapes, attributes, declared);
  } catch (const std::invalid_argument &error) {
    fail(location, error.what());
  }
  NodeId id{static_cast<std::uint32_t>(nodes.size())};
  if (op == OpCode::Parameter)
    parameters.push_back(id);
  node.op = op;
  node.operands = std::move(operands);
  node.attributes = canonical_window(op, std::move(attributes));
  node.name = node_name.empty() ? std::string(info(op).name) + "." + std::to_string(id.v)
                                : std::move(node_name);
  node.location = location;
  nodes.push_back(std::move(node));
  return id;
}

TensorGraph TensorGraph::without_dead_nodes() const {
  std::vector<char> live(nodes.size(), 0);
  for (NodeId p : parameters)
    live[p.v] = 1;
  for (NodeId r : results)
    live[r.v] = 1;
  for (std::size_t i = nodes.size(); i-- > 0;)
    if (live[i])
      for (NodeId operand : nodes[i].operands)
        live[operand.v] = 1;
  TensorGraph out;
  out.name = name;
  std::vector<NodeId> moved(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (!live[i])
      continue;
    moved[i].v = static_cast<std::uint32_t>(out.nodes.size());
    out.nodes.push_back(nodes[i]);
    for (NodeId &operand : out.nodes.back().operands)
      operand = moved[operand.v];
  }
  for (NodeId p : parameters)
    out.parameters.push_back(moved[p.v]);
  for (NodeId r : results)
    out.results.push_back(moved[r.v]);
  return out;
}

} // namespace isamorph::semantics
