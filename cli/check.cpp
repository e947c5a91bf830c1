// isamorph check: re-check a certificate.
#include "cli/common.h"

#include "semantics/source.h"
#include "verify/certificate.h"
#include "verify/checker/checker.h"
#include "verify/outside_solver.h"
#include "verify/smt.h"

#include <fmt/format.h>
#include <iostream>

namespace isamorph::cli {
namespace {

struct CheckOptions {
  std::string certificate, solver;
  double time_limit = 60;
  bool exhaustive = false, json = false;
};

verify::Solver solver_of(const CheckOptions &options) {
  auto limit_ms = static_cast<unsigned>(std::min(options.time_limit * 1000, 4e9));
  if (!options.solver.empty())
    return verify::outside_solver(options.solver, {limit_ms, &interrupted()});
  verify::SmtOptions how;
  how.timeout_ms = limit_ms;
  how.interrupt = &interrupted();
  how.isolated = true;
  return verify::built_in_solver(how);
}

int run(const CheckOptions &options) {
  Stopwatch watch;
  verify::CheckOptions how;
  std::size_t asked = 0;
  bool outside = !options.solver.empty(), cannot_run = false;
  how.solver = [&, solver = solver_of(options)](const verify::Obligation &obligation) {
    ++asked;
    verify::SmtResult result = solver(obligation);
    cannot_run |= outside && result.detail == verify::kCannotRun;
    return result;
  };
  how.obligations_folder = verify::obligations_folder(options.certificate);
  how.prove_rule = verify::rule_proof;
  how.exhaustive = options.exhaustive;
  how.interrupt = &interrupted();
  verify::CheckReport report =
      verify::check_certificate(semantics::read_source(options.certificate), how);
  if (cannot_run)
    throw semantics::InputError("--solver: '" + options.solver + "' cannot be run");
  if (outside && asked > 0)
    report.steps.push_back(fmt::format("{} obligations put to '{}'", asked, options.solver));
  else if (outside && report.accepted)
    report.steps.push_back("nothing rests on an obligation: '" + options.solver +
                           "' was not needed, and not started");
  std::string verdict = report.accepted ? "accepted" : report.undecided ? "unknown" : "refused";
  if (options.json) {
    Json json = {{"verdict", verdict}, {"level", report.level}, {"steps", report.steps}};
    if (!report.accepted)
      json["reason"] = report.reason;
    if (report.has_bound) {
      json["cost"] = report.cost;
      json["bound"] = report.bound;
      json["gap"] = report.cost - report.bound;
    }
    json["seconds"] = watch.json();
    print_json(json);
  } else {
    for (const std::string &step : report.steps)
      fmt::print("ok: {}\n", step);
    fmt::print("{}\n", report.accepted ? verdict : verdict + ": " + report.reason);
  }
  return report.accepted ? kDone : report.undecided ? kUnknown : kDifferent;
}

} // namespace

void add_check(CLI::App &app, Context &context) {
  CLI::App *command = app.add_subcommand("check", "Re-check a certificate from its text alone");
  auto options = std::make_shared<CheckOptions>();
  command->add_option("CERTIFICATE", options->certificate, "JSON, as written by synth and verify")
      ->required();
  command
      ->add_option("--solver", options->solver,
                   "Ask this SMT-LIB solver, for example \"cvc5 --fp-exp\"; a file's name follows")
      ->type_name("CMD");
  command
      ->add_option("--time-limit", options->time_limit,
                   "Seconds for each obligation; then the answer is unknown")
      ->type_name("S")
      ->capture_default_str()
      ->check(not_negative());
  command->add_flag("--exhaustive", options->exhaustive,
                    "Enumerate also what takes minutes (2^32 cases)");
  command->add_flag("--json", options->json, "Print one JSON object on standard output");
  command->footer(example(
      "  isamorph synth corpus/qkv/attention.hlo --isa qkv --certificate proof.json\n"
      "  isamorph check proof.json\n  isamorph check proof.json --solver \"cvc5 --fp-exp\""));
  command->callback([options, &context] { context.status = run(*options); });
}

} // namespace isamorph::cli
