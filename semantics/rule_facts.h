#pragma once
// Facts of scalar arithmetic in the language of rules (semantics/rules/facts.rules and
// elements.rules, embedded into the library): for people, and proved like rules. No search uses
// them, since no proof of a kernel could follow them at bits, but for those of elements.rules at
// real, where they occur in a program (corpus/offered_facts.h).

#include "semantics/rules.h"

namespace isamorph::semantics {

const std::vector<RewriteRule> &scalar_facts();  ///< of both files
const std::vector<RewriteRule> &element_facts(); ///< those of elements.rules

} // namespace isamorph::semantics
