#include "search/joint_moves.h"

#include "search/row_lemma.h"
#include "search/row_terms.h"
#include "search/saturate.h"

#include <set>

namespace isamorph::search {

using semantics::Bindings;

namespace {

constexpr std::size_t kMostParts = 16;

class Joiner {
public:
  Joiner(PlacementGraph &graph, TensorEGraph &egraph, const spec::Isa &isa,
         costmodel::CostModel model, std::span<const semantics::RewriteRule> rules,
         semantics::Level level)
      : graph_(graph), egraph_(egraph), isa_(isa), model_(model), rules_(rules), level_(level) {
    for (const Instance &instance : graph.instances) {
      if (instance.reads.size() != 1 || instance.writes.size() != 1)
        continue;
      bool from = is_off_chip(instance.reads[0]), to = is_off_chip(instance.writes[0]);
      if (from && !to)
        loads_[instance.reads[0]].push_back(instance);
      if (to && !from)
        stores_[instance.writes[0]].push_back(instance);
    }
  }

  void run() {
    add_runs(ordered_memory(), loads_);
    std::vector<VertexId> outputs;
    for (const Piece &piece : graph_.outputs)
      if (piece.whole)
        outputs.push_back(piece.vertex);
    if (outputs.size() == graph_.outputs.size())
      add_runs(outputs, stores_);
    egraph_.rebuild();
    for (Vertex &vertex : graph_.vertices)
      vertex.value = egraph_.find(vertex.value);
  }

private:
  using Moves = std::map<VertexId, std::vector<Instance>>; ///< by what they move off chip

  bool is_off_chip(VertexId v) const { return graph_.vertices[v.v].buffer == isa_.off_chip; }

  /// The inputs, then the constants: after each that which some load can bring with it, if any.
  std::vector<VertexId> ordered_memory() {
    std::vector<VertexId> memory = graph_.inputs, rest;
    for (VertexId v : graph_.constants)
      if (std::find(memory.begin(), memory.end(), v) == memory.end())
        rest.push_back(v);
    graph_.constants.clear();
    while (!rest.empty()) {
      auto next = std::find_if(rest.begin(), rest.end(), [&](VertexId v) {
        return !memory.empty() && can_follow(memory.back(), v);
      });
      if (next == rest.end())
        next = rest.begin();
      memory.push_back(*next);
      graph_.constants.push_back(*next);
      rest.erase(next);
    }
    return memory;
  }

  bool can_follow(VertexId first, VertexId second) {
    for (const Instance &a : loads_[first])
      for (const Instance &b : loads_[second])
        if (joint_attributes(a, b))
          return true;
    return false;
  }

  /// The moves of every run of at least two places.
  void add_runs(const std::vector<VertexId> &memory, Moves &moves) {
    for (std::size_t first = 0; first < memory.size(); ++first) {
      std::vector<Instance> runs = moves[memory[first]];
      for (std::size_t last = first + 1;
           last < std::min(memory.size(), first + kMostParts) && !runs.empty(); ++last) {
        std::vector<Instance> longer;
        for (const Instance &run : runs)
          for (const Instance &next : moves[memory[last]])
            if (auto both = joined(run, next))
              longer.push_back(*std::move(both));
        runs = std::move(longer);
        graph_.instances.insert(graph_.instances.end(), runs.begin(), runs.end());
      }
    }
  }

  std::optional<Instance> joined(const Instance &a, const Instance &b) {
    auto attributes = joint_attributes(a, b);
    if (!attributes || shares_part(a.reads[0], b.reads[0]) || shares_part(a.writes[0], b.writes[0]))
      return std::nullopt;
    const spec::Instruction &instruction = isa_.instructions[a.instruction];
    RowSplit split{a.attributes, b.attributes, *attributes};
    auto [lemma, fresh] = lemmas_.try_emplace({a.instruction, split}, false);
    if (fresh)
      lemma->second = works_by_rows(isa_, instruction, split, rules_, level_);
    if (!lemma->second)
      return std::nullopt;
    return Instance{a.instruction,
                    *attributes,
                    {joint_vertex(a.reads[0], b.reads[0])},
                    {joint_vertex(a.writes[0], b.writes[0])},
                    costmodel::instruction_cost(instruction, *attributes, model_)};
  }

  /// The attributes with which an instruction has the rows of both; nullopt where there are none.
  std::optional<Bindings> joint_attributes(const Instance &a, const Instance &b) const {
    if (a.instruction != b.instruction)
      return std::nullopt;
    const spec::Instruction &instruction = isa_.instructions[a.instruction];
    std::vector<semantics::Equation> sizes;
    for (const spec::Region *region : {&instruction.reads[0].region, &instruction.writes[0].region})
      for (std::size_t d = 0; d < region->extents.size(); ++d) {
        auto x = region->extents[d].evaluate(a.attributes),
             y = region->extents[d].evaluate(b.attributes);
        if (!x || !y || (d > 0 && *x != *y))
          return std::nullopt;
        sizes.push_back({region->extents[d], d == 0 ? *x + *y : *x});
      }
    std::vector<semantics::Equation> open = sizes;
    Bindings both(a.attributes.size());
    if (!semantics::solve(open, both))
      return std::nullopt;
    for (std::size_t i = 0; i < both.size(); ++i)
      if (!both[i] && a.attributes[i] == b.attributes[i])
        both[i] = a.attributes[i];
    return is_instance(instruction, sizes, both) ? std::optional(both) : std::nullopt;
  }

  bool is_instance(const spec::Instruction &instruction, std::span<const semantics::Equation> sizes,
                   const Bindings &attributes) const {
    for (const semantics::Equation &size : sizes)
      if (size.expression.evaluate(attributes) != size.value)
        return false;
    for (std::uint32_t required : required_attributes(instruction).list)
      if (!attributes[required])
        return false;
    for (const semantics::IntExpr &constraint : instruction.constraints)
      if (constraint.evaluate(attributes) == 0)
        return false;
    return regions_fit(isa_, instruction, attributes);
  }

  std::vector<VertexId> parts(VertexId v) const {
    std::vector<VertexId> out;
    graph_.each_part(v, [&](VertexId part) { out.push_back(part); });
    return out;
  }

  bool shares_part(VertexId run, VertexId next) const {
    std::vector<VertexId> list = parts(run);
    return std::find(list.begin(), list.end(), next) != list.end();
  }

  VertexId joint_vertex(VertexId run, VertexId next) {
    std::vector<VertexId> list = parts(run);
    list.push_back(next);
    auto [known, fresh] =
        joints_.try_emplace(list, VertexId{static_cast<std::uint32_t>(graph_.vertices.size())});
    if (!fresh)
      return known->second;
    auto value = [&](VertexId v) { return graph_.vertices[v.v].value; };
    graph_.vertices.push_back(
        {concatenate_rows(egraph_, value(run), value(next)), graph_.vertices[run.v].buffer});
    graph_.parts.resize(graph_.vertices.size());
    graph_.parts.back() = std::move(list);
    return known->second;
  }

  PlacementGraph &graph_;
  TensorEGraph &egraph_;
  const spec::Isa &isa_;
  costmodel::CostModel model_;
  std::span<const semantics::RewriteRule> rules_;
  semantics::Level level_;
  Moves loads_, stores_;
  std::map<std::vector<VertexId>, VertexId> joints_; ///< by parts
  std::map<std::pair<std::uint32_t, RowSplit>, bool> lemmas_;
};

} // namespace

void add_joint_moves(PlacementGraph &graph, TensorEGraph &egraph, const spec::Isa &isa,
                     costmodel::CostModel model, std::span<const semantics::RewriteRule> rules,
                     semantics::Level level) {
  if (isa.state.empty())
    Joiner(graph, egraph, isa, model, rules, level).run();
}

} // namespace isamorph::search
