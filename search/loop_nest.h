#pragma once
// Loops as a tree, from which a kernel's flat list of instructions and loops is made.

#include "search/tile_step.h"

namespace isamorph::search {

/// Calls, or a loop around parts. A loop that runs once is none: its variable is `start`.
struct LoopNest {
  std::vector<AffineCall> calls; ///< run before `parts`
  std::uint32_t loop = 0;        ///< number of the variable, when `parts` are not empty
  std::string variable;
  std::int64_t start = 0, end = 1, step = 1;
  std::vector<LoopNest> parts;
};

/// What a nest is when the variable of a loop around it is greater by `by`.
LoopNest shifted(LoopNest nest, std::uint32_t loop, std::int64_t by);

/// Appends the instructions and loops of `nest` to a kernel.
void append(spec::Kernel &kernel, std::span<const LoopNest> nest);

} // namespace isamorph::search
