#include "spec/body_text.h"

#include "spec/constants.h"

namespace isamorph::spec {
namespace {

using semantics::IntExpr;

std::string quoted(const IntExpr &expression) {
  return expression.is_constant() ? expression.to_string() : "`" + expression.to_string() + "`";
}

/// Numbers that no real attribute has, each standing for one expression while the operation prints
/// its attributes.
constexpr std::int64_t kStandIn = 7'700'000'000'000'000'000;

} // namespace

std::string shape_text(const semantics::ShapeTemplate &shape) {
  std::string out(semantics::name(std::get<semantics::ElementType>(shape.type)));
  out += "[";
  for (std::size_t i = 0; i < shape.dims.size(); ++i)
    out += (i ? "," : "") + quoted(shape.dims[i]);
  return out + "]";
}

std::string attribute_text(const semantics::TemplateNode &node) {
  semantics::Attributes attributes;
  std::vector<IntExpr> symbolic;
  for (const auto &[key, expressions] : node.attributes) {
    std::vector<std::int64_t> values;
    for (const IntExpr &expression : expressions) {
      if (expression.is_constant()) {
        values.push_back(expression.value());
      } else {
        values.push_back(kStandIn + static_cast<std::int64_t>(symbolic.size()));
        symbolic.push_back(expression);
      }
    }
    attributes.set(key, std::move(values));
  }
  std::string out = semantics::attributes_text(std::get<semantics::OpCode>(node.op), attributes);
  for (std::size_t i = 0; i < symbolic.size(); ++i) {
    std::string number = std::to_string(kStandIn + static_cast<std::int64_t>(i));
    for (std::size_t at = out.find(number); at != std::string::npos; at = out.find(number, at))
      out.replace(at, number.size(), quoted(symbolic[i]));
  }
  return out;
}

std::string literal_text(const semantics::TemplateNode &node) {
  if (node.literal_value)
    return "`" + node.literal_value->to_string() + "`";
  return nested_list(*node.literal, "{", "}", [](semantics::ElementType type, std::uint64_t bits) {
    return semantics::element_text(type, bits);
  });
}

std::string node_text(const semantics::GraphTemplate &body, const semantics::TemplateNode &node) {
  auto op = std::get<semantics::OpCode>(node.op);
  std::string operands;
  if (op == semantics::OpCode::Constant) {
    operands = literal_text(node);
  } else {
    for (std::size_t i = 0; i < node.operands.size(); ++i)
      operands += (i ? ", %" : "%") + body.nodes[node.operands[i]].name;
  }
  return "%" + node.name + " = " + shape_text(node.shape) + " " +
         std::string(semantics::info(op).name) + "(" + operands + ")" + attribute_text(node);
}

} // namespace isamorph::spec
