#pragma once
// An analysis for languages whose leaves are numbers and symbols: folds arithmetic on f64
// constants. Operators are known by their names; a leaf whose name is a number is that number.
//
// The rules of such languages speak of real numbers, and f64 rounds: two ways to compute one
// constant may give two different ones. That is a contradiction (egraph.h), which names both
// constants; it stops saturation and can be explained. There is one zero, and what is infinite or
// NaN is not folded.

#include "search/egraph.h"
#include "search/pattern.h"

namespace isamorph::search {

class NumberFolding {
public:
  struct Data {
    std::optional<double> number;
    bool has_number_leaf = false, has_symbol = false; ///< among the class's nodes
  };
  using Graph = EGraph<NumberFolding>;

  /// `names` must outlive the analysis. `folded`: which of + - * / neg pow to fold. `prune`: a
  /// class that is a known number keeps its leaf and no other node, as is usual in benchmarks of
  /// this kind.
  NumberFolding(OperatorNames *names, std::vector<OperatorId> folded, bool prune);
  NumberFolding() = default;

  Data make(Graph &graph, ENodeId node);
  bool merge(Data &into, Data &&from);
  void modify(Graph &graph, ClassId id);

  /// Whether an operator of that name can be folded.
  static bool can_fold(std::string_view name);

private:
  std::optional<double> fold(const Graph &graph, ENodeId node) const;
  OperatorId leaf(double number);
  void justify(Graph &graph, ClassId id, double number);

  OperatorNames *names_ = nullptr;
  std::vector<char> folded_;                          ///< by operator
  std::vector<std::optional<double>> numbers_;        ///< by operator, as far as it was asked for
  std::optional<std::pair<double, double>> conflict_; ///< found by merge, reported by modify
  bool prune_ = false;
};

/// What folding makes of an operator on numbers; nullopt when it is not folded or the result is not
/// finite.
std::optional<double> fold_numbers(std::string_view op, std::span<const double> operands);

} // namespace isamorph::search
