#pragma once
// Why two terms of an e-graph are equal. While an e-graph is built, every term that was added or
// that a rule was applied to is kept as it was written (a TermId), and every merge as an edge
// between two terms of the merged classes: a rule applied at the root, a fact that the user stated,
// an analysis' result, or congruence (same operator, equal children). The edges form a forest with
// one tree for each class, so between two equal terms there is one path (Nieuwenhuis and Oliveras,
// "Proof-producing congruence closure", RTA 2005). An edge is as old as its merge; the children of
// a congruence edge were equal before it, so that explaining them needs older edges only, which is
// why explanations are well-founded.
//
// Rules that merge what is equal already leave spare edges. Explanations are shortened by taking,
// instead of the forest's path, the shortest one over forest and spare edges older than the merge
// that is being explained (egg, Flatt et al., "Small proofs from congruence closure", FMCAD 2022,
// treats the optimum; this is their greedy variant).

#include "search/node_table.h"

#include <map>

namespace isamorph::search {

struct TermId {
  std::uint32_t v = 0;
  auto operator<=>(const TermId &) const = default;
};

struct Reason {
  enum class Kind : std::uint8_t { Congruence, Stated, Rule, Analysis } kind = Kind::Stated;
  std::uint32_t rule = 0; ///< of Kind::Rule: the caller's number
};

/// From one term to the next: for a rule, `forward` tells whether the left one is the rule's left
/// side; for congruence, `children` tells for each child which lemma proves it.
struct ProofStep {
  TermId from, to;
  Reason reason;
  bool forward = true;
  std::vector<std::uint32_t> children;
};
/// A chain of steps from `from` to `to`; empty when they are the same term.
struct Lemma {
  TermId from, to;
  std::vector<ProofStep> steps;
};
/// Lemmas in an order in which each uses only earlier ones; the last proves what was asked.
struct Explanation {
  std::vector<Lemma> lemmas;
  /// Rule, stated and analysis steps when every use of a lemma is counted; saturates.
  std::uint64_t length = 0;
};

class ProofForest {
public:
  /// A term, whose owner is the class in which it was added.
  const NodeTable &terms() const { return terms_; }
  TermId find(std::uint32_t head, std::span<const ClassId> children, std::uint64_t h) const {
    return {terms_.lookup(head, children, h)};
  }
  TermId append(std::uint32_t head, std::span<const ClassId> children, std::uint64_t h,
                ClassId owner);

  /// a = b, which are in different trees. For a rule, a is its left side. The tree of a, or else
  /// that of b, is turned, which takes time linear in its depth.
  void link(TermId a, TermId b, Reason reason, bool turn_a);
  /// a = b, which are in one tree already.
  void spare(TermId a, TermId b, Reason reason);

  /// Why two terms of one tree are equal; `shorten` uses the spare edges.
  Explanation explain(TermId a, TermId b, bool shorten = true) const;

private:
  struct Edge {
    TermId a, b;
    Reason reason;
  };
  class Explainer;
  NodeTable terms_;
  std::vector<std::uint32_t> parent_,
      edge_;                ///< by term: the next one on the way to the root and the edge to it
  std::vector<Edge> edges_; ///< by age
  std::vector<bool> is_spare_;
  std::size_t spares_ = 0;
};

} // namespace isamorph::search
