#pragma once
// Where rules about sums over parts are used. A kernel that cuts a contraction accumulates the
// products of the parts one by one. Rules that exchange, regroup and join summands lead from there
// to the product of all, and, used everywhere, to exponentially many ways of writing it. Used where
// this header admits them they lead to one: sums over parts (dot, reduce) are exchanged until they
// come in the order in which what they run over lies in memory, and joined; what is no such sum,
// as a bias, comes last.

#include "search/saturate.h"

namespace isamorph::search {

/// Appends a rule that exchanges two operands, regroups x + (y + z) as (x + y) + z, or joins two
/// sums over parts, in the direction and at the matches in which it puts sums in order. False,
/// without a change, for any other rule.
bool add_in_order(std::vector<DirectedRule> &chosen, std::span<const semantics::RewriteRule> rules,
                  std::uint32_t rule);

} // namespace isamorph::search
