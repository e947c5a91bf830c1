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
// whose unit cuts bits off. A concatenate, pad or dynamic-update-slice splits the proof into cases
// by which operand the index meets; cases that cannot occur are closed by an obligation that says
// so. dynamic-slice clamps its starts, which are integers of a known type and wrap as such.
//
// Where elements are interpreted one by one (Concrete), two reads of a parameter are one variable
// when the solver proves that their indices are equal, and different variables otherwise: what then
// holds for all values of the variables holds for the elements.
//
// With `reassociate`, folds are sums in any order (rule_sums.cpp).
//
// Premises: sizes are not negative, the rule's conditions, well-typedness of `from`, and that
// indices lie in range. Well-typedness of `to`, and equality of the result shapes, are obligations
// like the others.

#include "semantics/rules.h"
#include "verify/integer_formula.h"
#include "verify/smt.h"

#include <functional>
#include <map>

namespace isamorph::verify {

/// A side is not well-typed under the chosen widths, whatever the sizes.
struct IllTyped : OutsideFragment {
  using OutsideFragment::OutsideFragment;
};

/// How elements are read: as values of an unknown sort, as real numbers, bit for bit (integers as
/// bit-vectors, floats as IEEE numbers with denormals), or integers as numbers that wrap.
enum class ElementTheory : std::uint8_t { Uninterpreted, Real, Concrete, Integer };

struct Encoding {
  ElementTheory theory = ElementTheory::Uninterpreted;
  std::vector<int> widths; ///< in bytes, by type symbol: bit-vectors; empty: not
  std::vector<std::optional<semantics::ElementType>>
      types; ///< by type symbol, for Concrete and Integer
  /// Real stands for any commutative ring: an identity of polynomials over the reals holds for
  /// integers of any width too. Other operations than + - * are outside.
  bool ring = false;
  bool scalars = false;       ///< Real: reads of parameters as variables, as Concrete has them
  bool reassociate = false;   ///< folds in any order
  bool where_defined = false; ///< Real: nothing is claimed where a divisor is 0
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
  /// Whether obligations rest on positive_divisors, which only obligations() proves.
  bool rests_on_divisors() const { return !divisors_.empty(); }
  std::vector<Obligation> obligations();
  /// Each ends in the name of a type or of a type symbol: "commutative multiply T".
  const std::vector<std::string> &lemmas() const { return lemmas_; }
  /// Facts about functions over the reals that the proof assumes: "exp(a+b)=exp(a)exp(b)".
  const std::vector<std::string> &laws() const { return laws_; }

private:
  using Index = std::vector<std::string>;
  struct Fold {
    std::string operation, length, init, left, right, variable; ///< right is empty for reduce
    std::string sort, placeholder;
    const semantics::TemplateNode *node = nullptr;
  };

  /// One summand of a sum over all integers: the term where all guards hold and each variable is
  /// below its length, the identity elsewhere.
  struct Summand {
    std::vector<std::pair<std::string, std::string>> variables; ///< name, length
    std::vector<std::string> guards;
    std::string term;
    bool folded = false; ///< a step of a fold takes it in
  };
  struct Source {
    std::uint32_t node = 0;
    Index index;
  };
  using Side = semantics::GraphTemplate;
  using Node = semantics::TemplateNode;
  using Text = std::function<std::string()>;

  // Sizes and types (rule_encoder.cpp)
  std::string smt(const semantics::IntExpr &expression) const;
  std::string size(const semantics::ShapeTemplate &shape, std::size_t component) const;
  std::size_t components(const semantics::ShapeTemplate &shape) const;
  std::string elements(const semantics::ShapeTemplate &shape) const;
  std::string sort(const semantics::ShapeTemplate &shape) const;
  std::string type_name(const semantics::ShapeTemplate &shape) const;
  std::optional<semantics::ElementType> type_of(const semantics::ShapeTemplate &shape) const;
  int width(const semantics::ShapeTemplate &shape) const;
  bool same_type(const semantics::ShapeTemplate &a, const semantics::ShapeTemplate &b) const;
  void need_floats(const semantics::ShapeTemplate &shape) const;

  // Elements (rule_encoder.cpp)
  std::string element(const Side &side, std::uint32_t node, const Index &index);
  std::string parameter(const Side &side, std::uint32_t node, const Index &index);
  bool scalars() const { return encoding_.theory == ElementTheory::Concrete || encoding_.scalars; }
  std::string scalar_read(std::size_t position, const Node &node, const Index &index);
  bool known(const std::string &name, const std::string &claim);
  std::string fitted(semantics::ElementType type, const std::string &number);
  std::string constant(const Node &node);
  std::string iota(const Node &node, const Index &index);
  std::string remainder(const semantics::ShapeTemplate &shape, const Index &operands);
  std::string elementwise(const Side &side, const Node &node, const Index &index);
  std::string operation(const Node &node, const semantics::ShapeTemplate &operand,
                        const std::vector<std::string> &arguments);
  std::string interpreted(const Node &node, const semantics::ShapeTemplate &operand,
                          const std::vector<std::string> &arguments);
  std::string defined(const Node &node, std::string value);

  // Which element of an operand an index meets (rule_movement.cpp)
  std::optional<Source> moved(const Side &side, const Node &node, const Index &index);
  bool only_ones_differ(const semantics::ShapeTemplate &a, const semantics::ShapeTemplate &b) const;
  Source reshape(const Side &side, const Node &node, const Index &index) const;
  std::string bitcast(const Side &side, const Node &node, const Index &index);
  std::string start(const Side &side, std::uint32_t node, const std::string &extent,
                    const std::string &size);
  /// The cases of concatenate, pad or dynamic-update-slice: the first whose condition holds is
  /// read; the last condition is "true".
  std::vector<std::pair<std::string, Source>> cases(const Side &side, const Node &node,
                                                    const Index &index);
  std::string choose(const std::string &condition, const Text &yes, const Text &no);
  bool bound(const std::string &text) const;
  bool decide(const std::string &condition);

  // Folds (rule_folds.cpp, rule_sums.cpp)
  std::string fold(const Side &side, const Node &node, const Index &index);
  std::optional<std::string> short_fold(const Side &side, const Node &node, const Index &index);
  void dot_indices(const Side &side, const Node &node, const Index &index,
                   const std::vector<std::string> &variables, Index &left, Index &right) const;
  void convolution_indices(const Node &node, const Index &index,
                           const std::vector<std::string> &variables, Index &left,
                           Index &right) const;
  std::vector<Summand> summands(const Side &side, std::uint32_t node, const Index &index,
                                semantics::OpCode op);
  std::vector<Summand> initial_value(const Side &side, const Node &node, semantics::OpCode op);
  std::string symmetry_lemma(const std::string &property, semantics::OpCode op) const;
  std::vector<Summand> fold_summands(const Side &side, const Node &node, const Index &index,
                                     semantics::OpCode op);
  std::vector<Summand> products(const std::vector<Summand> &left, const std::vector<Summand> &right,
                                const Node &node);
  bool steps_may_differ() const;
  bool is_identity(const Side &side, std::uint32_t node, semantics::OpCode op) const;
  std::string combined(const std::vector<Summand> &list, const Node &node, semantics::OpCode op);
  void match_sums(std::vector<Obligation> &out);
  bool single_term(Summand &sum, semantics::OpCode op, std::vector<std::string> &assumptions,
                   std::vector<Obligation> &out);
  std::string place_of(const Summand &sum);
  bool match_summand(const Summand &left, const Summand &right, const std::string &shift,
                     const std::vector<std::string> &assumptions, std::vector<Obligation> &out);
  void pair_summands(std::vector<Summand> &left, std::vector<Summand> &right,
                     const std::vector<std::string> &shifts,
                     const std::vector<std::string> &assumptions, std::vector<Obligation> &out);
  void drop_empty(std::vector<Summand> &list, const std::vector<std::string> &assumptions,
                  std::vector<Obligation> &out);
  static std::vector<std::string> shifts(const std::vector<Summand> &left,
                                         const std::vector<Summand> &right);

  // Obligations (rule_typing.cpp, rule_obligations.cpp)
  std::vector<std::string> typing(const Side &side) const;
  void type_node(const Side &side, const Node &node, std::vector<std::string> &out) const;
  void type_convolution(const Side &side, const Node &node, std::vector<std::string> &out) const;
  void type_windowed(const Side &side, const Node &node, std::vector<std::string> &out) const;
  std::string premises() const;
  Obligation positive_divisors() const;
  Obligation obligation(const std::string &name, const std::vector<std::string> &assumptions,
                        const std::string &claim) const;
  Obligation scalar_obligation(const std::string &name, const std::string &claim) const;
  std::string claim(const std::string &left, const std::string &right) const;
  void begin_path();
  void prove_path(std::vector<Obligation> &out);
  void add_laws();
  bool cannot_occur(const std::vector<std::string> &assumptions,
                    std::vector<Obligation> &out) const;
  std::vector<std::string> path_assumptions() const;
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
  std::vector<std::string> bound_; ///< summation variables in scope
  std::size_t variables_ = 0;      ///< so many were made
  struct Read {
    std::size_t position;
    Index index;
    std::string name;
  };
  std::vector<Read> reads_;            ///< of scalars
  std::vector<Obligation> side_;       ///< proved on the way: see known()
  std::vector<std::string> facts_;     ///< true of all values: ranges of integers, laws
  std::vector<std::string> defined_;   ///< what the level or a law says of intermediate values
  std::vector<std::string> exponents_; ///< arguments of exp
  std::map<std::string, bool> decisions_;
  std::vector<std::string> decision_order_;
  std::vector<bool> script_; ///< the answers to give on this path
  Index root_index_;
  mutable Divisors divisors_; ///< of all expressions, to be proved positive
  std::vector<std::string> lemmas_, laws_;
};

} // namespace isamorph::verify
