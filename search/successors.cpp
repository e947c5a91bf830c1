// The successors of a state: every action that applies, in every way of choosing addresses that may
// matter.

#include "search/state_space.h"

namespace isamorph::search {

using semantics::Bindings;

StateSpace::Expander::Expander(const StateSpace &space)
    : space_(space), present_(space.graph_.vertices.size(), 0) {
  std::size_t most = 0;
  for (const Instance &instance : space.graph_.instances)
    most = std::max(most, instance.reads.size() + instance.writes.size());
  saved_.resize(most);
}

void StateSpace::expand(const State &state, const Found &found) const {
  Expander{*this}(state, found);
}

void StateSpace::Expander::operator()(const State &state, const Found &found) {
  state_ = &state;
  found_ = &found;
  ++round_;
  for (std::uint32_t v : space_.relaxed_.initial)
    present_[v] = round_;
  for (Placement p : state)
    present_[p.vertex] = round_;
  for (std::uint32_t i = 0; i < space_.variants_.size(); ++i) {
    variant_ = &space_.variants_[i];
    instance_ = &space_.graph_.instances[variant_->instance];
    if (!std::all_of(instance_->reads.begin(), instance_->reads.end(),
                     [&](VertexId v) { return present(v.v); }))
      continue;
    instruction_ = &space_.isa_.instructions[instance_->instruction];
    bindings_ = instance_->attributes;
    transition_.variant = i;
    transition_.reads.clear();
    transition_.writes.clear();
    choose_reads(0);
  }
}

/// Unifies the addresses of a region with those of a slot.
bool StateSpace::Expander::bind(const spec::Region &region, std::uint32_t slot) {
  if (region.buffer == space_.isa_.off_chip)
    return space_.unify_starts(region, std::span(&space_.locations_.all[slot].address, 1),
                               bindings_);
  return space_.unify_starts(region, space_.slot(slot).starts, bindings_);
}

void StateSpace::Expander::off_chip_reads(std::size_t index) {
  std::uint32_t v = instance_->reads[index].v;
  // Copies in memory are alike unless a constraint looks at the address.
  const auto &flags = space_.address_constraints_[instance_->instruction];
  bool alike = std::none_of(flags.begin(), flags.end(), [](char f) { return f != 0; });
  bool done = false;
  Bindings &saved = saved_[index] = bindings_;
  auto take = [&](std::uint32_t place) {
    if (done)
      return;
    if (bind(instruction_->reads[index].region, place)) {
      transition_.reads.push_back({v, place});
      choose_reads(index + 1);
      transition_.reads.pop_back();
    }
    bindings_ = saved;
    done = alike;
  };
  if (space_.home_[v] != kNone)
    take(space_.home_[v]);
  for (Placement p : *state_)
    if (p.vertex == v)
      take(p.slot);
}

void StateSpace::Expander::choose_reads(std::size_t index) {
  if (index == instance_->reads.size()) {
    choose_writes(0);
    return;
  }
  const spec::Region &region = instruction_->reads[index].region;
  if (region.buffer == space_.isa_.off_chip) {
    off_chip_reads(index);
    return;
  }
  std::uint32_t v = instance_->reads[index].v;
  Bindings &saved = saved_[index] = bindings_;
  if (std::uint32_t home = space_.home_[v]; home != kNone) {
    if (bind(region, home)) {
      transition_.reads.push_back({v, home});
      choose_reads(index + 1);
      transition_.reads.pop_back();
    }
    bindings_ = saved;
  }
  for (Placement p : *state_) {
    if (p.vertex != v)
      continue;
    if (bind(region, p.slot)) {
      transition_.reads.push_back(p);
      choose_reads(index + 1);
      transition_.reads.pop_back();
    }
    bindings_ = saved;
    if (space_.buffers_[region.buffer].symmetric && index == 0)
      break; // copies of one value in interchangeable slots
  }
}

void StateSpace::Expander::try_write(std::size_t index, std::uint32_t slot) {
  for (Placement other : transition_.writes)
    if (space_.overlap(other.slot, slot))
      return;
  transition_.writes.push_back({instance_->writes[index].v, slot});
  choose_writes(index + 1);
  transition_.writes.pop_back();
}

void StateSpace::Expander::write_to_location(std::size_t index) {
  std::uint32_t vertex = instance_->writes[index].v, location = variant_->destinations[index];
  bool scratch = space_.locations_.all[location].kind == Locations::Kind::Scratch;
  bool useless = scratch ? present(vertex)
                         : std::find(state_->begin(), state_->end(), Placement{vertex, location}) !=
                               state_->end();
  if (useless && instance_->writes.size() == 1)
    return;
  if (bind(instruction_->writes[index].region, location))
    try_write(index, location);
}

/// The first free slot, or else each occupied one.
void StateSpace::Expander::write_symmetric(std::size_t index) {
  const spec::Region &region = instruction_->writes[index].region;
  const BufferInfo &info = space_.buffers_[region.buffer];
  Bindings &saved = saved_[instance_->reads.size() + index] = bindings_;
  auto here = [&](Placement p) {
    return space_.graph_.vertices[p.vertex].buffer == region.buffer && !space_.is_location(p.slot);
  };
  std::size_t held = 0;
  for (Placement p : *state_)
    held += here(p);
  for (Placement p : transition_.writes)
    held += here(p) && std::none_of(state_->begin(), state_->end(),
                                    [&](Placement q) { return q.slot == p.slot; });
  auto take = [&](std::uint32_t slot) {
    if (bind(region, slot))
      try_write(index, slot);
    bindings_ = saved;
  };
  if (held < info.slots.size()) {
    take(info.slots[held]);
    return;
  }
  for (std::uint32_t slot : info.slots)
    take(slot);
}

/// Every combination of candidate addresses.
void StateSpace::Expander::write_anywhere(std::size_t index,
                                          std::span<const std::int64_t> extents) {
  const spec::Region &region = instruction_->writes[index].region;
  const BufferInfo &info = space_.buffers_[region.buffer];
  const auto &sizes = space_.isa_.buffer(region.buffer).addressed;
  Bindings &saved = saved_[instance_->reads.size() + index] = bindings_;
  std::vector<std::int64_t> starts(extents.size());
  std::vector<std::size_t> at(extents.size(), 0);
  while (true) {
    bool inside = true;
    for (std::size_t d = 0; d < at.size(); ++d) {
      starts[d] = info.candidates[d][at[d]];
      inside &= starts[d] + extents[d] <= sizes[d];
    }
    if (inside && space_.unify_starts(region, starts, bindings_))
      try_write(index, space_.slot_id(region.buffer, starts, extents));
    bindings_ = saved;
    std::size_t d = 0;
    while (d < at.size() && ++at[d] == info.candidates[d].size())
      at[d++] = 0;
    if (d == at.size())
      return;
  }
}

void StateSpace::Expander::choose_writes(std::size_t index) {
  if (index == instance_->writes.size()) {
    finish();
    return;
  }
  const spec::Region &region = instruction_->writes[index].region;
  if (variant_->destinations[index] != kNone) {
    Bindings &saved = saved_[instance_->reads.size() + index] = bindings_;
    write_to_location(index);
    bindings_ = saved;
    return;
  }
  const BufferInfo &info = space_.buffers_[region.buffer];
  // A second copy only helps where an instruction can be forced to destroy the first, or reads
  // both.
  if (instance_->writes.size() == 1 && present(instance_->writes[index].v) && info.symmetric &&
      !info.tied && !info.two_copies)
    return;
  std::vector<std::int64_t> extents = space_.extents(region, instance_->attributes), starts;
  bool fixed = true, inside = true;
  for (std::size_t d = 0; d < region.starts.size(); ++d) {
    auto value = region.starts[d].evaluate(bindings_);
    fixed &= value.has_value();
    inside &= value && *value >= (d == 0 ? space_.reserved(region.buffer) : 0) &&
              *value + extents[d] <= space_.isa_.buffer(region.buffer).addressed[d];
    starts.push_back(value.value_or(0));
  }
  if (fixed && inside)
    try_write(index, space_.slot_id(region.buffer, starts, extents));
  else if (!fixed && info.symmetric)
    write_symmetric(index);
  else if (!fixed)
    write_anywhere(index, extents);
}

void StateSpace::Expander::finish() {
  for (const auto &value : bindings_)
    if (!value)
      return;
  if (!space_.constraints_hold(*instruction_, bindings_))
    return;
  space_.apply(*state_, transition_, next_);
  space_.normalize(next_);
  if (next_ != *state_)
    (*found_)(transition_, next_);
}

} // namespace isamorph::search
