#pragma once
// The values of terms for given inputs: what symbolic execution says a program computes; the terms
// that they are made of, and the same with other inputs. Private to verify/.

#include "verify/term.h"

#include <functional>

namespace isamorph::verify {

/// Of all terms.
std::vector<std::uint64_t> evaluate_terms(const TermGraph &terms,
                                          std::span<const semantics::Tensor> inputs);
/// Of these terms, among which all are that they are made of, and which ascend; 0 of others.
std::vector<std::uint64_t> evaluate_terms(const TermGraph &terms, std::span<const TermId> which,
                                          std::span<const semantics::Tensor> inputs);
/// Into `values`, by number; of others they stay.
void evaluate_terms(const TermGraph &terms, std::span<const TermId> which,
                    std::span<const semantics::Tensor> inputs, std::vector<std::uint64_t> &values);

/// Calls f(part) for each term that a term is made of at once, those of its vectors included.
template <class F> void for_each_part(const TermGraph &terms, TermId id, F f) {
  const Term &term = terms[id];
  for (TermId part : terms.operands(id))
    f(part);
  if (term.kind != TermKind::Dot && term.kind != TermKind::Reduce)
    return;
  for (TermId part : terms.elements({term.a}))
    f(part);
  if (term.kind == TermKind::Dot)
    for (TermId part : terms.elements({term.b}))
      f(part);
}

/// The terms that some terms are made of, themselves included, ascending.
std::vector<TermId> cone_of(const TermGraph &terms, std::span<const TermId> roots);

/// Terms with other terms in place of their inputs; and, where `then` is given, of every term that
/// was made anew.
std::vector<TermId> substituted(TermGraph &terms, std::span<const TermId> roots,
                                const std::function<TermId(TermId input)> &by,
                                const std::function<TermId(TermId made)> &then = {});

} // namespace isamorph::verify
