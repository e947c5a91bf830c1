#include "search/placement_graph.h"

#include "search/saturate.h"

#include <set>
#include <tuple>

namespace isamorph::search {
namespace {

class Builder {
public:
  Builder(const TensorEGraph &egraph, const spec::Isa &isa, costmodel::CostModel model)
      : egraph_(egraph), isa_(isa), model_(model) {}

  PlacementGraph build(std::span<const ClassId> parameters, std::span<const ClassId> results) {
    for (ClassId c : parameters)
      graph_.inputs.push_back(vertex(c, isa_.off_chip));
    for (ClassId c : results)
      graph_.outputs.push_back(vertex(c, isa_.off_chip));
    for (ClassId c : egraph_.graph().classes()) {
      const Shape &shape = egraph_.shape(c);
      if (egraph_.constant(c) && shape.type == ElementType::U8 && shape.rank() == 1)
        graph_.constants.push_back(vertex(c, isa_.off_chip));
    }
    for (std::uint32_t i = 0; i < isa_.instructions.size(); ++i)
      add_instances(i);
    prune();
    return std::move(graph_);
  }

private:
  VertexId vertex(ClassId value, std::uint32_t buffer) {
    Vertex key{egraph_.find(value), buffer};
    auto [place, fresh] = ids_.try_emplace(key, static_cast<std::uint32_t>(graph_.vertices.size()));
    if (fresh)
      graph_.vertices.push_back(key);
    return {place->second};
  }

  void add_instances(std::uint32_t index) {
    const spec::Instruction &instruction = isa_.instructions[index];
    Matcher matcher(instruction.body, instruction.symbols, instruction.constraints,
                    required_attributes(instruction));
    std::set<std::tuple<semantics::Bindings, std::vector<VertexId>, std::vector<VertexId>>> known;
    auto add = [&](const Match &match) {
      if (!regions_fit(isa_, instruction, match.values.integers))
        return;
      Instance instance;
      instance.instruction = index;
      instance.attributes = match.values.integers;
      const auto &body = instruction.body;
      for (std::size_t i = 0; i < instruction.reads.size(); ++i)
        instance.reads.push_back(
            vertex(match.classes[body.parameters[i]], instruction.reads[i].region.buffer));
      for (std::size_t i = 0; i < instruction.writes.size(); ++i)
        instance.writes.push_back(
            vertex(match.classes[body.results[i]], instruction.writes[i].region.buffer));
      if (!known.insert({instance.attributes, instance.reads, instance.writes}).second)
        return;
      instance.cost = costmodel::instruction_cost(instruction, instance.attributes, model_);
      if (instance.cost < 0)
        semantics::fail(instruction.location, "the cost of '" + instruction.name + "' is negative");
      graph_.instances.push_back(std::move(instance));
    };
    if (!instruction.body.nodes.empty()) {
      matcher.for_each(egraph_, add);
      return;
    }
    // It changes control state alone.
    complete(semantics::SymbolValues(instruction.symbols), required_attributes(instruction),
             instruction.constraints, [&](const semantics::SymbolValues &values) {
               add({values, {}});
             });
  }

  /// Marks from `marked` on through the instances until nothing changes; true flags for instances
  /// that can be used.
  std::vector<char> forward(std::vector<char> &marked) const {
    std::vector<char> usable(graph_.instances.size(), 0);
    for (bool changed = true; changed;) {
      changed = false;
      for (std::size_t i = 0; i < graph_.instances.size(); ++i) {
        const Instance &instance = graph_.instances[i];
        if (usable[i] || !std::all_of(instance.reads.begin(), instance.reads.end(),
                                      [&](VertexId v) { return marked[v.v]; }))
          continue;
        usable[i] = 1;
        for (VertexId v : instance.writes) {
          changed |= !marked[v.v];
          marked[v.v] = 1;
        }
      }
    }
    return usable;
  }

  void prune() {
    std::vector<char> reached(graph_.vertices.size(), 0);
    for (VertexId v : graph_.inputs)
      reached[v.v] = 1;
    for (VertexId v : graph_.constants)
      reached[v.v] = 1;
    std::vector<char> initial = reached;
    std::vector<char> usable = forward(reached);
    for (std::size_t v = 0; v < reached.size(); ++v)
      if (reached[v])
        graph_.computable.push_back(graph_.vertices[v].value);
    std::sort(graph_.computable.begin(), graph_.computable.end());
    graph_.computable.erase(std::unique(graph_.computable.begin(), graph_.computable.end()),
                            graph_.computable.end());

    // A result must be written even if its value is there from the start.
    // What is there from the start otherwise needs no producer.
    std::vector<char> wanted(graph_.vertices.size(), 0), useful(graph_.instances.size(), 0),
        written = wanted;
    for (VertexId v : graph_.outputs) {
      wanted[v.v] = 1;
      initial[v.v] = 0;
    }
    // What an instruction does to control state may be wanted whatever it writes.
    auto is_useful = [&](const Instance &instance) {
      return !isa_.instructions[instance.instruction].after.empty() ||
             std::any_of(instance.writes.begin(), instance.writes.end(),
                         [&](VertexId v) { return wanted[v.v] && !initial[v.v]; });
    };
    for (bool changed = true; changed;) {
      changed = false;
      for (std::size_t i = 0; i < graph_.instances.size(); ++i) {
        const Instance &instance = graph_.instances[i];
        if (!usable[i] || useful[i] || !is_useful(instance))
          continue;
        useful[i] = changed = true;
        for (VertexId v : instance.reads)
          wanted[v.v] = 1;
        for (VertexId v : instance.writes)
          written[v.v] = 1;
      }
    }
    graph_.reachable = std::all_of(graph_.outputs.begin(), graph_.outputs.end(),
                                   [&](VertexId v) { return written[v.v]; });
    keep(wanted, useful, written);
  }

  void keep(const std::vector<char> &wanted, const std::vector<char> &useful,
            const std::vector<char> &written) {
    std::vector<char> stays(graph_.vertices.size(), 0);
    for (std::size_t v = 0; v < stays.size(); ++v)
      stays[v] = wanted[v] || written[v];
    for (VertexId v : graph_.inputs)
      stays[v.v] = 1;
    std::vector<VertexId> renumbered(graph_.vertices.size());
    std::vector<Vertex> vertices;
    for (std::size_t v = 0; v < stays.size(); ++v)
      if (stays[v]) {
        renumbered[v] = {static_cast<std::uint32_t>(vertices.size())};
        vertices.push_back(graph_.vertices[v]);
      }
    std::vector<Instance> instances;
    for (std::size_t i = 0; i < useful.size(); ++i)
      if (useful[i])
        instances.push_back(std::move(graph_.instances[i]));
    std::erase_if(graph_.constants, [&](VertexId v) { return !wanted[v.v]; });
    auto renumber = [&](std::vector<VertexId> &list) {
      for (VertexId &v : list)
        v = renumbered[v.v];
    };
    for (Instance &instance : instances) {
      renumber(instance.reads);
      renumber(instance.writes);
    }
    renumber(graph_.inputs);
    renumber(graph_.constants);
    renumber(graph_.outputs);
    graph_.vertices = std::move(vertices);
    graph_.instances = std::move(instances);
  }

  const TensorEGraph &egraph_;
  const spec::Isa &isa_;
  costmodel::CostModel model_;
  PlacementGraph graph_;
  std::map<Vertex, std::uint32_t> ids_;
};

} // namespace

PlacementGraph build_placement_graph(const TensorEGraph &egraph, const spec::Isa &isa,
                                     costmodel::CostModel model,
                                     std::span<const ClassId> parameter_images,
                                     std::span<const ClassId> result_images) {
  return Builder(egraph, isa, model).build(parameter_images, result_images);
}

} // namespace isamorph::search
