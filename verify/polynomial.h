#pragma once
// Polynomials with rational coefficients over hash-consed atoms; the arithmetic of
// verify/real_polynomial.h, which includes it alone.

#include "semantics/op.h"

#include <boost/multiprecision/cpp_int.hpp>
#include <cstdint>
#include <map>
#include <set>
#include <stdexcept>
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

Polynomial single(Monomial monomial, const Rational &factor); ///< factor * monomial
Polynomial constant(const Rational &value);
bool is_constant(const Polynomial &p);
Rational constant_value(const Polynomial &p); ///< of a constant
/// sum += factor * p
void add_scaled(Polynomial &sum, const Polynomial &p, const Rational &factor);
/// sum += a * b
void add_product(Polynomial &sum, const Polynomial &a, const Polynomial &b);
Polynomial scaled(const Polynomial &p, const Rational &factor);

enum class AtomKind : std::uint8_t { Input, Maximum, Reciprocal, Function };

struct Atom {
  AtomKind kind;
  semantics::OpCode op = semantics::OpCode::Copy; ///< Function
  std::uint8_t detail = 0;                        ///< Function: direction of a comparison
  std::uint32_t parameter = 0, element = 0;       ///< Input
  std::vector<Polynomial> arguments = {};
  bool operator<(const Atom &other) const;
};

/// Atoms and what is known of them. Equal atoms are one.
class Atoms {
public:
  AtomId intern(Atom atom);
  const Atom &operator[](AtomId id) const { return *atoms_[id]; }
  std::size_t size() const { return atoms_.size(); }

  Polynomial input(std::uint32_t parameter, std::uint32_t element);
  /// The greatest of some.
  Polynomial maximum(const std::vector<Polynomial> &of);
  /// Throws NotReal for zero.
  Polynomial reciprocal(const Polynomial &p);
  Polynomial function(semantics::OpCode op, std::uint8_t detail, std::vector<Polynomial> arguments);

  /// Known to be >= 0 for all inputs.
  bool not_negative(const Polynomial &p) const;
  /// The input elements on which a monomial depends.
  void collect_inputs(const Monomial &monomial, std::set<AtomId> &out) const;

private:
  bool not_negative(AtomId atom) const;
  void flatten(const Polynomial &p, std::set<Polynomial> &out) const;

  std::map<Atom, AtomId> ids_;
  std::vector<const Atom *> atoms_;
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
