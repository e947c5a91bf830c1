#pragma once
// Equality at level `real`: terms as functions of real numbers, where both sides are defined.
//
// A term of a float type is a rational function (verify/polynomial.h) over atoms: input elements,
// maxima, and functions that are not looked into. Literals are the exact numbers of their bits;
// conversions between floats, and from an integer, are the identity; minima, absolute values and
// clamps are maxima; dots and sums and products of reduce are sums of products. A term of an
// integer type or pred is an atom: its operation, of its operands' values; integers that wrap have
// a normal form of their own (integer_normal_form.h) beforehand. A byte of a float is no function
// of a real number: it is an atom by its term, equal to nothing but itself. Infinities stand in
// maxima and as operands of functions only; arithmetic with one is a function that is not looked
// into. What divides by zero, and NaN, are not equal to anything.
//
// `shared`, terms that stay closed, keeps polynomials small where two programs have much in common.
// With laws (Atoms), exponentials multiply, and rsqrt, logistic, tanh, exponential-minus-one and
// log-plus-one are what they are defined to be.

#include "verify/polynomial.h"
#include "verify/term.h"

#include <functional>
#include <optional>
#include <unordered_map>

namespace isamorph::verify {

/// A rational function, or an infinity (the initial value of a maximum or minimum).
struct RealValue {
  Polynomial polynomial;
  int infinity = 0; ///< its sign, or 0
};

/// The number that bits of a type are. Throws NotReal for NaN.
RealValue real_value(ElementType type, std::uint64_t bits);

class RealNormalizer {
public:
  struct Options {
    /// Terms, by their ids, that are atoms; may be shorter than there are terms.
    std::vector<char> shared = {};
    const StopToken *stop = nullptr;
  };
  /// Several may share atoms, of one meaning of inputs; what is closed is no term of another.
  RealNormalizer(const TermGraph &terms, Atoms &atoms, Options options);

  /// Whether two float terms are the same function where both are defined, and two other terms the
  /// same function of equal operands. Throws TooLarge.
  bool equal(TermId a, TermId b);
  /// Throws NotReal where there is none, TooLarge and Stopped.
  const RealValue &value(TermId term);
  /// From now on, an element of an input is this.
  void set_input(std::uint32_t parameter, std::uint32_t element, RealValue value) {
    inputs_[{parameter, element}] = std::move(value);
  }

private:
  void forget_much();
  bool closed(TermId term) const {
    return term.v < options_.shared.size() && options_.shared[term.v];
  }
  std::vector<TermId> needed(TermId term) const;
  const RealValue &at(TermId term) const { return values_.at(term.v); }
  RealValue compute(TermId term);
  RealValue opaque(TermId term);
  RealValue function(TermId term);
  RealValue number_as(const Term &t, TermId operand);
  RealValue operation(TermId term);
  RealValue arithmetic(TermId term);
  std::optional<Polynomial> by_law(OpCode op, const Polynomial &x);
  RealValue sum(std::span<const TermId> terms);
  RealValue product_of(std::span<const TermId> terms);
  RealValue dot(const Term &t);
  RealValue reduce(TermId term);
  RealValue extremum(std::span<const TermId> terms, int sign);
  Polynomial argument(TermId term);
  bool finite(std::span<const TermId> terms) const;

  const TermGraph &terms_;
  Options options_;
  Atoms &atoms_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, RealValue> inputs_;
  std::unordered_map<std::uint32_t, RealValue> values_; ///< by term
  std::size_t held_ = 0;                                ///< monomials in `values_`
};

/// Terms on which both roots of the left and of the right rest, by id, but for literals.
std::vector<char> shared_terms(const TermGraph &terms, std::span<const TermId> left,
                               std::span<const TermId> right);

} // namespace isamorph::verify
