#include "spec/assembly.h"

#include "spec/affine.h"
#include "spec/constants.h"
#include "spec/unroll.h"

#include <algorithm>

namespace isamorph::spec {
namespace {

using semantics::ElementType;
using Values = std::map<std::string, std::string, std::less<>>;

bool is_word(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         (!first && c >= '0' && c <= '9');
}

/// The word of `{word}` at `at`; empty when something else stands there.
std::string_view word_at(std::string_view text, std::size_t at) {
  std::size_t end = at + 1;
  while (end < text.size() && is_word(text[end], end == at + 1))
    ++end;
  return end > at + 1 && end < text.size() && text[end] == '}' ? text.substr(at + 1, end - at - 1)
                                                               : std::string_view{};
}

class Printer {
public:
  Printer(const Kernel &kernel, const Isa &isa, const AssemblySyntax &syntax)
      : kernel_(kernel), isa_(isa), syntax_(syntax) {}

  std::string print() const {
    Values whole = {{"name", identifier(kernel_.name)},
                    {"hbm", std::to_string(kernel_.off_chip_bytes)},
                    {"inputs", tensors(kernel_.inputs)},
                    {"constants", tensors(kernel_.constants)},
                    {"outputs", tensors(kernel_.outputs)}};
    std::string out = fill(syntax_.prologue, whole);
    out += steps();
    if (kernel_.instructions.empty())
      out += syntax_.empty;
    return out + fill(syntax_.epilogue, whole);
  }

private:
  std::string steps() const {
    std::vector<std::vector<std::uint32_t>> around = enclosing_loops(kernel_);
    std::string out;
    std::size_t depth = 0, next = 0;
    auto close = [&](std::size_t shared) {
      for (; depth > shared; --depth)
        out += indented(fill(syntax_.loop_end, {}), depth - 1);
    };
    for (std::size_t i = 0; i < around.size(); ++i) {
      close(shared_loops(around, i));
      for (; depth < around[i].size(); ++depth)
        out += indented(loop_line(kernel_.loops[next++]), depth);
      out += indented(line(kernel_.instructions[i], variables_of(kernel_, around[i])), depth);
    }
    close(0);
    return out;
  }

  std::string loop_line(const Loop &loop) const {
    return fill(syntax_.loop, {{"variable", loop.variable},
                               {"start", std::to_string(loop.start)},
                               {"end", std::to_string(loop.end)},
                               {"step", std::to_string(loop.step)}});
  }

  /// Each line of a text behind `depth` times the block's indentation.
  std::string indented(const std::string &text, std::size_t depth) const {
    std::string out;
    for (std::size_t begin = 0; begin < text.size();) {
      std::size_t end = std::min(text.find('\n', begin), text.size() - 1) + 1;
      for (std::size_t d = 0; d < depth; ++d)
        out += syntax_.indent;
      out += text.substr(begin, end - begin);
      begin = end;
    }
    return out;
  }

  /// Most target languages allow no more than letters, digits and '_' in names.
  static std::string identifier(std::string name) {
    for (char &c : name)
      c = is_word(c, false) ? c : '_';
    return name.empty() || !is_word(name[0], true) ? "_" + name : name;
  }

  std::string line(const KernelInstruction &instruction,
                   std::span<const std::string> variables) const {
    const Instruction &definition = isa_.instructions[instruction.instruction];
    Values values = {{"instruction", definition.name}, {"name", identifier(kernel_.name)}};
    std::string attributes;
    for (std::uint32_t i = 0; i < instruction.attributes.size(); ++i) {
      const std::string &name = definition.symbols.integers.names[i];
      std::string value = affine_text(instruction, i, variables);
      attributes += (i ? syntax_.attribute_separator : "") +
                    fill(syntax_.attribute, {{"attribute", name}, {"value", value}});
      if (!definition.assembly.empty())
        values[name] = value;
    }
    values["attributes"] = attributes;
    return fill(definition.assembly.empty() ? syntax_.instruction : definition.assembly, values);
  }

  std::string type_text(ElementType type) const {
    for (const auto &[known, text] : syntax_.types)
      if (known == type)
        return text;
    return std::string(semantics::name(type));
  }

  /// "(64, 64)", "(64,)", "()"
  static std::string tuple(const std::vector<std::int64_t> &dims) {
    std::string out = "(";
    for (std::size_t i = 0; i < dims.size(); ++i)
      out += (i ? ", " : "") + std::to_string(dims[i]);
    return out + (dims.size() == 1 ? ",)" : ")");
  }

  std::string element_text(ElementType type, std::uint64_t bits) const {
    if (type == ElementType::Pred)
      return bits ? "1" : "0";
    if (semantics::is_nan(type, bits))
      return syntax_.nan;
    if (!semantics::is_finite(type, bits))
      return (semantics::decode(type, bits) < 0 ? "-" : "") + syntax_.infinity;
    std::string text = semantics::element_text(type, bits);
    // A float that looks like an integer would lose the sign of its zero.
    bool plain =
        semantics::is_float(type) && text.find_first_not_of("-0123456789") == std::string::npos;
    return plain ? text + ".0" : text;
  }

  std::string value_text(const Placed &tensor) const {
    const semantics::Shape &shape = tensor.shape;
    Values values = {{"shape", tuple(shape.dims)}, {"dtype", type_text(shape.type)}};
    if (!syntax_.identity.empty() && is_identity(*tensor.value)) {
      values["n"] = std::to_string(shape.dims[0]);
      return fill(syntax_.identity, values);
    }
    if (auto bits = uniform_value(*tensor.value); bits && !syntax_.uniform.empty()) {
      values["value"] = element_text(shape.type, *bits);
      return fill(syntax_.uniform, values);
    }
    std::string list =
        nested_list(*tensor.value, "[", "]",
                    [&](ElementType type, std::uint64_t bits) { return element_text(type, bits); });
    if (syntax_.general.empty())
      return list;
    values["list"] = list;
    return fill(syntax_.general, values);
  }

  std::string tensors(const std::vector<Placed> &group) const {
    std::string out;
    for (const Placed &tensor : group) {
      Values values = {{"name", tensor.name},
                       {"address", std::to_string(tensor.address)},
                       {"shape", tuple(tensor.shape.dims)},
                       {"dtype", type_text(tensor.shape.type)}};
      if (tensor.value)
        values["value"] = value_text(tensor);
      out += (out.empty() ? "" : syntax_.separator) +
             fill(tensor.value ? syntax_.constant : syntax_.tensor, values);
    }
    return out;
  }

  const Kernel &kernel_;
  const Isa &isa_;
  const AssemblySyntax &syntax_;
};

} // namespace

const std::vector<AssemblyTemplate> &assembly_templates() {
  static const std::vector<std::string> kWhole = {"name", "hbm", "inputs", "constants", "outputs"};
  static const std::vector<AssemblyTemplate> kTemplates = {
      {"extension", &AssemblySyntax::file_extension, {}},
      {"prologue", &AssemblySyntax::prologue, kWhole},
      {"tensor", &AssemblySyntax::tensor, {"name", "address", "shape", "dtype"}},
      {"constant", &AssemblySyntax::constant, {"name", "address", "shape", "dtype", "value"}},
      {"identity", &AssemblySyntax::identity, {"n", "shape", "dtype"}},
      {"uniform", &AssemblySyntax::uniform, {"value", "shape", "dtype"}},
      {"general", &AssemblySyntax::general, {"list", "shape", "dtype"}},
      {"infinity", &AssemblySyntax::infinity, {}},
      {"nan", &AssemblySyntax::nan, {}},
      {"separator", &AssemblySyntax::separator, {}},
      {"instruction", &AssemblySyntax::instruction, {"instruction", "attributes", "name"}},
      {"loop", &AssemblySyntax::loop, {"variable", "start", "end", "step"}},
      {"loop_end", &AssemblySyntax::loop_end, {}},
      {"indent", &AssemblySyntax::indent, {}},
      {"empty", &AssemblySyntax::empty, {}},
      {"attribute", &AssemblySyntax::attribute, {"attribute", "value"}},
      {"attribute_separator", &AssemblySyntax::attribute_separator, {}},
      {"epilogue", &AssemblySyntax::epilogue, kWhole},
  };
  return kTemplates;
}

std::optional<std::string> unknown_placeholder(std::string_view text,
                                               std::span<const std::string> known) {
  for (std::size_t at = text.find('{'); at != std::string_view::npos; at = text.find('{', at + 1)) {
    std::string_view word = word_at(text, at);
    if (!word.empty() && std::find(known.begin(), known.end(), word) == known.end())
      return std::string(word);
  }
  return std::nullopt;
}

std::string fill(std::string_view text, const Values &values) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::string_view word = text[at] == '{' ? word_at(text, at) : std::string_view{};
    auto found = word.empty() ? values.end() : values.find(word);
    if (found == values.end()) {
      out += text[at++];
    } else {
      out += found->second;
      at += word.size() + 2;
    }
  }
  return out;
}

std::string print_assembly(const Kernel &kernel, const Isa &isa, const AssemblySyntax &syntax) {
  if (syntax.loop.empty() && !kernel.loops.empty())
    return Printer(unrolled(kernel), isa, syntax).print();
  return Printer(kernel, isa, syntax).print();
}

} // namespace isamorph::spec
