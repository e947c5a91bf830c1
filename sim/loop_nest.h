#pragma once
// A kernel with loops whose operands all lie at addresses that are affine in the loops' variables:
// it runs without looking at its instructions again. Private to sim/.

#include "sim/routine.h"
#include "spec/unroll.h"

namespace isamorph::sim {

class LoopNest {
public:
  /// What runs once for each iteration of the loops around it.
  struct Step {
    const Routine *routine;
    std::size_t first_operand;
  };
  struct AffineOperand {
    std::size_t address;               ///< of the first byte in the first iterations
    std::vector<std::int64_t> strides; ///< bytes an iteration, of the loops around, outermost first
    bool staged;
  };
  /// An instruction or a loop.
  struct Item {
    bool loop;
    std::uint32_t index; ///< into the kernel's instructions or loops
  };
  /// Numbers of iterations, outermost loop first: each from 0.
  using Iteration = std::vector<std::int64_t>;

  /// The regions of an instruction: reads, then writes.
  using Regions = std::span<const spec::Region>;
  /// nullopt where an address is not affine or leaves its buffer. `routines` and `regions` are
  /// parallel to the kernel's instructions; routines stay where they are.
  static std::optional<LoopNest> compile(const spec::Kernel &kernel, const MemoryMap &map,
                                         std::span<const Routine *const> routines,
                                         std::span<const Regions> regions);

  const std::vector<Item> &top() const { return top_; }
  const std::vector<Item> &body(std::uint32_t loop) const { return bodies_[loop]; }
  std::int64_t iterations(std::uint32_t loop) const { return iterations_[loop]; }
  std::size_t loop_count() const { return bodies_.size(); }
  const Step &step(std::uint32_t instruction) const { return steps_[instruction]; }
  std::span<const AffineOperand> operands(const Step &step) const {
    return std::span(operands_).subspan(step.first_operand, step.routine->footprints().size());
  }
  bool on_chip(const AffineOperand &operand) const { return operand.address < off_chip_base_; }
  /// About what Routine::work says, of all iterations of a loop.
  std::size_t work(std::uint32_t loop) const { return work_[loop]; }

  /// With the loops that `iteration` leaves out in their first iterations.
  static std::size_t address(const AffineOperand &operand, const Iteration &iteration);
  void run(const Step &step, const Iteration &iteration, const Memory &memory,
           Worker &worker) const;
  /// Whether there are no loops in it.
  bool innermost(std::uint32_t loop) const;
  /// Iterations [begin, end) of such a loop; `around` are those of the loops around it.
  void run_innermost(std::uint32_t loop, std::int64_t begin, std::int64_t end,
                     const Iteration &around, const Memory &memory, Worker &worker) const;

private:
  class Compiler;

  std::size_t off_chip_base_ = 0;
  std::vector<Item> top_;
  std::vector<std::vector<Item>> bodies_; ///< by loop
  std::vector<std::int64_t> iterations_;  ///< by loop
  std::vector<std::size_t> work_;         ///< by loop
  std::vector<Step> steps_;               ///< by instruction
  std::vector<AffineOperand> operands_;
};

} // namespace isamorph::sim
