// isamorph cost: what the analytic cost models say of a kernel.
#include "cli/common.h"

#include "costmodel/cost_model.h"
#include "semantics/interrupt_point.h"
#include "semantics/source.h"
#include "spec/unroll.h"

#include <algorithm>
#include <fmt/format.h>
#include <sstream>

namespace isamorph::cli {
namespace {

struct CostOptions {
  std::string kernel, isa, model = "all";
  bool json = false, unrolled = false;
};

void print_every(const spec::Isa &isa, const spec::Kernel &kernel,
                 const std::vector<costmodel::Interval> &schedule) {
  fmt::print("\nunder overlap:\n");
  std::vector<spec::KernelInstruction> calls = spec::unrolled(kernel).instructions;
  for (std::size_t i = 0; i < schedule.size(); ++i)
    fmt::print("  {:>6} .. {:<6} {:<4} {}\n", schedule[i].start, schedule[i].end,
               isa.units[schedule[i].unit], spec::to_string(calls[i], isa));
}

/// Each instruction of the text once, from its first start to its last end.
void print_by_text(const spec::Isa &isa, const spec::Kernel &kernel,
                   const std::vector<costmodel::Interval> &schedule) {
  struct Line {
    std::int64_t times = 0;
    costmodel::Interval span;
  };
  std::vector<Line> lines(kernel.instructions.size());
  std::size_t next = 0;
  spec::for_each_instance(kernel, [&](const spec::Instance &instance) {
    const costmodel::Interval &run = schedule[next++];
    Line &line = lines[instance.index];
    if (line.times++ == 0)
      line.span = run;
    line.span.start = std::min(line.span.start, run.start);
    line.span.end = std::max(line.span.end, run.end);
  });
  fmt::print("\nunder overlap, from the first start to the last end of each instruction "
             "(--unrolled: every one that runs):\n");
  // The body of the kernel's text: a line for each instruction, two for each loop.
  std::istringstream text(spec::print_kernel(kernel, isa, "asm"));
  std::vector<std::string> body;
  for (std::string line; std::getline(text, line);)
    body.push_back(line);
  body.pop_back();
  body.erase(body.begin(), body.end() - static_cast<std::ptrdiff_t>(kernel.instructions.size() +
                                                                    2 * kernel.loops.size()));
  std::size_t next_line = 0;
  for (const std::string &line : body) {
    if (line.ends_with(")")) {
      const Line &l = lines[next_line++];
      fmt::print("  {:>7} x {:>8} .. {:<8} {:<5}{}\n", l.times, l.span.start, l.span.end,
                 isa.units[l.span.unit], line);
    } else {
      fmt::print("{:>37}{}\n", "", line);
    }
  }
}

void print_schedule(const CostOptions &options, const spec::Isa &isa, const spec::Kernel &kernel) {
  if (spec::instance_count(kernel) > spec::kMaxUnrolled) {
    fmt::print("\nunder overlap: too many instructions to be listed\n");
    return;
  }
  std::vector<costmodel::Interval> schedule = costmodel::schedule(isa, kernel);
  if (options.unrolled || kernel.loops.empty())
    print_every(isa, kernel, schedule);
  else
    print_by_text(isa, kernel, schedule);
}

int run(const CostOptions &options) {
  semantics::InterruptScope interruptible(interrupted());
  Stopwatch watch;
  spec::Isa isa = spec::load_isa(options.isa);
  std::vector<std::string> models = costmodel::cost_model_names();
  if (options.model != "all") {
    if (!costmodel::cost_model(options.model))
      throw semantics::InputError("unknown cost model '" + options.model + "'; models: all, " +
                                  semantics::join(models));
    models = {options.model};
  }
  spec::Kernel kernel = spec::parse_kernel(semantics::read_source(options.kernel), isa);
  Json costs = Json::object();
  for (const std::string &model : models)
    costs[model] = costmodel::cost(isa, kernel, *costmodel::cost_model(model));
  if (options.json) {
    Json json = {{"instructions", spec::instance_count(kernel)}};
    if (models.size() == 1) {
      json["model"] = models[0];
      json["cost"] = costs[models[0]];
    } else {
      json["costs"] = costs;
    }
    json["seconds"] = watch.json();
    print_json(json);
    return kDone;
  }
  fmt::print("{} instructions\n", spec::instance_count(kernel));
  for (const std::string &model : models)
    fmt::print("{:<8} {:>8}{}\n", model, costs[model].get<std::int64_t>(),
               model == "count" ? "" : " cycles");
  if (options.model != "all" && options.model != "overlap")
    return kDone;
  print_schedule(options, isa, kernel);
  return kDone;
}

} // namespace

void add_cost(CLI::App &app, Context &context) {
  CLI::App *command = app.add_subcommand("cost", "Price a kernel with the analytic cost models");
  auto options = std::make_shared<CostOptions>();
  command->add_option("KERNEL", options->kernel, "Assembly: isamorph's own, Python, or JSON")
      ->required();
  command->add_option("--isa", options->isa, "A shipped ISA or a path")->required();
  command->add_option("--model", options->model, "all, count, latency or overlap")
      ->capture_default_str();
  command->add_flag("--unrolled", options->unrolled,
                    "List every instruction that runs under overlap, loops written out");
  command->add_flag("--json", options->json, "Print one JSON object on standard output");
  command->footer(example("  isamorph cost corpus/qkv/attention.py --isa qkv --model all"));
  command->callback([options, &context] { context.status = run(*options); });
}

} // namespace isamorph::cli
