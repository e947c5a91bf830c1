#pragma once
// Rewrite rules as SMT obligations, for every size and shape that their symbols admit.
//
// Each side of a rule becomes "the element at a fresh index". A tensor of shape T[m,n] is a
// function of two integers, one of shape T[*s] a function of the flat index, so that what holds of
// it holds for every rank. Movement is arithmetic on indices; element-wise operations are
// uninterpreted functions; bitcast-convert is extraction and concatenation of bit-vectors, once for
// each pair of widths. A fold (reduce, dot) is a constant of its own; two folds are the same
// constant when operation, length and initial value are equal and their summands agree at a fresh
// summand index: then they are the same tree of roundings, whatever the numerics profile. The
// summands of a dot are products, which commute (lemma "commutative multiply") unless a profile's
// unit treats its two sides differently: there a rule that exchanges them finds candidates which
// the proof of the kernel, by terms, refuses. The same holds of "unit vector dot" and profiles
// whose unit cuts bits off. A concatenate splits the proof into cases by which operand the index
// meets.
//
// Premises: sizes are not negative, the rule's conditions, well-typedness of `from`, and that
// indices lie in range. Well-typedness of `to`, and equality of the result shapes, are obligations
// like the others.

#include "semantics/rules.h"
#include "verify/integer_formula.h"
#include "verify/smt.h"

#include <map>

namespace isamorph::verify {

/// A side is not well-typed under the chosen widths, whatever the sizes.
struct IllTyped : OutsideFragment {
  using OutsideFragment::OutsideFragment;
};

/// How elements are read.
enum class ElementTheory : std::uint8_t { Uninterpreted, Real, Concrete };

struct Encoding {
  ElementTheory theory = ElementTheory::Uninterpreted;
  std::vector<int> widths; ///< in bytes, by type symbol: bit-vectors; empty: not
  std::vector<std::optional<semantics::ElementType>> types; ///< by type symbol, for Concrete
};

/// The obligations whose proofs together prove `from` = `to` under one reading of the element
/// types. `lemmas` receives the scalar lemmas that they rest on.
class RuleEncoder {
public:
  RuleEncoder(const semantics::RewriteRule &rule, const semantics::GraphTemplate &from,
              const semantics::GraphTemplate &to, Encoding encoding);
  /// `from` can be well-typed under this encoding; otherwise the rule never applies and there is
  /// nothing to prove.
  bool applies() const;
  /// Valid if and only if the premises contradict each other: then too the rule never applies, and
  /// would prove anything.
  Obligation impossible() const;
  std::vector<Obligation> obligations();
  /// Each ends in the name of a type or of a type symbol: "commutative multiply T".
  const std::vector<std::string> &lemmas() const { return lemmas_; }

private:
  using Index = std::vector<std::string>;
  struct Fold {
    std::string operation, length, init, left, right, variable; ///< right is empty for reduce
    std::string sort, placeholder;
    const semantics::TemplateNode *node = nullptr;
  };

  std::string smt(const semantics::IntExpr &expression) const;
  std::string size(const semantics::ShapeTemplate &shape, std::size_t component) const;
  std::size_t components(const semantics::ShapeTemplate &shape) const;
  std::string elements(const semantics::ShapeTemplate &shape) const;
  std::string sort(const semantics::ShapeTemplate &shape) const;
  std::string type_name(const semantics::ShapeTemplate &shape) const;
  int width(const semantics::ShapeTemplate &shape) const;
  bool same_type(const semantics::ShapeTemplate &a, const semantics::ShapeTemplate &b) const;

  std::string element(const semantics::GraphTemplate &side, std::uint32_t node, const Index &index);
  std::string bitcast(const semantics::GraphTemplate &side, const semantics::TemplateNode &node,
                      const Index &index);
  std::string concatenate(const semantics::GraphTemplate &side, const semantics::TemplateNode &node,
                          Index index);
  std::string reshape(const semantics::GraphTemplate &side, const semantics::TemplateNode &node,
                      const Index &index);
  std::string fold(const semantics::GraphTemplate &side, const semantics::TemplateNode &node,
                   const Index &index);
  std::string elementwise(const semantics::GraphTemplate &side, const semantics::TemplateNode &node,
                          const Index &index);
  std::string interpreted(semantics::OpCode op, const std::string &type,
                          const std::vector<std::string> &arguments);
  std::string constant(const semantics::TemplateNode &node);
  void need_floats(const semantics::ShapeTemplate &shape) const;

  std::vector<std::string> typing(const semantics::GraphTemplate &side) const;
  void type_node(const semantics::GraphTemplate &side, const semantics::TemplateNode &node,
                 std::vector<std::string> &out) const;
  std::string premises() const;
  Obligation obligation(const std::string &name, const std::vector<std::string> &assumptions,
                        const std::string &claim) const;
  Obligation scalar_obligation(const std::string &name, const std::string &claim) const;
  bool decide(const std::string &condition);
  void prove_path(std::vector<Obligation> &out);
  void match_folds(const std::vector<std::string> &assumptions, std::size_t split,
                   std::vector<Obligation> &out);
  bool unit_dot(const std::vector<std::string> &assumptions, const std::string &plain,
                const Fold &fold, std::vector<Obligation> &out);
  void declare(const std::string &name, const std::string &signature) {
    declarations_[name] = signature;
  }

  const semantics::RewriteRule &rule_;
  const semantics::GraphTemplate &from_, &to_;
  Encoding encoding_;
  std::map<std::string, std::string> declarations_; ///< name -> "(Int Int) T"
  std::vector<Fold> folds_;
  bool in_fold_ = false;
  std::map<std::string, bool> decisions_;
  std::vector<std::string> decision_order_;
  std::vector<bool> script_; ///< the answers to give on this path
  Index root_index_;
  std::vector<std::string> lemmas_;
};

} // namespace isamorph::verify
