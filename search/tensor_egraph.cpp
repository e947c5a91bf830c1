#include "search/tensor_egraph.h"

#include "semantics/tensor_terms.h"

#include <stdexcept>

namespace isamorph::search {

using semantics::AttributeKey;
using semantics::OpClass;
using semantics::Tensor;

std::uint32_t OperatorTable::intern(const Shape &shape) {
  auto [place, fresh] = shape_ids_.try_emplace(shape, static_cast<std::uint32_t>(shapes_.size()));
  if (fresh)
    shapes_.push_back(shape);
  return place->second;
}

OperatorId OperatorTable::intern(OpCode op, Attributes attributes, const Shape &shape) {
  std::uint32_t shape_id = intern(shape);
  std::size_t hash = attributes.hash() * 31 + static_cast<std::size_t>(op) * 1000003 + shape_id;
  std::vector<OperatorId> &bucket = by_hash_[hash];
  for (OperatorId id : bucket) {
    const TensorOperator &known = operators_[id.v];
    if (known.op == op && known.shape == shape_id && known.attributes == attributes)
      return id;
  }
  OperatorId id{static_cast<std::uint32_t>(operators_.size())};
  operators_.push_back({op, shape_id, std::move(attributes)});
  bucket.push_back(id);
  by_code_[static_cast<std::size_t>(op)].push_back(id);
  return id;
}

namespace {

bool folds(OpCode op) {
  OpClass cls = semantics::info(op).cls;
  return semantics::info(op).evaluable && (op == OpCode::Iota || cls == OpClass::Movement ||
                                           cls == OpClass::Bitcast || cls == OpClass::Elementwise);
}

} // namespace

/// The value of an operation whose operands all have known values; null where it is not folded.
TensorRef TensorAnalysis::folded(const Graph &graph, ENodeId node) const {
  const TensorOperator &op = operators_[graph.op(node)];
  if (!folds(op.op) || operators_.shape(op.shape).bytes() > kFoldLimitBytes)
    return nullptr;
  std::vector<const Tensor *> operands;
  for (ClassId child : graph.children(node)) {
    const TensorRef &value = graph.data(graph.find(child)).constant;
    if (!value)
      return nullptr;
    operands.push_back(value.get());
  }
  return std::make_shared<const Tensor>(
      semantics::evaluate_op(op.op, op.attributes, operands, operators_.shape(op.shape), profile_));
}

TensorAnalysis::Data TensorAnalysis::make(Graph &graph, ENodeId node) {
  const TensorOperator &op = operators_[graph.op(node)];
  return {op.shape, op.op == OpCode::Constant ? op.attributes.literal : folded(graph, node)};
}

bool TensorAnalysis::merge(Data &into, Data &&from) {
  assert(into.shape == from.shape && "merged classes of different shapes");
  if (!from.constant || from.constant == into.constant)
    return false;
  // At the weaker levels one class may hold constants that differ (in the sign of a zero, in
  // rounding): the least in the order of bytes stands for it, whatever the order of merges.
  auto less = [](const Tensor &a, const Tensor &b) {
    return std::lexicographical_compare(a.bytes().begin(), a.bytes().end(), b.bytes().begin(),
                                        b.bytes().end());
  };
  if (into.constant && !less(*from.constant, *into.constant))
    return false;
  into.constant = std::move(from.constant);
  return true;
}

namespace {

OperatorId constant_operator(OperatorTable &operators, const TensorRef &value) {
  Attributes attributes;
  attributes.literal = value;
  return operators.intern(OpCode::Constant, std::move(attributes), value->shape());
}

} // namespace

void TensorAnalysis::modify(Graph &graph, ClassId id) {
  TensorRef value = graph.data(graph.find(id)).constant;
  if (!value)
    return;
  OperatorId op = constant_operator(operators_, value);
  if (auto known = graph.find_term(op, {}); known && *known == graph.find(id))
    return;
  if (graph.proofs())
    explain_fold(graph, id, graph.add_term(op, {}));
  ClassId constant = graph.add(op, {});
  graph.merge(constant, id);
}

/// Merges the class with its constant for a reason that can be checked: an operation on constants
/// gives it. Does nothing when no node of the class is one; that the two are equal is then stated.
void TensorAnalysis::explain_fold(Graph &graph, ClassId id, TermId constant) {
  std::vector<ENodeId> nodes;
  graph.visit_nodes(id, [&](ENodeId node) { nodes.push_back(node); });
  for (ENodeId node : nodes) {
    TensorRef value = folded(graph, node);
    OperatorId op = graph.op(node);
    if (!value || constant_operator(operators_, value) != graph.proofs()->terms().op(constant.v))
      continue;
    std::vector<ClassId> children(graph.children(node).begin(), graph.children(node).end());
    std::vector<TermId> operands;
    for (ClassId child : children)
      operands.push_back(graph.add_term(
          constant_operator(operators_, graph.data(graph.find(child)).constant), {}));
    graph.merge_terms(graph.add_term(op, operands), constant, {Reason::Kind::Analysis, 0});
    if (graph.class_of(constant) == graph.find(id))
      return;
  }
}

std::optional<OperatorId> TensorEGraph::operator_for(OpCode op, std::span<const Shape> operands,
                                                     const Attributes &attributes,
                                                     const Shape &declared) {
  try {
    if (semantics::infer_shape(op, operands, attributes, declared) != declared)
      return std::nullopt;
  } catch (const std::invalid_argument &) {
    return std::nullopt;
  }
  return graph_.analysis().operators().intern(
      op, semantics::canonical_attributes(op, attributes, declared.rank()), declared);
}

std::optional<ClassId> TensorEGraph::add(OpCode op, std::span<const ClassId> operands,
                                         const Attributes &attributes, const Shape &declared) {
  std::vector<Shape> shapes;
  for (ClassId c : operands)
    shapes.push_back(shape(c));
  auto id = operator_for(op, shapes, attributes, declared);
  return id ? std::optional(graph_.add(*id, operands)) : std::nullopt;
}

std::optional<TermId> TensorEGraph::add_term(OpCode op, std::span<const TermId> operands,
                                             const Attributes &attributes, const Shape &declared) {
  std::vector<Shape> shapes;
  for (TermId t : operands)
    shapes.push_back(shape(graph_.class_of(t)));
  auto id = operator_for(op, shapes, attributes, declared);
  return id ? std::optional(graph_.add_term(*id, operands)) : std::nullopt;
}

std::vector<ClassId> TensorEGraph::add_graph(const semantics::TensorGraph &graph) {
  std::vector<ClassId> classes;
  for (const semantics::Node &node : graph.nodes) {
    std::vector<ClassId> operands;
    for (semantics::NodeId operand : node.operands)
      operands.push_back(classes[operand.v]);
    auto added = add(node.op, operands, node.attributes, node.shape);
    if (!added)
      semantics::fail(node.location,
                      "the operands of '" + node.name + "' do not fit " + node.shape.to_string());
    classes.push_back(*added);
  }
  return classes;
}

namespace {

/// The shape of bitcast-convert(value of `shape`) to u8.
Shape split_in_bytes(const Shape &shape) {
  Shape split{ElementType::U8, shape.dims};
  if (int width = semantics::byte_size(shape.type); width > 1)
    split.dims.push_back(width);
  return split;
}

} // namespace

ClassId TensorEGraph::add_bytes(ClassId value) {
  Shape from = shape(value), split = split_in_bytes(from);
  ClassId bytes = value;
  if (from.type != ElementType::U8)
    bytes = *add(OpCode::BitcastConvert, std::span(&value, 1), {}, split);
  Shape flat{ElementType::U8, {from.bytes()}};
  if (split == flat)
    return bytes;
  return *add(OpCode::Reshape, std::span(&bytes, 1), {}, flat);
}

ClassId TensorEGraph::add_value_of_bytes(ClassId bytes, const Shape &to) {
  Shape split = split_in_bytes(to);
  ClassId value = bytes;
  if (shape(bytes) != split)
    value = *add(OpCode::Reshape, std::span(&bytes, 1), {}, split);
  if (to.type == ElementType::U8)
    return value;
  return *add(OpCode::BitcastConvert, std::span(&value, 1), {}, to);
}

} // namespace isamorph::search
