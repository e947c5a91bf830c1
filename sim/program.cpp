#include "sim/program.h"

#include "sim/schedule.h"

#include <algorithm>
#include <cassert>
#include <fmt/format.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

namespace isamorph::sim {

using semantics::Tensor;

namespace {

/// Levels of less work run on one thread.
constexpr std::size_t kParallelWork = 1 << 15;
/// So many parts for each thread, so that a thread that is late costs little.
constexpr std::size_t kPartsPerThread = 4;
/// The strictest alignment of an element.
constexpr std::size_t kElementAlignment = 8;

/// The attributes on which a body and its regions' sizes depend: most are the same for all
/// addresses.
std::vector<std::uint32_t> routine_variables(const spec::Instruction &instruction) {
  std::vector<char> used(instruction.attribute_count(), 0);
  auto note = [&](const semantics::IntExpr &expression) {
    expression.for_each_variable([&](std::uint32_t v) { used[v] = 1; });
  };
  for (const semantics::TemplateNode &node : instruction.body.nodes) {
    for (const auto &[key, values] : node.attributes)
      std::for_each(values.begin(), values.end(), note);
    std::for_each(node.shape.dims.begin(), node.shape.dims.end(), note);
    if (node.literal_value)
      note(*node.literal_value);
  }
  for (const spec::Read &read : instruction.reads)
    std::for_each(read.region.extents.begin(), read.region.extents.end(), note);
  for (const spec::Write &write : instruction.writes)
    std::for_each(write.region.extents.begin(), write.region.extents.end(), note);
  std::vector<std::uint32_t> variables;
  for (std::uint32_t v = 0; v < used.size(); ++v)
    if (used[v])
      variables.push_back(v);
  return variables;
}

/// The regions of an instruction's operands: reads, then writes.
std::vector<spec::ConcreteRegion> operand_regions(const spec::Instruction &instruction,
                                                  const spec::KernelInstruction &call) {
  semantics::Bindings attributes(call.attributes.begin(), call.attributes.end());
  std::vector<spec::ConcreteRegion> out;
  auto add = [&](const spec::Region &region) {
    auto concrete = spec::instantiate(region, attributes);
    assert(concrete);
    out.push_back(std::move(*concrete));
  };
  for (const spec::Read &read : instruction.reads)
    add(read.region);
  for (const spec::Write &write : instruction.writes)
    add(write.region);
  return out;
}

} // namespace

/// What a thread needs of its own.
struct Program::Worker {
  AlignedBytes scratch;
  std::vector<const std::byte *> reads;
  std::vector<std::byte *> writes;
  Worker(std::size_t scratch_bytes, std::size_t operands)
      : scratch(scratch_bytes), reads(operands), writes(operands) {}
};

/// What a run needs of its own.
struct Program::State {
  AlignedBytes memory;
  std::deque<Worker> workers;
  explicit State(const Program &program) : memory(program.map_.bytes()) {
    workers.emplace_back(program.scratch_bytes_, program.most_operands_);
  }
};

/// A state for one run, cleared.
class Program::StateLease {
public:
  explicit StateLease(const Program &program) : program_(program) {
    {
      std::lock_guard lock(program.mutex_);
      if (!program.idle_.empty()) {
        state_ = std::move(program.idle_.back());
        program.idle_.pop_back();
      }
    }
    if (state_)
      state_->memory.clear();
    else
      state_ = std::make_unique<State>(program);
  }
  ~StateLease() {
    std::lock_guard lock(program_.mutex_);
    program_.idle_.push_back(std::move(state_));
  }
  StateLease(const StateLease &) = delete;
  State &operator*() { return *state_; }

private:
  const Program &program_;
  std::unique_ptr<State> state_;
};

class Program::View : public Machine {
public:
  View(const MemoryMap &map, const std::byte *memory) : map_(map), memory_(memory) {}
  Tensor read(const spec::ConcreteRegion &region) const override {
    std::size_t address = map_.address(region);
    Footprint footprint = map_.footprint(region);
    Tensor out(footprint.shape);
    footprint.gather(memory_ + address, out.bytes().data());
    return out;
  }

private:
  const MemoryMap &map_;
  const std::byte *memory_;
};

Program::Program(const spec::Isa &isa, const spec::Kernel &kernel)
    : map_(isa, kernel.off_chip_bytes), numerics_(isa.numerics), inputs_(kernel.inputs),
      constants_(kernel.constants), outputs_(kernel.outputs), calls_(kernel.instructions) {
  for (const spec::Instruction &instruction : isa.instructions)
    variables_.push_back(routine_variables(instruction));
  for (std::uint32_t call = 0; call < calls_.size(); ++call)
    add_step(isa, call);
  find_levels();
}

Program::~Program() = default;

Program::Routine Program::make_routine(const spec::Isa &isa,
                                       const spec::KernelInstruction &call) const {
  const spec::Instruction &instruction = isa.instructions[call.instruction];
  semantics::Bindings attributes(call.attributes.begin(), call.attributes.end());
  Routine routine{Body(spec::instantiate_body(instruction, attributes), numerics_), {}, {}};
  routine.reads = instruction.reads.size();
  std::size_t scratch = 0;
  for (const spec::ConcreteRegion &region : operand_regions(instruction, call)) {
    routine.operands.push_back(map_.footprint(region));
    routine.stage.push_back(scratch);
    scratch += aligned_bytes(routine.operands.back().bytes);
  }
  routine.body_scratch = scratch;
  routine.scratch_bytes = scratch + routine.body.scratch_bytes();
  return routine;
}

std::uint32_t Program::routine_for(const spec::Isa &isa, const spec::KernelInstruction &call) {
  std::vector<std::int64_t> values;
  for (std::uint32_t v : variables_[call.instruction])
    values.push_back(call.attributes[v]);
  auto [entry, is_new] = known_.try_emplace({call.instruction, std::move(values)},
                                            static_cast<std::uint32_t>(routines_.size()));
  if (is_new) {
    routines_.push_back(make_routine(isa, call));
    scratch_bytes_ = std::max(scratch_bytes_, routines_.back().scratch_bytes);
    most_operands_ = std::max(most_operands_, routines_.back().operands.size());
  }
  return entry->second;
}

void Program::add_step(const spec::Isa &isa, std::uint32_t index) {
  const spec::KernelInstruction &call = calls_[index];
  std::vector<spec::ConcreteRegion> regions =
      operand_regions(isa.instructions[call.instruction], call);
  std::vector<Operand> operands;
  try {
    for (const spec::ConcreteRegion &region : regions)
      operands.push_back({map_.address(region), false});
  } catch (const semantics::InputError &error) {
    if (call.location.source)
      semantics::fail(call.location, error.what());
    throw;
  }
  std::uint32_t routine = routine_for(isa, call);
  const Routine &known = routines_[routine];
  for (std::size_t i = 0; i < operands.size(); ++i)
    operands[i].staged = !known.operands[i].dense() ||
                         operands[i].address % kElementAlignment != 0 ||
                         (i >= known.reads && overlaps_another(known, operands, i));
  steps_.push_back({routine, index, operands_.size()});
  operands_.insert(operands_.end(), operands.begin(), operands.end());
}

/// The bytes of one operand, gaps included, touch those of another.
bool Program::overlaps_another(const Routine &routine, std::span<const Operand> operands,
                               std::size_t one) {
  std::size_t begin = operands[one].address, end = begin + routine.operands[one].hull();
  for (std::size_t i = 0; i < operands.size(); ++i)
    if (i != one && operands[i].address < end &&
        begin < operands[i].address + routine.operands[i].hull())
      return true;
  return false;
}

void Program::find_levels() {
  LevelAssigner assigner;
  std::vector<std::uint32_t> level_of;
  std::uint32_t count = 0;
  for (const Step &step : steps_) {
    const Routine &routine = routines_[step.routine];
    std::vector<ByteRange> reads, writes;
    for (std::size_t i = 0; i < routine.operands.size(); ++i)
      routine.operands[i].add_ranges(operands_[step.first_operand + i].address,
                                     i < routine.reads ? reads : writes);
    level_of.push_back(assigner.next(reads, writes));
    count = std::max(count, level_of.back() + 1);
  }
  std::vector<std::size_t> next(count + 1, 0);
  for (std::uint32_t level : level_of)
    ++next[level + 1];
  for (std::uint32_t level = 0; level < count; ++level) {
    next[level + 1] += next[level];
    levels_.push_back({next[level], next[level + 1], 0});
  }
  order_.resize(steps_.size());
  for (std::uint32_t i = 0; i < steps_.size(); ++i) {
    order_[next[level_of[i]]++] = i;
    levels_[level_of[i]].work += routines_[steps_[i].routine].body.work();
  }
}

void Program::place_inputs(std::span<const Tensor> inputs, State &state) const {
  if (inputs.size() != inputs_.size())
    throw semantics::InputError(
        fmt::format("{} inputs for a kernel of {}", inputs.size(), inputs_.size()));
  std::byte *off_chip = state.memory.data() + map_.off_chip_base();
  auto place = [&](const spec::Placed &placed, const Tensor &value) {
    std::copy(value.bytes().begin(), value.bytes().end(), off_chip + placed.address);
  };
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].shape() != inputs_[i].shape)
      semantics::fail(inputs_[i].location,
                      fmt::format("input {} is {}, but the kernel's is {}", i,
                                  inputs[i].shape().to_string(), inputs_[i].shape.to_string()));
    place(inputs_[i], inputs[i]);
  }
  for (const spec::Placed &constant : constants_)
    place(constant, *constant.value);
}

std::vector<Tensor> Program::outputs(const State &state) const {
  std::vector<Tensor> out;
  for (const spec::Placed &placed : outputs_) {
    const std::byte *begin = state.memory.data() + map_.off_chip_base() + placed.address;
    out.emplace_back(placed.shape, std::vector<std::byte>(begin, begin + placed.shape.bytes()));
  }
  return out;
}

void Program::execute(const Step &step, std::byte *memory, Worker &worker) const {
  const Routine &routine = routines_[step.routine];
  const Operand *operands = operands_.data() + step.first_operand;
  std::size_t reads = routine.reads, writes = routine.operands.size() - reads;
  std::byte *scratch = worker.scratch.data();
  for (std::size_t i = 0; i < reads; ++i) {
    worker.reads[i] = memory + operands[i].address;
    if (operands[i].staged) {
      routine.operands[i].gather(worker.reads[i], scratch + routine.stage[i]);
      worker.reads[i] = scratch + routine.stage[i];
    }
  }
  for (std::size_t i = 0; i < writes; ++i)
    worker.writes[i] = operands[reads + i].staged ? scratch + routine.stage[reads + i]
                                                  : memory + operands[reads + i].address;
  routine.body.run({worker.reads.data(), reads}, {worker.writes.data(), writes},
                   scratch + routine.body_scratch);
  for (std::size_t i = 0; i < writes; ++i)
    if (operands[reads + i].staged)
      routine.operands[reads + i].scatter(worker.writes[i], memory + operands[reads + i].address);
}

void Program::execute(const Level &level, State &state) const {
  auto run_part = [&](std::size_t begin, std::size_t end, Worker &worker) {
    for (std::size_t i = begin; i < end; ++i)
      execute(steps_[order_[i]], state.memory.data(), worker);
  };
  std::size_t count = level.end - level.begin,
              threads = static_cast<std::size_t>(tbb::this_task_arena::max_concurrency());
  if (count < 2 || threads < 2 || level.work < kParallelWork)
    return run_part(level.begin, level.end, state.workers.front());
  std::size_t parts = std::min(count, threads * kPartsPerThread);
  while (state.workers.size() < parts)
    state.workers.emplace_back(scratch_bytes_, most_operands_);
  tbb::parallel_for(std::size_t{0}, parts, [&](std::size_t part) {
    run_part(level.begin + count * part / parts, level.begin + count * (part + 1) / parts,
             state.workers[part]);
  });
}

std::vector<Tensor> Program::run(std::span<const Tensor> inputs) const {
  StateLease state(*this);
  place_inputs(inputs, *state);
  for (const Level &level : levels_)
    execute(level, *state);
  return outputs(*state);
}

std::optional<std::vector<Tensor>> Program::run(std::span<const Tensor> inputs,
                                                Observer &observer) const {
  StateLease state(*this);
  place_inputs(inputs, *state);
  View view(map_, (*state).memory.data());
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    Execution execution{i + 1, calls_[steps_[i].call], view};
    if (!observer.before(execution))
      return std::nullopt;
    execute(steps_[i], (*state).memory.data(), (*state).workers.front());
    if (!observer.after(execution))
      return std::nullopt;
  }
  return outputs(*state);
}

} // namespace isamorph::sim
