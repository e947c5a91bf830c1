#pragma once
// Terms that an instruction set's own shapes call for, beyond what rules find: values cut into
// tiles, values as the registers that an instruction reads them from, and parts of memory that a
// load of several rows takes. All of them only add terms, or equate a value with a rearrangement of
// it that is undone again.

#include "search/tensor_rule.h"
#include "spec/isa.h"

#include <memory>

namespace isamorph::search {

/// Cuts values into tiles: where instructions fold (dot, reduce) into a tensor of fixed sizes, of
/// the same type and rank, that divide the value's into 16 at most (more are for loops: tiling.h).
void add_tiles(TensorEGraph &egraph, const spec::Isa &isa, std::span<const ClassId> values);

/// The rules for an instruction set; none for most. `parameters` and `results` are the classes of
/// the program's.
std::vector<std::unique_ptr<TensorRule>> view_rules(const spec::Isa &isa,
                                                    std::span<const ClassId> parameters,
                                                    std::span<const ClassId> results);

/// Equates values of one shape whose bytes are the same bytes of some tensors, however they were
/// moved there.
std::unique_ptr<TensorRule> same_bytes_rule(std::span<const ClassId> tensors);

/// True when instructions of the set move memory in several pieces: then parts of parameters and
/// of results have places of their own.
bool moves_pieces(const spec::Isa &isa);

} // namespace isamorph::search
