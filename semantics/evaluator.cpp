#include "semantics/evaluator.h"

#include "semantics/folds.h"
#include "semantics/scalar.h"

#include <bit>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>

namespace isamorph::semantics {
namespace {

template <class T>
void gather(std::span<const Tensor *const> operands, std::span<const ElementSource> map,
            Tensor &out) {
  std::vector<std::span<const T>> in;
  for (const Tensor *operand : operands)
    in.push_back(operand->as<T>());
  auto target = out.as<T>();
  for (std::size_t i = 0; i < map.size(); ++i)
    target[i] = in[map[i].operand][map[i].index];
}

Tensor move(OpCode op, const Attributes &attributes, std::span<const Tensor *const> operands,
            const Shape &result) {
  if (op == OpCode::Copy || op == OpCode::Reshape) {
    auto bytes = operands[0]->bytes();
    return Tensor(result, std::vector<std::byte>(bytes.begin(), bytes.end()));
  }
  std::vector<Shape> shapes;
  for (const Tensor *operand : operands)
    shapes.push_back(operand->shape());
  std::vector<ElementSource> map = movement_map(op, shapes, attributes, result);
  Tensor out(result);
  switch (byte_size(result.type)) {
  case 1:
    gather<std::uint8_t>(operands, map, out);
    break;
  case 2:
    gather<std::uint16_t>(operands, map, out);
    break;
  case 4:
    gather<std::uint32_t>(operands, map, out);
    break;
  default:
    gather<std::uint64_t>(operands, map, out);
  }
  return out;
}

Tensor iota(const Attributes &attributes, const Shape &result) {
  Tensor out(result);
  auto d = static_cast<std::size_t>(attributes.get_one(AttributeKey::IotaDimension));
  std::int64_t stride = row_major_strides(result.dims)[d];
  for (std::int64_t i = 0; i < out.elements(); ++i)
    out.set_bits(i, encode_integer(result.type, i / stride % result.dims[d]));
  return out;
}

float widen(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

std::uint16_t narrow(float value) {
  auto bits = std::bit_cast<std::uint32_t>(value);
  return value != value ? 0x7fc0
                        : static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/// bf16 computed in f32, the common case; false when the operation is none of the four.
bool quick_bf16(OpCode op, std::span<const Tensor *const> operands, Tensor &out) {
  if (operands.size() != 2)
    return false;
  auto a = operands[0]->as<std::uint16_t>(), b = operands[1]->as<std::uint16_t>();
  auto c = out.as<std::uint16_t>();
  auto each = [&](auto f) {
    for (std::size_t i = 0; i < c.size(); ++i)
      c[i] = narrow(f(widen(a[i]), widen(b[i])));
    return true;
  };
  switch (op) {
  case OpCode::Add:
    return each([](float x, float y) { return x + y; });
  case OpCode::Subtract:
    return each([](float x, float y) { return x - y; });
  case OpCode::Multiply:
    return each([](float x, float y) { return x * y; });
  case OpCode::Divide:
    return each([](float x, float y) { return x / y; });
  default:
    return false;
  }
}

bool by_table(OpCode op, std::span<const Tensor *const> operands, const Shape &result) {
  return operands.size() == 1 && is_float(result.type) && byte_size(result.type) == 2 &&
         operands[0]->shape().type == result.type && op != OpCode::Negate && op != OpCode::Abs &&
         op != OpCode::Convert;
}

Tensor elementwise(OpCode op, const Attributes &attributes, std::span<const Tensor *const> operands,
                   const Shape &result, const NumericsProfile &profile) {
  Tensor out(result);
  if (by_table(op, operands, result)) {
    auto table = unary_table(op, result.type, profile);
    auto in = operands[0]->as<std::uint16_t>();
    auto to = out.as<std::uint16_t>();
    for (std::size_t i = 0; i < in.size(); ++i)
      to[i] = table[in[i]];
    return out;
  }
  if (result.type == ElementType::BF16 && operands[0]->shape().type == ElementType::BF16 &&
      profile.compute == ElementType::F32 && !profile.flush_denormals &&
      quick_bf16(op, operands, out))
    return out;
  std::vector<ElementType> types;
  for (const Tensor *operand : operands)
    types.push_back(operand->shape().type);
  std::vector<std::uint64_t> bits(operands.size());
  for (std::int64_t i = 0; i < out.elements(); ++i) {
    for (std::size_t k = 0; k < operands.size();
         ++k) // scalars of select and clamp serve every element
      bits[k] = operands[k]->bits(operands[k]->shape().rank() == 0 ? 0 : i);
    out.set_bits(i, evaluate_scalar(op, attributes, types, bits, result.type, profile));
  }
  return out;
}

} // namespace

std::span<const std::uint16_t> unary_table(OpCode op, ElementType type,
                                           const NumericsProfile &profile) {
  using Key = std::tuple<OpCode, ElementType, ElementType, bool>;
  static std::mutex mutex;
  static std::map<Key, std::unique_ptr<std::vector<std::uint16_t>>> tables;
  std::lock_guard lock(mutex);
  auto &table = tables[{op, type, work_type(type, profile), profile.flush_denormals}];
  if (!table) {
    table = std::make_unique<std::vector<std::uint16_t>>(65536);
    for (std::uint64_t x = 0; x < 65536; ++x)
      (*table)[x] = static_cast<std::uint16_t>(
          evaluate_scalar(op, {}, std::span(&type, 1), std::span(&x, 1), type, profile));
  }
  return *table;
}

Tensor evaluate_op(OpCode op, const Attributes &attributes, std::span<const Tensor *const> operands,
                   const Shape &result, const NumericsProfile &profile) {
  switch (op) {
  case OpCode::Constant:
    return *attributes.literal;
  case OpCode::Iota:
    return iota(attributes, result);
  case OpCode::BitcastConvert: {
    auto bytes = operands[0]->bytes();
    return Tensor(result, std::vector<std::byte>(bytes.begin(), bytes.end()));
  }
  case OpCode::Dot:
    return evaluate_dot(*operands[0], *operands[1], attributes, result, profile);
  case OpCode::Reduce:
    return evaluate_reduce(*operands[0], *operands[1], attributes, result, profile);
  default:
    break;
  }
  if (info(op).cls == OpClass::Movement)
    return move(op, attributes, operands, result);
  if (info(op).cls == OpClass::Elementwise)
    return elementwise(op, attributes, operands, result, profile);
  throw std::logic_error(std::string(info(op).name) + " has no evaluator");
}

std::vector<Tensor> evaluate(const TensorGraph &graph, std::span<const Tensor> inputs,
                             const NumericsProfile &profile) {
  if (inputs.size() != graph.parameters.size())
    throw InputError("the program takes " + std::to_string(graph.parameters.size()) +
                     " inputs, not " + std::to_string(inputs.size()));
  std::vector<Tensor> values(graph.nodes.size());
  std::vector<const Tensor *> value(graph.nodes.size(), nullptr), operands;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Node &parameter = graph[graph.parameters[i]];
    if (inputs[i].shape() != parameter.shape)
      throw InputError("input '" + parameter.name + "' is " + inputs[i].shape().to_string() +
                       ", expected " + parameter.shape.to_string());
    value[graph.parameters[i].v] = &inputs[i];
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node &node = graph.nodes[i];
    if (node.op == OpCode::Parameter)
      continue;
    if (!info(node.op).evaluable)
      fail(node.location, "operation '" + std::string(info(node.op).name) + "' has no evaluator");
    operands.clear();
    for (NodeId operand : node.operands)
      operands.push_back(value[operand.v]);
    values[i] = evaluate_op(node.op, node.attributes, operands, node.shape, profile);
    value[i] = &values[i];
  }
  std::vector<Tensor> results;
  for (NodeId r : graph.results)
    results.push_back(*value[r.v]);
  return results;
}

} // namespace isamorph::semantics
