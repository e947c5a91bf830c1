#include "search/partial_sums.h"

#include "search/byte_sources.h"

#include <tuple>

namespace isamorph::search {
namespace {

using semantics::GraphTemplate;
using semantics::RewriteRule;
using semantics::TemplateNode;

/// A byte of a parameter or, after all of those, of what movement and element-wise operations do
/// not lead further back from.
struct Origin {
  bool computed = true;
  std::uint32_t tensor = 0;
  std::int64_t byte = 0;
  auto operator<=>(const Origin &) const = default;
};

/// Where elements come from, in an e-graph that does not change.
class Origins {
public:
  explicit Origins(const TensorEGraph &egraph) : egraph_(egraph) {}

  /// Of the first element of a class.
  Origin first(ClassId c) { return of(egraph_.find(c), 0); }

  /// Of the sum over parts that begins first in memory; none where the class has none.
  std::optional<Origin> first_sum(ClassId c) {
    std::optional<Origin> out;
    for (ENodeId node : egraph_.graph().nodes_of(egraph_.find(c)))
      if (sums(egraph_.operator_of(node).op)) {
        Origin origin = first(egraph_.graph().children(node)[0]);
        out = out ? std::min(*out, origin) : origin;
      }
    return out;
  }

  static bool sums(OpCode op) { return op == OpCode::Dot || op == OpCode::Reduce; }

private:
  /// The first of all that the class's nodes lead to; a way around a cycle is none.
  Origin of(ClassId c, std::int64_t index) {
    const Shape &shape = egraph_.shape(c);
    const std::int64_t byte = index * semantics::byte_size(shape.type);
    auto [known, fresh] = known_.try_emplace({c, index}, Origin{true, c.v, byte});
    if (!fresh || shape.elements() == 0)
      return known->second;
    Origin out = known->second;
    bool further = false;
    for (ENodeId node : egraph_.graph().nodes_of(c)) {
      if (egraph_.operator_of(node).op == OpCode::Parameter)
        return known_[{c, index}] = {false, c.v, byte};
      if (auto source = before(node, index)) {
        Origin origin = of(egraph_.find(source->first), source->second);
        if (!further || origin < out)
          out = origin;
        further = true;
      }
    }
    return known_[{c, index}] = out;
  }

  /// The operand's element that a node makes one of its elements of.
  std::optional<std::pair<ClassId, std::int64_t>> before(ENodeId node, std::int64_t index) const {
    const TensorOperator &what = egraph_.operator_of(node);
    auto operands = egraph_.graph().children(node);
    const Shape &shape = egraph_.operators().shape(what.shape);
    if (what.op == OpCode::BitcastConvert)
      return {{operands[0], index * semantics::byte_size(shape.type) /
                                semantics::byte_size(egraph_.shape(operands[0]).type)}};
    if (moves_bytes(what.op)) {
      std::vector<Shape> shapes;
      for (ClassId operand : operands)
        shapes.push_back(egraph_.shape(operand));
      semantics::ElementSource from = semantics::movement_map(
          what.op, shapes, what.attributes, shape)[static_cast<std::size_t>(index)];
      return {{operands[from.operand], static_cast<std::int64_t>(from.index)}};
    }
    if (semantics::info(what.op).cls == semantics::OpClass::Elementwise)
      for (ClassId operand : operands)
        if (!egraph_.constant(operand) && egraph_.shape(operand).elements() == shape.elements())
          return {{operand, index}};
    return std::nullopt;
  }

  const TensorEGraph &egraph_;
  std::map<std::pair<ClassId, std::int64_t>, Origin> known_;
};

/// A side of a rule: its root and the positions of its parameters.
struct Side {
  const GraphTemplate &graph;
  const TemplateNode &root = graph.nodes[graph.results[0]];

  const TemplateNode &operand(const TemplateNode &node, std::size_t i) const {
    return graph.nodes[node.operands[i]];
  }
  std::optional<std::size_t> parameter(const TemplateNode &node, std::size_t i) const {
    auto found = std::ranges::find(graph.parameters, node.operands[i]);
    if (found == graph.parameters.end())
      return std::nullopt;
    return static_cast<std::size_t>(found - graph.parameters.begin());
  }
};

bool is_binary(const TemplateNode &node) {
  return std::holds_alternative<OpCode>(node.op) && node.operands.size() == 2;
}

bool exchanges(const Side &from, const Side &to) {
  return is_binary(from.root) && from.root.op == to.root.op && from.graph.nodes.size() == 3 &&
         from.root.operands[0] == to.root.operands[1] &&
         from.root.operands[1] == to.root.operands[0];
}

/// x + (y + z) as (x + y) + z.
bool regroups(const Side &from, const Side &to) {
  if (!is_binary(from.root) || from.root.op != to.root.op || from.graph.parameters.size() != 3 ||
      from.graph.nodes.size() != 5 || to.graph.nodes.size() != 5)
    return false;
  const TemplateNode &right = from.operand(from.root, 1), &left = to.operand(to.root, 0);
  return right.op == from.root.op && left.op == from.root.op &&
         from.parameter(from.root, 0) == 0U && from.parameter(right, 0) == 1U &&
         from.parameter(right, 1) == 2U && to.parameter(left, 0) == 0U &&
         to.parameter(left, 1) == 1U && to.parameter(to.root, 1) == 2U;
}

/// Two sums over parts as one.
bool joins(const Side &from, const Side &to) {
  const auto *op = std::get_if<OpCode>(&to.root.op);
  return op && Origins::sums(*op) && is_binary(from.root) && from.root.op != to.root.op &&
         from.operand(from.root, 0).op == to.root.op && from.operand(from.root, 1).op == to.root.op;
}

/// Whether a match of this side, with what it makes of it, puts sums in order.
using Order = bool (*)(const Side &side, const Match &match, Origins &origins);

bool out_of_order(const Side &side, const Match &match, Origins &origins) {
  auto first = origins.first_sum(match.classes[side.root.operands[0]]),
       second = origins.first_sum(match.classes[side.root.operands[1]]);
  return second && (!first || *second < *first);
}

bool sums_before_another(const Side &side, const Match &match, Origins &origins) {
  auto is_sum = [&](std::size_t parameter) {
    return origins.first_sum(match.classes[side.graph.parameters[parameter]]).has_value();
  };
  return is_sum(0) && is_sum(1) && !is_sum(2);
}

bool in_order(const Side &side, const Match &match, Origins &origins) {
  auto first = [&](std::size_t operand) {
    return origins.first(match.classes[side.operand(side.root, operand).operands[0]]);
  };
  return first(0) <= first(1);
}

std::optional<Order> order_of(const Side &from, const Side &to) {
  if (exchanges(from, to))
    return out_of_order;
  if (regroups(from, to))
    return sums_before_another;
  if (joins(from, to))
    return in_order;
  return std::nullopt;
}

} // namespace

bool add_in_order(std::vector<DirectedRule> &chosen, std::span<const RewriteRule> rules,
                  std::uint32_t rule) {
  for (bool forward : {true, false}) {
    Side from{forward ? rules[rule].from : rules[rule].to},
        to{forward ? rules[rule].to : rules[rule].from};
    auto order = order_of(from, to);
    if (!order)
      continue;
    auto admitted = [from, order = *order](const TensorEGraph &egraph, std::vector<Match> &all) {
      Origins origins(egraph);
      std::erase_if(all, [&](const Match &match) { return !order(from, match, origins); });
    };
    chosen.push_back({rule, forward, admitted});
    return true;
  }
  return false;
}

} // namespace isamorph::search
