// Folds in any order: as sums over all integers with finitely many terms that are not the identity.
// Such sums are equal when their terms agree after a renaming of the summation variables, which may
// shift one by a constant; sums without terms are left out. Nested folds become one sum over
// several variables, and a product with a sum a sum of products (in a ring). The initial value of
// such a fold must be the operation's identity. Over uninterpreted elements this rests on the
// lemmas "associative OP" and "commutative OP"; over a ring on its axioms. Of floats, bit for bit,
// a step of a fold is not the operation standing alone, nor is a fold of one element that element:
// profiles flush denormals in the one and not in the other.
#include "verify/rule_parts.h"

#include <cmath>
#include <numeric>
#include <set>

namespace isamorph::verify {

using semantics::ElementType;
using semantics::GraphTemplate;
using semantics::OpCode;
using semantics::ShapeTemplate;
using semantics::TemplateNode;

namespace {

bool has_fold(const GraphTemplate &side, std::uint32_t id) {
  const TemplateNode &node = side.nodes[id];
  if (multiplies(node) || (!is_symbol(node) && code_of(node) == OpCode::Reduce))
    return true;
  return std::any_of(node.operands.begin(), node.operands.end(),
                     [&](std::uint32_t operand) { return has_fold(side, operand); });
}

/// x op x is x.
bool idempotent(OpCode op) {
  return op == OpCode::Maximum || op == OpCode::Minimum || op == OpCode::And || op == OpCode::Or;
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

} // namespace

/// Whether an operation may give other bits in a fold than it does alone.
bool RuleEncoder::steps_may_differ() const {
  if (encoding_.theory == ElementTheory::Real)
    return false;
  const ShapeTemplate &root = from_.nodes[from_.results[0]].shape;
  if (const auto *fixed = std::get_if<ElementType>(&root.type))
    return semantics::is_float(*fixed);
  const auto &choices = rule_.symbols.type_choices[std::get<std::uint32_t>(root.type)];
  return choices.empty() || std::ranges::any_of(choices, semantics::is_float);
}

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

/// What a reduce by `op` begins with, unless that is its identity: x op x must be x, so that it
/// matters only whether there is one.
std::vector<RuleEncoder::Summand> RuleEncoder::initial_value(const GraphTemplate &side,
                                                             const TemplateNode &node, OpCode op) {
  if (multiplies(node) || is_identity(side, node.operands[1], op))
    return {};
  if (!idempotent(op))
    throw OutsideFragment("a fold from another value than the identity");
  return {{{}, {}, element(side, node.operands[1], {}), true}};
}

/// The summands of a dot, or of a reduce by `op`.
std::vector<RuleEncoder::Summand> RuleEncoder::fold_summands(const GraphTemplate &side,
                                                             const TemplateNode &node,
                                                             const Index &index, OpCode op) {
  const ShapeTemplate &in = side.nodes[node.operands[0]].shape;
  no_prefix(in, "a fold");
  const std::vector<Summand> initial = initial_value(side, node, op);
  Summand sum;
  std::vector<std::string> at;
  for (std::size_t d : folded(node)) {
    std::string length = size(in, d);
    if (length == "0")
      return initial;
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
  for (Summand &term : out) {
    term.variables.insert(term.variables.begin(), sum.variables.begin(), sum.variables.end());
    term.folded = true;
  }
  bound_.resize(bound_.size() - sum.variables.size());
  out.insert(out.end(), initial.begin(), initial.end());
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
    if (steps_may_differ())
      throw OutsideFragment("an operation on folds of floats, which is no step of them");
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
  std::set<std::string> once;
  const bool by_lemma = idempotent(op) && encoding_.theory != ElementTheory::Real;
  for (const Summand &term : list) {
    if (!term.variables.empty())
      continue;
    if (!term.guards.empty())
      throw OutsideFragment("a condition on no variable");
    if (by_lemma && !once.insert(term.term).second) {
      lemmas_.push_back(symmetry_lemma("idempotent", op));
      continue;
    }
    out = out.empty() ? term.term : interpreted(step, node.shape, {out, term.term});
    if (out.empty())
      throw OutsideFragment("sums of these elements");
  }
  return out;
}

/// "associative add T"
std::string RuleEncoder::symmetry_lemma(const std::string &property, OpCode op) const {
  return property + " " + std::string(semantics::info(op).name) + " " +
         type_name(from_.nodes[from_.results[0]].shape);
}

/// Where a term stands: its variables in their ranges, its guards true.
std::string RuleEncoder::place_of(const Summand &sum) {
  std::string all = "(and true";
  for (const auto &[name, length] : sum.variables) {
    declare(name, "() Int");
    all += " (<= 0 " + name + ") (< " + name + " " + length + ")";
  }
  for (const std::string &guard : sum.guards)
    all += " " + guard;
  return all + ")";
}

/// Whether the terms agree everywhere after some renaming of the right one's variables, which are
/// the left one's plus `shift`; then with the obligation.
bool RuleEncoder::match_summand(const Summand &left, const Summand &right, const std::string &shift,
                                const std::vector<std::string> &assumptions,
                                std::vector<Obligation> &out) {
  constexpr unsigned steps = 12'000'000;
  if (left.variables.size() != right.variables.size())
    return false;
  std::string here = place_of(left), there = place_of(right);
  std::vector<std::size_t> order(left.variables.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  do {
    std::vector<std::string> inside = assumptions;
    for (std::size_t i = 0; i < order.size(); ++i) {
      const std::string &name = left.variables[i].first;
      inside.push_back("(= " + (shift == "0" ? name : call("+", {name, shift})) + " " +
                       right.variables[order[i]].first + ")");
    }
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

/// Takes those out of both lists that agree, each with one, by one of the shifts.
void RuleEncoder::pair_summands(std::vector<Summand> &left, std::vector<Summand> &right,
                                const std::vector<std::string> &shifts,
                                const std::vector<std::string> &assumptions,
                                std::vector<Obligation> &out) {
  std::erase_if(left, [&](const Summand &l) {
    auto agrees = [&](const Summand &r) {
      return !r.variables.empty() && std::ranges::any_of(shifts, [&](const std::string &shift) {
        return match_summand(l, r, shift, assumptions, out);
      });
    };
    auto found = l.variables.empty() ? right.end() : std::ranges::find_if(right, agrees);
    if (found == right.end())
      return false;
    right.erase(found);
    return true;
  });
}

/// Takes out those whose guards contradict each other: they have no terms.
void RuleEncoder::drop_empty(std::vector<Summand> &list,
                             const std::vector<std::string> &assumptions,
                             std::vector<Obligation> &out) {
  constexpr unsigned steps = 4'000'000;
  std::erase_if(list, [&](const Summand &sum) {
    if (sum.guards.size() < 2)
      return false;
    Obligation none = obligation("no such terms", assumptions, "(not " + place_of(sum) + ")");
    if (check(none, within_steps(steps)).answer != SmtAnswer::Proved)
      return false;
    out.push_back(std::move(none));
    return true;
  });
}

/// What may lie between the variables of sums that are parts of each other: the lengths.
std::vector<std::string> RuleEncoder::shifts(const std::vector<Summand> &left,
                                             const std::vector<Summand> &right) {
  std::set<std::string> lengths;
  bool parts = false;
  for (const std::vector<Summand> *list : {&left, &right})
    for (const Summand &sum : *list) {
      parts |= !sum.guards.empty();
      for (const auto &[name, length] : sum.variables)
        lengths.insert(length);
    }
  std::vector<std::string> out;
  for (const std::string &length : lengths)
    if (parts)
      out.insert(out.end(), {length, call("-", {length})});
  return out;
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
  auto folded = [&](const std::vector<Summand> &side) {
    return !side.empty() && side.front().folded;
  };
  if (steps_may_differ() && folded(left) != folded(right))
    throw OutsideFragment("a fold of floats and what is none");
  if (encoding_.theory != ElementTheory::Real) {
    lemmas_.push_back(symmetry_lemma("associative", *op));
    lemmas_.push_back(symmetry_lemma("commutative", *op));
  }
  if (!decision_order_.empty() && cannot_occur(assumptions, out))
    return;
  out.insert(out.end(), side_.begin(), side_.end());
  const std::vector<std::string> apart = shifts(left, right);
  pair_summands(left, right, {"0"}, assumptions, out);
  for (std::vector<Summand> *list : {&left, &right})
    drop_empty(*list, assumptions, out);
  pair_summands(left, right, apart, assumptions, out);
  for (std::vector<Summand> *list : {&left, &right})
    for (Summand &sum : *list)
      if (!sum.variables.empty() && !single_term(sum, *op, assumptions, out))
        throw OutsideFragment("sums whose terms do not match");
  std::string a = combined(left, root, *op), b = combined(right, root, *op);
  if (a.empty() != b.empty()) {
    if (encoding_.theory != ElementTheory::Real || *op != OpCode::Add)
      throw OutsideFragment("sums of different kinds");
    (a.empty() ? a : b) = "0.0";
  }
  if (!a.empty())
    out.push_back(obligation("terms outside of sums", assumptions, "(= " + a + " " + b + ")"));
}

} // namespace isamorph::verify
