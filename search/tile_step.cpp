#include "search/tile_step.h"

#include "search/kernel_assembly.h"

#include <set>

namespace isamorph::search {

void Affine::add(std::uint32_t loop, std::int64_t factor) {
  if (factor == 0)
    return;
  auto [at, fresh] = factors.try_emplace(loop, 0);
  at->second += factor;
  if (at->second == 0)
    factors.erase(at);
}

std::int64_t OffChipPool::constant(const TensorRef &value) {
  for (const spec::Placed &known : constants_)
    if (*known.value == *value)
      return known.address;
  std::int64_t address = scratch(value->shape().bytes());
  constants_.push_back(
      {"constant_" + std::to_string(constants_.size()), address, value->shape(), value, {}});
  return address;
}

std::int64_t OffChipPool::scratch(std::int64_t bytes) {
  std::int64_t address = end_;
  end_ += bytes;
  return address;
}

namespace {

/// Turns the steps of a plan into calls: their attributes at the origin and one step along each
/// loop.
class AffineBinder {
public:
  AffineBinder(const StateSpace &space, const StepProblem &problem) : space_(space) {
    starts_.resize(space.locations().all.size());
    std::size_t i = 0;
    for (const Locations::Location &location : space.locations().all) {
      if (location.kind == Locations::Kind::Input)
        starts_[i] = problem.inputs[location.index].start;
      else if (location.kind == Locations::Kind::Output)
        starts_[i] = problem.outputs[location.index].start;
      for (const auto &[loop, factor] : starts_[i].factors)
        loops_.insert(loop);
      ++i;
    }
  }

  void set_address(std::uint32_t location, std::int64_t address) {
    starts_[location].base = address;
  }

  std::optional<AffineCall> call(const PlanStep &step) const {
    auto origin = bind(step, std::nullopt, 0);
    if (!origin)
      return std::nullopt;
    AffineCall out{space_.graph().instances[step.instance].instruction, {}};
    for (std::int64_t value : *origin)
      out.attributes.push_back({value, {}});
    for (std::uint32_t loop : loops_) {
      auto once = bind(step, loop, 1), twice = bind(step, loop, 2);
      for (std::size_t a = 0; once && a < origin->size(); ++a) {
        std::int64_t factor = (*once)[a] - (*origin)[a];
        if (twice && (*twice)[a] - (*once)[a] != factor)
          return std::nullopt;
        out.attributes[a].add(loop, factor);
      }
      if (!once)
        return std::nullopt;
    }
    return out;
  }

private:
  std::optional<std::vector<std::int64_t>>
  bind(const PlanStep &step, std::optional<std::uint32_t> loop, std::int64_t value) const {
    Locations layout = space_.locations();
    auto start = [&](std::size_t location) {
      const Affine &affine = starts_[location];
      auto factor = loop ? affine.factors.find(*loop) : affine.factors.end();
      return affine.base + (factor == affine.factors.end() ? 0 : factor->second * value);
    };
    for (std::size_t l = 0; l < layout.all.size(); ++l)
      if (layout.all[l].slot.buffer == space_.isa().off_chip)
        layout.all[l].address = start(l);
    auto slots = [&](const std::vector<std::uint32_t> &ids) {
      std::vector<Slot> out;
      for (std::uint32_t id : ids) {
        out.push_back(space_.slot(id));
        if (id < layout.all.size() && out.back().buffer != space_.isa().off_chip &&
            !out.back().starts.empty())
          out.back().starts[0] = start(id);
      }
      return out;
    };
    return space_.bind(step.instance, step.fixed, slots(step.reads), slots(step.writes), layout);
  }

  const StateSpace &space_;
  std::vector<Affine> starts_; ///< by location
  std::set<std::uint32_t> loops_;
};

std::vector<std::vector<std::int64_t>> pinned_starts(const spec::Isa &isa,
                                                     std::span<const StepPlace> places) {
  std::vector<std::vector<std::int64_t>> out;
  for (const StepPlace &place : places) {
    out.emplace_back(isa.buffer(place.vertex.buffer).addressed.size(), 0);
    if (!out.back().empty())
      out.back()[0] = place.start.base;
  }
  return out;
}

std::vector<Vertex> vertices(std::span<const StepPlace> places) {
  std::vector<Vertex> out;
  for (const StepPlace &place : places)
    out.push_back(place.vertex);
  return out;
}

} // namespace

StepPlanner::StepPlanner(const TensorEGraph &egraph, const spec::Isa &isa,
                         costmodel::CostModel model, const PlannerOptions &options)
    : egraph_(egraph), isa_(isa),
      // Steps are planned for a sum of costs; how they overlap is seen in the whole kernel.
      model_(model == costmodel::CostModel::Overlap ? costmodel::CostModel::Latency : model),
      options_(options) {}

const PlacementGraph &StepPlanner::placements(const StepProblem &problem) {
  std::array key = {vertices(problem.inputs), vertices(problem.outputs)};
  auto known = graphs_.find(key);
  if (known == graphs_.end())
    known =
        graphs_.emplace(key, build_placement_graph(egraph_, isa_, model_, key[0], key[1])).first;
  return known->second;
}

std::optional<Step> StepPlanner::plan(const StepProblem &problem, OffChipPool &pool) {
  if (problem.outputs.empty())
    return Step{};
  const PlacementGraph &graph = placements(problem);
  if (!graph.reachable)
    return std::nullopt;
  StateSpace space(graph, isa_, egraph_,
                   {true, problem.reserved, pinned_starts(isa_, problem.inputs),
                    pinned_starts(isa_, problem.outputs)});
  PlanResult found = search::plan(space, options_);
  expanded_ += found.expanded;
  stopped_ |=
      found.status == PlanResult::Status::Feasible || found.status == PlanResult::Status::Stopped;
  if (found.status != PlanResult::Status::Optimal && found.status != PlanResult::Status::Feasible)
    return std::nullopt;

  std::vector<PlanStep> steps = real_steps(space, found.plan);
  AffineBinder binder(space, problem);
  std::set<std::uint32_t> used;
  for (const PlanStep &step : steps)
    for (const auto *slots : {&step.reads, &step.writes})
      used.insert(slots->begin(), slots->end());
  for (std::uint32_t slot : used) {
    if (slot >= space.locations().all.size())
      continue;
    const Locations::Location &location = space.locations().all[slot];
    if (location.kind == Locations::Kind::Constant)
      binder.set_address(slot, pool.constant(typed_constant(
                                   egraph_, space.graph().vertices[location.vertex.v].value)));
    else if (location.kind == Locations::Kind::Scratch)
      binder.set_address(slot, pool.scratch(location.bytes));
  }
  Step out;
  out.cost = found.plan.cost;
  for (const PlanStep &step : steps) {
    auto call = binder.call(step);
    if (!call)
      return std::nullopt;
    out.calls.push_back(std::move(*call));
  }
  return out;
}

} // namespace isamorph::search
