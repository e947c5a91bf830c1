#include "verify/checker/rewrite_checker.h"

#include "verify/checker/refusal.h"

#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <set>

namespace isamorph::verify {
namespace {

/// An S-expression; variables begin with '?'.
struct Tree {
  std::string head;
  std::vector<Tree> children;
};

class TreeReader {
public:
  explicit TreeReader(const std::string &text) : text_(text) {}
  Tree read() {
    Tree tree = term(0);
    skip();
    if (at_ != text_.size())
      refuse("'" + text_ + "' is no term");
    return tree;
  }

private:
  void skip() {
    while (at_ < text_.size() && text_[at_] == ' ')
      ++at_;
  }
  std::string word() {
    std::size_t begin = at_;
    while (at_ < text_.size() && std::string_view(" ()").find(text_[at_]) == std::string::npos)
      ++at_;
    if (begin == at_)
      refuse("'" + text_ + "' is no term");
    return text_.substr(begin, at_ - begin);
  }
  Tree term(int depth) {
    skip();
    if (depth > 1000 || at_ == text_.size())
      refuse("'" + text_ + "' is no term");
    if (text_[at_] != '(')
      return {word(), {}};
    ++at_;
    skip();
    Tree tree{word(), {}};
    if (tree.head[0] == '?')
      refuse("'" + text_ + "' has a variable for an operator");
    for (skip(); at_ < text_.size() && text_[at_] != ')'; skip())
      tree.children.push_back(term(depth + 1));
    if (at_ == text_.size())
      refuse("'" + text_ + "' is no term");
    ++at_;
    return tree;
  }

  const std::string &text_;
  std::size_t at_ = 0;
};

struct Rule {
  Tree from, to;
  std::vector<std::string> conditions;
};

/// Terms of one proof, equal ones with one number.
struct Terms {
  struct Term {
    std::string head;
    std::vector<std::size_t> children;
    auto operator<=>(const Term &) const = default;
  };
  std::vector<Term> all;
  std::vector<std::size_t> number; ///< by the proof's number
  std::map<Term, std::size_t> known;

  explicit Terms(const Part &part) {
    for (const Part &entry : part.elements()) {
      std::vector<Part> words = entry.elements();
      if (words.empty())
        entry.fail("has no operator");
      Term term{words[0].text(), {}};
      for (std::size_t i = 1; i < words.size(); ++i)
        term.children.push_back(at(words[i]));
      auto [place, fresh] = known.try_emplace(term, all.size());
      if (fresh)
        all.push_back(term);
      number.push_back(place->second);
    }
  }
  std::size_t at(const Part &part) const { return number[part.index(number.size())]; }
};

bool matches(const Tree &pattern, std::size_t term, const Terms &terms,
             std::map<std::string, std::size_t> &bindings) {
  if (pattern.head[0] == '?')
    return bindings.try_emplace(pattern.head, term).first->second == term;
  const Terms::Term &t = terms.all[term];
  if (t.head != pattern.head || t.children.size() != pattern.children.size())
    return false;
  for (std::size_t i = 0; i < t.children.size(); ++i)
    if (!matches(pattern.children[i], t.children[i], terms, bindings))
      return false;
  return true;
}

std::optional<double> number(const std::string &text) {
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

/// The value of an operator on number leaves.
std::optional<double> fold(const Terms::Term &term, const Terms &terms) {
  std::vector<double> x;
  for (std::size_t child : term.children) {
    auto value = terms.all[child].children.empty() ? number(terms.all[child].head) : std::nullopt;
    if (!value)
      return std::nullopt;
    x.push_back(*value);
  }
  double out = NAN;
  if (x.size() == 1 && term.head == "neg")
    out = -x[0];
  if (x.size() == 2) {
    switch (term.head.size() == 1 ? term.head[0] : term.head == "pow" ? '^' : '?') {
    case '+':
      out = x[0] + x[1];
      break;
    case '-':
      out = x[0] - x[1];
      break;
    case '*':
      out = x[0] * x[1];
      break;
    case '/':
      out = x[1] == 0 ? NAN : x[0] / x[1];
      break;
    case '^':
      out = x[0] == 0 && x[1] <= 0 ? NAN : std::pow(x[0], x[1]);
      break;
    default:
      break;
    }
  }
  return std::isfinite(out) ? std::optional(out) : std::nullopt;
}

class ProofChecker {
public:
  ProofChecker(const std::map<std::string, Rule> &rules, const std::set<std::string> &folded,
               std::set<std::string> &assumptions)
      : rules_(rules), folded_(folded), assumptions_(assumptions) {}

  std::size_t steps = 0;

  void check(const Part &part) {
    part.only({"left", "right", "terms", "lemmas"});
    Terms terms(part.at("terms"));
    lemmas_.clear();
    for (const Part &lemma : part.at("lemmas").elements())
      check_lemma(lemma, terms);
    if (lemmas_.empty() || lemmas_.back().first != terms.at(part.at("left")) ||
        lemmas_.back().second != terms.at(part.at("right")))
      part.refuse("the last lemma does not prove what is claimed");
  }

private:
  void check_lemma(const Part &part, const Terms &terms) {
    part.only({"from", "to", "steps"});
    std::size_t from = terms.at(part.at("from")), at = from;
    for (const Part &step : part.at("steps").elements()) {
      std::size_t to = terms.at(step.at("to"));
      check_step(step, at, to, terms);
      at = to;
      ++steps;
    }
    if (at != terms.at(part.at("to")))
      part.refuse("the steps end elsewhere");
    lemmas_.emplace_back(from, at);
  }

  void check_step(const Part &step, std::size_t from, std::size_t to, const Terms &terms) {
    step.only({"to", "lemmas", "stated", "rule", "fold", "forward"});
    if (step.has("lemmas"))
      return check_congruence(step.at("lemmas"), from, to, terms);
    if (step.has("stated")) {
      assumptions_.insert("an equality is stated");
      return;
    }
    bool forward = step.at("forward").flag();
    std::size_t left = forward ? from : to, right = forward ? to : from;
    if (step.has("fold"))
      return check_fold(step, terms.all[left], terms.all[right], terms);
    const std::string &name = step.at("rule").text();
    auto rule = rules_.find(name);
    if (rule == rules_.end())
      step.at("rule").refuse("there is no rule '" + name + "'");
    std::map<std::string, std::size_t> bindings;
    if (!matches(rule->second.from, left, terms, bindings) ||
        !matches(rule->second.to, right, terms, bindings))
      step.refuse("no instance of rule '" + name + "'");
    for (const std::string &condition : rule->second.conditions)
      assumptions_.insert(name + ": " + condition);
  }

  void check_congruence(const Part &part, std::size_t from, std::size_t to, const Terms &terms) {
    const Terms::Term &a = terms.all[from], &b = terms.all[to];
    std::vector<Part> operands = part.elements();
    if (a.head != b.head || a.children.size() != b.children.size() ||
        operands.size() != a.children.size())
      part.refuse("the terms have different operators");
    for (std::size_t i = 0; i < operands.size(); ++i)
      if (lemmas_[operands[i].index(lemmas_.size())] != std::pair(a.children[i], b.children[i]))
        operands[i].refuse("the lemma does not prove this operand equal");
  }

  void check_fold(const Part &step, const Terms::Term &left, const Terms::Term &right,
                  const Terms &terms) const {
    if (!folded_.count(left.head))
      step.refuse("'" + left.head + "' is not folded");
    auto value = fold(left, terms), constant = number(right.head);
    if (!value || !constant || !right.children.empty() || *value != *constant)
      step.refuse("the constant is another");
  }

  const std::map<std::string, Rule> &rules_;
  const std::set<std::string> &folded_;
  std::set<std::string> &assumptions_;
  std::vector<std::pair<std::size_t, std::size_t>> lemmas_;
};

} // namespace

void check_rewrite_proofs(const Part &part, CheckReport &report) {
  part.only({"format", "version", "rules", "fold", "proofs"});
  std::map<std::string, Rule> rules;
  for (const Part &rule : part.at("rules").elements()) {
    rule.only({"name", "from", "to", "if"});
    Rule read{TreeReader(rule.at("from").text()).read(), TreeReader(rule.at("to").text()).read(),
              rule.at("if").texts()};
    if (!rules.emplace(rule.at("name").text(), std::move(read)).second)
      rule.at("name").refuse("two rules are named '" + rule.at("name").text() + "'");
  }
  std::vector<std::string> listed = part.at("fold").texts();
  std::set<std::string> folded(listed.begin(), listed.end()), assumptions;
  ProofChecker checker(rules, folded, assumptions);
  std::vector<Part> proofs = part.at("proofs").elements();
  if (proofs.empty())
    part.at("proofs").refuse("nothing is claimed");
  for (const Part &proof : proofs) {
    std::size_t before = checker.steps;
    checker.check(proof);
    report.steps.push_back(fmt::format("proof {}: {} lemmas, {} steps", report.steps.size() + 1,
                                       proof.at("lemmas").json().size(), checker.steps - before));
  }
  for (const std::string &assumption : assumptions)
    report.steps.push_back("taken for granted: " + assumption);
}

} // namespace isamorph::verify
