// What a program does once: bodies of its instructions, addresses of their operands.
#include "sim/program.h"
#include "spec/unroll.h"

#include <algorithm>
#include <cassert>

namespace isamorph::sim {

void Program::compile(const spec::Isa &isa) {
  for (const spec::Instruction &instruction : isa.instructions) {
    Operands operands{{}, instruction.reads.size(), spec::body_variables(instruction)};
    for (const spec::Read &read : instruction.reads)
      operands.regions.push_back(read.region);
    for (const spec::Write &write : instruction.writes)
      operands.regions.push_back(write.region);
    instructions_.push_back(std::move(operands));
  }
  bool fixed = add_routines(isa);
  if (!kernel_.loops.empty()) {
    if (fixed)
      make_nest();
    return;
  }
  whole_.steps.reserve(kernel_.instructions.size());
  whole_.operands.reserve(kernel_.instructions.size() * most_operands_);
  for (const spec::KernelInstruction &call : kernel_.instructions)
    add_step(call, whole_);
  for (const Step &step : whole_.steps)
    whole_work_ += routines_[step.routine].work();
}

Program::RoutineKey Program::key(const spec::KernelInstruction &call) const {
  RoutineKey out{call.instruction, {}};
  for (std::uint32_t v : instructions_[call.instruction].body_variables)
    out.second.push_back(call.attributes[v]);
  return out;
}

/// nullopt where it has not been added.
std::optional<std::uint32_t> Program::routine(const spec::KernelInstruction &call,
                                              LastRoutines &last) const {
  last.resize(instructions_.size());
  auto &known = last[call.instruction];
  const std::vector<std::uint32_t> &variables = instructions_[call.instruction].body_variables;
  auto value = [&](std::uint32_t v) { return call.attributes[v]; };
  if (known && std::ranges::equal(variables, known->first, {}, value))
    return known->second;
  RoutineKey wanted = key(call);
  auto found = known_.find(wanted);
  if (found == known_.end())
    return std::nullopt;
  known = {std::move(wanted.second), found->second};
  return found->second;
}

/// Iterations are walked only for instructions whose bodies they change; whether there are none.
bool Program::add_routines(const spec::Isa &isa) {
  std::vector<char> varies(kernel_.instructions.size(), 0);
  for (std::size_t i = 0; i < varies.size(); ++i) {
    const spec::KernelInstruction &call = kernel_.instructions[i];
    const auto &variables = instructions_[call.instruction].body_variables;
    for (const spec::Stride &stride : call.strides)
      varies[i] |= std::binary_search(variables.begin(), variables.end(), stride.attribute);
    if (!varies[i])
      add_routine(isa, call);
  }
  bool fixed = std::find(varies.begin(), varies.end(), 1) == varies.end();
  if (!fixed)
    spec::for_each_instance(kernel_, [&](const spec::Instance &instance) {
      if (varies[instance.index])
        add_routine(isa, instance.call);
    });
  return fixed;
}

void Program::make_nest() {
  std::vector<const Routine *> routines;
  std::vector<LoopNest::Regions> regions;
  for (const spec::KernelInstruction &call : kernel_.instructions) {
    routines.push_back(&routines_[known_.at(key(call))]);
    regions.push_back(instructions_[call.instruction].regions);
  }
  nest_ = LoopNest::compile(kernel_, map_, routines, regions);
  if (nest_)
    footprints_.emplace(*nest_);
}

void Program::add_routine(const spec::Isa &isa, const spec::KernelInstruction &call) {
  if (routine(call, whole_.last))
    return;
  known_.emplace(key(call), static_cast<std::uint32_t>(routines_.size()));
  routines_.push_back(make_routine(isa, call));
  scratch_bytes_ = std::max(scratch_bytes_, routines_.back().scratch_bytes());
  most_operands_ = std::max(most_operands_, routines_.back().footprints().size());
  most_work_ = std::max(most_work_, routines_.back().work());
}

Routine Program::make_routine(const spec::Isa &isa, const spec::KernelInstruction &call) const {
  const spec::Instruction &instruction = isa.instructions[call.instruction];
  semantics::Bindings attributes(call.attributes.begin(), call.attributes.end());
  std::vector<Footprint> footprints;
  for (const spec::ConcreteRegion &region : operand_regions(call))
    footprints.push_back(map_.footprint(region));
  return {Body(spec::instantiate_body(instruction, attributes), numerics_), std::move(footprints),
          instruction.reads.size()};
}

std::vector<spec::ConcreteRegion>
Program::operand_regions(const spec::KernelInstruction &call) const {
  semantics::Bindings attributes(call.attributes.begin(), call.attributes.end());
  std::vector<spec::ConcreteRegion> out;
  for (const spec::Region &region : instructions_[call.instruction].regions) {
    auto concrete = spec::instantiate(region, attributes);
    assert(concrete);
    out.push_back(std::move(*concrete));
  }
  return out;
}

/// Addresses only: whether they are staged comes when all are there.
void Program::add_operands(const spec::KernelInstruction &call, const Routine &routine,
                           Batch &batch) const {
  batch.values.assign(call.attributes.begin(), call.attributes.end());
  std::size_t index = 0;
  for (const spec::Region &region : instructions_[call.instruction].regions) {
    batch.starts.clear();
    for (const semantics::IntExpr &start : region.starts) {
      auto value = start.evaluate(batch.values);
      assert(value);
      batch.starts.push_back(*value);
    }
    std::span<const std::int64_t> extents = routine.footprints()[index++].shape.dims;
    batch.operands.push_back(
        {map_.address(region.buffer, batch.starts, extents.first(region.extents.size())), false});
  }
}

void Program::add_step(const spec::KernelInstruction &call, Batch &batch) const {
  std::size_t first = batch.operands.size();
  std::optional<std::uint32_t> index = this->routine(call, batch.last);
  assert(index);
  const Routine &routine = routines_[*index];
  try {
    add_operands(call, routine, batch);
  } catch (const semantics::InputError &error) {
    if (call.location.source)
      semantics::fail(call.location, error.what());
    throw;
  }
  std::span<Operand> operands = std::span(batch.operands).subspan(first);
  for (std::size_t i = 0; i < operands.size(); ++i)
    operands[i].staged = routine.needs_staging(i, operands[i].address) ||
                         (i >= routine.reads() && touches_another(routine, operands, i));
  batch.steps.push_back({*index, first});
}

bool Program::touches_another(const Routine &routine, std::span<const Operand> operands,
                              std::size_t one) {
  for (std::size_t i = 0; i < operands.size(); ++i) {
    auto between = static_cast<std::int64_t>(operands[one].address - operands[i].address);
    if (i != one && routine.touch(one, i, between, between))
      return true;
  }
  return false;
}

} // namespace isamorph::sim
