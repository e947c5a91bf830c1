#pragma once
// What iterations of a symbolic loop hand to the next one, by the checker. Private to it.
//
// An iteration finds a symbol in each place that the body overwrites. What the body leaves there is
// E(v) for iteration v. Where E is made of no symbol of the loop but of solved ones, and E(v - 1)
// is for v = 0 what was there before the loop, every iteration v finds E(v - 1): the first one
// does, and each leaves E(v) to the next. E(n - 1) is there after the loop.

#include "verify/checker/generic_program.h"

#include <functional>

namespace isamorph::verify {

struct CarriedCell {
  ValueId before = 0, symbol = 0;
  std::optional<ValueId> after; ///< E; none: unknown
};

/// Values with other values for their inputs. What values share is remade once.
class Substitution {
public:
  using Leaf = std::function<std::optional<ValueId>(ValueId)>;

  Substitution(Values &values, Leaf leaf) : values_(values), leaf_(std::move(leaf)) {}

  /// None where one of the inputs has none.
  std::optional<ValueId> operator()(ValueId root);

private:
  std::optional<ValueId> made(ValueId id);

  Values &values_;
  Leaf leaf_;
  std::map<ValueId, std::optional<ValueId>> made_; ///< with all their parts
};

class CarriedValues {
public:
  CarriedValues(Values &values, semantics::IndexSpace &space, GenericElements &elements)
      : values_(values), space_(space), elements_(elements) {}

  /// A symbol that there was not yet, for a place whose position has a slope: it is another value
  /// for other values of the variables on which that depends.
  ValueId symbol(semantics::ElementType type, semantics::SlopeId slope);
  bool is_symbol(ValueId value) const;

  /// What iterations of a loop, over a variable of the space, find: by symbol. Those that nothing
  /// is known of are left out.
  std::map<ValueId, ValueId> solve(std::size_t variable, const std::vector<CarriedCell> &values);
  /// Values with others for symbols; none where they are made of one of `unknown`. Both arguments
  /// must live, unchanged, as long as the result.
  Substitution replacing(const std::map<ValueId, ValueId> &by, const std::set<ValueId> &unknown);
  /// Values of a body in the iteration of that number; none where that is not known.
  Substitution in_iteration(std::size_t variable, std::int64_t number);

private:
  Substitution moving(std::size_t variable, std::int64_t by, bool fix);

  Values &values_;
  semantics::IndexSpace &space_;
  GenericElements &elements_;
  std::vector<semantics::SlopeId> symbols_; ///< their places' slopes
};

} // namespace isamorph::verify
