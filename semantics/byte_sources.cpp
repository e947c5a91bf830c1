#include "semantics/byte_sources.h"

#include <algorithm>

namespace isamorph::semantics {

ByteSources own_bytes(std::uint32_t tensor, std::int64_t bytes) {
  ByteSources out;
  for (std::int64_t i = 0; i < bytes; ++i)
    out.push_back({tensor, static_cast<std::uint32_t>(i)});
  return out;
}

bool moves_bytes(OpCode op) {
  switch (op) {
  case OpCode::Copy:
  case OpCode::Reshape:
  case OpCode::Transpose:
  case OpCode::Broadcast:
  case OpCode::Reverse:
  case OpCode::Slice:
  case OpCode::Concatenate:
  case OpCode::BitcastConvert:
    return true;
  default:
    return false;
  }
}

ByteSources moved_bytes(OpCode op, std::span<const Shape> operands,
                        std::span<const ByteSources *const> sources, const Attributes &attributes,
                        const Shape &result) {
  if (op == OpCode::BitcastConvert)
    return *sources[0];
  auto width = static_cast<std::size_t>(byte_size(result.type));
  ByteSources out;
  for (ElementSource from : movement_map(op, operands, attributes, result))
    for (std::size_t b = 0; b < width; ++b)
      out.push_back((*sources[from.operand])[from.index * width + b]);
  return out;
}

std::vector<ByteSources> moved_bytes(const TensorGraph &graph) {
  std::vector<ByteSources> bytes;
  for (const Node &node : graph.nodes) {
    if (node.op == OpCode::Parameter) {
      auto number = node.attributes.get_one(AttributeKey::ParameterNumber);
      bytes.push_back(own_bytes(static_cast<std::uint32_t>(number), node.shape.bytes()));
      continue;
    }
    std::vector<Shape> shapes;
    std::vector<const ByteSources *> sources;
    for (NodeId operand : node.operands) {
      shapes.push_back(graph[operand].shape);
      sources.push_back(&bytes[operand.v]);
    }
    bytes.push_back(moved_bytes(node.op, shapes, sources, node.attributes, node.shape));
  }
  std::vector<ByteSources> out;
  for (NodeId result : graph.results)
    out.push_back(bytes[result.v]);
  return out;
}

namespace {

/// The bytes of terms by the terms that no movement makes.
class Movements {
public:
  Movements(const TensorTerms &terms, std::int64_t most) : terms_(terms), most_(most) {}

  /// Null where a tensor is too large.
  const ByteSources *of(NodeId id) {
    auto [entry, fresh] = known_.try_emplace(id.v);
    if (!fresh)
      return entry->second ? &*entry->second : nullptr;
    const Node &node = terms_[id];
    if (node.shape.bytes() > most_)
      return nullptr;
    if (!moves_bytes(node.op))
      return &(entry->second = own_bytes(id.v, node.shape.bytes())).value();
    std::vector<Shape> shapes;
    std::vector<const ByteSources *> sources;
    for (NodeId operand : node.operands) {
      shapes.push_back(terms_[operand].shape);
      sources.push_back(of(operand));
      if (!sources.back())
        return nullptr;
    }
    entry->second = moved_bytes(node.op, shapes, sources, node.attributes, node.shape);
    return &*entry->second;
  }

private:
  const TensorTerms &terms_;
  std::int64_t most_;
  std::map<std::uint32_t, std::optional<ByteSources>> known_; ///< a source's tensor is a term
};

} // namespace

std::optional<TermBytes> bytes_of_term(const TensorTerms &terms, NodeId term, std::int64_t most) {
  Movements movements(terms, most);
  const ByteSources *bytes = movements.of(term);
  if (!bytes)
    return std::nullopt;
  TermBytes out{{}, *bytes};
  std::map<std::uint32_t, std::uint32_t> numbers;
  for (const ByteSource &source : out.bytes)
    numbers.try_emplace(source.tensor);
  for (auto &[tensor, number] : numbers) {
    number = static_cast<std::uint32_t>(out.tensors.size());
    out.tensors.push_back({tensor});
  }
  for (ByteSource &source : out.bytes)
    source.tensor = numbers.at(source.tensor);
  return out;
}

} // namespace isamorph::semantics
