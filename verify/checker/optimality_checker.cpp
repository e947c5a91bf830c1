#include "verify/checker/optimality_checker.h"

#include "costmodel/cost_model.h"
#include "spec/unroll.h"
#include "verify/checker/landmark_checker.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <set>

namespace isamorph::verify {
namespace {

/// An instruction with its computational attributes: "gemm(n=64)".
std::string instance_text(const spec::KernelInstruction &call, const spec::Isa &isa) {
  const spec::Instruction &instruction = isa.instructions[call.instruction];
  std::string out = instruction.name + "(";
  for (std::uint32_t i = 0; i < instruction.computational; ++i)
    out += fmt::format("{}{}={}", i ? ", " : "", instruction.symbols.integers.names[i],
                       call.attributes[i]);
  return out + ")";
}

/// "gemm(n=64)" of an action's name "gemm(n=64): ...".
std::string instance_of(const std::string &action) {
  return action.substr(0, action.find("): ") + 1);
}

/// Prices of instruction instances under a model; for a makespan, the work of one unit.
class Prices {
public:
  Prices(const spec::Isa &isa, costmodel::CostModel model, std::string unit)
      : isa_(isa), model_(model), unit_(std::move(unit)) {}

  /// Of an action's name; nullopt when it is no instance of an instruction of the ISA.
  std::optional<std::int64_t> of(const std::string &action) const {
    std::string instance = instance_of(action);
    std::size_t open = instance.find('(');
    const spec::Instruction *instruction =
        open == std::string::npos ? nullptr : isa_.find_instruction(instance.substr(0, open));
    if (!instruction)
      return std::nullopt;
    semantics::Bindings attributes = instruction->symbols.integers.unbound();
    std::string_view rest = std::string_view(instance).substr(open + 1);
    for (std::uint32_t i = 0; i < instruction->computational; ++i) {
      std::string before = (i ? ", " : "") + instruction->symbols.integers.names[i] + "=";
      std::int64_t value = 0;
      if (!rest.starts_with(before))
        return std::nullopt;
      rest.remove_prefix(before.size());
      auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
      if (error != std::errc())
        return std::nullopt;
      rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
      attributes[i] = value;
    }
    if (rest != ")")
      return std::nullopt;
    std::int64_t price = costmodel::instruction_cost(*instruction, attributes, model_);
    return unit_.empty() || isa_.units[instruction->cost.unit] == unit_ ? price : 0;
  }

private:
  const spec::Isa &isa_;
  costmodel::CostModel model_;
  std::string unit_;
};

constexpr std::string_view kAsOutput = " as output ";

/// "a in d1, b in d1 -> c in d2 as output 0": an action in words, by the names of its facts. What
/// is stored as a result adds two facts, "c in d2" and "c as output 0".
std::string effect_text(const LandmarkTask::Action &action, const std::vector<std::string> &facts) {
  std::string out;
  for (std::uint32_t need : action.needs)
    out += (out.empty() ? "" : ", ") + facts[need];
  out += " -> ";
  bool first = true;
  for (std::uint32_t add : action.adds) {
    std::size_t output = facts[add].rfind(kAsOutput);
    out += output != std::string::npos ? facts[add].substr(output)
           : first                     ? facts[add]
                                       : ", " + facts[add];
    first = false;
  }
  return out;
}

LandmarkTask task_of(const Part &part) {
  LandmarkTask task;
  std::vector<std::string> facts = part.at("facts").texts();
  task.facts = facts.size();
  for (const Part &a : part.at("actions").elements()) {
    a.only({"name", "needs", "adds", "cost"});
    task.actions.push_back({a.at("name").text(), a.at("needs").indices(task.facts),
                            a.at("adds").indices(task.facts), a.at("cost").integer()});
    const LandmarkTask::Action &action = task.actions.back();
    std::string effect = effect_text(action, facts);
    if (action.name != instance_of(action.name) + ": " + effect)
      a.at("name").refuse("by its facts the action is '" + effect + "'");
  }
  task.initial = part.at("initial").indices(task.facts);
  task.goal = part.at("goal").indices(task.facts);
  for (const Part &l : part.at("landmarks").elements()) {
    l.only({"actions", "weight"});
    task.landmarks.push_back(
        {l.at("actions").indices(task.actions.size()), l.at("weight").integer()});
  }
  return task;
}

void check_prices(const Part &part, const LandmarkTask &task, const Prices &prices) {
  std::vector<Part> actions = part.at("actions").elements();
  for (std::size_t a = 0; a < task.actions.size(); ++a) {
    const LandmarkTask::Action &action = task.actions[a];
    auto price = prices.of(action.name);
    if (!price)
      actions[a].at("name").refuse(
          fmt::format("'{}' is no instruction of the ISA with its attributes", action.name));
    if (*price != action.cost)
      actions[a].at("cost").refuse(fmt::format("action '{}' costs {} by the cost model, not {}",
                                               action.name, *price, action.cost));
  }
}

/// The instruction instances of a kernel, each once; however long its loops are, only those on
/// which computational attributes depend are walked.
std::set<std::string> instances_of(const spec::Kernel &kernel, const spec::Isa &isa) {
  std::vector<std::vector<std::uint32_t>> around = spec::enclosing_loops(kernel);
  spec::LoopFlags depends(kernel.instructions.size(), std::vector<char>(kernel.loops.size(), 0));
  for (std::size_t i = 0; i < depends.size(); ++i)
    for (const spec::Stride &stride : kernel.instructions[i].strides)
      if (stride.attribute < isa.instructions[kernel.instructions[i].instruction].computational)
        depends[i][around[i][stride.depth]] = 1;
  std::set<std::string> out;
  spec::for_each_distinct_instance(kernel, depends, [&](const spec::Instance &instance) {
    out.insert(instance_text(instance.call, isa));
  });
  return out;
}

/// The kernel itself is a way through the planning task.
void check_kernel_is_a_plan(const Part &part, const LandmarkTask &task, const spec::Kernel &kernel,
                            const spec::Isa &isa) {
  std::set<std::string> listed, used = instances_of(kernel, isa);
  for (const LandmarkTask::Action &action : task.actions)
    listed.insert(instance_of(action.name));
  for (const std::string &instance : used)
    if (!listed.count(instance))
      part.at("actions").refuse(fmt::format("the kernel's {} is no action", instance));
  std::vector<char> removed;
  for (const LandmarkTask::Action &action : task.actions)
    removed.push_back(used.count(instance_of(action.name)) == 0);
  if (!goal_reachable(task, removed))
    part.at("actions").refuse("the kernel's own instructions do not reach the goal");
}

/// The output that a fact is of, and the byte from which; -1 where it is the whole output.
/// "c as output 0", "r as output 0 from byte 64"
std::pair<std::size_t, std::int64_t> output_of(const std::string &fact) {
  constexpr std::string_view from_byte = " from byte ";
  std::pair<std::size_t, std::int64_t> none{~std::size_t{0} - 1, -1}, out = none;
  std::size_t at = fact.rfind(kAsOutput);
  if (at == std::string::npos)
    return none;
  const char *text = fact.data() + at + kAsOutput.size(), *end = fact.data() + fact.size();
  auto number = std::from_chars(text, end, out.first);
  std::string_view rest(number.ptr, static_cast<std::size_t>(end - number.ptr));
  out.second = -1;
  if (number.ec != std::errc() || (!rest.empty() && !rest.starts_with(from_byte)))
    return none;
  if (rest.empty())
    return out;
  auto byte = std::from_chars(rest.data() + from_byte.size(), end, out.second);
  return byte.ec == std::errc() && byte.ptr == end && out.second >= 0 ? out : none;
}

/// At first, values lie in off-chip memory; at last, every output of the kernel is there, as a
/// whole or in pieces.
void check_ends(const Part &part, const LandmarkTask &task, const spec::Kernel &kernel,
                const spec::Isa &isa) {
  std::vector<std::string> facts = part.at("facts").texts();
  std::string off_chip = " in " + isa.buffer(isa.off_chip).name;
  for (std::size_t i = 0; i < task.initial.size(); ++i)
    if (!facts[task.initial[i]].ends_with(off_chip))
      part.at("initial").elements()[i].refuse("'" + facts[task.initial[i]] +
                                              "' is no value in off-chip memory");
  std::size_t outputs = 0;
  std::int64_t last = -1; // byte of the output before; -1 after one that is wanted as a whole
  for (std::size_t i = 0; i < task.goal.size(); ++i) {
    const std::string &fact = facts[task.goal[i]];
    auto [output, byte] = output_of(fact);
    bool next = output == outputs && byte <= 0,
         more = output + 1 == outputs && last >= 0 && byte > last;
    if (!next && !more)
      part.at("goal").elements()[i].refuse(fmt::format("'{}' is not output {}", fact, outputs));
    outputs += next;
    last = byte;
  }
  if (outputs != kernel.outputs.size())
    part.at("goal").refuse(
        fmt::format("{} outputs are wanted of a kernel of {}", outputs, kernel.outputs.size()));
}

std::string unit_of(const Part &part, const spec::Isa &isa, costmodel::CostModel model) {
  bool overlap = model == costmodel::CostModel::Overlap;
  if (overlap != part.has("unit"))
    part.refuse(overlap ? "a makespan is bounded by the work of a unit; $.optimality.unit is absent"
                        : "only a makespan is bounded by the work of a unit");
  if (!overlap)
    return {};
  const std::string &unit = part.at("unit").text();
  if (std::find(isa.units.begin(), isa.units.end(), unit) == isa.units.end())
    part.at("unit").refuse("'" + unit + "' is no unit of the ISA");
  return unit;
}

} // namespace

OptimalityFinding check_optimality(const Part &part, const spec::Kernel &kernel,
                                   const spec::Isa &isa) {
  part.only({"model", "unit", "cost", "bound", "landmark_bound", "facts", "actions", "initial",
             "goal", "landmarks", "saturation"});
  OptimalityFinding out;
  out.model = part.at("model").text();
  auto model = costmodel::cost_model(out.model);
  if (!model)
    part.at("model").refuse("unknown cost model '" + out.model + "'");
  std::string unit = unit_of(part, isa, *model);
  out.cost = costmodel::cost(isa, kernel, *model);
  std::int64_t cost = part.at("cost").integer(), bound = part.at("bound").integer();
  out.bound = part.at("landmark_bound").integer();
  LandmarkTask task = task_of(part);
  if (out.cost != cost)
    part.at("cost").refuse(fmt::format("the kernel costs {}, not {}", out.cost, cost));
  check_ends(part, task, kernel, isa);
  check_prices(part, task, Prices(isa, *model, unit));
  check_kernel_is_a_plan(part, task, kernel, isa);
  std::string wrong = check_landmarks(task, out.bound);
  if (!wrong.empty())
    part.refuse(wrong);
  if (bound > cost || bound < out.bound)
    part.at("bound").refuse(fmt::format("{} does not lie between the landmarks' {} and the cost {}",
                                        bound, out.bound, cost));
  out.landmarks = task.landmarks.size();
  if (part.has("saturation"))
    out.saturation = part.at("saturation").text();
  return out;
}

} // namespace isamorph::verify
