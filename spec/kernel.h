#pragma once
// A kernel: instructions with every attribute fixed, and where its tensors lie in off-chip memory.
// Text forms: isamorph's own assembly, the Python kernel file, and JSON; printing through an ISA's
// assembly block is in spec/assembly.h.

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

struct KernelInstruction {
  std::uint32_t instruction = 0;        ///< index into Isa::instructions
  std::vector<std::int64_t> attributes; ///< parallel to the instruction's symbols.integers
  semantics::Location location;
  bool operator==(const KernelInstruction &o) const {
    return instruction == o.instruction && attributes == o.attributes;
  }
};

struct Kernel {
  std::string name = "kernel";
  std::int64_t off_chip_bytes = 0;
  std::vector<Placed> inputs, constants, outputs;
  std::vector<KernelInstruction> instructions;
  semantics::SourceRef source;
};

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
/// addr_out=0)".
std::string to_string(const KernelInstruction &instruction, const Isa &isa);

/// Reads a kernel in isamorph's own assembly, the Python form or JSON (told apart by content).
/// Unknown names, missing or repeated attributes and values that are no integers are InputErrors at
/// their place. Calls `validate`.
Kernel parse_kernel(const semantics::SourceRef &source, const Isa &isa);

/// Static rules that need no data: constraints hold, regions lie inside their buffers, tensors lie
/// inside off-chip memory; outputs overlap nothing, inputs and constants do not overlap each other;
/// no place is read before it was written; every byte of each output is written. Throws InputError
/// at the instruction or tensor.
void validate(const Kernel &kernel, const Isa &isa);

/// Own assembly text (`--emit asm`), JSON (`--emit json`), or the ISA's assembly block of that name
/// (`--emit NAME`).
std::string print_kernel(const Kernel &kernel, const Isa &isa, const std::string &form);
/// "asm", "json" and the names of the ISA's assembly blocks.
std::vector<std::string> kernel_forms(const Isa &isa);

} // namespace isamorph::spec
