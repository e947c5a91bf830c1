#include "search/number_folding.h"

#include <cmath>
#include <fmt/format.h>

namespace isamorph::search {

std::optional<double> fold_numbers(std::string_view op, std::span<const double> x) {
  std::optional<double> out;
  if (x.size() == 2 && op == "+")
    out = x[0] + x[1];
  else if (x.size() == 2 && op == "-")
    out = x[0] - x[1];
  else if (x.size() == 2 && op == "*")
    out = x[0] * x[1];
  else if (x.size() == 2 && op == "/" && x[1] != 0)
    out = x[0] / x[1];
  else if (x.size() == 2 && op == "pow" && (x[0] != 0 || x[1] > 0))
    out = std::pow(x[0], x[1]);
  else if (x.size() == 1 && op == "neg")
    out = -x[0];
  if (!out || !std::isfinite(*out))
    return std::nullopt;
  return *out == 0 ? 0 : *out;
}

bool NumberFolding::can_fold(std::string_view name) {
  for (std::string_view known : {"+", "-", "*", "/", "pow", "neg"})
    if (name == known)
      return true;
  return false;
}

NumberFolding::NumberFolding(OperatorNames *names, std::vector<OperatorId> folded, bool prune)
    : names_(names), prune_(prune) {
  for (OperatorId op : folded) {
    if (folded_.size() <= op.v)
      folded_.resize(op.v + 1);
    folded_[op.v] = 1;
  }
}

std::optional<double> NumberFolding::fold(const Graph &graph, ENodeId node) const {
  OperatorId op = graph.op(node);
  auto children = graph.children(node);
  if (op.v >= folded_.size() || !folded_[op.v] || children.size() > 2 || children.empty())
    return std::nullopt;
  double operands[2] = {0, 0};
  for (std::size_t i = 0; i < children.size(); ++i) {
    const auto &number = graph.data(graph.find(children[i])).number;
    if (!number)
      return std::nullopt;
    operands[i] = *number;
  }
  return fold_numbers(names_->name(op), std::span(operands, children.size()));
}

NumberFolding::Data NumberFolding::make(Graph &graph, ENodeId node) {
  if (!names_)
    return {};
  Data data;
  if (!graph.children(node).empty()) {
    data.number = fold(graph, node);
    return data;
  }
  OperatorId op = graph.op(node);
  while (numbers_.size() <= op.v)
    numbers_.push_back(number_of(names_->name({static_cast<std::uint32_t>(numbers_.size())})));
  data.has_number_leaf = numbers_[op.v].has_value();
  data.has_symbol = !data.has_number_leaf;
  if (!folded_.empty())
    data.number = numbers_[op.v];
  return data;
}

bool NumberFolding::merge(Data &into, Data &&from) {
  bool changed = (from.has_symbol && !into.has_symbol) ||
                 (from.has_number_leaf && !into.has_number_leaf) || (from.number && !into.number);
  if (from.number && into.number && *from.number != *into.number && !conflict_)
    conflict_ = std::minmax(*from.number, *into.number);
  into.has_symbol |= from.has_symbol;
  into.has_number_leaf |= from.has_number_leaf;
  if (from.number && (!into.number || *from.number < *into.number)) {
    changed |= into.number.has_value();
    into.number = from.number;
  }
  return changed;
}

OperatorId NumberFolding::leaf(double number) { return names_->intern(name_of(number)); }

/// Makes the leaf of a number that some node of the class folds to equal to it, remembering which
/// node that is.
void NumberFolding::justify(Graph &graph, ClassId id, double number) {
  TermId constant = graph.add_term(leaf(number), {});
  if (graph.class_of(constant) == graph.find(id))
    return;
  std::optional<TermId> folded;
  std::vector<std::pair<OperatorId, std::vector<double>>> candidates;
  graph.visit_nodes(id, [&](ENodeId node) {
    if (fold(graph, node) != number)
      return;
    std::vector<double> operands;
    for (ClassId child : graph.children(node))
      operands.push_back(*graph.data(graph.find(child)).number);
    candidates.emplace_back(graph.op(node), std::move(operands));
  });
  if (candidates.empty())
    return; // another node of the class will bring it
  std::vector<TermId> children;
  for (double operand : candidates.front().second)
    children.push_back(graph.add_term(leaf(operand), {}));
  graph.merge_terms(graph.add_term(candidates.front().first, children), constant,
                    {Reason::Kind::Analysis});
}

void NumberFolding::modify(Graph &graph, ClassId id) {
  id = graph.find(id);
  if (conflict_ && !graph.contradiction()) {
    auto [low, high] = *conflict_;
    Contradiction found{
        fmt::format("one class holds the constants {} and {}", name_of(low), name_of(high)), {}};
    if (graph.proofs()) {
      justify(graph, id, low);
      justify(graph, id, high);
      TermId a = graph.add_term(leaf(low), {}), b = graph.add_term(leaf(high), {});
      if (graph.class_of(a) == graph.class_of(b))
        found.terms = {a, b};
    }
    graph.contradict(std::move(found));
    return;
  }
  auto number = graph.data(id).number;
  if (!number || graph.contradiction())
    return;
  if (graph.proofs()) {
    justify(graph, id, *number);
  } else {
    OperatorId op = leaf(*number);
    graph.add_to(id, op, {});
  }
  if (prune_)
    graph.hide_nodes(graph.find(id), [&](ENodeId node) { return !graph.children(node).empty(); });
}

} // namespace isamorph::search
