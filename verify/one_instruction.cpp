#include "verify/one_instruction.h"

#include "semantics/evaluator.h"
#include "spec/unroll.h"
#include "verify/region_elements.h"

#include <algorithm>

namespace isamorph::verify {

using semantics::Bindings;
using semantics::Tensor;

spec::Isa alone(spec::Isa isa, const std::string &name) {
  std::erase_if(isa.instructions,
                [&](const spec::Instruction &instruction) { return instruction.name != name; });
  return isa;
}

namespace {

bool hold(const std::vector<spec::IntExpr> &conditions, const Bindings &values) {
  for (const spec::IntExpr &condition : conditions)
    if (condition.evaluate(values).value_or(0) == 0)
      return false;
  return true;
}

} // namespace

OneInstruction::OneInstruction(const spec::Isa &isa, const std::string &name)
    : isa_(alone(isa, name)), arms_(isa_) {}

std::optional<OneInstruction::Execution>
OneInstruction::prepare(const std::vector<std::int64_t> &attributes,
                        const std::vector<std::int64_t> &state) {
  Execution out;
  out.values.assign(attributes.begin(), attributes.end());
  out.values.insert(out.values.end(), state.begin(), state.end());
  while (arms_.isa.instructions[out.arm].guard.evaluate(out.values) == 0)
    ++out.arm; // the last one's is 1
  const spec::Instruction &arm = arms_.isa.instructions[out.arm];
  auto next = spec::state_after(arms_.isa, out.arm, out.values);
  if (!hold(arm.constraints, out.values) || !next)
    return std::nullopt;
  out.state = std::move(*next);
  auto add = [&](const spec::Region &region, std::vector<std::vector<Element>> &to) {
    auto found = elements(region, out.values);
    if (found)
      to.push_back(std::move(*found));
    return found.has_value();
  };
  for (const spec::Read &read : arm.reads)
    if (!add(read.region, out.reads))
      return std::nullopt;
  for (const spec::Write &write : arm.writes)
    if (!add(write.region, out.writes))
      return std::nullopt;
  return out;
}

std::optional<std::vector<Element>> OneInstruction::elements(const spec::Region &region,
                                                             const Bindings &values) const {
  std::vector<Element> out;
  if (!region.steps)
    return add_box(region, 0, values, out) ? std::optional(std::move(out)) : std::nullopt;
  auto count = region.steps->count.evaluate(values),
       distance = region.steps->distance.evaluate(values);
  if (!count || !distance || *count < 1)
    return std::nullopt;
  for (std::int64_t i = 0, shift = 0; i < *count; ++i) {
    if (!add_box(region, shift, values, out) || __builtin_add_overflow(shift, *distance, &shift))
      return std::nullopt;
  }
  return out;
}

/// False when it leaves the buffer or is larger than what is run here.
bool OneInstruction::add_box(const spec::Region &region, std::int64_t shift, const Bindings &values,
                             std::vector<Element> &out) const {
  constexpr std::int64_t largest = std::int64_t{1} << 18;
  auto box = spec::instantiate(region, values);
  const spec::Buffer &buffer = isa_.buffer(region.buffer);
  if (!box ||
      (!box->starts.empty() && __builtin_add_overflow(box->starts[0], shift, &box->starts[0])))
    return false;
  std::int64_t elements = buffer.unit_elements();
  for (std::size_t d = 0; d < box->starts.size(); ++d) {
    std::int64_t size = buffer.off_chip ? spec::kMaxOffChipBytes : buffer.addressed[d],
                 start = box->starts[d], extent = box->extents[d];
    if (start < 0 || extent < 0 || extent > size || start > size - extent ||
        extent > largest / std::max<std::int64_t>(1, elements))
      return false;
    elements *= extent;
  }
  for_each_element(buffer, *box, [&](std::int64_t e) { out.push_back({region.buffer, e}); });
  return true;
}

const semantics::TensorGraph &OneInstruction::body(const Execution &execution) {
  const spec::Instruction &arm = arms_.isa.instructions[execution.arm];
  std::pair<std::uint32_t, Bindings> key{execution.arm, {}};
  for (std::uint32_t v : spec::body_variables(arm))
    key.second.push_back(execution.values[v]);
  auto [found, added] = bodies_.try_emplace(std::move(key));
  if (added)
    found->second = spec::instantiate_body(arm, execution.values);
  return found->second;
}

Elements OneInstruction::run(const Execution &execution,
                             const std::function<std::uint64_t(const Element &)> &contents) {
  const semantics::TensorGraph &body = this->body(execution);
  std::vector<Tensor> inputs;
  for (std::size_t r = 0; r < execution.reads.size(); ++r) {
    inputs.emplace_back(body[body.parameters[r]].shape);
    for (std::size_t e = 0; e < execution.reads[r].size(); ++e)
      inputs.back().set_bits(static_cast<std::int64_t>(e), contents(execution.reads[r][e]));
  }
  std::vector<Tensor> results = semantics::evaluate(body, inputs, isa_.numerics);
  Elements out;
  for (std::size_t w = 0; w < execution.writes.size(); ++w)
    for (std::size_t e = 0; e < execution.writes[w].size(); ++e)
      out[execution.writes[w][e]] = results[w].bits(static_cast<std::int64_t>(e));
  return out;
}

std::string OneInstruction::text(const Element &element) const {
  const spec::Buffer &buffer = isa_.buffer(element.buffer);
  auto position = [](std::int64_t index, std::span<const std::int64_t> sizes) {
    std::vector<std::int64_t> out(sizes.size());
    for (std::size_t d = sizes.size(); d-- > 0; index /= sizes[d])
      out[d] = index % sizes[d];
    return "[" + semantics::join_dims(out) + "]";
  };
  if (buffer.off_chip)
    return buffer.name + "[" + std::to_string(element.index) + "]";
  std::int64_t unit = buffer.unit_elements();
  std::string out = buffer.name;
  if (!buffer.addressed.empty())
    out += position(element.index / unit, buffer.addressed);
  return buffer.unit.empty() ? out : out + position(element.index % unit, buffer.unit);
}

} // namespace isamorph::verify
