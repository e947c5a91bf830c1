#include "semantics/evaluator.h"

#include "semantics/evaluator_kernels.h"
#include "semantics/function_table.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <fmt/format.h>
#include <list>
#include <mutex>
#include <stdexcept>

namespace isamorph::semantics {
namespace {

bool has_16_bit_table(OpCode op, std::span<const ElementType> types, ElementType result) {
  return types.size() == 1 && op != OpCode::Convert && types[0] == result &&
         (result == ElementType::F16 || result == ElementType::BF16);
}

/// A unary function of a 16-bit type, element by element until it was asked for often enough.
struct UnaryTable {
  std::once_flag once;
  std::atomic<std::int64_t> evaluated = 0;
  std::vector<std::uint16_t> values;
};

constexpr std::int64_t kEvaluationsBeforeTable = 1 << 16;

/// Of profiles that say more of single elements than the tables below are numbered by.
UnaryTable &own_slot(OpCode op, ElementType type, NumericsProfile profile) {
  struct Slot {
    OpCode op;
    ElementType type;
    NumericsProfile profile;
    UnaryTable table;
  };
  static std::list<Slot> slots;
  static std::mutex mutex;
  profile.name.clear();
  profile.dot = profile.reduce = {};
  std::lock_guard lock(mutex);
  for (Slot &slot : slots)
    if (slot.op == op && slot.type == type && slot.profile == profile)
      return slot.table;
  Slot &slot = slots.emplace_back();
  slot.op = op;
  slot.type = type;
  slot.profile = std::move(profile);
  return slot.table;
}

UnaryTable &table_slot(OpCode op, ElementType type, const NumericsProfile &profile) {
  if (profile.elementwise != ElementNumerics{} || uses_table(profile, op, type))
    return own_slot(op, type, profile);
  // By operation, type, compute type and treatment of denormals: all that the values depend on.
  static std::array<UnaryTable, static_cast<std::size_t>(kOpCodeCount) * 72> tables;
  ElementType compute = compute_type(profile, type);
  std::size_t index = static_cast<std::size_t>(op);
  index = index * 2 + (type == ElementType::BF16);
  index = index * 3 + (compute == ElementType::F64 ? 2u : compute == ElementType::F32 ? 1u : 0u);
  DenormalUse use = denormal_use(profile, op, type);
  index = index * 2 + use.last_input;
  index = index * 3 + static_cast<std::size_t>(use.results != TinyResults::Keep) +
          (use.results == TinyResults::FlushAfter);
  index = index * 2 + profile.flush_narrowing;
  return tables[index];
}

/// How many elements are computed between two interrupt points.
constexpr std::size_t kBlock = 1 << 16;

std::size_t element_bytes(ElementType type) { return static_cast<std::size_t>(byte_size(type)); }

Tensor elementwise(OpCode op, const Attributes &attributes, std::span<const Tensor *const> operands,
                   const Shape &result, const NumericsProfile &profile) {
  Tensor out(result);
  auto count = static_cast<std::size_t>(out.elements());
  std::array<ElementType, 3> types{};
  std::array<const std::byte *, 3> inputs{};
  std::array<bool, 3> repeated{};
  assert(!operands.empty() && operands.size() <= types.size());
  for (std::size_t i = 0; i < operands.size(); ++i) {
    types[i] = operands[i]->shape().type;
    inputs[i] = operands[i]->bytes().data();
    repeated[i] = operands[i]->elements() == 1;
  }
  std::span<const ElementType> known(types.data(), operands.size());
  if (has_16_bit_table(op, known, result.type)) {
    UnaryTable &slot = table_slot(op, result.type, profile);
    if (slot.evaluated.fetch_add(out.elements(), std::memory_order_relaxed) >=
        kEvaluationsBeforeTable) {
      auto table = unary_table(op, result.type, profile);
      auto in = operands[0]->as<std::uint16_t>();
      auto to = out.as<std::uint16_t>();
      for (std::size_t i = 0; i < count; ++i)
        to[i] = table[in[i]];
      return out;
    }
  }
  for (std::size_t begin = 0; begin < count; begin += kBlock) {
    interrupt_point();
    std::array<const std::byte *, 3> from{};
    for (std::size_t i = 0; i < operands.size(); ++i)
      from[i] = inputs[i] + (repeated[i] ? 0 : begin * element_bytes(types[i]));
    run_elementwise({op,
                     attributes,
                     known,
                     {from.data(), operands.size()},
                     repeated,
                     result.type,
                     out.bytes().data() + begin * element_bytes(result.type),
                     std::min(kBlock, count - begin),
                     profile});
  }
  return out;
}

[[noreturn]] void not_evaluable(OpCode op) {
  throw std::logic_error(fmt::format("{} has no evaluator", info(op).name));
}

void check_inputs(const TensorGraph &graph, std::span<const Tensor *const> inputs) {
  if (inputs.size() != graph.parameters.size())
    throw InputError(fmt::format("{} inputs for the {} parameters of {}", inputs.size(),
                                 graph.parameters.size(), graph.name));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Node &parameter = graph[graph.parameters[i]];
    if (inputs[i]->shape() != parameter.shape)
      fail(parameter.location,
           fmt::format("input {} is {}, but the parameter is {}", i, inputs[i]->shape().to_string(),
                       parameter.shape.to_string()));
  }
}

/// For each node the last node that uses it; 0 when results do not depend on it.
std::vector<std::uint32_t> last_uses(const TensorGraph &graph) {
  auto count = static_cast<std::uint32_t>(graph.nodes.size());
  std::vector<std::uint32_t> last(count, 0);
  for (NodeId result : graph.results)
    last[result.v] = count;
  for (std::uint32_t i = count; i-- > 0;)
    if (last[i] != 0)
      for (NodeId operand : graph.nodes[i].operands)
        last[operand.v] = std::max(last[operand.v], i);
  return last;
}

} // namespace

Tensor evaluate_op(OpCode op, const Attributes &attributes, std::span<const Tensor *const> operands,
                   const Shape &result, const NumericsProfile &profile) {
  switch (op) {
  case OpCode::Constant:
    return *attributes.literal;
  case OpCode::Iota:
    return evaluate_iota(attributes.get_one(AttributeKey::IotaDimension), result);
  case OpCode::Copy:
  case OpCode::BitcastConvert:
  case OpCode::Reshape:
  case OpCode::Transpose:
  case OpCode::Broadcast:
  case OpCode::Slice:
  case OpCode::Concatenate:
  case OpCode::Reverse:
    return evaluate_movement(op, attributes, operands, result);
  case OpCode::DynamicSlice:
    return evaluate_dynamic_slice(operands, result);
  case OpCode::DynamicUpdateSlice:
    return evaluate_dynamic_update_slice(operands, result);
  case OpCode::Pad:
    return evaluate_pad(attributes, *operands[0], *operands[1], result);
  case OpCode::Dot:
    return evaluate_dot(attributes, *operands[0], *operands[1], result, profile);
  case OpCode::Reduce:
    return evaluate_reduce(attributes, *operands[0], *operands[1], result, profile);
  case OpCode::ReduceWindow:
    return evaluate_reduce_window(attributes, *operands[0], *operands[1], result, profile);
  case OpCode::Convolution:
    return evaluate_convolution(attributes, *operands[0], *operands[1], result, profile);
  default:
    if (info(op).cls != OpClass::Elementwise)
      not_evaluable(op);
    return elementwise(op, attributes, operands, result, profile);
  }
}

std::uint64_t evaluate_scalar(OpCode op, const Attributes &attributes,
                              std::span<const ElementType> types,
                              std::span<const std::uint64_t> operands, ElementType result,
                              const NumericsProfile &profile) {
  assert(types.size() == operands.size() && !types.empty() && types.size() <= 3);
  if (info(op).cls != OpClass::Elementwise)
    not_evaluable(op);
  // Elements are little-endian: the low bytes of a word are the element.
  std::array<std::uint64_t, 3> words{};
  std::array<const std::byte *, 3> inputs{};
  for (std::size_t i = 0; i < operands.size(); ++i) {
    words[i] = operands[i];
    inputs[i] = reinterpret_cast<const std::byte *>(&words[i]);
  }
  std::uint64_t output = 0;
  run_elementwise({op,
                   attributes,
                   types,
                   {inputs.data(), types.size()},
                   {true, true, true},
                   result,
                   reinterpret_cast<std::byte *>(&output),
                   1,
                   profile});
  return output;
}

std::span<const std::uint16_t> unary_table(OpCode op, ElementType type,
                                           const NumericsProfile &profile) {
  if (info(op).cls != OpClass::Elementwise || info(op).max_arity != 1 || op == OpCode::Convert ||
      (type != ElementType::F16 && type != ElementType::BF16))
    throw std::logic_error("not a unary function of a 16-bit float type");
  UnaryTable &slot = table_slot(op, type, profile);
  std::call_once(slot.once, [&] {
    std::vector<std::uint16_t> all(1 << 16), values(all.size());
    for (std::size_t i = 0; i < all.size(); ++i)
      all[i] = static_cast<std::uint16_t>(i);
    const auto *input = reinterpret_cast<const std::byte *>(all.data());
    run_elementwise({op,
                     Attributes{},
                     {&type, 1},
                     {&input, 1},
                     {},
                     type,
                     reinterpret_cast<std::byte *>(values.data()),
                     all.size(),
                     profile});
    slot.values = std::move(values);
  });
  return slot.values;
}

std::vector<Tensor> evaluate_borrowed(const TensorGraph &graph,
                                      std::span<const Tensor *const> inputs,
                                      const NumericsProfile &profile) {
  check_inputs(graph, inputs);
  std::vector<std::uint32_t> last = last_uses(graph);
  std::vector<Tensor> owned(graph.nodes.size());
  std::vector<const Tensor *> values(graph.nodes.size(), nullptr);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    values[graph.parameters[i].v] = inputs[i];
  std::vector<const Tensor *> operands;
  for (std::uint32_t i = 0; i < graph.nodes.size(); ++i) {
    const Node &node = graph.nodes[i];
    if (last[i] == 0 || node.op == OpCode::Parameter)
      continue;
    if (node.op == OpCode::Constant) {
      values[i] = node.attributes.literal.get();
      continue;
    }
    operands.clear();
    for (NodeId operand : node.operands)
      operands.push_back(values[operand.v]);
    try {
      interrupt_point();
      owned[i] = evaluate_op(node.op, node.attributes, operands, node.shape, profile);
    } catch (const Interrupted &) {
      throw Interrupted(fmt::format("interrupted in {}, operation {} of {}", node.name, i + 1,
                                    graph.nodes.size()));
    }
    values[i] = &owned[i];
    for (NodeId operand : node.operands)
      if (last[operand.v] == i)
        owned[operand.v] = Tensor();
  }
  std::vector<Tensor> results;
  for (NodeId result : graph.results)
    results.push_back(*values[result.v]);
  return results;
}

std::vector<Tensor> evaluate(const TensorGraph &graph, std::span<const Tensor> inputs,
                             const NumericsProfile &profile) {
  std::vector<const Tensor *> borrowed;
  for (const Tensor &input : inputs)
    borrowed.push_back(&input);
  return evaluate_borrowed(graph, borrowed, profile);
}

} // namespace isamorph::semantics
