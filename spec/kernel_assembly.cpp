// isamorph's own assembly text.
#include "spec/constants.h"
#include "spec/kernel_text.h"
#include "spec/repeated_calls.h"
#include "spec/unroll.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace isamorph::spec {
namespace {

using semantics::Cursor;
using semantics::ElementType;
using semantics::fail;
using semantics::Location;
using semantics::Shape;

/// Room is made for as many calls as a text of that size may hold, but no more than these.
constexpr std::size_t kCallBytes = 32, kMostCalls = std::size_t{1} << 16;

class Reader {
public:
  Reader(const semantics::SourceRef &source, const Isa &isa) : cursor_(source), isa_(isa) {}

  Kernel read() {
    cursor_.expect_word("kernel");
    kernel_.name = cursor_.identifier("the kernel's name", ".-");
    cursor_.expect("{");
    kernel_.instructions.reserve(std::min(cursor_.source()->text.size() / kCallBytes, kMostCalls));
    while (!cursor_.accept("}"))
      if (!repeated_call())
        statement();
    if (!has_memory_)
      cursor_.error("the kernel has no `memory BYTES` line");
    if (!cursor_.at_end())
      cursor_.error_expected("the end of the file: one kernel a file");
    return std::move(kernel_);
  }

private:
  bool repeated_call() {
    std::size_t offset = cursor_.here().offset;
    bool known = repeated_.read(cursor_.source(), offset, kernel_.instructions);
    cursor_.seek(offset);
    return known;
  }

  void statement() {
    Location place = cursor_.here();
    std::string word =
        cursor_.identifier("an instruction, a loop, memory, input, constant, output or '}'");
    if (word == "memory") {
      if (has_memory_)
        fail(place, "`memory` is given twice");
      has_memory_ = true;
      kernel_.off_chip_bytes = cursor_.integer("the size of off-chip memory in bytes");
    } else if (word == "input") {
      kernel_.inputs.push_back(tensor());
    } else if (word == "constant") {
      kernel_.constants.push_back(tensor());
      constant(kernel_.constants.back());
    } else if (word == "output") {
      kernel_.outputs.push_back(tensor());
    } else {
      step(std::move(word), std::move(place));
    }
  }

  /// An instruction, or a loop with its body, whose first word has been read.
  void step(std::string word, Location place) {
    for (;;) {
      if (word == "for" && !cursor_.looking_at("("))
        open_loop(place);
      else
        instruction(word, place);
      while (!loops_.empty() && cursor_.accept("}"))
        loops_.close();
      if (loops_.empty())
        return;
      place = cursor_.here();
      word = cursor_.identifier("an instruction, a loop or '}'");
    }
  }

  /// `VARIABLE in START..END [step STEP] {`
  void open_loop(const Location &place) {
    Loop loop;
    loop.location = place;
    loop.variable = cursor_.identifier("the loop's variable");
    cursor_.expect_word("in");
    loop.start = cursor_.integer("the loop's first value");
    cursor_.expect("..");
    loop.end = cursor_.integer("the loop's end");
    if (cursor_.accept_word("step"))
      loop.step = cursor_.integer("the loop's step");
    cursor_.expect("{");
    loops_.open(std::move(loop));
  }

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

  void instruction(const std::string &name, const Location &place) {
    cursor_.expect("(");
    std::vector<Argument> arguments;
    while (!cursor_.accept(")")) {
      Argument argument;
      argument.location = cursor_.here();
      argument.name = attribute_name();
      argument.value_offset = cursor_.here().offset;
      argument.value = parse_affine(cursor_, loops_.variables());
      if (cursor_.looking_at("."))
        cursor_.error("attributes are integers");
      arguments.push_back(std::move(argument));
      if (!cursor_.looking_at(")"))
        cursor_.expect(",");
    }
    kernel_.instructions.push_back(bind_arguments(isa_, name, place, arguments));
    repeated_.note(kernel_.instructions.back(), place.offset, cursor_.offset(), fields(arguments));
  }

  /// The arguments of the last instruction that are plain integers.
  std::vector<RepeatedCalls::Field> fields(std::span<const Argument> arguments) const {
    const std::string &text = cursor_.source()->text;
    const Instruction &definition = isa_.instructions[kernel_.instructions.back().instruction];
    std::vector<RepeatedCalls::Field> out;
    for (std::uint32_t i = 0; i < arguments.size(); ++i) {
      const char *begin = text.data() + arguments[i].value_offset;
      std::int64_t value = 0;
      const char *end = std::from_chars(begin, text.data() + text.size(), value).ptr;
      std::size_t stop = static_cast<std::size_t>(end - text.data());
      std::size_t next = text.find_first_not_of(" \t\r\n", stop);
      if (end != begin && (text[next] == ',' || text[next] == ')'))
        out.push_back(
            {arguments[i].value_offset, stop,
             arguments[i].name ? *definition.symbols.integers.find(*arguments[i].name) : i});
    }
    return out;
  }

  /// `NAME =`; a loop's variable may come instead.
  std::optional<std::string> attribute_name() {
    std::size_t begin = cursor_.offset();
    auto name = cursor_.try_identifier();
    if (!name || cursor_.accept("="))
      return name;
    if (!find_variable(loops_.variables(), *name))
      cursor_.expect("=");
    cursor_.seek(begin);
    return std::nullopt;
  }

  Cursor cursor_;
  const Isa &isa_;
  Kernel kernel_;
  LoopStack loops_{kernel_};
  RepeatedCalls repeated_;
  bool has_memory_ = false;
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

std::string indent(std::size_t depth) { return std::string(2 * depth, ' '); }

std::string loop_line(const Loop &loop) {
  return "for " + loop.variable + " in " + std::to_string(loop.start) + ".." +
         std::to_string(loop.end) + (loop.step == 1 ? "" : " step " + std::to_string(loop.step)) +
         " {";
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
  std::vector<std::vector<std::uint32_t>> around = enclosing_loops(kernel);
  std::size_t depth = 0, next = 0;
  for (std::size_t i = 0; i < around.size(); ++i) {
    for (; depth > shared_loops(around, i); --depth)
      out += indent(depth) + "}\n";
    for (; depth < around[i].size(); ++depth)
      out += indent(depth + 1) + loop_line(kernel.loops[next++]) + "\n";
    out += indent(depth + 1) +
           to_string(kernel.instructions[i], isa, variables_of(kernel, around[i])) + "\n";
  }
  for (; depth > 0; --depth)
    out += indent(depth) + "}\n";
  return out + "}\n";
}

} // namespace isamorph::spec
