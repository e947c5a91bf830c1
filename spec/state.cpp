#include "spec/state.h"

#include "spec/unroll.h"

#include <algorithm>
#include <cassert>
#include <map>

namespace isamorph::spec {
namespace {

using semantics::Bindings;
using semantics::IntOp;

/// The expression with variables replaced by expressions.
IntExpr replaced(const IntExpr &expression, std::span<const IntExpr> by) {
  if (expression.op() == IntOp::Constant)
    return expression;
  if (expression.op() == IntOp::Variable)
    return by[expression.variable_index()];
  std::vector<IntExpr> arguments;
  for (const IntExpr &argument : expression.arguments())
    arguments.push_back(replaced(argument, by));
  return IntExpr::make(expression.op(), std::move(arguments));
}

void replace_in(Region &region, std::span<const IntExpr> by) {
  for (IntExpr &start : region.starts)
    start = replaced(start, by);
  for (IntExpr &extent : region.extents)
    extent = replaced(extent, by);
  if (region.steps)
    region.steps = Steps{replaced(region.steps->count, by), replaced(region.steps->distance, by)};
}

void replace_in(semantics::TemplateNode &node, std::span<const IntExpr> by) {
  for (auto &[key, values] : node.attributes)
    for (IntExpr &value : values)
      value = replaced(value, by);
  for (IntExpr &size : node.shape.dims)
    size = replaced(size, by);
  if (node.literal_value)
    node.literal_value = replaced(*node.literal_value, by);
}

bool has_steps(const Instruction &way) {
  return std::any_of(way.reads.begin(), way.reads.end(),
                     [](const Read &read) { return read.region.steps.has_value(); }) ||
         std::any_of(way.writes.begin(), way.writes.end(),
                     [](const Write &write) { return write.region.steps.has_value(); });
}

/// One arm of an instruction, standing alone.
class ArmMaker {
public:
  ArmMaker(const Isa &isa, const Instruction &instruction) : isa_(isa), instruction_(instruction) {
    std::uint32_t v = 0;
    for (const std::string &name : instruction.symbols.integers.names)
      found_.push_back(IntExpr::variable(v++, name));
    for (std::size_t s = instruction.state_count; s < isa.state.size(); ++s)
      found_.push_back(IntExpr::variable(v++, isa.state[s].name));
    seen_ = after(instruction.before, found_);
  }

  Instruction make(std::size_t way) const {
    std::span<const Instruction> ways = instruction_.ways();
    Instruction arm = ways[way];
    arm.arms.clear();
    for (std::size_t s = arm.state_count; s < isa_.state.size(); ++s)
      arm.symbols.integers.add(isa_.state[s].name);
    arm.state_count = static_cast<std::uint32_t>(isa_.state.size());
    for (Read &read : arm.reads) {
      replace_in(read.region, seen_);
      for (IntExpr &size : read.shape.dims)
        size = replaced(size, seen_);
    }
    for (Write &write : arm.writes)
      replace_in(write.region, seen_);
    for (semantics::TemplateNode &node : arm.body.nodes)
      replace_in(node, seen_);
    arm.cost.latency = replaced(arm.cost.latency, seen_);
    arm.cost.bytes = replaced(arm.cost.bytes, seen_);
    add_conditions(arm, ways.first(way));
    set_updates(arm);
    return arm;
  }

private:
  /// What variables are after updates, where they were `before`.
  std::vector<IntExpr> after(std::span<const Update> updates, std::vector<IntExpr> before) const {
    std::vector<IntExpr> out = before;
    for (const Update &update : updates)
      out[instruction_.attribute_count() + update.variable] = replaced(update.value, before);
    return out;
  }

  /// Its own, and that no earlier one holds.
  void add_conditions(Instruction &arm, std::span<const Instruction> earlier) const {
    auto add = [&](IntExpr condition) {
      if (condition.is_constant() && condition.value() != 0)
        return;
      arm.constraint_texts.push_back(condition.to_string());
      arm.constraints.push_back(std::move(condition));
    };
    for (const Instruction &other : earlier)
      add(IntExpr::make(IntOp::Not, {replaced(other.guard, seen_)}));
    add(replaced(arm.guard, seen_));
    arm.guard = replaced(arm.guard, seen_);
  }

  void set_updates(Instruction &arm) const {
    std::vector<IntExpr> last = after(arm.after, seen_);
    std::vector<Update> net;
    for (std::uint32_t s = 0; s < isa_.state.size(); ++s) {
      std::size_t v = instruction_.attribute_count() + s;
      if (!(last[v] == found_[v]))
        net.push_back({s, last[v], location_of(arm, s)});
    }
    arm.before.clear();
    arm.after = std::move(net);
  }

  static semantics::Location location_of(const Instruction &arm, std::uint32_t variable) {
    for (const auto *updates : {&arm.after, &arm.before})
      for (const Update &update : *updates)
        if (update.variable == variable)
          return update.location;
    return arm.location;
  }

  const Isa &isa_;
  const Instruction &instruction_;
  std::vector<IntExpr> found_, seen_; ///< by symbol: as the arm finds it, and as its body sees it
};

/// A body in the making, whose nodes are those of another one with some put in between.
class BodyEditor {
public:
  explicit BodyEditor(const semantics::GraphTemplate &from) : from_(from) {
    out_.name = from.name;
  }

  /// A parameter of this name and shape; its node.
  std::uint32_t parameter(const std::string &name, semantics::ShapeTemplate shape) {
    semantics::TemplateNode node = from_.nodes[from_.parameters[0]];
    node.name = name;
    node.shape = std::move(shape);
    node.attributes = {{semantics::AttributeKey::ParameterNumber,
                        {IntExpr(static_cast<std::int64_t>(out_.parameters.size()))}}};
    out_.parameters.push_back(add(std::move(node)));
    return out_.parameters.back();
  }

  std::uint32_t operation(
      semantics::OpCode op, std::vector<std::uint32_t> operands, semantics::ShapeTemplate shape,
      std::vector<std::pair<semantics::AttributeKey, std::vector<IntExpr>>> attributes = {}) {
    semantics::TemplateNode node;
    node.op = op;
    node.operands = std::move(operands);
    node.shape = std::move(shape);
    node.attributes = std::move(attributes);
    node.name = "region." + std::to_string(out_.nodes.size());
    return add(std::move(node));
  }

  /// The nodes that are no parameters. `parameters[p]` stands for parameter number p.
  void copy_rest(const std::vector<std::uint32_t> &parameters) {
    placed_.assign(from_.nodes.size(), 0);
    for (std::size_t p = 0; p < parameters.size(); ++p)
      placed_[from_.parameters[p]] = parameters[p];
    for (std::size_t n = 0; n < from_.nodes.size(); ++n) {
      if (std::find(from_.parameters.begin(), from_.parameters.end(), n) != from_.parameters.end())
        continue;
      semantics::TemplateNode node = from_.nodes[n];
      for (std::uint32_t &operand : node.operands)
        operand = placed_[operand];
      placed_[n] = add(std::move(node));
    }
  }

  std::uint32_t result(std::size_t number) const { return placed_[from_.results[number]]; }
  void add_result(std::uint32_t node) { out_.results.push_back(node); }
  semantics::GraphTemplate take() { return std::move(out_); }

private:
  std::uint32_t add(semantics::TemplateNode node) {
    out_.nodes.push_back(std::move(node));
    return static_cast<std::uint32_t>(out_.nodes.size() - 1);
  }

  const semantics::GraphTemplate &from_;
  semantics::GraphTemplate out_;
  std::vector<std::uint32_t> placed_;
};

/// An arm with its regions with steps made plain ones: `count` of them each, for constant counts;
/// or one each where the extent is the distance.
class StepRemover {
public:
  using Counts = std::vector<std::int64_t>; ///< of the regions with steps, in order

  StepRemover(const Instruction &arm, const Counts *counts) : arm_(arm), counts_(counts) {}

  Instruction result() {
    Instruction out = arm_;
    out.reads.clear();
    out.writes.clear();
    if (arm_.reads.empty() && arm_.writes.empty())
      return out;
    BodyEditor body(arm_.body);
    std::vector<std::uint32_t> parameters;
    for (const Read &read : arm_.reads)
      parameters.push_back(add_read(read, out, body));
    body.copy_rest(parameters);
    for (std::size_t w = 0; w < arm_.writes.size(); ++w)
      add_write(w, out, body);
    out.body = body.take();
    return out;
  }

private:
  struct Piece {
    Region region;
    semantics::ShapeTemplate shape, layer; ///< of the piece, and of it within the whole
    std::int64_t number;
  };

  /// `whole` is the shape of the tensor of a region with steps.
  std::vector<Piece> pieces(const Region &region, const semantics::ShapeTemplate &whole) {
    std::vector<Piece> out;
    Region plain = region;
    plain.steps.reset();
    semantics::ShapeTemplate shape = whole, layer = whole;
    shape.dims.erase(shape.dims.begin());
    if (!counts_) {
      plain.extents[0] = IntExpr::make(IntOp::Multiply, {region.steps->count, region.extents[0]});
      shape.dims[0] = plain.extents[0];
      return {{plain, shape, layer, 0}};
    }
    layer.dims[0] = 1;
    std::int64_t count = (*counts_)[next_++];
    for (std::int64_t i = 0; i < count; ++i) {
      plain.starts[0] = IntExpr::make(
          IntOp::Add,
          {region.starts[0], IntExpr::make(IntOp::Multiply, {i, region.steps->distance})});
      out.push_back({plain, shape, layer, i});
    }
    return out;
  }

  std::uint32_t add_read(const Read &read, Instruction &out, BodyEditor &body) {
    if (!read.region.steps) {
      out.reads.push_back(read);
      return body.parameter(read.name, read.shape);
    }
    std::vector<std::uint32_t> layers;
    for (const Piece &piece : pieces(read.region, read.shape)) {
      std::string name = read.name + "." + std::to_string(piece.number);
      out.reads.push_back({name, piece.region, piece.shape});
      layers.push_back(body.operation(semantics::OpCode::Reshape,
                                      {body.parameter(name, piece.shape)}, piece.layer));
    }
    if (layers.size() == 1)
      return layers[0];
    return body.operation(semantics::OpCode::Concatenate, layers, read.shape,
                          {{semantics::AttributeKey::Dimensions, {0}}});
  }

  void add_write(std::size_t index, Instruction &out, BodyEditor &body) {
    const Write &write = arm_.writes[index];
    std::uint32_t whole = body.result(index);
    if (!write.region.steps) {
      out.writes.push_back(write);
      body.add_result(whole);
      return;
    }
    const semantics::ShapeTemplate &shape = arm_.body.nodes[arm_.body.results[index]].shape;
    for (const Piece &piece : pieces(write.region, shape)) {
      std::uint32_t layer = counts_ ? layer_of(whole, piece, body) : whole;
      out.writes.push_back({write.value, piece.region});
      body.add_result(body.operation(semantics::OpCode::Reshape, {layer}, piece.shape));
    }
  }

  static std::uint32_t layer_of(std::uint32_t whole, const Piece &piece, BodyEditor &body) {
    std::vector<IntExpr> starts, limits, strides;
    for (const IntExpr &size : piece.layer.dims) {
      bool first = starts.empty();
      starts.emplace_back(first ? piece.number : 0);
      limits.push_back(first ? IntExpr(piece.number + 1) : size);
      strides.emplace_back(1);
    }
    return body.operation(semantics::OpCode::Slice, {whole}, piece.layer,
                          {{semantics::AttributeKey::SliceStarts, starts},
                           {semantics::AttributeKey::SliceLimits, limits},
                           {semantics::AttributeKey::SliceStrides, strides}});
  }

  const Instruction &arm_;
  const Counts *counts_; ///< null: the extents are the distances
  std::size_t next_ = 0;
};

/// Calls `f` for the steps of an arm's regions.
template <class Function> void each_steps(const Instruction &arm, Function f) {
  for (const Read &read : arm.reads)
    if (read.region.steps)
      f(read.region);
  for (const Write &write : arm.writes)
    if (write.region.steps)
      f(write.region);
}

/// The arm for regions without gaps; the arm that is given becomes the one for all others.
Instruction split_off_dense(Instruction &arm) {
  Instruction dense = StepRemover(arm, nullptr).result();
  IntExpr all = 1;
  each_steps(arm, [&](const Region &region) {
    IntExpr same = IntExpr::make(IntOp::Equal, {region.steps->distance, region.extents[0]});
    all = all == IntExpr(1) ? same : IntExpr::make(IntOp::And, {all, same});
    dense.constraints.push_back(same);
    dense.constraint_texts.push_back(same.to_string());
  });
  dense.guard = arm.guard == IntExpr(1) ? all : IntExpr::make(IntOp::And, {arm.guard, all});
  arm.constraints.push_back(IntExpr::make(IntOp::Not, {all}));
  arm.constraint_texts.push_back(arm.constraints.back().to_string());
  return dense;
}

[[noreturn]] void fail_at(const semantics::Location &where, const std::string &message) {
  if (where.source)
    semantics::fail(where, message);
  throw semantics::InputError(message);
}

/// Makes the ISA and the kernel of Resolved.
class Resolver {
public:
  Resolver(const Isa &isa, const Kernel &kernel)
      : kernel_(kernel), control_(isa), isa_(control_.arms().isa) {
    isa_.state.clear();
    for (Instruction &arm : isa_.instructions) {
      arm.state_count = 0;
      arm.after.clear();
      arm.guard = 1;
      used_.push_back(used_by(arm));
    }
  }

  Kernel run() {
    if (kernel_.loops.empty())
      return unrolled_kernel();
    std::vector<std::optional<KernelInstruction>> same(kernel_.instructions.size());
    bool uniform = true;
    for_each_instance(kernel_, [&](const Instance &instance) {
      if (!uniform)
        return;
      auto &known = same[instance.index];
      KernelInstruction now = step(instance.call);
      if (known && (known->instruction != now.instruction || !same_state(*known, now)))
        uniform = false;
      if (!known)
        known = std::move(now);
    });
    if (!uniform)
      return unrolled_kernel();
    Kernel out = kernel_;
    for (std::size_t i = 0; i < out.instructions.size(); ++i) {
      KernelInstruction &call = out.instructions[i];
      call.instruction = same[i]->instruction;
      call.attributes.insert(call.attributes.end(),
                             same[i]->attributes.begin() + static_cast<std::ptrdiff_t>(
                                                               call.attributes.size()),
                             same[i]->attributes.end());
    }
    return out;
  }

  /// What no instruction is any more keeps its number and does nothing.
  Isa take_isa() {
    for (Instruction &arm : isa_.instructions)
      if (has_steps(arm)) {
        arm.reads.clear();
        arm.writes.clear();
        arm.body = {};
      }
    return std::move(isa_);
  }

private:
  Kernel unrolled_kernel() {
    control_.restart();
    Kernel out = kernel_;
    out.loops.clear();
    out.instructions.clear();
    for_each_instance(kernel_, [&](const Instance &instance) {
      out.instructions.push_back(step(instance.call));
    });
    return out;
  }

  bool same_state(const KernelInstruction &a, const KernelInstruction &b) const {
    auto count = static_cast<std::ptrdiff_t>(control_.values().size());
    return std::equal(a.attributes.end() - count, a.attributes.end(), b.attributes.end() - count);
  }

  KernelInstruction step(const KernelInstruction &call) {
    Control::Step now = control_.select(call);
    KernelInstruction out{now.arm, {}, call.location};
    const std::vector<char> &used = used_[now.arm];
    for (std::size_t v = 0; v < now.values.size(); ++v)
      out.attributes.push_back(v < call.attributes.size() || used[v] ? *now.values[v] : 0);
    out.instruction = without_steps(now);
    control_.advance(now);
    return out;
  }

  std::uint32_t without_steps(const Control::Step &step) {
    const Instruction &arm = control_.arms().isa.instructions[step.arm];
    if (!has_steps(arm))
      return step.arm;
    StepRemover::Counts counts;
    each_steps(arm, [&](const Region &region) {
      counts.push_back(region.steps->count.evaluate(step.values).value_or(0));
      if (counts.back() < 1)
        fail_at(arm.location, arm.name + ": a region is repeated at least once");
    });
    auto [known, fresh] = plain_.try_emplace({step.arm, counts}, 0);
    if (fresh) {
      known->second = static_cast<std::uint32_t>(isa_.instructions.size());
      Instruction plain = StepRemover(isa_.instructions[step.arm], &counts).result();
      isa_.instructions.push_back(std::move(plain));
    }
    return known->second;
  }

  /// By symbol: whether what the arm does or costs depends on it.
  static std::vector<char> used_by(const Instruction &arm) {
    std::vector<char> used(arm.symbols.integers.names.size(), 0);
    auto note = [&](const IntExpr &e) { e.for_each_variable([&](std::uint32_t v) { used[v] = 1; }); };
    auto note_region = [&](const Region &region) {
      std::for_each(region.starts.begin(), region.starts.end(), note);
      std::for_each(region.extents.begin(), region.extents.end(), note);
      if (region.steps)
        note(region.steps->count), note(region.steps->distance);
    };
    for (const Read &read : arm.reads)
      note_region(read.region);
    for (const Write &write : arm.writes)
      note_region(write.region);
    for (std::uint32_t v : body_variables(arm))
      used[v] = 1;
    note(arm.cost.latency);
    note(arm.cost.bytes);
    return used;
  }

  const Kernel &kernel_;
  Control control_;
  Isa isa_;
  std::vector<std::vector<char>> used_; ///< by arm
  std::map<std::pair<std::uint32_t, StepRemover::Counts>, std::uint32_t> plain_;
};

} // namespace

bool has_control(const Isa &isa) {
  return !isa.state.empty() ||
         std::any_of(isa.instructions.begin(), isa.instructions.end(), [](const Instruction &i) {
           return !i.arms.empty() || has_steps(i);
         });
}

Arms::Arms(const Isa &from) : isa(from) {
  isa.instructions.clear();
  for (std::uint32_t i = 0; i < from.instructions.size(); ++i) {
    first.push_back(static_cast<std::uint32_t>(isa.instructions.size()));
    ArmMaker maker(from, from.instructions[i]);
    for (std::size_t way = 0; way < from.instructions[i].ways().size(); ++way) {
      Instruction arm = maker.make(way);
      if (has_steps(arm))
        isa.instructions.push_back(split_off_dense(arm));
      isa.instructions.push_back(std::move(arm));
    }
    instruction.resize(isa.instructions.size(), i);
  }
  first.push_back(static_cast<std::uint32_t>(isa.instructions.size()));
}

Control::Control(const Isa &isa) : arms_(isa) { restart(); }

void Control::restart() {
  values_.clear();
  for (const StateVariable &variable : arms_.isa.state)
    values_.push_back(variable.initial);
}

Control::Step Control::select(const KernelInstruction &call) const {
  Step step{arms_.first[call.instruction], {call.attributes.begin(), call.attributes.end()}};
  step.values.insert(step.values.end(), values_.begin(), values_.end());
  for (; step.arm < arms_.first[call.instruction + 1]; ++step.arm) {
    const Instruction &arm = arms_.isa.instructions[step.arm];
    auto holds = arm.guard.evaluate(step.values);
    if (!holds)
      fail_at(call.location,
              arm.name + ": condition '" + arm.guard.to_string() + "' has no value");
    if (*holds != 0)
      break;
  }
  assert(step.arm < arms_.first[call.instruction + 1]); // the last arm's guard is 1
  return step;
}

void Control::advance(const Step &step) {
  auto next = state_after(arms_.isa, step.arm, step.values);
  if (next) {
    values_ = std::move(*next);
    return;
  }
  const Instruction &arm = arms_.isa.instructions[step.arm];
  for (const Update &update : arm.after) {
    const StateVariable &variable = arms_.isa.state[update.variable];
    auto value = update.value.evaluate(step.values);
    if (!value || *value < variable.low || *value > variable.high)
      throw semantics::InputError(arm.name + ": state '" + variable.name + "' would become " +
                                  (value ? std::to_string(*value) : "a number without value") +
                                  ", which is not in " + std::to_string(variable.low) + ".." +
                                  std::to_string(variable.high));
  }
}

std::string Control::text() const {
  std::string out;
  for (std::size_t s = 0; s < values_.size(); ++s)
    out += (s ? ", " : "") + arms_.isa.state[s].name + " = " + std::to_string(values_[s]);
  return out;
}

std::optional<std::vector<std::int64_t>> state_after(const Isa &arms, std::uint32_t arm,
                                                     const Bindings &values) {
  std::vector<std::int64_t> out;
  for (std::size_t v = values.size() - arms.state.size(); v < values.size(); ++v)
    out.push_back(*values[v]);
  for (const Update &update : arms.instructions[arm].after) {
    const StateVariable &variable = arms.state[update.variable];
    auto value = update.value.evaluate(values);
    if (!value || *value < variable.low || *value > variable.high)
      return std::nullopt;
    out[update.variable] = *value;
  }
  return out;
}

Resolved::Resolved(const Isa &isa, const Kernel &kernel) : isa_(&isa), kernel_(&kernel) {
  if (!has_control(isa))
    return;
  check_loops(kernel, isa);
  Resolver resolver(isa, kernel);
  own_kernel_ = resolver.run();
  own_isa_ = resolver.take_isa();
}

} // namespace isamorph::spec
