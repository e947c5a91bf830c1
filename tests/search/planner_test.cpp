#include "search/kernel_assembly.h"
#include "search/makespan.h"
#include "search/planner.h"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

#include <unistd.h>

#include <filesystem>
#include <map>
#include <queue>
#include <set>

using namespace isamorph;
using namespace isamorph::search;
using semantics::IntExpr;
using semantics::IntOp;

namespace {

// A small machine: off-chip memory, two buffers, and five kinds of instruction. Values have 1 or 2
// rows of 4 bytes.
enum Kind : std::uint32_t { Load, Store, Combine, Back, InPlace, kKinds };

spec::Instruction instruction(const std::string &name, std::vector<std::string> computational,
                              std::vector<std::string> addresses) {
  spec::Instruction out;
  out.name = name;
  for (const auto &attribute : computational)
    out.symbols.integers.add(attribute);
  out.computational = static_cast<std::uint32_t>(computational.size());
  for (const auto &attribute : addresses)
    out.symbols.integers.add(attribute);
  out.cost.latency = 1;
  return out;
}

IntExpr variable(const spec::Instruction &owner, const std::string &name) {
  return IntExpr::variable(*owner.symbols.integers.find(name), name);
}

spec::Region region(const spec::Instruction &owner, std::uint32_t buffer, const std::string &start,
                    const std::string &n) {
  IntExpr extent = variable(owner, n);
  if (buffer == 0)
    extent = IntExpr::make(IntOp::Multiply, {extent, IntExpr(4)});
  return {buffer, {variable(owner, start)}, {extent}, {}};
}

struct Problem {
  spec::Isa isa;
  PlacementGraph graph;
  std::unique_ptr<TensorEGraph> egraph;
  std::vector<int> sizes; ///< rows of each value
  bool aligned = false;   ///< Combine writes to even addresses only
};

spec::Isa machine(std::int64_t size_1, std::int64_t size_2, bool aligned) {
  spec::Isa isa;
  isa.name = "small";
  isa.buffers.resize(3);
  isa.buffers[0] = {"d0", true, {0}, {}, ElementType::U8, {}};
  isa.buffers[1] = {"d1", false, {size_1}, {4}, ElementType::U8, {}};
  isa.buffers[2] = {"d2", false, {size_2}, {4}, ElementType::U8, {}};
  isa.units = {"mover", "worker"};
  isa.instructions.resize(kKinds);
  auto read = [](spec::Instruction &to, spec::Region from) {
    to.reads.push_back({"x", std::move(from), {}});
  };
  auto write = [](spec::Instruction &to, spec::Region at) {
    to.writes.push_back({"y", std::move(at)});
  };
  auto &load = isa.instructions[Load] = instruction("load", {"n"}, {"i", "o"});
  read(load, region(load, 0, "i", "n"));
  write(load, region(load, 1, "o", "n"));
  auto &store = isa.instructions[Store] = instruction("store", {"n"}, {"i", "o"});
  read(store, region(store, 1, "i", "n"));
  write(store, region(store, 0, "o", "n"));
  auto &combine = isa.instructions[Combine] =
      instruction("combine", {"n", "m", "k"}, {"a", "b", "o"});
  read(combine, region(combine, 1, "a", "n"));
  read(combine, region(combine, 1, "b", "m"));
  write(combine, region(combine, 2, "o", "k"));
  if (aligned)
    combine.constraints.push_back(IntExpr::make(
        IntOp::Equal,
        {IntExpr::make(IntOp::Modulo, {variable(combine, "o"), IntExpr(2)}), IntExpr(0)}));
  auto &back = isa.instructions[Back] = instruction("back", {"n"}, {"i", "o"});
  read(back, region(back, 2, "i", "n"));
  write(back, region(back, 1, "o", "n"));
  auto &in_place = isa.instructions[InPlace] = instruction("in_place", {"n"}, {"a"});
  read(in_place, region(in_place, 2, "a", "n"));
  write(in_place, region(in_place, 2, "a", "n"));
  for (std::uint32_t kind = 0; kind < kKinds; ++kind) {
    isa.instructions[kind].cost.unit = kind == Combine || kind == InPlace;
    isa.instructions[kind].cost.latency = kind + 1;
  }
  return isa;
}

/// Vertices: value v in buffer b has number 3 * v + b.
Problem random_problem() {
  Problem p;
  p.aligned = *rc::gen::inRange(0, 4) == 0;
  p.isa = machine(*rc::gen::inRange(1, 5), *rc::gen::inRange(1, 4), p.aligned);
  p.egraph = std::make_unique<TensorEGraph>(p.isa.numerics);
  int values = *rc::gen::inRange(2, 6);
  bool same_size = *rc::gen::inRange(0, 2) == 0;
  for (int v = 0; v < values; ++v) {
    p.sizes.push_back(same_size ? 1 : *rc::gen::inRange(1, 3));
    Attributes number;
    number.set(semantics::AttributeKey::ParameterNumber, {v});
    ClassId c =
        *p.egraph->add(OpCode::Parameter, {}, number, {ElementType::U8, {4 * p.sizes.back()}});
    for (std::uint32_t b = 0; b < 3; ++b)
      p.graph.vertices.push_back({c, b});
  }
  auto at = [](int v, std::uint32_t b) { return VertexId{static_cast<std::uint32_t>(3 * v) + b}; };
  std::set<std::pair<std::uint32_t, std::vector<VertexId>>> known;
  auto add = [&](std::uint32_t kind, std::vector<int> sizes, std::vector<VertexId> reads,
                 VertexId to) {
    if (!known.insert({kind, reads}).second)
      return;
    semantics::Bindings bindings(p.isa.instructions[kind].attribute_count());
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      bindings[i] = sizes[i];
      std::int64_t most =
          kind == Combine && i == 2 ? p.isa.buffers[2].addressed[0] : p.isa.buffers[1].addressed[0];
      if (sizes[i] > most ||
          ((kind == InPlace || kind == Back) && sizes[i] > p.isa.buffers[2].addressed[0]))
        return;
    }
    p.graph.instances.push_back({kind, bindings, reads, {to}, *rc::gen::inRange(1, 4)});
  };
  for (int v = 0; v < values; ++v) {
    add(Load, {p.sizes[v]}, {at(v, 0)}, at(v, 1));
    add(Store, {p.sizes[v]}, {at(v, 1)}, at(v, 0));
    add(Back, {p.sizes[v]}, {at(v, 2)}, at(v, 1));
  }
  auto pick = [&] { return *rc::gen::inRange(0, values); };
  int extra = *rc::gen::inRange(1, 6);
  for (int i = 0; i < extra; ++i) {
    int a = pick(), b = pick(), c = pick();
    add(Combine, {p.sizes[a], p.sizes[b], p.sizes[c]}, {at(a, 1), at(b, 1)}, at(c, 2));
    int x = pick(), y = pick();
    if (p.sizes[x] == p.sizes[y])
      add(InPlace, {p.sizes[x]}, {at(x, 2)}, at(y, 2));
  }
  p.graph.inputs = {at(0, 0)};
  if (*rc::gen::inRange(0, 2))
    p.graph.inputs.push_back(at(1, 0));
  int outputs = *rc::gen::inRange(1, 3);
  for (int i = 0; i < outputs; ++i)
    p.graph.outputs.push_back({at(pick(), 0), static_cast<std::uint32_t>(p.graph.outputs.size())});
  return p;
}

/// Which value lies where: (buffer, start, value) on chip; off-chip values that were written;
/// filled outputs.
struct World {
  std::set<std::tuple<std::uint32_t, std::int64_t, std::uint32_t>> chip;
  std::set<std::uint32_t> memory, outputs;
  auto operator<=>(const World &) const = default;
};

/// The cheapest plan over every address, by Dijkstra without any of the planner's reductions.
std::optional<std::int64_t> brute_force(const Problem &p, std::size_t most_states) {
  std::map<World, std::int64_t> best;
  std::priority_queue<std::pair<std::int64_t, World>, std::vector<std::pair<std::int64_t, World>>,
                      std::greater<>>
      open;
  World start;
  for (VertexId v : p.graph.inputs)
    start.memory.insert(v.v);
  best[start] = 0;
  open.push({0, start});
  auto offer = [&](const World &next, std::int64_t g) {
    auto known = best.find(next);
    if (known == best.end() || g < known->second) {
      best[next] = g;
      open.push({g, next});
    }
  };
  while (!open.empty()) {
    auto [g, world] = open.top();
    open.pop();
    if (best[world] < g)
      continue;
    if (world.outputs.size() == p.graph.outputs.size())
      return g;
    if (best.size() > most_states)
      return -1;
    for (const Instance &instance : p.graph.instances) {
      bool readable = true;
      for (VertexId r : instance.reads) {
        bool here = r.v % 3 == 0 && world.memory.count(r.v);
        for (const auto &[buffer, at, vertex] : world.chip)
          here |= vertex == r.v;
        readable &= here;
      }
      if (!readable)
        continue;
      std::uint32_t w = instance.writes[0].v, buffer = w % 3;
      if (buffer == 0) {
        for (std::uint32_t j = 0; j < p.graph.outputs.size(); ++j)
          if (p.graph.outputs[j].vertex.v == w) {
            World next = world;
            next.outputs.insert(j);
            next.memory.insert(w);
            offer(next, g + instance.cost);
          }
        World next = world;
        next.memory.insert(w);
        offer(next, g + instance.cost);
        continue;
      }
      std::int64_t rows = p.sizes[w / 3];
      for (std::int64_t to = 0; to + rows <= p.isa.buffers[buffer].addressed[0]; ++to) {
        if (instance.instruction == InPlace && !world.chip.count({2u, to, instance.reads[0].v}))
          continue;
        if (instance.instruction == Combine && p.aligned && to % 2 != 0)
          continue;
        World next = world;
        std::erase_if(next.chip, [&](const auto &entry) {
          auto [b, at, vertex] = entry;
          return b == buffer && at < to + rows && to < at + p.sizes[vertex / 3];
        });
        next.chip.insert({buffer, to, w});
        offer(next, g + instance.cost);
      }
    }
  }
  return std::nullopt;
}

/// Runs a kernel on labels: every cell knows the value it is part of. True if all outputs end up
/// right.
bool run_labels(const Problem &p, const spec::Kernel &kernel) {
  using Cell = std::pair<std::uint32_t, std::int64_t>; // value, row
  std::map<std::pair<std::uint32_t, std::int64_t>, Cell> cells;
  auto fill = [&](std::uint32_t buffer, std::int64_t at, std::uint32_t value) {
    std::int64_t step = buffer == 0 ? 4 : 1;
    for (std::int64_t row = 0; row < p.sizes[value]; ++row)
      cells[{buffer, at + row * step}] = {value, row};
  };
  auto holds = [&](std::uint32_t buffer, std::int64_t at, std::uint32_t value) {
    std::int64_t step = buffer == 0 ? 4 : 1;
    for (std::int64_t row = 0; row < p.sizes[value]; ++row) {
      auto found = cells.find({buffer, at + row * step});
      if (found == cells.end() || found->second != Cell{value, row})
        return false;
    }
    return true;
  };
  for (std::size_t i = 0; i < p.graph.inputs.size(); ++i)
    fill(0, kernel.inputs[i].address, p.graph.inputs[i].v / 3);
  for (const spec::KernelInstruction &step : kernel.instructions) {
    const spec::Instruction &kind = p.isa.instructions[step.instruction];
    semantics::Bindings bindings(step.attributes.begin(), step.attributes.end());
    const Instance *applies = nullptr;
    for (const Instance &instance : p.graph.instances) {
      bool fits = instance.instruction == step.instruction;
      for (std::size_t i = 0; fits && i < kind.computational; ++i)
        fits = instance.attributes[i] == bindings[i];
      for (std::size_t r = 0; fits && r < instance.reads.size(); ++r)
        fits = holds(kind.reads[r].region.buffer,
                     *kind.reads[r].region.starts[0].evaluate(bindings), instance.reads[r].v / 3);
      if (fits)
        applies = &instance;
    }
    if (!applies)
      return false;
    if (step.instruction == Combine && p.aligned && step.attributes.back() % 2 != 0)
      return false;
    fill(kind.writes[0].region.buffer, *kind.writes[0].region.starts[0].evaluate(bindings),
         applies->writes[0].v / 3);
  }
  for (std::size_t j = 0; j < p.graph.outputs.size(); ++j)
    if (!holds(0, kernel.outputs[j].address, p.graph.outputs[j].vertex.v / 3))
      return false;
  return true;
}

KernelTensors tensors(const Problem &p) {
  KernelTensors out;
  for (std::size_t i = 0; i < p.graph.inputs.size(); ++i)
    out.inputs.push_back({"in", p.egraph->shape(p.graph.vertices[p.graph.inputs[i].v].value)});
  for (std::size_t j = 0; j < p.graph.outputs.size(); ++j)
    out.outputs.push_back(
        {"out", p.egraph->shape(p.graph.vertices[p.graph.outputs[j].vertex.v].value)});
  return out;
}

} // namespace

TEST_CASE("plans are as cheap as an exhaustive search over all addresses finds, and run") {
  int solved = 0;
  REQUIRE(rc::check([&] {
    Problem p = random_problem();
    auto expected = brute_force(p, 30000);
    if (expected == -1)
      return;
    bool symmetry = *rc::gen::inRange(0, 4) != 0;
    StateSpace space(p.graph, p.isa, *p.egraph, {symmetry});
    PlannerOptions options;
    options.weighted_after = *rc::gen::element(0, 1, 5, 1000);
    options.dominance = *rc::gen::inRange(0, 4) != 0;
    options.beam = *rc::gen::element(0, 1, 10);
    options.landmarks = *rc::gen::inRange(0, 4) != 0;
    PlanResult found = plan(space, options);
    if (!expected) {
      RC_ASSERT(found.status == PlanResult::Status::Infeasible);
      return;
    }
    ++solved;
    RC_ASSERT(found.status == PlanResult::Status::Optimal);
    RC_ASSERT(found.plan.cost == *expected);
    RC_ASSERT(found.bound == *expected);
    auto root = lm_cut(space.relaxed());
    RC_ASSERT(root.has_value());
    RC_ASSERT(root->bound <= *expected);
    RC_ASSERT(check_landmarks(space.relaxed(), *root).empty());
    std::int64_t sum = 0;
    for (const Transition &step : found.plan.steps)
      sum += space.cost(step.variant);
    RC_ASSERT(sum == *expected);
    RC_ASSERT(run_labels(p, assemble_kernel(space, found.plan, *p.egraph, tensors(p), "k")));
  }));
  CHECK(solved > 10);
}

TEST_CASE("a search that is stopped returns a bound and says what stopped it") {
  REQUIRE(rc::check([&] {
    Problem p = random_problem();
    StateSpace space(p.graph, p.isa, *p.egraph);
    PlanResult whole = plan(space, {});
    PlannerOptions options;
    options.max_states = 1;
    PlanResult part = plan(space, options);
    if (part.status == PlanResult::Status::Stopped) {
      RC_ASSERT(part.stopped_by == "state limit");
      if (whole.status == PlanResult::Status::Optimal)
        RC_ASSERT(part.bound <= whole.plan.cost);
    }
  }));
}

TEST_CASE("leaving out dominated states does not change the cost") {
  std::uint64_t dominated = 0, fewer = 0;
  REQUIRE(rc::check([&] {
    Problem p = random_problem();
    bool symmetry = *rc::gen::inRange(0, 2) != 0;
    StateSpace space(p.graph, p.isa, *p.egraph, {symmetry});
    PlannerOptions options;
    options.weighted_after = *rc::gen::element(0, 5);
    options.max_states = 50'000;
    options.landmarks = *rc::gen::inRange(0, 4) == 0;
    PlanResult with = plan(space, options);
    options.dominance = false;
    PlanResult without = plan(space, options);
    RC_ASSERT(without.dominated == 0u);
    dominated += with.dominated;
    fewer += with.expanded < without.expanded;
    if (!without.stopped_by.empty() || !with.stopped_by.empty())
      return;
    RC_ASSERT(with.status == without.status);
    RC_ASSERT(with.plan.cost == without.plan.cost);
    RC_ASSERT(with.bound == without.bound);
  }));
  CHECK(dominated > 0);
  CHECK(fewer > 0);
}

namespace {

void check_same(const PlanResult &a, const PlanResult &b) {
  RC_ASSERT(a.status == b.status);
  RC_ASSERT(a.bound == b.bound);
  RC_ASSERT(a.plan.cost == b.plan.cost);
  RC_ASSERT(a.expanded == b.expanded);
  RC_ASSERT(a.evaluated == b.evaluated);
  RC_ASSERT(a.dominated == b.dominated);
  RC_ASSERT(a.plan.states == b.plan.states);
  RC_ASSERT(a.plan.steps.size() == b.plan.steps.size());
  for (std::size_t i = 0; i < a.plan.steps.size(); ++i) {
    RC_ASSERT(a.plan.steps[i].variant == b.plan.steps[i].variant);
    RC_ASSERT(a.plan.steps[i].reads == b.plan.steps[i].reads);
    RC_ASSERT(a.plan.steps[i].writes == b.plan.steps[i].writes);
  }
}

} // namespace

TEST_CASE("one thread and four make the same plan in the same expansions") {
  REQUIRE(rc::check([&] {
    Problem p = random_problem();
    StateSpace space(p.graph, p.isa, *p.egraph);
    PlannerOptions options;
    options.weighted_after = *rc::gen::element(0, 5);
    options.max_expansions = 3000;
    PlanResult one = plan(space, options);
    options.jobs = 4;
    check_same(one, plan(space, options));
  }));
}

TEST_CASE("a search continued from checkpoints ends like one that was never stopped") {
  std::string path = std::filesystem::temp_directory_path() /
                     ("isamorph_planner_test_" + std::to_string(getpid()));
  int resumed = 0;
  REQUIRE(rc::check([&] {
    Problem p = random_problem();
    StateSpace space(p.graph, p.isa, *p.egraph);
    PlannerOptions options;
    options.weighted_after = *rc::gen::element(0, 2, 5);
    options.weighted_expansions = 20;
    options.beam = *rc::gen::element(0, 3);
    options.max_expansions = 2000;
    PlanResult whole = plan(space, options);
    if (!whole.stopped_by.empty())
      return;
    options.checkpoint = path;
    options.max_expansions = *rc::gen::inRange(1, 40);
    std::filesystem::remove(path);
    PlanResult part = plan(space, options);
    while (!part.stopped_by.empty()) {
      RC_ASSERT(part.stopped_by == "expansion limit");
      RC_ASSERT(std::filesystem::exists(path));
      RC_ASSERT(part.bound <= whole.bound || whole.status == PlanResult::Status::Infeasible);
      part = plan(StateSpace(p.graph, p.isa, *p.egraph), options);
      ++resumed;
    }
    RC_ASSERT(!std::filesystem::exists(path));
    check_same(whole, part);
  }));
  CHECK(resumed > 10);
}

TEST_CASE("time for a first plan that is over ends the search, and none that has a plan") {
  REQUIRE(rc::check([&] {
    Problem p = random_problem();
    StateSpace space(p.graph, p.isa, *p.egraph);
    PlannerOptions options;
    PlanResult whole = plan(space, options);
    options.seconds_to_first = 1e9;
    check_same(whole, plan(space, options));
    options.seconds_to_first = -1;
    PlanResult stopped = plan(space, options);
    RC_ASSERT(stopped.status == PlanResult::Status::Stopped);
    RC_ASSERT(stopped.stopped_by == "time limit");
    RC_ASSERT(stopped.bound <= whole.bound || whole.status == PlanResult::Status::Infeasible);
    options.seconds = -1;
    RC_ASSERT(options.limit(true) < 0);
  }));
}

TEST_CASE("best only falls and the bound only rises, up to the final cost") {
  REQUIRE(rc::check([&] {
    Problem p = random_problem();
    StateSpace space(p.graph, p.isa, *p.egraph);
    PlannerOptions options;
    options.weighted_after = *rc::gen::element(0, 1, 5);
    options.max_states = 20'000;
    std::vector<Progress> reports;
    options.progress = [&](const Progress &now) { reports.push_back(now); };
    PlanResult found = plan(space, options);
    RC_ASSERT(!reports.empty());
    for (std::size_t i = 0; i < reports.size(); ++i) {
      if (found.status == PlanResult::Status::Optimal)
        RC_ASSERT(reports[i].bound <= found.plan.cost);
      if (reports[i].best) {
        RC_ASSERT(reports[i].bound <= *reports[i].best);
        RC_ASSERT(found.plan.cost <= *reports[i].best);
      }
      if (i == 0)
        continue;
      RC_ASSERT(reports[i - 1].bound <= reports[i].bound);
      RC_ASSERT(reports[i - 1].expanded <= reports[i].expanded);
      if (reports[i - 1].best)
        RC_ASSERT(reports[i].best.has_value() && *reports[i].best <= *reports[i - 1].best);
    }
    if (found.status == PlanResult::Status::Optimal) {
      RC_ASSERT(reports.back().best == found.plan.cost);
      RC_ASSERT(reports.back().bound == found.plan.cost);
    }
  }));
}

namespace {

/// The least makespan of all sequences of at most `depth` actions; nullopt if none reaches the
/// goal, -1 if there are too many.
std::optional<std::int64_t> least_makespan(const Problem &p, StateSpace &space, std::size_t depth) {
  std::optional<std::int64_t> best;
  std::size_t budget = 4000;
  Plan plan;
  std::function<void(const State &)> extend = [&](const State &state) {
    if (budget == 0)
      return;
    --budget;
    if (space.is_goal(state)) {
      spec::Kernel kernel = assemble_kernel(space, plan, *p.egraph, tensors(p), "k");
      std::int64_t cost = costmodel::cost(p.isa, kernel, costmodel::CostModel::Overlap);
      best = best ? std::min(*best, cost) : cost;
      return;
    }
    if (plan.steps.size() == depth)
      return;
    std::vector<std::pair<Transition, State>> successors;
    space.expand(state, [&](const Transition &t, const State &next) {
      successors.push_back({t, next});
    });
    for (auto &[transition, next] : successors) {
      plan.steps.push_back(transition);
      plan.states.push_back(state);
      extend(next);
      plan.steps.pop_back();
      plan.states.pop_back();
    }
  };
  extend({});
  return budget == 0 ? std::optional<std::int64_t>(-1) : best;
}

} // namespace

TEST_CASE("makespans are the least over all short sequences, and what the cost model says") {
  constexpr std::size_t depth = 5;
  int compared = 0;
  REQUIRE(rc::check([&] {
    Problem p = random_problem();
    for (Instance &instance : p.graph.instances)
      instance.cost =
          *p.isa.instructions[instance.instruction].cost.latency.evaluate(instance.attributes);
    StateSpace space(p.graph, p.isa, *p.egraph, {false});
    PlannerOptions options;
    options.weighted_after = *rc::gen::element(0, 1, 1000);
    options.max_states = 20000;
    PlanResult found = plan_makespan(space, options);
    if (found.status == PlanResult::Status::Optimal ||
        found.status == PlanResult::Status::Feasible) {
      spec::Kernel kernel = assemble_kernel(space, found.plan, *p.egraph, tensors(p), "k");
      RC_ASSERT(run_labels(p, kernel));
      RC_ASSERT(costmodel::cost(p.isa, kernel, costmodel::CostModel::Overlap) == found.plan.cost);
    }
    auto expected = least_makespan(p, space, depth);
    if (!expected || *expected == -1 || found.status == PlanResult::Status::Stopped)
      return;
    RC_ASSERT(found.status != PlanResult::Status::Infeasible);
    RC_ASSERT(found.bound <= *expected);
    if (found.status != PlanResult::Status::Optimal)
      return;
    RC_ASSERT(found.plan.cost <= *expected);
    if (found.plan.steps.size() <= depth)
      RC_ASSERT(found.plan.cost == *expected);
    ++compared;
  }));
  CHECK(compared > 10);
}
