// The successors of a state: every action that applies, in every way of choosing addresses that may
// matter.

#include "search/state_space.h"

namespace isamorph::search {

using semantics::Bindings;
using semantics::IntExpr;

struct StateSpace::Step {
  const State &state;
  const std::function<void(const Transition &, const State &)> &found;
  const Variant *variant = nullptr;
  const Instance *instance = nullptr;
  const spec::Instruction *instruction = nullptr;
  Bindings bindings;
  Transition transition;
  std::vector<char> present; ///< by vertex
};

void StateSpace::expand(const State &state,
                        const std::function<void(const Transition &, const State &)> &found) {
  Step step{state,   found, nullptr, nullptr,
            nullptr, {},    {},      std::vector<char>(graph_.vertices.size(), 0)};
  for (std::uint32_t v : relaxed_.initial)
    step.present[v] = 1;
  for (Placement p : state)
    step.present[p.vertex] = 1;
  for (std::uint32_t i = 0; i < variants_.size(); ++i) {
    step.variant = &variants_[i];
    step.instance = &graph_.instances[variants_[i].instance];
    if (!std::all_of(step.instance->reads.begin(), step.instance->reads.end(),
                     [&](VertexId v) { return step.present[v.v]; }))
      continue;
    step.instruction = &isa_.instructions[step.instance->instruction];
    step.bindings = step.instance->attributes;
    step.transition.variant = i;
    step.transition.reads.clear();
    step.transition.writes.clear();
    choose_reads(step, 0);
  }
}

void StateSpace::off_chip_reads(Step &step, std::size_t index) {
  VertexId v = step.instance->reads[index];
  std::vector<std::uint32_t> places;
  if (home_[v.v] != kNone)
    places.push_back(location_slots_[home_[v.v]]);
  for (Placement p : step.state)
    if (p.vertex == v.v)
      places.push_back(p.slot);
  Bindings saved = step.bindings;
  for (std::uint32_t place : places) {
    std::int64_t address =
        locations_.all[static_cast<std::size_t>(slots_[place].starts[0])].address;
    if (unify_starts(step.instruction->reads[index].region, std::span(&address, 1),
                     step.bindings)) {
      step.transition.reads.push_back({v.v, place});
      choose_reads(step, index + 1);
      step.transition.reads.pop_back();
    }
    step.bindings = saved;
    // Copies in memory are alike unless a constraint looks at the address.
    const auto &flags = address_constraints_[step.instance->instruction];
    if (std::none_of(flags.begin(), flags.end(), [](char f) { return f != 0; }))
      break;
  }
}

void StateSpace::choose_reads(Step &step, std::size_t index) {
  if (index == step.instance->reads.size()) {
    choose_writes(step, 0);
    return;
  }
  const spec::Region &region = step.instruction->reads[index].region;
  if (region.buffer == isa_.off_chip) {
    off_chip_reads(step, index);
    return;
  }
  std::uint32_t v = step.instance->reads[index].v;
  Bindings saved = step.bindings;
  for (Placement p : step.state) {
    if (p.vertex != v)
      continue;
    if (unify_starts(region, slots_[p.slot].starts, step.bindings)) {
      step.transition.reads.push_back(p);
      choose_reads(step, index + 1);
      step.transition.reads.pop_back();
    }
    step.bindings = saved;
    if (buffers_[region.buffer].symmetric && index == 0)
      break; // copies of one value in interchangeable slots
  }
}

void StateSpace::try_write(Step &step, std::size_t index, std::uint32_t slot) {
  for (Placement other : step.transition.writes)
    if (overlap(other.slot, slot))
      return;
  step.transition.writes.push_back({step.instance->writes[index].v, slot});
  choose_writes(step, index + 1);
  step.transition.writes.pop_back();
}

void StateSpace::off_chip_write(Step &step, std::size_t index) {
  const spec::Region &region = step.instruction->writes[index].region;
  std::uint32_t vertex = step.instance->writes[index].v;
  std::uint32_t location = step.variant->destinations[index], slot = location_slots_[location];
  bool scratch = locations_.all[location].kind == Locations::Kind::Scratch;
  bool useless = scratch ? step.present[vertex] != 0
                         : std::find(step.state.begin(), step.state.end(),
                                     Placement{vertex, slot}) != step.state.end();
  if (useless && step.instance->writes.size() == 1)
    return;
  std::int64_t address = locations_.all[location].address;
  if (unify_starts(region, std::span(&address, 1), step.bindings))
    try_write(step, index, slot);
}

/// The first free slot, or else each occupied one.
void StateSpace::write_symmetric(Step &step, std::size_t index) {
  const spec::Region &region = step.instruction->writes[index].region;
  const BufferInfo &info = buffers_[region.buffer];
  Bindings saved = step.bindings;
  std::size_t held = 0;
  for (Placement p : step.state)
    held += slots_[p.slot].buffer == region.buffer;
  for (Placement p : step.transition.writes)
    held += std::find_if(step.state.begin(), step.state.end(),
                         [&](Placement q) { return q.slot == p.slot; }) == step.state.end() &&
            slots_[p.slot].buffer == region.buffer;
  auto take = [&](std::uint32_t slot) {
    if (unify_starts(region, slots_[slot].starts, step.bindings))
      try_write(step, index, slot);
    step.bindings = saved;
  };
  if (held < info.slots.size()) {
    take(info.slots[held]);
    return;
  }
  for (std::uint32_t slot : info.slots)
    take(slot);
}

void StateSpace::choose_writes(Step &step, std::size_t index) {
  if (index == step.instance->writes.size()) {
    finish(step);
    return;
  }
  const spec::Region &region = step.instruction->writes[index].region;
  VertexId v = step.instance->writes[index];
  Bindings saved = step.bindings;
  if (region.buffer == isa_.off_chip) {
    off_chip_write(step, index);
    step.bindings = saved;
    return;
  }
  const BufferInfo &info = buffers_[region.buffer];
  // A second copy only helps where an instruction can be forced to destroy the first.
  if (step.instance->writes.size() == 1 && step.present[v.v] && info.symmetric && !info.tied)
    return;
  std::vector<std::int64_t> extent = extents(region, step.bindings), starts;
  bool fixed = true;
  for (const IntExpr &start : region.starts) {
    auto value = start.evaluate(step.bindings);
    fixed &= value.has_value();
    starts.push_back(value.value_or(0));
  }
  const auto &sizes = isa_.buffer(region.buffer).addressed;
  auto inside = [&] {
    for (std::size_t d = 0; d < starts.size(); ++d)
      if (starts[d] < 0 || starts[d] + extent[d] > sizes[d])
        return false;
    return true;
  };
  if (fixed) {
    if (inside())
      try_write(step, index, intern({region.buffer, starts, extent}));
    return;
  }
  if (info.symmetric) {
    write_symmetric(step, index);
    return;
  }
  // Every combination of candidate addresses.
  std::vector<std::size_t> at(starts.size(), 0);
  while (true) {
    for (std::size_t d = 0; d < at.size(); ++d)
      starts[d] = info.candidates[d][at[d]];
    if (inside() && unify_starts(region, starts, step.bindings))
      try_write(step, index, intern({region.buffer, starts, extent}));
    step.bindings = saved;
    std::size_t d = 0;
    while (d < at.size() && ++at[d] == info.candidates[d].size())
      at[d++] = 0;
    if (d == at.size())
      return;
  }
}

void StateSpace::finish(Step &step) {
  for (const auto &value : step.bindings)
    if (!value)
      return;
  if (!constraints_hold(*step.instruction, step.bindings))
    return;
  State next = apply(step.state, step.transition);
  normalize(next);
  if (next != step.state)
    step.found(step.transition, next);
}

} // namespace isamorph::search
