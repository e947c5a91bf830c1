#pragma once
// The readers and printers of the three text forms of a kernel, and what they share. Private to
// spec/.

#include "spec/affine.h"

namespace isamorph::spec {

/// One `name=value` of an instruction; without a name it is positional.
struct Argument {
  std::optional<std::string> name;
  Affine value;
  semantics::Location location;
  std::size_t value_offset = 0; ///< in the text, of isamorph's own assembly
};

/// The instruction `name` with its arguments in the order of its attributes. Throws InputError at
/// the argument, or at `where`.
KernelInstruction bind_arguments(const Isa &isa, const std::string &name,
                                 const semantics::Location &where,
                                 std::span<const Argument> arguments);

/// A shape from what a text says; fails at `where` on negative or too many sizes.
semantics::Shape checked_shape(semantics::ElementType type, std::vector<std::int64_t> dims,
                               const semantics::Location &where);
/// Fails at `where` when the kernel's constants, `more` bytes included, are too large.
void count_constant_bytes(std::int64_t &total, std::int64_t more, const semantics::Location &where);

Kernel read_own_assembly(const semantics::SourceRef &source, const Isa &isa);
Kernel read_python(const semantics::SourceRef &source, const Isa &isa);
Kernel read_json(const semantics::SourceRef &source, const Isa &isa);
std::string print_own_assembly(const Kernel &kernel, const Isa &isa);
std::string print_json(const Kernel &kernel, const Isa &isa);

} // namespace isamorph::spec
