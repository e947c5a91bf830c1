#pragma once
// Forms of integer values at `bits`, by the lemmas that a certificate lists. Private to the
// checker, and written apart from the verifier's normal forms.
//
// "integer ring": an integer of w bits is a polynomial over atoms, modulo 2^w: Values of kind
// Polynomial, whose operands are Monomials. An atom is any other value, read as the number that it
// holds (two's complement where its type is signed), whatever its own width.
// "integer range": a conversion takes the coefficients modulo 2^w. One to more bits keeps the
// polynomial only where its value over the unbounded integers, by intervals, is within the narrower
// type, so that nothing wrapped; otherwise what is widened is an atom.
// "lattice TYPE": maximum, minimum and clamp are a maximum of minima, none below another.
// "semilattice OP TYPE": and, or are sets of operands.
// "join extract": the bytes of an integer, joined as an integer of another sign, convert it.
// Without its lemma an operation stays what it is, of its operands' forms.

#include "verify/checker/values.h"

#include <optional>

namespace isamorph::verify {

/// The form of every value there is, or of those asked for; adds values and uses lemmas.
class IntegerForms {
public:
  /// Throws Refused when the polynomials of all values together have more than 2^24 monomials.
  explicit IntegerForms(Values &values);
  /// Of `asked` and what they are made of; a sum that is but a part of one other sum has no form of
  /// its own.
  IntegerForms(Values &values, const std::set<ValueId> &asked);

  /// Of a value that there was. Values of the same form are equal.
  ValueId form(ValueId value) const { return forms_[value]; }

private:
  using Atoms = std::vector<ValueId>; ///< sorted; none: the constant
  using Polynomial = std::map<Atoms, std::uint64_t>;
  /// The minimum of some atoms (sorted, each once) and of a number.
  struct Minimum {
    Atoms atoms;
    std::uint64_t bound;
    auto operator<=>(const Minimum &) const = default;
  };
  using Maximum = std::set<Minimum>;
  struct Range {
    __extension__ __int128 low, high;
  };

  std::vector<char> parts_of_sums(const std::set<ValueId> &asked);
  bool is_sum(const Value &value) const;
  ValueId form_of(ValueId id);
  ValueId plain(const Value &value, const Atoms &in);
  std::optional<ValueId> arithmetic(const Value &value, const Atoms &in);
  std::optional<ValueId> ring(const Value &value, const Atoms &in);
  std::optional<ValueId> lattice(semantics::OpCode op, semantics::ElementType type,
                                 const Atoms &in);
  std::optional<ValueId> dot(const Value &value, const Atoms &in);
  std::optional<ValueId> reduce(const Value &value, const Atoms &in);
  std::optional<ValueId> reinterpreted(const Value &value, const Atoms &bytes);
  std::optional<ValueId> convert(ValueId value, semantics::ElementType to);
  bool is_exact(ValueId value) const;

  Polynomial polynomial(ValueId value) const;
  void add(Polynomial &sum, ValueId value, std::uint64_t factor);
  void add_product(Polynomial &sum, ValueId left, ValueId right);
  ValueId number(semantics::ElementType type, const Polynomial &polynomial);

  ValueId extremum(semantics::OpCode op, semantics::ElementType type, const Atoms &members);
  Maximum minima(ValueId value) const;
  Maximum met(semantics::ElementType type, const Maximum &a, const Maximum &b);
  ValueId number(semantics::ElementType type, const Maximum &maximum);
  ValueId joined(semantics::OpCode op, semantics::ElementType type, const Atoms &members);
  ValueId set_of(semantics::OpCode op, semantics::ElementType type, Atoms members);

  Range range(ValueId value) const;
  std::optional<Range> range_of(semantics::ElementType type, const Polynomial &p) const;
  void count(std::size_t monomials);

  Values &values_;
  std::vector<char> parts_; ///< by value: the sums that have no form
  std::vector<ValueId> forms_;
  std::map<ValueId, Range> ranges_; ///< of Polynomials and Sets
  std::int64_t monomials_ = 0;
};

} // namespace isamorph::verify
