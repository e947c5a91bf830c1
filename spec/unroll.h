#pragma once
// The instances of a kernel's instructions in the order in which they run: loops walked, not
// written out. Everything that gives a kernel a meaning goes through here.

#include "spec/kernel.h"

#include <functional>

namespace isamorph::spec {

/// One execution of an instruction.
struct Instance {
  std::uint32_t index;                     ///< into Kernel::instructions
  const KernelInstruction &call;           ///< with the values of this iteration, without strides
  std::span<const std::int64_t> iteration; ///< the loops' variables, outermost first
};

/// Walks the instances of a kernel with well-formed loops (check_loops). Attributes wrap where they
/// leave 64 bits, which check_loops refuses. Each instance is an interrupt point
/// (semantics/interrupt_point.h).
void for_each_instance(const Kernel &kernel, const std::function<void(const Instance &)> &visit);

/// The same instances, the last one first.
void for_each_instance_backwards(const Kernel &kernel,
                                 const std::function<void(const Instance &)> &visit);

/// For each instruction the loops on which something depends: a flag for each of Kernel::loops.
using LoopFlags = std::vector<std::vector<char>>;
/// Walks, in the same order, only those instances for which the loops around them on which their
/// instruction does not depend are in their first iteration.
void for_each_distinct_instance(const Kernel &kernel, const LoopFlags &depends,
                                const std::function<void(const Instance &)> &visit);

/// Whether the loops are as Kernel says: bounds, nesting, depth, no variable of an enclosing loop
/// again, strides of enclosing loops only, every attribute within 64 bits for all iterations, and
/// no more than kMaxInstances instances. Throws InputError at the loop or instruction.
void check_loops(const Kernel &kernel, const Isa &isa);

/// How many instances there are, of a kernel with well-formed loops.
std::int64_t instance_count(const Kernel &kernel);

/// How often instruction `index` runs.
std::int64_t instance_count(const Kernel &kernel, std::uint32_t index);

/// How many instructions a kernel whose loops are written out may have.
inline constexpr std::int64_t kMaxUnrolled = std::int64_t{1} << 20;
/// The same kernel without loops; locations are those of the instructions that were repeated.
/// Throws InputError at the outermost loop when it would have more than kMaxUnrolled instructions.
Kernel unrolled(const Kernel &kernel);

/// The loops around each instruction, as indices into Kernel::loops, outermost first.
std::vector<std::vector<std::uint32_t>> enclosing_loops(const Kernel &kernel);
/// How many loops are around both instruction `index` and the one before it.
std::size_t shared_loops(std::span<const std::vector<std::uint32_t>> around, std::size_t index);
/// The names of loops' variables, each once.
std::vector<std::string> variables_of(const Kernel &kernel, std::span<const std::uint32_t> loops);

/// " (t=5, u=0)", or "" outside of loops.
std::string iteration_text(const Kernel &kernel, const Instance &instance);

/// The attributes on which an instruction's body depends: instances that agree on them have the
/// same body and the same extents.
std::vector<std::uint32_t> body_variables(const Instruction &instruction);

} // namespace isamorph::spec
