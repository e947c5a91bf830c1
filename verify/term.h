#pragma once
// Scalar terms as one hash-consed DAG. Two terms are the same id exactly when they were built the
// same way from the same inputs, up to exchanging the operands of commutative operations; equal ids
// therefore denote equal bits for every input (any NaN equal to any NaN). This is the whole
// argument of a proof at level `bits`: no solver, no search.
//
// Elements move through memory as bytes: Extract(t, i) is byte i of t (little-endian), Join
// rebuilds an element from bytes, and the two cancel. A fold (one element of a dot, one result of a
// reduce) is a single node over interned vectors of terms, so that a 64x64 attention is some twenty
// thousand nodes and not half a million; its key holds all that decides the order of roundings:
// operation and element type; accumulator, order and unit are those of the one profile.

#include "semantics/evaluator.h"
#include "verify/stop_token.h"

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace isamorph::verify {

using semantics::ElementType;
using semantics::OpCode;

struct TermId {
  std::uint32_t v = 0;
  auto operator<=>(const TermId &) const = default;
};
struct VectorId {
  std::uint32_t v = 0;
  auto operator<=>(const VectorId &) const = default;
};

enum class TermKind : std::uint8_t {
  Input,   ///< element b of parameter a
  Literal, ///< bits
  Op,      ///< element-wise operation `op` with `detail` (direction of a comparison), of operands
  Extract, ///< byte `detail` of the operand
  Join,    ///< operands are the bytes, from the least significant
  Dot,     ///< fold of products: vectors a and b
  Reduce,  ///< fold with `op`: vector a, initial value in operands
};

struct Term {
  TermKind kind;
  ElementType type;         ///< of the result
  OpCode op = OpCode::Copy; ///< Op, Reduce
  std::uint8_t detail = 0;
  std::uint32_t a = 0, b = 0; ///< Input; Dot and Reduce: vectors
  std::uint64_t bits = 0;     ///< Literal
  std::uint32_t first = 0;    ///< operands: [first, first + count) of the arena
  std::uint8_t count = 0;
};

/// A float that profiles with flushed denormals read as zero.
bool is_denormal(ElementType type, std::uint64_t bits);

/// Fold descriptors and compute types of one profile hold for all terms of a DAG: programs are
/// compared under one profile.
class TermGraph {
public:
  /// Without `commute`, operands stay in the order in which they were given, and no commutativity
  /// lemma is used.
  explicit TermGraph(const semantics::NumericsProfile &profile, bool commute = true);

  TermId input(std::uint32_t parameter, std::uint32_t element, ElementType type);
  TermId literal(ElementType type, std::uint64_t bits);
  /// Folds literals by evaluate_scalar, and sorts the operands of commutative operations.
  TermId operation(OpCode op, std::uint8_t detail, ElementType result,
                   std::span<const TermId> operands);
  TermId extract(TermId term, std::uint8_t byte);
  TermId join(ElementType type, std::span<const TermId> bytes);
  VectorId vector(std::span<const TermId> terms);
  /// Dot vectors may be exchanged as wholes, unless the profile's unit treats its sides
  /// differently: each product commutes and the order of the sum stays.
  TermId dot(ElementType type, VectorId a, VectorId b);
  TermId reduce(OpCode op, ElementType type, TermId init, VectorId terms);

  const Term &operator[](TermId id) const { return terms_[id.v]; }
  std::span<const TermId> operands(TermId id) const {
    const Term &t = terms_[id.v];
    return {operands_.data() + t.first, t.count};
  }
  std::span<const TermId> elements(VectorId id) const {
    return {vector_terms_.data() + vectors_[id.v].first, vectors_[id.v].count};
  }
  std::size_t size() const { return terms_.size(); }
  const semantics::NumericsProfile &profile() const { return profile_; }

  /// From now on, every new term and vector polls the token, and so may throw Stopped; null: none.
  void stop_with(const StopToken *stop) { stop_ = stop; }
  void poll() const {
    if (stop_)
      stop_->poll();
  }

  /// Lemmas on which equality of ids rests, by name: "commutative multiply bf16", "join extract".
  const std::set<std::string> &lemmas() const { return lemmas_; }

  /// A term as text, cut below `depth`.
  std::string to_string(TermId id, int depth = 4) const;

private:
  struct VectorEntry {
    std::uint32_t first, count;
  };
  TermId intern(Term term, std::span<const TermId> operands);
  void note_commuted(OpCode op, ElementType type);
  void grow_terms();
  void grow_vectors();

  semantics::NumericsProfile profile_;
  bool commute_;
  std::vector<Term> terms_;
  std::vector<TermId> operands_;
  std::vector<std::uint64_t> term_hashes_;
  std::vector<std::uint32_t> term_table_; ///< open addressing; id + 1, 0 is empty
  std::vector<VectorEntry> vectors_;
  std::vector<TermId> vector_terms_;
  std::vector<std::uint64_t> vector_hashes_;
  std::vector<std::uint32_t> vector_table_;
  std::set<std::string> lemmas_;
  const StopToken *stop_ = nullptr;
  std::vector<std::uint8_t> commuted_; ///< by op and type: the lemma is already noted
};

} // namespace isamorph::verify
