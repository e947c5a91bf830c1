#include "search/state_space.h"

#include "search/checkpoint.h"
#include "spec/state.h"

namespace isamorph::search {

using semantics::Bindings;
using semantics::IntExpr;
using semantics::IntOp;

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

std::vector<std::int64_t> StateSpace::extents(const spec::Region &region,
                                              const Bindings &bindings) const {
  std::vector<std::int64_t> out;
  for (const IntExpr &extent : region.extents)
    out.push_back(extent.evaluate(bindings).value_or(0));
  return out;
}

/// First the locations; then come, for each buffer and shape, all starts in it.
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
    auto values =
        static_cast<std::uint64_t>(variable.high) - static_cast<std::uint64_t>(variable.low) + 1;
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
      out.push_back(
          {static_cast<std::uint32_t>(graph_.vertices.size()) + s,
           control_slots_[s] + static_cast<std::uint32_t>((*values)[s] - isa_.state[s].low)});
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
  if (is_location(slot))
    return locations_.all[slot].slot.buffer;
  std::uint32_t buffer = kNone;
  if (slot >= first_control_)
    return buffer;
  for (std::uint32_t b = 0; b < buffers_.size(); ++b)
    if (b != isa_.off_chip && !buffers_[b].shapes.empty() && buffers_[b].first_slot <= slot)
      buffer = b;
  return buffer;
}

Slot StateSpace::slot(std::uint32_t id) const {
  if (is_location(id))
    return locations_.all[id].slot;
  Slot out{buffer_of(id), {}, {}};
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
  if (is_location(a) || is_location(b)) // reserved
    return false;
  std::uint32_t buffer = buffer_of(a);
  if (buffer != buffer_of(b))
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
    if (is_location(p.slot)) {
      if (locations_.all[p.slot].slot.buffer != buffer)
        return false;
      continue;
    }
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
    digest.add(location.slot.buffer);
    digest.add(location.slot.starts);
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
  for (std::uint32_t v = 0; v < graph_.parts.size(); ++v)
    for (VertexId part : graph_.parts[v]) {
      digest.add(v);
      digest.add(part.v);
    }
  digest.add(relaxed_.initial);
  digest.add(relaxed_.goal);
  digest.add(options_.symmetry);
  digest.add(options_.own_places);
  digest.add(options_.reserved);
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
  for (Placement w : transition.writes)
    parts_at(w, next);
  next.insert(next.end(), transition.control.begin(), transition.control.end());
  std::sort(next.begin(), next.end());
}

void StateSpace::parts_at(Placement p, std::vector<Placement> &out) const {
  if (is_control(p) || !graph_.is_joint({p.vertex})) {
    out.push_back(p);
    return;
  }
  const std::vector<VertexId> &parts = graph_.parts[p.vertex];
  if (is_location(p.slot)) {
    bool output = is_output(p.slot);
    for (std::uint32_t k = 0; k < parts.size(); ++k)
      out.push_back({parts[k].v, output ? p.slot + k : home_[parts[k].v]});
    return;
  }
  Slot place = slot(p.slot);
  for (VertexId part : parts) {
    out.push_back({part.v, slot_id(place.buffer, place.starts, extents_[part.v])});
    place.starts[0] += extents_[part.v][0];
  }
}

void StateSpace::normalize(State &state,
                           std::vector<std::pair<std::uint32_t, std::uint32_t>> *moved) const {
  for (std::uint32_t b = 0; b < buffers_.size(); ++b) {
    if (!buffers_[b].symmetric)
      continue;
    std::size_t position = 0;
    for (Placement &p : state) {
      if (is_control(p) || graph_.vertices[p.vertex].buffer != b || is_location(p.slot))
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

std::optional<std::vector<std::int64_t>>
StateSpace::bind(std::uint32_t index, const Bindings &fixed, std::span<const Slot> reads,
                 std::span<const Slot> writes, const Locations &locations) const {
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
