// Folds as the encoder reads them: as trees that must agree, or, with `reassociate`, as sums over
// all integers with finitely many terms that are not the identity. Such sums are equal when their
// terms agree after a renaming of the summation variables; nested folds become one sum over several
// variables, and a product with a sum a sum of products (in a ring). The initial value of such a
// fold must be the operation's identity. Over uninterpreted elements this rests on the lemmas
// "associative OP" and "commutative OP"; over a ring on its axioms.
#include "verify/rule_parts.h"

#include "verify/checker/smt_arithmetic.h"

#include <cmath>
#include <numeric>

namespace isamorph::verify {

using semantics::AttributeKey;
using semantics::ElementType;
using semantics::GraphTemplate;
using semantics::OpCode;
using semantics::ShapeTemplate;
using semantics::TemplateNode;

namespace {

/// A node like `node` whose operation is another.
TemplateNode with_operation(const TemplateNode &node, OpCode op) {
  TemplateNode out;
  out.op = op;
  out.shape = node.shape;
  return out;
}

/// dot, or convolution: a sum of products.
bool multiplies(const TemplateNode &node) {
  return !is_symbol(node) && (code_of(node) == OpCode::Dot || code_of(node) == OpCode::Convolution);
}

std::optional<OpCode> reducer(const TemplateNode &node) {
  if (is_symbol(node))
    return std::nullopt;
  if (multiplies(node))
    return OpCode::Add;
  auto list = attribute(node, AttributeKey::Reducer);
  if (code_of(node) != OpCode::Reduce || list.size() != 1 || !list[0].is_constant())
    return std::nullopt;
  return static_cast<OpCode>(list[0].value());
}

bool has_fold(const GraphTemplate &side, std::uint32_t id) {
  const TemplateNode &node = side.nodes[id];
  if (multiplies(node) || (!is_symbol(node) && code_of(node) == OpCode::Reduce))
    return true;
  return std::any_of(node.operands.begin(), node.operands.end(),
                     [&](std::uint32_t operand) { return has_fold(side, operand); });
}

/// The operation of the first fold below a node.
std::optional<OpCode> first_reducer(const GraphTemplate &side, std::uint32_t id) {
  if (auto op = reducer(side.nodes[id]))
    return op;
  for (std::uint32_t operand : side.nodes[id].operands)
    if (auto op = first_reducer(side, operand))
      return op;
  return std::nullopt;
}

/// The dimensions of the first operand that a fold runs over.
std::vector<std::size_t> folded(const TemplateNode &node) {
  if (code_of(node) == OpCode::Convolution)
    return {dimensions(node, AttributeKey::LhsLayout).at(1)};
  return dimensions(node, code_of(node) == OpCode::Dot ? AttributeKey::LhsContracting
                                                       : AttributeKey::Dimensions);
}

} // namespace

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

// Sums in any order

bool RuleEncoder::is_identity(const GraphTemplate &side, std::uint32_t id, OpCode op) const {
  const TemplateNode &node = side.nodes[id];
  if (is_symbol(node) || code_of(node) != OpCode::Constant || !node.literal ||
      node.literal->shape().rank() != 0)
    return false;
  double value = semantics::decode(node.literal->shape().type, node.literal->bits(0));
  auto types = [&](auto holds) {
    if (const auto *fixed = std::get_if<ElementType>(&node.shape.type))
      return holds(*fixed);
    const auto &choices = rule_.symbols.type_choices[std::get<std::uint32_t>(node.shape.type)];
    return !choices.empty() && std::all_of(choices.begin(), choices.end(), holds);
  };
  auto number = [](ElementType type) { return type != ElementType::Pred; };
  auto truth = [](ElementType type) { return type == ElementType::Pred; };
  switch (op) {
  case OpCode::Add:
    return value == 0;
  case OpCode::Or:
    return value == 0 && types([](ElementType type) { return !semantics::is_float(type); });
  case OpCode::Multiply:
    return value == 1;
  case OpCode::And:
    return value == 1 && types(truth);
  case OpCode::Maximum: // infinity as an integer is the largest or least one
    return value == -HUGE_VAL && types(number);
  case OpCode::Minimum:
    return value == HUGE_VAL && types(number);
  default:
    return false;
  }
}

std::vector<RuleEncoder::Summand> RuleEncoder::products(const std::vector<Summand> &left,
                                                        const std::vector<Summand> &right,
                                                        const TemplateNode &node) {
  auto plain = [](const std::vector<Summand> &list) {
    return list.size() == 1 && list[0].variables.empty() && list[0].guards.empty();
  };
  if (!(plain(left) && plain(right)) && encoding_.theory != ElementTheory::Real)
    throw OutsideFragment("distributivity outside of rings");
  TemplateNode times = with_operation(node, OpCode::Multiply);
  std::vector<Summand> out;
  for (const Summand &a : left)
    for (const Summand &b : right) {
      Summand product = a;
      product.variables.insert(product.variables.end(), b.variables.begin(), b.variables.end());
      product.guards.insert(product.guards.end(), b.guards.begin(), b.guards.end());
      product.term = interpreted(times, node.shape, {a.term, b.term});
      if (product.term.empty())
        throw OutsideFragment("products of these elements");
      out.push_back(std::move(product));
    }
  return out;
}

/// The summands of a dot, or of a reduce by `op` from its identity.
std::vector<RuleEncoder::Summand> RuleEncoder::fold_summands(const GraphTemplate &side,
                                                             const TemplateNode &node,
                                                             const Index &index, OpCode op) {
  const ShapeTemplate &in = side.nodes[node.operands[0]].shape;
  no_prefix(in, "a fold");
  Summand sum;
  std::vector<std::string> at;
  for (std::size_t d : folded(node)) {
    std::string length = size(in, d);
    if (length == "0")
      return {};
    if (length == "1") {
      at.emplace_back("0");
      continue;
    }
    at.push_back("k" + std::to_string(variables_++));
    sum.variables.emplace_back(at.back(), length);
    bound_.push_back(at.back());
  }
  std::vector<Summand> out;
  if (multiplies(node)) {
    Index left, right;
    dot_indices(side, node, index, at, left, right);
    out = products(summands(side, node.operands[0], left, op),
                   summands(side, node.operands[1], right, op), node);
  } else {
    if (!is_identity(side, node.operands[1], op))
      throw OutsideFragment("a fold from another value than the identity");
    auto dims = folded(node);
    Index inner(components(in));
    std::size_t next = 0;
    for (std::size_t c = 0; c < inner.size(); ++c)
      if (!contains(dims, c))
        inner[c] = index.at(next++);
    for (std::size_t i = 0; i < dims.size(); ++i)
      inner.at(dims[i]) = at[i];
    out = summands(side, node.operands[0], inner, op);
  }
  for (Summand &term : out)
    term.variables.insert(term.variables.begin(), sum.variables.begin(), sum.variables.end());
  bound_.resize(bound_.size() - sum.variables.size());
  return out;
}

/// An element as a sum by `op`.
std::vector<RuleEncoder::Summand> RuleEncoder::summands(const GraphTemplate &side, std::uint32_t id,
                                                        const Index &index, OpCode op) {
  const TemplateNode &node = side.nodes[id];
  auto operand = [&](std::size_t i) { return summands(side, node.operands[i], index, op); };
  bool split = has_fold(side, id);
  if (split && reducer(node) == op)
    return fold_summands(side, node, index, op);
  if (auto source = moved(side, node, index))
    return summands(side, source->node, source->index, op);
  if (split && !is_symbol(node) && code_of(node) == op) {
    auto out = operand(0), more = operand(1);
    out.insert(out.end(), more.begin(), more.end());
    return out;
  }
  if (split && !is_symbol(node) && op == OpCode::Add && code_of(node) == OpCode::Multiply)
    return products(operand(0), operand(1), node);
  bool chooses =
      !is_symbol(node) && (code_of(node) == OpCode::Concatenate || code_of(node) == OpCode::Pad);
  if (!chooses)
    return {{{}, {}, element(side, id, index)}};
  std::vector<Summand> out;
  std::vector<std::string> before;
  for (const auto &[condition, source] : cases(side, node, index)) {
    bool certain = condition == "true";
    if (!certain && !bound(condition)) {
      if (!decide(condition))
        continue;
      certain = true;
    }
    for (Summand &term : summands(side, source.node, source.index, op)) {
      term.guards.insert(term.guards.end(), before.begin(), before.end());
      if (condition != "true" && bound(condition))
        term.guards.push_back(condition);
      out.push_back(std::move(term));
    }
    if (certain)
      break;
    before.push_back("(not " + condition + ")");
  }
  return out;
}

/// The terms without variables as one; the identity when there is none.
std::string RuleEncoder::combined(const std::vector<Summand> &list, const TemplateNode &node,
                                  OpCode op) {
  std::string out;
  TemplateNode step = with_operation(node, op);
  for (const Summand &term : list)
    if (term.variables.empty()) {
      if (!term.guards.empty())
        throw OutsideFragment("a condition on no variable");
      out = out.empty() ? term.term : interpreted(step, node.shape, {out, term.term});
      if (out.empty())
        throw OutsideFragment("sums of these elements");
    }
  return out;
}

/// Whether the terms agree everywhere after some renaming of the right one's variables; then with
/// the obligation.
bool RuleEncoder::match_summand(const Summand &left, const Summand &right,
                                const std::vector<std::string> &assumptions,
                                std::vector<Obligation> &out) {
  constexpr unsigned steps = 12'000'000;
  if (left.variables.size() != right.variables.size())
    return false;
  auto where = [](const Summand &sum) {
    std::string all = "(and true";
    for (const auto &[name, length] : sum.variables)
      all += " (<= 0 " + name + ") (< " + name + " " + length + ")";
    for (const std::string &guard : sum.guards)
      all += " " + guard;
    return all + ")";
  };
  std::vector<std::size_t> order(left.variables.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  do {
    std::vector<std::string> inside = assumptions;
    for (std::size_t i = 0; i < order.size(); ++i) {
      declare(left.variables[i].first, "() Int");
      declare(right.variables[order[i]].first, "() Int");
      inside.push_back("(= " + left.variables[i].first + " " + right.variables[order[i]].first +
                       ")");
    }
    std::string here = where(left), there = where(right);
    Obligation same = obligation("summands", inside,
                                 "(and (= " + here + " " + there + ") (=> " + here +
                                     " (= " + left.term + " " + right.term + ")))");
    if (check(same, within_steps(steps)).answer == SmtAnswer::Proved) {
      out.push_back(std::move(same));
      return true;
    }
  } while (std::next_permutation(order.begin(), order.end()));
  return false;
}

/// A sum over one variable whose terms are all zero but at one place (a product with a row of a
/// permutation matrix) becomes its term there: the place is an index of the result, counted from
/// either end. `assumptions` then say what the variable is.
bool RuleEncoder::single_term(Summand &sum, OpCode op, std::vector<std::string> &assumptions,
                              std::vector<Obligation> &out) {
  constexpr unsigned timeout_ms = 3000;
  if (encoding_.theory != ElementTheory::Real || op != OpCode::Add || sum.variables.size() != 1)
    return false;
  const auto &[k, length] = sum.variables[0];
  declare(k, "() Int");
  std::string guards = "(and true";
  for (const std::string &guard : sum.guards)
    guards += " " + guard;
  guards += ")";
  std::vector<std::string> places = root_index_;
  for (const std::string &index : root_index_)
    places.push_back("(- " + length + " 1 " + index + ")");
  for (const std::string &place : places) {
    std::string here = "(= " + k + " " + place + ")";
    std::vector<std::string> inside = assumptions, at = assumptions;
    inside.insert(inside.end(), {"(<= 0 " + k + ")", "(< " + k + " " + length + ")", guards});
    at.push_back(here);
    Obligation zero = obligation("the other terms are zero", inside,
                                 "(or " + here + " (= " + sum.term + " 0.0))");
    Obligation range =
        obligation("the place of the one that is not lies in range", at,
                   "(and (<= 0 " + k + ") (< " + k + " " + length + ") " + guards + ")");
    if (check(zero, {timeout_ms, 0}).answer != SmtAnswer::Proved ||
        check(range, {timeout_ms, 0}).answer != SmtAnswer::Proved)
      continue;
    out.insert(out.end(), {zero, range});
    assumptions = std::move(at);
    sum = {{}, {}, sum.term};
    return true;
  }
  return false;
}

/// Both sides as sums by the operation of their first fold: each summand of the left has its own on
/// the right, or is but one term.
void RuleEncoder::match_sums(std::vector<Obligation> &out) {
  auto op = first_reducer(from_, from_.results[0]);
  if (!op)
    op = first_reducer(to_, to_.results[0]);
  if (!op)
    throw OutsideFragment("no fold to take apart");
  const TemplateNode &root = from_.nodes[from_.results[0]];
  std::vector<Summand> left = summands(from_, from_.results[0], root_index_, *op);
  std::vector<Summand> right = summands(to_, to_.results[0], root_index_, *op);
  std::vector<std::string> assumptions = path_assumptions();
  if (encoding_.theory != ElementTheory::Real) {
    lemmas_.push_back("associative " + std::string(semantics::info(*op).name) + " " +
                      type_name(root.shape));
    lemmas_.push_back("commutative " + std::string(semantics::info(*op).name) + " " +
                      type_name(root.shape));
  }
  if (!decision_order_.empty() && cannot_occur(assumptions, out))
    return;
  out.insert(out.end(), side_.begin(), side_.end());
  std::vector<char> used(right.size(), 0);
  std::vector<Summand> left_alone, right_alone;
  for (const Summand &l : left) {
    bool found = false;
    for (std::size_t r = 0; r < right.size() && !l.variables.empty() && !found; ++r)
      if (!used[r] && !right[r].variables.empty() && match_summand(l, right[r], assumptions, out)) {
        used[r] = 1;
        found = true;
      }
    if (!found)
      left_alone.push_back(l);
  }
  for (std::size_t r = 0; r < right.size(); ++r)
    if (!used[r])
      right_alone.push_back(right[r]);
  for (std::vector<Summand> *list : {&left_alone, &right_alone})
    for (Summand &sum : *list)
      if (!sum.variables.empty() && !single_term(sum, *op, assumptions, out))
        throw OutsideFragment("sums whose terms do not match");
  std::string a = combined(left_alone, root, *op), b = combined(right_alone, root, *op);
  if (a.empty() != b.empty()) {
    if (encoding_.theory != ElementTheory::Real || *op != OpCode::Add)
      throw OutsideFragment("sums of different kinds");
    (a.empty() ? a : b) = "0.0";
  }
  if (!a.empty())
    out.push_back(obligation("terms outside of sums", assumptions, "(= " + a + " " + b + ")"));
}

} // namespace isamorph::verify
