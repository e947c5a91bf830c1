#pragma once
// Explanations as text: for people, step by step; and as JSON that `isamorph check` re-checks
// without this engine (the format stands in verify/CERTIFICATES.md).

#include "search/saturation_program.h"

namespace isamorph::search {

/// One rewriting of a whole term: "(+ x (+ y z))", then for each step the rule and the new term.
struct FlatStep {
  std::string by; ///< "start", a rule's name, with " (backwards)" if so, or "fold"
  std::string term;
};
/// The lemmas of an explanation spelled out one after another; nullopt when that takes more than
/// `max_steps` or the terms more than `max_characters`.
std::optional<std::vector<FlatStep>> flatten(const Explanation &explanation,
                                             const SaturationProgram &program,
                                             const ProofForest &forest, std::size_t max_steps,
                                             std::size_t max_characters);

struct NamedProof {
  TermId left, right;
  Explanation explanation;
};
std::string proof_json(const SaturationProgram &program, const ProofForest &forest,
                       std::span<const NamedProof> proofs);

/// A term as an S-expression; "..." stands for what is deeper than `depth`.
std::string term_text(const ProofForest &forest, const OperatorNames &names, TermId term,
                      std::size_t depth = 64);

} // namespace isamorph::search
