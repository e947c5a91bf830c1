#include "verify/proof.h"
#include "verify/parameter_shapes.h"

#include "spec/state.h"
#include "spec/unroll.h"
#include "verify/generic_graph.h"
#include "verify/generic_kernel.h"
#include "verify/integer_normal_form.h"
#include "verify/normalize.h"
#include "verify/real_normal_form.h"
#include "verify/renaming.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <functional>

namespace isamorph::verify {
namespace {

/// Two elements that should be equal.
struct Pair {
  TermId graph, kernel;
  std::size_t output;
  std::int64_t element; ///< of the output; by induction: where all variables begin
};

/// The pairs that are not the same term.
using FindPairs = std::function<std::vector<Pair>(TermGraph &)>;

FindPairs all_elements(const spec::Kernel &kernel, const spec::Isa &isa,
                       const semantics::TensorGraph &graph, std::int64_t limit) {
  return [&, limit](TermGraph &terms) {
    std::vector<SymbolicTensor> inputs = symbolic_inputs(terms, parameter_shapes(graph));
    std::vector<SymbolicTensor> expected = execute(terms, graph, inputs),
                                actual = execute(terms, isa, kernel, inputs, limit);
    std::vector<Pair> out;
    for (std::size_t t = 0; t < expected.size(); ++t)
      for (std::size_t i = 0; i < expected[t].elements.size(); ++i)
        if (expected[t].elements[i] != actual[t].elements[i])
          out.push_back(
              {expected[t].elements[i], actual[t].elements[i], t, static_cast<std::int64_t>(i)});
    return out;
  };
}

/// Those of a generic iteration of some loops. Throws UnrollLoops.
FindPairs generic_elements(const spec::Kernel &kernel, const spec::Isa &isa,
                           const semantics::TensorGraph &graph,
                           const std::vector<std::uint32_t> &symbolic, std::int64_t limit) {
  return [&, limit](TermGraph &terms) {
    GenericLoops loops(kernel, symbolic);
    GenericInputs inputs(terms, parameter_shapes(graph));
    InputElement input = [&](std::size_t tensor, const semantics::AffineIndex &position) {
      return inputs.element(tensor, position);
    };
    std::vector<GenericElement> actual = execute_generic(terms, isa, kernel, loops, input, limit);
    std::vector<GenericDemand> demands;
    for (const GenericElement &e : actual)
      demands.push_back({e.output, e.position});
    std::vector<TermId> expected = execute_generic(terms, graph, loops, input, demands, limit);
    std::vector<Pair> out;
    for (std::size_t i = 0; i < actual.size(); ++i)
      if (expected[i] != actual[i].term)
        out.push_back({expected[i], actual[i].term, actual[i].output, actual[i].position.offset});
    return out;
  };
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

constexpr const char *kSameUpToZero = "both sides are the same terms up to the signs of zeros",
                     *kSameFunctions = "both sides are the same functions of real numbers",
                     *kWhereDefined = ", where no divisor is 0";

/// The first pair that is still open at finite.
const Pair *open_at_finite(TermGraph &terms, const std::vector<Pair> &pairs,
                           std::set<std::string> &lemmas) {
  Normalizer normalizer(terms);
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

/// How far functions of real numbers are looked into; what is proved without laws, and without
/// looking into what both sides share, needs neither.
struct RealDepth {
  bool laws, shared_closed;
};
constexpr RealDepth kRealDepths[] = {{false, true}, {false, false}, {true, true}, {true, false}};

/// The first pair that is still open at real.
const Pair *open_at_real(const TermGraph &terms, const std::vector<Pair> &pairs, RealDepth depth,
                         const StopToken &stop, std::set<std::string> &lemmas) {
  RealNormalizer::Options options;
  options.stop = &stop;
  if (depth.shared_closed) {
    std::vector<TermId> left, right;
    for (const Pair &pair : pairs) {
      left.push_back(pair.graph);
      right.push_back(pair.kernel);
    }
    options.shared = shared_terms(terms, left, right);
  }
  Atoms atoms(depth.laws, &stop);
  RealNormalizer normalizer(terms, atoms, std::move(options));
  for (const Pair &pair : pairs)
    if (!normalizer.equal(pair.graph, pair.kernel))
      return &pair;
  lemmas = terms.lemmas();
  lemmas.insert(atoms.facts().begin(), atoms.facts().end());
  return nullptr;
}

/// Most proofs need no commutativity; without it they rest on no lemma at all.
std::optional<Proof> prove_plainly(const semantics::NumericsProfile &profile,
                                   const FindPairs &find_pairs, const StopToken &stop) {
  TermGraph plain(profile, false);
  plain.stop_with(&stop);
  if (!find_pairs(plain).empty())
    return std::nullopt;
  Proof proof;
  proof.proved = true;
  proof.terms = static_cast<std::int64_t>(plain.size());
  proof.method = kSameTerms;
  return proof;
}

void close(Proof &proof, Level level, std::string method, const std::set<std::string> &lemmas) {
  proof.proved = true;
  proof.level = level;
  proof.method = std::move(method);
  add_lemmas(proof, lemmas);
}

void prove_at_finite(TermGraph terms, const std::vector<Pair> &pairs, const StopToken &stop,
                     Proof &proof) {
  stop.doing("putting terms into normal form at finite");
  std::set<std::string> lemmas;
  const Pair *open = open_at_finite(terms, pairs, lemmas);
  if (open)
    proof.difference = describe(terms, *open);
  else
    close(proof, Level::Finite, kSameUpToZero, lemmas);
}

/// The pairs of which all are instances, for other input elements.
std::vector<Pair> distinct_pairs(const TermGraph &terms, const std::vector<Pair> &pairs,
                                 const StopToken &stop) {
  std::vector<TermPair> sides;
  for (const Pair &pair : pairs)
    sides.push_back({pair.graph, pair.kernel});
  std::vector<std::size_t> of = representatives(terms, sides, stop);
  std::vector<Pair> out;
  for (std::size_t p = 0; p < pairs.size(); ++p)
    if (of[p] == p)
      out.push_back(pairs[p]);
  return out;
}

void prove_at_real(const TermGraph &terms, const std::vector<Pair> &all, const StopToken &stop,
                   Proof &proof) {
  stop.doing("putting terms into normal form at real");
  std::vector<Pair> pairs = distinct_pairs(terms, all, stop);
  std::string too_large;
  for (RealDepth depth : kRealDepths)
    try {
      std::set<std::string> lemmas;
      if (const Pair *open = open_at_real(terms, pairs, depth, stop, lemmas)) {
        proof.difference = describe(terms, *open);
        continue;
      }
      bool divides = lemmas.contains("real division");
      close(proof, Level::Real, std::string(kSameFunctions) + (divides ? kWhereDefined : ""),
            lemmas);
      return;
    } catch (const TooLarge &why) {
      too_large = std::string("; ") + why.what();
    }
  proof.difference += too_large;
}

Proof prove_with_lemmas(TermGraph &terms, const FindPairs &find_pairs, Level asked,
                        const StopToken &stop) {
  std::vector<Pair> pairs = find_pairs(terms);
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
    stop.doing("putting integers into normal form");
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
  if (!proof.proved && asked != Level::Bits)
    prove_at_finite(scratch, pairs, stop, proof);
  if (!proof.proved && asked == Level::Real)
    prove_at_real(scratch, pairs, stop, proof);
  if (proof.proved)
    proof.difference.clear();
  return proof;
}

/// "; by induction over i, j; k, r were unrolled"
std::string induction_text(const spec::Kernel &kernel, const std::vector<std::uint32_t> &loops) {
  std::vector<std::uint32_t> rest;
  for (std::uint32_t l = 0; l < kernel.loops.size(); ++l)
    if (!std::ranges::binary_search(loops, l))
      rest.push_back(l);
  std::string out =
      fmt::format("; by induction over {}", fmt::join(spec::variables_of(kernel, loops), ", "));
  if (std::vector<std::string> names = spec::variables_of(kernel, rest); !names.empty())
    out +=
        fmt::format("; {} {} unrolled", fmt::join(names, ", "), names.size() == 1 ? "was" : "were");
  return out;
}

/// Loops of one iteration have no need of induction.
std::vector<std::uint32_t> repeated_loops(const spec::Kernel &kernel) {
  std::vector<std::uint32_t> out;
  for (std::uint32_t l = 0; l < kernel.loops.size(); ++l)
    if (kernel.loops[l].iterations() > 1)
      out.push_back(l);
  return out;
}

} // namespace

Proof prove(TermGraph &terms, const spec::Kernel &kernel, const spec::Isa &isa,
            const semantics::TensorGraph &graph, Level asked, const StopToken &stop,
            std::int64_t limit) {
  Proof proof;
  terms.stop_with(&stop);
  try {
    stop.doing("executing program and kernel on symbols");
    spec::Resolved resolved(isa, kernel);
    FindPairs pairs = all_elements(resolved.kernel(), resolved.isa(), graph, limit);
    auto plain = prove_plainly(isa.numerics, pairs, stop);
    proof = plain ? *std::move(plain) : prove_with_lemmas(terms, pairs, asked, stop);
  } catch (const TooMuchWork &error) {
    proof.gave_up = true;
    proof.difference = error.what();
  } catch (const Stopped &stopped) {
    proof.stopped = true;
    proof.difference = stopped.what();
  }
  terms.stop_with(nullptr);
  if (!kernel.loops.empty() && proof.proved)
    proof.method +=
        fmt::format("; the loops were unrolled into {} instructions", spec::instance_count(kernel));
  return proof;
}

std::optional<Proof> prove_by_induction(const spec::Kernel &given, const spec::Isa &with_control,
                                        const semantics::TensorGraph &graph, Level asked,
                                        const StopToken &stop, std::int64_t limit) {
  stop.doing("executing a generic iteration on symbols");
  spec::Resolved resolved(with_control, given);
  const spec::Kernel &kernel = resolved.kernel();
  const spec::Isa &isa = resolved.isa();
  std::vector<std::uint32_t> loops = repeated_loops(kernel);
  while (!loops.empty()) {
    FindPairs pairs = generic_elements(kernel, isa, graph, loops, limit);
    try {
      auto proof = prove_plainly(isa.numerics, pairs, stop);
      TermGraph terms(isa.numerics);
      terms.stop_with(&stop);
      if (!proof)
        proof = prove_with_lemmas(terms, pairs, asked, stop);
      proof->induction = loops;
      (proof->proved ? proof->method : proof->difference) += induction_text(kernel, loops);
      return proof;
    } catch (const UnrollLoops &refused) {
      std::erase_if(loops, [&](std::uint32_t l) { return std::ranges::count(refused.loops, l); });
    } catch (const TooMuchWork &error) {
      Proof proof;
      proof.gave_up = true;
      proof.difference = error.what();
      return proof;
    } catch (const Stopped &stopped) {
      Proof proof;
      proof.stopped = true;
      proof.difference = stopped.what();
      return proof;
    }
  }
  return std::nullopt;
}

} // namespace isamorph::verify
