#pragma once
// Prices of kernels. `count`: instructions; `latency`: the sum of the ISA's latencies; `overlap`:
// units run in parallel, each issues in program order and an instruction also waits until its
// operands are written and the places it overwrites were read: the makespan in cycles.

#include "spec/kernel.h"

#include <functional>

namespace isamorph::costmodel {

enum class CostModel : std::uint8_t { Count, Latency, Overlap };
std::string_view name(CostModel model);
std::optional<CostModel> cost_model(std::string_view name);
std::vector<std::string> cost_model_names();

/// Price of one instruction under a model that is a sum (Overlap: its latency).
std::int64_t instruction_cost(const spec::Instruction &instruction,
                              const semantics::Bindings &attributes, CostModel model);

/// When each instruction that a kernel runs (each of spec::unrolled) starts and ends under
/// `overlap`, in cycles.
struct Interval {
  std::uint32_t unit;
  std::int64_t start, end;
};
std::vector<Interval> schedule(const spec::Isa &isa, const spec::Kernel &kernel);

/// When the last instruction ends. `stop` is asked now and then, with when the last one ends so
/// far; nullopt if it said yes.
std::optional<std::int64_t> makespan(const spec::Isa &isa, const spec::Kernel &kernel,
                                     const std::function<bool(std::int64_t)> &stop);

/// Of all instructions that run. Under a model that is a sum, those of a loop are walked only where
/// its variable changes their price. Throws InputError where the sum leaves 64 bits.
std::int64_t cost(const spec::Isa &isa, const spec::Kernel &kernel, CostModel model);

/// Chrome trace JSON (chrome://tracing, Perfetto): one row a unit, one microsecond a cycle.
std::string chrome_trace(const spec::Isa &isa, const spec::Kernel &kernel);

} // namespace isamorph::costmodel
