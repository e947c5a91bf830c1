#include "verify/refutation.h"

#include "verify/rule_instances.h"

#include <algorithm>

namespace isamorph::verify {
namespace {

using semantics::ElementType;
using semantics::Level;
using semantics::RewriteRule;

/// Whether tensors have a float type that no symbol stands for.
bool has_fixed_float(const RewriteRule &rule, bool f64_too) {
  for (const semantics::GraphTemplate *side : {&rule.from, &rule.to})
    for (const semantics::TemplateNode &node : side->nodes)
      if (const auto *type = std::get_if<ElementType>(&node.shape.type))
        if (semantics::is_float(*type) && (f64_too || *type != ElementType::F64))
          return true;
  return false;
}

RuleWitness witness(const SmallInstance &instance, Smallest smallest, const Difference &found) {
  RuleWitness out;
  out.least = smallest.least;
  for (semantics::NodeId p : instance.from.parameters)
    out.names.push_back(instance.from[p].name);
  for (const semantics::Tensor &input : smallest.inputs)
    for (std::int64_t i = 0; i < input.elements(); ++i)
      out.nonzero_inputs += input.bits(i) != 0;
  out.inputs = std::move(smallest.inputs);
  out.element = found.element;
  out.left = found.left;
  out.right = found.right;
  return out;
}

} // namespace

bool may_have_floats(const RewriteRule &rule) {
  return has_fixed_float(rule, true) ||
         std::ranges::any_of(rule.symbols.type_choices, [](const auto &choices) {
           return choices.empty() || std::ranges::any_of(choices, semantics::is_float);
         });
}

std::optional<RuleRefutation> refute_by_tests(RewriteRule rule, Level level,
                                              const semantics::NumericsProfile &profile,
                                              std::uint64_t seed, const StopToken &stop) {
  constexpr std::size_t instances = 60;
  constexpr int inputs_each = 12;
  std::mt19937_64 random(seed);
  bool real = level == Level::Real && may_have_floats(rule);
  if (real && has_fixed_float(rule, false)) // f64 is exact enough to judge reals
    return std::nullopt;
  if (real)
    for (auto &choices : rule.symbols.type_choices)
      choices = {ElementType::F64};
  for (const SmallInstance &instance : small_instances(rule, instances, random))
    for (int i = 0; i < inputs_each; ++i) {
      stop.poll();
      auto style = real ? InputStyle::SmallIntegers : static_cast<InputStyle>(i % 4);
      auto inputs = random_inputs(instance.from, style, random);
      if (!difference(instance, inputs, level, profile))
        continue;
      Smallest shown = smallest(instance, std::move(inputs), level, profile, stop);
      auto found = difference(instance, shown.inputs, level, profile);
      return RuleRefutation{instance.symbols, witness(instance, std::move(shown), *found)};
    }
  return std::nullopt;
}

} // namespace isamorph::verify
