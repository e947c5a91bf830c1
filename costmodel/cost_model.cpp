#include "costmodel/cost_model.h"

#include "costmodel/buffer_history.h"
#include "spec/state.h"
#include "spec/unroll.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <set>

namespace isamorph::costmodel {
namespace {

constexpr std::array<std::string_view, 3> kNames = {"count", "latency", "overlap"};

spec::ConcreteRegion concrete(const spec::Region &region, const semantics::Bindings &attributes) {
  auto result = spec::instantiate(region, attributes);
  if (!result)
    semantics::fail(region.location, "this region has no value for the attributes of the kernel");
  return *std::move(result);
}

semantics::Bindings bindings(const spec::KernelInstruction &call) {
  return {call.attributes.begin(), call.attributes.end()};
}

} // namespace

std::string_view name(CostModel model) { return kNames[static_cast<std::size_t>(model)]; }

std::optional<CostModel> cost_model(std::string_view wanted) {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == wanted)
      return static_cast<CostModel>(i);
  return std::nullopt;
}

std::vector<std::string> cost_model_names() { return {kNames.begin(), kNames.end()}; }

namespace {

/// Of the latency's variables: "overhead, addr".
std::string unbound_names(const spec::Instruction &instruction,
                          const semantics::Bindings &attributes) {
  std::set<std::string> names;
  instruction.cost.latency.for_each_variable([&](std::uint32_t v) {
    if (!attributes[v])
      names.insert(instruction.symbols.integers.names[v]);
  });
  return fmt::format("{}", fmt::join(names, ", "));
}

} // namespace

std::int64_t instruction_cost(const spec::Instruction &instruction,
                              const semantics::Bindings &attributes, CostModel model) {
  if (model == CostModel::Count)
    return 1;
  auto latency = instruction.cost.latency.evaluate(attributes);
  if (std::string open = unbound_names(instruction, attributes); !latency && !open.empty())
    semantics::fail(instruction.location,
                    fmt::format("the latency of {} depends on {}: state and addresses have no "
                                "value before the kernel is planned, and only kernels that exist "
                                "can be priced with them",
                                instruction.name, open));
  if (!latency || *latency < 0)
    semantics::fail(
        instruction.location,
        fmt::format("the latency of {} is {}", instruction.name,
                    latency ? "negative" : "undefined for the attributes of the kernel"));
  return *latency;
}

namespace {

/// Places instructions one after the other.
class Scheduler {
public:
  Scheduler(const spec::Isa &isa, const spec::Kernel &kernel)
      : isa_(isa), buffers_(isa.buffers.size()), unit_free_(isa.units.size(), 0) {
    std::set<std::uint32_t> used;
    for (const spec::KernelInstruction &call : kernel.instructions)
      used.insert(isa.instructions[call.instruction].cost.unit);
    used_.assign(used.begin(), used.end());
  }

  Interval add(const spec::KernelInstruction &call) {
    const spec::Instruction &instruction = isa_.instructions[call.instruction];
    semantics::Bindings attributes = bindings(call);
    std::vector<Access> accesses;
    for (const spec::Read &read : instruction.reads)
      accesses.push_back({concrete(read.region, attributes), false});
    for (const spec::Write &write : instruction.writes)
      accesses.push_back({concrete(write.region, attributes), true});

    std::uint32_t unit = instruction.cost.unit;
    assert(unit < unit_free_.size());
    std::int64_t start = unit_free_[unit];
    for (const Access &access : accesses)
      start = std::max(start, buffers_[access.region.buffer].ready(access.region, access.write));
    std::int64_t end = start + instruction_cost(instruction, attributes, CostModel::Overlap);
    unit_free_[unit] = end;
    std::int64_t free = end;
    for (std::uint32_t u : used_)
      free = std::min(free, unit_free_[u]);
    for (const Access &access : accesses) {
      BufferHistory &history = buffers_[access.region.buffer];
      history.add(access.region, access.write, end);
      history.forget(free);
    }
    return {unit, start, end};
  }

private:
  struct Access {
    spec::ConcreteRegion region;
    bool write;
  };

  const spec::Isa &isa_;
  std::vector<BufferHistory> buffers_;
  std::vector<std::int64_t> unit_free_;
  std::vector<std::uint32_t> used_; ///< units of the kernel's instructions
};

/// Whether a loop's variable changes the price of an instruction.
bool price_varies(const spec::Instruction &instruction, const spec::KernelInstruction &call,
                  CostModel model) {
  bool varies = false;
  if (model != CostModel::Count)
    instruction.cost.latency.for_each_variable([&](std::uint32_t v) {
      for (const spec::Stride &stride : call.strides)
        varies |= stride.attribute == v;
    });
  return varies;
}

void add_checked(std::int64_t &total, std::int64_t price, std::int64_t times) {
  std::int64_t product = 0;
  if (__builtin_mul_overflow(price, times, &product) ||
      __builtin_add_overflow(total, product, &total))
    throw semantics::InputError("the cost of the kernel does not fit 64 bits");
}

} // namespace

std::vector<Interval> schedule(const spec::Isa &isa, const spec::Kernel &kernel) {
  spec::Resolved resolved(isa, kernel);
  Scheduler scheduler(resolved.isa(), resolved.kernel());
  std::vector<Interval> intervals;
  spec::for_each_instance(resolved.kernel(), [&](const spec::Instance &instance) {
    intervals.push_back(scheduler.add(instance.call));
  });
  return intervals;
}

std::optional<std::int64_t> makespan(const spec::Isa &isa, const spec::Kernel &kernel,
                                     const std::function<bool(std::int64_t)> &stop) {
  struct Stopped {};
  constexpr std::uint64_t kBetween = 4096; // questions
  spec::Resolved resolved(isa, kernel);
  Scheduler scheduler(resolved.isa(), resolved.kernel());
  std::int64_t end = 0;
  std::uint64_t placed = 0;
  try {
    spec::for_each_instance(resolved.kernel(), [&](const spec::Instance &instance) {
      end = std::max(end, scheduler.add(instance.call).end);
      if (++placed % kBetween == 0 && stop(end))
        throw Stopped{};
    });
  } catch (Stopped) {
    return std::nullopt;
  }
  return end;
}

std::int64_t cost(const spec::Isa &given_isa, const spec::Kernel &given, CostModel model) {
  std::int64_t total = 0;
  if (model == CostModel::Overlap)
    return *makespan(given_isa, given, [](std::int64_t) { return false; });
  spec::Resolved resolved(given_isa, given);
  const spec::Isa &isa = resolved.isa();
  const spec::Kernel &kernel = resolved.kernel();
  std::vector<char> varies(kernel.instructions.size(), 0);
  for (std::uint32_t i = 0; i < varies.size(); ++i) {
    const spec::KernelInstruction &call = kernel.instructions[i];
    const spec::Instruction &instruction = isa.instructions[call.instruction];
    varies[i] = price_varies(instruction, call, model);
    if (!varies[i])
      add_checked(total, instruction_cost(instruction, bindings(call), model),
                  spec::instance_count(kernel, i));
  }
  if (std::find(varies.begin(), varies.end(), 1) == varies.end())
    return total;
  spec::for_each_instance(kernel, [&](const spec::Instance &instance) {
    const spec::Instruction &instruction = isa.instructions[instance.call.instruction];
    if (varies[instance.index])
      add_checked(total, instruction_cost(instruction, bindings(instance.call), model), 1);
  });
  return total;
}

std::string chrome_trace(const spec::Isa &isa, const spec::Kernel &kernel) {
  using Json = nlohmann::ordered_json;
  Json events = Json::array();
  for (std::size_t u = 0; u < isa.units.size(); ++u)
    events.push_back({{"name", "thread_name"},
                      {"ph", "M"},
                      {"pid", 0},
                      {"tid", u},
                      {"args", {{"name", isa.units[u]}}}});
  std::vector<Interval> intervals = schedule(isa, kernel);
  std::vector<spec::KernelInstruction> calls = spec::unrolled(kernel).instructions;
  for (std::size_t i = 0; i < intervals.size(); ++i) {
    const spec::KernelInstruction &call = calls[i];
    const spec::Instruction &instruction = isa.instructions[call.instruction];
    Json attributes = Json::object();
    for (std::size_t a = 0; a < call.attributes.size(); ++a)
      attributes[instruction.symbols.integers.names[a]] = call.attributes[a];
    events.push_back({{"name", instruction.name},
                      {"ph", "X"},
                      {"pid", 0},
                      {"tid", intervals[i].unit},
                      {"ts", intervals[i].start},
                      {"dur", intervals[i].end - intervals[i].start},
                      {"args", std::move(attributes)}});
  }
  Json trace{{"displayTimeUnit", "ns"}, {"traceEvents", std::move(events)}};
  return trace.dump(1) + "\n";
}

} // namespace isamorph::costmodel
