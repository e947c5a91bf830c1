#pragma once
// Values that one iteration of a symbolic loop finds where the iteration before left them: double
// buffering, where a row is loaded while the one before is computed with. Private to verify/.
//
// The body runs on symbols for such values. What it leaves in their places is E(v), for iteration
// v; when no E rests on a symbol of the loop that cannot be solved for, the value that iteration v
// finds is T(v) = E(v - 1), provided that T(0) is what was there before the loop: that is the
// induction. T stands for the symbol then, and E(n - 1) remains after the n-th iteration.

#include "verify/generic_loops.h"

namespace isamorph::verify {

/// The value of a place over the iterations of a loop.
struct CarriedValue {
  TermId before; ///< the loop
  TermId symbol; ///< what an iteration finds
  TermId after;  ///< what it leaves
};

class Carrier {
public:
  Carrier(TermGraph &terms, GenericLoops &loops, const InputElement &input)
      : terms_(terms), loops_(loops), input_(input) {}

  /// An element of an input, whose position is remembered.
  TermId element(std::size_t parameter, const semantics::AffineIndex &position);
  /// A symbol that there was not yet, for a place whose position has a slope: it is another value
  /// for other values of the variables on which that depends.
  TermId symbol(ElementType type, semantics::SlopeId slope);

  /// What stands for each symbol, T. Throws UnrollLoops of the loop.
  std::vector<TermId> solve(std::uint32_t loop, std::span<const CarriedValue> values);
  /// Terms with others for symbols.
  std::vector<TermId> replaced(std::span<const TermId> terms, std::span<const CarriedValue> values,
                               std::span<const TermId> solutions);
  /// What the last iteration leaves.
  std::vector<TermId> in_last(std::uint32_t loop, std::span<const CarriedValue> values,
                              std::span<const TermId> solutions);

private:
  /// Terms of another iteration: so many later, or the one of that number.
  std::vector<TermId> moved(std::uint32_t loop, std::span<const TermId> terms,
                            std::int64_t iterations, bool fix);
  /// For each term whether it is made of a symbol.
  std::vector<char> rest_on(std::span<const TermId> terms,
                            std::span<const CarriedValue> values) const;

  TermGraph &terms_;
  GenericLoops &loops_;
  const InputElement &input_;
  std::vector<semantics::SlopeId> symbols_; ///< their places' slopes
  /// Of inputs; none: of several positions.
  std::map<TermId, std::optional<std::pair<std::size_t, semantics::AffineIndex>>> positions_;
};

} // namespace isamorph::verify
