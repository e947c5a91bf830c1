#include "cli/debugger.h"

#include "semantics/evaluator.h"
#include "semantics/hlo.h"
#include "semantics/output_files.h"
#include "sim/place.h"
#include "spec/unroll.h"

#include <algorithm>
#include <fmt/format.h>

namespace isamorph::cli {

using semantics::InputError;
using semantics::Tensor;

namespace {

semantics::Cursor option_cursor(const std::string &option, const std::string &text) {
  return semantics::Cursor(semantics::make_source(option, text));
}

void expect_end(semantics::Cursor &cursor) {
  if (!cursor.at_end())
    cursor.error_expected("the end");
}

/// Off-chip memory up to the end of the last input or constant, as the kernel finds it: one move
/// may take several of them.
Tensor given_bytes(const spec::Kernel &kernel, std::span<const Tensor> inputs) {
  std::vector<std::byte> bytes;
  auto place = [&](const spec::Placed &placed, const Tensor &value) {
    auto begin = static_cast<std::size_t>(placed.address), size = value.bytes().size();
    bytes.resize(std::max(bytes.size(), begin + size));
    std::ranges::copy(value.bytes(), bytes.begin() + placed.address);
  };
  for (std::size_t i = 0; i < inputs.size(); ++i)
    place(kernel.inputs[i], inputs[i]);
  for (const spec::Placed &constant : kernel.constants)
    place(constant, *constant.value);
  auto size = static_cast<std::int64_t>(bytes.size());
  return {{semantics::ElementType::U8, {size}}, std::move(bytes)};
}

} // namespace

void add_debug_options(CLI::App &app, DebugOptions &options) {
  app.add_option("--break", options.break_at,
                 "Stop before this instruction: its name, or its number in the order of execution")
      ->type_name("INSTR");
  app.add_option("--dump", options.dumps,
                 "Show a place, as d1[0:64] (first place : how many), or a state variable, after "
                 "instruction N (else at the end), or write it to a file")
      ->type_name("PLACE[@N][=FILE]")
      ->expected(1, -1);
  app.add_option("--watch", options.watches,
                 "Show a place whenever an instruction writes it, a state variable whenever it "
                 "changes")
      ->type_name("PLACE")
      ->expected(1, -1);
  app.add_option("--trap", options.traps, "Stop at the first result that is not finite: nan, inf")
      ->check(CLI::IsMember({"nan", "inf"}))
      ->expected(1, 2);
  app.add_option("--diff", options.diff,
                 "Stop at the first instruction whose result belongs to no value of this graph and "
                 "to no partial sum; at the end, outputs are its results")
      ->type_name("GRAPH");
}

Debugger::Debugger(const DebugOptions &options, const spec::Isa &isa, const spec::Kernel &kernel,
                   std::span<const Tensor> inputs, bool json)
    : isa_(isa), kernel_(kernel), json_output_(json),
      total_(static_cast<std::size_t>(spec::instance_count(kernel))) {
  if (!isa.state.empty())
    control_.emplace(isa);
  if (!options.break_at.empty())
    parse_break(options.break_at);
  for (const std::string &text : options.dumps)
    dumps_.push_back(parse_dump(text));
  for (const std::string &text : options.watches) {
    semantics::Cursor cursor = option_cursor("--watch", text);
    Place place = parse_place(cursor);
    expect_end(cursor);
    const auto *state = std::get_if<StateVariable>(&place);
    watched_.push_back(
        {place, nothing_written(place), state ? std::optional(read(*state)) : std::nullopt});
  }
  for (const std::string &what : options.traps)
    (what == "nan" ? trap_nan_ : trap_infinity_) = true;
  if (options.diff.empty())
    return;
  auto graph = semantics::parse_hlo(semantics::read_source(options.diff));
  values_.emplace(graph, inputs, isa.numerics);
  results_ = semantics::evaluate(graph, inputs, isa.numerics);
  if (!std::ranges::equal(results_, kernel.outputs, {}, &Tensor::shape, &spec::Placed::shape))
    throw InputError(
        fmt::format("--diff: the results of '{}' are not the kernel's outputs", options.diff));
  for (const spec::Placed &constant : kernel.constants)
    values_->add("constant " + constant.name, *constant.value);
  if (kernel.inputs.size() + kernel.constants.size() > 1)
    values_->add("the kernel's inputs", given_bytes(kernel, inputs));
  values_->add_partial_sums(sim::terms_added(isa, kernel));
}

void Debugger::fail_at_number(const semantics::Location &where) const {
  semantics::fail(where,
                  fmt::format("expected a number from 1 to {}: so many instructions does the "
                              "kernel execute",
                              total_));
}

void Debugger::parse_break(const std::string &text) {
  semantics::Cursor cursor = option_cursor("--break", text);
  semantics::Location where = cursor.here();
  if (!cursor.at_number()) {
    break_name_ = cursor.identifier("an instruction's name or number");
    expect_end(cursor);
    std::vector<std::string> known;
    for (const spec::Instruction &instruction : isa_.instructions)
      known.push_back(instruction.name);
    if (!isa_.find_instruction(break_name_))
      semantics::fail(where, fmt::format("{} has no instruction '{}'", isa_.name, break_name_),
                      semantics::suggest(break_name_, known));
    return;
  }
  std::int64_t number = cursor.integer("an instruction's number");
  expect_end(cursor);
  if (number < 1 || static_cast<std::size_t>(number) > total_)
    fail_at_number(where);
  break_number_ = static_cast<std::size_t>(number);
}

Debugger::Place Debugger::parse_place(semantics::Cursor &cursor) const {
  for (std::uint32_t i = 0; i < isa_.state.size(); ++i)
    if (cursor.accept_word(isa_.state[i].name))
      return StateVariable{i};
  return sim::parse_place(cursor, isa_, kernel_.off_chip_bytes);
}

std::optional<WrittenPlaces> Debugger::nothing_written(const Place &place) const {
  const auto *region = std::get_if<spec::ConcreteRegion>(&place);
  return region ? std::optional(WrittenPlaces(*region, isa_, kernel_)) : std::nullopt;
}

void Debugger::mark_written(const sim::Execution &execution) {
  auto mark = [&](auto &shown) {
    if (shown.written)
      for (const spec::ConcreteRegion &write : execution.writes)
        shown.written->mark(write);
  };
  std::ranges::for_each(dumps_, mark);
  std::ranges::for_each(watched_, mark);
}

Tensor Debugger::read(StateVariable variable) const {
  Tensor out({semantics::ElementType::S64, {}});
  out.set_bits(0, static_cast<std::uint64_t>(control_->values()[variable.index]));
  return out;
}

Tensor Debugger::read(const Place &place, const sim::Machine &machine) const {
  const auto *region = std::get_if<spec::ConcreteRegion>(&place);
  return region ? machine.read(*region) : read(std::get<StateVariable>(place));
}

std::string Debugger::text(const Place &place) const {
  const auto *region = std::get_if<spec::ConcreteRegion>(&place);
  return region ? sim::place_text(*region, isa_)
                : "state " + isa_.state[std::get<StateVariable>(place).index].name;
}

Debugger::Dump Debugger::parse_dump(const std::string &text) const {
  semantics::Cursor cursor = option_cursor("--dump", text);
  Place place = parse_place(cursor);
  Dump dump{place, nothing_written(place), 0, {}};
  if (cursor.accept("@")) {
    semantics::Location where = cursor.here();
    std::int64_t number = cursor.integer("an instruction's number");
    if (number < 1 || static_cast<std::size_t>(number) > total_)
      fail_at_number(where);
    dump.after = static_cast<std::size_t>(number);
  }
  if (cursor.accept("=")) {
    dump.file = cursor.rest_of_line();
    if (dump.file.empty())
      cursor.error_expected("a file");
    semantics::check_writable(dump.file);
  }
  expect_end(cursor);
  return dump;
}

bool Debugger::breaks_at(const sim::Execution &execution) const {
  const std::string &name = isa_.instructions[execution.instance.call.instruction].name;
  return break_number_ == execution.number || break_name_ == name;
}

std::vector<Debugger::Write> Debugger::writes(const sim::Execution &execution) const {
  std::vector<Write> out;
  for (const spec::ConcreteRegion &region : execution.writes)
    out.push_back({region, execution.machine.read(region)});
  return out;
}

std::string Debugger::describe(const sim::Execution &execution) const {
  return fmt::format("{} {}", execution.number, spec::to_string(execution.instance.call, isa_));
}

/// " (kernel.txt:12) (t=3)", where the kernel's text says the instruction.
std::string Debugger::where(const sim::Execution &execution) const {
  const semantics::Location &location = execution.instance.call.location;
  if (!location.source)
    return "";
  InputError place(location, "");
  return fmt::format(" ({}:{}){}", place.file(), place.line(),
                     spec::iteration_text(kernel_, execution.instance));
}

void Debugger::report(const std::string &kind, const std::string &text, Json details) {
  if (!json_output_) {
    fmt::print("{}\n", text);
    return;
  }
  Json event{{"kind", kind}};
  event.update(details);
  events_.push_back(std::move(event));
}

void Debugger::show(const Dump &dump, const sim::Machine &machine) {
  Tensor value = read(dump.place, machine);
  std::string place = text(dump.place);
  std::string shape = value.shape().to_string(), missing = missing_text(value, dump.written);
  if (!dump.file.empty()) {
    semantics::write_tensor(dump.file, value);
    report("dump", fmt::format("{} {}{}: {}", place, shape, missing, dump.file),
           {{"place", place},
            {"shape", shape},
            {"never_written", dump.written ? dump.written->missing() : 0},
            {"file", dump.file}});
    return;
  }
  std::string rows = tensor_text(value, dump.written);
  report("dump",
         fmt::format("{} {}{}:\n{}", place, shape, missing, rows.substr(0, rows.size() - 1)),
         {{"place", place}, {"shape", shape}, {"values", values_json(value, dump.written)}});
}

void Debugger::stop(const sim::Execution &execution, int status) {
  stopped_at_ = execution.number;
  status_ = status;
  for (const Dump &dump : dumps_)
    if (dump.after == 0)
      show(dump, execution.machine);
}

bool Debugger::before(const sim::Execution &execution) {
  if (control_)
    step_ = control_->select(execution.instance.call);
  if (!breaks_at(execution))
    return true;
  report("break", fmt::format("break before {}{}", describe(execution), where(execution)),
         {{"instruction", execution.number}, {"text", describe(execution)}});
  stop(execution, kDone);
  return false;
}

bool Debugger::after(const sim::Execution &execution) {
  if (control_)
    control_->advance(*step_);
  mark_written(execution);
  bool last = execution.number == total_;
  for (const Dump &dump : dumps_)
    if (dump.after == execution.number || (last && dump.after == 0))
      show(dump, execution.machine);
  show_watched(execution);
  if (!trap_nan_ && !trap_infinity_ && !values_)
    return true;
  for (const Write &write : writes(execution))
    if (trap(execution, write) || diff(execution, write)) {
      stop(execution, kDifferent);
      return false;
    }
  if (!last || !values_)
    return true;
  if (diff_outputs(execution)) {
    stopped_at_ = execution.number;
    status_ = kDifferent;
    return false;
  }
  report("outputs", "every output is the graph's result", {{"outputs", results_.size()}});
  return true;
}

void Debugger::show_watched(const sim::Execution &execution) {
  if (watched_.empty())
    return;
  std::vector<Write> written = writes(execution);
  for (Watched &watched : watched_) {
    const auto *region = std::get_if<spec::ConcreteRegion>(&watched.place);
    if (region && std::none_of(written.begin(), written.end(),
                               [&](const Write &w) { return sim::overlap(w.region, *region); }))
      continue;
    Tensor value = read(watched.place, execution.machine);
    if (!region && value == watched.last)
      continue;
    std::string place = text(watched.place);
    bool unchanged = watched.last == value;
    std::string rows = tensor_text(value, watched.written), shape = value.shape().to_string();
    report("watch",
           fmt::format("{}{}\n{} {}{}{}:\n{}", describe(execution), where(execution), place, shape,
                       missing_text(value, watched.written), unchanged ? " (unchanged)" : "",
                       rows.substr(0, rows.size() - 1)),
           {{"instruction", execution.number},
            {"place", place},
            {"shape", shape},
            {"values", values_json(value, watched.written)}});
    watched.last = std::move(value);
  }
}

bool Debugger::trap(const sim::Execution &execution, const Write &write) {
  semantics::ElementType type = write.value.shape().type;
  if (!semantics::is_float(type) || (!trap_nan_ && !trap_infinity_))
    return false;
  for (std::int64_t i = 0; i < write.value.elements(); ++i) {
    std::uint64_t bits = write.value.bits(i);
    bool nan = semantics::is_nan(type, bits);
    if (semantics::is_finite(type, bits) || !(nan ? trap_nan_ : trap_infinity_))
      continue;
    std::string place = sim::place_text(write.region, isa_),
                position = element_position(write.value.shape(), i),
                value = semantics::element_text(type, bits);
    report("trap",
           fmt::format("trap: {}{} makes {} at {} of {}", describe(execution), where(execution),
                       value, position, place),
           {{"instruction", execution.number},
            {"text", describe(execution)},
            {"place", place},
            {"position", position},
            {"value", value}});
    return true;
  }
  return false;
}

bool Debugger::diff(const sim::Execution &execution, const Write &write) {
  if (!values_)
    return false;
  std::string place = sim::place_text(write.region, isa_);
  if (auto name = values_->find(write.value)) {
    report("value", fmt::format("{}: {} is {}", describe(execution), place, *name),
           {{"instruction", execution.number}, {"place", place}, {"value", *name}});
    return false;
  }
  std::string text = fmt::format("{}{}: {} belongs to no value of the graph", describe(execution),
                                 where(execution), place);
  Json details{{"instruction", execution.number}, {"text", describe(execution)}, {"place", place}};
  if (auto nearest = values_->nearest(write.value)) {
    semantics::ElementType type = write.value.shape().type;
    text += fmt::format("\nnearest: {}, {} of {} elements differ, first {}: {}, not {}",
                        nearest->name, nearest->mismatches, write.value.elements(),
                        element_position(write.value.shape(), nearest->first),
                        semantics::element_text(type, write.value.bits(nearest->first)),
                        semantics::element_text(type, nearest->value.bits(nearest->first)));
    details["nearest"] = nearest->name;
    details["mismatches"] = nearest->mismatches;
  }
  report("diff", text, details);
  return true;
}

/// Each written part may be right and stand in the wrong place.
bool Debugger::diff_outputs(const sim::Execution &execution) {
  for (std::size_t o = 0; o < results_.size(); ++o) {
    const spec::Placed &output = kernel_.outputs[o];
    Tensor bytes =
        execution.machine.read({isa_.off_chip, {output.address}, {output.shape.bytes()}});
    Tensor actual(output.shape, {bytes.bytes().begin(), bytes.bytes().end()});
    for (std::int64_t i = 0; i < actual.elements(); ++i) {
      semantics::ElementType type = output.shape.type;
      std::uint64_t found = actual.bits(i), expected = results_[o].bits(i);
      if (found == expected ||
          (semantics::is_nan(type, found) && semantics::is_nan(type, expected)))
        continue;
      std::string position = element_position(output.shape, i),
                  text = fmt::format("output {}: {} is {}, not {}", output.name, position,
                                     semantics::element_text(type, found),
                                     semantics::element_text(type, expected));
      report("diff", text, {{"output", output.name}, {"position", position}, {"text", text}});
      return true;
    }
  }
  return false;
}

Json Debugger::json() const {
  Json out{{"events", events_}};
  if (stopped_at_)
    out["stopped_at"] = *stopped_at_;
  return out;
}

} // namespace isamorph::cli
