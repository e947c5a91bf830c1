#pragma once
// What semantics::infer_shape checks, as integer conditions over the symbols of a template, so that
// they can be decided for all values at once. Element types and ranks do not depend on integers: a
// mistake in them is a condition that never holds. The limit on a tensor's number of elements is
// not among them: it is a kernel's, not an instruction's.

#include "semantics/graph_template.h"

namespace isamorph::verify {

/// left = right (relation Equal) or left <= right (LessEqual) has to hold.
struct Requirement {
  semantics::Location location;
  std::string what; ///< "%y = reshape: the numbers of elements"
  semantics::IntExpr left, right;
  semantics::IntOp relation = semantics::IntOp::Equal;
};

/// A part of the template that cannot be stated (dimension numbers that depend on symbols), or is
/// wrong for all values.
struct TypingFinding {
  semantics::Location location;
  std::string message;
  bool wrong = false; ///< false: not decided
};

struct Typing {
  std::vector<Requirement> requirements;
  std::vector<TypingFinding> findings;
};

/// For templates whose symbols are integers only, as instructions' bodies are.
Typing typing_of(const semantics::GraphTemplate &graph);

} // namespace isamorph::verify
