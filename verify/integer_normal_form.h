#pragma once
// Normal forms of integer terms at level `bits`. Integers wrap: a term of an integer type of w bits
// is a polynomial over atoms, modulo 2^w, and two terms with the same polynomial have the same bits
// for every input. An atom is a term that arithmetic does not look into, read as the number that it
// holds (two's complement where its type is signed).
//
// What is a polynomial: add, subtract, negate, not (-1-x), multiply, shift-left by a literal, dot
// and the sums and products of reduce. A conversion to no more bits, or between types of equal
// width, takes the coefficients modulo 2^w. A conversion to more bits keeps a polynomial only when
// its value over the unbounded integers, bounded from the ranges of its atoms, lies within the
// narrower type, where nothing can have wrapped; otherwise the narrow term becomes an atom.
// Maximum and minimum make a distributive lattice: their normal form is the maximum of minima none
// of which is below another; clamp is min(max(x, low), high). Their ranges are known, so that a
// saturating narrowing is exact. And, or are sets of operands: associative, commutative and
// idempotent. Every other operation is an atom over the normal forms of its operands. Nothing is
// said of pred and float operations but that equal operands give equal results.
//
// A normal form is a term of the same DAG: a reduce_add of reduce_multiply, whose vectors may hold
// atoms of other types, read as numbers.

#include "verify/symbolic.h"

#include <optional>
#include <unordered_map>

namespace isamorph::verify {

class IntegerNormalizer {
public:
  /// Products of sums that would have more monomials than `max_product` are products of two atoms:
  /// with 1, sums are never multiplied out, which is quick, and enough where a kernel multiplies
  /// and adds as its program does.
  static constexpr std::size_t kMultiplyOut = 4096, kNeverMultiplyOut = 1;
  /// New terms are added to `terms`.
  explicit IntegerNormalizer(TermGraph &terms, std::size_t max_product = kMultiplyOut);

  /// The same id for two terms proves them equal at `bits`. Throws TooMuchWork when the polynomials
  /// of all terms together grow past 2^25 monomials.
  TermId normalize(TermId term);
  /// "integer ring", "integer range", "lattice s32", "semilattice and u8", ... as used so far.
  const std::set<std::string> &lemmas() const { return lemmas_; }

private:
  struct Monomial {
    VectorId atoms; ///< sorted; none: the constant
    std::uint64_t coefficient;
    auto operator<=>(const Monomial &) const = default;
  };
  using Polynomial = std::vector<Monomial>; ///< sorted by atoms, each once, no coefficient 0
  /// The minimum of some atoms and a number.
  struct Clause {
    std::vector<TermId> atoms; ///< sorted, each once
    std::uint64_t bound;       ///< the largest number where there is none
    auto operator<=>(const Clause &) const = default;
  };
  using Lattice = std::vector<Clause>; ///< their maximum: not empty, sorted, none below another
  struct Range {
    __extension__ __int128 low, high;
  };

  bool is_sum(const Term &t) const;
  /// What a sum adds, with factors; sums that are but a part of it are looked into.
  std::vector<std::pair<TermId, std::uint64_t>> addends(TermId sum) const;
  TermId compute(TermId term);
  TermId sum(TermId term);
  std::optional<TermId> arithmetic(const Term &t, std::span<const TermId> in);
  TermId dot(const Term &t);
  /// Adds the products of an integer dot, whose elements are known.
  void add_dot(Polynomial &out, const Term &t);
  bool is_dot_part(TermId term) const;
  TermId reduce(const Term &t, TermId init);
  TermId join(ElementType type, std::span<const TermId> bytes);
  TermId convert(TermId normal, ElementType to);
  /// Of and, or.
  TermId semilattice(OpCode op, ElementType type, std::span<const TermId> members);
  /// Of maximum, minimum.
  TermId extremum(OpCode op, ElementType type, std::span<const TermId> members);
  Lattice clauses(TermId normal);
  Lattice met(ElementType type, Lattice a, Lattice b);
  TermId encode(ElementType type, Lattice lattice);
  std::vector<TermId> flattened(OpCode op, ElementType type, std::span<const TermId> members,
                                TermId &constant);

  Polynomial polynomial(TermId normal);
  TermId encode(ElementType type, Polynomial polynomial);
  Polynomial constant(ElementType type, std::uint64_t value);
  /// Sorts, merges and reduces the coefficients modulo 2^w.
  Polynomial collected(ElementType type, Polynomial parts);
  Polynomial sum(ElementType type, const Polynomial &a, const Polynomial &b, std::uint64_t factor);
  void add_product(Polynomial &out, ElementType type, TermId a, TermId b);
  TermId product(ElementType type, TermId a, TermId b);
  std::optional<Range> range(ElementType type, const Polynomial &polynomial) const;
  Range range(TermId atom) const;
  Range bounds(TermId normal);
  Range bounds(ElementType type, const Clause &clause);
  static Range of_type(ElementType type);
  bool known(TermId term) const { return term.v < normal_.size() && normal_[term.v]; }
  std::vector<TermId> normals(std::span<const TermId> terms) const;

  TermGraph &terms_;
  std::size_t max_product_;
  std::vector<char> part_;            ///< by term: a sum that is used once, in another sum
  std::vector<char> dot_part_;        ///< by term: an integer dot that is used once, in a sum
  std::vector<std::uint32_t> normal_; ///< by term: its normal form + 1, 0 while unknown
  std::unordered_map<std::uint32_t, Polynomial> polynomials_; ///< of normal forms that are no atoms
  std::unordered_map<std::uint32_t, Lattice> lattices_;       ///< of normal forms that are extrema
  std::unordered_map<std::uint32_t, Range> ranges_; ///< of atoms, where narrower than their type
  std::int64_t monomials_ = 0;
  std::set<std::string> lemmas_;
};

/// Whether any term computes with integers.
bool has_integer_arithmetic(const TermGraph &terms);

} // namespace isamorph::verify
