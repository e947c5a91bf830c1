#pragma once
// Facts of scalar arithmetic in the language of rules (semantics/rules/facts.rules and
// elements.rules, embedded into the library): for people, and proved like rules, but used by no
// search, since no proof of a kernel could follow them at bits.

#include "semantics/rules.h"

namespace isamorph::semantics {

const std::vector<RewriteRule> &scalar_facts();

} // namespace isamorph::semantics
