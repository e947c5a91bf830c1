// Of a state space: the places off chip that have a meaning, and the actions that follow from them.
#include "search/state_space.h"

namespace isamorph::search {

using semantics::Bindings;

std::optional<Slot> StateSpace::pinned_slot(VertexId vertex, const Shape &shape,
                                            std::span<const std::vector<std::int64_t>> starts,
                                            std::size_t index) const {
  std::uint32_t buffer = graph_.vertices[vertex.v].buffer;
  if (buffer == isa_.off_chip)
    return std::nullopt;
  std::size_t rank = isa_.buffer(buffer).addressed.size();
  assert(index < starts.size() && starts[index].size() == rank && shape.dims.size() >= rank);
  return Slot{buffer,
              starts[index],
              {shape.dims.begin(), shape.dims.begin() + static_cast<std::ptrdiff_t>(rank)}};
}

std::uint32_t StateSpace::add_location(Locations::Kind kind, std::size_t index, VertexId v,
                                       std::int64_t bytes, std::optional<Slot> pinned) {
  auto id = static_cast<std::uint32_t>(locations_.all.size());
  if (pinned)
    bytes = 0;
  locations_.all.push_back({kind, static_cast<std::uint32_t>(index), v, bytes,
                            locations_.total_bytes,
                            pinned ? *std::move(pinned) : Slot{isa_.off_chip, {id}, {}}, id, 0});
  locations_.total_bytes += bytes;
  return id;
}

std::uint32_t StateSpace::add_piece(Locations::Kind kind, std::size_t index, VertexId v,
                                    std::int64_t bytes, std::uint32_t within, std::int64_t offset) {
  auto id = static_cast<std::uint32_t>(locations_.all.size());
  locations_.all.push_back({kind, static_cast<std::uint32_t>(index), v, bytes,
                            locations_.all[within].address + offset, Slot{isa_.off_chip, {id}, {}},
                            within, offset});
  return id;
}

void StateSpace::make_locations(const TensorEGraph &egraph) {
  home_.assign(graph_.vertices.size(), kNone);
  scratch_.assign(graph_.vertices.size(), kNone);
  auto shape = [&](VertexId v) -> const Shape & {
    return egraph.shape(graph_.vertices[v.v].value);
  };
  auto bytes = [&](VertexId v) { return shape(v).bytes(); };
  for (std::size_t i = 0; i < graph_.inputs.size(); ++i)
    home_[graph_.inputs[i].v] = add_location(
        Locations::Kind::Input, i, graph_.inputs[i], bytes(graph_.inputs[i]),
        pinned_slot(graph_.inputs[i], shape(graph_.inputs[i]), options_.input_starts, i));
  for (const Piece &piece : graph_.input_pieces)
    if (home_[piece.vertex.v] == kNone) // the inputs' own locations are the first
      home_[piece.vertex.v] = add_piece(Locations::Kind::Input, piece.tensor, piece.vertex,
                                        bytes(piece.vertex), piece.tensor, piece.offset);
  for (std::size_t i = 0; i < graph_.constants.size(); ++i)
    if (home_[graph_.constants[i].v] == kNone)
      home_[graph_.constants[i].v] = add_location(Locations::Kind::Constant, i, graph_.constants[i],
                                                  bytes(graph_.constants[i]));
  make_outputs(egraph);
  find_joint_homes();
  for (std::uint32_t v = 0; v < graph_.vertices.size(); ++v)
    if (graph_.vertices[v].buffer == isa_.off_chip && !graph_.is_joint({v}))
      scratch_[v] = add_location(Locations::Kind::Scratch, v, {v}, bytes({v}));
}

/// A joint vertex lies off chip from the start where its parts do, side by side.
void StateSpace::find_joint_homes() {
  for (std::uint32_t v = 0; v < graph_.parts.size(); ++v) {
    if (!graph_.is_joint({v}) || graph_.vertices[v].buffer != isa_.off_chip)
      continue;
    std::optional<std::int64_t> next;
    bool adjacent = true;
    for (VertexId part : graph_.parts[v]) {
      adjacent &= home_[part.v] != kNone;
      if (!adjacent)
        break;
      const Locations::Location &location = locations_.all[home_[part.v]];
      adjacent &= !next || location.address == *next;
      next = location.address + location.bytes;
    }
    if (adjacent)
      home_[v] = home_[graph_.parts[v][0].v];
  }
}

void StateSpace::make_outputs(const TensorEGraph &egraph) {
  auto bytes = [&](const Piece &piece) {
    return egraph.shape(graph_.vertices[piece.vertex.v].value).bytes();
  };
  std::uint32_t room = kNone;
  for (std::size_t i = 0; i < graph_.outputs.size(); ++i) {
    const Piece &piece = graph_.outputs[i];
    if (piece.whole) {
      const Shape &shape = egraph.shape(graph_.vertices[piece.vertex.v].value);
      add_location(Locations::Kind::Output, i, piece.vertex, bytes(piece),
                   pinned_slot(piece.vertex, shape, options_.output_starts, i));
      continue;
    }
    if (piece.offset == 0) {
      std::int64_t all = 0;
      for (const Piece &other : graph_.outputs)
        all += other.tensor == piece.tensor ? bytes(other) : 0;
      room = add_location(Locations::Kind::Room, piece.tensor, piece.vertex, all);
    }
    add_piece(Locations::Kind::Output, i, piece.vertex, bytes(piece), room, piece.offset);
  }
}

/// The parts are the whole outputs from the location on, side by side.
bool StateSpace::joint_output_fits(VertexId vertex, std::uint32_t first) const {
  const std::vector<VertexId> &parts = graph_.parts[vertex.v];
  std::int64_t address = locations_.all[first].address;
  for (std::size_t k = 0; k < parts.size(); ++k) {
    if (first + k >= locations_.all.size())
      return false;
    const Locations::Location &location = locations_.all[first + k];
    if (location.kind != Locations::Kind::Output || locations_.is_piece(first + k) ||
        location.vertex != parts[k] || location.address != address)
      return false;
    address += location.bytes;
  }
  return true;
}

/// The product of the destinations of writes (each output of that value; off chip, scratch if it is
/// none; on chip, anywhere too), as far as the addresses of off-chip writes agree.
std::vector<std::vector<std::uint32_t>> StateSpace::destinations(const Instance &instance) const {
  const spec::Instruction &instruction = isa_.instructions[instance.instruction];
  std::vector<std::pair<std::vector<std::uint32_t>, Bindings>> choices = {
      {{}, instance.attributes}};
  for (std::size_t w = 0; w < instance.writes.size(); ++w) {
    VertexId v = instance.writes[w];
    std::vector<std::uint32_t> places;
    for (std::uint32_t l = 0; l < locations_.all.size(); ++l)
      if (graph_.is_joint(v)
              ? joint_output_fits(v, l)
              : locations_.all[l].kind == Locations::Kind::Output && locations_.all[l].vertex == v)
        places.push_back(l);
    bool off_chip = graph_.vertices[v.v].buffer == isa_.off_chip;
    if (!off_chip)
      places.push_back(kNone);
    else if (!graph_.is_joint(v) && (places.empty() || instance.writes.size() > 1))
      places.push_back(scratch_[v.v]);
    std::vector<std::pair<std::vector<std::uint32_t>, Bindings>> longer;
    for (const auto &[prefix, bindings] : choices)
      for (std::uint32_t place : places) {
        Bindings bound = bindings;
        if (off_chip && !unify_starts(instruction.writes[w].region,
                                      std::span(&locations_.all[place].address, 1), bound))
          continue;
        longer.emplace_back(prefix, std::move(bound));
        longer.back().first.push_back(place);
      }
    choices = std::move(longer);
  }
  std::vector<std::vector<std::uint32_t>> out;
  for (auto &[places, bindings] : choices)
    out.push_back(std::move(places));
  return out;
}

void StateSpace::make_variants() {
  relaxed_.facts = static_cast<std::uint32_t>(graph_.vertices.size() + graph_.outputs.size());
  for (std::uint32_t v = 0; v < graph_.vertices.size(); ++v)
    if (home_[v] != kNone && !graph_.is_joint({v}))
      relaxed_.initial.push_back(v);
  for (std::size_t j = 0; j < graph_.outputs.size(); ++j)
    relaxed_.goal.push_back(static_cast<std::uint32_t>(graph_.vertices.size() + j));

  for (std::uint32_t i = 0; i < graph_.instances.size(); ++i) {
    const Instance &instance = graph_.instances[i];
    auto lies_apart = [&](VertexId v) {
      return graph_.is_joint(v) && graph_.vertices[v.v].buffer == isa_.off_chip &&
             home_[v.v] == kNone;
    };
    if (std::any_of(instance.reads.begin(), instance.reads.end(), lies_apart))
      continue;
    for (auto &places : destinations(instance)) {
      relaxed_.actions.push_back(relaxed_action(instance, places));
      variants_.push_back({i, std::move(places)});
    }
  }
}

RelaxedAction StateSpace::relaxed_action(const Instance &instance,
                                         std::span<const std::uint32_t> places) const {
  RelaxedAction action;
  for (VertexId r : instance.reads)
    graph_.each_part(r, [&](VertexId part) { action.needs.push_back(part.v); });
  for (std::size_t w = 0; w < places.size(); ++w) {
    bool output = places[w] != kNone && locations_.all[places[w]].kind == Locations::Kind::Output;
    std::uint32_t location = places[w];
    graph_.each_part(instance.writes[w], [&](VertexId part) {
      action.adds.push_back(part.v);
      if (output)
        action.adds.push_back(static_cast<std::uint32_t>(graph_.vertices.size()) +
                              locations_.all[location++].index);
    });
  }
  action.cost = instance.cost;
  return action;
}

} // namespace isamorph::search
