#include "semantics/graph_template.h"

#include <algorithm>

namespace isamorph::semantics {
namespace {

std::optional<ElementType> bound_type(const ShapeTemplate &shape, const SymbolValues &values) {
  if (const auto *type = std::get_if<ElementType>(&shape.type))
    return *type;
  return values.types[std::get<std::uint32_t>(shape.type)];
}

std::optional<OpCode> bound_op(const TemplateNode &node, const SymbolValues &values) {
  if (const auto *op = std::get_if<OpCode>(&node.op))
    return *op;
  const auto &value = values.operations[std::get<std::uint32_t>(node.op)];
  return value ? std::optional(value->op) : std::nullopt;
}

/// A literal of `shape`: the written value (spread over the shape when it is a scalar), or every
/// element the expression.
std::optional<TensorRef> literal(const TemplateNode &node, const Shape &shape,
                                 const SymbolValues &values) {
  std::uint64_t bits = 0;
  if (node.literal_value) {
    auto value = node.literal_value->evaluate(values.integers);
    if (!value)
      return std::nullopt;
    bits = is_float(shape.type) ? encode(shape.type, static_cast<double>(*value))
                                : encode_integer(shape.type, *value);
  } else if (node.literal->shape() == shape) {
    return node.literal;
  } else if (node.literal->shape().rank() == 0) {
    // Written for a symbolic type as a double; encoded once the type is known.
    ElementType written = node.literal->shape().type;
    bits = written == shape.type ? node.literal->bits(0)
                                 : encode(shape.type, decode(written, node.literal->bits(0)));
  } else {
    return std::nullopt;
  }
  auto tensor = std::make_shared<Tensor>(shape);
  for (std::int64_t i = 0; i < tensor->elements(); ++i)
    tensor->set_bits(i, bits);
  return tensor;
}

} // namespace

SymbolValues::SymbolValues(const Symbols &symbols)
    : integers(symbols.integers.unbound()), types(symbols.types.names.size()),
      shapes(symbols.shapes.names.size()), operations(symbols.operations.names.size()) {}

std::optional<Shape> instantiate(const ShapeTemplate &shape, const SymbolValues &values) {
  auto type = bound_type(shape, values);
  if (!type)
    return std::nullopt;
  Shape out{*type, {}};
  if (shape.prefix) {
    const auto &prefix = values.shapes[*shape.prefix];
    if (!prefix)
      return std::nullopt;
    out.dims = *prefix;
  }
  for (const IntExpr &dim : shape.dims) {
    auto value = dim.evaluate(values.integers);
    if (!value)
      return std::nullopt;
    out.dims.push_back(*value);
  }
  std::int64_t product = 1;
  for (std::int64_t d : out.dims) {
    if (d < 0 || d > kMaxElements || (d > 0 && product > kMaxElements / d))
      return std::nullopt;
    product *= d;
  }
  return out;
}

std::optional<Attributes> instantiate_attributes(const TemplateNode &node, const Shape &shape,
                                                 const SymbolValues &values) {
  Attributes out;
  for (const auto &[key, expressions] : node.attributes) {
    std::vector<std::int64_t> list;
    for (const IntExpr &expression : expressions) {
      auto value = expression.evaluate(values.integers);
      if (!value)
        return std::nullopt;
      list.push_back(*value);
    }
    out.set(key, std::move(list));
  }
  if (node.literal || node.literal_value) {
    auto value = literal(node, shape, values);
    if (!value)
      return std::nullopt;
    out.literal = *value;
  }
  return out;
}

TensorGraph instantiate(const GraphTemplate &graph, const SymbolValues &values) {
  TensorGraph out;
  out.name = graph.name;
  for (const TemplateNode &node : graph.nodes) {
    auto shape = instantiate(node.shape, values);
    if (!shape)
      fail(node.location,
           "the shape of '%" + node.name + "' has no value, is negative or too large here");
    auto op = bound_op(node, values);
    auto attributes = instantiate_attributes(node, *shape, values);
    if (!op || !attributes)
      fail(node.location, "an attribute of '%" + node.name + "' has no value here");
    std::vector<NodeId> operands;
    for (std::uint32_t operand : node.operands)
      operands.push_back({operand});
    out.add(*op, std::move(operands), std::move(*attributes), *shape, node.name, node.location);
  }
  out.parameters.clear();
  for (std::uint32_t p : graph.parameters)
    out.parameters.push_back({p});
  for (std::uint32_t r : graph.results)
    out.results.push_back({r});
  return out;
}

} // namespace isamorph::semantics
