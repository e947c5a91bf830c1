#pragma once
// What a proof about a kernel states: for which inputs, and of which tensors. The verifier and the
// checker mean the same by it.

#include "semantics/rules.h"
#include "spec/kernel.h"

namespace isamorph::verify {

/// The inputs and outputs of a kernel have the shapes of the graph's parameters and results, which
/// they stand for by their positions; none has the names of these in another order, by which it
/// would be run otherwise. Throws InputError.
void check_interface(const spec::Kernel &kernel, const semantics::TensorGraph &graph);

/// For which inputs a proof at a level holds, in words.
std::string reach(const semantics::TensorGraph &graph, semantics::Level level);

} // namespace isamorph::verify
