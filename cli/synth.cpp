// isamorph synth: from HLO text to a proved kernel.
#include "cli/common.h"

#include "corpus/synthesis.h"
#include "semantics/hlo.h"
#include "semantics/interrupt_point.h"
#include "semantics/output_files.h"
#include "verify/certificate.h"

#include <filesystem>
#include <fmt/format.h>
#include <iostream>

namespace isamorph::cli {
namespace {

using corpus::Synthesis;

struct SynthOptions {
  std::string graph, isa, output, emit, cost = "count", level = "bits", certificate, checkpoint;
  double time_limit = 60;
  int jobs = 0;
  bool json = false, no_cache = false;
};

corpus::SynthesisOptions synthesis_options(const SynthOptions &options) {
  corpus::SynthesisOptions out;
  auto level = semantics::level(options.level);
  if (!level)
    throw semantics::InputError("unknown equivalence level '" + options.level +
                                "'; levels: bits, finite, real");
  auto cost = costmodel::cost_model(options.cost);
  if (!cost)
    throw semantics::InputError("unknown cost model '" + options.cost +
                                "'; models: " + semantics::join(costmodel::cost_model_names()));
  out.level = *level;
  out.cost = *cost;
  if (!options.checkpoint.empty() && *cost == costmodel::CostModel::Overlap)
    throw semantics::InputError("--checkpoint does not go with --cost overlap; cost models with "
                                "checkpoints: count, latency");
  out.checkpoint = options.checkpoint;
  out.time_limit_seconds = options.time_limit;
  out.jobs = options.jobs;
  out.certificate = !options.certificate.empty();
  out.use_cache = !options.no_cache;
  out.interrupt = &interrupted();
  out.proving_despite_interrupt = finish_at_leisure;
  out.progress = show_progress;
  return out;
}

/// The form to print: --emit, else what the output file's extension says, else the ISA's own
/// assembly.
std::string output_form(const SynthOptions &options, const spec::Isa &isa) {
  std::vector<std::string> forms = spec::kernel_forms(isa);
  if (!options.emit.empty()) {
    if (std::find(forms.begin(), forms.end(), options.emit) == forms.end())
      throw semantics::InputError("unknown form '" + options.emit + "'; forms of " + isa.name +
                                  ": " + semantics::join(forms));
    return options.emit;
  }
  std::string extension = std::filesystem::path(options.output).extension().string();
  if (extension == ".json")
    return "json";
  for (const spec::AssemblySyntax &syntax : isa.assemblies)
    if (extension.empty() || syntax.file_extension == extension)
      return syntax.name;
  return "asm";
}

Json to_json(const Synthesis &synthesis, const SynthOptions &options, const Stopwatch &watch) {
  const search::SearchResult &search = synthesis.search;
  Json json = Json::object();
  bool found = synthesis.outcome == Synthesis::Outcome::Found;
  if (found || synthesis.outcome == Synthesis::Outcome::Unproved)
    json["verdict"] = std::string(verify::name(synthesis.verdict.outcome));
  else
    json["verdict"] =
        synthesis.outcome == Synthesis::Outcome::Infeasible ? "infeasible" : "unknown";
  json["level"] = options.level;
  if (!synthesis.reason.empty())
    json["reason"] = synthesis.reason;
  json["model"] = options.cost;
  if (found) {
    json["cost"] = search.cost;
    json["bound"] = search.bound;
    json["gap"] = search.cost - search.bound;
    json["optimal"] = search.cost == search.bound && search.bound_holds_for_all();
    if (search.saturation)
      json["saturation"] = std::string(search::name(*search.saturation));
    json["instructions"] = search.kernel->instructions.size();
    json["bytes"] = synthesis.traffic.total();
    json["bytes_bound"] = synthesis.traffic_bound.total();
    if (!options.output.empty())
      json["kernel"] = options.output;
    if (!options.certificate.empty()) {
      json["certificate"] = options.certificate;
      if (!synthesis.chain_absent.empty())
        json["chain_absent"] = synthesis.chain_absent;
    }
    if (synthesis.verdict.ulps) {
      json["max_ulp"] = synthesis.verdict.ulps->max;
      json["ulp_histogram"] = synthesis.verdict.ulps->counts;
    }
  }
  if (!found && synthesis.outcome != Synthesis::Outcome::Infeasible) {
    if (search.bound_holds_for_all())
      json["bound"] = search.bound;
    json["bytes_bound"] = synthesis.traffic_bound.total();
  }
  json["states"] = search.states_expanded;
  json["enodes"] = search.enodes;
  json["eclasses"] = search.eclasses;
  json["seconds"] = watch.json();
  return json;
}

std::string traffic_line(const Synthesis &synthesis) {
  std::int64_t moved = synthesis.traffic.total(), bound = synthesis.traffic_bound.total();
  return fmt::format("{} bytes moved, lower bound {}{}\n", moved, bound,
                     bound == 0 ? ""
                                : fmt::format(" (ratio {:.3f})", static_cast<double>(moved) /
                                                                     static_cast<double>(bound)));
}

/// "lower bound 9 (optimal)"; where saturation was stopped, among what the bound holds instead.
std::string bound_text(const search::SearchResult &search) {
  std::string gap = search.cost == search.bound ? std::string()
                                                : fmt::format("gap {}", search.cost - search.bound);
  if (search.bound_holds_for_all())
    return fmt::format("lower bound {} ({})", search.bound, gap.empty() ? "optimal" : gap);
  if (search.undetermined)
    return fmt::format("lower bound {} among the values of attributes tried", search.bound);
  bool interrupted = *search.saturation == search::StopReason::Interrupted;
  return fmt::format("lower bound {} among the rewritings searched ({}saturation {}{})",
                     search.bound, gap.empty() ? gap : gap + "; ",
                     interrupted ? "was " : "stopped at the ", search::name(*search.saturation));
}

void print_summary(std::ostream &out, const Synthesis &synthesis, const SynthOptions &options,
                   const Stopwatch &watch) {
  const search::SearchResult &search = synthesis.search;
  out << fmt::format("{} instructions, {} {}, {}\n", search.kernel->instructions.size(),
                     options.cost, search.cost, bound_text(search));
  if (search.cut_short)
    out << synthesis.reason << '\n';
  if (!search.kernel->loops.empty())
    out << traffic_line(synthesis);
  out << fmt::format("{} at {}: {}\n", verify::name(synthesis.verdict.outcome),
                     semantics::name(synthesis.verdict.level), synthesis.verdict.reach);
  if (synthesis.verdict.ulps)
    out << fmt::format("differences seen in {} tests: {}; largest: {} ulp\n",
                       synthesis.verdict.ulps->tests, to_string(*synthesis.verdict.ulps),
                       synthesis.verdict.ulps->max);
  out << fmt::format("{} e-classes, {} e-nodes, {} states, {:.1f} ms\n", search.eclasses,
                     search.enodes, search.states_expanded, watch.total() * 1e3);
  if (!options.output.empty())
    out << "kernel: " << options.output << '\n';
  if (!options.certificate.empty())
    out << "certificate: " << options.certificate
        << (synthesis.chain_absent.empty()
                ? "\n"
                : ", without a chain of rewriting: " + synthesis.chain_absent + "\n");
}

/// What holds for every kernel, where none can be given.
std::string bounds_text(const Synthesis &synthesis, const SynthOptions &options) {
  std::int64_t bytes = synthesis.traffic_bound.total();
  if (!synthesis.search.bound_holds_for_all())
    return fmt::format("; every kernel moves at least {} bytes\n", bytes);
  return fmt::format("; every kernel costs at least {} ({}) and moves at least {} bytes\n",
                     synthesis.search.bound, options.cost, bytes);
}

int failure(const Synthesis &synthesis, const SynthOptions &options, const Stopwatch &watch) {
  if (options.json)
    print_json(to_json(synthesis, options, watch));
  switch (synthesis.outcome) {
  case Synthesis::Outcome::Infeasible:
    std::cerr << bold_red("no kernel: ") << synthesis.reason << '\n';
    return kDifferent;
  case Synthesis::Outcome::OutOfTime:
    std::cerr << bold_red("stopped: ") << synthesis.reason << bounds_text(synthesis, options);
    return kUnknown;
  default:
    std::cerr << bold_red("not proved: ") << synthesis.reason << bounds_text(synthesis, options);
    return kUnknown;
  }
}

void check_outputs(const SynthOptions &options) {
  if (!options.output.empty())
    semantics::check_writable(options.output, "kernel");
  if (!options.certificate.empty())
    semantics::check_writable(options.certificate, "certificate");
}

/// Both or neither.
void write_outputs(const SynthOptions &options, const std::string &kernel,
                   const std::string &certificate) {
  semantics::OutputFiles files;
  if (!options.output.empty())
    files.stage(options.output, kernel);
  if (!options.certificate.empty())
    verify::write_certificate(options.certificate, certificate);
  files.commit();
}

int run(const SynthOptions &options) {
  Stopwatch watch;
  std::optional<semantics::InterruptScope> interruptible(std::in_place, interrupted());
  watch.start("parse");
  corpus::SynthesisOptions how = synthesis_options(options);
  spec::Isa isa = spec::load_isa(options.isa);
  std::string form = output_form(options, isa);
  semantics::TensorGraph graph = semantics::parse_hlo(semantics::read_source(options.graph));
  check_outputs(options);
  watch.stop();
  interruptible.reset(); // from here on there may be a kernel to show
  Synthesis synthesis = corpus::synthesize(graph, isa, how);
  clear_progress();
  for (const auto &[stage, seconds] : synthesis.seconds)
    watch.add(stage, seconds);
  if (synthesis.outcome != Synthesis::Outcome::Found)
    return failure(synthesis, options, watch);
  watch.start("write");
  std::string text = spec::print_kernel(*synthesis.search.kernel, isa, form);
  write_outputs(options, text, synthesis.certificate);
  watch.stop();
  if (options.json) {
    Json json = to_json(synthesis, options, watch);
    if (options.output.empty())
      json["text"] = text;
    print_json(json);
  } else if (options.output.empty()) {
    std::cout << text << std::flush;
    print_summary(std::cerr, synthesis, options, watch);
  } else {
    print_summary(std::cout, synthesis, options, watch);
  }
  return kDone;
}

} // namespace

void add_synth(CLI::App &app, Context &context) {
  CLI::App *command =
      app.add_subcommand("synth", "Find the cheapest kernel for a tensor graph, with its proof");
  auto options = std::make_shared<SynthOptions>();
  command->add_option("GRAPH", options->graph, "HLO text")->required();
  command->add_option("--isa", options->isa, "A shipped ISA (isamorph isa list) or a path")
      ->required();
  command->add_option("-o", options->output, "Where to write the kernel (default: standard output)")
      ->type_name("FILE");
  command
      ->add_option(
          "--emit", options->emit,
          "asm or json, which keep loops, or an assembly of the ISA, which writes them out unless "
          "it has a template for them (default: by extension, else the ISA's own)")
      ->type_name("FORM");
  command->add_option("--cost", options->cost, "count, latency or overlap")
      ->type_name("MODEL")
      ->capture_default_str();
  command->add_option("--equiv", options->level, "bits, finite or real")
      ->type_name("LEVEL")
      ->capture_default_str();
  command
      ->add_option("--time-limit", options->time_limit,
                   "Seconds of searching; then the best kernel so far, with its bound, whose proof "
                   "may take as long again")
      ->type_name("S")
      ->capture_default_str()
      ->check(not_negative());
  add_jobs_option(*command, options->jobs);
  command
      ->add_option("--certificate", options->certificate, "Write what `isamorph check` re-checks")
      ->type_name("FILE");
  command
      ->add_option("--checkpoint", options->checkpoint,
                   "Continue from this file if it exists; write it every half minute and when "
                   "stopped; remove it when done (not with --cost overlap)")
      ->type_name("FILE");
  command->add_flag("--no-cache", options->no_cache, "Prove the rewrite rules anew");
  command->add_flag("--json", options->json, "Print one JSON object on standard output");
  command->footer(example("  isamorph synth corpus/qkv/attention.hlo --isa qkv -o attention.py "
                          "--certificate proof.json"));
  command->callback([options, &context] { context.status = run(*options); });
}

} // namespace isamorph::cli
