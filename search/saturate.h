#pragma once
// Equality saturation of tensor programs: saturation_loop.h with two kinds of rules. Rewrite rules
// of sufficient level; and closures: a closure adds the body of an instruction that only moves data
// on top of every class that its operand fits, without equating anything. Adding terms is sound,
// and this is how the transposes and memory images of every value come into being.

#include "search/matcher.h"
#include "search/saturation_loop.h"
#include "search/tensor_rule.h"
#include "semantics/rules.h"
#include "spec/isa.h"

#include <memory>

namespace isamorph::search {

/// One use of a rule: what a Reason::Kind::Rule of the e-graph's explanations numbers.
struct RuleUse {
  std::uint32_t rule = 0; ///< into the rules that saturate was given
  bool forward = true;    ///< from the rule's `from` to its `to`
  semantics::SymbolValues values;
  std::vector<TermId> parameters; ///< in the order of the rule's parameters
};
/// Of an e-graph with explanations: every use of a rule is noted, and saturation may end early.
struct SaturationLog {
  std::vector<RuleUse> uses;
  std::function<bool()> goal; ///< asked after each iteration; true ends the saturation
};

/// Saturates with all rules that hold at `level` (those that add zero only where an instruction
/// makes values from nothing), and the closures and views (isa_views.h) of
/// `isa`; `parameters` and `results` are the classes of the program's. Constants whose element type
/// an on-chip buffer of the ISA has also get their memory image. `log` is given exactly when the
/// e-graph explains; there are no views then, but what movement makes equal (movement_rule.h).
SaturationReport saturate(TensorEGraph &egraph, const spec::Isa &isa,
                          std::span<const semantics::RewriteRule> rules, semantics::Level level,
                          const SaturationLimits &limits, std::span<const ClassId> parameters = {},
                          std::span<const ClassId> results = {}, SaturationLog *log = nullptr);

/// A rule, by its number, in one direction.
struct DirectedRule {
  std::uint32_t rule = 0;
  bool forward = true; ///< from the rule's `from` to its `to`
  /// Takes out of an iteration's matches those at which the rule is not used; empty: none.
  std::function<void(const TensorEGraph &, std::vector<Match> &)> admit = {};
};
/// Appends a rule in the directions in which it is read.
void add_directions(std::vector<DirectedRule> &chosen,
                    std::span<const semantics::RewriteRule> rules, std::uint32_t rule);

/// Saturates with the `chosen` ones of `rules`, and then `others`. `goal`, if any, is asked after
/// each iteration; true ends it.
SaturationReport saturate(TensorEGraph &egraph, std::span<const semantics::RewriteRule> rules,
                          std::span<const DirectedRule> chosen,
                          std::vector<std::unique_ptr<TensorRule>> others,
                          const SaturationLimits &limits, const std::function<bool()> &goal,
                          SaturationLog *log = nullptr);

/// Adds a template's nodes for a choice of symbols on given parameter classes; the classes of its
/// results, or nullopt when the instance is not well-typed.
std::optional<std::vector<ClassId>> add_template(TensorEGraph &egraph,
                                                 const semantics::GraphTemplate &graph,
                                                 const semantics::SymbolValues &values,
                                                 std::span<const ClassId> parameters);
/// The same on terms, of an e-graph with explanations.
std::optional<std::vector<TermId>> add_template(TensorEGraph &egraph,
                                                const semantics::GraphTemplate &graph,
                                                const semantics::SymbolValues &values,
                                                std::span<const TermId> parameters);

/// True when every extent of the instruction's regions has a value and fits its (on-chip) buffer.
bool regions_fit(const spec::Isa &isa, const spec::Instruction &instruction,
                 const semantics::Bindings &bindings);

} // namespace isamorph::search
