// isamorph isa: list, show, check and compare instruction sets.
#include "cli/common.h"

#include "semantics/interrupt_point.h"
#include "semantics/source.h"
#include "spec/isa.h"
#include "verify/instruction_comparison.h"
#include "verify/isa_check.h"

#include <algorithm>
#include <fmt/format.h>
#include <iostream>

namespace isamorph::cli {
namespace {

struct IsaOptions {
  std::string first, second;
  bool json = false, semantics = false;
};

int list(const IsaOptions &options) {
  Json json = Json::array();
  for (const std::string &name : spec::shipped_isa_names()) {
    spec::Isa isa = spec::load_isa(name);
    json.push_back({{"name", name},
                    {"instructions", isa.instructions.size()},
                    {"buffers", isa.buffers.size()}});
    if (!options.json)
      fmt::print("{:<12} {:>3} instructions, {} buffers\n", name, isa.instructions.size(),
                 isa.buffers.size());
  }
  if (options.json)
    print_json(json);
  return kDone;
}

/// What tools ask of an ISA, and all of it as `text`.
Json json_of(const spec::Isa &isa, const std::string &text) {
  Json parameters = Json::object(), buffers = Json::array(), instructions = Json::array();
  for (const auto &[name, value] : isa.parameters)
    parameters[name] = value;
  for (const spec::Buffer &buffer : isa.buffers)
    buffers.push_back({{"name", buffer.name},
                       {"off_chip", buffer.off_chip},
                       {"addressed", buffer.off_chip ? Json::array() : Json(buffer.addressed)},
                       {"unit", buffer.unit},
                       {"type", std::string(semantics::name(buffer.type))}});
  for (const spec::Instruction &instruction : isa.instructions) {
    auto names = instruction.attribute_names();
    Json attributes(std::vector<std::string>(names.begin(), names.end()));
    instructions.push_back({{"name", instruction.name},
                            {"attributes", attributes},
                            {"unit", isa.units[instruction.cost.unit]}});
  }
  return {{"name", isa.name},   {"parameters", parameters},      {"buffers", buffers},
          {"units", isa.units}, {"numerics", isa.numerics.name}, {"instructions", instructions},
          {"text", text}};
}

int show(const IsaOptions &options) {
  spec::Isa isa = spec::load_isa(options.first);
  std::string text = spec::print_isa(isa);
  if (options.json)
    print_json(json_of(isa, text));
  else
    std::cout << text;
  return kDone;
}

Json json_of(const verify::IsaFinding &finding) {
  semantics::InputError place(finding.location, finding.message);
  return {{"severity", std::string(verify::name(finding.severity))},
          {"file", place.file()},
          {"line", place.line()},
          {"column", place.column()},
          {"message", finding.message}};
}

/// The finding as a diagnostic, "error" replaced by its severity.
std::string text_of(const verify::IsaFinding &finding) {
  std::string text = semantics::InputError(finding.location, finding.message).what();
  constexpr std::string_view word = "error: ";
  std::size_t at = text.find(word);
  if (at != std::string::npos && finding.severity != verify::Severity::Error)
    text.replace(at, word.size(), std::string(verify::name(finding.severity)) + ": ");
  return text;
}

int check(const IsaOptions &options) {
  semantics::InterruptScope interruptible(interrupted());
  spec::Isa isa = spec::load_isa(options.first);
  verify::IsaCheckOptions how;
  how.interrupt = &interrupted();
  verify::IsaCheck result = verify::check_isa(isa, how);
  Json findings = Json::array();
  for (const verify::IsaFinding &finding : result.findings) {
    findings.push_back(json_of(finding));
    std::cerr << text_of(finding) << '\n';
  }
  bool error = result.has(verify::Severity::Error), unknown = result.has(verify::Severity::Unknown);
  if (options.json)
    print_json({{"isa", isa.name},
                {"instructions", isa.instructions.size()},
                {"obligations", result.obligations},
                {"proved", result.proved},
                {"findings", findings},
                {"seconds", result.seconds}});
  else
    fmt::print("{}: {} instructions, {} obligations proved{}\n", isa.name, isa.instructions.size(),
               result.proved,
               result.proved == result.obligations ? ""
                                                   : fmt::format(" of {}", result.obligations));
  return error ? kBadInput : unknown ? kUnknown : kDone;
}

/// Whether the instructions whose texts differ do the same, as lines and as JSON; leaves of `lines`
/// what is not proved to be the same.
int compare_meanings(const spec::Isa &first, const spec::Isa &second,
                     std::vector<std::string> &lines, std::vector<std::string> &answers,
                     Json &json) {
  using Answer = verify::InstructionComparison::Answer;
  bool different = false, open = false;
  for (const verify::InstructionComparison &c : verify::compare_instructions(first, second)) {
    std::string name = "instruction " + c.instruction + ": ";
    if (c.answer == Answer::Proved)
      std::erase_if(lines, [&](const std::string &line) { return line.starts_with(name); });
    different |= c.answer == Answer::Different || c.answer == Answer::NotCompared;
    open |= c.answer == Answer::NoDifference;
    answers.push_back(fmt::format("{}{}: {}", name, verify::name(c.answer), c.reason));
    json.push_back({{"instruction", c.instruction},
                    {"verdict", verify::name(c.answer)},
                    {"runs", c.runs},
                    {"reason", c.reason}});
  }
  different |= std::ranges::any_of(lines, [&](const std::string &line) {
    return std::ranges::none_of(json, [&](const Json &c) {
      return line.starts_with("instruction " + c["instruction"].get<std::string>() + ": ");
    });
  });
  return different ? kDifferent : open ? kUnknown : kDone;
}

int compare(const IsaOptions &options) {
  spec::Isa first = spec::load_isa(options.first), second = spec::load_isa(options.second);
  Json out{{"differences", Json::array()}};
  std::vector<std::string> lines = spec::diff(
      first, second, options.semantics ? spec::DiffScope::Semantics : spec::DiffScope::Everything);
  std::vector<std::string> answers;
  int status = lines.empty() ? kDone : kDifferent;
  if (options.semantics)
    status = compare_meanings(first, second, lines, answers, out["instructions"] = Json::array());
  out["differences"] = lines;
  if (options.json) {
    print_json(out);
    return status;
  }
  for (const auto *part : {&lines, &answers})
    for (const std::string &line : *part)
      std::cout << line << '\n';
  if (lines.empty() && answers.empty())
    std::cout << "no difference\n";
  return status;
}

} // namespace

void add_isa(CLI::App &app, Context &context) {
  CLI::App *isa = app.add_subcommand("isa", "Instruction sets: list, show, check, diff");
  isa->require_subcommand(1);
  isa->footer(example("  isamorph isa list\n  isamorph isa diff qkv qkv_golden"));
  auto options = std::make_shared<IsaOptions>();
  auto add = [&](const char *name, const char *about, int (*action)(const IsaOptions &),
                 int operands) {
    CLI::App *command = isa->add_subcommand(name, about);
    if (operands >= 1)
      command->add_option("ISA", options->first, "A shipped name or a path")->required();
    if (operands >= 2)
      command->add_option("OTHER", options->second, "A shipped name or a path")->required();
    command->add_flag("--json", options->json, "Print JSON on standard output");
    command->callback([options, action, &context] { context.status = action(*options); });
    return command;
  };
  add("list", "The shipped ISAs", list, 0)->footer(example("  isamorph isa list"));
  add("show", "An ISA as isamorph understood it", show, 1)
      ->footer(example("  isamorph isa show qkv"));
  add("check", "Type-check an ISA for all attribute values", check, 1)
      ->footer(example("  isamorph isa check spec/isa/qkv.isa"));
  CLI::App *diff = add("diff", "What differs between two ISAs", compare, 2);
  diff->add_flag("--semantics", options->semantics,
                 "Only what kernels mean: leave out units, costs and assembly, and run the "
                 "instructions whose texts differ on the same buffers");
  diff->footer(example("  isamorph isa diff qkv qkv_golden"));
}

} // namespace isamorph::cli
