// Placing the published instances of live ranges, with everything on and with each technique off.
// The data is looked for in $ISAMORPH_DATA/allocation; without it there is nothing to measure.

#include "search/allocation.h"
#include "search/allocation_csv.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

using namespace isamorph;
using namespace isamorph::search;

namespace {

constexpr std::int64_t kCapacity = 1048576;
constexpr std::uint64_t kAblationSteps = 300'000;

struct Technique {
  const char *name;
  bool AllocationSwitches::*on;
};
constexpr Technique kTechniques[] = {{"common_divisor", &AllocationSwitches::common_divisor},
                                     {"maximal_sections", &AllocationSwitches::maximal_sections},
                                     {"decomposition", &AllocationSwitches::decomposition},
                                     {"section_inference", &AllocationSwitches::section_inference},
                                     {"support", &AllocationSwitches::support},
                                     {"passing", &AllocationSwitches::passing},
                                     {"dominance", &AllocationSwitches::dominance},
                                     {"symmetry", &AllocationSwitches::symmetry},
                                     {"no_goods", &AllocationSwitches::no_goods},
                                     {"restarts", &AllocationSwitches::restarts},
                                     {"portfolio", &AllocationSwitches::portfolio}};

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
  const char *override_path = std::getenv("ISAMORPH_DATA");
  std::filesystem::path data =
      override_path ? std::filesystem::path(override_path)
                    : std::filesystem::path(ISAMORPH_SOURCE_DIR) / ".." / "shared" / "data";
  data /= "allocation";
  std::vector<std::filesystem::path> files;
  if (std::filesystem::exists(data))
    for (const auto &entry : std::filesystem::directory_iterator(data))
      if (entry.path().extension() == ".csv")
        files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const auto &file : files) {
    for (int jobs : {1, 2}) {
      AllocationOptions options;
      options.jobs = jobs;
      add("allocate/jobs:" + std::to_string(jobs), file, options);
    }
    for (const Technique &technique : kTechniques) {
      AllocationOptions options;
      options.switches.*technique.on = false;
      options.max_steps = kAblationSteps;
      add(std::string("allocate/without:") + technique.name, file, options);
    }
  }
  return true;
}();

} // namespace
