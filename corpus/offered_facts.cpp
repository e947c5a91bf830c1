#include "corpus/offered_facts.h"

#include "search/matcher.h"
#include "semantics/rule_facts.h"
#include "verify/real_polynomial.h"

namespace isamorph::corpus {
namespace {

using semantics::GraphTemplate;
using semantics::RewriteRule;
using semantics::SymbolValues;

/// The symbols with which a side occurs first; nullopt where it does not.
std::optional<SymbolValues> occurrence(const search::TensorEGraph &program, const RewriteRule &rule,
                                       const GraphTemplate &side) {
  search::Matcher matcher(side, rule.symbols, rule.conditions, {});
  std::vector<search::Match> all = matcher.all(program);
  return all.empty() ? std::nullopt : std::optional(all.front().values);
}

/// Whether the normal forms at `real`, which prove kernels, know the fact: of one element, and so
/// of each.
bool is_followed(const RewriteRule &rule, SymbolValues values) {
  for (auto &shape : values.shapes)
    shape = std::vector<std::int64_t>{1};
  return verify::compare_over_reals(instantiate(rule.from, values), instantiate(rule.to, values))
             .outcome == verify::Outcome::Equivalent;
}

} // namespace

std::vector<RewriteRule> offered_facts(const semantics::TensorGraph &graph,
                                       const semantics::NumericsProfile &profile,
                                       semantics::Level level) {
  std::vector<RewriteRule> out;
  if (level != semantics::Level::Real)
    return out;
  search::TensorEGraph program(profile);
  program.add_graph(graph);
  program.rebuild();
  for (const RewriteRule &rule : semantics::element_facts()) {
    auto values = occurrence(program, rule, rule.from);
    if (!values && rule.both_ways)
      values = occurrence(program, rule, rule.to);
    if (values && is_followed(rule, *values))
      out.push_back(rule);
  }
  return out;
}

} // namespace isamorph::corpus
