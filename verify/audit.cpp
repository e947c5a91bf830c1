#include "verify/audit.h"
#include "verify/in_parallel.h"
#include "verify/parameter_shapes.h"

#include "verify/differential.h"
#include "verify/normalize.h"
#include "verify/prover.h"
#include "verify/real_polynomial.h"
#include "verify/smallest.h"

#include <algorithm>
#include <fmt/format.h>
#include <mutex>

namespace isamorph::verify {
namespace {

using semantics::Tensor;
using semantics::TensorGraph;

/// Tests of one instance; the styles of test_input take turns.
constexpr int kTests = 270;
constexpr int kMinimizingTests = 400;
/// For one obligation of the proof for all sizes.
constexpr unsigned kProverTimeoutMs = 60'000;

/// Both sides of one instance as terms.
struct Terms {
  Terms(const RuleInstance &instance, const semantics::NumericsProfile &profile,
        const StopToken &stop)
      : graph(profile) {
    graph.stop_with(&stop);
    auto inputs = symbolic_inputs(graph, parameter_shapes(instance.left));
    left = execute(graph, instance.left, inputs).at(0);
    right = execute(graph, instance.right, inputs).at(0);
  }

  bool equal() const { return left.elements == right.elements; }

  bool equal_at_finite() const {
    TermGraph scratch = graph;
    Normalizer normalizer(scratch);
    for (std::size_t i = 0; i < left.elements.size(); ++i) {
      TermId l = left.elements[i], r = right.elements[i];
      if (l != r && (normalizer.normalize(l) != normalizer.normalize(r) || normalizer.blocked(l) ||
                     normalizer.blocked(r)))
        return false;
    }
    return true;
  }

  TermGraph graph;
  SymbolicTensor left, right;
};

class Auditor {
public:
  Auditor(const RuleSubject &subject, const AuditOptions &options)
      : subject_(subject), options_(options),
        stop_(options.interrupt, std::numeric_limits<double>::infinity()) {}

  AuditRow run() {
    row_.rule = subject_.rule;
    if (subject_.instances.empty()) {
      unknown_at_all("no sizes were found at which both sides have a value");
      return row_;
    }
    for (const RuleInstance &instance : subject_.instances) {
      reach_ += (reach_.empty() ? "" : "; ") + shapes_text(instance);
      terms_.emplace_back(instance, options_.profile, stop_);
    }
    if (std::all_of(terms_.begin(), terms_.end(), [](const Terms &t) { return t.equal(); })) {
      holds(Level::Bits, "equal terms");
      return row_;
    }
    if (std::all_of(terms_.begin(), terms_.end(),
                    [](const Terms &t) { return t.equal_at_finite(); }))
      holds(Level::Finite, "equal normal forms");
    else
      decide_reals();
    if (row_.at(Level::Finite).outcome == Outcome::Unknown)
      refute(Level::Finite);
    if (row_.at(Level::Finite).outcome == Outcome::Different)
      row_.at(Level::Bits) = row_.at(Level::Finite);
    else
      refute(Level::Bits);
    return row_;
  }

private:
  const RuleSubject &subject_;
  const AuditOptions &options_;
  StopToken stop_;
  std::vector<Terms> terms_;
  std::string reach_;
  AuditRow row_;

  void unknown_at_all(const std::string &reason) {
    for (LevelAnswer &answer : row_.levels)
      answer.reason = reason;
  }

  /// At a level and so at the weaker ones.
  void holds(Level level, const std::string &method) {
    row_.at(level) = {Outcome::Equivalent, method, reach_, {}, {}};
    for (Level weaker : {Level::Finite, Level::Real})
      if (semantics::implies(level, weaker) && weaker != level)
        row_.at(weaker) = {
            Outcome::Equivalent, "holds at " + std::string(semantics::name(level)), reach_, {}, {}};
  }

  void decide_reals() {
    LevelAnswer &answer = row_.at(Level::Real);
    answer = {Outcome::Equivalent, "equal polynomials", reach_, {}, {}};
    for (std::size_t i = 0; i < subject_.instances.size(); ++i) {
      const RuleInstance &instance = subject_.instances[i];
      RealVerdict verdict = compare_over_reals(instance.left, instance.right, stop_);
      if (verdict.outcome == Outcome::Equivalent)
        continue;
      answer = {verdict.outcome, {}, {}, verdict.reason, {}};
      if (!verdict.difference)
        continue; // larger sizes may refute yet
      answer.method = "rational numbers";
      answer.witness = witness(i, verdict.difference->inputs, verdict.difference->element);
      answer.witness->left = verdict.difference->left;
      answer.witness->right = verdict.difference->right;
      return;
    }
  }

  RuleWitness witness(std::size_t instance, std::vector<Tensor> inputs,
                      std::int64_t element) const {
    RuleWitness out;
    const TensorGraph &graph = subject_.instances[instance].left;
    for (semantics::NodeId p : graph.parameters)
      out.names.push_back(graph[p].name);
    for (const Tensor &input : inputs)
      for (std::int64_t i = 0; i < input.elements(); ++i)
        out.nonzero_inputs += input.bits(i) != 0;
    out.inputs = std::move(inputs);
    out.instance = instance;
    out.element = element;
    return out;
  }

  /// Of the inputs of an instance that show a difference of the floats; `found` is one.
  RuleWitness smallest_witness(std::size_t i, const Program &right, Counterexample found,
                               DifferentialOptions tests) const {
    const RuleInstance &instance = subject_.instances[i];
    tests.max_tests = 0;
    tests.minimize = false;
    auto accepts = [&](const std::vector<Tensor> &inputs) {
      tests.first = {inputs};
      auto again = compare_programs(instance.left, right, options_.profile, terms_[i].graph, tests);
      if (again.counterexample)
        found = *std::move(again.counterexample);
      return again.counterexample.has_value();
    };
    Smallest shown = smallest(instance.left, instance.right, options_.profile, tests.level,
                              found.inputs, {accepts, [] { return false; }}, stop_);
    RuleWitness out = witness(i, std::move(shown.inputs), found.element);
    ElementType type = instance.left[instance.left.results[0]].shape.type;
    out.least = shown.least;
    out.left = semantics::element_text(type, found.expected);
    out.right = semantics::element_text(type, found.actual);
    return out;
  }

  /// Looks for inputs at which the floats differ, beginning with those at which the reals do.
  void refute(Level level) {
    LevelAnswer &answer = row_.at(level);
    DifferentialOptions tests;
    tests.level = level;
    tests.seed = options_.seed;
    tests.max_tests = kTests;
    tests.max_minimizing_tests = kMinimizingTests;
    tests.time_limit_seconds = std::numeric_limits<double>::infinity();
    tests.interrupt = options_.interrupt;
    std::int64_t run = 0;
    for (std::size_t i = 0; i < subject_.instances.size(); ++i) {
      const RuleInstance &instance = subject_.instances[i];
      tests.first.clear();
      const auto &real = row_.at(Level::Real).witness;
      if (real && real->instance == i)
        tests.first.push_back(real->inputs);
      Program right = [&](std::span<const Tensor> inputs) {
        return semantics::evaluate(instance.right, inputs, options_.profile);
      };
      DifferentialResult result =
          compare_programs(instance.left, right, options_.profile, terms_[i].graph, tests);
      run += result.tests;
      if (!result.counterexample)
        continue;
      answer = {Outcome::Different, "test inputs", {}, {}, {}};
      answer.witness = smallest_witness(i, right, std::move(*result.counterexample), tests);
      return;
    }
    answer.reason = fmt::format("the terms differ, but {} test inputs show no difference", run);
  }
};

AuditRow audit(const RuleSubject &subject, const AuditOptions &options) {
  AuditRow row;
  row.rule = subject.rule;
  std::string reason = "interrupted";
  if (!options.interrupt || !options.interrupt->load()) {
    try {
      return Auditor(subject, options).run();
    } catch (const semantics::InputError &error) {
      reason = error.message();
    } catch (const TooMuchWork &error) {
      reason = error.what();
    } catch (const Stopped &stopped) {
      reason = stopped.what();
    }
  }
  for (LevelAnswer &answer : row.levels)
    answer.reason = reason;
  return row;
}

/// Carries what holds at `bits` to all sizes where the rule's proof does.
void prove_all_sizes(std::span<const RuleSubject> subjects, const AuditOptions &options,
                     std::vector<AuditRow> &rows) {
  std::vector<semantics::RewriteRule> rules;
  std::vector<std::size_t> owners;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (subjects[i].general && rows[i].at(Level::Bits).outcome == Outcome::Equivalent) {
      rules.push_back(*subjects[i].general);
      rules.back().level = Level::Bits;
      owners.push_back(i);
    }
  ProveOptions how;
  how.timeout_ms = kProverTimeoutMs;
  how.use_cache = options.use_cache;
  how.jobs = options.jobs;
  how.interrupt = options.interrupt;
  how.progress = options.progress;
  std::vector<ClaimProof> proofs = prove_rules(rules, how);
  for (std::size_t p = 0; p < proofs.size(); ++p)
    if (proofs[p].answer == SmtAnswer::Proved) {
      AuditRow &row = rows[owners[p]];
      row.at(Level::Bits).method += " and index maps";
      for (LevelAnswer &answer : row.levels)
        answer.reach = "all sizes";
    }
}

} // namespace

std::vector<AuditRow> audit_rules(std::span<const RuleSubject> subjects,
                                  const AuditOptions &options) {
  std::vector<AuditRow> rows(subjects.size());
  std::mutex mutex;
  std::size_t done = 0;
  in_parallel(subjects.size(), options.jobs, [&](std::size_t i) {
    rows[i] = audit(subjects[i], options);
    std::lock_guard lock(mutex);
    ++done;
    if (options.progress)
      options.progress(fmt::format("{} of {} equalities", done, subjects.size()));
  });
  if (options.all_sizes)
    prove_all_sizes(subjects, options, rows);
  return rows;
}

} // namespace isamorph::verify
