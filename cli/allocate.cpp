// isamorph allocate: place live ranges in memory.
#include "cli/common.h"

#include "search/allocation_csv.h"
#include "search/allocation_minimal.h"
#include "search/allocation_validator.h"
#include "semantics/output_files.h"
#include "semantics/source.h"

#include <fmt/format.h>

namespace isamorph::cli {
namespace {

using search::AllocationProblem;
using search::AllocationResult;
using Status = AllocationResult::Status;

struct AllocateOptions {
  std::string file, output;
  std::optional<std::int64_t> capacity;
  double time_limit = search::AllocationOptions().seconds;
  int jobs = 1;
  bool json = false;
};

search::AllocationOptions search_options(const AllocateOptions &options) {
  search::AllocationOptions how;
  how.jobs = options.jobs;
  how.seconds = options.time_limit;
  how.interrupt = &interrupted();
  how.progress = [](const search::AllocationProgress &progress) {
    show_progress(fmt::format("height {}: {} steps", progress.height, progress.steps));
  };
  return how;
}

const char *name(Status status) {
  return status == Status::Placed       ? "placed"
         : status == Status::Infeasible ? "infeasible"
                                        : "unknown";
}

void print(const AllocateOptions &options, const AllocationProblem &problem,
           const AllocationResult &result, const search::InfeasibleSubset &subset,
           const Stopwatch &watch) {
  if (options.json) {
    Json json = {{"status", name(result.status)}};
    if (!result.places.empty() || result.status == Status::Placed) {
      json["height"] = result.heights[0];
      json["offsets"] = Json::object();
      for (std::size_t i = 0; i < problem.items.size(); ++i)
        json["offsets"][problem.items[i].id] = result.places[i].offset;
    }
    if (result.status == Status::Infeasible) {
      json["subset"] = Json::array();
      for (std::uint32_t i : subset.items)
        json["subset"].push_back(problem.items[i].id);
      json["subset_is_minimal"] = subset.irreducible;
    }
    if (result.status == Status::Unknown)
      json["stopped_by"] = result.stopped_by;
    json["bound"] = result.bounds[0];
    json["steps"] = result.steps;
    json["seconds"] = watch.json();
    print_json(json);
    return;
  }
  for (std::size_t i = 0; i < result.places.size(); ++i)
    fmt::print("{} at {}\n", problem.items[i].id, result.places[i].offset);
  if (result.status == Status::Placed)
    fmt::print("placed: height {}, at least {}\n", result.heights[0], result.bounds[0]);
  if (result.status == Status::Unknown)
    fmt::print("unknown: {}; the height is at least {}{}\n", result.stopped_by, result.bounds[0],
               result.places.empty() ? "" : fmt::format(", {} found", result.heights[0]));
  if (result.status == Status::Infeasible) {
    std::vector<std::string> ids;
    for (std::uint32_t i : subset.items)
      ids.push_back(problem.items[i].id);
    fmt::print("infeasible: these cannot be placed{}: {}\n",
               subset.irreducible ? ", but can without any one of them" : "", semantics::join(ids));
  }
}

int run(const AllocateOptions &options) {
  Stopwatch watch;
  watch.start("read");
  AllocationProblem problem = search::parse_allocation_csv(
      semantics::read_source(options.file), options.capacity.value_or(std::int64_t{0}));
  if (!options.output.empty())
    semantics::check_writable(options.output);
  search::AllocationOptions how = search_options(options);
  watch.start("place");
  AllocationResult result =
      options.capacity ? search::allocate(problem, how) : search::minimum_height(problem, 0, how);
  search::InfeasibleSubset subset;
  if (result.status == Status::Infeasible) {
    watch.start("explain");
    how.seconds -= watch.total();
    subset = search::minimal_infeasible_subset(problem, how);
  }
  watch.stop();
  clear_progress();
  if (!result.places.empty()) {
    AllocationProblem placed = problem;
    if (!options.capacity)
      placed.buffers[0].capacity = result.heights[0];
    std::string wrong = search::check_placement(placed, result.places);
    if (!wrong.empty())
      throw std::logic_error("allocation: " + wrong);
    if (!options.output.empty())
      semantics::write_file_atomically(options.output,
                                       search::print_allocation_csv(problem, result.places));
  }
  print(options, problem, result, subset, watch);
  return result.status == Status::Placed       ? kDone
         : result.status == Status::Infeasible ? kDifferent
                                               : kUnknown;
}

} // namespace

void add_allocate(CLI::App &app, Context &context) {
  CLI::App *command =
      app.add_subcommand("allocate", "Place live ranges in memory, or prove that they do not fit");
  auto options = std::make_shared<AllocateOptions>();
  command->add_option("FILE", options->file, "CSV with the columns id,lower,upper,size[,alignment]")
      ->required();
  command
      ->add_option("--capacity", options->capacity,
                   "Bytes there are; without it, the least height is found")
      ->check(whole_number())
      ->type_name("N");
  command->add_option("--time-limit", options->time_limit, "Give up after so many seconds")
      ->check(not_negative())
      ->type_name("S");
  add_jobs_option(*command, options->jobs);
  command->add_option("-o,--output", options->output, "Write the CSV with a column `offset`")
      ->type_name("FILE");
  command->add_flag("--json", options->json, "Print one JSON object on standard output");
  command->footer(example(
      "  isamorph allocate tests/fuzz/seeds/allocation/plain.csv --capacity 128 -o placed.csv"));
  command->callback([options, &context] { context.status = run(*options); });
}

} // namespace isamorph::cli
