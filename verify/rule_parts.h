#pragma once
// What the three parts of the rule encoder share: elements (rule_encoder.cpp), well-typedness
// (rule_typing.cpp) and obligations (rule_obligations.cpp).

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

} // namespace isamorph::verify
