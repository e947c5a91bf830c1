#pragma once
// The model of an instruction set, as read from an .isa file (design, section 6; the language is
// described in spec/LANGUAGE.md). Everything else about an accelerator (patterns, simulator,
// proofs, costs, assembly) derives from it.

#include "semantics/graph_template.h"
#include "semantics/numerics.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace isamorph::spec {

using semantics::ElementType;
using semantics::IntExpr;

/// A memory of the accelerator: `addressed` dimensions that instructions index, each place holding
/// `unit` elements. The off-chip buffer (`hbm`) is u8 with one addressed dimension whose size is
/// the kernel's.
struct Buffer {
  std::string name;
  bool off_chip = false;
  std::vector<std::int64_t>
      addressed; ///< sizes; empty for a register-like buffer, {0} for the off-chip one
  std::vector<std::int64_t> unit; ///< sizes of one place; empty: a scalar
  ElementType type = ElementType::U8;
  semantics::Location location;

  std::int64_t unit_elements() const;
  /// The product of the addressed sizes: 1 for a register-like buffer, 0 for the off-chip one.
  std::int64_t places() const;
};

/// `state NAME in LOW..HIGH = EXPR`: an integer of the machine that instructions change and look
/// at. A kernel's is known at every instruction, since it depends on attributes alone.
struct StateVariable {
  std::string name;
  std::int64_t initial = 0, low = 0, high = 0; ///< low <= initial <= high
  semantics::Location location;
};

/// `NAME = EXPR` in an `update`.
struct Update {
  std::uint32_t variable = 0; ///< index into Isa::state
  IntExpr value;
  semantics::Location location;
};

/// How a region repeats: `count` times, each `distance` places after the one before.
struct Steps {
  IntExpr count, distance;
};

/// A rectangular region: `buffer[start_0 : extent_0, start_1 : extent_1, ...]`, one pair for each
/// addressed dimension. With steps, `buffer[start : count step distance : extent]`, it is `count`
/// of them and its tensor has the shape [count, extent, unit...].
struct Region {
  std::uint32_t buffer = 0;
  std::vector<IntExpr> starts, extents;
  semantics::Location location;
  std::optional<Steps> steps = {}; ///< of buffers with one addressed dimension only
};

/// `reads %x = region`: the tensor of shape [extents..., unit...] under the name x (parameter
/// number = position).
struct Read {
  std::string name;
  Region region;
  semantics::ShapeTemplate shape;
};
/// `writes region = %y`: %y's shape must be [extents..., unit...]. All reads happen before all
/// writes.
struct Write {
  std::string value;
  Region region;
};

struct InstructionCost {
  std::uint32_t unit = 0; ///< index into Isa::units
  IntExpr latency = 1;    ///< cycles
  IntExpr bytes = 0;      ///< moved to or from off-chip memory
};

/// With control state, expressions other than `where` see it as `before` leaves it, `where` and the
/// right-hand sides of `before` as the instruction finds it. The updates of one list happen at once.
///
/// An instruction with conditions has `arms`, one for each way through them: the first whose
/// `guard` is not zero is what it does, and the last one's guard is 1. Then reads, writes,
/// constraints, body and `after` are those of the arms; the rest is the instruction's and every
/// arm's.
struct Instruction {
  std::string name;
  semantics::Symbols symbols; ///< integers: computational attributes, address attributes, state
  std::uint32_t computational = 0; ///< how many of symbols.integers are computational
  std::vector<Read> reads;
  std::vector<Write> writes;        ///< parallel to body.results
  std::vector<IntExpr> constraints; ///< `where`: each must be non-zero
  std::vector<std::string> constraint_texts;
  InstructionCost cost;
  semantics::GraphTemplate body;
  std::string assembly; ///< own template for the ISA's assembly; empty: the block's default
  semantics::Location location;
  std::uint32_t state_count = 0; ///< how many of symbols.integers, the last, are Isa::state's first
  std::vector<Update> before = {}, after = {};
  IntExpr guard = 1; ///< of an arm
  std::vector<Instruction> arms = {};

  std::size_t attribute_count() const { return symbols.integers.names.size() - state_count; }
  std::span<const std::string> attribute_names() const {
    return std::span(symbols.integers.names).first(attribute_count());
  }
  /// The arms, or the instruction itself where it has no conditions.
  std::span<const Instruction> ways() const {
    return arms.empty() ? std::span(this, 1) : std::span(arms);
  }
};

/// An `assembly NAME { ... }` block: templates with {placeholders} (spec/LANGUAGE.md lists them).
struct AssemblySyntax {
  std::string name;
  std::string file_extension;
  std::string prologue, epilogue, instruction, attribute, separator, tensor, constant, empty;
  std::string attribute_separator = ", ";
  std::string identity, uniform, general; ///< how constants are written; empty: not in that way
  std::string loop, loop_end, indent;     ///< without `loop`, loops are unrolled
  std::string infinity = "inf",
              nan = "nan"; ///< elements that are no numbers; "-" goes before the former
  std::vector<std::pair<ElementType, std::string>> types; ///< how element types are written
};

/// An instruction set. Buffers, units, instructions and assembly blocks have distinct names among
/// themselves; exactly one buffer is off-chip.
struct Isa {
  std::string name;
  std::vector<std::pair<std::string, std::int64_t>> parameters; ///< with the values in force
  std::vector<Buffer> buffers;
  std::uint32_t off_chip = 0;
  std::vector<std::string> units;
  std::vector<StateVariable> state;
  semantics::NumericsProfile numerics;
  std::vector<Instruction> instructions;
  std::vector<AssemblySyntax> assemblies;
  semantics::SourceRef source;

  const Instruction *find_instruction(std::string_view name) const;
  const Buffer &buffer(std::uint32_t index) const { return buffers[index]; }
};

/// Reads an ISA; `arguments` set its parameters. Throws InputError. Checks names, arities, that
/// every body's writes exist, and that shapes fit where they can be decided symbolically;
/// verify/isa_check.h decides the rest for all attributes.
Isa parse_isa(const semantics::SourceRef &source,
              const std::vector<std::pair<std::string, std::int64_t>> &arguments = {});

/// A shipped name ("qkv", "gemmini(DIM=64)") or a path, optionally followed by arguments. Shipped
/// ISAs are found beside the installed command, in the source tree, or in $ISAMORPH_ISA_PATH.
Isa load_isa(const std::string &name_or_path);
std::vector<std::string> shipped_isa_names();

/// The .isa text of the model, which parse_isa reads back to an equal model.
std::string print_isa(const Isa &isa);

/// A region without steps, with attributes bound: plain numbers. nullopt when an expression has no
/// value.
struct ConcreteRegion {
  std::uint32_t buffer = 0;
  std::vector<std::int64_t> starts, extents;
};
std::optional<ConcreteRegion> instantiate(const Region &region,
                                          const semantics::Bindings &attributes);

/// The body for given attribute values, with one parameter a read and one result a write.
semantics::TensorGraph instantiate_body(const Instruction &instruction,
                                        const semantics::Bindings &attributes);

/// What a comparison looks at: everything; or only what kernels mean (buffers, numerics,
/// instructions with their constraints), without units, costs and assembly.
enum class DiffScope : std::uint8_t { Everything, Semantics };

/// What differs between two ISAs, a line each ("instruction softmax: broadcast dimensions {0}
/// against {1} in %b").
std::vector<std::string> diff(const Isa &a, const Isa &b, DiffScope scope = DiffScope::Everything);

} // namespace isamorph::spec
