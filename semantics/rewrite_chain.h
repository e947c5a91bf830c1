#pragma once
// A chain of rewriting spelled out: how a term becomes another, one place at a time. Each step
// replaces what stands at a place by the other side of an instance of a rule, by the value of an
// operation on constants, by another movement of the same bytes, or by what an earlier chain (a
// part) made of it. The search writes chains, certificates carry them, the checker re-checks them.

#include "semantics/rules.h"
#include "semantics/tensor_terms.h"

namespace isamorph::semantics {

/// Whether a rule's `unary F` (arity 1) or `binary F` (2) may stand for an operation.
bool may_stand_for(OpCode op, int arity);
/// Why the rule says nothing about these values of its symbols, one of which is absent, not among
/// the choices, or against a condition; "" when it does.
std::string misfit(const RewriteRule &rule, const SymbolValues &values);

/// Both sides of a rule for one choice of its symbols and parameters.
struct RuleInstance {
  std::uint32_t rule = 0; ///< into RewriteChain::rules
  bool forward = true;    ///< the place holds `from` and gets `to`
  SymbolValues values;
  std::vector<NodeId> parameters; ///< terms, in the order of the rule's parameters
};
/// An operation on constants and the constant that it gives, whichever of them is replaced.
struct FoldInstance {};
/// A term that other movements make of the same tensors, with the same bytes at the same places
/// (byte_sources.h).
struct MoveInstance {};
/// Tensors of more bytes are not looked at.
inline constexpr std::int64_t kMaxMovedBytes = std::int64_t{1} << 22;
struct PartUse {
  std::uint32_t part = 0; ///< into RewriteChain::parts, of an earlier one
};

struct RewriteStep {
  std::vector<std::uint32_t> at; ///< operand numbers from the root to the place
  std::variant<RuleInstance, FoldInstance, MoveInstance, PartUse> by;
  NodeId to; ///< the whole term after the step
};

struct RewritePath {
  NodeId from, to;
  std::vector<RewriteStep> steps;
};

struct RewriteChain {
  TensorGraph terms; ///< node i is named "t<i>"; its results are the terms that are named below
  std::vector<RewriteRule> rules;
  std::vector<RewritePath> parts;   ///< each uses only earlier ones
  std::vector<RewritePath> outputs; ///< by result of the program
};

/// Why a chain's terms, written out, are nothing that the reader takes that checks them; "" when
/// they are.
std::string unreadable(const RewriteChain &chain);

} // namespace isamorph::semantics
