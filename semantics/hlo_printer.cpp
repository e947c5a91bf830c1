#include "semantics/hlo.h"

#include <cctype>
#include <set>

namespace isamorph::semantics {
namespace {

std::string literal_text(const Tensor &tensor, std::size_t dimension, std::int64_t &index) {
  const Shape &shape = tensor.shape();
  if (dimension == shape.rank())
    return element_text(shape.type, tensor.bits(index++));
  std::string out = "{";
  for (std::int64_t i = 0; i < shape.dims[dimension]; ++i)
    out += (i ? ", " : "") + literal_text(tensor, dimension + 1, index);
  return out + "}";
}

std::string operands_text(const TensorGraph &graph, const Node &node) {
  if (node.op == OpCode::Parameter)
    return std::to_string(node.attributes.get_one(AttributeKey::ParameterNumber));
  if (node.op == OpCode::Constant) {
    std::int64_t index = 0;
    return literal_text(*node.attributes.literal, 0, index);
  }
  std::string out;
  for (std::size_t i = 0; i < node.operands.size(); ++i)
    out += (i ? ", %" : "%") + graph[node.operands[i]].name;
  return out;
}

std::string reducer_name(OpCode op, ElementType type) {
  return "reduce_" + std::string(info(op).name) + "_" + std::string(name(type));
}

bool folds(const Node &node) {
  return node.op == OpCode::Reduce || node.op == OpCode::ReduceWindow;
}

/// The computations that reductions apply.
std::string reducers_text(const TensorGraph &graph) {
  std::set<std::pair<OpCode, ElementType>> used;
  for (const Node &node : graph.nodes)
    if (folds(node))
      used.emplace(static_cast<OpCode>(node.attributes.get_one(AttributeKey::Reducer)),
                   node.shape.type);
  std::string out;
  for (auto [op, type] : used) {
    std::string scalar = std::string(name(type)) + "[]";
    out += "%" + reducer_name(op, type) + " {\n  %a = " + scalar +
           " parameter(0)\n  %b = " + scalar + " parameter(1)\n  ROOT %c = " + scalar + " " +
           std::string(info(op).name) + "(%a, %b)\n}\n\n";
  }
  return out;
}

std::string node_text(const TensorGraph &graph, const Node &node) {
  std::string attributes = attributes_text(node.op, node.attributes);
  if (folds(node)) {
    auto op = static_cast<OpCode>(node.attributes.get_one(AttributeKey::Reducer));
    attributes = attributes.substr(0, attributes.find(", to_apply=")) + ", to_apply=%" +
                 reducer_name(op, node.shape.type);
  }
  return "%" + node.name + " = " + node.shape.to_string() + " " + std::string(info(node.op).name) +
         "(" + operands_text(graph, node) + ")" + attributes + "\n";
}

} // namespace

std::string print_hlo(const TensorGraph &graph) {
  // A module named after its ENTRY may have a name that only '%' makes one, such as %9.
  char first = graph.name.empty() ? '_' : graph.name[0];
  bool plain = std::isalpha(static_cast<unsigned char>(first)) || first == '_';
  std::string out = (plain ? "HloModule " : "HloModule %") + graph.name + "\n\n" +
                    reducers_text(graph) + "ENTRY %main {\n";
  bool single = graph.results.size() == 1;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i)
    out +=
        (single && graph.results[0].v == i ? "  ROOT " : "  ") + node_text(graph, graph.nodes[i]);
  if (!single) {
    std::set<std::string> names;
    for (const Node &node : graph.nodes)
      names.insert(node.name);
    std::string name = "results", shapes, operands;
    while (names.contains(name))
      name += ".0";
    for (std::size_t i = 0; i < graph.results.size(); ++i) {
      const Node &node = graph[graph.results[i]];
      shapes += (i ? ", " : "") + node.shape.to_string();
      operands += (i ? ", %" : "%") + node.name;
    }
    out += "  ROOT %" + name + " = (" + shapes + ") tuple(" + operands + ")\n";
  }
  return out + "}\n";
}

bool equal(const TensorGraph &a, const TensorGraph &b) {
  if (a.nodes.size() != b.nodes.size() || a.parameters != b.parameters || a.results != b.results)
    return false;
  for (std::size_t i = 0; i < a.nodes.size(); ++i) {
    const Node &x = a.nodes[i], &y = b.nodes[i];
    if (x.op != y.op || x.operands != y.operands || x.shape != y.shape ||
        !(x.attributes == y.attributes))
      return false;
  }
  return true;
}

} // namespace isamorph::semantics
