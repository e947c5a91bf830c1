#pragma once
// Normal forms of terms at level `finite`. (Of `real`: real_normal_form.h.)
//
// The level compares results up to the sign of zero, for inputs of finite numbers for which
// neither program meets NaN or infinity. Write x ~ y for "equal, or both zero". The lemmas used
// here give terms t' with t ~ t':
//   * a dot one of whose vectors is one 1 and otherwise zeros is the other vector's element at the
//   1: each other product is
//     a zero (the elements are finite), adding zeros to zeros or to x gives a zero or x, and x is
//     exact in the accumulator;
//   * products by a constant zero leave a dot that is summed in order: they are zeros, and adding a
//   zero changes no sum; one product that is left is a multiplication;
//   * x * 0 is 0;
//   * x + 0, x - 0, x * 1, x / 1 are x.
// Where the profile flushes denormals in that operation, these change an x that is one; the level
// then has no denormals among the inputs of that type, and the lemmas are used only for an x that
// is `settled`: an input, a constant that is no denormal, or a result of arithmetic that was
// flushed itself or converted from what is settled, but nothing put together from bytes. ~ is kept
// by every float operation: the signs of zero operands can show only as the sign of a zero result,
// or as an infinity (1/0, log 0, ...) or NaN (0/0), which the level excludes; comparisons do not
// see them. It is not kept by operations on the bits: so a term that rests on ~ is `tainted`, and
// extracting a byte of a tainted term (which means that the bytes were not joined to the same
// element again) `blocks` every term above it: such terms are never said to be equal.

#include "verify/term.h"

namespace isamorph::verify {

/// The lemma "unit vector dot" holds of the profile's dots of this type (verify/checker/lemmas.h).
bool has_unit_vectors(const semantics::NumericsProfile &profile, ElementType type);

/// A dot of one product is, up to the sign of zero, a multiplication: sums are kept in the type in
/// which multiplications are done, and neither loses denormals.
bool one_product_is_multiplied(const semantics::NumericsProfile &profile, ElementType type);

class Normalizer {
public:
  /// New terms are added to `terms`.
  explicit Normalizer(TermGraph &terms) : terms_(terms) {}

  /// The normal form; the same id for two terms proves them equal at the level unless `blocked`.
  TermId normalize(TermId term);
  bool blocked(TermId original) const;
  const std::set<std::string> &lemmas() const { return lemmas_; }

private:
  struct Entry {
    TermId normal;
    bool known = false, tainted = false, blocked = false;
    bool settled = false; ///< never a denormal, for inputs of the level
  };
  Entry compute(TermId term);
  Entry operation(TermId term);
  Entry dot(TermId term);
  Entry reduce(TermId term);
  bool one_product(ElementType type, VectorId vector) const;
  void note_zero_products(ElementType type);
  bool settled(TermId term) const;
  bool settled_by_conversion(TermId term) const;
  /// Whether arithmetic of a type that is exact but for denormals gives back the term.
  bool survives(OpCode op, ElementType type, TermId original) const;
  Entry &entry(TermId term);
  bool known(TermId term) const { return term.v < entries_.size() && entries_[term.v].known; }
  void inherit(Entry &entry, TermId operand) const;
  VectorId vector(VectorId original, Entry &entry);
  void drop_zero_products(ElementType type, VectorId &a, VectorId &b, Entry &entry);
  bool is_literal(TermId term, double value) const;

  TermGraph &terms_;
  std::vector<Entry> entries_;
  std::set<std::string> lemmas_;
};

} // namespace isamorph::verify
