#pragma once
// XLA-HLO text: reader and printer. The reader takes what XLA prints: `%` optional, layouts,
// metadata, comments, nested computations, calls and fusions (inlined), tuples at the root,
// `to_apply=`, nested constants, inf and nan. What it does not know is an error with the place,
// never a silent skip (design, section 4).

#include "semantics/graph.h"
#include "semantics/graph_template.h"

namespace isamorph::semantics {

/// Reads a module, or a bare `ENTRY ... { }` computation. Throws InputError.
TensorGraph parse_hlo(const SourceRef &source);

/// Reads a body `%x = shape op(...), attributes` lines up to (not including) the closing '}' at the
/// cursor, where sizes, attribute numbers and constants may be back-quoted expressions, types and
/// operations may be symbols, and a shape may begin with `*s`. `operands` are names defined outside
/// (an instruction's reads), which become parameters in order, with their shapes. Bodies that write
/// `parameter(i)` themselves (rules) pass none. `reduce_add(%x)` and its like are short for
/// `reduce` with the operation's identity as initial value. `results` names the nodes that leave
/// the body: the one marked ROOT, or, when there is no ROOT, every name listed in `wanted` (an
/// instruction's writes), in that order. `repeat i in 0..4 { ... }` stands for its instructions
/// with each value of i; a name that they define again has the new meaning from there on, and in
/// the graph only the last node keeps it.
struct NamedShape {
  std::string name; ///< without '%'
  ShapeTemplate shape;
  Location location;
};
GraphTemplate parse_template_body(Cursor &cursor, const Symbols &symbols,
                                  std::span<const NamedShape> operands,
                                  std::span<const std::string> wanted);

/// A shape with symbols: T[*s,`n`,64]; plain names of integers are allowed without back-quotes
/// inside [].
ShapeTemplate parse_shape_template(Cursor &cursor, const Symbols &symbols);

/// Prints a module that parse_hlo reads back to an equal graph.
std::string print_hlo(const TensorGraph &graph);

/// Same operations, attributes, shapes, operands and results, names aside.
bool equal(const TensorGraph &a, const TensorGraph &b);

} // namespace isamorph::semantics
