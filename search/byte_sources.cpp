#include "search/byte_sources.h"

namespace isamorph::search {

namespace {
constexpr std::int64_t kMaxBytes = std::int64_t{1} << 16;
} // namespace

std::optional<ByteSources>
bytes_of_node(const TensorEGraph &egraph, ENodeId node,
              const std::function<const ByteSources *(ClassId)> &operand) {
  const TensorOperator &op = egraph.operator_of(node);
  auto children = egraph.graph().children(node);
  if (!moves_bytes(op.op) || children.empty())
    return std::nullopt;
  std::vector<Shape> shapes;
  std::vector<const ByteSources *> sources;
  for (ClassId child : children) {
    shapes.push_back(egraph.shape(child));
    sources.push_back(operand(child));
    if (!sources.back())
      return std::nullopt;
  }
  return moved_bytes(op.op, shapes, sources, op.attributes, egraph.operators().shape(op.shape));
}

ByteOrigins::ByteOrigins(const TensorEGraph &egraph, std::span<const ClassId> tensors)
    : egraph_(egraph) {
  for (std::uint32_t t = 0; t < tensors.size(); ++t)
    if (std::int64_t bytes = egraph.shape(tensors[t]).bytes(); bytes <= kMaxBytes)
      known_.try_emplace(egraph.find(tensors[t]), own_bytes(t, bytes));
  auto learn = [&](ClassId c, ENodeId node) {
    auto bytes = bytes_of_node(egraph, node, [&](ClassId operand) { return of(operand); });
    if (bytes)
      known_.emplace(c, *std::move(bytes));
    return bytes.has_value();
  };
  // What a value is a rearrangement of has the same bytes, at the places that they came from.
  auto learn_operands = [&](ClassId c) {
    bool news = false;
    for (ENodeId node : egraph.graph().nodes_of(c)) {
      const TensorOperator &op = egraph.operator_of(node);
      if (op.op != OpCode::Copy && op.op != OpCode::Reshape && op.op != OpCode::BitcastConvert &&
          op.op != OpCode::Transpose)
        continue;
      ClassId operand = egraph.find(egraph.graph().children(node)[0]);
      if (known_.contains(operand))
        continue;
      ByteSources places = own_bytes(0, egraph.shape(operand).bytes()), bytes(places.size());
      const ByteSources *places_of = &places;
      ByteSources from = moved_bytes(op.op, std::span(&egraph.shape(operand), 1),
                                     std::span(&places_of, 1), op.attributes, egraph.shape(c));
      for (std::size_t i = 0; i < from.size(); ++i)
        bytes[from[i].offset] = (*of(c))[i];
      known_.emplace(operand, std::move(bytes));
      news = true;
    }
    return news;
  };
  std::vector<ClassId> all = egraph.graph().classes();
  for (bool changed = true; changed;) {
    changed = false;
    for (ClassId c : all) {
      if (known_.contains(c)) {
        changed |= learn_operands(c);
        continue;
      }
      if (egraph.shape(c).bytes() > kMaxBytes)
        continue;
      for (ENodeId node : egraph.graph().nodes_of(c))
        if (learn(c, node)) {
          changed = true;
          break;
        }
    }
  }
}

const ByteSources *ByteOrigins::of(ClassId c) const {
  auto found = known_.find(egraph_.find(c));
  return found == known_.end() ? nullptr : &found->second;
}

std::optional<ByteSource> contiguous(const ByteSources &bytes) {
  if (bytes.empty())
    return std::nullopt;
  for (std::size_t i = 1; i < bytes.size(); ++i)
    if (bytes[i].tensor != bytes[0].tensor || bytes[i].offset != bytes[0].offset + i)
      return std::nullopt;
  return bytes[0];
}

} // namespace isamorph::search
