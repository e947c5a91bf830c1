#include "semantics/rewrite_chain.h"

#include "semantics/hlo.h"

#include <algorithm>

namespace isamorph::semantics {

bool may_stand_for(OpCode op, int arity) {
  const OpInfo &row = info(op);
  return row.cls == OpClass::Elementwise && op != OpCode::Convert && op != OpCode::Compare &&
         op != OpCode::Select && row.min_arity == arity && row.max_arity == arity;
}

std::string misfit(const RewriteRule &rule, const SymbolValues &values) {
  const Symbols &symbols = rule.symbols;
  for (std::size_t i = 0; i < symbols.integers.names.size(); ++i)
    if (!values.integers[i])
      return "'" + symbols.integers.names[i] + "' has no value";
  for (std::size_t s = 0; s < symbols.shapes.names.size(); ++s)
    if (!values.shapes[s])
      return "'" + symbols.shapes.names[s] + "' has no value";
  for (std::size_t t = 0; t < symbols.types.names.size(); ++t) {
    const auto &choices = symbols.type_choices[t];
    bool chosen = values.types[t] && (choices.empty() || std::count(choices.begin(), choices.end(),
                                                                    *values.types[t]) > 0);
    if (!chosen)
      return "'" + symbols.types.names[t] + "' is none of the rule's element types";
  }
  for (std::size_t o = 0; o < symbols.operations.names.size(); ++o)
    if (!values.operations[o] ||
        !may_stand_for(values.operations[o]->op, symbols.operation_arity[o]))
      return "'" + symbols.operations.names[o] + "' is no operation that the rule admits";
  for (const IntExpr &condition : rule.conditions)
    if (condition.evaluate(values.integers).value_or(0) == 0)
      return "a condition of the rule does not hold";
  return "";
}

std::string unreadable(const RewriteChain &chain) {
  try {
    parse_hlo(make_source("chain", print_hlo(chain.terms)));
    return {};
  } catch (const InputError &error) {
    return std::string("its terms cannot be read back: ") + error.what();
  }
}

} // namespace isamorph::semantics
