#include "search/search.h"

#include "search/explain.h"
#include "search/isa_views.h"
#include "search/joint_moves.h"
#include "search/kernel_assembly.h"
#include "search/makespan.h"
#include "search/planned_arms.h"
#include "search/saturate.h"

#include <fmt/format.h>

#include <chrono>

namespace isamorph::search {

using semantics::TensorGraph;

namespace {

class Stopwatch {
public:
  /// Seconds since construction or the last lap.
  double lap() {
    auto now = std::chrono::steady_clock::now();
    double seconds = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    return seconds;
  }

private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

/// "stopped by the time limit", "interrupted".
std::string stopped_text(const std::string &by) {
  return by == "interrupted" ? by : "stopped by the " + by;
}

class Search {
public:
  Search(const TensorGraph &graph, const spec::Isa &isa,
         std::span<const semantics::RewriteRule> rules, const SearchOptions &options)
      : graph_(graph.without_dead_nodes()), given_(isa), arms_(isa), isa_(arms_.isa()),
        rules_(rules), options_(options), egraph_(isa.numerics) {}

  SearchResult run() {
    Stopwatch watch;
    saturate_graph();
    result_.seconds.saturate = watch.lap();
    PlacementGraph placements =
        build_placement_graph(egraph_, isa_, options_.cost, parameter_images_, result_images_);
    result_.vertices = placements.vertices.size();
    result_.instances = placements.instances.size();
    if (!placements.reachable && !result_.bound_holds_for_all()) {
      result_.seconds.match = watch.lap();
      result_.status = SearchResult::Status::OutOfTime;
      result_.reason = "no kernel among the rewritings that were searched";
    } else if (!placements.reachable) {
      result_.seconds.match = watch.lap();
      result_.status = SearchResult::Status::Infeasible;
      result_.reason = explain_unreachable(egraph_, isa_, graph_, classes_, placements);
      result_.exhaustive = true;
    } else {
      add_joint_moves(placements, egraph_, isa_, options_.cost, rules_, options_.level);
      // Under `overlap` places differ in when they are free: none are interchangeable. A value's
      // own place always is.
      StateSpace space(placements, isa_, egraph_, {options_.cost != costmodel::CostModel::Overlap});
      result_.seconds.match = watch.lap();
      make_plan(space);
      certify(space);
      result_.seconds.plan = watch.lap();
    }
    if (!placements.undetermined.empty() && result_.status != SearchResult::Status::OutOfTime) {
      result_.undetermined = true;
      result_.exhaustive = false;
      result_.reason += (result_.reason.empty() ? "" : "; ") +
                        explain_undetermined(isa_, placements.undetermined.front());
    }
    if (!result_.bound_holds_for_all())
      say_that_more_rewritings_exist();
    return std::move(result_);
  }

private:
  void say_that_more_rewritings_exist() {
    if (result_.status == SearchResult::Status::Optimal)
      result_.status = SearchResult::Status::Feasible;
    if (result_.saturation && *result_.saturation != StopReason::Saturated)
      result_.reason += fmt::format("{}not every rewriting was searched ({})",
                                    result_.reason.empty() ? "" : "; ", name(*result_.saturation));
  }

  void saturate_graph() {
    classes_ = egraph_.add_graph(graph_);
    std::vector<ClassId> parameters, results;
    for (semantics::NodeId id : graph_.parameters) {
      parameters.push_back(classes_[id.v]);
      parameter_images_.push_back(egraph_.add_bytes(classes_[id.v]));
    }
    for (semantics::NodeId id : graph_.results) {
      results.push_back(classes_[id.v]);
      result_images_.push_back(egraph_.add_bytes(classes_[id.v]));
    }
    add_tiles(egraph_, isa_, folds());
    SaturationLimits limits{options_.max_enodes, options_.max_iterations,
                            options_.time_limit_seconds / 2, options_.interrupt,
                            saturation_progress()};
    SaturationReport report =
        saturate(egraph_, isa_, rules_, options_.level, limits, parameters, results);
    result_.saturation = report.reason;
    result_.iterations = report.iterations.size();
    result_.enodes = egraph_.graph().node_count();
    result_.eclasses = egraph_.graph().class_count();
  }

  std::function<void(std::size_t, IterationCounts)> saturation_progress() const {
    if (!options_.progress)
      return {};
    return [this](std::size_t iterations, IterationCounts now) {
      Progress out;
      out.enodes = now.nodes;
      out.iterations = iterations;
      options_.progress(out);
    };
  }

  /// The program's dots, reductions and the like.
  std::vector<ClassId> folds() const {
    std::vector<ClassId> out;
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i)
      if (semantics::info(graph_.nodes[i].op).cls == semantics::OpClass::Fold)
        out.push_back(classes_[i]);
    return out;
  }

  void make_plan(StateSpace &space) {
    PlannerOptions planner;
    double spent = result_.seconds.saturate + result_.seconds.match;
    planner.seconds = std::max(0.0, options_.time_limit_seconds - spent);
    planner.seconds_to_first = std::max(0.0, options_.seconds_to_first_kernel - spent);
    planner.interrupt = options_.interrupt;
    planner.progress = options_.progress;
    planner.max_states = options_.max_states;
    planner.jobs = options_.jobs;
    planner.checkpoint = options_.checkpoint;
    PlanResult found = options_.cost == costmodel::CostModel::Overlap
                           ? plan_makespan(space, planner)
                           : plan(space, planner);
    result_.states_expanded = found.expanded;
    result_.states_evaluated = found.evaluated;
    result_.bound = found.bound;
    bool finished = true;
    switch (found.status) {
    case PlanResult::Status::Optimal:
      result_.status = SearchResult::Status::Optimal;
      break;
    case PlanResult::Status::Feasible:
      result_.status = SearchResult::Status::Feasible;
      result_.reason = stopped_text(found.stopped_by) + ": a cheaper kernel may exist";
      finished = false;
      break;
    case PlanResult::Status::Infeasible:
      result_.status = SearchResult::Status::Infeasible;
      result_.reason =
          "every operation is covered by instructions, but no order of them fits the buffers of " +
          isa_.name;
      break;
    case PlanResult::Status::Stopped:
      result_.status = SearchResult::Status::OutOfTime;
      result_.reason = stopped_text(found.stopped_by) + " before a kernel was found";
      finished = false;
      break;
    }
    result_.exhaustive = result_.bound_holds_for_all() && finished;
    result_.cut_short = !finished;
    if (found.status != PlanResult::Status::Optimal && found.status != PlanResult::Status::Feasible)
      return;
    result_.kernel =
        assemble_kernel(space, found.plan, egraph_, kernel_tensors(graph_), kernel_name(graph_));
    arms_.to_instructions(*result_.kernel);
    result_.cost = costmodel::cost(given_, *result_.kernel, options_.cost);
    assert(result_.cost == found.plan.cost);
  }

  void certify(const StateSpace &space) {
    result_.certificate.task = space.relaxed();
    if (options_.cost == costmodel::CostModel::Overlap)
      choose_unit(space);
    std::vector<std::string> values = value_names(egraph_, graph_, classes_);
    result_.certificate.fact_names = fact_names(space, values);
    result_.certificate.action_names = action_names(space, values);
    if (auto bound = lm_cut(result_.certificate.task))
      result_.certificate.landmarks = std::move(*bound);
  }

  /// The task of the unit that must work longest.
  void choose_unit(const StateSpace &space) {
    std::int64_t longest = -1;
    for (std::uint32_t unit = 0; unit < isa_.units.size(); ++unit) {
      RelaxedTask task = space.relaxed();
      for (std::size_t a = 0; a < task.actions.size(); ++a) {
        const Instance &instance = space.graph().instances[space.variants()[a].instance];
        if (isa_.instructions[instance.instruction].cost.unit != unit)
          task.actions[a].cost = 0;
      }
      auto bound = lm_cut(task);
      if (!bound || bound->bound <= longest)
        continue;
      longest = bound->bound;
      result_.certificate.unit = unit;
      result_.certificate.task = std::move(task);
    }
  }

  TensorGraph graph_;
  const spec::Isa &given_;
  PlannedArms arms_;
  const spec::Isa &isa_; ///< what is searched: the arms, or the ISA itself
  std::span<const semantics::RewriteRule> rules_;
  const SearchOptions &options_;
  TensorEGraph egraph_;
  std::vector<ClassId> classes_, parameter_images_, result_images_;
  SearchResult result_;
};

} // namespace

SearchResult find_kernel(const TensorGraph &graph, const spec::Isa &isa,
                         std::span<const semantics::RewriteRule> rules,
                         const SearchOptions &options) {
  if (!options.checkpoint.empty() && options.cost == costmodel::CostModel::Overlap)
    throw semantics::InputError("no checkpoints with the cost model overlap");
  Stopwatch watch;
  SearchResult result = Search(graph, isa, rules, options).run();
  double left = options.time_limit_seconds;
  if (result.status != SearchResult::Status::Infeasible || !options.try_weaker_levels)
    return result;
  for (semantics::Level level : {semantics::Level::Finite, semantics::Level::Real}) {
    if (level <= options.level)
      continue;
    SearchOptions weaker = options;
    weaker.level = level;
    weaker.time_limit_seconds = left = std::max(0.0, left - watch.lap());
    weaker.progress = nullptr;
    weaker.checkpoint.clear();
    SearchResult other = Search(graph, isa, rules, weaker).run();
    if (!other.kernel)
      continue;
    result.weaker = level;
    result.reason += fmt::format("; at the level {} there is a kernel", semantics::name(level));
    break;
  }
  return result;
}

} // namespace isamorph::search
