#pragma once
// E-matching of graph templates: all ways in which a template (an instruction's body, a side of a
// rewrite rule) occurs in an e-graph. A match binds an e-class to every node of the template and
// values to its symbols. It agrees on everything: a node that is used twice is one class,
// operations, every attribute, shapes, element types and constants' values are equal.
//
// The template is compiled to a list of its nodes in which each node comes after a user of it;
// matching walks the list with backtracking. Sizes and attributes are unified as integer
// expressions: a bare variable is bound at once, an expression with one unknown that is linear in
// it is solved at once, the rest is kept and solved at the end. Integers that are still unbound
// then are completed (required_attributes.h).

#include "search/required_attributes.h"
#include "search/tensor_egraph.h"

namespace isamorph::search {

struct Match {
  semantics::SymbolValues values;
  std::vector<ClassId> classes; ///< parallel to the template's nodes
};

/// Unification of template parts with concrete ones, with undo. Used by the matcher, and by the
/// closures on a shape alone.
class Unifier {
public:
  explicit Unifier(const semantics::Symbols &symbols) : symbols_(&symbols), values_(symbols) {}

  bool unify(const semantics::IntExpr &expression, std::int64_t value);
  bool unify(const semantics::ShapeTemplate &shape, const Shape &value);
  bool unify(const semantics::TemplateNode &node, const Attributes &attributes, std::size_t rank);
  bool unify_operation(std::uint32_t symbol, OpCode op);

  std::size_t mark() const { return trail_.size(); }
  void undo(std::size_t mark);

  /// Values with all open equations solved, or nullopt when they contradict each other.
  std::optional<semantics::SymbolValues> solved() const;
  const semantics::SymbolValues &values() const { return values_; }

private:
  enum class Kind : std::uint8_t { Integer, Type, Prefix, Operation, Equation };
  const semantics::Symbols *symbols_;
  semantics::SymbolValues values_;
  std::vector<semantics::Equation> open_;
  std::vector<std::pair<Kind, std::uint32_t>> trail_;
};

class Matcher {
public:
  /// `required`: the integers that a match must bind (an instruction's address attributes stay
  /// free). The template, symbols and conditions must outlive the matcher.
  Matcher(const semantics::GraphTemplate &graph, const semantics::Symbols &symbols,
          std::span<const semantics::IntExpr> conditions, RequiredAttributes required);

  /// Every match in a rebuilt e-graph, in a fixed order. The same match may come up more than once.
  /// Returns an attribute that some match left undetermined, if any did.
  std::optional<std::uint32_t> for_each(const TensorEGraph &egraph,
                                        const std::function<void(const Match &)> &found) const;
  std::vector<Match> all(const TensorEGraph &egraph) const;

  /// False when a parameter is not used by any result: such a template matches nothing.
  bool usable() const { return usable_; }

private:
  struct Run;
  const semantics::GraphTemplate &graph_;
  const semantics::Symbols &symbols_;
  std::span<const semantics::IntExpr> conditions_;
  RequiredAttributes required_;
  std::vector<std::uint32_t> order_; ///< reachable nodes, users first
  bool usable_ = true;
};

} // namespace isamorph::search
