#pragma once
// What the parts of the rule encoder share: elements (rule_encoder.cpp), movement
// (rule_movement.cpp), folds (rule_folds.cpp, rule_sums.cpp), well-typedness (rule_typing.cpp) and
// obligations (rule_obligations.cpp).

#include "verify/rule_encoder.h"

#include <algorithm>

namespace isamorph::verify {

inline std::string call(const std::string &f, const std::vector<std::string> &arguments) {
  if (arguments.empty())
    return f;
  std::string out = "(" + f;
  for (const std::string &a : arguments)
    out += " " + a;
  return out + ")";
}

inline std::span<const semantics::IntExpr> attribute(const semantics::TemplateNode &node,
                                                     semantics::AttributeKey key) {
  for (const auto &[k, values] : node.attributes)
    if (k == key)
      return values;
  return {};
}

/// Dimension lists must be plain numbers for an index map to have a form.
inline std::vector<std::size_t> dimensions(const semantics::TemplateNode &node,
                                           semantics::AttributeKey key) {
  std::vector<std::size_t> out;
  for (const semantics::IntExpr &e : attribute(node, key)) {
    if (!e.is_constant() || e.value() < 0)
      throw OutsideFragment("symbolic dimension numbers");
    out.push_back(static_cast<std::size_t>(e.value()));
  }
  return out;
}

inline semantics::OpCode code_of(const semantics::TemplateNode &node) {
  const auto *op = std::get_if<semantics::OpCode>(&node.op);
  return op ? *op : semantics::OpCode::Copy;
}

inline bool is_symbol(const semantics::TemplateNode &node) {
  return std::holds_alternative<std::uint32_t>(node.op);
}

inline void no_prefix(const semantics::ShapeTemplate &shape, const char *what) {
  if (shape.prefix)
    throw OutsideFragment(std::string(what) + " of a tensor of symbolic rank");
}

inline bool contains(const std::vector<std::size_t> &list, std::size_t value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

/// A node like `node` whose operation is another.
inline semantics::TemplateNode with_operation(const semantics::TemplateNode &node,
                                              semantics::OpCode op) {
  semantics::TemplateNode out;
  out.op = op;
  out.shape = node.shape;
  return out;
}

/// dot, or convolution: a sum of products.
inline bool multiplies(const semantics::TemplateNode &node) {
  return !is_symbol(node) && (code_of(node) == semantics::OpCode::Dot ||
                              code_of(node) == semantics::OpCode::Convolution);
}

/// The operation that a fold repeats.
inline std::optional<semantics::OpCode> reducer(const semantics::TemplateNode &node) {
  if (is_symbol(node))
    return std::nullopt;
  if (multiplies(node))
    return semantics::OpCode::Add;
  auto list = attribute(node, semantics::AttributeKey::Reducer);
  if (code_of(node) != semantics::OpCode::Reduce || list.size() != 1 || !list[0].is_constant())
    return std::nullopt;
  return static_cast<semantics::OpCode>(list[0].value());
}

/// The dimensions of the first operand that a fold runs over.
inline std::vector<std::size_t> folded(const semantics::TemplateNode &node) {
  if (code_of(node) == semantics::OpCode::Convolution)
    return {dimensions(node, semantics::AttributeKey::LhsLayout).at(1)};
  return dimensions(node, code_of(node) == semantics::OpCode::Dot
                              ? semantics::AttributeKey::LhsContracting
                              : semantics::AttributeKey::Dimensions);
}

} // namespace isamorph::verify
