// What the solver has to prove of a rule.
#include "verify/rule_parts.h"

#include <set>

namespace isamorph::verify {

using semantics::GraphTemplate;
using semantics::IntExpr;
using semantics::ShapeTemplate;

std::string RuleEncoder::premises() const {
  std::string out;
  for (const std::string &n : rule_.symbols.integers.names)
    out += "(declare-const n_" + n + " Int)\n";
  for (const std::string &s : rule_.symbols.shapes.names)
    out += "(declare-const N_" + s + " Int)\n(assert (<= 0 N_" + s + "))\n";
  for (const IntExpr &condition : rule_.conditions)
    out += "(assert (not (= " + smt(condition) + " 0)))\n";
  for (const GraphTemplate *side : {&from_, &to_})
    for (std::uint32_t p : side->parameters)
      for (std::size_t c = 0; c < components(side->nodes[p].shape); ++c)
        out += "(assert (<= 0 " + size(side->nodes[p].shape, c) + "))\n";
  for (const std::string &fact : typing(from_))
    out += "(assert " + fact + ")\n";
  return out;
}

namespace {

bool divides(const IntExpr &e) {
  if (e.op() == semantics::IntOp::Divide || e.op() == semantics::IntOp::Modulo)
    return true;
  auto arguments = e.arguments();
  return std::any_of(arguments.begin(), arguments.end(), divides);
}

} // namespace

/// From the conditions without division alone, since the terms of the others mean nothing where a
/// divisor is not positive.
Obligation RuleEncoder::positive_divisors() const {
  std::string text = "(set-logic ALL)\n", claim = "(and true";
  for (const std::string &n : rule_.symbols.integers.names)
    text += "(declare-const n_" + n + " Int)\n";
  for (const IntExpr &condition : rule_.conditions)
    if (!divides(condition))
      text += "(assert (not (= " + smt(condition) + " 0)))\n";
  for (const std::string &divisor : divisors_)
    claim += " (< 0 " + divisor + ")";
  return {rule_.name + ": divisors are positive",
          text + "(assert (not " + claim + ")))\n(check-sat)\n"};
}

/// A claim about scalars alone: no indices, no sizes, so that solvers take their procedures for
/// bits and floats.
Obligation RuleEncoder::scalar_obligation(const std::string &name, const std::string &claim) const {
  std::string text;
  bool floating = false;
  for (const auto &[symbol, signature] : declarations_) {
    if (!symbol.starts_with("x") && !symbol.starts_with("|x_"))
      continue;
    text += "(declare-fun " + symbol + " " + signature + ")\n";
    floating |= signature.find("FloatingPoint") != std::string::npos;
  }
  for (const std::string &fact : defined_)
    text += "(assert " + fact + ")\n";
  std::string logic = !laws_.empty()                            ? "ALL"
                      : encoding_.theory == ElementTheory::Real ? "QF_NRA"
                      : floating                                ? "QF_FP"
                                                                : "QF_BV";
  return {rule_.name + ": " + name,
          "(set-logic " + logic + ")\n" + text + "(assert (not " + claim + "))\n(check-sat)\n"};
}

/// Equality at the rule's level.
std::string RuleEncoder::claim(const std::string &left, const std::string &right) const {
  std::string type = sort(from_.nodes[from_.results[0]].shape);
  bool up_to_zero = rule_.level == semantics::Level::Finite && type.starts_with("(_ FloatingPoint");
  return call(up_to_zero ? "fp.eq" : "=", {left, right});
}

/// What holds on this path: ranges of the root's indices, the cases chosen, facts about values.
std::vector<std::string> RuleEncoder::path_assumptions() const {
  const ShapeTemplate &shape = from_.nodes[from_.results[0]].shape;
  std::vector<std::string> out;
  for (std::size_t c = 0; c < root_index_.size(); ++c) {
    out.push_back("(<= 0 " + root_index_[c] + ")");
    out.push_back("(< " + root_index_[c] + " " + size(shape, c) + ")");
  }
  for (const std::string &condition : decision_order_)
    out.push_back(decisions_.at(condition) ? condition : "(not " + condition + ")");
  out.insert(out.end(), facts_.begin(), facts_.end());
  return out;
}

Obligation RuleEncoder::obligation(const std::string &name,
                                   const std::vector<std::string> &assumptions,
                                   const std::string &claim) const {
  std::string text;
  std::set<std::string> sorts;
  std::string declarations;
  for (const auto &[symbol, signature] : declarations_) {
    declarations += "(declare-fun " + symbol + " " + signature + ")\n";
    for (std::size_t at = signature.find("E_"); at != std::string::npos;
         at = signature.find("E_", at + 1))
      sorts.insert(signature.substr(at, signature.find_first_of(" )", at) - at));
  }
  text = "(set-logic ALL)\n";
  for (const std::string &s : sorts)
    text += "(declare-sort " + s + " 0)\n";
  text += premises() + declarations;
  for (const std::string &a : assumptions)
    text += "(assert " + a + ")\n";
  return {rule_.name + ": " + name, text + "(assert (not " + claim + "))\n(check-sat)\n"};
}

/// Fold number f of `from` against fold number f of `to`.
void RuleEncoder::match_folds(const std::vector<std::string> &assumptions, std::size_t split,
                              std::vector<Obligation> &out) {
  if (folds_.size() != 2 * split)
    throw OutsideFragment("a different number of folds on the two sides");
  for (std::size_t f = 0; f < split; ++f) {
    const Fold &a = folds_[f], &b = folds_[split + f];
    if (a.operation != b.operation || a.sort != b.sort)
      throw OutsideFragment("folds of different kinds on the two sides");
    // Both summands at the same fresh index.
    declare(a.variable, "() Int");
    declare(b.variable, "() Int");
    std::vector<std::string> inside = assumptions;
    inside.push_back("(= " + a.variable + " " + b.variable + ")");
    inside.push_back("(<= 0 " + a.variable + ")");
    inside.push_back("(< " + a.variable + " " + a.length + ")");
    std::string same = "(= " + a.left + " " + b.left + ")";
    if (!a.right.empty())
      same = "(and " + same + " (= " + a.right + " " + b.right + "))";
    Obligation summands = obligation("summands of " + a.operation, inside, same);
    if (!a.right.empty() && check(summands, {5000, 0}).answer != SmtAnswer::Proved) {
      summands =
          obligation("summands of " + a.operation + ", factors exchanged", inside,
                     "(and (= " + a.left + " " + b.right + ") (= " + a.right + " " + b.left + "))");
      lemmas_.push_back("commutative multiply " + type_name(a.node->shape));
    }
    out.push_back(std::move(summands));
    out.push_back(obligation("length of " + a.operation, assumptions,
                             "(= " + a.length + " " + b.length + ")"));
    if (!a.init.empty())
      out.push_back(obligation("initial value of " + a.operation, assumptions,
                               "(= " + a.init + " " + b.init + ")"));
  }
}

/// plain ~ dot whose right factor is convert(k = p): at level finite, by the lemma "unit vector
/// dot".
bool RuleEncoder::unit_dot(const std::vector<std::string> &assumptions, const std::string &plain,
                           const Fold &fold, std::vector<Obligation> &out) {
  constexpr std::string_view convert = "(op_convert.pred.";
  if (rule_.level == semantics::Level::Bits || fold.right.empty() ||
      !fold.right.starts_with(convert))
    return false;
  std::size_t space = fold.right.find(' ');
  std::string condition = fold.right.substr(space + 1, fold.right.size() - space - 2);
  declare(fold.variable, "() Int");
  for (const std::string &position : root_index_) {
    std::vector<std::string> inside = assumptions;
    inside.push_back("(<= 0 " + fold.variable + ")");
    inside.push_back("(< " + fold.variable + " " + fold.length + ")");
    std::vector<std::string> at = inside;
    at.push_back("(= " + fold.variable + " " + position + ")");
    Obligation unit =
        obligation("the right vector is 1 at one place", inside,
                   "(= " + condition + " (= " + fold.variable + " " + position + "))");
    Obligation range =
        obligation("that place is in range", assumptions,
                   "(and (<= 0 " + position + ") (< " + position + " " + fold.length + "))");
    Obligation value =
        obligation("the left vector's element there", at, "(= " + plain + " " + fold.left + ")");
    if (check(unit, {5000, 0}).answer != SmtAnswer::Proved)
      continue;
    lemmas_.push_back("unit vector dot " + type_name(fold.node->shape));
    out.insert(out.end(), {unit, range, value});
    return true;
  }
  return false;
}

/// exp(a+b) = exp(a)exp(b) for the sums among the arguments of exp, and exp(0) = 1.
void RuleEncoder::add_laws() {
  if (exponents_.empty())
    return;
  facts_.push_back("(= (exp 0.0) 1.0)");
  std::set<std::string> known(exponents_.begin(), exponents_.end());
  for (const std::string &a : known)
    for (const std::string &b : known)
      if (std::string sum = call("+", {a, b}); known.contains(sum))
        facts_.push_back("(= (exp " + sum + ") (* (exp " + a + ") (exp " + b + ")))");
  laws_ = {"exp(a+b)=exp(a)exp(b)", "exp(0)=1"};
}

void RuleEncoder::begin_path() {
  declarations_.clear();
  folds_.clear();
  reads_.clear();
  side_.clear();
  facts_.clear();
  defined_.clear();
  exponents_.clear();
  decisions_.clear();
  decision_order_.clear();
  root_index_.clear();
  variables_ = 0;
  in_fold_ = false;
  for (std::size_t c = 0; c < components(from_.nodes[from_.results[0]].shape); ++c) {
    root_index_.push_back("i" + std::to_string(c));
    declare(root_index_.back(), "() Int");
  }
}

void RuleEncoder::prove_path(std::vector<Obligation> &out) {
  begin_path();
  if (encoding_.reassociate)
    return match_sums(out);
  std::string left = element(from_, from_.results[0], root_index_);
  std::size_t split = folds_.size();
  std::string right = element(to_, to_.results[0], root_index_);
  add_laws();
  std::vector<std::string> assumptions = path_assumptions();
  if (!decision_order_.empty() && cannot_occur(assumptions, out))
    return;
  if (split == 0 && folds_.size() == 1 && right == folds_[0].placeholder) {
    if (!unit_dot(assumptions, left, folds_[0], out))
      throw OutsideFragment("a fold on one side only");
    return;
  }
  match_folds(assumptions, split, out);
  std::vector<std::string> equalities = assumptions;
  for (std::size_t f = 0; f < split; ++f)
    equalities.push_back("(= " + folds_[f].placeholder + " " + folds_[split + f].placeholder + ")");
  if (encoding_.theory == ElementTheory::Real)
    equalities.insert(equalities.end(), defined_.begin(), defined_.end());
  out.insert(out.end(), side_.begin(), side_.end());
  if (scalars())
    out.push_back(scalar_obligation("elements", claim(left, right)));
  else
    out.push_back(obligation("elements", equalities, claim(left, right)));
}

/// Closes a case whose conditions contradict each other.
bool RuleEncoder::cannot_occur(const std::vector<std::string> &assumptions,
                               std::vector<Obligation> &out) const {
  constexpr unsigned steps = 4'000'000;
  Obligation never = obligation("this case cannot occur", assumptions, "false");
  if (check(never, within_steps(steps)).answer != SmtAnswer::Proved)
    return false;
  out.push_back(std::move(never));
  return true;
}

bool RuleEncoder::applies() const {
  try {
    typing(from_);
    return true;
  } catch (const IllTyped &) {
    return false;
  }
}

Obligation RuleEncoder::impossible() const {
  return {rule_.name + ": premises contradict each other",
          "(set-logic ALL)\n" + premises() + "(check-sat)\n"};
}

std::vector<Obligation> RuleEncoder::obligations() {
  std::vector<Obligation> out;
  const ShapeTemplate &a = from_.nodes[from_.results[0]].shape,
                      &b = to_.nodes[to_.results[0]].shape;
  if (!same_type(a, b) || components(a) != components(b) || a.prefix != b.prefix)
    throw OutsideFragment("results of different type or rank");
  declarations_.clear();
  std::vector<std::string> claims = typing(to_);
  for (std::size_t c = 0; c < components(a); ++c)
    claims.push_back("(= " + size(a, c) + " " + size(b, c) + ")");
  claims.push_back("true");
  out.push_back(obligation("well-typed", {}, call("and", claims)));
  // Every combination of answers to the questions that concatenate and its like ask.
  constexpr int most_paths = 64;
  script_.clear();
  for (int path = 0; path < most_paths; ++path) {
    prove_path(out);
    std::vector<bool> answers;
    for (const std::string &condition : decision_order_)
      answers.push_back(decisions_.at(condition));
    while (!answers.empty() && !answers.back())
      answers.pop_back();
    if (answers.empty()) {
      if (!divisors_.empty())
        out.push_back(positive_divisors());
      return out;
    }
    answers.back() = false;
    script_ = answers;
  }
  throw OutsideFragment("too many cases");
}

} // namespace isamorph::verify
