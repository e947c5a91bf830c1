#pragma once
// Layouts at a program's boundary, as reshapes and transposes. Private to semantics/.

#include "semantics/graph.h"
#include "semantics/hlo_syntax.h"

namespace isamorph::semantics {

/// A parameter whose bytes lie as `layout` says: a Parameter of the physical shape, and what makes
/// the logical tensor of it.
NodeId read_boundary(TensorGraph &graph, const Shape &logical,
                     const std::optional<syntax::Layout> &layout, std::int64_t number,
                     const std::string &name, const Location &location);

/// The physical tensor of a result.
NodeId write_boundary(TensorGraph &graph, NodeId logical,
                      const std::optional<syntax::Layout> &layout, const Location &location);

} // namespace isamorph::semantics
