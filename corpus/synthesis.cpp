#include "corpus/synthesis.h"

#include "corpus/offered_facts.h"
#include "search/rewrite_chain.h"
#include "search/tiling.h"
#include "semantics/hlo.h"
#include "semantics/sum_rules.h"
#include "spec/unroll.h"
#include "verify/certificate.h"
#include "verify/checker/kernel_terms.h"
#include "verify/checker/refusal.h"
#include "verify/equivalence.h"
#include "verify/profile_rules.h"

#include <chrono>
#include <fmt/format.h>
#include <optional>

namespace isamorph::corpus {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

std::string progress_line(const search::Progress &p) {
  std::string best = p.best ? std::to_string(*p.best) : std::string("none");
  if (p.enodes != 0)
    return fmt::format("rewriting: iteration {}, {} e-nodes, best {}", p.iterations + 1, p.enodes,
                       best);
  return fmt::format("planning: {} states, best {}, bound {}", p.expanded, best, p.bound);
}

search::SearchOptions search_options(const SynthesisOptions &options) {
  search::SearchOptions out;
  out.level = options.level;
  out.cost = options.cost;
  out.time_limit_seconds = options.time_limit_seconds;
  out.jobs = options.jobs;
  out.checkpoint = options.checkpoint;
  out.interrupt = options.interrupt;
  if (options.progress)
    out.progress = [report = options.progress](const search::Progress &p) {
      report(progress_line(p));
    };
  return out;
}

void add_search_seconds(Synthesis &out) {
  out.seconds.emplace_back("saturate", out.search.seconds.saturate);
  out.seconds.emplace_back("match", out.search.seconds.match);
  out.seconds.emplace_back("plan", out.search.seconds.plan);
}

/// Those of some rules that are proved under a profile (of all levels: when a level has no kernel,
/// weaker ones are tried, to say so). Rules and lemmas proved before are remembered; a first run
/// proves them.
std::vector<semantics::RewriteRule> proved_rules(std::span<const semantics::RewriteRule> rules,
                                                 const semantics::NumericsProfile &profile,
                                                 const SynthesisOptions &options) {
  verify::ProveOptions how;
  how.use_cache = options.use_cache;
  how.jobs = options.jobs;
  how.interrupt = options.interrupt;
  how.progress = options.progress;
  how.ways = verify::ways_with(profile);
  std::vector<verify::ClaimProof> proofs = verify::prove_rules(rules, how);
  std::vector<semantics::RewriteRule> out;
  for (std::size_t i = 0; i < rules.size(); ++i)
    if (auto rule = verify::rule_under(profile, rules[i], proofs[i]))
      out.push_back(*std::move(rule));
  return out;
}

verify::OptimalityClaim optimality_claim(const search::SearchResult &result, const spec::Isa &isa,
                                         costmodel::CostModel model) {
  const search::OptimalityCertificate &from = result.certificate;
  verify::OptimalityClaim out;
  out.model = costmodel::name(model);
  if (from.unit)
    out.unit = isa.units[*from.unit];
  out.cost = result.cost;
  out.bound = result.bound;
  out.landmark_bound = from.landmarks.bound;
  if (result.saturation)
    out.saturation = search::name(*result.saturation);
  out.facts = from.fact_names;
  for (std::size_t a = 0; a < from.task.actions.size(); ++a) {
    const search::RelaxedAction &action = from.task.actions[a];
    out.actions.push_back({from.action_names[a], action.needs, action.adds, action.cost});
  }
  out.initial = from.task.initial;
  out.goal = from.task.goal;
  for (const search::Landmark &landmark : from.landmarks.landmarks)
    out.landmarks.push_back({landmark.actions, landmark.weight});
  return out;
}

verify::BoundsClaim bounds_claim(const Synthesis &from, const semantics::TensorGraph &graph,
                                 const spec::Isa &isa, costmodel::CostModel model) {
  search::TrafficBound traffic = search::traffic_bound(graph, isa);
  verify::BoundsClaim out;
  out.model = costmodel::name(model);
  out.cost = from.search.cost;
  out.cost_bound = search::cost_bound(traffic, isa, model);
  out.bytes = from.traffic.total();
  out.loaded = traffic.loaded;
  out.stored = traffic.stored;
  out.moved = out.bytes_bound = traffic.total();
  out.multiplied = traffic.multiplications;
  return out;
}

/// Longer kernels get no chain: it would take longer to find than the kernel, and to read.
constexpr std::int64_t kMostChained = 1024;
/// Chains are found among fewer e-nodes, or saturation takes longer than the search for the kernel.
constexpr std::size_t kMostChainNodes = 20'000;

/// The terms of a program's results and of what a kernel computes for them.
struct ChainEnds {
  semantics::TensorTerms terms;
  std::vector<semantics::NodeId> from, to;
};
/// Throws verify::Refused when the kernel has no term (see kernel_images).
ChainEnds chain_ends(const semantics::TensorGraph &graph, const spec::Isa &isa,
                     const spec::Kernel &kernel) {
  ChainEnds out;
  std::vector<semantics::NodeId> values = out.terms.add(graph), inputs;
  for (semantics::NodeId parameter : graph.parameters)
    inputs.push_back(values[parameter.v]);
  for (semantics::NodeId result : graph.results)
    out.from.push_back(out.terms.image(values[result.v]));
  out.to = verify::kernel_images(out.terms, kernel, isa, inputs);
  return out;
}

/// The proofs of a chain's rules, made anew; throws verify::Refused where one fails.
std::vector<verify::ClaimProof> proofs_of(const semantics::RewriteChain &chain,
                                          const SynthesisOptions &options) {
  verify::ProveOptions how;
  how.use_cache = false;
  how.jobs = options.jobs;
  how.interrupt = options.interrupt;
  std::vector<verify::ClaimProof> out = verify::prove_rules(chain.rules, how);
  for (std::size_t r = 0; r < out.size(); ++r)
    if (out[r].answer != verify::SmtAnswer::Proved)
      throw verify::Refused{"the proof of its rule '" + chain.rules[r].name + "' was stopped"};
  return out;
}

/// The chain of rewriting from the program to the kernel, or why the certificate has none. Sought
/// for so many seconds.
verify::ChainClaim chain_claim(const semantics::TensorGraph &graph, const spec::Isa &isa,
                               const spec::Kernel &kernel,
                               std::span<const semantics::RewriteRule> rules,
                               const SynthesisOptions &options, double seconds) {
  if (std::int64_t count = spec::instance_count(kernel); count > kMostChained)
    return {{},
            {},
            fmt::format("the kernel executes {} instructions; kernels of more than {} have "
                        "none",
                        count, kMostChained)};
  try {
    ChainEnds ends = chain_ends(graph, isa, kernel);
    search::ChainOptions how;
    how.level = options.level;
    how.limits.nodes = kMostChainNodes;
    how.limits.seconds = seconds;
    how.limits.interrupt = options.interrupt;
    std::vector<semantics::RewriteRule> sums =
        proved_rules(semantics::sum_rules(), isa.numerics, options);
    how.sums = sums;
    search::ChainSearch found = search::find_chain(ends.terms, ends.from, ends.to, isa, rules, how);
    if (!found.chain)
      return {{}, {}, found.absent};
    if (std::string why = semantics::unreadable(*found.chain); !why.empty())
      return {{}, {}, why};
    std::vector<verify::ClaimProof> proofs = proofs_of(*found.chain, options);
    return {*std::move(found.chain), std::move(proofs), {}};
  } catch (const verify::Refused &refused) {
    return {{}, {}, refused.reason};
  }
}

/// How much of the time limit a search for a kernel without loops may take that finds none: the
/// rest is for one of tiles.
constexpr double kShareWithoutLoops = 0.75;

/// A kernel without loops, or else one of tiles; if there is neither, the reason says what weaker
/// level would help. All within one time limit.
search::SearchResult find_any_kernel(const semantics::TensorGraph &graph, const spec::Isa &isa,
                                     std::span<const semantics::RewriteRule> rules,
                                     search::SearchOptions options) {
  using Status = search::SearchResult::Status;
  auto start = Clock::now();
  double limit = options.time_limit_seconds;
  auto left = [&] { return std::max(0.0, limit - since(start)); };
  options.try_weaker_levels = false;
  options.seconds_to_first_kernel = kShareWithoutLoops * limit;
  search::SearchResult whole = search::find_kernel(graph, isa, rules, options);
  if (whole.kernel)
    return whole;
  options.time_limit_seconds = left();
  search::SearchResult tiled = search::find_tiled_kernel(graph, isa, rules, options);
  bool none = whole.status == Status::Infeasible;
  if (tiled.kernel || (none && tiled.status != Status::Infeasible))
    return tiled;
  if (none) {
    options.try_weaker_levels = true;
    options.time_limit_seconds = left();
    whole = search::find_kernel(graph, isa, rules, options);
  }
  if (tiled.status == Status::Infeasible)
    whole.reason += "; " + tiled.reason;
  if (!whole.bound_holds_for_all()) { // that of tiles rests on no saturation
    whole.bound = tiled.bound;
    whole.saturation.reset();
  }
  return whole;
}

} // namespace

Synthesis synthesize(const semantics::TensorGraph &graph, const spec::Isa &isa,
                     const SynthesisOptions &options) {
  Synthesis out;
  auto start = Clock::now();
  std::vector<semantics::RewriteRule> rules =
      proved_rules(semantics::shipped_rules(), isa.numerics, options);
  for (semantics::RewriteRule &fact :
       proved_rules(offered_facts(graph, isa.numerics, options.level), isa.numerics, options))
    rules.push_back(std::move(fact));
  out.seconds.emplace_back("rules", since(start));
  out.search = find_any_kernel(graph, isa, rules, search_options(options));
  add_search_seconds(out);
  out.reason = out.search.reason;
  out.traffic_bound = search::traffic_bound(graph, isa);
  if (!out.search.kernel) {
    bool none = out.search.status == search::SearchResult::Status::Infeasible;
    out.outcome = none && !out.search.undetermined ? Synthesis::Outcome::Infeasible
                                                   : Synthesis::Outcome::OutOfTime;
    return out;
  }
  out.traffic = costmodel::traffic(isa, *out.search.kernel);
  if (options.progress)
    options.progress(
        fmt::format("proving {} instructions", out.search.kernel->instructions.size()));
  // The proof and what comes with it may take as long again as the search.
  auto begin = Clock::now(), proving = begin;
  verify::VerifyOptions verification;
  verification.level = options.level;
  // What the search was interrupted with is still proved; the next wish to stop is obeyed.
  bool before = options.interrupt && options.interrupt->load();
  if (before && options.proving_despite_interrupt)
    options.proving_despite_interrupt();
  verification.tests.interrupt = before ? nullptr : options.interrupt;
  verification.stop = {verification.tests.interrupt, options.time_limit_seconds};
  out.verdict = verify::verify_kernel(*out.search.kernel, isa, graph, verification);
  out.seconds.emplace_back("verify", since(begin));
  out.outcome = out.verdict.outcome == verify::Outcome::Equivalent ? Synthesis::Outcome::Found
                                                                   : Synthesis::Outcome::Unproved;
  if (out.outcome == Synthesis::Outcome::Unproved)
    out.reason =
        "the kernel that was found is not proved equal to the program: " + out.verdict.reason;
  if (options.certificate && out.outcome == Synthesis::Outcome::Found) {
    begin = Clock::now();
    std::optional<verify::OptimalityClaim> claim;
    if (out.search.kernel->loops.empty() && !out.search.certificate.task.goal.empty())
      claim = optimality_claim(out.search, isa, options.cost);
    verify::ChainClaim chain =
        chain_claim(graph, isa, *out.search.kernel, rules, options,
                    std::max(0.0, options.time_limit_seconds - since(proving)));
    out.chain_absent = chain.absent;
    out.seconds.emplace_back("chain", since(begin));
    begin = Clock::now();
    std::optional<verify::BoundsClaim> bounds; // where there are no landmarks
    if (!claim)
      bounds = bounds_claim(out, graph, isa, options.cost);
    out.certificate = verify::make_certificate(
        *out.search.kernel, isa, graph, out.verdict, claim ? &*claim : nullptr,
        {options.level, options.time_limit_seconds}, &chain, bounds ? &*bounds : nullptr);
    out.seconds.emplace_back("certificate", since(begin));
  }
  return out;
}

} // namespace isamorph::corpus
