// Placing the published instances of live ranges, with everything on and with each technique off.
// The data is looked for in $ISAMORPH_DATA/allocation; without it there is nothing to measure.

#include "search/allocation.h"
#include "search/allocation_csv.h"
#include "tests/reference_data.h"
#include "tests/search/allocation_switches.h"

#include <benchmark/benchmark.h>

#include <filesystem>

using namespace isamorph;
using namespace isamorph::search;

namespace {

constexpr std::int64_t kCapacity = 1048576;
constexpr std::uint64_t kAblationSteps = 300'000;

void place(benchmark::State &state, const std::filesystem::path &file,
           const AllocationOptions &options) {
  AllocationProblem problem =
      parse_allocation_csv(semantics::read_source(file.string()), kCapacity);
  AllocationResult result;
  for (auto _ : state)
    result = allocate(problem, options);
  state.counters["buffers"] = static_cast<double>(problem.items.size());
  state.counters["steps"] = static_cast<double>(result.steps);
  state.counters["placed"] = result.status == AllocationResult::Status::Placed;
}

void add(const std::string &name, const std::filesystem::path &file,
         const AllocationOptions &options) {
  benchmark::RegisterBenchmark((name + "/" + file.stem().stem().string()).c_str(),
                               [=](benchmark::State &state) { place(state, file, options); })
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime();
}

/// One benchmark for each file and way, registered before main.
const bool kRegistered = [] {
  for (const auto &file : isamorph::test::reference_files("allocation", ".csv")) {
    for (int jobs : {1, 2}) {
      AllocationOptions options;
      options.jobs = jobs;
      add("allocate/jobs:" + std::to_string(jobs), file, options);
    }
    for (const search::test::Technique &technique : search::test::kTechniques) {
      AllocationOptions options;
      options.switches.*technique.on = false;
      options.max_steps = kAblationSteps;
      add(std::string("allocate/without:") + technique.name, file, options);
    }
  }
  return true;
}();

} // namespace
