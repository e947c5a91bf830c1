#pragma once
// Rules that put sums over parts together (semantics/rules/sums.rules, embedded into the library):
// proved like the shipped rules, but used by chains of rewriting alone, in order
// (search/partial_sums.h); a search would cut every sum in all ways.

#include "semantics/rules.h"

namespace isamorph::semantics {

const std::vector<RewriteRule> &sum_rules();

} // namespace isamorph::semantics
