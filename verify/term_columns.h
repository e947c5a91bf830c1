#pragma once
// The values of terms for many inputs at once: every operation runs on whole columns, which is many
// times faster than one input after the other (verify/term_values.h). Private to verify/.

#include "verify/term.h"

namespace isamorph::verify {

class TermColumns {
public:
  /// The terms outlive it, and may grow.
  explicit TermColumns(const TermGraph &terms) : terms_(terms) {}

  /// Of these terms, among which all are that they are made of, and which ascend. Parameters have
  /// one element each: `inputs` holds, for each of them that occurs, a column of `count` values.
  void evaluate(std::span<const TermId> which, std::span<const semantics::Tensor> inputs,
                std::int64_t count);
  /// A column: [count].
  const semantics::Tensor &operator[](TermId id) const { return values_[id.v]; }

private:
  semantics::Tensor column(TermId id, std::span<const semantics::Tensor> inputs) const;
  semantics::Tensor operation(TermId id) const;
  semantics::Tensor fold(TermId id) const;
  semantics::Tensor bytes(TermId id) const;
  semantics::Tensor rows(ElementType type, VectorId vector, std::vector<std::int64_t> dims) const;

  const TermGraph &terms_;
  std::int64_t count_ = 0;
  std::vector<semantics::Tensor> values_; ///< by number of the term
};

} // namespace isamorph::verify
