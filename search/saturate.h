#pragma once
// Equality saturation of tensor programs: saturation_loop.h with two kinds of rules. Rewrite rules
// of sufficient level; and closures: a closure adds the body of an instruction that only moves data
// on top of every class that its operand fits, without equating anything. Adding terms is sound,
// and this is how the transposes and memory images of every value come into being.

#include "search/matcher.h"
#include "search/saturation_loop.h"
#include "semantics/rules.h"
#include "spec/isa.h"

namespace isamorph::search {

/// Saturates with all rules that hold at `level` (those that add zero only where an instruction
/// makes values from nothing), and the closures and views (isa_views.h) of
/// `isa`; `parameters` and `results` are the classes of the program's. Constants whose element type
/// an on-chip buffer of the ISA has also get their memory image.
SaturationReport saturate(TensorEGraph &egraph, const spec::Isa &isa,
                          std::span<const semantics::RewriteRule> rules, semantics::Level level,
                          const SaturationLimits &limits, std::span<const ClassId> parameters = {},
                          std::span<const ClassId> results = {});

/// Adds a template's nodes for a choice of symbols on given parameter classes; the classes of its
/// results, or nullopt when the instance is not well-typed.
std::optional<std::vector<ClassId>> add_template(TensorEGraph &egraph,
                                                 const semantics::GraphTemplate &graph,
                                                 const semantics::SymbolValues &values,
                                                 std::span<const ClassId> parameters);

/// True when every extent of the instruction's regions has a value and fits its (on-chip) buffer.
bool regions_fit(const spec::Isa &isa, const spec::Instruction &instruction,
                 const semantics::Bindings &bindings);

} // namespace isamorph::search
