#include "verify/prover.h"

#include "verify/checker/digest.h"
#include "verify/checker/lemmas.h"
#include "verify/checker/scalar_circuit.h"
#include "verify/in_parallel.h"
#include "verify/proof_cache.h"
#include "verify/refutation.h"
#include "verify/rule_domain.h"
#include "verify/rule_encoder.h"
#include "verify/scalar_prover.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mutex>
#include <set>

namespace isamorph::verify {
namespace {

using semantics::ElementType;
using semantics::GraphTemplate;
using semantics::OpCode;
using semantics::RewriteRule;

/// Changes whenever the encoding does, so that old cache entries are not believed.
constexpr std::string_view kEncoderVersion = "10";
constexpr std::uint64_t kTestSeed = 1;

/// Part of a key: a proof is for the ways of rounding, and where, that were asked for.
std::string ways_text(const ProveOptions &options) {
  std::string out = options.where_defined ? "\nwhere no divisor is 0" : "";
  for (const semantics::NumericsProfile &profile : ways_of_rounding(options))
    out += "\n" + print_numerics(profile);
  return out;
}

std::string key_of(const std::string &text) {
  return sha256(text + "\n" + std::string(kEncoderVersion) + "\n" + solver_version());
}

bool uses(const GraphTemplate &side, OpCode op) {
  return std::any_of(side.nodes.begin(), side.nodes.end(), [&](const auto &node) {
    const auto *code = std::get_if<OpCode>(&node.op);
    return code && *code == op;
  });
}

std::vector<ElementType> choices(const RewriteRule &rule, std::size_t symbol) {
  std::vector<ElementType> out = rule.symbols.type_choices[symbol];
  if (out.empty())
    for (int t = 0; t < semantics::kElementTypeCount; ++t)
      out.push_back(static_cast<ElementType>(t));
  return out;
}

/// Calls f with every choice of one of `options[i]` for each i.
template <class T, class F>
void product(const std::vector<std::vector<T>> &options, std::vector<T> &chosen, F f) {
  if (chosen.size() == options.size()) {
    f(chosen);
    return;
  }
  for (const T &option : options[chosen.size()]) {
    chosen.push_back(option);
    product(options, chosen, f);
    chosen.pop_back();
  }
}

/// The readings of element types under which a rule is to be proved.
std::vector<Encoding> encodings(const RewriteRule &rule) {
  std::size_t types = rule.symbols.types.names.size();
  if (uses(rule.from, OpCode::BitcastConvert) || uses(rule.to, OpCode::BitcastConvert)) {
    std::vector<std::vector<int>> options;
    for (std::size_t t = 0; t < types; ++t) {
      std::set<int> sizes;
      for (ElementType type : choices(rule, t))
        sizes.insert(semantics::byte_size(type));
      options.emplace_back(sizes.begin(), sizes.end());
    }
    std::vector<Encoding> out;
    std::vector<int> chosen;
    product(options, chosen, [&](const std::vector<int> &widths) {
      Encoding e;
      e.widths = widths;
      out.push_back(e);
    });
    return out;
  }
  Encoding e;
  if (rule.level == semantics::Level::Real)
    e.theory = ElementTheory::Real;
  return {e};
}

/// One encoding for every choice of the element types.
std::vector<Encoding> typed_encodings(const RewriteRule &rule, ElementTheory theory) {
  std::vector<std::vector<ElementType>> options;
  for (std::size_t t = 0; t < rule.symbols.types.names.size(); ++t)
    options.push_back(choices(rule, t));
  std::vector<Encoding> out;
  std::vector<ElementType> chosen;
  product(options, chosen, [&](const std::vector<ElementType> &types) {
    Encoding e;
    e.theory = theory;
    e.types.assign(types.begin(), types.end());
    out.push_back(e);
  });
  return out;
}

bool has_fold(const RewriteRule &rule) {
  for (OpCode op : {OpCode::Dot, OpCode::Reduce, OpCode::Convolution})
    if (uses(rule.from, op) || uses(rule.to, op))
      return true;
  return false;
}

template <class Holds> bool all_types(const RewriteRule &rule, Holds holds) {
  for (std::size_t t = 0; t < rule.symbols.types.names.size(); ++t)
    for (ElementType type : choices(rule, t))
      if (!holds(type))
        return false;
  return true;
}

/// The floating-point theory keeps denormals, and rounds once to the element type: so do + - * / of
/// narrower types computed in f32 or f64.
bool ieee_arithmetic(const ProveOptions &options) {
  return std::ranges::none_of(ways_of_rounding(options), semantics::flushes_somewhere);
}

bool has_floats(const RewriteRule &rule) {
  auto may_be_float = [&](const semantics::TemplateNode &node) {
    if (const auto *fixed = std::get_if<ElementType>(&node.shape.type))
      return semantics::is_float(*fixed);
    return std::ranges::any_of(choices(rule, std::get<std::uint32_t>(node.shape.type)),
                               semantics::is_float);
  };
  return std::ranges::any_of(rule.from.nodes, may_be_float) ||
         std::ranges::any_of(rule.to.nodes, may_be_float);
}

struct Strategy {
  std::string method;
  std::vector<Encoding> encodings; ///< none: claims about single elements (scalar_prover.h)
};

/// Ways to prove a rule, from strong and cheap to expensive; each alone is enough.
std::vector<Strategy> strategies(const RewriteRule &rule, const ProveOptions &options) {
  std::vector<Encoding> first = encodings(rule);
  if (!first.empty() && !first[0].widths.empty())
    return {{"index maps and bit-vectors", first}};
  bool real = rule.level == semantics::Level::Real, folds = has_fold(rule);
  // Both sides must be defined at the same places. Claims about single elements say where; what
  // holds of uninterpreted operations holds of partial ones; real arithmetic is total.
  if (real && may_be_undefined(rule, options.where_defined))
    return has_conditions(rule)
               ? std::vector<Strategy>{{"single elements", {}}}
               : std::vector<Strategy>{{"index maps", {Encoding{}}}, {"single elements", {}}};
  bool integers = all_types(rule, semantics::is_integer) && !rule.symbols.types.names.empty();
  bool floats = all_types(rule, semantics::is_float);
  std::vector<Strategy> out;
  auto add = [&](std::string method, std::vector<Encoding> list) {
    out.push_back({std::move(method), std::move(list)});
  };
  Encoding e;
  e.where_defined = options.where_defined;
  if (!real)
    add("index maps", {e});
  if (folds && !real && !floats) {
    Encoding sums = e;
    sums.reassociate = true;
    add("index maps and sums in any order", {sums});
  }
  if (integers || real) {
    e.theory = ElementTheory::Real;
    e.ring = integers;
    std::string name = integers ? "ring" : "real";
    if (!integers) { // the solver's own procedure, where there is nothing but elements
      Encoding scalars = e;
      scalars.scalars = true;
      add("index maps and real arithmetic of scalars", {scalars});
    }
    add("index maps and " + name + " arithmetic", {e});
    e.reassociate = true;
    if (folds)
      add("index maps, " + name + " arithmetic and sums in any order", {e});
  }
  if (!real) {
    if (floats && folds) { // maximum and minimum
      Encoding sums;
      sums.reassociate = true;
      add("index maps and sums in any order", {sums});
    }
    bool remainders = uses(rule.from, OpCode::Remainder) || uses(rule.to, OpCode::Remainder);
    if (!remainders)
      add("single elements", {});
    if (!has_floats(rule) || ieee_arithmetic(options))
      add("arithmetic of each type", typed_encodings(rule, ElementTheory::Concrete));
    if (remainders) // they have no circuit
      add("single elements", {});
    if (integers)
      add("index maps and integers that wrap", typed_encodings(rule, ElementTheory::Integer));
  } else {
    add("single elements", {});
  }
  return out;
}

/// What a type's name in a rule stands for.
std::vector<ElementType> types_named(const RewriteRule &rule, const std::string &name) {
  if (auto symbol = rule.symbols.types.find(name))
    return choices(rule, *symbol);
  return {semantics::element_type(name).value()};
}

/// "commutative multiply T" and "unit vector dot T", for the types that T stands for and the
/// accumulators of the profiles.
void add_lemmas(const RewriteRule &rule, const std::vector<std::string> &used, ClaimProof &out) {
  std::set<std::string> names(out.lemmas.begin(), out.lemmas.end());
  for (const std::string &lemma : used) {
    std::size_t space = lemma.rfind(' ');
    std::string stem = lemma.substr(0, space);
    for (ElementType type : types_named(rule, lemma.substr(space + 1))) {
      std::string t(semantics::name(type));
      std::vector<std::string> accumulators = {t};
      if (semantics::is_float(type) && type != ElementType::F64)
        accumulators.push_back("f32");
      for (const std::string &a : accumulators)
        names.insert(stem == "unit vector dot" ? stem + " " + t + " in " + a : stem + " " + a);
    }
  }
  out.lemmas.assign(names.begin(), names.end());
}

bool stopped(const ProveOptions &options) { return options.interrupt && options.interrupt->load(); }

/// Proves one after the other; stops at the first that is not proved.
bool prove_all(const std::vector<Obligation> &obligations, const ProveOptions &options,
               ClaimProof &out) {
  for (const Obligation &obligation : obligations) {
    if (stopped(options)) {
      out.answer = SmtAnswer::Unknown;
      out.detail = "interrupted";
      return false;
    }
    SmtResult result = check(obligation, {options.timeout_ms, 0, options.interrupt});
    out.obligations.push_back(obligation);
    if (result.answer != SmtAnswer::Proved) {
      out.answer = result.answer;
      out.detail = obligation.name + ": " +
                   (result.answer == SmtAnswer::Refuted ? "the solver finds a case where it fails"
                                                        : result.detail);
      return false;
    }
  }
  return true;
}

bool prove_under(const RewriteRule &rule, const std::vector<Encoding> &list,
                 const ProveOptions &options, ClaimProof &out) {
  bool any = false;
  std::vector<std::pair<const GraphTemplate *, const GraphTemplate *>> directions = {
      {&rule.from, &rule.to}};
  if (rule.both_ways)
    directions.emplace_back(&rule.to, &rule.from);
  for (auto [from, to] : directions)
    for (const Encoding &encoding : list) {
      RuleEncoder encoder(rule, *from, *to, encoding);
      // Undecided: taken to be possible, which is the harder case.
      constexpr unsigned contradiction_steps = 8'000'000;
      if (!encoder.applies())
        continue;
      bool impossible = check(encoder.impossible(), within_steps(contradiction_steps)).answer ==
                        SmtAnswer::Proved;
      if (impossible && encoder.rests_on_divisors())
        throw OutsideFragment("conditions that contradict each other, with divisions");
      if (impossible)
        continue;
      any = true;
      std::vector<Obligation> obligations = encoder.obligations();
      add_lemmas(rule, encoder.lemmas(), out);
      out.laws = encoder.laws();
      if (!prove_all(obligations, options, out))
        return false;
    }
  if (!any) {
    out.answer = SmtAnswer::Unknown;
    out.detail = "the rule is never well-typed";
  }
  return any;
}

/// Refuted only for its types: a case in which operations may be any functions, or folds differ
/// term by term, is no input for which the sides differ.
ClaimProof attempt(const RewriteRule &rule, const Strategy &strategy, const ProveOptions &options) {
  ClaimProof out;
  out.name = rule.name;
  out.method = strategy.method;
  try {
    if (prove_under(rule, strategy.encodings, options, out))
      out.answer = SmtAnswer::Proved;
  } catch (const IllTyped &error) {
    out.answer = SmtAnswer::Refuted;
    out.detail = error.what();
  } catch (const OutsideFragment &error) {
    out.answer = SmtAnswer::Unknown;
    out.detail = std::string("outside what can be encoded: ") + error.what();
  }
  bool of_types = out.obligations.empty() || out.obligations.back().name.ends_with("well-typed");
  if (out.answer == SmtAnswer::Refuted && !of_types)
    out.answer = SmtAnswer::Unknown;
  out.reach = "every shape";
  return out;
}

/// What uninterpreted operations do not decide, their arithmetic may.
ClaimProof decide_elements(const RewriteRule &rule, const ProveOptions &options) {
  if (auto scalar = prove_scalar_rule(rule, rule.level, options)) {
    scalar->method = fmt::format("{}", fmt::join(scalar->methods, " and "));
    scalar->reach = "every element, every shape";
    return *std::move(scalar);
  }
  ClaimProof out;
  out.name = rule.name;
  out.detail = "it is about more than single elements";
  return out;
}

/// A strategy that takes its lemmas for granted may be wrong about them; another may need none.
bool lemmas_hold(const ClaimProof &proof, const ProveOptions &options) {
  ProveOptions inner = options;
  inner.use_cache = false; // the caller holds the cache
  inner.jobs = 1;
  inner.progress = nullptr;
  std::vector<std::string> names;
  for (const std::string &lemma : proof.lemmas)
    if (lemma.starts_with("associative "))
      names.push_back(lemma);
  for (const ClaimProof &lemma : prove_lemmas(names, inner))
    if (lemma.answer != SmtAnswer::Proved)
      return false;
  return true;
}

/// Tests what is not proved.
void refute(const RewriteRule &rule, const ProveOptions &options, ClaimProof &out) {
  if (!options.tests)
    return;
  StopToken stop(options.interrupt, options.timeout_ms / 1000.0);
  try {
    for (const semantics::NumericsProfile &way : ways_of_rounding(options))
      if (auto refuted = refute_by_tests(rule, rule.level, way, kTestSeed, stop)) {
        out.answer = SmtAnswer::Refuted;
        out.method = "test inputs";
        out.detail = fmt::format("{}, {}: {}", way.name, refuted->symbols, text(refuted->witness));
        return;
      }
  } catch (const Stopped &) {
  }
}

} // namespace

ClaimProof prove_rule(const RewriteRule &rule, const ProveOptions &options) {
  auto begin = std::chrono::steady_clock::now();
  ClaimProof out;
  out.name = rule.name;
  std::string details;
  for (const Strategy &strategy : strategies(rule, options)) {
    if (stopped(options)) {
      details += details.empty() ? "interrupted" : "; interrupted";
      break;
    }
    ClaimProof proof = strategy.encodings.empty() ? decide_elements(rule, options)
                                                  : attempt(rule, strategy, options);
    if (proof.answer == SmtAnswer::Proved && !lemmas_hold(proof, options)) {
      proof.answer = SmtAnswer::Unknown;
      proof.detail = "the operation is not associative";
    }
    bool done = proof.answer != SmtAnswer::Unknown;
    details += (details.empty() ? "" : "; ") + strategy.method + ": " + proof.detail;
    out = std::move(proof);
    if (done)
      break;
  }
  if (out.answer == SmtAnswer::Unknown) {
    out.detail = details;
    refute(rule, options, out);
  }
  if (options.stronger_levels)
    out.stronger = stronger_levels(rule, options);
  out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return out;
}

std::vector<ClaimProof> prove_lemmas(std::span<const std::string> names,
                                     const ProveOptions &options) {
  std::vector<ClaimProof> out(names.size());
  std::string rounding = ways_text({}); // lemmas hold for all
  ProofCache cache = options.use_cache ? ProofCache::load() : ProofCache();
  std::mutex mutex;
  in_parallel(names.size(), options.jobs, [&](std::size_t i) {
    auto begin = std::chrono::steady_clock::now();
    ClaimProof &proof = out[i];
    proof.name = names[i];
    std::string key = key_of("lemma " + names[i] + rounding);
    if (cache.find(key)) {
      proof.answer = SmtAnswer::Proved;
      proof.method = "remembered";
      proof.cached = true;
      return;
    }
    auto obligations = lemma_obligations(names[i]);
    if (!obligations) {
      proof.detail = "no such lemma";
      return;
    }
    proof.method = lemma_method(names[i]);
    if (options.progress) {
      std::lock_guard lock(mutex);
      options.progress("proving lemma " + names[i]);
    }
    if (prove_all(*obligations, options, proof)) {
      proof.answer = SmtAnswer::Proved;
      std::lock_guard lock(mutex);
      cache.add(key, {names[i], {}});
    }
    proof.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  });
  if (options.use_cache)
    cache.save();
  return out;
}

std::vector<ClaimProof> prove_rules(std::span<const RewriteRule> rules, const ProveOptions &options,
                                    std::vector<ClaimProof> *lemma_proofs) {
  std::vector<ClaimProof> out(rules.size());
  std::vector<std::string> keys;
  std::string rounding = ways_text(options);
  for (const RewriteRule &rule : rules)
    keys.push_back(key_of(rule.text + rounding));
  {
    ProofCache cache = options.use_cache ? ProofCache::load() : ProofCache();
    std::mutex mutex;
    in_parallel(rules.size(), options.jobs, [&](std::size_t i) {
      if (const ProofCache::Entry *entry = cache.find(keys[i])) {
        out[i].name = rules[i].name;
        out[i].answer = SmtAnswer::Proved;
        out[i].lemmas = entry->lemmas;
        out[i].method = "remembered";
        out[i].cached = true;
        if (options.stronger_levels)
          out[i].stronger = stronger_levels(rules[i], options);
        return;
      }
      if (cache.tried(keys[i]) >= std::max(1U, options.timeout_ms)) {
        out[i].name = rules[i].name;
        out[i].method = "remembered";
        out[i].detail = "tried before with at least this time limit";
        out[i].cached = true;
        return;
      }
      if (options.progress) {
        std::lock_guard lock(mutex);
        options.progress("proving rule " + rules[i].name);
      }
      out[i] = prove_rule(rules[i], options);
    });
  }
  // The lemmas of all rules, once each.
  std::set<std::string> wanted;
  for (const ClaimProof &proof : out)
    if (proof.answer == SmtAnswer::Proved)
      wanted.insert(proof.lemmas.begin(), proof.lemmas.end());
  std::vector<std::string> names(wanted.begin(), wanted.end());
  std::vector<ClaimProof> lemmas = prove_lemmas(names, options);
  ProofCache cache = options.use_cache ? ProofCache::load() : ProofCache();
  for (std::size_t i = 0; i < out.size(); ++i) {
    for (const ClaimProof &lemma : lemmas)
      if (lemma.answer != SmtAnswer::Proved && out[i].answer == SmtAnswer::Proved &&
          std::find(out[i].lemmas.begin(), out[i].lemmas.end(), lemma.name) !=
              out[i].lemmas.end()) {
        out[i].answer = SmtAnswer::Unknown;
        out[i].detail = "lemma '" + lemma.name + "' is not proved: " + lemma.detail;
      }
    if (out[i].answer == SmtAnswer::Proved && !out[i].cached)
      cache.add(keys[i], {rules[i].name, out[i].lemmas});
    else if (out[i].answer == SmtAnswer::Unknown && !out[i].cached && !stopped(options))
      cache.add_tried(keys[i], options.timeout_ms);
  }
  if (options.use_cache)
    cache.save();
  if (lemma_proofs)
    *lemma_proofs = std::move(lemmas);
  return out;
}

} // namespace isamorph::verify
