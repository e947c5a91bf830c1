#include "search/state_space.h"

#include "search/checkpoint.h"
#include "spec/state.h"
#include "spec/unroll.h"

#include <set>

namespace isamorph::search {

using semantics::Bindings;
using semantics::IntExpr;
using semantics::IntOp;

namespace {

constexpr std::size_t kMaxCandidates = 4096; ///< addresses of one dimension that are tried

/// All sums of extents that leave room for at least the smallest one.
std::vector<std::int64_t> normal_patterns(const std::set<std::int64_t> &extents,
                                          std::int64_t size) {
  std::set<std::int64_t> sums = {0};
  std::vector<std::int64_t> open = {0};
  while (!open.empty() && sums.size() < kMaxCandidates) {
    std::int64_t at = open.back();
    open.pop_back();
    for (std::int64_t extent : extents)
      if (extent > 0 && at + extent < size && sums.insert(at + extent).second)
        open.push_back(at + extent);
  }
  return {sums.begin(), sums.end()};
}

} // namespace

StateSpace::StateSpace(const PlacementGraph &graph, const spec::Isa &isa,
                       const TensorEGraph &egraph, const StateSpaceOptions &options)
    : graph_(graph), isa_(isa), options_(options), buffers_(isa.buffers.size()) {
  for (const spec::Instruction &instruction : isa.instructions) {
    std::vector<char> flags;
    for (const IntExpr &constraint : instruction.constraints) {
      bool address = false;
      constraint.for_each_variable(
          [&](std::uint32_t v) { address |= v >= instruction.computational; });
      flags.push_back(address);
    }
    address_constraints_.push_back(std::move(flags));
  }
  make_locations(egraph);
  make_variants();
  classify_buffers();
}

std::uint32_t StateSpace::add_location(Locations::Kind kind, std::size_t index, VertexId v,
                                       std::int64_t bytes) {
  auto id = static_cast<std::uint32_t>(locations_.all.size());
  locations_.all.push_back(
      {kind, static_cast<std::uint32_t>(index), v, bytes, locations_.total_bytes, id, 0});
  locations_.total_bytes += bytes;
  return id;
}

std::uint32_t StateSpace::add_piece(Locations::Kind kind, std::size_t index, VertexId v,
                                    std::int64_t bytes, std::uint32_t within, std::int64_t offset) {
  auto id = static_cast<std::uint32_t>(locations_.all.size());
  locations_.all.push_back({kind, static_cast<std::uint32_t>(index), v, bytes,
                            locations_.all[within].address + offset, within, offset});
  return id;
}

void StateSpace::make_locations(const TensorEGraph &egraph) {
  home_.assign(graph_.vertices.size(), kNone);
  scratch_.assign(graph_.vertices.size(), kNone);
  auto bytes = [&](VertexId v) { return egraph.shape(graph_.vertices[v.v].value).bytes(); };
  for (std::size_t i = 0; i < graph_.inputs.size(); ++i)
    home_[graph_.inputs[i].v] =
        add_location(Locations::Kind::Input, i, graph_.inputs[i], bytes(graph_.inputs[i]));
  for (const Piece &piece : graph_.input_pieces)
    if (home_[piece.vertex.v] == kNone) // the inputs' own locations are the first
      home_[piece.vertex.v] = add_piece(Locations::Kind::Input, piece.tensor, piece.vertex,
                                        bytes(piece.vertex), piece.tensor, piece.offset);
  for (std::size_t i = 0; i < graph_.constants.size(); ++i)
    if (home_[graph_.constants[i].v] == kNone)
      home_[graph_.constants[i].v] = add_location(Locations::Kind::Constant, i, graph_.constants[i],
                                                  bytes(graph_.constants[i]));
  make_outputs(egraph);
  for (std::uint32_t v = 0; v < graph_.vertices.size(); ++v)
    if (graph_.vertices[v].buffer == isa_.off_chip)
      scratch_[v] = add_location(Locations::Kind::Scratch, v, {v}, bytes({v}));
}

void StateSpace::make_outputs(const TensorEGraph &egraph) {
  auto bytes = [&](const Piece &piece) {
    return egraph.shape(graph_.vertices[piece.vertex.v].value).bytes();
  };
  std::uint32_t room = kNone;
  for (std::size_t i = 0; i < graph_.outputs.size(); ++i) {
    const Piece &piece = graph_.outputs[i];
    if (piece.whole) {
      add_location(Locations::Kind::Output, i, piece.vertex, bytes(piece));
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

/// The product of the destinations of off-chip writes (each output of that value, or scratch if it
/// is none), as far as the addresses of the writes agree.
std::vector<std::vector<std::uint32_t>> StateSpace::destinations(const Instance &instance) const {
  const spec::Instruction &instruction = isa_.instructions[instance.instruction];
  std::vector<std::pair<std::vector<std::uint32_t>, Bindings>> choices = {
      {{}, instance.attributes}};
  for (std::size_t w = 0; w < instance.writes.size(); ++w) {
    VertexId v = instance.writes[w];
    std::vector<std::uint32_t> places;
    if (graph_.vertices[v.v].buffer != isa_.off_chip) {
      places = {kNone};
    } else {
      for (std::uint32_t l = 0; l < locations_.all.size(); ++l)
        if (locations_.all[l].kind == Locations::Kind::Output && locations_.all[l].vertex == v)
          places.push_back(l);
      if (places.empty() || instance.writes.size() > 1)
        places.push_back(scratch_[v.v]);
    }
    std::vector<std::pair<std::vector<std::uint32_t>, Bindings>> longer;
    for (const auto &[prefix, bindings] : choices)
      for (std::uint32_t place : places) {
        Bindings bound = bindings;
        if (place != kNone && !unify_starts(instruction.writes[w].region,
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
    if (home_[v] != kNone)
      relaxed_.initial.push_back(v);
  for (std::size_t j = 0; j < graph_.outputs.size(); ++j)
    relaxed_.goal.push_back(static_cast<std::uint32_t>(graph_.vertices.size() + j));

  for (std::uint32_t i = 0; i < graph_.instances.size(); ++i) {
    const Instance &instance = graph_.instances[i];
    for (auto &places : destinations(instance)) {
      RelaxedAction action;
      for (VertexId r : instance.reads)
        action.needs.push_back(r.v);
      for (std::size_t w = 0; w < places.size(); ++w) {
        action.adds.push_back(instance.writes[w].v);
        if (places[w] != kNone && locations_.all[places[w]].kind == Locations::Kind::Output)
          action.adds.push_back(
              static_cast<std::uint32_t>(graph_.vertices.size() + locations_.all[places[w]].index));
      }
      action.cost = instance.cost;
      relaxed_.actions.push_back(std::move(action));
      variants_.push_back({i, std::move(places)});
    }
  }
}

namespace {

bool is_zero(const IntExpr &e) { return e.is_constant() && e.value() == 0; }

/// `a != b` of two attributes.
bool tells_apart(const IntExpr &e) {
  return e.op() == IntOp::NotEqual && e.arguments()[0].op() == IntOp::Variable &&
         e.arguments()[1].op() == IntOp::Variable;
}

} // namespace

bool StateSpace::breaks_symmetry(const spec::Instruction &instruction, std::uint32_t buffer) const {
  std::vector<char> here(instruction.symbols.integers.names.size(), 0), elsewhere = here;
  bool simple = true;
  auto look = [&](const spec::Region &region) {
    for (const IntExpr &start : region.starts) {
      bool first = &start == region.starts.data();
      if (region.buffer == buffer && !(first ? start.op() == IntOp::Variable : is_zero(start)))
        simple = false;
      start.for_each_variable(
          [&](std::uint32_t v) { (region.buffer == buffer ? here : elsewhere)[v] = 1; });
    }
  };
  for (const spec::Read &read : instruction.reads)
    look(read.region);
  for (const spec::Write &write : instruction.writes)
    look(write.region);
  if (!simple)
    return true;
  for (std::size_t v = 0; v < here.size(); ++v)
    if (here[v] &&
        (elsewhere[v] || v < instruction.computational || v >= instruction.attribute_count()))
      return true;
  for (const IntExpr &constraint : instruction.constraints) {
    bool mentions = false, others = false;
    constraint.for_each_variable([&](std::uint32_t v) { (here[v] ? mentions : others) = true; });
    if (mentions && (others || !tells_apart(constraint)))
      return true; // but no exchange of places makes two that differ alike
  }
  for (const spec::Update &update : instruction.after) {
    bool mentions = false;
    update.value.for_each_variable([&](std::uint32_t v) { mentions |= here[v] != 0; });
    if (mentions)
      return true;
  }
  return false;
}

/// Those of which the graph has instances.
std::vector<const spec::Instruction *> StateSpace::instructions_used() const {
  std::set<std::uint32_t> used;
  for (const Instance &instance : graph_.instances)
    used.insert(instance.instruction);
  std::vector<const spec::Instruction *> out;
  for (std::uint32_t i : used)
    out.push_back(&isa_.instructions[i]);
  return out;
}

/// The control-state variables that are addresses in a buffer as they are.
std::vector<std::uint32_t> StateSpace::namers_of(std::uint32_t buffer) const {
  std::set<std::uint32_t> out;
  for (const spec::Instruction *instruction : instructions_used()) {
    auto look = [&](const spec::Region &region) {
      for (const IntExpr &start : region.starts)
        if (region.buffer == buffer && start.op() == IntOp::Variable &&
            start.variable_index() >= instruction->attribute_count())
          out.insert(start.variable_index() -
                     static_cast<std::uint32_t>(instruction->attribute_count()));
    };
    for (const spec::Read &read : instruction->reads)
      look(read.region);
    for (const spec::Write &write : instruction->writes)
      look(write.region);
  }
  return {out.begin(), out.end()};
}

/// An instruction uses addresses of a buffer, some of them from control state (`variables`), as
/// they are and for nothing else: permuting the buffer's slots and the values of the variables
/// changes nothing.
bool StateSpace::only_names(const spec::Instruction &instruction, std::uint32_t buffer,
                            std::span<const std::uint32_t> variables) const {
  auto count = static_cast<std::uint32_t>(instruction.attribute_count());
  std::vector<char> here(instruction.symbols.integers.names.size(), 0);
  for (std::uint32_t s : variables)
    here[count + s] = 1;
  auto is_namer = [&](std::uint32_t s) {
    return std::binary_search(variables.begin(), variables.end(), s);
  };
  bool simple = true;
  auto each_start = [&](auto f) {
    for (const spec::Read &read : instruction.reads)
      for (const IntExpr &start : read.region.starts)
        f(read.region.buffer == buffer, start);
    for (const spec::Write &write : instruction.writes)
      for (const IntExpr &start : write.region.starts)
        f(write.region.buffer == buffer, start);
  };
  auto name = [&](const IntExpr &value) {
    simple &= value.op() == IntOp::Variable;
    if (value.op() == IntOp::Variable)
      here[value.variable_index()] = 1;
  };
  each_start([&](bool inside, const IntExpr &start) {
    if (inside)
      name(start);
  });
  for (const spec::Update &update : instruction.after)
    if (is_namer(update.variable))
      name(update.value);
  auto outside = [&](const IntExpr &expression) {
    expression.for_each_variable([&](std::uint32_t v) { simple &= !here[v]; });
  };
  each_start([&](bool inside, const IntExpr &start) {
    if (!inside)
      outside(start);
  });
  for (const spec::Update &update : instruction.after)
    if (!is_namer(update.variable))
      outside(update.value);
  for (const IntExpr &constraint : instruction.constraints)
    outside(constraint);
  for (std::uint32_t v : spec::body_variables(instruction))
    simple &= !here[v];
  outside(instruction.cost.latency);
  for (std::uint32_t v = 0; v < instruction.computational; ++v)
    simple &= !here[v];
  for (std::uint32_t v = count; v < here.size(); ++v)
    simple &= !here[v] || is_namer(v - count);
  return simple;
}

/// Sets `renamable` of a buffer that is not symmetric, if it is.
void StateSpace::find_renamable(std::uint32_t b) {
  const spec::Buffer &buffer = isa_.buffer(b);
  BufferInfo &info = buffers_[b];
  if (!options_.symmetry || buffer.addressed.size() != 1 || info.shapes.size() != 1 ||
      info.shapes[0][0] <= 0 || buffer.addressed[0] % info.shapes[0][0] != 0)
    return;
  std::vector<std::uint32_t> namers = namers_of(b);
  for (const spec::Instruction *instruction : instructions_used())
    if (namers.empty() || !only_names(*instruction, b, namers))
      return;
  info.renamable = true;
  info.named_by = std::move(namers);
  for (std::int64_t at = 0; at + info.shapes[0][0] <= buffer.addressed[0]; at += info.shapes[0][0])
    info.slots.push_back(slot_id(b, std::span(&at, 1), info.shapes[0]));
}

std::vector<std::int64_t> StateSpace::extents(const spec::Region &region,
                                              const Bindings &bindings) const {
  std::vector<std::int64_t> out;
  for (const IntExpr &extent : region.extents)
    out.push_back(extent.evaluate(bindings).value_or(0));
  return out;
}

void StateSpace::classify_buffers() {
  std::vector<std::set<std::vector<std::int64_t>>> shapes(buffers_.size());
  std::vector<char> broken(buffers_.size(), 0);
  for (const Instance &instance : graph_.instances) {
    const spec::Instruction &instruction = isa_.instructions[instance.instruction];
    for (const spec::Read &read : instruction.reads)
      shapes[read.region.buffer].insert(extents(read.region, instance.attributes));
    for (const spec::Write &write : instruction.writes) {
      shapes[write.region.buffer].insert(extents(write.region, instance.attributes));
      std::set<std::uint32_t> variables;
      for (const IntExpr &start : write.region.starts)
        start.for_each_variable([&](std::uint32_t v) { variables.insert(v); });
      for (const spec::Read &read : instruction.reads)
        for (const IntExpr &start : read.region.starts)
          start.for_each_variable([&](std::uint32_t v) {
            buffers_[write.region.buffer].tied |= variables.count(v) != 0;
          });
    }
    for (std::uint32_t b = 0; b < buffers_.size(); ++b)
      if (breaks_symmetry(instruction, b))
        broken[b] = 1;
    if (std::any_of(instruction.constraints.begin(), instruction.constraints.end(), tells_apart))
      for (BufferInfo &info : buffers_)
        info.two_copies = true;
  }
  for (std::uint32_t b = 0; b < buffers_.size(); ++b)
    if (!isa_.buffer(b).off_chip)
      buffers_[b].shapes.assign(shapes[b].begin(), shapes[b].end());
  number_slots();
  for (std::uint32_t b = 0; b < buffers_.size(); ++b) {
    const spec::Buffer &buffer = isa_.buffer(b);
    BufferInfo &info = buffers_[b];
    if (buffer.off_chip || shapes[b].empty())
      continue;
    const auto &first = *shapes[b].begin();
    info.symmetric = options_.symmetry && shapes[b].size() == 1 && !broken[b] && !first.empty() &&
                     first[0] > 0 && buffer.addressed[0] % first[0] == 0;
    if (info.symmetric) {
      std::vector<std::int64_t> starts(first.size(), 0);
      for (; starts[0] + first[0] <= buffer.addressed[0]; starts[0] += first[0])
        info.slots.push_back(slot_id(b, starts, first));
      continue;
    }
    find_renamable(b);
    for (std::size_t d = 0; d < buffer.addressed.size(); ++d) {
      std::set<std::int64_t> sizes;
      for (const auto &shape : shapes[b])
        sizes.insert(shape[d]);
      // Where constraints or expressions tie addresses, sums of extents may miss the only ones
      // allowed.
      bool all = broken[b] && buffer.addressed[d] <= static_cast<std::int64_t>(kMaxCandidates);
      if (all)
        sizes.insert(1);
      info.candidates.push_back(normal_patterns(sizes, buffer.addressed[d]));
    }
  }
  find_name_candidates();
}

void StateSpace::find_name_candidates() {
  std::vector<std::set<std::int64_t>> found(isa_.state.size());
  for (std::uint32_t b = 0; b < buffers_.size() && !isa_.state.empty(); ++b)
    if (!buffers_[b].renamable && buffers_[b].candidates.size() == 1)
      for (std::uint32_t s : namers_of(b))
        found[s].insert(buffers_[b].candidates[0].begin(), buffers_[b].candidates[0].end());
  for (const std::set<std::int64_t> &addresses : found)
    name_candidates_.emplace_back(addresses.begin(), addresses.end());
}

/// Off-chip slots are the locations; then come, for each buffer and shape, all starts in it.
void StateSpace::number_slots() {
  std::uint64_t next = locations_.all.size();
  for (std::uint32_t b = 0; b < buffers_.size(); ++b) {
    const spec::Buffer &buffer = isa_.buffer(b);
    if (buffer.off_chip)
      continue;
    std::uint64_t starts = 1;
    for (std::int64_t size : buffer.addressed) {
      starts *= static_cast<std::uint64_t>(size) + 1;
      if (starts >= kNone)
        break;
    }
    buffers_[b].first_slot = static_cast<std::uint32_t>(next);
    buffers_[b].slots_of_a_shape =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(starts, kNone));
    next += starts * buffers_[b].shapes.size();
    if (next >= kNone)
      throw semantics::InputError(isa_.name + ": buffer '" + buffer.name +
                                  "' has too many addresses to plan for");
  }
  number_control(next);
}

/// The slots after those of buffers: the values of each variable.
void StateSpace::number_control(std::uint64_t next) {
  first_control_ = static_cast<std::uint32_t>(next);
  for (const spec::StateVariable &variable : isa_.state) {
    control_slots_.push_back(static_cast<std::uint32_t>(next));
    auto values = static_cast<std::uint64_t>(variable.high) -
                  static_cast<std::uint64_t>(variable.low) + 1;
    if (values == 0 || values >= kNone || (next += values) >= kNone)
      throw semantics::InputError(isa_.name + ": state '" + variable.name +
                                  "' has too many values to plan for");
  }
}

std::int64_t StateSpace::control_value(Placement p) const {
  std::uint32_t variable = control_variable(p);
  return isa_.state[variable].low + static_cast<std::int64_t>(p.slot - control_slots_[variable]);
}

void StateSpace::control_values(const State &state, std::vector<std::int64_t> &out) const {
  out.clear();
  for (const spec::StateVariable &variable : isa_.state)
    out.push_back(variable.initial);
  for (Placement p : state)
    if (is_control(p))
      out[control_variable(p)] = control_value(p);
}

bool StateSpace::control_after(std::uint32_t arm, const Bindings &bindings,
                               std::vector<Placement> &out) const {
  out.clear();
  auto values = spec::state_after(isa_, arm, bindings);
  if (!values)
    return false;
  for (std::uint32_t s = 0; s < values->size(); ++s)
    if ((*values)[s] != isa_.state[s].initial)
      out.push_back({static_cast<std::uint32_t>(graph_.vertices.size()) + s,
                     control_slots_[s] +
                         static_cast<std::uint32_t>((*values)[s] - isa_.state[s].low)});
  return true;
}

std::uint32_t StateSpace::slot_id(std::uint32_t buffer, std::span<const std::int64_t> starts,
                                  std::span<const std::int64_t> extents) const {
  const BufferInfo &info = buffers_[buffer];
  auto shape = std::find_if(info.shapes.begin(), info.shapes.end(), [&](const auto &known) {
    return std::equal(known.begin(), known.end(), extents.begin(), extents.end());
  });
  assert(shape != info.shapes.end());
  std::uint32_t at = 0;
  for (std::size_t d = 0; d < starts.size(); ++d)
    at = at * static_cast<std::uint32_t>(isa_.buffer(buffer).addressed[d] + 1) +
         static_cast<std::uint32_t>(starts[d]);
  return info.first_slot +
         static_cast<std::uint32_t>(shape - info.shapes.begin()) * info.slots_of_a_shape + at;
}

std::uint32_t StateSpace::buffer_of(std::uint32_t slot) const {
  if (slot < locations_.all.size())
    return isa_.off_chip;
  std::uint32_t buffer = kNone;
  if (slot >= first_control_)
    return buffer;
  for (std::uint32_t b = 0; b < buffers_.size(); ++b)
    if (b != isa_.off_chip && !buffers_[b].shapes.empty() && buffers_[b].first_slot <= slot)
      buffer = b;
  return buffer;
}

Slot StateSpace::slot(std::uint32_t id) const {
  Slot out{buffer_of(id), {}, {}};
  if (out.buffer == isa_.off_chip) {
    out.starts = {id};
    return out;
  }
  const BufferInfo &info = buffers_[out.buffer];
  std::uint32_t at = (id - info.first_slot) % info.slots_of_a_shape;
  out.extents = info.shapes[(id - info.first_slot) / info.slots_of_a_shape];
  out.starts.resize(out.extents.size());
  for (std::size_t d = out.starts.size(); d-- > 0;) {
    auto radix = static_cast<std::uint32_t>(isa_.buffer(out.buffer).addressed[d] + 1);
    out.starts[d] = at % radix;
    at /= radix;
  }
  return out;
}

bool StateSpace::overlap(std::uint32_t a, std::uint32_t b) const {
  if (a == b)
    return true;
  std::uint32_t buffer = buffer_of(a);
  if (buffer == isa_.off_chip || buffer != buffer_of(b))
    return false;
  const BufferInfo &info = buffers_[buffer];
  const auto &x = info.shapes[(a - info.first_slot) / info.slots_of_a_shape];
  const auto &y = info.shapes[(b - info.first_slot) / info.slots_of_a_shape];
  std::uint32_t at = (a - info.first_slot) % info.slots_of_a_shape,
                bt = (b - info.first_slot) % info.slots_of_a_shape;
  for (std::size_t d = x.size(); d-- > 0;) {
    auto radix = static_cast<std::uint32_t>(isa_.buffer(buffer).addressed[d] + 1);
    std::int64_t i = at % radix, j = bt % radix;
    if (i + x[d] <= j || j + y[d] <= i)
      return false;
    at /= radix;
    bt /= radix;
  }
  return true;
}

bool StateSpace::plausible(std::span<const Placement> state) const {
  for (std::size_t i = 0; i < state.size(); ++i) {
    Placement p = state[i];
    if (p.vertex >= graph_.vertices.size() + isa_.state.size() || (i > 0 && state[i - 1] >= p))
      return false;
    if (is_control(p)) {
      const spec::StateVariable &variable = isa_.state[control_variable(p)];
      if (p.slot < control_slots_[control_variable(p)] || control_value(p) > variable.high)
        return false;
      continue;
    }
    std::uint32_t buffer = graph_.vertices[p.vertex].buffer;
    const BufferInfo &info = buffers_[buffer];
    std::uint64_t first = buffer == isa_.off_chip ? 0 : info.first_slot;
    std::uint64_t count = buffer == isa_.off_chip
                              ? locations_.all.size()
                              : std::uint64_t{info.slots_of_a_shape} * info.shapes.size();
    if (p.slot < first || p.slot - first >= count)
      return false;
  }
  return true;
}

std::uint64_t StateSpace::fingerprint() const {
  Digest digest;
  digest.add(isa_.name);
  for (const spec::Buffer &buffer : isa_.buffers)
    digest.add(buffer.addressed);
  for (const spec::Instruction &instruction : isa_.instructions) {
    digest.add(instruction.name);
    for (const IntExpr &constraint : instruction.constraints)
      digest.add(constraint.to_string());
    for (const spec::Read &read : instruction.reads)
      for (const IntExpr &start : read.region.starts)
        digest.add(start.to_string());
    for (const spec::Write &write : instruction.writes)
      for (const IntExpr &start : write.region.starts)
        digest.add(start.to_string());
    for (const spec::Update &update : instruction.after) {
      digest.add(update.variable);
      digest.add(update.value.to_string());
    }
  }
  for (const spec::StateVariable &variable : isa_.state)
    for (std::int64_t number : {variable.low, variable.high, variable.initial})
      digest.add(static_cast<std::uint64_t>(number));
  for (const Locations::Location &location : locations_.all) {
    digest.add(location.vertex.v);
    digest.add(static_cast<std::uint64_t>(location.kind));
    digest.add(static_cast<std::uint64_t>(location.bytes));
    digest.add(static_cast<std::uint64_t>(location.offset));
  }
  for (std::size_t a = 0; a < variants_.size(); ++a) {
    const Instance &instance = graph_.instances[variants_[a].instance];
    digest.add(instance.instruction);
    for (const auto &value : instance.attributes)
      digest.add(static_cast<std::uint64_t>(value.value_or(-1)));
    digest.add(variants_[a].destinations);
    digest.add(relaxed_.actions[a].needs);
    digest.add(relaxed_.actions[a].adds);
    digest.add(static_cast<std::uint64_t>(relaxed_.actions[a].cost));
  }
  digest.add(relaxed_.initial);
  digest.add(relaxed_.goal);
  digest.add(options_.symmetry);
  return digest.value();
}

void StateSpace::facts(const State &state, std::vector<std::uint32_t> &out) const {
  out = relaxed_.initial;
  for (Placement p : state) {
    if (is_control(p))
      continue;
    out.push_back(p.vertex);
    if (is_output(p.slot))
      out.push_back(static_cast<std::uint32_t>(graph_.vertices.size()) +
                    locations_.all[p.slot].index);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
}

bool StateSpace::is_goal(const State &state) const {
  std::size_t filled = 0;
  for (Placement p : state)
    filled += is_output(p.slot);
  return filled == graph_.outputs.size();
}

State StateSpace::apply(const State &state, const Transition &transition) const {
  State next;
  apply(state, transition, next);
  return next;
}

void StateSpace::apply(const State &state, const Transition &transition, State &next) const {
  next.clear();
  for (Placement p : state) {
    bool gone = is_control(p);
    for (Placement w : transition.writes)
      gone |= overlap(p.slot, w.slot);
    if (!gone)
      next.push_back(p);
  }
  next.insert(next.end(), transition.writes.begin(), transition.writes.end());
  next.insert(next.end(), transition.control.begin(), transition.control.end());
  std::sort(next.begin(), next.end());
}

void StateSpace::normalize(State &state,
                           std::vector<std::pair<std::uint32_t, std::uint32_t>> *moved) const {
  for (std::uint32_t b = 0; b < buffers_.size(); ++b) {
    if (!buffers_[b].symmetric)
      continue;
    std::size_t position = 0;
    for (Placement &p : state) {
      if (is_control(p) || graph_.vertices[p.vertex].buffer != b)
        continue;
      std::uint32_t to = buffers_[b].slots[position++];
      if (moved)
        moved->push_back({p.slot, to});
      p.slot = to;
    }
  }
  // Placements of one vertex in one symmetric buffer stay in order; others did not change.
  std::sort(state.begin(), state.end());
}

bool StateSpace::unify_starts(const spec::Region &region, std::span<const std::int64_t> starts,
                              Bindings &bindings) const {
  for (std::size_t d = 0; d < region.starts.size(); ++d) {
    const IntExpr &expression = region.starts[d];
    if (expression.op() == IntOp::Variable && !bindings[expression.variable_index()]) {
      bindings[expression.variable_index()] = starts[d];
      continue;
    }
    if (auto known = expression.evaluate(bindings)) {
      if (*known != starts[d])
        return false;
      continue;
    }
    std::vector<semantics::Equation> equations = {{expression, starts[d]}};
    if (!semantics::solve(equations, bindings) || !equations.empty())
      return false;
  }
  return true;
}

bool StateSpace::constraints_hold(const spec::Instruction &instruction,
                                  const Bindings &bindings) const {
  const auto &flags =
      address_constraints_[static_cast<std::size_t>(&instruction - isa_.instructions.data())];
  for (std::size_t i = 0; i < flags.size(); ++i)
    if (flags[i]) {
      auto value = instruction.constraints[i].evaluate(bindings);
      if (!value || *value == 0)
        return false;
    }
  return true;
}

std::optional<std::vector<std::int64_t>> StateSpace::bind(std::uint32_t index,
                                                          const Bindings &fixed,
                                                          std::span<const Slot> reads,
                                                          std::span<const Slot> writes,
                                                          const Locations &locations) const {
  const Instance &instance = graph_.instances[index];
  const spec::Instruction &instruction = isa_.instructions[instance.instruction];
  Bindings bindings = instance.attributes;
  for (std::size_t v = 0; v < fixed.size(); ++v)
    if (fixed[v])
      bindings[v] = fixed[v];
  auto fits = [&](const spec::Region &region, const Slot &at) {
    if (region.buffer != isa_.off_chip)
      return unify_starts(region, at.starts, bindings);
    std::int64_t address = locations.all[static_cast<std::size_t>(at.starts[0])].address;
    return unify_starts(region, std::span(&address, 1), bindings);
  };
  for (std::size_t i = 0; i < reads.size(); ++i)
    if (!fits(instruction.reads[i].region, reads[i]))
      return std::nullopt;
  for (std::size_t i = 0; i < writes.size(); ++i)
    if (!fits(instruction.writes[i].region, writes[i]))
      return std::nullopt;
  std::vector<std::int64_t> values;
  for (const auto &value : bindings) {
    if (!value)
      return std::nullopt;
    values.push_back(*value);
  }
  if (!constraints_hold(instruction, bindings))
    return std::nullopt;
  return values;
}

} // namespace isamorph::search
