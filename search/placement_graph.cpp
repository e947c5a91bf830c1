#include "search/placement_graph.h"

#include "search/byte_sources.h"
#include "search/isa_views.h"
#include "search/saturate.h"

#include <set>
#include <tuple>

namespace isamorph::search {
namespace {

class Builder {
public:
  Builder(const TensorEGraph &egraph, const spec::Isa &isa, costmodel::CostModel model)
      : egraph_(egraph), isa_(isa), model_(model) {}

  /// With `pieces` all inputs and outputs lie off chip.
  PlacementGraph build(std::span<const Vertex> inputs, std::span<const Vertex> outputs,
                       bool pieces) {
    for (const Vertex &v : inputs)
      graph_.inputs.push_back(vertex(v.value, v.buffer));
    for (const Vertex &v : outputs)
      result_vertices_.push_back(vertex(v.value, v.buffer));
    pieces_ = pieces && moves_pieces(isa_);
    for (ClassId c : egraph_.graph().classes()) {
      const Shape &shape = egraph_.shape(c);
      if (egraph_.constant(c) && shape.type == ElementType::U8 && shape.rank() == 1)
        graph_.constants.push_back(vertex(c, isa_.off_chip));
    }
    for (std::uint32_t i = 0; i < isa_.instructions.size(); ++i)
      add_instances(i);
    add_outputs(values_of(outputs));
    if (pieces_)
      add_input_pieces(values_of(inputs));
    prune();
    return std::move(graph_);
  }

private:
  static std::vector<ClassId> values_of(std::span<const Vertex> vertices) {
    std::vector<ClassId> out;
    for (const Vertex &v : vertices)
      out.push_back(v.value);
    return out;
  }
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
      note_undetermined(index, matcher.for_each(egraph_, add));
      return;
    }
    // It changes control state alone.
    note_undetermined(index, complete(semantics::SymbolValues(instruction.symbols),
                                      required_attributes(instruction), instruction.constraints,
                                      [&](const semantics::SymbolValues &values) {
                                        add({values, {}});
                                      }));
  }
  void note_undetermined(std::uint32_t instruction, std::optional<std::uint32_t> attribute) {
    if (attribute)
      graph_.undetermined.push_back({instruction, *attribute});
  }

  /// The off-chip vertices whose bytes follow each other in one of some tensors.
  std::vector<Piece> pieces_of(std::span<const ClassId> tensors) const {
    ByteOrigins origins(egraph_, tensors);
    std::vector<Piece> out;
    for (std::uint32_t v = 0; v < graph_.vertices.size(); ++v) {
      if (graph_.vertices[v].buffer != isa_.off_chip)
        continue;
      const ByteSources *bytes = origins.of(graph_.vertices[v].value);
      auto start = bytes ? contiguous(*bytes) : std::nullopt;
      if (start &&
          static_cast<std::int64_t>(bytes->size()) < egraph_.shape(tensors[start->tensor]).bytes())
        out.push_back({{v}, start->tensor, start->offset, false});
    }
    return out;
  }

  void add_input_pieces(std::span<const ClassId> parameters) {
    auto whole = [&](VertexId v) {
      return std::find(graph_.inputs.begin(), graph_.inputs.end(), v) != graph_.inputs.end();
    };
    for (const Piece &piece : pieces_of(parameters))
      if (!whole(piece.vertex))
        graph_.input_pieces.push_back(piece);
  }

  /// A result as a whole where some instruction writes it; else in pieces, if there are any.
  void add_outputs(std::span<const ClassId> results) {
    std::set<VertexId> written;
    for (const Instance &instance : graph_.instances)
      written.insert(instance.writes.begin(), instance.writes.end());
    std::vector<Piece> pieces;
    if (pieces_)
      pieces = pieces_of(results);
    std::erase_if(pieces, [&](const Piece &piece) { return !written.contains(piece.vertex); });
    for (std::uint32_t r = 0; r < results.size(); ++r) {
      std::vector<Piece> parts;
      if (!written.contains(result_vertices_[r]))
        parts = partition(pieces, r, egraph_.shape(results[r]).bytes());
      if (parts.empty())
        parts = {{result_vertices_[r], r, 0, true}};
      graph_.outputs.insert(graph_.outputs.end(), parts.begin(), parts.end());
    }
  }

  /// Pieces of a result that cover its bytes once each, the largest that fit first; none if these
  /// leave a gap.
  std::vector<Piece> partition(const std::vector<Piece> &pieces, std::uint32_t result,
                               std::int64_t bytes) const {
    std::vector<Piece> out;
    auto size = [&](const Piece &piece) {
      return egraph_.shape(graph_.vertices[piece.vertex.v].value).bytes();
    };
    for (std::int64_t at = 0; at < bytes; at += size(out.back())) {
      const Piece *best = nullptr;
      for (const Piece &piece : pieces)
        if (piece.tensor == result && piece.offset == at && (!best || size(piece) > size(*best)))
          best = &piece;
      if (!best)
        return {};
      out.push_back(*best);
    }
    return out;
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
    for (const Piece &piece : graph_.input_pieces)
      reached[piece.vertex.v] = 1;
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

    for (std::size_t i = 0; i < usable.size(); ++i)
      for (VertexId v : graph_.instances[i].reads)
        if (!reached[v.v] && graph_.vertices[v.v].buffer != isa_.off_chip)
          graph_.missing.push_back({graph_.vertices[v.v].value, graph_.instances[i].instruction});

    // A result must be written even if its value is there from the start.
    // What is there from the start otherwise needs no producer.
    std::vector<char> wanted(graph_.vertices.size(), 0), useful(graph_.instances.size(), 0),
        written = wanted;
    for (const Piece &piece : graph_.outputs) {
      wanted[piece.vertex.v] = 1;
      initial[piece.vertex.v] = 0;
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
    graph_.reachable =
        std::all_of(graph_.outputs.begin(), graph_.outputs.end(),
                    [&](const Piece &piece) { return written[piece.vertex.v] != 0; });
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
    std::erase_if(graph_.input_pieces, [&](const Piece &p) { return !wanted[p.vertex.v]; });
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
    for (std::vector<Piece> *pieces : {&graph_.input_pieces, &graph_.outputs})
      for (Piece &piece : *pieces)
        piece.vertex = renumbered[piece.vertex.v];
    graph_.vertices = std::move(vertices);
    graph_.instances = std::move(instances);
  }

  const TensorEGraph &egraph_;
  const spec::Isa &isa_;
  costmodel::CostModel model_;
  PlacementGraph graph_;
  std::map<Vertex, std::uint32_t> ids_;
  std::vector<VertexId> result_vertices_; ///< by result, as a whole
  bool pieces_ = false;                   ///< memory is moved in pieces
};

} // namespace

PlacementGraph build_placement_graph(const TensorEGraph &egraph, const spec::Isa &isa,
                                     costmodel::CostModel model, std::span<const Vertex> inputs,
                                     std::span<const Vertex> outputs) {
  return Builder(egraph, isa, model).build(inputs, outputs, false);
}

PlacementGraph build_placement_graph(const TensorEGraph &egraph, const spec::Isa &isa,
                                     costmodel::CostModel model,
                                     std::span<const ClassId> parameter_images,
                                     std::span<const ClassId> result_images) {
  auto off_chip = [&](std::span<const ClassId> images) {
    std::vector<Vertex> out;
    for (ClassId c : images)
      out.push_back({c, isa.off_chip});
    return out;
  };
  return Builder(egraph, isa, model)
      .build(off_chip(parameter_images), off_chip(result_images), true);
}

} // namespace isamorph::search
