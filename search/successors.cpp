// The successors of a state: every action that applies, in every way of choosing addresses that may
// matter.

#include "search/state_space.h"

namespace isamorph::search {

using semantics::Bindings;

StateSpace::Expander::Expander(const StateSpace &space)
    : space_(space), present_(space.graph_.vertices.size() + space.isa_.state.size(), 0) {
  std::size_t most = 0;
  for (const Instance &instance : space.graph_.instances)
    most = std::max(most, instance.reads.size() + instance.writes.size() +
                              space.isa_.instructions[instance.instruction].after.size());
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
  space_.control_values(state, control_);
  for (std::uint32_t i = 0; i < space_.variants_.size(); ++i) {
    variant_ = &space_.variants_[i];
    instance_ = &space_.graph_.instances[variant_->instance];
    const std::vector<std::uint32_t> &needs = space_.relaxed_.actions[i].needs;
    if (!std::all_of(needs.begin(), needs.end(), [&](std::uint32_t v) { return present(v); }))
      continue;
    instruction_ = &space_.isa_.instructions[instance_->instruction];
    bindings_ = instance_->attributes;
    find_control();
    if (!may_apply())
      continue;
    transition_.variant = i;
    transition_.reads.clear();
    transition_.writes.clear();
    choose_reads(0);
  }
}

/// Binds the control state.
void StateSpace::Expander::find_control() {
  transition_.fixed.clear();
  if (control_.empty())
    return;
  transition_.fixed.resize(bindings_.size());
  for (std::size_t s = 0; s < control_.size(); ++s)
    bindings_[bindings_.size() - control_.size() + s] =
        transition_.fixed[bindings_.size() - control_.size() + s] = control_[s];
}

/// No constraint fails already.
bool StateSpace::Expander::may_apply() const {
  if (control_.empty())
    return true;
  for (const semantics::IntExpr &constraint : instruction_->constraints)
    if (constraint.evaluate(bindings_) == 0)
      return false;
  return true;
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

/// Whether the state has a placement, or all the parts of a joint one.
bool StateSpace::Expander::holds(Placement p) {
  parts_.clear();
  space_.parts_at(p, parts_);
  return std::all_of(parts_.begin(), parts_.end(), [&](Placement part) {
    return std::binary_search(state_->begin(), state_->end(), part);
  });
}

/// On chip: wherever the parts lie one after the other.
void StateSpace::Expander::joint_reads(std::size_t index) {
  std::uint32_t v = instance_->reads[index].v;
  const spec::Region &region = instruction_->reads[index].region;
  const std::vector<std::int64_t> &extents = space_.extents_[v];
  Bindings &saved = saved_[index] = bindings_;
  for (Placement p : *state_) {
    if (p.vertex != space_.graph_.parts[v][0].v || space_.is_location(p.slot))
      continue;
    Slot first = space_.slot(p.slot);
    if (first.starts[0] + extents[0] > space_.isa_.buffer(first.buffer).addressed[0])
      continue;
    Placement all{v, space_.slot_id(first.buffer, first.starts, extents)};
    if (holds(all) && bind(region, all.slot)) {
      transition_.reads.push_back(all);
      choose_reads(index + 1);
      transition_.reads.pop_back();
    }
    bindings_ = saved;
  }
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
  if (space_.graph_.is_joint(instance_->reads[index])) {
    joint_reads(index);
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
  bool useless = scratch ? present(vertex) : holds({vertex, location});
  if (useless && instance_->writes.size() == 1 && instruction_->after.empty())
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
    return !space_.is_control(p) && space_.graph_.vertices[p.vertex].buffer == region.buffer &&
           !space_.is_location(p.slot);
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

/// The slots of a renamable buffer that differ: those that hold something or are named, and the
/// first of the others.
std::vector<std::uint32_t> StateSpace::Expander::nameable(std::uint32_t buffer) const {
  const BufferInfo &info = space_.buffers_[buffer];
  std::vector<char> taken(info.slots.size(), 0);
  std::int64_t extent = info.shapes[0][0];
  auto take = [&](std::int64_t address) {
    std::int64_t at = address - space_.reserved(buffer);
    if (at >= 0 && at % extent == 0 && at / extent < static_cast<std::int64_t>(taken.size()))
      taken[static_cast<std::size_t>(at / extent)] = 1;
  };
  for (const std::vector<Placement> *placements : {state_, &transition_.writes})
    for (Placement p : *placements)
      if (!space_.is_control(p) && space_.graph_.vertices[p.vertex].buffer == buffer)
        take(space_.slot(p.slot).starts[0]);
  for (std::uint32_t s : info.named_by)
    take(control_[s]);
  for (const spec::Update &update : instruction_->after)
    if (std::binary_search(info.named_by.begin(), info.named_by.end(), update.variable))
      if (auto value = update.value.evaluate(bindings_))
        take(*value);
  std::vector<std::uint32_t> out;
  auto fresh = std::find(taken.begin(), taken.end(), 0);
  if (fresh != taken.end())
    *fresh = 1;
  for (std::size_t i = 0; i < taken.size(); ++i)
    if (taken[i])
      out.push_back(info.slots[i]);
  return out;
}

void StateSpace::Expander::write_renamable(std::size_t index) {
  const spec::Region &region = instruction_->writes[index].region;
  Bindings &saved = saved_[instance_->reads.size() + index] = bindings_;
  for (std::uint32_t slot : nameable(region.buffer)) {
    if (bind(region, slot))
      try_write(index, slot);
    bindings_ = saved;
  }
}

/// Values for the attributes that only go into control state: the addresses that it may have to
/// name, or all values of a variable that has few.
void StateSpace::Expander::choose_names(std::size_t number) {
  if (number == instruction_->after.size())
    return finish();
  const spec::Update &update = instruction_->after[number];
  if (update.value.op() != semantics::IntOp::Variable || bindings_[update.value.variable_index()])
    return choose_names(number + 1);
  std::uint32_t attribute = update.value.variable_index();
  Bindings &saved = saved_[instance_->reads.size() + instance_->writes.size() + number] = bindings_;
  auto take = [&](std::int64_t value) {
    bindings_[attribute] = transition_.fixed[attribute] = value;
    choose_names(number + 1);
    bindings_ = saved;
    transition_.fixed[attribute].reset();
  };
  for (std::uint32_t b = 0; b < space_.buffers_.size(); ++b) {
    const std::vector<std::uint32_t> &names = space_.buffers_[b].named_by;
    if (!std::binary_search(names.begin(), names.end(), update.variable))
      continue;
    for (std::uint32_t slot : nameable(b))
      take(space_.slot(slot).starts[0]);
    for (const Locations::Location &location : space_.locations_.all)
      if (location.slot.buffer == b) // reserved
        take(location.slot.starts[0]);
    return; // no other buffer has this variable's names
  }
  const spec::StateVariable &variable = space_.isa_.state[update.variable];
  if (const auto &addresses = space_.name_candidates_[update.variable]; !addresses.empty())
    std::for_each(addresses.begin(), addresses.end(), take);
  else if (variable.high - variable.low < kMaxEnumerated)
    for (std::int64_t value = variable.low; value <= variable.high; ++value)
      take(value);
}

void StateSpace::Expander::write_to_own_place(std::size_t index) {
  const spec::Region &region = instruction_->writes[index].region;
  Bindings &saved = saved_[instance_->reads.size() + index] = bindings_;
  std::uint32_t slot = space_.buffers_[region.buffer].places[instance_->writes[index].v];
  if (bind(region, slot))
    try_write(index, slot);
  bindings_ = saved;
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
    choose_names(0);
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
  if (instance_->writes.size() == 1 && instruction_->after.empty() &&
      (info.symmetric ? !info.tied && !info.two_copies : !info.places.empty()) &&
      all_present(instance_->writes[index]))
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
  else if (!fixed && !info.places.empty())
    write_to_own_place(index);
  else if (!fixed && info.renamable)
    write_renamable(index);
  else if (!fixed)
    write_anywhere(index, extents);
}

void StateSpace::Expander::finish() {
  for (const auto &value : bindings_)
    if (!value)
      return;
  if (!space_.constraints_hold(*instruction_, bindings_))
    return;
  if (!control_.empty() &&
      !space_.control_after(instance_->instruction, bindings_, transition_.control))
    return;
  space_.apply(*state_, transition_, next_);
  space_.normalize(next_);
  if (next_ != *state_)
    (*found_)(transition_, next_);
}

} // namespace isamorph::search
