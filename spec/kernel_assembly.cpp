// isamorph's own assembly text.
#include "spec/constants.h"
#include "spec/kernel_text.h"

#include <algorithm>
#include <set>

namespace isamorph::spec {
namespace {

using semantics::Cursor;
using semantics::ElementType;
using semantics::fail;
using semantics::Location;
using semantics::Shape;

class Reader {
public:
  Reader(const semantics::SourceRef &source, const Isa &isa) : cursor_(source), isa_(isa) {}

  Kernel read() {
    cursor_.expect_word("kernel");
    kernel_.name = cursor_.identifier("the kernel's name", ".-");
    cursor_.expect("{");
    bool has_memory = false;
    Location memory_place;
    while (!cursor_.accept("}")) {
      Location place = cursor_.here();
      if (cursor_.accept_word("memory")) {
        if (has_memory)
          fail(place, "`memory` is given twice");
        has_memory = true;
        kernel_.off_chip_bytes = cursor_.integer("the size of off-chip memory in bytes");
      } else if (cursor_.accept_word("input")) {
        kernel_.inputs.push_back(tensor());
      } else if (cursor_.accept_word("constant")) {
        kernel_.constants.push_back(tensor());
        constant(kernel_.constants.back());
      } else if (cursor_.accept_word("output")) {
        kernel_.outputs.push_back(tensor());
      } else {
        instruction();
      }
    }
    if (!has_memory)
      cursor_.error("the kernel has no `memory BYTES` line");
    if (!cursor_.at_end())
      cursor_.error_expected("the end of the file: one kernel a file");
    return std::move(kernel_);
  }

private:
  Placed tensor() {
    Placed out;
    out.location = cursor_.here();
    out.name = cursor_.identifier("the tensor's name", ".-");
    cursor_.expect("@");
    out.address = cursor_.integer("the tensor's address");
    cursor_.expect(":");
    Location place = cursor_.here();
    std::string word = cursor_.identifier("an element type");
    auto type = semantics::element_type(word);
    if (!type)
      fail(place, "unknown element type '" + word + "'");
    cursor_.expect("[");
    std::vector<std::int64_t> dims;
    while (!cursor_.accept("]")) {
      dims.push_back(cursor_.integer("a size"));
      if (!cursor_.looking_at("]"))
        cursor_.expect(",");
    }
    out.shape = checked_shape(*type, std::move(dims), place);
    return out;
  }

  void constant(Placed &out) {
    cursor_.expect("=");
    const Shape &shape = out.shape;
    Location place = cursor_.here();
    count_constant_bytes(constant_bytes_, shape.bytes(), place);
    if (cursor_.accept_word("eye")) {
      if (shape.rank() != 2 || shape.dims[0] != shape.dims[1])
        fail(place, "`eye` needs a square matrix, not " + shape.to_string());
      out.value = identity_tensor(shape.type, shape.dims[0]);
    } else if (cursor_.accept_word("full")) {
      cursor_.expect("(");
      std::uint64_t bits = element(shape.type);
      cursor_.expect(")");
      out.value = uniform_tensor(shape, bits);
    } else {
      auto tensor = std::make_shared<semantics::Tensor>(shape);
      std::int64_t index = 0;
      elements(*tensor, 0, index);
      out.value = tensor;
    }
  }

  std::uint64_t element(ElementType type) {
    Location place = cursor_.here();
    std::string text = cursor_.looking_at_word("true") || cursor_.looking_at_word("false")
                           ? cursor_.identifier()
                           : cursor_.number_text();
    auto bits = semantics::parse_element(type, text);
    if (!bits)
      fail(place, "'" + text + "' is no " + std::string(semantics::name(type)));
    return *bits;
  }

  void elements(semantics::Tensor &tensor, std::size_t dimension, std::int64_t &index) {
    const Shape &shape = tensor.shape();
    if (dimension == shape.rank()) {
      tensor.set_bits(index++, element(shape.type));
      return;
    }
    cursor_.expect("{");
    for (std::int64_t i = 0; i < shape.dims[dimension]; ++i) {
      if (i > 0)
        cursor_.expect(",");
      elements(tensor, dimension + 1, index);
    }
    if (!cursor_.accept("}"))
      cursor_.error_expected("'}' after " + std::to_string(shape.dims[dimension]) + " entries");
  }

  void instruction() {
    Location place = cursor_.here();
    std::string name = cursor_.identifier("an instruction, memory, input, constant, output or '}'");
    cursor_.expect("(");
    std::vector<Argument> arguments;
    while (!cursor_.accept(")")) {
      Argument argument;
      argument.location = cursor_.here();
      argument.name = cursor_.try_identifier();
      if (argument.name)
        cursor_.expect("=");
      argument.value = cursor_.integer("an integer");
      if (cursor_.looking_at("."))
        cursor_.error("attributes are integers");
      arguments.push_back(std::move(argument));
      if (!cursor_.looking_at(")"))
        cursor_.expect(",");
    }
    kernel_.instructions.push_back(bind_arguments(isa_, name, place, arguments));
  }

  Cursor cursor_;
  const Isa &isa_;
  Kernel kernel_;
  std::int64_t constant_bytes_ = 0;
};

std::string tensor_line(const char *word, const Placed &tensor) {
  return std::string("  ") + word + " " + tensor.name + " @ " + std::to_string(tensor.address) +
         " : " + tensor.shape.to_string();
}

std::string constant_text(const semantics::Tensor &tensor) {
  if (is_identity(tensor))
    return "eye";
  if (auto bits = uniform_value(tensor); bits && tensor.shape().rank() > 0)
    return "full(" + semantics::element_text(tensor.shape().type, *bits) + ")";
  return nested_list(tensor, "{", "}", semantics::element_text);
}

} // namespace

Kernel read_own_assembly(const semantics::SourceRef &source, const Isa &isa) {
  return Reader(source, isa).read();
}

std::string print_own_assembly(const Kernel &kernel, const Isa &isa) {
  std::string out =
      "kernel " + kernel.name + " {\n  memory " + std::to_string(kernel.off_chip_bytes) + "\n";
  for (const Placed &tensor : kernel.inputs)
    out += tensor_line("input", tensor) + "\n";
  for (const Placed &tensor : kernel.constants)
    out += tensor_line("constant", tensor) + " = " + constant_text(*tensor.value) + "\n";
  for (const Placed &tensor : kernel.outputs)
    out += tensor_line("output", tensor) + "\n";
  for (const KernelInstruction &instruction : kernel.instructions)
    out += "  " + to_string(instruction, isa) + "\n";
  return out + "}\n";
}

} // namespace isamorph::spec
