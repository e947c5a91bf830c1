#pragma once
// Why two terms are equal, such as what a program and what a kernel computes, as a chain of
// rewriting: an e-graph that explains is saturated with both in it until they meet; the explanation
// (proof_forest.h) is then spelled out place by place.

#include "search/saturate.h"
#include "semantics/rewrite_chain.h"

namespace isamorph::search {

struct ChainOptions {
  semantics::Level level = semantics::Level::Bits; ///< of the rules that may be used
  SaturationLimits limits;
  /// More rules, about sums over parts, used only where they put these in order (partial_sums.h).
  std::span<const semantics::RewriteRule> sums;
};

/// A chain, or why there is none.
struct ChainSearch {
  std::optional<semantics::RewriteChain> chain;
  std::string absent; ///< half a sentence; empty with a chain
};

/// Rewrites each term of `from` to the one of `to` beside it: by movement (movement_rule.h) and
/// rules in the directions in which terms get no larger, or else as searches are saturated. The
/// chain's rules are those of `rules` and `options.sums` that it uses. There is none when saturation, within its
/// limits, does not find them equal, or when an equality rests on what no step can say.
ChainSearch find_chain(const semantics::TensorTerms &terms, std::span<const semantics::NodeId> from,
                       std::span<const semantics::NodeId> to, const spec::Isa &isa,
                       std::span<const semantics::RewriteRule> rules, const ChainOptions &options);

} // namespace isamorph::search
