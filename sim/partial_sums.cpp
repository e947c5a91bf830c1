#include "sim/partial_sums.h"

#include "semantics/evaluator.h"
#include "spec/state.h"

#include <array>
#include <fmt/format.h>

namespace isamorph::sim {

using semantics::AttributeKey;
using semantics::ElementType;
using semantics::Node;
using semantics::NodeId;
using semantics::OpCode;
using semantics::Shape;
using semantics::Tensor;

namespace {

bool adds_up(const Node &node) {
  return node.op == OpCode::Dot ||
         (node.op == OpCode::Reduce &&
          node.attributes.get_one(AttributeKey::Reducer) == static_cast<std::int64_t>(OpCode::Add));
}

/// The dimensions of the first operand that are summed, outermost first.
std::span<const std::int64_t> summed(const Node &node) {
  return node.attributes.get(node.op == OpCode::Dot ? AttributeKey::LhsContracting
                                                    : AttributeKey::Dimensions);
}

/// The sizes of the summed dimensions: the outermost one, and the product of the others.
std::pair<std::int64_t, std::int64_t> terms(const Node &node, const Shape &operand) {
  std::pair<std::int64_t, std::int64_t> out{1, 1};
  std::span<const std::int64_t> dimensions = summed(node);
  for (std::size_t i = 0; i < dimensions.size(); ++i)
    (i == 0 ? out.first : out.second) *= operand.dims[static_cast<std::size_t>(dimensions[i])];
  return out;
}

bool is_wider(ElementType type, ElementType than) {
  return semantics::is_float(type) == semantics::is_float(than) && type != ElementType::Pred &&
         than != ElementType::Pred && semantics::byte_size(type) > semantics::byte_size(than);
}

} // namespace

std::set<std::int64_t> terms_added(const spec::Isa &isa, const spec::Kernel &kernel) {
  spec::Resolved resolved(isa, kernel);
  std::set<std::int64_t> out;
  for (const spec::KernelInstruction &call : resolved.kernel().instructions) {
    semantics::Bindings attributes(call.attributes.begin(), call.attributes.end());
    semantics::TensorGraph body =
        spec::instantiate_body(resolved.isa().instructions[call.instruction], attributes);
    for (const Node &node : body.nodes)
      if (adds_up(node)) {
        auto [outer, inner] = terms(node, body[node.operands[0]].shape);
        out.insert(outer * inner);
      }
  }
  return out;
}

PartialSums::PartialSums(const semantics::TensorGraph &graph, std::vector<Tensor> values,
                         const semantics::NumericsProfile &profile, std::set<std::int64_t> steps)
    : graph_(graph), values_(std::move(values)), profile_(profile), steps_(std::move(steps)) {}

Tensor PartialSums::prefix(Tensor value, std::int64_t dimension, std::int64_t length) const {
  Shape shape = value.shape();
  std::vector<std::int64_t> limits = shape.dims, zeros(shape.rank(), 0), ones(shape.rank(), 1);
  limits[static_cast<std::size_t>(dimension)] = length;
  semantics::Attributes attributes;
  attributes.set(AttributeKey::SliceStarts, zeros);
  attributes.set(AttributeKey::SliceLimits, limits);
  attributes.set(AttributeKey::SliceStrides, ones);
  shape.dims = limits;
  const Tensor *operand = &value;
  return semantics::evaluate_op(OpCode::Slice, attributes, {&operand, 1}, shape, profile_);
}

Tensor PartialSums::sum(NodeId id, std::int64_t length, ElementType type) const {
  const Node &node = graph_[id];
  std::vector<Tensor> operands;
  operands.push_back(prefix(values_[node.operands[0].v], summed(node)[0], length));
  operands.push_back(values_[node.operands[1].v]);
  if (node.op == OpCode::Dot)
    operands[1] = prefix(std::move(operands[1]),
                         node.attributes.get(AttributeKey::RhsContracting)[0], length);
  if (type != node.shape.type)
    for (Tensor &operand : operands) {
      const Tensor *from = &operand;
      operand = semantics::evaluate_op(OpCode::Convert, {}, {&from, 1},
                                       {type, operand.shape().dims}, profile_);
    }
  std::array<const Tensor *, 2> pointers = {&operands[0], &operands[1]};
  return semantics::evaluate_op(node.op, node.attributes, pointers, {type, node.shape.dims},
                                profile_);
}

void PartialSums::add_sums(NodeId id, ElementType type, std::vector<Sum> &out) const {
  const Node &node = graph_[id];
  auto [outer, inner] = terms(node, values_[node.operands[0].v].shape());
  bool wider = type != node.shape.type;
  std::set<std::int64_t> lengths;
  for (std::int64_t step : steps_)
    for (std::int64_t k = step; k > 0 && k < outer * inner; k += step)
      if (k % inner == 0)
        lengths.insert(k / inner);
  if (wider && outer > 0)
    lengths.insert(outer);
  std::int64_t bytes = values_[id.v].elements() * semantics::byte_size(type);
  if (bytes > 0 && static_cast<std::int64_t>(lengths.size()) > kMostBytes / bytes)
    return;
  std::string what = node.name + (wider ? fmt::format(" in {}", semantics::name(type)) : "");
  for (std::int64_t length : lengths) {
    std::string name =
        length == outer ? what
                        : fmt::format("the partial sum of {} over k = 0..{}", what, length * inner);
    Tensor value = sum(id, length, type);
    for (const Node &user : graph_.nodes)
      if (!wider && semantics::is_integer(type) && user.op == OpCode::Add &&
          (user.operands[0] == id) != (user.operands[1] == id)) {
        NodeId addend = user.operands[user.operands[0] == id];
        std::array<const Tensor *, 2> both = {&value, &values_[addend.v]};
        out.push_back({name + " plus " + graph_[addend].name,
                       semantics::evaluate_op(OpCode::Add, {}, both, user.shape, profile_)});
      }
    out.push_back({name, std::move(value)});
  }
}

std::vector<PartialSums::Sum> PartialSums::of_type(ElementType type) const {
  std::vector<Sum> out;
  for (std::uint32_t i = 0; i < graph_.nodes.size(); ++i) {
    const Node &node = graph_.nodes[i];
    if (adds_up(node) && !summed(node).empty() &&
        (type == node.shape.type || is_wider(type, node.shape.type)))
      add_sums({i}, type, out);
  }
  return out;
}

} // namespace isamorph::sim
