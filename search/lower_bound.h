#pragma once
// Lower bounds that hold for every kernel of a program, however it was found: on the bytes that it
// moves between off-chip memory and the chip, on the elementary products that it forms, and from
// these on its cost.
//
// Stored: each byte of each result is written by some instruction. Loaded, for sums of parameters
// and of products of two, each in one summand alone: each element matters to the result (let all
// others be zero, but for a one in the matrix that it is multiplied with), so each is read. For
// products, kernels that form each of the M N K elementary products in an instruction of its own
// reading (no Strassen) also move at least 2 M N K / sqrt(S) - 2 S elements, S being how many
// elements all buffers on chip hold together (Smith, Lowery, Langou and van de Geijn, "A tight I/O
// lower bound for matrix multiplication", 2019, after Hong and Kung 1981 and Irony, Toledo and
// Tiskin 2004). Elements of different widths are all counted as wide as the narrowest one, as they
// lie on chip and as they are moved, which only lowers the bound. It is used where no instruction
// both touches off-chip memory and sums.

#include "costmodel/cost_model.h"
#include "semantics/graph.h"

#include <algorithm>

namespace isamorph::search {

struct TrafficBound {
  std::int64_t loaded = 0, stored = 0; ///< bytes
  std::int64_t product = 0;            ///< of loaded and stored together, by the elements' reuse
  std::int64_t multiplications = 0;    ///< elementary products; 0: not known
  std::int64_t total() const { return std::max(loaded + stored, product); }
};

TrafficBound traffic_bound(const semantics::TensorGraph &graph, const spec::Isa &isa);

/// No kernel that does so much costs less: each kind of work has a lowest rate
/// (search/least_rate.h) among the instructions. Of kinds that have an instruction in common, the
/// dearest counts. Units that overlap are busy with what only they do.
std::int64_t cost_bound(const TrafficBound &traffic, const spec::Isa &isa,
                        costmodel::CostModel model);

/// No instruction forms more elementary products at once; nullopt where that is not known.
std::optional<std::int64_t> most_products(const spec::Isa &isa);

} // namespace isamorph::search
