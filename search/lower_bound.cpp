#include "search/lower_bound.h"

#include "search/matcher.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace isamorph::search {

using semantics::AttributeKey;
using semantics::IntExpr;
using semantics::IntOp;
using semantics::Node;
using semantics::NodeId;
using semantics::OpClass;
using semantics::TensorGraph;

namespace {

/// Every element of the operand is an element of the result.
bool keeps_all_elements(const Node &node, const Shape &operand) {
  switch (node.op) {
  case OpCode::Copy:
  case OpCode::Reshape:
  case OpCode::Transpose:
  case OpCode::Reverse:
    return true;
  case OpCode::Convert: // to a type that tells all values of the old one apart
    return semantics::is_integer(operand.type) && semantics::is_integer(node.shape.type) &&
           semantics::byte_size(node.shape.type) > semantics::byte_size(operand.type);
  default:
    return false;
  }
}

/// The low bits of an integer.
bool narrows(const Node &node, const Shape &operand) {
  return node.op == OpCode::Convert && semantics::is_integer(operand.type) &&
         semantics::is_integer(node.shape.type) &&
         semantics::byte_size(node.shape.type) <= semantics::byte_size(operand.type);
}

/// The parameter whose elements all are elements of a node.
std::optional<NodeId> parameter_of(const TensorGraph &graph, NodeId id) {
  while (graph[id].op != OpCode::Parameter) {
    const Node &node = graph[id];
    if (node.operands.size() != 1 || !keeps_all_elements(node, graph[node.operands[0]].shape))
      return std::nullopt;
    id = node.operands[0];
  }
  return id;
}

struct Product {
  NodeId lhs, rhs; ///< parameters
  std::int64_t multiplications = 0;
};

/// The program as a product of two parameters, if it is one but for movements and, for integers, a
/// narrowing that keeps the elements of the parameters apart.
std::optional<Product> as_product(const TensorGraph &graph) {
  if (graph.results.size() != 1)
    return std::nullopt;
  NodeId id = graph.results[0];
  int narrowest = semantics::byte_size(graph[id].shape.type);
  while (graph[id].op != OpCode::Dot) {
    const Node &node = graph[id];
    if (node.operands.size() != 1)
      return std::nullopt;
    const Shape &operand = graph[node.operands[0]].shape;
    if (!keeps_all_elements(node, operand) && !narrows(node, operand))
      return std::nullopt;
    id = node.operands[0];
    narrowest = std::min(narrowest, semantics::byte_size(operand.type));
  }
  const Node &dot = graph[id];
  auto lhs = parameter_of(graph, dot.operands[0]), rhs = parameter_of(graph, dot.operands[1]);
  if (!lhs || !rhs || !dot.attributes.get(AttributeKey::LhsBatch).empty())
    return std::nullopt;
  for (NodeId side : {*lhs, *rhs}) // an element times one must get through
    if (semantics::byte_size(graph[side].shape.type) > narrowest)
      return std::nullopt;
  std::int64_t summed = 1;
  for (std::int64_t d : dot.attributes.get(AttributeKey::LhsContracting))
    summed *= graph[dot.operands[0]].shape.dims[static_cast<std::size_t>(d)];
  return Product{*lhs, *rhs, dot.shape.elements() * summed};
}

bool touches_off_chip(const spec::Instruction &instruction, const spec::Isa &isa) {
  auto off = [&](const auto &access) { return access.region.buffer == isa.off_chip; };
  return std::any_of(instruction.reads.begin(), instruction.reads.end(), off) ||
         std::any_of(instruction.writes.begin(), instruction.writes.end(), off);
}

/// Whether an instruction may form products of two data elements. Attributes are no data.
bool multiplies(const spec::Instruction &instruction) {
  std::vector<char> data(instruction.body.nodes.size(), 0);
  for (std::size_t n = 0; n < data.size(); ++n) {
    const semantics::TemplateNode &node = instruction.body.nodes[n];
    const auto *op = std::get_if<OpCode>(&node.op);
    auto inputs = std::count_if(node.operands.begin(), node.operands.end(),
                                [&](std::uint32_t operand) { return data[operand] != 0; });
    data[n] = !op || *op == OpCode::Parameter || inputs > 0;
    bool moves = op && (semantics::info(*op).cls == OpClass::Movement || *op == OpCode::Add ||
                        *op == OpCode::Maximum || *op == OpCode::Minimum);
    if (!op || (inputs > 1 && !moves) || semantics::info(*op).cls == OpClass::Fold)
      return true;
  }
  return false;
}

/// 2 M N K / sqrt(S) - 2 S, in bytes.
std::int64_t reuse_bound(const TensorGraph &graph, const Product &product, const spec::Isa &isa) {
  std::int64_t width = std::min(semantics::byte_size(graph[product.lhs].shape.type),
                                semantics::byte_size(graph[product.rhs].shape.type));
  double bytes = 0;
  for (const spec::Buffer &buffer : isa.buffers) {
    if (buffer.off_chip)
      continue;
    width = std::min<std::int64_t>(width, semantics::byte_size(buffer.type));
    bytes += static_cast<double>(buffer.places()) * static_cast<double>(buffer.unit_elements()) *
             semantics::byte_size(buffer.type);
  }
  double held = bytes / static_cast<double>(width);
  double elements =
      2.0 * static_cast<double>(product.multiplications) / std::sqrt(held) - 2.0 * held;
  // Rounding of doubles is far below one in a million.
  return static_cast<std::int64_t>(std::max(0.0, std::floor(elements * (1 - 1e-6)))) * width;
}

/// Whether an expression grows, or stays, with each of its variables where these are not negative.
bool grows(const IntExpr &e) {
  switch (e.op()) {
  case IntOp::Constant:
    return e.value() >= 0;
  case IntOp::Variable:
    return true;
  case IntOp::Divide:
    return grows(e.arguments()[0]) && e.arguments()[1].is_constant() &&
           e.arguments()[1].value() > 0;
  case IntOp::Add:
  case IntOp::Multiply:
  case IntOp::Min:
  case IntOp::Max:
    return std::all_of(e.arguments().begin(), e.arguments().end(), grows);
  default:
    return false;
  }
}

/// The value of an expression that grows where all attributes are least, or greatest; nullopt when
/// they are not bounded so.
std::optional<std::int64_t> extreme(const IntExpr &e, const spec::Instruction &instruction,
                                    bool greatest) {
  semantics::Bindings bindings = instruction.symbols.integers.unbound();
  bool known = grows(e);
  e.for_each_variable([&](std::uint32_t v) {
    AttributeRange range = attribute_range(instruction, v);
    known &= range.low && *range.low >= 0;
    bindings[v] = greatest ? range.high : range.low;
  });
  return known ? e.evaluate(bindings) : std::nullopt;
}

constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();

/// What one instruction moves at most one way, and its least latency.
struct Mover {
  std::int64_t bytes = 0, latency = 0;
};

template <class Accesses>
Mover mover(const Accesses &accesses, const spec::Instruction &instruction, const spec::Isa &isa) {
  Mover out;
  for (const auto &access : accesses) {
    if (access.region.buffer != isa.off_chip)
      continue;
    auto bytes = extreme(access.region.extents[0], instruction, true);
    out.bytes = !bytes || out.bytes > kNoLimit - *bytes ? kNoLimit : out.bytes + *bytes;
  }
  out.latency =
      std::max<std::int64_t>(0, extreme(instruction.cost.latency, instruction, false).value_or(0));
  return out;
}

/// The cost of instructions that together move `bytes`, each of them at best as `best` says.
std::int64_t least_cost(std::int64_t bytes, const Mover &best, costmodel::CostModel model) {
  if (bytes == 0 || best.bytes == 0)
    return 0;
  std::int64_t count = bytes / best.bytes + (bytes % best.bytes != 0);
  return model == costmodel::CostModel::Count ? count : count * best.latency;
}

} // namespace

std::int64_t cost_bound(const TrafficBound &traffic, const spec::Isa &isa,
                        costmodel::CostModel model) {
  Mover load{0, kNoLimit}, store{0, kNoLimit};
  bool both_ways = false;
  auto better = [](Mover &best, const Mover &other) {
    if (other.bytes > 0)
      best = {std::max(best.bytes, other.bytes), std::min(best.latency, other.latency)};
  };
  for (const spec::Instruction &instruction : isa.instructions) {
    Mover in = mover(instruction.reads, instruction, isa),
          out = mover(instruction.writes, instruction, isa);
    both_ways |= in.bytes > 0 && out.bytes > 0;
    better(load, in);
    better(store, out);
  }
  std::int64_t loads = least_cost(traffic.loaded, load, model),
               stores = least_cost(traffic.stored, store, model);
  std::int64_t sum = both_ways ? std::max(loads, stores) : loads + stores;
  // The busiest unit has at least its share.
  auto units = static_cast<std::int64_t>(isa.units.size());
  return model == costmodel::CostModel::Overlap ? (sum + units - 1) / units : sum;
}

TrafficBound traffic_bound(const TensorGraph &graph, const spec::Isa &isa) {
  TrafficBound out;
  for (NodeId result : graph.results)
    out.stored += graph[result].shape.bytes();
  auto product = as_product(graph);
  if (!product || product->multiplications == 0)
    return out;
  out.loaded = graph[product->lhs].shape.bytes();
  if (product->rhs != product->lhs)
    out.loaded += graph[product->rhs].shape.bytes();
  bool computes_in_transit = std::any_of(
      isa.instructions.begin(), isa.instructions.end(),
      [&](const spec::Instruction &i) { return touches_off_chip(i, isa) && multiplies(i); });
  if (!computes_in_transit && product->lhs != product->rhs)
    out.product = reuse_bound(graph, *product, isa);
  return out;
}

} // namespace isamorph::search
