#include "search/extraction_exact.h"

#include "search/extraction_bound.h"
#include "search/extraction_local.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace isamorph::search {
namespace {

/// Rounds of perturbation of the greedy extractor.
constexpr std::uint64_t kGreedyPerturbations = 10;
/// Rounds in vain before the first proof is tried, and between proofs.
constexpr std::uint64_t kFirstPerturbations = 50;

/// Dropping this part of the nodes is a reason to simplify again.
constexpr std::uint32_t kWorthSimplifying = 32;

/// A root needs at least its cheapest node.
CutBound cheapest_roots(const ExtractionProblem &problem) {
  CutBound out;
  out.reduced = problem.cost;
  out.bound = problem.constant;
  for (std::uint32_t root : problem.roots) {
    std::int64_t least = kNoCost;
    for (std::uint32_t n = problem.class_at[root]; n < problem.class_at[root + 1]; ++n)
      least = std::min(least, problem.cost[n]);
    out.bound += least;
    for (std::uint32_t n = problem.class_at[root]; n < problem.class_at[root + 1]; ++n)
      out.reduced[n] -= least;
  }
  out.below.assign(problem.classes(), 0);
  out.above.assign(problem.classes(), 0);
  return out;
}

CutBound bound_of(const ExtractionProblem &problem, std::int64_t limit, bool landmarks) {
  return landmarks ? cut_bound(problem, Users(problem), limit) : cheapest_roots(problem);
}

/// The problem with the class needed in any case.
ExtractionProblem with_class(ExtractionProblem problem, std::uint32_t c) {
  auto at = std::lower_bound(problem.roots.begin(), problem.roots.end(), c);
  problem.roots.insert(at, c);
  return problem;
}

/// The problem without some nodes.
template <typename Keep> ExtractionProblem filtered(const ExtractionProblem &problem, Keep keep) {
  ExtractionProblem out;
  for (std::uint32_t c = 0; c < problem.classes(); ++c) {
    out.add_class();
    for (std::uint32_t n = problem.class_at[c]; n < problem.class_at[c + 1]; ++n)
      if (keep(n))
        out.add_node(problem.cost[n], problem.children(n), problem.origins(n));
  }
  out.roots = problem.roots;
  out.constant = problem.constant;
  out.taken = problem.taken;
  return out;
}

void keep(const LocalSearch &local, std::int64_t &limit, Outcome &best) {
  if (local.cost() >= limit)
    return;
  limit = best.cost = local.cost();
  best.origins = origins_of(local.problem(), local.solution());
}

void keep_better(Outcome &best, Outcome other) {
  if (other.cost < best.cost) {
    best.cost = other.cost;
    best.origins = std::move(other.origins);
  }
}

} // namespace

Outcome ExtractionSearch::solve(ExtractionProblem problem, std::int64_t limit, bool exact) {
  exact_ = exact;
  progress_.cost = std::numeric_limits<double>::infinity();
  return solve(std::move(problem), limit, 0);
}

Outcome ExtractionSearch::solve(ExtractionProblem problem, std::int64_t limit, int depth) {
  std::optional<ExtractionProblem> simple = simplify(std::move(problem), simplify_options());
  if (!simple)
    return {kNoCost, {}, kNoCost};
  if (simple->classes() == 0)
    return simple->constant < limit ? Outcome{simple->constant, simple->taken, simple->constant}
                                    : Outcome{kNoCost, {}, simple->constant};
  if (options_.decompose)
    return solve_parts(*simple, limit, depth);
  return solve_part(std::move(*simple), limit, depth);
}

/// Each part gets what the bounds of the others leave of the limit.
Outcome ExtractionSearch::solve_parts(const ExtractionProblem &problem, std::int64_t limit,
                                      int depth) {
  std::vector<ExtractionProblem> parts = decompose(problem);
  if (parts.size() == 1)
    return solve_part(std::move(parts[0]), limit, depth);
  std::vector<std::int64_t> bounds;
  std::int64_t sum = 0;
  for (const ExtractionProblem &part : parts) {
    bounds.push_back(bound_of(part, limit, options_.landmarks).bound);
    sum += bounds.back();
  }
  Outcome whole{0, {}, 0};
  double nodes = problem.nodes();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (sum >= limit)
      return {kNoCost, {}, sum};
    double own = parts[i].nodes();
    if (depth == 0)
      slice_ = budget_.share(own / nodes);
    nodes -= own;
    Outcome part = solve_part(std::move(parts[i]), limit - (sum - bounds[i]), depth);
    sum += std::max<std::int64_t>(part.bound - bounds[i], 0);
    if (!part.found())
      return {kNoCost, {}, std::min(sum, kNoCost)};
    whole.cost += part.cost;
    whole.origins.insert(whole.origins.end(), part.origins.begin(), part.origins.end());
  }
  whole.bound = sum;
  if (whole.cost >= limit)
    return {kNoCost, {}, sum};
  return whole;
}

Outcome ExtractionSearch::solve_part(ExtractionProblem part, std::int64_t limit, int depth) {
  Outcome best;
  CutBound bound = bound_of(part, limit, options_.landmarks);
  best.bound = bound.bound;
  if (bound.bound >= limit)
    return best;
  if (depth == 0)
    solve_first(part, bound, limit, best);
  else
    solve_deeper(std::move(part), bound, limit, best, depth);
  return best;
}

void ExtractionSearch::solve_first(const ExtractionProblem &part, const CutBound &bound,
                                   std::int64_t limit, Outcome &best) {
  Users users(part);
  bool whole = limit == kNoCost; // not one of several parts
  if (whole)
    progress_.bound = static_cast<double>(bound.bound) / scale_;
  LocalSearch local = improve(part, users, bound, 0);
  keep(local, limit, best);
  if (whole)
    progress_.cost = static_cast<double>(limit) / scale_;
  if (bound.bound < limit && exact_ && !slice_.spent())
    prove(local, bound, limit, best);
}

void ExtractionSearch::solve_deeper(ExtractionProblem part, const CutBound &bound,
                                    std::int64_t limit, Outcome &best, int depth) {
  {
    Users users(part);
    keep(improve(part, users, bound, depth), limit, best);
  }
  if (bound.bound < limit && !slice_.spent())
    finish(std::move(part), bound, limit, best, depth);
}

/// Drops what is too expensive, and starts again when that was much; otherwise branches.
void ExtractionSearch::finish(ExtractionProblem part, const CutBound &bound, std::int64_t limit,
                              Outcome &best, int depth) {
  Outcome rest;
  std::uint32_t size = part.nodes();
  std::uint32_t dropped = options_.reduced_costs ? drop_expensive(part, bound, limit) : 0;
  if (dropped > 0 && dropped >= size / kWorthSimplifying)
    rest = solve(std::move(part), limit, depth + 1);
  else if (options_.branch_and_bound)
    rest = branch(part, limit, depth + 1);
  best.bound = std::max(best.bound, std::min(rest.bound, limit));
  keep_better(best, std::move(rest));
}

/// Raises the bound step by step: exhausts the solutions below a limit close to it, where most
/// nodes are too expensive, then below a higher one. Steps grow when they are easy and shrink when
/// they take more branches than allowed. Between steps, local search goes on until it has been in
/// vain too often.
void ExtractionSearch::prove(LocalSearch &local, const CutBound &bound, std::int64_t limit,
                             Outcome &best) {
  std::int64_t gap = limit - best.bound, step = std::max<std::int64_t>(1, gap / 16);
  std::uint64_t allowed = 64, idle = kFirstPerturbations;
  while (best.bound < limit && !slice_.spent()) {
    if (idle < options_.perturbations) {
      std::uint64_t rounds = std::min(options_.perturbations - idle, kFirstPerturbations);
      perturb(local, rounds);
      idle = local.cost() < limit ? 0 : idle + rounds;
      keep(local, limit, best);
    }
    std::int64_t target = limit - best.bound <= step ? limit : best.bound + step;
    allowance_ = branches_ + allowed;
    Outcome probe;
    probe.bound = best.bound;
    finish(local.problem(), bound, target, probe, 1);
    best.bound = std::max(best.bound, std::min(probe.bound, target));
    bool exhausted = probe.bound >= std::min(target, probe.cost);
    keep_better(best, std::move(probe));
    limit = std::min(limit, best.cost);
    if (exhausted) {
      step *= 2;
    } else if (!options_.branch_and_bound) {
      break;
    } else {
      step = std::max<std::int64_t>(std::max<std::int64_t>(1, gap / 1024), step / 2);
      allowed *= 2;
    }
    if (progress_.bound > 0) {
      progress_.bound = static_cast<double>(best.bound) / scale_;
      progress_.cost = static_cast<double>(limit) / scale_;
    }
  }
  allowance_ = std::numeric_limits<std::uint64_t>::max();
}

/// Local search from the cheapest trees, by cost and by what the bound leaves of it.
LocalSearch ExtractionSearch::improve(const ExtractionProblem &part, const Users &users,
                                      const CutBound &bound, int depth) {
  auto stop = [&] { return slice_.spent(); };
  auto from = [&](std::span<const std::int64_t> weights) {
    LocalSearch local(part, users, cheapest_derivations(part, users, weights));
    if (options_.local_search)
      local.descend(stop);
    if (depth == 0 && local.cost() > bound.bound)
      perturb(local, exact_ ? std::min(options_.perturbations, kFirstPerturbations)
                            : kGreedyPerturbations);
    return local;
  };
  LocalSearch by_cost = from(part.cost), by_rest = from(bound.reduced);
  return by_rest.cost() < by_cost.cost() ? by_rest : by_cost;
}

void ExtractionSearch::perturb(LocalSearch &local, std::uint64_t rounds) {
  if (options_.local_search && options_.perturbation)
    local.perturb(rounds, [&] {
      report();
      return slice_.spent();
    });
}

void ExtractionSearch::report() {
  auto now = std::chrono::steady_clock::now();
  if (!options_.progress || now - reported_ < std::chrono::milliseconds(100))
    return;
  reported_ = now;
  progress_.branches = branches_;
  options_.progress(progress_);
}

/// A class is needed, or it is not.
Outcome ExtractionSearch::branch(const ExtractionProblem &part, std::int64_t limit, int depth) {
  ++branches_;
  report();
  Users users(part);
  std::uint32_t chosen = kNoNode;
  std::size_t most = 0;
  for (std::uint32_t c = 0; c < part.classes(); ++c)
    if (!std::binary_search(part.roots.begin(), part.roots.end(), c) && users.of(c).size() > most) {
      most = users.of(c).size();
      chosen = c;
    }
  Outcome best;
  best.bound = kNoCost;
  auto take = [&](ExtractionProblem next) {
    Outcome outcome;
    if (!slice_.spent() && branches_ < allowance_)
      outcome = solve(std::move(next), std::min(limit, best.cost), depth);
    best.bound = std::min(best.bound, outcome.bound);
    keep_better(best, std::move(outcome));
  };
  if (chosen != kNoNode) {
    take(filtered(part, [&](std::uint32_t n) {
      auto list = part.children(n);
      return part.node_class[n] != chosen && !std::binary_search(list.begin(), list.end(), chosen);
    }));
    take(with_class(part, chosen));
    return best;
  }
  // Only roots: each choice for the one with the fewest nodes, which has more than one.
  for (std::uint32_t c = 0; c < part.classes(); ++c) {
    std::uint32_t size = part.class_at[c + 1] - part.class_at[c];
    if (size > 1 && (chosen == kNoNode || size < part.class_at[chosen + 1] - part.class_at[chosen]))
      chosen = c;
  }
  for (std::uint32_t n = part.class_at[chosen]; n < part.class_at[chosen + 1]; ++n)
    take(filtered(part, [&](std::uint32_t m) { return part.node_class[m] != chosen || m == n; }));
  return best;
}

} // namespace isamorph::search
