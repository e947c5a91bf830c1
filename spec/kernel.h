#pragma once
// A kernel: instructions with every attribute fixed, and where its tensors lie in off-chip memory.
// Text forms: isamorph's own assembly, the Python kernel file, and JSON; printing through an ISA's
// assembly block is in spec/assembly.h.
//
// Loops are intervals of the one list of instructions, and attributes are affine in the variables
// of the loops around them. What walks `instructions` alone therefore sees a kernel without loops
// as it is, and must refuse or unroll any other: spec/unroll.h walks the instances that run.

#include "semantics/tensor.h"
#include "spec/isa.h"

namespace isamorph::spec {

/// A tensor in off-chip memory, dense and row-major from byte `address`.
struct Placed {
  std::string name;
  std::int64_t address = 0;
  semantics::Shape shape;
  semantics::TensorRef value; ///< constants only
  semantics::Location location;
};

/// What the variable of a loop adds to an attribute: `factor` times its value.
struct Stride {
  std::uint32_t attribute = 0; ///< index into KernelInstruction::attributes
  std::uint32_t depth = 0;     ///< of the loop: 0 is the outermost of those around the instruction
  std::int64_t factor = 0;     ///< not 0
  bool operator==(const Stride &) const = default;
};

struct KernelInstruction {
  std::uint32_t instruction = 0; ///< index into Isa::instructions
  /// Parallel to the instruction's symbols.integers; with `strides`, the values where all loop
  /// variables are 0.
  std::vector<std::int64_t> attributes;
  semantics::Location location;
  std::vector<Stride> strides = {}; ///< sorted by attribute, then depth; no pair of them twice
  bool operator==(const KernelInstruction &o) const {
    return instruction == o.instruction && attributes == o.attributes && strides == o.strides;
  }
};

/// `for variable in start..end step step`: the instructions [first, last) run once for each of
/// start, start + step, ... below end.
struct Loop {
  std::string variable;
  std::int64_t start = 0, end = 0, step = 1; ///< start < end, step >= 1
  std::uint32_t first = 0, last = 0;         ///< first < last
  semantics::Location location;

  std::int64_t iterations() const; ///< at most 2^63 - 1
  bool operator==(const Loop &o) const {
    return variable == o.variable && start == o.start && end == o.end && step == o.step &&
           first == o.first && last == o.last;
  }
};

struct Kernel {
  std::string name = "kernel";
  std::int64_t off_chip_bytes = 0;
  std::vector<Placed> inputs, constants, outputs;
  std::vector<KernelInstruction> instructions;
  semantics::SourceRef source;
  /// By `first`, outer loops before inner ones; any two are nested or disjoint.
  std::vector<Loop> loops = {};
};

/// How often all instructions of a kernel together may run.
inline constexpr std::int64_t kMaxInstances = std::int64_t{1} << 26;
/// How many loops may stand around one instruction.
inline constexpr std::size_t kMaxLoopDepth = 16;

/// The largest off-chip memory of a kernel.
inline constexpr std::int64_t kMaxOffChipBytes = std::int64_t{1} << 40;

/// A tensor of a kernel that has no address yet.
struct TensorDeclaration {
  std::string name;
  semantics::Shape shape;
  semantics::TensorRef value; ///< constants only
};
/// A kernel without instructions: inputs from address 0 in order, then constants, then outputs,
/// each dense and without gaps; `off_chip_bytes` is their end. Throws InputError when that exceeds
/// kMaxOffChipBytes.
Kernel layout_off_chip(std::string name, std::span<const TensorDeclaration> inputs,
                       std::span<const TensorDeclaration> constants,
                       std::span<const TensorDeclaration> outputs);

/// An instruction with its attributes as the user would write it: "load_rm(n=64, addr_in=0,
/// addr_out=0)". `variables` are the loops around it, outermost first: "load(from=16*t + 4)".
std::string to_string(const KernelInstruction &instruction, const Isa &isa,
                      std::span<const std::string> variables = {});

/// Reads a kernel in isamorph's own assembly, the Python form or JSON (told apart by content).
/// Unknown names, missing or repeated attributes and values that are no integers are InputErrors at
/// their place. Calls `validate`.
Kernel parse_kernel(const semantics::SourceRef &source, const Isa &isa);

/// Static rules that need no data, for every iteration of every loop: constraints hold, regions lie
/// inside their buffers, tensors lie inside off-chip memory; outputs overlap nothing, inputs and
/// constants do not overlap each other; no place is read before it was written; every byte of each
/// output is written; no more than kMaxInstances instructions run. Throws InputError at the
/// instruction (naming the iteration), the loop or the tensor.
void validate(const Kernel &kernel, const Isa &isa);

/// Own assembly text (`--emit asm`), JSON (`--emit json`), or the ISA's assembly block of that name
/// (`--emit NAME`).
std::string print_kernel(const Kernel &kernel, const Isa &isa, const std::string &form);
/// "asm", "json" and the names of the ISA's assembly blocks.
std::vector<std::string> kernel_forms(const Isa &isa);

} // namespace isamorph::spec
