#pragma once
// A kernel compiled to bodies and addresses. Private to sim/; sim/simulator.h is the interface.

#include "sim/body.h"
#include "sim/memory.h"
#include "sim/observer.h"

#include <deque>
#include <mutex>

namespace isamorph::sim {

/// Bodies are compiled once for an instruction and the values of the attributes on which its body
/// and its regions' sizes depend; an execution is a body with addresses. Instructions that do not
/// depend on each other may run at the same time: the result does not depend on it.
class Program {
public:
  /// Throws InputError at an instruction whose regions leave their buffers.
  Program(const spec::Isa &isa, const spec::Kernel &kernel);
  ~Program();

  std::vector<semantics::Tensor> run(std::span<const semantics::Tensor> inputs) const;
  /// In program order; nullopt when the observer ended the run.
  std::optional<std::vector<semantics::Tensor>> run(std::span<const semantics::Tensor> inputs,
                                                    Observer &observer) const;

private:
  /// A body with the places of its operands.
  struct Routine {
    Body body;
    std::vector<Footprint> operands; ///< reads, then writes
    std::vector<std::size_t> stage;  ///< where each lies in scratch when it must be copied
    std::size_t reads = 0;           ///< how many of the operands
    std::size_t body_scratch = 0;    ///< where the body's begins
    std::size_t scratch_bytes = 0;
  };
  struct Operand {
    std::size_t address; ///< of the first byte, in memory
    bool staged;         ///< read or written by way of scratch
  };
  struct Step {
    std::uint32_t routine, call;
    std::size_t first_operand;
  };
  /// Steps [begin, end) of `order_` that do not depend on each other.
  struct Level {
    std::size_t begin, end, work;
  };
  struct Worker;
  struct State;
  class StateLease;
  class View;

  std::uint32_t routine_for(const spec::Isa &isa, const spec::KernelInstruction &call);
  Routine make_routine(const spec::Isa &isa, const spec::KernelInstruction &call) const;
  void add_step(const spec::Isa &isa, std::uint32_t call);
  static bool overlaps_another(const Routine &routine, std::span<const Operand> operands,
                               std::size_t one);
  void find_levels();

  void place_inputs(std::span<const semantics::Tensor> inputs, State &state) const;
  std::vector<semantics::Tensor> outputs(const State &state) const;
  void execute(const Step &step, std::byte *memory, Worker &worker) const;
  void execute(const Level &level, State &state) const;

  MemoryMap map_;
  semantics::NumericsProfile numerics_;
  std::vector<spec::Placed> inputs_, constants_, outputs_;
  std::vector<spec::KernelInstruction> calls_;
  std::vector<std::vector<std::uint32_t>> variables_; ///< by instruction: what its body depends on
  std::map<std::pair<std::uint32_t, std::vector<std::int64_t>>, std::uint32_t> known_;
  std::deque<Routine> routines_;
  std::vector<Step> steps_;
  std::vector<Operand> operands_;
  std::vector<std::uint32_t> order_; ///< of steps, by level
  std::vector<Level> levels_;
  std::size_t scratch_bytes_ = 0, most_operands_ = 0;

  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<State>> idle_; ///< memory of runs that ended
};

} // namespace isamorph::sim
