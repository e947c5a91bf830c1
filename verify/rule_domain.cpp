#include "verify/rule_domain.h"

#include "verify/checker/real_domain.h"

#include <algorithm>

namespace isamorph::verify {
namespace {

using semantics::GraphTemplate;
using semantics::OpCode;
using semantics::TemplateNode;

bool is_literal_but_0(const GraphTemplate &side, std::uint32_t index) {
  const TemplateNode *node = &side.nodes[index];
  auto is = [&](OpCode op) { return node->op == std::variant<OpCode, std::uint32_t>(op); };
  while (is(OpCode::Broadcast))
    node = &side.nodes[node->operands[0]];
  if (!is(OpCode::Constant))
    return false;
  if (node->literal_value)
    return node->literal_value->is_constant() && node->literal_value->value() != 0;
  if (!node->literal)
    return false;
  for (std::int64_t i = 0; i < node->literal->elements(); ++i)
    if (semantics::decode(node->literal->shape().type, node->literal->bits(i)) == 0)
      return false;
  return true;
}

bool may_be_undefined(const GraphTemplate &side, bool where_defined) {
  return std::ranges::any_of(side.nodes, [&](const TemplateNode &node) {
    const auto *op = std::get_if<OpCode>(&node.op);
    if (!op)
      return true;
    bool divides = *op == OpCode::Divide || *op == OpCode::Remainder;
    if (divides && (where_defined || is_literal_but_0(side, node.operands[1])))
      return false;
    return !defined_everywhere(*op);
  });
}

bool has_conditions(const GraphTemplate &side) {
  return std::ranges::any_of(side.nodes, [](const TemplateNode &node) {
    const auto *type = std::get_if<semantics::ElementType>(&node.shape.type);
    const auto *op = std::get_if<OpCode>(&node.op);
    return (type && *type == semantics::ElementType::Pred) || (op && *op == OpCode::Select);
  });
}

} // namespace

bool may_be_undefined(const semantics::RewriteRule &rule, bool where_defined) {
  return may_be_undefined(rule.from, where_defined) || may_be_undefined(rule.to, where_defined);
}

bool has_conditions(const semantics::RewriteRule &rule) {
  return has_conditions(rule.from) || has_conditions(rule.to);
}

} // namespace isamorph::verify
