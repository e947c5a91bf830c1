#include "verify/rewrite_checker.h"

#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

namespace isamorph::verify {
namespace {

using Json = nlohmann::json;

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

  explicit Terms(const Json &json) {
    for (const Json &entry : json) {
      Term term{entry.at(0).get<std::string>(), {}};
      for (std::size_t i = 1; i < entry.size(); ++i)
        term.children.push_back(at(entry.at(i)));
      auto [place, fresh] = known.try_emplace(term, all.size());
      if (fresh)
        all.push_back(term);
      number.push_back(place->second);
    }
  }
  std::size_t at(const Json &json) const {
    if (!json.is_number_unsigned() || json.get<std::size_t>() >= number.size())
      refuse("a term's number is out of place");
    return number[json.get<std::size_t>()];
  }
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

  void check(const Json &json) {
    Terms terms(json.at("terms"));
    lemmas_.clear();
    for (const Json &lemma : json.at("lemmas"))
      check_lemma(lemma, terms);
    if (lemmas_.empty() || lemmas_.back().first != terms.at(json.at("left")) ||
        lemmas_.back().second != terms.at(json.at("right")))
      refuse("the last lemma does not prove what is claimed");
  }

private:
  void check_lemma(const Json &json, const Terms &terms) {
    std::size_t from = terms.at(json.at("from")), at = from;
    for (const Json &step : json.at("steps")) {
      std::size_t to = terms.at(step.at("to"));
      check_step(step, at, to, terms);
      at = to;
      ++steps;
    }
    if (at != terms.at(json.at("to")))
      refuse(fmt::format("lemma {} ends elsewhere", lemmas_.size()));
    lemmas_.emplace_back(from, at);
  }

  void check_step(const Json &step, std::size_t from, std::size_t to, const Terms &terms) {
    std::string where = fmt::format("lemma {}, step to term {}: ", lemmas_.size(),
                                    step.at("to").get<std::size_t>());
    if (step.contains("lemmas"))
      return check_congruence(step.at("lemmas"), from, to, terms, where);
    if (step.contains("stated")) {
      assumptions_.insert("an equality is stated");
      return;
    }
    bool forward = step.at("forward").get<bool>();
    std::size_t left = forward ? from : to, right = forward ? to : from;
    if (step.contains("fold"))
      return check_fold(terms.all[left], terms.all[right], terms, where);
    auto name = step.at("rule").get<std::string>();
    auto rule = rules_.find(name);
    if (rule == rules_.end())
      refuse(where + "there is no rule '" + name + "'");
    std::map<std::string, std::size_t> bindings;
    if (!matches(rule->second.from, left, terms, bindings) ||
        !matches(rule->second.to, right, terms, bindings))
      refuse(where + "no instance of rule '" + name + "'");
    for (const std::string &condition : rule->second.conditions)
      assumptions_.insert(name + ": " + condition);
  }

  void check_congruence(const Json &json, std::size_t from, std::size_t to, const Terms &terms,
                        const std::string &where) {
    const Terms::Term &a = terms.all[from], &b = terms.all[to];
    if (a.head != b.head || a.children.size() != b.children.size() ||
        json.size() != a.children.size())
      refuse(where + "the terms have different operators");
    for (std::size_t i = 0; i < a.children.size(); ++i) {
      const Json &number = json.at(i);
      if (!number.is_number_unsigned() || number.get<std::size_t>() >= lemmas_.size())
        refuse(where + "a lemma is used before it is proved");
      if (lemmas_[number.get<std::size_t>()] != std::pair(a.children[i], b.children[i]))
        refuse(where + fmt::format("lemma {} does not prove operand {} equal",
                                   number.get<std::size_t>(), i));
    }
  }

  void check_fold(const Terms::Term &left, const Terms::Term &right, const Terms &terms,
                  const std::string &where) const {
    if (!folded_.count(left.head))
      refuse(where + "'" + left.head + "' is not folded");
    auto value = fold(left, terms), constant = number(right.head);
    if (!value || !constant || !right.children.empty() || *value != *constant)
      refuse(where + "the constant is another");
  }

  const std::map<std::string, Rule> &rules_;
  const std::set<std::string> &folded_;
  std::set<std::string> &assumptions_;
  std::vector<std::pair<std::size_t, std::size_t>> lemmas_;
};

} // namespace

void refuse(std::string reason) { throw Refused{std::move(reason)}; }

void check_rewrite_proofs(const Json &json, CheckReport &report) {
  if (json.at("version") != 1)
    refuse("not a rewrite proof of version 1");
  std::map<std::string, Rule> rules;
  for (const Json &rule : json.at("rules")) {
    Rule read{TreeReader(rule.at("from").get<std::string>()).read(),
              TreeReader(rule.at("to").get<std::string>()).read(),
              rule.at("if").get<std::vector<std::string>>()};
    auto name = rule.at("name").get<std::string>();
    if (!rules.emplace(name, std::move(read)).second)
      refuse("two rules are named '" + name + "'");
  }
  auto listed = json.at("fold").get<std::vector<std::string>>();
  std::set<std::string> folded(listed.begin(), listed.end()), assumptions;
  ProofChecker checker(rules, folded, assumptions);
  if (json.at("proofs").empty())
    refuse("nothing is claimed");
  for (const Json &proof : json.at("proofs")) {
    std::size_t before = checker.steps;
    checker.check(proof);
    report.steps.push_back(fmt::format("proof {}: {} lemmas, {} steps", report.steps.size() + 1,
                                       proof.at("lemmas").size(), checker.steps - before));
  }
  for (const std::string &assumption : assumptions)
    report.steps.push_back("taken for granted: " + assumption);
}

} // namespace isamorph::verify
