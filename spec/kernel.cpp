#include "spec/kernel.h"

#include "spec/assembly.h"
#include "spec/constants.h"
#include "spec/kernel_text.h"

#include <algorithm>

namespace isamorph::spec {

using semantics::fail;
using semantics::InputError;
using semantics::Location;

namespace {

void place(std::vector<Placed> &out, std::span<const TensorDeclaration> tensors,
           std::int64_t &end) {
  for (const TensorDeclaration &tensor : tensors) {
    out.push_back({tensor.name, end, tensor.shape, tensor.value, {}});
    end += tensor.shape.bytes();
    if (end > kMaxOffChipBytes)
      throw InputError("the tensors of the kernel need more than 2^40 bytes of off-chip memory");
  }
}

} // namespace

Kernel layout_off_chip(std::string name, std::span<const TensorDeclaration> inputs,
                       std::span<const TensorDeclaration> constants,
                       std::span<const TensorDeclaration> outputs) {
  Kernel kernel;
  kernel.name = std::move(name);
  std::int64_t end = 0;
  place(kernel.inputs, inputs, end);
  place(kernel.constants, constants, end);
  place(kernel.outputs, outputs, end);
  kernel.off_chip_bytes = end;
  return kernel;
}

std::string to_string(const KernelInstruction &instruction, const Isa &isa,
                      std::span<const std::string> variables) {
  const Instruction &definition = isa.instructions[instruction.instruction];
  std::string out = definition.name + "(";
  for (std::uint32_t i = 0; i < instruction.attributes.size(); ++i)
    out += (i ? ", " : "") + definition.symbols.integers.names[i] + "=" +
           affine_text(instruction, i, variables);
  return out + ")";
}

KernelInstruction bind_arguments(const Isa &isa, const std::string &name, const Location &where,
                                 std::span<const Argument> arguments) {
  const Instruction *definition = isa.find_instruction(name);
  if (!definition) {
    std::vector<std::string> known;
    for (const Instruction &instruction : isa.instructions)
      known.push_back(instruction.name);
    std::string hint = semantics::suggest(name, known);
    fail(where, "unknown instruction '" + name + "'",
         hint.empty() ? "instructions of " + isa.name + ": " + semantics::join(known) : hint);
  }
  std::span<const std::string> names = definition->attribute_names();
  std::vector<const Affine *> values(names.size(), nullptr);
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const Argument &argument = arguments[i];
    if (!argument.name && i > 0 && arguments[i - 1].name)
      fail(argument.location, "a positional argument after a named one");
    auto index = argument.name ? definition->symbols.integers.find(*argument.name)
                               : static_cast<std::uint32_t>(i);
    if (index && argument.name && *index >= names.size())
      index.reset(); // control state
    if (!argument.name && i >= names.size())
      fail(argument.location, name + " has " + std::to_string(names.size()) +
                                  " attribute(s): " + semantics::join(names));
    if (!index) {
      std::string hint = semantics::suggest(*argument.name, names);
      fail(argument.location, name + " has no attribute '" + *argument.name + "'",
           hint.empty() ? "its attributes: " + semantics::join(names) : hint);
    }
    if (values[*index])
      fail(argument.location, "attribute '" + names[*index] + "' is given twice");
    values[*index] = &argument.value;
  }
  KernelInstruction bound;
  bound.instruction = static_cast<std::uint32_t>(definition - isa.instructions.data());
  bound.location = where;
  std::vector<std::string> missing;
  for (std::uint32_t i = 0; i < names.size(); ++i) {
    if (!values[i]) {
      missing.push_back("'" + names[i] + "'");
      continue;
    }
    bound.attributes.push_back(values[i]->constant);
    for (auto [depth, factor] : values[i]->terms)
      bound.strides.push_back({i, depth, factor});
  }
  if (!missing.empty())
    fail(where, name + ": missing attribute " + semantics::join(missing));
  return bound;
}

semantics::Shape checked_shape(semantics::ElementType type, std::vector<std::int64_t> dims,
                               const Location &where) {
  std::int64_t elements = 1;
  if (dims.size() > 16)
    fail(where, "a tensor has at most 16 dimensions");
  for (std::int64_t size : dims) {
    if (size < 0)
      fail(where, "a size cannot be negative: " + std::to_string(size));
    if (size > semantics::kMaxElements ||
        (elements *= std::max<std::int64_t>(size, 1)) > semantics::kMaxElements)
      fail(where, "a tensor has at most 2^31 elements");
  }
  return {type, std::move(dims)};
}

void count_constant_bytes(std::int64_t &total, std::int64_t more, const Location &where) {
  total += more;
  if (total > kMaxConstantBytes)
    fail(where, "the constants of a kernel have at most 64 MiB");
}

Kernel parse_kernel(const semantics::SourceRef &source, const Isa &isa) {
  semantics::Cursor cursor(source, true);
  if (cursor.at_end())
    cursor.error("the kernel is empty",
                 "a kernel begins with `kernel NAME {`, a Python definition, or JSON's '{'");
  Kernel kernel;
  bool json = cursor.peek() == '{';
  bool own = false;
  if (cursor.accept_word("kernel"))
    own = cursor.peek() != '(' && cursor.peek() != '=' && cursor.peek() != '.';
  if (json)
    kernel = read_json(source, isa);
  else if (own)
    kernel = read_own_assembly(source, isa);
  else
    kernel = read_python(source, isa);
  kernel.source = source;
  validate(kernel, isa);
  return kernel;
}

std::vector<std::string> kernel_forms(const Isa &isa) {
  std::vector<std::string> forms = {"asm", "json"};
  for (const AssemblySyntax &syntax : isa.assemblies)
    forms.push_back(syntax.name);
  return forms;
}

std::string print_kernel(const Kernel &kernel, const Isa &isa, const std::string &form) {
  if (form == "asm")
    return print_own_assembly(kernel, isa);
  if (form == "json")
    return print_json(kernel, isa);
  for (const AssemblySyntax &syntax : isa.assemblies)
    if (syntax.name == form)
      return print_assembly(kernel, isa, syntax);
  std::vector<std::string> forms = kernel_forms(isa);
  throw InputError("ISA '" + isa.name + "' has no kernel form '" + form +
                   "'; forms: " + semantics::join(forms));
}

} // namespace isamorph::spec
