#pragma once
// Small planning problems for a small machine, their cheapest plans by exhaustive search, and the
// kernels of plans run on labels.

#include "search/kernel_assembly.h"
#include "search/planner.h"

#include <rapidcheck.h>

#include <map>
#include <queue>
#include <set>

namespace isamorph::search_tests {

using namespace isamorph::search;
using semantics::IntExpr;
using semantics::IntOp;

// A small machine: off-chip memory, two buffers, and five kinds of instruction. Values have 1 or 2
// rows of 4 bytes.
enum Kind : std::uint32_t { Load, Store, Combine, Back, InPlace, kKinds };

inline spec::Instruction instruction(const std::string &name,
                                     std::vector<std::string> computational,
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

inline IntExpr variable(const spec::Instruction &owner, const std::string &name) {
  return IntExpr::variable(*owner.symbols.integers.find(name), name);
}

inline spec::Region region(const spec::Instruction &owner, std::uint32_t buffer,
                           const std::string &start, const std::string &n) {
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

inline spec::Isa machine(std::int64_t size_1, std::int64_t size_2, bool aligned) {
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
inline Problem random_problem() {
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
inline std::optional<std::int64_t> brute_force(const Problem &p, std::size_t most_states) {
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
inline bool run_labels(const Problem &p, const spec::Kernel &kernel) {
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

inline KernelTensors tensors(const Problem &p) {
  KernelTensors out;
  for (std::size_t i = 0; i < p.graph.inputs.size(); ++i)
    out.inputs.push_back({"in", p.egraph->shape(p.graph.vertices[p.graph.inputs[i].v].value)});
  for (std::size_t j = 0; j < p.graph.outputs.size(); ++j)
    out.outputs.push_back(
        {"out", p.egraph->shape(p.graph.vertices[p.graph.outputs[j].vertex.v].value)});
  return out;
}

} // namespace isamorph::search_tests
