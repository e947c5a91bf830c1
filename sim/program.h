#pragma once
// A kernel compiled to bodies and addresses. Private to sim/; sim/simulator.h is the interface.

#include "sim/nest_runner.h"
#include "sim/observer.h"
#include "spec/state.h"

#include <atomic>
#include <deque>
#include <mutex>

namespace isamorph::sim {

/// Bodies are compiled once for an instruction and the values of the attributes on which its body
/// and its regions' sizes depend; an execution is a body with addresses. Instructions that do not
/// depend on each other may run at the same time: the result does not depend on it. A kernel with
/// loops runs as a nest (sim/loop_nest.h), independent iterations at the same time; where it is
/// none, or where that gains nothing, loops are walked while running, some thousand instructions at
/// a time.
class Program {
public:
  /// Levels and loops of less work run on one thread.
  static constexpr std::size_t kParallelWork = 1 << 15;
  /// Throws InputError at an instruction whose regions leave their buffers.
  Program(const spec::Isa &isa, spec::Kernel kernel, std::size_t parallel_work = kParallelWork);
  ~Program();

  std::vector<semantics::Tensor> run(std::span<const semantics::Tensor> inputs) const;
  /// In program order; nullopt when the observer ended the run.
  std::optional<std::vector<semantics::Tensor>> run(std::span<const semantics::Tensor> inputs,
                                                    Observer &observer) const;
  /// Which loops run their iterations side by side (sim/independent_loops.h); empty for a kernel
  /// that is no nest.
  const std::vector<char> &independent() const;

private:
  struct Step {
    std::uint32_t routine;
    std::size_t first_operand;
  };
  /// Steps [begin, end) of an order that do not depend on each other.
  struct Level {
    std::size_t begin, end, work;
  };
  using RoutineKey = std::pair<std::uint32_t, std::vector<std::int64_t>>;
  /// By instruction, the routine of its last execution: the next one mostly has the same.
  using LastRoutines =
      std::vector<std::optional<std::pair<std::vector<std::int64_t>, std::uint32_t>>>;
  /// Consecutive executions with their addresses.
  struct Batch {
    std::vector<Step> steps;
    std::vector<Operand> operands;
    LastRoutines last;
    // Of the instruction at hand:
    semantics::Bindings values;
    std::vector<std::int64_t> starts;
    void clear();
  };
  struct Order {
    std::vector<std::uint32_t> steps; ///< by level
    std::vector<Level> levels;
  };
  struct State;
  class StateLease;
  class View;

  void compile(const spec::Isa &isa);
  RoutineKey key(const spec::KernelInstruction &call) const;
  std::optional<std::uint32_t> routine(const spec::KernelInstruction &call,
                                       LastRoutines &last) const;
  bool add_routines(const spec::Isa &isa);
  void make_nest();
  void add_routine(const spec::Isa &isa, const spec::KernelInstruction &call);
  Routine make_routine(const spec::Isa &isa, const spec::KernelInstruction &call) const;
  std::vector<spec::ConcreteRegion> operand_regions(const spec::KernelInstruction &call) const;
  void add_operands(const spec::KernelInstruction &call, const Routine &routine,
                    Batch &batch) const;
  void add_step(const spec::KernelInstruction &call, Batch &batch) const;
  static bool touches_another(const Routine &routine, std::span<const Operand> operands,
                              std::size_t one);
  Order find_order(const Batch &batch) const;
  const Order *order_of_whole() const;

  void place_inputs(std::span<const semantics::Tensor> inputs, State &state) const;
  std::vector<semantics::Tensor> outputs(const State &state) const;
  Memory memory(State &state) const;
  Share make_share() const;
  void execute(const Batch &batch, const Step &step, const Memory &memory, Worker &worker) const;
  void execute(const Batch &batch, const Order &order, const Level &level, State &state) const;
  void execute(const Batch &batch, const Order *order, State &state) const;
  void execute(State &state) const;
  template <class F> static void interruptible(const State &state, const F &f);
  void execute_nest(State &state, std::size_t threads) const;
  void execute_walking(State &state, std::size_t threads) const;

  /// What instructions read and write, without the ISA.
  struct Operands {
    std::vector<spec::Region> regions; ///< reads, then writes
    std::size_t reads;
    std::vector<std::uint32_t> body_variables;
  };
  std::size_t parallel_work_;
  spec::Kernel kernel_;                  ///< resolved
  std::optional<spec::Kernel> observed_; ///< as it was given, if that is not the same
  MemoryMap map_;
  semantics::NumericsProfile numerics_;
  std::vector<Operands> instructions_;
  std::map<RoutineKey, std::uint32_t> known_;
  std::deque<Routine> routines_;
  Batch whole_; ///< of a kernel without loops
  std::optional<LoopNest> nest_;
  std::optional<LoopFootprints> footprints_; ///< of the nest
  std::size_t scratch_bytes_ = 0, most_operands_ = 0, most_work_ = 0;
  std::size_t whole_work_ = 0;

  mutable std::once_flag found_independent_;
  mutable std::vector<char> independent_;    ///< which loops of the nest, once they were asked for
  mutable std::atomic<bool> has_run_{false}; ///< a kernel without loops, on several threads
  mutable std::once_flag found_order_;
  mutable Order order_; ///< of `whole_`, once it was asked for
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<State>> idle_; ///< memory of runs that ended
};

} // namespace isamorph::sim
