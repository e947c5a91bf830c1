#include "verify/proof.h"
#include "verify/parameter_shapes.h"

#include "spec/state.h"
#include "spec/unroll.h"
#include "verify/integer_normal_form.h"
#include "verify/normalize.h"

#include <fmt/format.h>

namespace isamorph::verify {
namespace {

using semantics::Shape;

/// Two elements that should be equal.
struct Pair {
  TermId graph, kernel;
  std::size_t output;
  std::int64_t element;
};

std::vector<Pair> unequal_pairs(const std::vector<SymbolicTensor> &graph,
                                const std::vector<SymbolicTensor> &kernel) {
  std::vector<Pair> out;
  for (std::size_t t = 0; t < graph.size(); ++t)
    for (std::size_t i = 0; i < graph[t].elements.size(); ++i)
      if (graph[t].elements[i] != kernel[t].elements[i])
        out.push_back(
            {graph[t].elements[i], kernel[t].elements[i], t, static_cast<std::int64_t>(i)});
  return out;
}

std::string describe(const TermGraph &terms, const Pair &pair) {
  return fmt::format("output {} element {}: the program has {}, the kernel {}", pair.output,
                     pair.element, terms.to_string(pair.graph, 3), terms.to_string(pair.kernel, 3));
}

constexpr const char *kSameTerms = "both sides are the same terms of their inputs";
constexpr const char *kSamePolynomials =
    "both sides are the same polynomials of integers that wrap";

void add_lemmas(Proof &proof, const std::set<std::string> &lemmas) {
  std::set<std::string> all(proof.lemmas.begin(), proof.lemmas.end());
  all.insert(lemmas.begin(), lemmas.end());
  proof.lemmas.assign(all.begin(), all.end());
}

/// Puts integers into normal form, in `terms`; the pairs that are then equal vanish.
void close_integers(TermGraph &terms, std::vector<Pair> &pairs, Proof &proof,
                    std::size_t max_product) {
  IntegerNormalizer normalizer(terms, max_product);
  for (Pair &pair : pairs) {
    pair.graph = normalizer.normalize(pair.graph);
    pair.kernel = normalizer.normalize(pair.kernel);
  }
  std::erase_if(pairs, [](const Pair &pair) { return pair.graph == pair.kernel; });
  add_lemmas(proof, terms.lemmas());
  add_lemmas(proof, normalizer.lemmas());
}

/// The first pair that is still open at a level below bits.
const Pair *open_at(TermGraph &terms, const std::vector<Pair> &pairs, Level level,
                    std::set<std::string> &lemmas) {
  Normalizer normalizer(terms, level);
  const Pair *open = nullptr;
  for (const Pair &pair : pairs) {
    bool equal = normalizer.normalize(pair.graph) == normalizer.normalize(pair.kernel);
    if (!equal || normalizer.blocked(pair.graph) || normalizer.blocked(pair.kernel)) {
      open = &pair;
      break;
    }
  }
  lemmas = terms.lemmas();
  lemmas.insert(normalizer.lemmas().begin(), normalizer.lemmas().end());
  return open;
}

/// Most proofs need no commutativity; without it they rest on no lemma at all.
std::optional<Proof> prove_plainly(const spec::Kernel &kernel, const spec::Isa &isa,
                                   const semantics::TensorGraph &graph) {
  TermGraph plain(isa.numerics, false);
  std::vector<SymbolicTensor> inputs = symbolic_inputs(plain, parameter_shapes(graph));
  if (!unequal_pairs(execute(plain, graph, inputs), execute(plain, isa, kernel, inputs)).empty())
    return std::nullopt;
  Proof proof;
  proof.proved = true;
  proof.terms = static_cast<std::int64_t>(plain.size());
  proof.method = kSameTerms;
  return proof;
}

Proof prove_by_terms(TermGraph &terms, const spec::Kernel &kernel, const spec::Isa &isa,
                     const semantics::TensorGraph &graph, Level asked) {
  if (auto proof = prove_plainly(kernel, isa, graph))
    return *std::move(proof);
  std::vector<SymbolicTensor> inputs = symbolic_inputs(terms, parameter_shapes(graph));
  std::vector<SymbolicTensor> expected = execute(terms, graph, inputs),
                              actual = execute(terms, isa, kernel, inputs);
  std::vector<Pair> pairs = unequal_pairs(expected, actual);
  Proof proof;
  proof.lemmas.assign(terms.lemmas().begin(), terms.lemmas().end());
  proof.terms = static_cast<std::int64_t>(terms.size());
  proof.method = kSameTerms;
  if (!pairs.empty())
    proof.difference = describe(terms, pairs.front());
  TermGraph scratch = terms;
  if (!pairs.empty() && has_integer_arithmetic(scratch)) {
    std::vector<Pair> before = pairs;
    std::vector<std::string> lemmas = proof.lemmas;
    close_integers(scratch, pairs, proof, IntegerNormalizer::kNeverMultiplyOut);
    if (!pairs.empty()) {
      scratch = terms;
      pairs = before;
      proof.lemmas = lemmas;
      close_integers(scratch, pairs, proof, IntegerNormalizer::kMultiplyOut);
    }
    proof.method = kSamePolynomials;
    if (!pairs.empty())
      for (const Pair &pair : before)
        if (pair.output == pairs.front().output && pair.element == pairs.front().element)
          proof.difference = describe(terms, pair);
  }
  proof.proved = pairs.empty();
  for (Level level : {Level::Finite, Level::Real}) {
    if (proof.proved || asked == Level::Bits || !semantics::implies(level, asked))
      continue;
    TermGraph below = scratch;
    std::set<std::string> lemmas;
    const Pair *open = open_at(below, pairs, level, lemmas);
    proof.proved = !open;
    if (open) {
      proof.difference = describe(scratch, *open);
      continue;
    }
    proof.level = level;
    add_lemmas(proof, lemmas);
  }
  if (proof.proved)
    proof.difference.clear();
  return proof;
}

} // namespace

Proof prove(TermGraph &terms, const spec::Kernel &kernel, const spec::Isa &isa,
            const semantics::TensorGraph &graph, Level asked) {
  Proof proof;
  try {
    spec::Resolved resolved(isa, kernel);
    proof = prove_by_terms(terms, resolved.kernel(), resolved.isa(), graph, asked);
  } catch (const TooMuchWork &limit) {
    proof.gave_up = true;
    proof.difference = limit.what();
  }
  if (!kernel.loops.empty() && proof.proved)
    proof.method +=
        fmt::format("; the loops were unrolled into {} instructions", spec::instance_count(kernel));
  return proof;
}

} // namespace isamorph::verify
