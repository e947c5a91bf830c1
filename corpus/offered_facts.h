#pragma once
// Facts of single elements (semantics/rules/elements.rules) as rules of a search: what frameworks
// write around operations that an instruction set has, such as a conversion there and back. Each is
// proved by enumeration; a certificate whose chain uses one carries the digests.

#include "semantics/numerics.h"
#include "semantics/rules.h"

namespace isamorph::corpus {

/// The facts that a search of this program is offered beside the shipped rules: those of which a
/// side occurs in it as it is written, and which the proof of a kernel follows. That one looks into
/// no operation at `bits` and `finite`, where none are offered.
std::vector<semantics::RewriteRule> offered_facts(const semantics::TensorGraph &graph,
                                                  const semantics::NumericsProfile &profile,
                                                  semantics::Level level);

} // namespace isamorph::corpus
