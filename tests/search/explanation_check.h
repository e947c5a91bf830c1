#pragma once
// Checks an explanation against the rules it names, step by step, from the terms alone.

#include "search/rewrite.h"

#include <catch2/catch.hpp>
#include <map>

namespace isamorph::search::test {

inline bool is_instance(const Pattern &pattern, std::size_t node, std::uint32_t term,
                        const NodeTable &terms, std::map<std::uint32_t, std::uint32_t> &bindings) {
  const Pattern::Node &n = pattern.nodes[node];
  if (n.is_variable)
    return bindings.try_emplace(n.number, term).first->second == term;
  auto children = terms.children(term);
  if (terms.op(term).v != n.number || children.size() != n.children.size())
    return false;
  for (std::size_t i = 0; i < children.size(); ++i)
    if (!is_instance(pattern, n.children[i], children[i].v, terms, bindings))
      return false;
  return true;
}

/// `folds(from, to)`: whether an analysis step is right.
template <class Graph, class Folds>
void check_explanation(const Explanation &explanation, TermId from, TermId to,
                       const ProofForest &forest, std::span<const Rewrite<Graph>> rules,
                       Folds &&folds) {
  const NodeTable &terms = forest.terms();
  REQUIRE_FALSE(explanation.lemmas.empty());
  CHECK(explanation.lemmas.back().from == from);
  CHECK(explanation.lemmas.back().to == to);
  for (std::uint32_t l = 0; l < explanation.lemmas.size(); ++l) {
    TermId at = explanation.lemmas[l].from;
    for (const ProofStep &step : explanation.lemmas[l].steps) {
      REQUIRE(step.from == at);
      at = step.to;
      TermId left = step.forward ? step.from : step.to, right = step.forward ? step.to : step.from;
      if (step.reason.kind == Reason::Kind::Rule) {
        const Rewrite<Graph> &rule = rules[step.reason.rule];
        INFO(rule.name);
        std::map<std::uint32_t, std::uint32_t> bindings;
        REQUIRE(is_instance(rule.from, rule.from.nodes.size() - 1, left.v, terms, bindings));
        bool some = false;
        for (const Pattern &side : rule.to) {
          auto more = bindings;
          some |= is_instance(side, side.nodes.size() - 1, right.v, terms, more);
        }
        REQUIRE(some);
      } else if (step.reason.kind == Reason::Kind::Congruence) {
        auto a = terms.children(step.from.v), b = terms.children(step.to.v);
        REQUIRE(terms.head(step.from.v) == terms.head(step.to.v));
        REQUIRE(a.size() == b.size());
        REQUIRE(step.children.size() == a.size());
        for (std::size_t i = 0; i < a.size(); ++i) {
          REQUIRE(step.children[i] < l);
          REQUIRE(explanation.lemmas[step.children[i]].from.v == a[i].v);
          REQUIRE(explanation.lemmas[step.children[i]].to.v == b[i].v);
        }
      } else {
        REQUIRE(step.reason.kind == Reason::Kind::Analysis);
        REQUIRE(folds(left, right));
      }
    }
    REQUIRE(at == explanation.lemmas[l].to);
  }
}

} // namespace isamorph::search::test
