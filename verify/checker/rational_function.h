#pragma once
// The checker's own arithmetic of rational functions with rational coefficients: sums of powers of
// atoms, whose exponents may be negative. Private to the checker; it shares no code with
// verify/polynomial.h.
//
// Atoms are input elements and the like, greatest ones, applications of functions, and sums, which
// stand in denominators only: a sum with a positive exponent is multiplied out. Every operation
// gives a function that is defined wherever its operands are, and equal there. By the law of the
// exponential, if it may be used, the exponentials in a product are one, but for those of greatest
// ones that stand alone in an exponent; by those of the logarithm, that of a product of positive
// numbers is a sum.

#include <boost/multiprecision/cpp_int.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace isamorph::verify {

using Fraction = boost::multiprecision::cpp_rational;
/// (atom, exponent), sorted by atom, no exponent 0.
using Powers = std::vector<std::pair<std::uint32_t, int>>;
/// Of products with their factors, none of which is 0. Empty: 0.
using Sum = std::map<Powers, Fraction>;

struct RealAtom {
  enum class What : std::uint8_t {
    Value,
    Infinity,
    Greatest,
    Denominator,
    Exponential,
    Logarithm,
    Function
  };
  What what = What::Value;
  std::vector<std::int64_t> tag; ///< Value: its number; Function: all that tells it apart
  std::vector<Sum> arguments;
  bool never_negative = false; ///< by the law of signs, of a Function
  auto operator<=>(const RealAtom &other) const = default;
};

/// Laws that may be used, or were: exp(a+b) = exp(a) exp(b) and exp(0) = 1; that exp, logistic and
/// sqrt are not negative; the logarithms of exponentials and of products of positive numbers;
/// exp(log(x)) = x of positive ones. The last two with exp(x) > 0.
struct RealLaws {
  bool exponential = false, signs = false, logarithm = false, inverse = false;
};

class RationalFunctions {
public:
  explicit RationalFunctions(RealLaws laws) : laws_(laws) {}

  std::uint32_t number(RealAtom atom);
  static Sum constant(const Fraction &value);
  Sum atom(RealAtom atom);
  static void add(Sum &to, const Sum &sum, const Fraction &factor);
  static Sum times(const Sum &sum, const Fraction &factor);
  Sum product(const Sum &a, const Sum &b);
  /// Refuses the division by zero.
  Sum reciprocal(const Sum &sum);
  Sum greatest(const std::vector<Sum> &of);
  Sum exponential(const Sum &exponent);
  Sum logarithm(const Sum &sum);
  /// Whether two are the same rational function of their atoms.
  bool same(const Sum &a, const Sum &b);
  const RealLaws &used() const { return used_; }

private:
  void count(std::size_t products);
  Powers joined(const Powers &a, const Powers &b);
  Powers one_exponential(Powers powers);
  Powers exponential_powers(const Sum &exponent);
  Sum usual_exponent(const Sum &sum) const;
  /// The sum times `by`, which leaves no negative exponents.
  Sum without_denominators(const Sum &sum, Powers &by);
  Sum expanded(const Powers &powers);
  bool is_never_negative(const Sum &sum, bool &by_law) const;
  bool is_never_negative(std::uint32_t atom, bool &by_law) const;
  /// Above 0 wherever it is defined, as exponentials are.
  bool is_positive(const Sum &sum) const;
  bool is_positive(const Powers &powers) const;
  Sum logarithm_atom(const Sum &sum);
  Sum logarithm(const Powers &powers);
  std::optional<Sum> inverted(const Powers &part, const Fraction &factor);
  /// A sum without denominators as factor * powers * exp(shift) * rest, whose first factor is 1.
  struct Parts {
    Fraction factor;
    Powers powers;
    Sum shift, rest;
  };
  Parts parts(const Sum &sum);

  RealLaws laws_, used_;
  std::int64_t work_ = 0;
  std::map<RealAtom, std::uint32_t> numbers_;
  std::vector<const RealAtom *> atoms_;
};

} // namespace isamorph::verify
