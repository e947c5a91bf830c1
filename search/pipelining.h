#pragma once
// Software pipelining of a loop by double buffering: what iteration t+1 loads is loaded before
// iteration t computes, into the other half of some buffers, which odd iterations use in place of
// the half that even ones use. Units that work side by side then need not wait for each other.

#include "search/loop_nest.h"

namespace isamorph::search {

/// A loop's body whose places in some buffers can be moved as a whole.
struct PipelinedBody {
  std::vector<AffineCall> calls;
  std::uint32_t loop = 0;         ///< the number of the variable
  std::int64_t count = 0;         ///< of iterations
  std::vector<std::int64_t> from; ///< by buffer: the first place that moves with the body
  std::vector<std::int64_t> move; ///< by buffer: how far it moves in odd iterations; 0: it does not
};

/// The pipelined loop, over pairs of iterations whose variable has number `pairs`. nullopt when no
/// load can go ahead, or an address is no bare attribute.
std::optional<std::vector<LoopNest>> pipelined(const PipelinedBody &body, const spec::Isa &isa,
                                               std::uint32_t pairs, const std::string &variable);

} // namespace isamorph::search
