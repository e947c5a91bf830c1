#include "search/rewrite_chain.h"

#include "search/assembled_terms.h"
#include "search/movement_rule.h"
#include "search/partial_sums.h"
#include "semantics/byte_sources.h"

#include <algorithm>
#include <map>
#include <set>

namespace isamorph::search {

using semantics::NodeId;
using semantics::OpCode;
using semantics::RewriteChain;
using semantics::RewritePath;
using semantics::RewriteStep;
using semantics::TensorTerms;

namespace {

/// An equality for which there is no kind of step.
struct Unexplained {};

/// Spells explanations out. A lemma that is used more than once becomes a part of its own, so that
/// the chain is not longer than the explanation by much.
class Speller {
public:
  /// The terms begin with the parameters of `graph`.
  Speller(TensorEGraph &egraph, const SaturationLog &log,
          std::span<const semantics::RewriteRule> rules, const semantics::TensorGraph &graph)
      : egraph_(egraph), log_(log), rules_(rules) {
    for (NodeId p : graph.parameters)
      terms_.add(graph[p].op, {}, graph[p].attributes, graph[p].shape);
  }

  void add_output(TermId from, TermId to) {
    explanation_ = egraph_.graph().explain(from, to);
    parts_.clear();
    uses_.assign(explanation_.lemmas.size(), 0);
    for (const Lemma &lemma : explanation_.lemmas)
      for (const ProofStep &step : lemma.steps)
        for (std::uint32_t child : step.children)
          ++uses_[child];
    for (std::uint32_t l = 0; l + 1 < explanation_.lemmas.size(); ++l)
      if (uses_[l] > 1 && explanation_.lemmas[l].steps.size() > 0) {
        RewritePath part = spell(l); // which names parts, but not this one
        parts_[l] = static_cast<std::uint32_t>(chain_.parts.size());
        chain_.parts.push_back(std::move(part));
      }
    auto last = static_cast<std::uint32_t>(explanation_.lemmas.size() - 1);
    chain_.outputs.push_back(spell(last));
  }

  RewriteChain finish() {
    terms_.set_results(named_terms());
    chain_.terms = terms_.graph();
    return std::move(chain_);
  }

private:
  /// Every term that the chain names, once.
  std::vector<NodeId> named_terms() const {
    std::set<NodeId> out;
    for (const std::vector<RewritePath> *paths : {&chain_.parts, &chain_.outputs})
      for (const RewritePath &path : *paths) {
        out.insert(path.from);
        for (const RewriteStep &step : path.steps) {
          out.insert(step.to);
          if (const auto *instance = std::get_if<semantics::RuleInstance>(&step.by))
            out.insert(instance->parameters.begin(), instance->parameters.end());
        }
      }
    return {out.begin(), out.end()};
  }

  RewritePath spell(std::uint32_t lemma) {
    const Lemma &proof = explanation_.lemmas[lemma];
    RewritePath path{term(proof.from), term(proof.to), {}};
    NodeId now = path.from;
    std::vector<std::uint32_t> at;
    expand(lemma, at, now, path.steps);
    return path;
  }

  /// The steps that do at a place what the lemma does.
  void expand(std::uint32_t lemma, std::vector<std::uint32_t> &at, NodeId &now,
              std::vector<RewriteStep> &out) {
    for (const ProofStep &step : explanation_.lemmas[lemma].steps) {
      if (step.reason.kind != Reason::Kind::Congruence) {
        now = terms_.replaced(now, at, term(step.to));
        out.push_back({at, reason(step), now});
        continue;
      }
      for (std::uint32_t i = 0; i < step.children.size(); ++i) {
        at.push_back(i);
        auto part = parts_.find(step.children[i]);
        if (part == parts_.end()) {
          expand(step.children[i], at, now, out);
        } else {
          now = terms_.replaced(now, at, term(explanation_.lemmas[part->first].to));
          out.push_back({at, semantics::PartUse{part->second}, now});
        }
        at.pop_back();
      }
    }
  }

  decltype(RewriteStep::by) reason(const ProofStep &step) {
    if (step.reason.kind == Reason::Kind::Analysis)
      return semantics::FoldInstance{};
    if (step.reason.kind == Reason::Kind::Stated && same_bytes(term(step.from), term(step.to)))
      return semantics::MoveInstance{};
    if (step.reason.kind != Reason::Kind::Rule)
      throw Unexplained{};
    const RuleUse &use = log_.uses[step.reason.rule];
    semantics::RuleInstance out{rule(use.rule), use.forward == step.forward, use.values, {}};
    for (TermId parameter : use.parameters)
      out.parameters.push_back(term(parameter));
    return out;
  }

  bool same_bytes(NodeId a, NodeId b) const {
    auto bytes = semantics::bytes_of_term(terms_, a, semantics::kMaxMovedBytes);
    return bytes && bytes == semantics::bytes_of_term(terms_, b, semantics::kMaxMovedBytes);
  }

  std::uint32_t rule(std::uint32_t number) {
    auto [place, fresh] =
        rule_numbers_.try_emplace(number, static_cast<std::uint32_t>(chain_.rules.size()));
    if (fresh)
      chain_.rules.push_back(rules_[number]);
    return place->second;
  }

  NodeId term(TermId id) {
    if (auto known = term_numbers_.find(id); known != term_numbers_.end())
      return known->second;
    const NodeTable &table = egraph_.graph().proofs()->terms();
    std::vector<NodeId> operands;
    for (ClassId child : table.children(id.v))
      operands.push_back(term({child.v}));
    const TensorOperator &op = egraph_.operators()[table.op(id.v)];
    NodeId out =
        terms_.add(op.op, std::move(operands), op.attributes, egraph_.operators().shape(op.shape));
    term_numbers_.emplace(id, out);
    return out;
  }

  TensorEGraph &egraph_;
  const SaturationLog &log_;
  std::span<const semantics::RewriteRule> rules_;
  TensorTerms terms_;
  Explanation explanation_;
  std::vector<std::uint32_t> uses_;              ///< by lemma: by how many places
  std::map<std::uint32_t, std::uint32_t> parts_; ///< lemma -> part
  std::map<std::uint32_t, std::uint32_t> rule_numbers_;
  std::map<TermId, NodeId> term_numbers_;
  RewriteChain chain_;
};

/// The terms of a graph as the e-graph's.
std::vector<TermId> add_terms(TensorEGraph &egraph, const semantics::TensorGraph &graph) {
  std::vector<TermId> out;
  for (const semantics::Node &node : graph.nodes) {
    std::vector<TermId> operands;
    for (NodeId operand : node.operands)
      operands.push_back(out[operand.v]);
    out.push_back(*egraph.add_term(node.op, operands, node.attributes, node.shape));
  }
  return out;
}

/// For each term whether it takes values apart or puts them together before it is computed with.
std::vector<char> in_pieces(const TensorTerms &terms) {
  std::vector<char> out;
  for (std::uint32_t n = 0; n < terms.size(); ++n) {
    const semantics::Node &node = terms[{n}];
    out.push_back(node.op == OpCode::Slice || node.op == OpCode::Concatenate);
    for (NodeId operand : node.operands)
      out.back() |= semantics::moves_bytes(node.op) && out[operand.v];
  }
  return out;
}

/// Whether there are pieces, of values that are too large to follow.
bool pieces_too_large(const TensorTerms &terms) {
  std::int64_t bytes = 0;
  for (std::uint32_t n = 0; n < terms.size(); ++n)
    bytes += terms[{n}].shape.bytes();
  return bytes > kMostFollowedBytes && std::ranges::count(in_pieces(terms), 1) > 0;
}

/// Terms to which rules apply, for what is made of pieces and is not a piece of larger ones alone;
/// for what the kernel computes, the program's values put together of what the kernel's
/// instructions compute.
void add_wholes(TensorTerms &terms, std::span<const NodeId> from, std::span<const NodeId> to) {
  std::vector<char> pieces = in_pieces(terms);
  std::vector<char> part(pieces.size(), 0), whole(pieces.size(), 0);
  for (std::uint32_t n = 0; n < pieces.size(); ++n)
    for (NodeId operand : terms[{n}].operands)
      (terms[{n}].op == OpCode::Concatenate ? part : whole)[operand.v] = 1;
  for (std::size_t i = 0; i < to.size(); ++i)
    if (pieces[to[i].v] && add_values(terms, from[i], to[i]))
      pieces[to[i].v] = 0;
  for (std::uint32_t n = 0; n < pieces.size(); ++n)
    if (pieces[n] && (whole[n] || !part[n]))
      add_whole(terms, {n});
}

/// The rules in the directions in which terms get no larger; those about sums over parts where they
/// put these in order: exchanging operands everywhere, values of n pieces would be written in 2^n
/// ways.
std::vector<DirectedRule> simplifying(std::span<const semantics::RewriteRule> rules,
                                      semantics::Level level) {
  std::vector<DirectedRule> out;
  for (std::uint32_t r = 0; r < rules.size(); ++r) {
    if (!semantics::implies(rules[r].level, level) || add_in_order(out, rules, r))
      continue;
    std::size_t from = rules[r].from.nodes.size(), to = rules[r].to.nodes.size();
    if (from == to)
      add_directions(out, rules, r);
    else
      out.push_back({r, to < from, {}});
  }
  return out;
}

/// Of what is in pieces, saturates with movement and rules that simplify; where that leads to no
/// goal, and of anything else, as a search does. `rules` end in those about sums over parts.
SaturationReport saturate_in_turn(TensorEGraph &egraph, const spec::Isa &isa,
                                  std::span<const semantics::RewriteRule> rules,
                                  const ChainOptions &options, SaturationLog &log) {
  if (has_pieces(egraph)) {
    std::vector<std::unique_ptr<TensorRule>> others;
    for (Atoms atoms : {Atoms::Small, Atoms::Large})
      others.push_back(movement_rule(atoms));
    SaturationReport report = saturate(egraph, rules, simplifying(rules, options.level),
                                       std::move(others), options.limits, log.goal, &log);
    if (report.reason != StopReason::Saturated)
      return report;
  }
  return saturate(egraph, isa, rules.first(rules.size() - options.sums.size()), options.level,
                  options.limits, {}, {}, &log);
}

constexpr std::string_view kTooLarge =
    "the values on the way are too large to follow where their bytes come from";

std::string not_met(const TensorEGraph &egraph, StopReason end) {
  if (too_large_to_follow(egraph))
    return std::string(kTooLarge);
  if (end == StopReason::Saturated)
    return "the rules do not lead from the program's terms to the kernel's";
  return "saturation ended (" + std::string(name(end)) +
         ") before the program's terms and the kernel's met";
}

} // namespace

ChainSearch find_chain(const TensorTerms &given, std::span<const NodeId> from,
                       std::span<const NodeId> to, const spec::Isa &isa,
                       std::span<const semantics::RewriteRule> rules, const ChainOptions &options) {
  std::vector<semantics::RewriteRule> all(rules.begin(), rules.end());
  all.insert(all.end(), options.sums.begin(), options.sums.end());
  if (pieces_too_large(given))
    return {{}, std::string(kTooLarge)};
  TensorTerms terms = given;
  add_wholes(terms, from, to);
  TensorEGraph egraph(isa.numerics, true);
  std::vector<TermId> ids = add_terms(egraph, terms.graph());
  SaturationLog log;
  auto equal = [&] {
    for (std::size_t i = 0; i < from.size(); ++i)
      if (egraph.graph().class_of(ids[from[i].v]) != egraph.graph().class_of(ids[to[i].v]))
        return false;
    return true;
  };
  log.goal = equal;
  SaturationReport end = saturate_in_turn(egraph, isa, all, options, log);
  if (!equal())
    return {{}, not_met(egraph, end.reason)};
  try {
    Speller speller(egraph, log, all, terms.graph());
    for (std::size_t i = 0; i < from.size(); ++i)
      speller.add_output(ids[from[i].v], ids[to[i].v]);
    return {speller.finish(), {}};
  } catch (const Unexplained &) {
    return {{}, "an equality on the way is none that a step could state"};
  }
}

} // namespace isamorph::search
