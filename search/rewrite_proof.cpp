#include "search/rewrite_proof.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace isamorph::search {

using Json = nlohmann::ordered_json;

std::string term_text(const ProofForest &forest, const OperatorNames &names, TermId term,
                      std::size_t depth) {
  std::string out = names.name(forest.terms().op(term.v));
  auto children = forest.terms().children(term.v);
  if (children.empty())
    return out;
  if (depth == 0)
    return "...";
  for (ClassId child : children)
    out += " " + term_text(forest, names, {child.v}, depth - 1);
  return "(" + out + ")";
}

namespace {

/// Terms as trees of their own, since rewriting below the root makes terms that the forest does not
/// hold.
struct Tree {
  OperatorId op;
  std::vector<Tree> children;
};

class Flattener {
public:
  Flattener(const Explanation &explanation, const SaturationProgram &program,
            const ProofForest &forest, std::size_t max_steps, std::size_t max_characters)
      : explanation_(explanation), program_(program), forest_(forest), max_steps_(max_steps),
        max_characters_(max_characters) {}

  std::optional<std::vector<FlatStep>> run() {
    if (explanation_.length > max_steps_)
      return std::nullopt;
    const Lemma &last = explanation_.lemmas.back();
    if (size(last.from) > max_characters_)
      return std::nullopt;
    root_ = tree(last.from);
    record("start");
    expand(static_cast<std::uint32_t>(explanation_.lemmas.size() - 1), root_);
    if (too_long_)
      return std::nullopt;
    return shorten();
  }

private:
  std::size_t size(TermId term) {
    auto [place, fresh] = sizes_.try_emplace(term.v, 1);
    if (!fresh)
      return place->second;
    std::size_t total = 1;
    for (ClassId child : forest_.terms().children(term.v))
      total = std::min(max_characters_ + 1, total + size({child.v}));
    return sizes_[term.v] = total;
  }
  Tree tree(TermId term) const {
    Tree out{forest_.terms().op(term.v), {}};
    for (ClassId child : forest_.terms().children(term.v))
      out.children.push_back(tree({child.v}));
    return out;
  }
  std::string text(const Tree &tree) const {
    std::string out = program_.names.name(tree.op);
    for (const Tree &child : tree.children)
      out += " " + text(child);
    return tree.children.empty() ? out : "(" + out + ")";
  }

  void record(std::string by) {
    steps_.push_back({std::move(by), text(root_)});
    characters_ += steps_.back().term.size();
    too_long_ |= characters_ > max_characters_ || steps_.size() > max_steps_ + 1;
  }

  void expand(std::uint32_t lemma, Tree &at) {
    for (const ProofStep &step : explanation_.lemmas[lemma].steps) {
      if (too_long_)
        return;
      if (step.reason.kind == Reason::Kind::Congruence) {
        for (std::size_t i = 0; i < step.children.size(); ++i)
          expand(step.children[i], at.children[i]);
        continue;
      }
      if (size(step.to) > max_characters_) {
        too_long_ = true;
        return;
      }
      at = tree(step.to);
      std::string by = step.reason.kind == Reason::Kind::Analysis ? "fold"
                       : step.reason.kind == Reason::Kind::Stated
                           ? "stated"
                           : program_.rules[step.reason.rule].name;
      record(by + (step.forward ? "" : " (backwards)"));
    }
  }

  /// Cuts out what lies between two occurrences of one term.
  std::vector<FlatStep> shorten() const {
    std::map<std::string_view, std::size_t> last;
    for (std::size_t i = 0; i < steps_.size(); ++i)
      last[steps_[i].term] = i;
    std::vector<FlatStep> out;
    for (std::size_t i = 0; i < steps_.size(); i = last.at(steps_[i].term) + 1)
      out.push_back(steps_[i]);
    return out;
  }

  const Explanation &explanation_;
  const SaturationProgram &program_;
  const ProofForest &forest_;
  std::size_t max_steps_, max_characters_, characters_ = 0;
  bool too_long_ = false;
  Tree root_{};
  std::vector<FlatStep> steps_;
  std::map<std::uint32_t, std::size_t> sizes_;
};

std::string condition_text(const Condition &condition, const ProgramRule &rule) {
  constexpr std::array<std::string_view, 5> names = {"number", "symbol", "leaf", "nonzero",
                                                     "distinct"};
  std::string out = fmt::format("{} {}", names[static_cast<std::size_t>(condition.kind)],
                                rule.variables[condition.a]);
  if (condition.kind == Condition::Kind::Distinct)
    out += " " + rule.variables[condition.b];
  return out;
}

/// The terms of one proof, numbered anew, children first.
class TermList {
public:
  TermList(const ProofForest &forest, const OperatorNames &names)
      : forest_(forest), names_(names) {}

  std::uint32_t number(TermId term) {
    std::vector<TermId> stack{term};
    while (!stack.empty()) {
      TermId top = stack.back();
      if (numbers_.count(top.v)) {
        stack.pop_back();
        continue;
      }
      bool ready = true;
      for (ClassId child : forest_.terms().children(top.v))
        if (!numbers_.count(child.v)) {
          stack.push_back({child.v});
          ready = false;
        }
      if (!ready)
        continue;
      Json entry = Json::array({names_.name(forest_.terms().op(top.v))});
      for (ClassId child : forest_.terms().children(top.v))
        entry.push_back(numbers_.at(child.v));
      numbers_.emplace(top.v, static_cast<std::uint32_t>(list.size()));
      list.push_back(std::move(entry));
      stack.pop_back();
    }
    return numbers_.at(term.v);
  }
  Json list = Json::array();

private:
  const ProofForest &forest_;
  const OperatorNames &names_;
  std::map<std::uint32_t, std::uint32_t> numbers_;
};

Json step_json(const ProofStep &step, TermList &terms, const SaturationProgram &program) {
  Json out = {{"to", terms.number(step.to)}};
  switch (step.reason.kind) {
  case Reason::Kind::Congruence:
    out["lemmas"] = step.children;
    break;
  case Reason::Kind::Rule:
    out["rule"] = program.rules[step.reason.rule].name;
    out["forward"] = step.forward;
    break;
  case Reason::Kind::Analysis:
    out["fold"] = true;
    out["forward"] = step.forward;
    break;
  case Reason::Kind::Stated:
    out["stated"] = true;
    break;
  }
  return out;
}

} // namespace

std::optional<std::vector<FlatStep>> flatten(const Explanation &explanation,
                                             const SaturationProgram &program,
                                             const ProofForest &forest, std::size_t max_steps,
                                             std::size_t max_characters) {
  return Flattener(explanation, program, forest, max_steps, max_characters).run();
}

std::string proof_json(const SaturationProgram &program, const ProofForest &forest,
                       std::span<const NamedProof> proofs) {
  Json out = {{"format", "isamorph rewrite proof"}, {"version", 1}};
  out["rules"] = Json::array();
  for (const ProgramRule &rule : program.rules) {
    Json entry = {{"name", rule.name},
                  {"from", to_string(rule.from, program.names, rule.variables)},
                  {"to", to_string(rule.to, program.names, rule.variables)},
                  {"if", Json::array()}};
    for (const Condition &condition : rule.conditions)
      entry["if"].push_back(condition_text(condition, rule));
    out["rules"].push_back(std::move(entry));
  }
  out["fold"] = Json::array();
  for (OperatorId op : program.folded)
    out["fold"].push_back(program.names.name(op));
  out["proofs"] = Json::array();
  for (const NamedProof &proof : proofs) {
    TermList terms(forest, program.names);
    Json lemmas = Json::array();
    for (const Lemma &lemma : proof.explanation.lemmas) {
      Json entry = {{"from", terms.number(lemma.from)}, {"to", terms.number(lemma.to)}};
      entry["steps"] = Json::array();
      for (const ProofStep &step : lemma.steps)
        entry["steps"].push_back(step_json(step, terms, program));
      lemmas.push_back(std::move(entry));
    }
    std::uint32_t left = terms.number(proof.left), right = terms.number(proof.right);
    out["proofs"].push_back({{"left", left},
                             {"right", right},
                             {"terms", std::move(terms.list)},
                             {"lemmas", std::move(lemmas)}});
  }
  return out.dump(1) + "\n";
}

} // namespace isamorph::search
