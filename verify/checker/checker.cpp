#include "verify/checker/checker.h"

#include "semantics/hlo.h"
#include "spec/unroll.h"
#include "verify/checker/bounds_checker.h"
#include "verify/checker/chain_checker.h"
#include "verify/checker/digest.h"
#include "verify/checker/execution.h"
#include "verify/checker/finite_forms.h"
#include "verify/checker/induction.h"
#include "verify/checker/instances.h"
#include "verify/checker/integer_forms.h"
#include "verify/checker/lemma_parts.h"
#include "verify/checker/optimality_checker.h"
#include "verify/checker/real_forms.h"
#include "verify/checker/rewrite_checker.h"
#include "verify/checker/statement.h"

#include <algorithm>
#include <fmt/format.h>

namespace isamorph::verify {
namespace {

using semantics::InputError;
using semantics::Level;

/// Reads an embedded text; a mistake in it refuses the certificate.
template <class Read> auto read_embedded(const Part &part, Read read) {
  part.only({"text", "sha256"});
  semantics::SourceRef source = embedded(part);
  try {
    return read(source);
  } catch (const InputError &error) {
    part.refuse(error.what());
  }
}

/// What the embedded texts say.
struct Subject {
  semantics::TensorGraph graph;
  spec::Isa isa;
  spec::Kernel kernel;
  Level level = Level::Bits;
  std::vector<std::uint32_t> induction; ///< loops of the kernel
};

Subject read_subject(const Part &root) {
  Subject out;
  out.graph = read_embedded(root.at("program"),
                            [](const auto &source) { return semantics::parse_hlo(source); });
  out.isa =
      read_embedded(root.at("isa"), [](const auto &source) { return spec::parse_isa(source); });
  out.kernel = read_embedded(root.at("kernel"), [&](const auto &source) {
    spec::Kernel kernel = spec::parse_kernel(source, out.isa);
    check_interface(kernel, out.graph);
    return kernel;
  });
  return out;
}

Level level_of(const Part &part) {
  auto level = semantics::level(part.text());
  if (!level)
    part.refuse("'" + part.text() + "' is no level of equivalence");
  return *level;
}

/// The loops over which the proof goes by induction, ascending.
std::vector<std::uint32_t> loops_of(const Part &part, const spec::Kernel &kernel) {
  std::vector<std::uint32_t> out;
  for (const Part &element : part.elements()) {
    std::int64_t loop = element.integer();
    if (loop < 0 || loop >= static_cast<std::int64_t>(kernel.loops.size()))
      element.refuse(fmt::format("the kernel has {} loops", kernel.loops.size()));
    if (!out.empty() && loop <= out.back())
      element.refuse("loops are listed in ascending order");
    out.push_back(static_cast<std::uint32_t>(loop));
  }
  if (out.empty())
    part.refuse("induction goes over no loop");
  return out;
}

void check_claim(const Part &claim, Subject &subject) {
  claim.only({"verdict", "level", "reach", "profile", "induction"});
  if (claim.at("verdict").text() != "equivalent")
    claim.at("verdict").refuse("the claim is not 'equivalent'");
  subject.level = level_of(claim.at("level"));
  std::string words = reach(subject.graph, subject.level);
  if (claim.at("reach").text() != words)
    claim.at("reach").refuse("the proof reaches '" + words + "'");
  if (claim.at("profile").text() != subject.isa.numerics.name)
    claim.at("profile").refuse("the ISA's numerics profile is '" + subject.isa.numerics.name + "'");
  if (claim.has("induction"))
    subject.induction = loops_of(claim.at("induction"), subject.kernel);
}

/// The ISA may name a profile that stands elsewhere: what the writer meant by it is spelled out,
/// and must be what is meant by it here.
void check_profile(const Part &profile, const Subject &subject) {
  profile.only({"text", "sha256"});
  embedded(profile);
  if (profile.at("text").text() != semantics::print_numerics(subject.isa.numerics))
    profile.at("text").refuse("this isamorph knows the numerics profile '" +
                              subject.isa.numerics.name + "' otherwise");
}

/// The options must be such that they can have led to the claim.
void check_options(const Part &root, const Subject &subject) {
  const Part options = root.at("options");
  options.only({"level", "model", "time_limit_ms"});
  Level asked = level_of(options.at("level"));
  if (!semantics::implies(subject.level, asked))
    options.at("level").refuse("the claim's level is weaker than the one that was asked for");
  if (options.has("time_limit_ms") && options.at("time_limit_ms").integer() < 0)
    options.at("time_limit_ms").refuse("a time limit is not negative");
  if (options.has("model") != (root.has("optimality") || root.has("bounds")))
    options.refuse("a cost model is chosen exactly when $.optimality or $.bounds bounds the cost");
  for (const char *part : {"optimality", "bounds"})
    if (root.has(part) && options.at("model").text() != root.at(part).at("model").text())
      options.at("model").refuse(fmt::format("$.{}.model is another", part));
}

/// Elements of both sides that must be equal: all, or those of a generic iteration.
std::vector<GenericResult> execute_both(Values &values, const Subject &subject) {
  if (!subject.induction.empty())
    return run_generic(values, subject.graph, subject.kernel, subject.isa, subject.induction);
  std::vector<ValueTensor> inputs = input_values(values, subject.graph);
  std::vector<ValueTensor> expected = run(values, subject.graph, inputs),
                           actual = run(values, subject.kernel, subject.isa, inputs);
  std::vector<GenericResult> out;
  for (std::size_t t = 0; t < expected.size(); ++t)
    for (std::size_t i = 0; i < expected[t].size(); ++i)
      out.push_back({t, expected[t][i], actual.at(t).at(i)});
  return out;
}

/// " of a generic iteration over i, j"
std::string iteration_words(const Subject &subject) {
  std::string names;
  for (const std::string &name : spec::variables_of(subject.kernel, subject.induction))
    names += (names.empty() ? " of a generic iteration over " : ", ") + name;
  return names;
}

/// Both sides executed anew, using listed lemmas only.
struct Comparison {
  std::size_t values = 0;
  std::set<std::string> used;
  std::int64_t elements = 0;
  std::optional<std::pair<std::size_t, std::size_t>> difference; ///< output, element
};

/// How far values are looked into: products of integer sums that are larger are left as they are,
/// and so, over the real numbers, is what both sides have in common.
struct Depth {
  std::size_t max_product;
  bool common_closed;
};

using ValuePair = std::pair<ValueId, ValueId>;

/// Of pairs that are instances of one another, the first is compared for all of them.
class RealComparison {
public:
  RealComparison(Values &values, const std::vector<ValuePair> &pairs, bool common_closed) {
    Instances instances(values);
    std::map<Instances::Pattern, ValuePair> firsts;
    std::set<ValuePair> compared;
    for (const ValuePair &pair : pairs) {
      if (first_.count(pair))
        continue;
      ValuePair first =
          firsts.emplace(instances.pattern(pair.first, pair.second), pair).first->second;
      first_.emplace(pair, first);
      compared.insert(first);
    }
    forms_.emplace(values, common_closed ? common_values(values, compared) : std::set<ValueId>());
  }

  /// One of the pairs.
  bool equal(const ValuePair &pair) {
    const ValuePair &first = first_.at(pair);
    auto [known, fresh] = answers_.try_emplace(first, false);
    if (fresh)
      known->second = forms_->equal(first.first, first.second);
    return known->second;
  }

private:
  std::map<ValuePair, ValuePair> first_;
  std::map<ValuePair, bool> answers_;
  std::optional<RealForms> forms_;
};

Comparison compare(const Subject &subject, const std::set<std::string> &listed, Depth depth) {
  Values values(subject.isa.numerics, listed);
  std::vector<GenericResult> results = execute_both(values, subject);
  std::set<ValueId> asked;
  for (const GenericResult &r : results)
    if (r.program != r.kernel)
      asked.insert({r.program, r.kernel});
  std::optional<IntegerForms> integers;
  if (!asked.empty())
    integers.emplace(values, asked, depth.max_product);
  std::vector<ValuePair> open;
  for (const GenericResult &r : results)
    if (r.program != r.kernel && integers->form(r.program) != integers->form(r.kernel))
      open.emplace_back(integers->form(r.program), integers->form(r.kernel));
  std::optional<FiniteForms> finite;
  if (subject.level == Level::Finite)
    finite.emplace(values);
  std::optional<RealComparison> reals;
  if (subject.level == Level::Real && !open.empty())
    reals.emplace(values, open, depth.common_closed);
  auto equal = [&](ValueId a, ValueId b) {
    if (a == b)
      return true;
    ValuePair pair{integers->form(a), integers->form(b)};
    return pair.first == pair.second || (finite && finite->equal(pair.first, pair.second)) ||
           (reals && reals->equal(pair));
  };
  Comparison out;
  out.elements = static_cast<std::int64_t>(results.size());
  std::size_t number = 0, output = 0; // of the element, within its output
  for (const GenericResult &r : results) {
    number = r.output == output ? number : 0;
    output = r.output;
    if (!equal(r.program, r.kernel)) {
      out.difference = {output, number};
      break;
    }
    ++number;
  }
  out.values = values.size();
  out.used = values.used();
  return out;
}

/// Sums are multiplied out only where that is needed. Every listed lemma must have been of use.
void check_equality(const Part &root, const Subject &subject, const std::set<std::string> &listed,
                    CheckReport &report) {
  constexpr std::size_t never = 1;
  Comparison found = compare(subject, listed, {never, true});
  if (found.difference)
    found = compare(subject, listed, {IntegerForms::kMaxProduct, true});
  if (found.difference && subject.level == Level::Real)
    found = compare(subject, listed, {IntegerForms::kMaxProduct, false});
  if (found.difference)
    root.at("claim").refuse(fmt::format(
        "program and kernel do not compute the same at {} by the listed lemmas: element {} of "
        "output {}{} differs",
        semantics::name(subject.level), found.difference->second, found.difference->first,
        iteration_words(subject)));
  for (const std::string &lemma : listed)
    if (!found.used.count(lemma))
      root.at("lemmas").refuse("the proof has no use for lemma '" + lemma + "'");
  report.steps.push_back(fmt::format(
      "program and kernel executed again: {} values, each of {} output elements{} equal at {}",
      found.values, found.elements, iteration_words(subject), semantics::name(subject.level)));
}

/// The digest of everything else, with keys sorted and no white space between.
void check_digest(const Part &root) {
  nlohmann::json rest = root.json();
  rest.erase("sha256");
  if (sha256(rest.dump()) != root.at("sha256").text())
    root.at("sha256").refuse("the digest does not fit the certificate");
}

void check_version(const Part &root, int known) {
  std::int64_t version = root.at("version").integer();
  if (version != known)
    root.at("version").refuse(
        fmt::format("this isamorph reads version {}, not version {}", known, version));
}

void check_bounds(const Part &part, const Subject &subject, CheckReport &report) {
  BoundsFinding found = check_bounds(part, subject.graph, subject.kernel, subject.isa);
  if (!report.has_bound) {
    report.has_bound = true;
    report.cost = found.cost;
    report.bound = found.cost_bound;
  }
  report.steps.push_back(
      fmt::format("the kernel moves {} bytes, of at least {}, and its {} is {}, of at least {}: "
                  "bounds for every kernel that forms each elementary product on its own",
                  found.bytes, found.bytes_bound, found.model, found.cost, found.cost_bound));
}

/// Among which kernels a bound holds, by what the certificate says of the search.
std::string searched_values(const std::string &saturation) {
  if (saturation.empty())
    return {};
  if (saturation == "saturated")
    return "; it says that the graph holds all values that its rules lead to";
  return "; not a bound for all kernels: it says that saturation ended early (" + saturation + ")";
}

/// A chain, or a word about why there is none, or neither.
void check_chain_or_reason(const Part &root, const Subject &subject, const CheckOptions &options,
                           CheckReport &report) {
  if (root.has("chain"))
    check_chain(root.at("chain"), {subject.graph, subject.kernel, subject.isa, subject.level},
                options, report);
  if (!root.has("chain_absent"))
    return;
  const Part absent = root.at("chain_absent");
  if (root.has("chain"))
    absent.refuse("there is a chain");
  if (absent.text().empty())
    absent.refuse("says nothing");
  report.steps.push_back("no chain of rewriting; it says why: " + absent.text());
}

void check_kernel_certificate(const Part &root, const CheckOptions &options, CheckReport &report) {
  check_version(root, kCertificateVersion);
  root.only({"format", "version", "tool", "options", "program", "isa", "profile", "kernel", "claim",
             "lemmas", "chain", "chain_absent", "optimality", "bounds", "sha256"});
  const Part tool = root.at("tool");
  tool.only({"name", "version"});
  tool.at("name").text();
  tool.at("version").text();
  Subject subject = read_subject(root);
  report.steps.push_back(fmt::format(
      "program, ISA {} and kernel of {} instructions read; the kernel breaks no rule of the ISA",
      subject.isa.name, subject.kernel.instructions.size()));
  check_profile(root.at("profile"), subject);
  check_claim(root.at("claim"), subject);
  report.level = semantics::name(subject.level);
  check_options(root, subject);
  std::set<std::string> listed = check_lemmas(root.at("lemmas"), options, report);
  check_equality(root, subject, listed, report);
  check_chain_or_reason(root, subject, options, report);
  if (root.has("optimality")) {
    OptimalityFinding found = check_optimality(root.at("optimality"), subject.kernel, subject.isa);
    report.has_bound = true;
    report.cost = found.cost;
    report.bound = found.bound;
    report.steps.push_back(fmt::format("{} landmarks: each unavoidable in the placement graph, "
                                       "together {} of the kernel's {} {}{}",
                                       found.landmarks, found.bound, found.cost, found.model,
                                       searched_values(found.saturation)));
  }
  if (root.has("bounds"))
    check_bounds(root.at("bounds"), subject, report);
  check_digest(root);
}

} // namespace

CheckReport check_certificate(const semantics::SourceRef &source, const CheckOptions &options) {
  nlohmann::json json = parse_json(source);
  Part root(json, source);
  CheckReport report;
  try {
    const std::string &format = root.at("format").text();
    if (format == "isamorph certificate") {
      check_kernel_certificate(root, options, report);
    } else if (format == "isamorph rewrite proof") {
      check_version(root, kRewriteProofVersion);
      check_rewrite_proofs(root, report);
    } else {
      root.at("format").refuse("'" + format + "' is no format that isamorph checks");
    }
    report.accepted = true;
  } catch (const Refused &refused) {
    report.reason = refused.reason;
    report.undecided = refused.undecided;
  }
  return report;
}

} // namespace isamorph::verify
