// isamorph isa: list, show, check and compare instruction sets.
#include "cli/common.h"

#include "semantics/source.h"
#include "spec/isa.h"
#include "verify/isa_check.h"

#include <fmt/format.h>
#include <iostream>

namespace isamorph::cli {
namespace {

struct Options {
  std::string first, second;
  bool json = false;
};

int list(const Options &options) {
  Json json = Json::array();
  for (const std::string &name : spec::shipped_isa_names()) {
    spec::Isa isa = spec::load_isa(name);
    json.push_back({{"name", name}, {"instructions", isa.instructions.size()}, {"buffers", isa.buffers.size()}});
    if (!options.json)
      fmt::print("{:<12} {:>3} instructions, {} buffers\n", name, isa.instructions.size(), isa.buffers.size());
  }
  if (options.json)
    print_json(json);
  return kDone;
}

int show(const Options &options) {
  std::cout << spec::print_isa(spec::load_isa(options.first));
  return kDone;
}

int compare(const Options &options) {
  std::vector<std::string> lines = spec::diff(spec::load_isa(options.first), spec::load_isa(options.second));
  if (options.json) {
    print_json({{"differences", lines}});
  } else {
    for (const std::string &line : lines)
      std::cout << line << '\n';
    if (lines.empty())
      std::cout << "no difference\n";
  }
  return lines.empty() ? kDone : kDifferent;
}

} // namespace

void add_isa(CLI::App &app, Context &context) {
  CLI::App *isa = app.add_subcommand("isa", "Instruction sets: list, show, check, diff");
  isa->require_subcommand(1);
  isa->footer(example("  isamorph isa list\n  isamorph isa diff qkv qkv_golden"));
  auto options = std::make_shared<Options>();
  auto add = [&](const char *name, const char *about, int (*action)(const Options &), int operands) {
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
  add("show", "An ISA as isamorph understood it", show, 1)->footer(example("  isamorph isa show qkv"));
  add("check", "Type-check an ISA for all attribute values", check, 1)
      ->footer(example("  isamorph isa check my_accelerator.isa"));
  add("diff", "What differs between two ISAs", compare, 2)->footer(example("  isamorph isa diff qkv qkv_golden"));
}

} // namespace isamorph::cli
