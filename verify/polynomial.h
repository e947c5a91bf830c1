#pragma once
// Polynomials with rational coefficients over hash-consed atoms: the arithmetic of
// verify/real_normal_form.h and verify/real_polynomial.h.
//
// The reciprocal of an atom cancels against it, and the reciprocal of a sum is an atom over that
// sum, made free of reciprocals and monic, so that polynomials are rational functions. Every
// operation gives a function that is defined wherever its operands are, and equal there: x * (1/x)
// is 1. With `laws`, exponentials multiply: a monomial has one of them, and one besides for each
// maximum that stands alone in an exponent (so that exp(x - m) / sum exp(x - m) loses its m); and a
// reciprocal's exponentials lose what most of them have in common, so that they lose any other
// shift, too. The logarithm of what is known to be positive is the sum of its factors', and cancels
// against the exponential.
// What a maximum is known to exceed (0 below a square, with `laws` below an exponential) is no part
// of it.

#include "semantics/op.h"
#include "verify/stop_token.h"

#include <boost/multiprecision/cpp_int.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace isamorph::verify {

using Rational = boost::multiprecision::cpp_rational;
using AtomId = std::uint32_t;
/// Sorted, with repetitions; empty: 1.
using Monomial = std::vector<AtomId>;
/// No zero coefficients; empty: 0.
using Polynomial = std::map<Monomial, Rational>;

/// What the real numbers have no answer for.
struct NotReal : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// More monomials than the limit were added up.
struct TooLarge : std::runtime_error {
  using std::runtime_error::runtime_error;
};

Polynomial single(Monomial monomial, const Rational &factor); ///< factor * monomial
Polynomial constant(const Rational &value);
bool is_constant(const Polynomial &p);
Rational constant_value(const Polynomial &p); ///< of a constant
/// sum += factor * p
void add_scaled(Polynomial &sum, const Polynomial &p, const Rational &factor);
Polynomial scaled(const Polynomial &p, const Rational &factor);

enum class AtomKind : std::uint8_t {
  Input,      ///< element `element` of parameter `parameter`
  Maximum,    ///< of the arguments
  Reciprocal, ///< of the argument: an atom, or a monic polynomial of several monomials
  Function,   ///< `op` of the arguments, which is not looked into
  Bits,       ///< what term `parameter` holds: no function of real numbers
  Infinity,   ///< stands in arguments of functions only
};

struct Atom {
  AtomKind kind;
  semantics::OpCode op = semantics::OpCode::Copy; ///< Function
  std::uint8_t detail = 0;                        ///< Function: direction, or what else tells apart
  std::uint32_t parameter = 0;                    ///< Input, Bits; Function: 0, or 1 + integer type
  std::uint32_t element = 0;                      ///< Input
  std::vector<Polynomial> arguments = {};
  bool operator<(const Atom &other) const;
};

/// Atoms and what is known of them. Equal atoms are one.
class Atoms {
public:
  /// Monomials that may be added up before TooLarge is thrown.
  static constexpr std::int64_t kMostWork = std::int64_t{1} << 23;
  explicit Atoms(bool laws = false, const StopToken *stop = nullptr,
                 std::int64_t most_work = kMostWork)
      : laws_(laws), stop_(stop), work_left_(most_work) {}

  AtomId intern(Atom atom);
  const Atom &operator[](AtomId id) const { return *atoms_[id]; }
  std::size_t size() const { return atoms_.size(); }
  bool laws() const { return laws_; }
  /// "real maximum", "real division" and laws of the exponential, as used so far.
  const std::set<std::string> &facts() const { return facts_; }
  void note(const std::string &fact) { facts_.insert(fact); }

  Polynomial input(std::uint32_t parameter, std::uint32_t element);
  /// sum += factor * a * b
  void add_product(Polynomial &sum, const Polynomial &a, const Polynomial &b,
                   const Rational &factor = 1);
  Polynomial product(const Polynomial &a, const Polynomial &b);
  /// The greatest of some.
  Polynomial maximum(const std::vector<Polynomial> &of);
  /// Throws NotReal for zero.
  Polynomial reciprocal(const Polynomial &p);
  /// By the laws, if there are any.
  Polynomial exponential(const Polynomial &p);
  /// By the laws, of what is known to be positive: the sum of its factors' logarithms.
  Polynomial logarithm(const Polynomial &p);
  Polynomial function(semantics::OpCode op, std::uint8_t detail, std::vector<Polynomial> arguments,
                      std::uint32_t type = 0);

  /// Whether they are equal as rational functions of the atoms. After TooLarge, nothing can be
  /// computed any more.
  bool same(const Polynomial &a, const Polynomial &b);
  /// The input elements on which a monomial depends.
  void collect_inputs(const Monomial &monomial, std::set<AtomId> &out) const;

private:
  Polynomial common_exponent(const Polynomial &p);
  Polynomial new_reciprocal(const Polynomial &p);
  /// numerator / the product of the atoms whose reciprocals these are
  struct Fraction {
    Polynomial numerator;
    Monomial reciprocals;
  };
  bool not_negative(AtomId atom, bool &by_law) const;
  bool not_negative(const Polynomial &p, bool &by_law) const;
  bool positive(AtomId atom) const;
  bool positive(const Monomial &monomial) const;
  bool positive(const Polynomial &p) const;
  Polynomial logarithm(AtomId atom);
  Polynomial plain_logarithm(const Polynomial &p);
  std::optional<Polynomial> without_logarithm(const Monomial &monomial, const Rational &factor);
  void flatten(const Polynomial &p, std::set<Polynomial> &out) const;
  void count(std::size_t monomials);
  Monomial multiply(const Monomial &m, const Monomial &n);
  bool is_exponential(AtomId id) const;
  Monomial combine_exponentials(Monomial monomial);
  Monomial exponential_atoms(const Polynomial &exponent);
  void note_exponential_law();
  Polynomial inverse(AtomId id);
  Polynomial inverse(const Monomial &monomial);
  Fraction fraction(const Polynomial &p);
  /// Monic, and the factors taken out of it: p = scale * product of `common` * exp(shift) * rest.
  struct Factors {
    Rational scale;
    Monomial common;
    Polynomial shift, rest;
  };
  Factors factors(const Polynomial &p);

  bool laws_;
  const StopToken *stop_;
  std::int64_t work_left_;
  std::map<Atom, AtomId> ids_;
  std::vector<const Atom *> atoms_;
  std::vector<char> special_; ///< by atom: multiplies otherwise than by standing beside others
  std::set<std::string> facts_;
  std::map<Polynomial, Polynomial> reciprocals_; ///< of some
};

/// Values of atoms at a point; an atom's arguments are evaluated before it.
class PointEvaluator {
public:
  PointEvaluator(const Atoms &atoms, std::map<AtomId, Rational> point)
      : atoms_(atoms), values_(std::move(point)) {}
  /// Inputs that the point does not mention are 0. Throws NotReal for a reciprocal of zero or an
  /// operation without rational values.
  Rational evaluate(const Polynomial &p);

private:
  Rational atom(AtomId id);
  Rational function(const Atom &atom);
  const Atoms &atoms_;
  std::map<AtomId, Rational> values_;
};

} // namespace isamorph::verify
