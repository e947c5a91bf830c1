#include "sim/program.h"

#include "semantics/interrupt_point.h"
#include "sim/independent_loops.h"
#include "sim/schedule.h"
#include "spec/unroll.h"

#include <algorithm>
#include <fmt/format.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

namespace isamorph::sim {

using semantics::Tensor;

namespace {

/// So many parts for each thread, so that a thread that is late costs little.
constexpr std::size_t kPartsPerThread = 4;
/// Likewise of a nest, where each has a copy of the on-chip buffers.
constexpr std::size_t kSharesPerThread = 2;
/// How many executions of a kernel with loops are laid out at a time.
constexpr std::size_t kBatchSteps = 4096;
/// Instructions of less work on average take less time than finding out their order.
constexpr std::size_t kOrderingWork = 2048;

std::size_t thread_count() {
  return static_cast<std::size_t>(tbb::this_task_arena::max_concurrency());
}

} // namespace

/// What a run needs of its own.
struct Program::State {
  AlignedBytes memory;
  std::deque<Worker> workers;
  std::deque<Share> shares; ///< of a nest
  Batch batch;              ///< of a kernel with loops
  explicit State(const Program &program) : memory(program.map_.bytes()) {
    workers.emplace_back(program.scratch_bytes_, program.most_operands_);
  }

  void clear() {
    memory.clear();
    for (Worker &worker : workers)
      worker.executed = 0;
    for (Share &share : shares)
      share.worker.executed = 0;
  }
  std::size_t executed() const {
    std::size_t out = 0;
    for (const Worker &worker : workers)
      out += worker.executed;
    for (const Share &share : shares)
      out += share.worker.executed;
    return out;
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
    if (!state_)
      state_ = std::make_unique<State>(program);
    state_->clear();
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

Program::Program(const spec::Isa &isa, spec::Kernel kernel, std::size_t parallel_work)
    : parallel_work_(parallel_work), map_(isa, kernel.off_chip_bytes), numerics_(isa.numerics) {
  if (!spec::has_control(isa)) {
    kernel_ = std::move(kernel);
    compile(isa);
  } else {
    spec::Resolved resolved(isa, kernel);
    kernel_ = resolved.kernel();
    compile(resolved.isa());
    observed_ = std::move(kernel);
  }
}

Program::~Program() = default;

/// Found out by the first run on several threads.
const std::vector<char> &Program::independent() const {
  std::call_once(found_independent_, [&] {
    if (nest_)
      independent_ = independent_loops(*nest_, *footprints_, parallel_work_);
  });
  return independent_;
}

Program::Order Program::find_order(const Batch &batch) const {
  Order order;
  LevelAssigner assigner;
  std::vector<std::uint32_t> level_of;
  std::vector<ByteRange> reads, writes;
  std::uint32_t count = 0;
  for (const Step &step : batch.steps) {
    const Routine &routine = routines_[step.routine];
    reads.clear();
    writes.clear();
    std::span<const Footprint> footprints = routine.footprints();
    for (std::size_t i = 0; i < footprints.size(); ++i)
      footprints[i].add_ranges(batch.operands[step.first_operand + i].address,
                               i < routine.reads() ? reads : writes);
    level_of.push_back(assigner.next(reads, writes));
    count = std::max(count, level_of.back() + 1);
  }
  std::vector<std::size_t> next(count + 1, 0);
  for (std::uint32_t level : level_of)
    ++next[level + 1];
  for (std::uint32_t level = 0; level < count; ++level) {
    next[level + 1] += next[level];
    order.levels.push_back({next[level], next[level + 1], 0});
  }
  order.steps.resize(batch.steps.size());
  for (std::uint32_t i = 0; i < batch.steps.size(); ++i) {
    order.steps[next[level_of[i]]++] = i;
    order.levels[level_of[i]].work += routines_[batch.steps[i].routine].work();
  }
  return order;
}

/// Null: instructions run one after another. Where they are small, an order takes longer to find
/// than they take to run: it is found for the second run.
const Program::Order *Program::order_of_whole() const {
  if (thread_count() < 2 || whole_work_ < parallel_work_)
    return nullptr;
  if (whole_work_ / whole_.steps.size() < kOrderingWork && !has_run_.exchange(true))
    return nullptr;
  std::call_once(found_order_, [&] { order_ = find_order(whole_); });
  return &order_;
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

Memory Program::memory(State &state) const {
  std::byte *begin = state.memory.data();
  return {begin, begin + map_.off_chip_base(), map_.off_chip_base()};
}

Share Program::make_share() const {
  return {AlignedBytes(map_.off_chip_base()), Worker(scratch_bytes_, most_operands_)};
}

void Program::execute(const Batch &batch, const Step &step, const Memory &memory,
                      Worker &worker) const {
  routines_[step.routine].run(batch.operands.data() + step.first_operand, memory, worker);
}

void Program::execute(const Batch &batch, const Order &order, const Level &level,
                      State &state) const {
  auto run_part = [&](std::size_t begin, std::size_t end, Worker &worker) {
    for (std::size_t i = begin; i < end; ++i)
      execute(batch, batch.steps[order.steps[i]], memory(state), worker);
  };
  std::size_t count = level.end - level.begin, threads = thread_count();
  if (count < 2 || threads < 2 || level.work < parallel_work_)
    return run_part(level.begin, level.end, state.workers.front());
  std::size_t parts = std::min(count, threads * kPartsPerThread);
  while (state.workers.size() < parts)
    state.workers.emplace_back(scratch_bytes_, most_operands_);
  tbb::parallel_for(std::size_t{0}, parts, [&](std::size_t part) {
    run_part(level.begin + count * part / parts, level.begin + count * (part + 1) / parts,
             state.workers[part]);
  });
}

/// In program order where there is no other.
void Program::execute(const Batch &batch, const Order *order, State &state) const {
  if (order)
    for (const Level &level : order->levels)
      execute(batch, *order, level, state);
  else
    for (const Step &step : batch.steps)
      execute(batch, step, memory(state), state.workers.front());
}

void Program::execute_nest(State &state, std::size_t threads) const {
  static const std::vector<char> none;
  std::function<Share()> new_share = [&] { return make_share(); };
  NestRunner runner(*nest_, *footprints_, threads > 1 ? independent() : none,
                    threads > 1 ? threads * kSharesPerThread : 1, state.shares, new_share);
  runner.run(memory(state), state.workers.front());
}

void Program::execute_walking(State &state, std::size_t threads) const {
  Batch &batch = state.batch;
  auto execute_batch = [&] {
    std::optional<Order> order;
    if (threads > 1)
      order = find_order(batch);
    execute(batch, order ? &*order : nullptr, state);
    batch.clear();
  };
  batch.clear();
  spec::for_each_instance(kernel_, [&](const spec::Instance &instance) {
    add_step(instance.call, batch);
    if (batch.steps.size() == kBatchSteps)
      execute_batch();
  });
  execute_batch();
}

/// `f()`, which runs instructions; says how many did when it is interrupted.
template <class F> void Program::interruptible(const State &state, const F &f) {
  try {
    f();
  } catch (const semantics::Interrupted &) {
    throw semantics::Interrupted(
        fmt::format("interrupted after {} instructions", state.executed()));
  }
}

std::vector<Tensor> Program::run(std::span<const Tensor> inputs) const {
  StateLease state(*this);
  place_inputs(inputs, *state);
  interruptible(*state, [&] { execute(*state); });
  return outputs(*state);
}

void Program::execute(State &state) const {
  std::size_t threads = thread_count();
  auto has_independent_loop = [&] { return std::ranges::count(independent(), 1) > 0; };
  if (kernel_.loops.empty())
    execute(whole_, order_of_whole(), state);
  else if (nest_ && (threads < 2 || most_work_ < parallel_work_ || has_independent_loop()))
    execute_nest(state, threads);
  else
    execute_walking(state, threads);
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
  auto run_one = [&](const spec::Instance &instance) {
    if (!goes_on)
      return;
    const spec::KernelInstruction &call = observed_ ? resolved.instructions[number] : instance.call;
    std::vector<spec::ConcreteRegion> regions = operand_regions(call);
    Execution execution{++number, instance, view,
                        std::span(regions).subspan(instructions_[call.instruction].reads)};
    goes_on = observer.before(execution);
    if (!goes_on)
      return;
    batch.clear();
    add_step(call, batch);
    execute(batch, batch.steps[0], memory(*state), (*state).workers.front());
    goes_on = observer.after(execution);
  };
  interruptible(*state,
                [&] { spec::for_each_instance(observed_ ? *observed_ : kernel_, run_one); });
  return goes_on ? std::optional(outputs(*state)) : std::nullopt;
}

} // namespace isamorph::sim
