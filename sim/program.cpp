#include "sim/program.h"

#include "sim/schedule.h"
#include "spec/unroll.h"

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
/// How many executions of a kernel with loops are laid out at a time.
constexpr std::size_t kBatchSteps = 4096;
/// The strictest alignment of an element.
constexpr std::size_t kElementAlignment = 8;

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
  Batch batch; ///< of a kernel with loops
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

void Program::Batch::clear() {
  steps.clear();
  operands.clear();
}

Program::Program(const spec::Isa &isa, const spec::Kernel &kernel)
    : Program(spec::Resolved(isa, kernel), kernel) {
  if (spec::has_control(isa))
    observed_ = kernel;
}

Program::Program(const spec::Resolved &resolved, const spec::Kernel &kernel)
    : kernel_(resolved.kernel()), map_(resolved.isa(), kernel.off_chip_bytes),
      numerics_(resolved.isa().numerics) {
  const spec::Isa &isa = resolved.isa();
  for (const spec::Instruction &instruction : isa.instructions) {
    Operands operands{{}, instruction.reads.size(), spec::body_variables(instruction)};
    for (const spec::Read &read : instruction.reads)
      operands.regions.push_back(read.region);
    for (const spec::Write &write : instruction.writes)
      operands.regions.push_back(write.region);
    instructions_.push_back(std::move(operands));
  }
  add_routines(isa);
  if (!kernel_.loops.empty())
    return;
  for (const spec::KernelInstruction &call : kernel_.instructions)
    add_step(call, whole_);
  find_levels(whole_);
}

Program::~Program() = default;

Program::RoutineKey Program::key(const spec::KernelInstruction &call) const {
  RoutineKey out{call.instruction, {}};
  for (std::uint32_t v : instructions_[call.instruction].body_variables)
    out.second.push_back(call.attributes[v]);
  return out;
}

/// Iterations are walked only for instructions whose bodies they change.
void Program::add_routines(const spec::Isa &isa) {
  std::vector<char> varies(kernel_.instructions.size(), 0);
  for (std::size_t i = 0; i < varies.size(); ++i) {
    const spec::KernelInstruction &call = kernel_.instructions[i];
    const auto &variables = instructions_[call.instruction].body_variables;
    for (const spec::Stride &stride : call.strides)
      varies[i] |= std::binary_search(variables.begin(), variables.end(), stride.attribute);
    if (!varies[i])
      add_routine(isa, call);
  }
  if (std::find(varies.begin(), varies.end(), 1) != varies.end())
    spec::for_each_instance(kernel_, [&](const spec::Instance &instance) {
      if (varies[instance.index])
        add_routine(isa, instance.call);
    });
}

void Program::add_routine(const spec::Isa &isa, const spec::KernelInstruction &call) {
  if (!known_.try_emplace(key(call), static_cast<std::uint32_t>(routines_.size())).second)
    return;
  routines_.push_back(make_routine(isa, call));
  scratch_bytes_ = std::max(scratch_bytes_, routines_.back().scratch_bytes);
  most_operands_ = std::max(most_operands_, routines_.back().operands.size());
}

Program::Routine Program::make_routine(const spec::Isa &isa,
                                       const spec::KernelInstruction &call) const {
  const spec::Instruction &instruction = isa.instructions[call.instruction];
  semantics::Bindings attributes(call.attributes.begin(), call.attributes.end());
  Routine routine{Body(spec::instantiate_body(instruction, attributes), numerics_), {}, {}};
  routine.reads = instruction.reads.size();
  std::size_t scratch = 0;
  for (const spec::ConcreteRegion &region : operand_regions(call)) {
    routine.operands.push_back(map_.footprint(region));
    routine.stage.push_back(scratch);
    scratch += aligned_bytes(routine.operands.back().bytes);
  }
  routine.body_scratch = scratch;
  routine.scratch_bytes = scratch + routine.body.scratch_bytes();
  return routine;
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

void Program::add_step(const spec::KernelInstruction &call, Batch &batch) const {
  std::size_t first = batch.operands.size();
  try {
    for (const spec::ConcreteRegion &region : operand_regions(call))
      batch.operands.push_back({map_.address(region), false});
  } catch (const semantics::InputError &error) {
    if (call.location.source)
      semantics::fail(call.location, error.what());
    throw;
  }
  std::uint32_t index = known_.at(key(call));
  const Routine &routine = routines_[index];
  std::span<Operand> operands = std::span(batch.operands).subspan(first);
  for (std::size_t i = 0; i < operands.size(); ++i)
    operands[i].staged = !routine.operands[i].dense() ||
                         operands[i].address % kElementAlignment != 0 ||
                         (i >= routine.reads && overlaps_another(routine, operands, i));
  batch.steps.push_back({index, first});
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

void Program::find_levels(Batch &batch) const {
  LevelAssigner assigner;
  std::vector<std::uint32_t> level_of;
  std::vector<ByteRange> reads, writes;
  std::uint32_t count = 0;
  for (const Step &step : batch.steps) {
    const Routine &routine = routines_[step.routine];
    reads.clear();
    writes.clear();
    for (std::size_t i = 0; i < routine.operands.size(); ++i)
      routine.operands[i].add_ranges(batch.operands[step.first_operand + i].address,
                                     i < routine.reads ? reads : writes);
    level_of.push_back(assigner.next(reads, writes));
    count = std::max(count, level_of.back() + 1);
  }
  std::vector<std::size_t> next(count + 1, 0);
  for (std::uint32_t level : level_of)
    ++next[level + 1];
  batch.levels.clear();
  for (std::uint32_t level = 0; level < count; ++level) {
    next[level + 1] += next[level];
    batch.levels.push_back({next[level], next[level + 1], 0});
  }
  batch.order.resize(batch.steps.size());
  for (std::uint32_t i = 0; i < batch.steps.size(); ++i) {
    batch.order[next[level_of[i]]++] = i;
    batch.levels[level_of[i]].work += routines_[batch.steps[i].routine].body.work();
  }
}

void Program::place_inputs(std::span<const Tensor> inputs, State &state) const {
  if (inputs.size() != kernel_.inputs.size())
    throw semantics::InputError(
        fmt::format("{} inputs for a kernel of {}", inputs.size(), kernel_.inputs.size()));
  std::byte *off_chip = state.memory.data() + map_.off_chip_base();
  auto place = [&](const spec::Placed &placed, const Tensor &value) {
    std::copy(value.bytes().begin(), value.bytes().end(), off_chip + placed.address);
  };
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].shape() != kernel_.inputs[i].shape)
      semantics::fail(kernel_.inputs[i].location,
                      fmt::format("input {} is {}, but the kernel's is {}", i,
                                  inputs[i].shape().to_string(),
                                  kernel_.inputs[i].shape.to_string()));
    place(kernel_.inputs[i], inputs[i]);
  }
  for (const spec::Placed &constant : kernel_.constants)
    place(constant, *constant.value);
}

std::vector<Tensor> Program::outputs(const State &state) const {
  std::vector<Tensor> out;
  for (const spec::Placed &placed : kernel_.outputs) {
    const std::byte *begin = state.memory.data() + map_.off_chip_base() + placed.address;
    out.emplace_back(placed.shape, std::vector<std::byte>(begin, begin + placed.shape.bytes()));
  }
  return out;
}

void Program::execute(const Batch &batch, const Step &step, std::byte *memory,
                      Worker &worker) const {
  const Routine &routine = routines_[step.routine];
  const Operand *operands = batch.operands.data() + step.first_operand;
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

void Program::execute(const Batch &batch, const Level &level, State &state) const {
  auto run_part = [&](std::size_t begin, std::size_t end, Worker &worker) {
    for (std::size_t i = begin; i < end; ++i)
      execute(batch, batch.steps[batch.order[i]], state.memory.data(), worker);
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

void Program::execute(const Batch &batch, State &state) const {
  for (const Level &level : batch.levels)
    execute(batch, level, state);
}

std::vector<Tensor> Program::run(std::span<const Tensor> inputs) const {
  StateLease state(*this);
  place_inputs(inputs, *state);
  if (kernel_.loops.empty()) {
    execute(whole_, *state);
    return outputs(*state);
  }
  Batch &batch = (*state).batch;
  auto execute_batch = [&] {
    find_levels(batch);
    execute(batch, *state);
    batch.clear();
  };
  batch.clear();
  spec::for_each_instance(kernel_, [&](const spec::Instance &instance) {
    add_step(instance.call, batch);
    if (batch.steps.size() == kBatchSteps)
      execute_batch();
  });
  execute_batch();
  return outputs(*state);
}

std::optional<std::vector<Tensor>> Program::run(std::span<const Tensor> inputs,
                                                Observer &observer) const {
  StateLease state(*this);
  place_inputs(inputs, *state);
  View view(map_, (*state).memory.data());
  Batch &batch = (*state).batch;
  std::size_t number = 0;
  bool goes_on = true;
  spec::Kernel resolved = observed_ ? spec::unrolled(kernel_) : spec::Kernel{};
  spec::for_each_instance(observed_ ? *observed_ : kernel_, [&](const spec::Instance &instance) {
    if (!goes_on)
      return;
    const spec::KernelInstruction &call =
        observed_ ? resolved.instructions[number] : instance.call;
    std::vector<spec::ConcreteRegion> regions = operand_regions(call);
    Execution execution{++number, instance, view,
                        std::span(regions).subspan(instructions_[call.instruction].reads)};
    goes_on = observer.before(execution);
    if (!goes_on)
      return;
    batch.clear();
    add_step(call, batch);
    execute(batch, batch.steps[0], (*state).memory.data(), (*state).workers.front());
    goes_on = observer.after(execution);
  });
  return goes_on ? std::optional(outputs(*state)) : std::nullopt;
}

} // namespace isamorph::sim
