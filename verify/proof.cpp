#include "verify/proof.h"

#include "verify/normalize.h"

#include <fmt/format.h>

namespace isamorph::verify {
namespace {

using semantics::Shape;

std::vector<Shape> parameter_shapes(const semantics::TensorGraph &graph) {
  std::vector<Shape> out;
  for (semantics::NodeId p : graph.parameters)
    out.push_back(graph[p].shape);
  return out;
}

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

} // namespace

Proof prove(TermGraph &terms, const spec::Kernel &kernel, const spec::Isa &isa,
            const semantics::TensorGraph &graph, Level asked) {
  { // Most proofs need no commutativity; without it they rest on no lemma at all.
    TermGraph plain(isa.numerics, false);
    std::vector<SymbolicTensor> inputs = symbolic_inputs(plain, parameter_shapes(graph));
    if (unequal_pairs(execute(plain, graph, inputs), execute(plain, isa, kernel, inputs)).empty())
      return {true, Level::Bits, {}, static_cast<std::int64_t>(plain.size()), {}};
  }
  std::vector<SymbolicTensor> inputs = symbolic_inputs(terms, parameter_shapes(graph));
  std::vector<SymbolicTensor> expected = execute(terms, graph, inputs),
                              actual = execute(terms, isa, kernel, inputs);
  std::vector<Pair> pairs = unequal_pairs(expected, actual);
  Proof proof;
  proof.lemmas.assign(terms.lemmas().begin(), terms.lemmas().end());
  proof.terms = static_cast<std::int64_t>(terms.size());
  proof.proved = pairs.empty();
  if (proof.proved || asked == Level::Bits) {
    if (!proof.proved)
      proof.difference = describe(terms, pairs.front());
    return proof;
  }
  for (Level level : {Level::Finite, Level::Real}) {
    if (!semantics::implies(level, asked))
      continue;
    TermGraph scratch = terms;
    Normalizer normalizer(scratch, level);
    const Pair *open = nullptr;
    for (const Pair &pair : pairs) {
      bool equal = normalizer.normalize(pair.graph) == normalizer.normalize(pair.kernel);
      if (!equal || normalizer.blocked(pair.graph) || normalizer.blocked(pair.kernel)) {
        open = &pair;
        break;
      }
    }
    if (!open) {
      proof.proved = true;
      proof.level = level;
      proof.difference.clear();
      std::set<std::string> lemmas = scratch.lemmas();
      lemmas.insert(normalizer.lemmas().begin(), normalizer.lemmas().end());
      proof.lemmas.assign(lemmas.begin(), lemmas.end());
      return proof;
    }
    proof.difference = describe(terms, *open);
  }
  return proof;
}

} // namespace isamorph::verify
