// Folds as the encoder reads them: as trees that must agree. As sums in any order: rule_sums.cpp.
#include "verify/rule_parts.h"

namespace isamorph::verify {

using semantics::AttributeKey;
using semantics::ElementType;
using semantics::GraphTemplate;
using semantics::OpCode;
using semantics::ShapeTemplate;
using semantics::TemplateNode;

/// The indices of both operands of a dot; `variables` stand at the contracting dimensions.
void RuleEncoder::dot_indices(const GraphTemplate &side, const TemplateNode &node,
                              const Index &index, const std::vector<std::string> &variables,
                              Index &left, Index &right) const {
  if (code_of(node) == OpCode::Convolution)
    return convolution_indices(node, index, variables, left, right);
  auto lc = dimensions(node, AttributeKey::LhsContracting),
       rc = dimensions(node, AttributeKey::RhsContracting),
       lb = dimensions(node, AttributeKey::LhsBatch), rb = dimensions(node, AttributeKey::RhsBatch);
  std::size_t next = lb.size();
  auto fill = [&](std::uint32_t operand, const std::vector<std::size_t> &batch,
                  const std::vector<std::size_t> &contracting) {
    const ShapeTemplate &shape = side.nodes[operand].shape;
    no_prefix(shape, "dot");
    Index out(components(shape));
    for (std::size_t i = 0; i < batch.size(); ++i)
      out.at(batch[i]) = index.at(i);
    for (std::size_t i = 0; i < contracting.size(); ++i)
      out.at(contracting[i]) = variables.at(i);
    for (std::string &component : out)
      if (component.empty())
        component = index.at(next++);
    return out;
  };
  left = fill(node.operands[0], lb, lc);
  right = fill(node.operands[1], rb, rc);
}

/// Of a convolution whose window is one element: a dot over the input features.
void RuleEncoder::convolution_indices(const TemplateNode &node, const Index &index,
                                      const std::vector<std::string> &variables, Index &left,
                                      Index &right) const {
  auto l = dimensions(node, AttributeKey::LhsLayout), r = dimensions(node, AttributeKey::RhsLayout),
       o = dimensions(node, AttributeKey::OutputLayout);
  left.assign(l.size(), {});
  right.assign(r.size(), "0");
  left.at(l.at(0)) = index.at(o.at(0));
  left.at(l.at(1)) = right.at(r.at(0)) = variables.at(0);
  right.at(r.at(1)) = index.at(o.at(1));
  for (std::size_t i = 2; i < l.size(); ++i)
    left.at(l[i]) = index.at(o.at(i));
}

/// A fold of no term or of one, which needs no order: the initial value (0 for a dot), or one step
/// from it.
std::optional<std::string> RuleEncoder::short_fold(const GraphTemplate &side,
                                                   const TemplateNode &node, const Index &index) {
  const ShapeTemplate &in = side.nodes[node.operands[0]].shape;
  bool dot = multiplies(node), one = true, none = false;
  for (std::size_t d : folded(node)) {
    one &= size(in, d) == "1";
    none |= size(in, d) == "0";
  }
  auto op = reducer(node);
  if ((!one && !none) || !op)
    return std::nullopt;
  std::string init;
  if (dot) {
    TemplateNode zero = with_operation(node, OpCode::Constant);
    zero.shape = {node.shape.type, {}, {}};
    auto value = std::make_shared<semantics::Tensor>(semantics::Shape{ElementType::F64, {}});
    zero.literal = value;
    init = constant(zero);
  } else {
    init = element(side, node.operands[1], {});
  }
  if (none)
    return init;
  std::vector<std::string> zeros(folded(node).size(), "0");
  std::string term;
  auto step = [&](OpCode what, const std::vector<std::string> &arguments) {
    TemplateNode inner = with_operation(node, what);
    std::string out = interpreted(inner, node.shape, arguments);
    if (out.empty())
      throw OutsideFragment("a step of a fold without its meaning");
    return defined(inner, out);
  };
  if (dot) {
    Index left, right;
    dot_indices(side, node, index, zeros, left, right);
    term = step(OpCode::Multiply,
                {element(side, node.operands[0], left), element(side, node.operands[1], right)});
  } else {
    no_prefix(in, "reduce");
    Index at(components(in));
    std::size_t next = 0;
    auto dims = folded(node);
    for (std::size_t c = 0; c < at.size(); ++c)
      at[c] = contains(dims, c) ? "0" : index.at(next++);
    term = element(side, node.operands[0], at);
  }
  return step(*op, {init, term});
}

/// A fold as a constant of its own: see match_folds.
std::string RuleEncoder::fold(const GraphTemplate &side, const TemplateNode &node,
                              const Index &index) {
  if (encoding_.theory != ElementTheory::Uninterpreted || encoding_.ring)
    if (auto value = short_fold(side, node, index))
      return *value;
  if (in_fold_)
    throw OutsideFragment("a fold inside a fold");
  if (scalars() || encoding_.reassociate)
    throw OutsideFragment("a fold under another operation");
  in_fold_ = true;
  Fold out;
  out.node = &node;
  out.sort = sort(node.shape);
  out.placeholder = "f" + std::to_string(folds_.size());
  out.variable = "k" + std::to_string(variables_++);
  const ShapeTemplate &in = side.nodes[node.operands[0]].shape;
  auto dims = folded(node);
  if (dims.size() != 1 || dims[0] >= components(in))
    throw OutsideFragment("a fold over several dimensions");
  bound_.push_back(out.variable);
  out.length = size(in, dims[0]);
  if (multiplies(node)) {
    Index left, right;
    dot_indices(side, node, index, {out.variable}, left, right);
    out.operation = "dot " + type_name(node.shape);
    out.left = element(side, node.operands[0], left);
    out.right = element(side, node.operands[1], right);
  } else {
    no_prefix(in, "reduce");
    auto reducing = attribute(node, AttributeKey::Reducer);
    if (reducing.size() != 1 || components(in) != index.size() + 1)
      throw OutsideFragment("reduce over several dimensions");
    Index at;
    std::size_t next = 0;
    for (std::size_t c = 0; c < components(in); ++c)
      at.push_back(c == dims[0] ? out.variable : index[next++]);
    out.operation = "reduce " + smt(reducing[0]) + " " + type_name(node.shape);
    out.init = element(side, node.operands[1], {});
    out.left = element(side, node.operands[0], at);
  }
  bound_.pop_back();
  in_fold_ = false;
  declare(out.placeholder, "() " + out.sort);
  folds_.push_back(out);
  return out.placeholder;
}

} // namespace isamorph::verify
