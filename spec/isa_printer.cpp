#include "spec/assembly.h"
#include "spec/body_text.h"
#include "spec/isa.h"

namespace isamorph::spec {
namespace {

std::string escaped(const std::string &text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else
      out += (c == '"' || c == '\\' ? "\\" : "") + std::string(1, c);
  }
  return out + "\"";
}

std::string text_block(const std::string &text) {
  bool lines = text.find('\n') != std::string::npos && text.find("\"\"\"") == std::string::npos &&
               text.back() == '\n';
  return lines ? "\"\"\"\n" + text + "\"\"\"" : escaped(text);
}

std::string bracketed(const std::vector<std::string> &words, std::string_view open,
                      std::string_view close) {
  return std::string(open) + semantics::join(words) + std::string(close);
}

std::string buffer_text(const Buffer &buffer) {
  std::string out = "  buffer " + buffer.name;
  if (buffer.off_chip)
    return out + " hbm\n";
  if (!buffer.addressed.empty())
    out += " [" + semantics::join_dims(buffer.addressed) + "] x";
  out += " " + std::string(semantics::name(buffer.type));
  if (!buffer.unit.empty())
    out += "[" + semantics::join_dims(buffer.unit) + "]";
  return out + "\n";
}

std::string region_text(const Isa &isa, const Region &region) {
  std::string out = isa.buffer(region.buffer).name;
  for (std::size_t i = 0; i < region.starts.size(); ++i) {
    out += (i ? ", " : "[") + region.starts[i].to_string() + " : ";
    if (region.steps)
      out += region.steps->count.to_string() + " step " + region.steps->distance.to_string() +
             " : ";
    out += region.extents[i].to_string();
  }
  return out + (region.starts.empty() ? "" : "]");
}

std::string updates_text(const Isa &isa, std::string_view when, const std::vector<Update> &updates,
                         const std::string &indent) {
  if (updates.empty())
    return "";
  std::vector<std::string> parts;
  for (const Update &update : updates)
    parts.push_back(isa.state[update.variable].name + " = " + update.value.to_string());
  return indent + "update " + std::string(when) + " { " + semantics::join(parts) + " }\n";
}

/// What every arm has.
std::string shared_text(const Isa &isa, const Instruction &instruction) {
  std::string out = "    cost   unit " + isa.units[instruction.cost.unit] + ", latency " +
                    instruction.cost.latency.to_string() + ", bytes " +
                    instruction.cost.bytes.to_string() + "\n";
  if (!instruction.assembly.empty())
    out += "    assembly " + text_block(instruction.assembly) + "\n";
  return out + updates_text(isa, "before", instruction.before, "    ");
}

std::string operands_text(const Isa &isa, const Instruction &way, const std::string &indent) {
  std::string out;
  for (const Read &read : way.reads)
    out += indent + "reads  %" + read.name + " = " + region_text(isa, read.region) + "\n";
  for (const Write &write : way.writes)
    out += indent + "writes " + region_text(isa, write.region) + " = %" + write.value + "\n";
  if (!way.constraint_texts.empty())
    out += indent + "where  " + semantics::join(way.constraint_texts) + "\n";
  return out;
}

std::string effect_text(const Isa &isa, const Instruction &way, const std::string &indent) {
  std::string out = updates_text(isa, "after", way.after, indent);
  if (way.writes.empty())
    return out;
  out += indent + "semantics {\n";
  for (const auto &node : way.body.nodes)
    if (!(node.op == decltype(node.op)(semantics::OpCode::Parameter)))
      out += indent + "  " + node_text(way.body, node) + "\n";
  return out + indent + "}\n";
}

std::string instruction_text(const Isa &isa, const Instruction &instruction) {
  auto names = instruction.attribute_names();
  auto split = names.begin() + instruction.computational;
  std::string out = "\n  instruction " + instruction.name + " " +
                    bracketed(std::vector<std::string>(names.begin(), split), "(", ") ") +
                    bracketed(std::vector<std::string>(split, names.end()), "[", "] {\n");
  if (instruction.arms.empty())
    return out + operands_text(isa, instruction, "    ") + shared_text(isa, instruction) +
           effect_text(isa, instruction, "    ") + "  }\n";
  out += shared_text(isa, instruction);
  for (std::size_t i = 0; i < instruction.arms.size(); ++i) {
    const Instruction &arm = instruction.arms[i];
    bool last = i + 1 == instruction.arms.size();
    out += (i ? " else " : "    ") + (last ? "" : "if " + arm.guard.to_string() + " ") + "{\n" +
           operands_text(isa, arm, "      ") + effect_text(isa, arm, "      ") + "    }";
  }
  return out + "\n  }\n";
}

std::string state_text(const StateVariable &variable) {
  return "  state " + variable.name + " in " + std::to_string(variable.low) + ".." +
         std::to_string(variable.high) + " = " + std::to_string(variable.initial) + "\n";
}

std::string assembly_text(const AssemblySyntax &syntax) {
  std::string out = "\n  assembly " + syntax.name + " {\n";
  if (!syntax.types.empty()) {
    out += "    types ";
    for (std::size_t i = 0; i < syntax.types.size(); ++i)
      out += (i ? ", " : "") + std::string(semantics::name(syntax.types[i].first)) + " " +
             escaped(syntax.types[i].second);
    out += "\n";
  }
  static const AssemblySyntax kNone;
  for (const AssemblyTemplate &item : assembly_templates())
    if (!(syntax.*(item.text)).empty() || !(kNone.*(item.text)).empty())
      out += "    " + std::string(item.key) + " " + text_block(syntax.*(item.text)) + "\n";
  return out + "  }\n";
}

std::string numerics_text(const semantics::NumericsProfile &profile) {
  for (const auto &shipped : semantics::shipped_numerics())
    if (shipped == profile)
      return "  numerics " + profile.name + "\n";
  return semantics::print_numerics(profile) + "\n";
}

} // namespace

std::string print_isa(const Isa &isa) {
  std::string out = "isa " + isa.name;
  if (!isa.parameters.empty()) {
    out += " (";
    for (std::size_t i = 0; i < isa.parameters.size(); ++i)
      out += (i ? ", " : "") + isa.parameters[i].first + " = " +
             std::to_string(isa.parameters[i].second);
    out += ")";
  }
  out += " {\n";
  for (const Buffer &buffer : isa.buffers)
    out += buffer_text(buffer);
  out += numerics_text(isa.numerics);
  if (!isa.units.empty())
    out += "  unit " + semantics::join(isa.units) + "\n";
  for (const StateVariable &variable : isa.state)
    out += state_text(variable);
  for (const Instruction &instruction : isa.instructions)
    out += instruction_text(isa, instruction);
  for (const AssemblySyntax &syntax : isa.assemblies)
    out += assembly_text(syntax);
  return out + "}\n";
}

} // namespace isamorph::spec
