#pragma once
// Whether an instruction works row by row: on the rows of two operands one after the other it does
// what it does on each. An e-graph of its own shows it for the sizes at hand: the bodies of the two
// instructions on parameters, the body of the one on these parameters concatenated, and slices and
// concatenations of what corresponds in them; saturated with the rules about slices and
// concatenations, and with what movement does to bytes, it holds the slices of the results as
// equal to the results of the two, or it does not.

#include "semantics/rules.h"
#include "spec/isa.h"

namespace isamorph::search {

/// Attributes of an instruction for some rows, for the rows that follow, and for both together;
/// those that the body does not use may be unbound.
struct RowSplit {
  semantics::Bindings first, second, both;
  auto operator<=>(const RowSplit &) const = default;
};

/// False also where the rules do not show what is true.
bool works_by_rows(const spec::Isa &isa, const spec::Instruction &instruction,
                   const RowSplit &split, std::span<const semantics::RewriteRule> rules,
                   semantics::Level level);

} // namespace isamorph::search
