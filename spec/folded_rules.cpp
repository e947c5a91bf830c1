#include "spec/folded_rules.h"

#include <algorithm>

namespace isamorph::spec {

const FoldedRules &FoldedRulesCache::of(const KernelInstruction &call) {
  const Instruction &definition = isa_.instructions[call.instruction];
  auto values = std::span(call.attributes).first(definition.computational);
  std::optional<Known> &known = known_[call.instruction];
  if (!known || !std::ranges::equal(known->computational, values))
    known = Known{{values.begin(), values.end()}, fold(definition, values)};
  return known->rules;
}

FoldedRules FoldedRulesCache::fold(const Instruction &definition,
                                   std::span<const std::int64_t> values) {
  semantics::Bindings known(values.begin(), values.end());
  FoldedRules out;
  for (const IntExpr &constraint : definition.constraints) {
    IntExpr folded = constraint.substitute(known);
    if (!folded.is_constant() || folded.value() == 0)
      out.constraints.push_back(std::move(folded));
  }
  auto fold_region = [&](Region region) {
    for (auto *expressions : {&region.starts, &region.extents})
      for (IntExpr &expression : *expressions)
        expression = expression.substitute(known);
    out.steps |= region.steps.has_value();
    return region;
  };
  for (const Read &read : definition.reads)
    out.reads.push_back(fold_region(read.region));
  for (const Write &write : definition.writes)
    out.writes.push_back(fold_region(write.region));
  return out;
}

} // namespace isamorph::spec
