#include "search/matcher.h"

#include "semantics/rewrite_chain.h"

#include <cmath>

namespace isamorph::search {

using semantics::AttributeKey;
using semantics::Bindings;
using semantics::IntExpr;
using semantics::IntOp;
using semantics::SymbolValues;
using semantics::TemplateNode;

bool Unifier::unify(const IntExpr &expression, std::int64_t value) {
  if (expression.is_constant())
    return expression.value() == value;
  Bindings &integers = values_.integers;
  if (expression.op() == IntOp::Variable) {
    auto &slot = integers[expression.variable_index()];
    if (slot)
      return *slot == value;
    slot = value;
    trail_.push_back({Kind::Integer, expression.variable_index()});
    return true;
  }
  if (auto known = expression.evaluate(integers))
    return *known == value;
  if (auto line = semantics::linear_form(expression, integers); line && line->factor != 0) {
    std::int64_t rest = 0;
    if (__builtin_sub_overflow(value, line->offset, &rest) || rest % line->factor != 0)
      return false;
    integers[line->variable] = rest / line->factor;
    trail_.push_back({Kind::Integer, line->variable});
    return true;
  }
  open_.push_back({expression, value});
  trail_.push_back({Kind::Equation, 0});
  return true;
}

bool Unifier::unify(const semantics::ShapeTemplate &shape, const Shape &value) {
  if (const auto *type = std::get_if<ElementType>(&shape.type)) {
    if (*type != value.type)
      return false;
  } else {
    std::uint32_t symbol = std::get<std::uint32_t>(shape.type);
    auto &slot = values_.types[symbol];
    if (slot) {
      if (*slot != value.type)
        return false;
    } else {
      const auto &choices = symbols_->type_choices[symbol];
      if (!choices.empty() &&
          std::find(choices.begin(), choices.end(), value.type) == choices.end())
        return false;
      slot = value.type;
      trail_.push_back({Kind::Type, symbol});
    }
  }
  std::size_t own = shape.dims.size(), rank = value.dims.size();
  if (shape.prefix ? rank < own : rank != own)
    return false;
  if (shape.prefix) {
    auto &slot = values_.shapes[*shape.prefix];
    if (slot) {
      if (slot->size() != rank - own || !std::equal(slot->begin(), slot->end(), value.dims.begin()))
        return false;
    } else {
      slot.emplace(value.dims.begin(), value.dims.end() - static_cast<std::ptrdiff_t>(own));
      trail_.push_back({Kind::Prefix, *shape.prefix});
    }
  }
  for (std::size_t i = 0; i < own; ++i)
    if (!unify(shape.dims[i], value.dims[rank - own + i]))
      return false;
  return true;
}

bool Unifier::unify(const TemplateNode &node, const Attributes &attributes, std::size_t rank) {
  auto own = node.attributes.begin();
  auto other = attributes.lists.begin();
  while (own != node.attributes.end() || other != attributes.lists.end()) {
    if (own != node.attributes.end() && own->second.empty()) {
      ++own; // an empty list is an absent one
      continue;
    }
    if (own != node.attributes.end() && other != attributes.lists.end() &&
        own->first == other->first) {
      if (own->second.size() != other->second.size())
        return false;
      for (std::size_t i = 0; i < own->second.size(); ++i)
        if (!unify(own->second[i], other->second[i]))
          return false;
      ++own, ++other;
      continue;
    }
    // What the template leaves out must have its default value.
    if (other != attributes.lists.end() &&
        (own == node.attributes.end() || other->first < own->first)) {
      std::int64_t standard = other->first == AttributeKey::SliceStrides ? 1 : 0;
      bool may_be_absent = other->first == AttributeKey::SliceStrides ||
                           other->first == AttributeKey::PaddingInterior;
      if (!may_be_absent || other->second != std::vector<std::int64_t>(rank, standard))
        return false;
      ++other;
      continue;
    }
    return false;
  }
  return true;
}

bool Unifier::unify_operation(std::uint32_t symbol, OpCode op) {
  if (!semantics::may_stand_for(op, symbols_->operation_arity[symbol]))
    return false;
  auto &slot = values_.operations[symbol];
  if (slot)
    return slot->op == op;
  slot = semantics::OperationValue{op};
  trail_.push_back({Kind::Operation, symbol});
  return true;
}

void Unifier::undo(std::size_t mark) {
  while (trail_.size() > mark) {
    auto [kind, index] = trail_.back();
    trail_.pop_back();
    switch (kind) {
    case Kind::Integer:
      values_.integers[index].reset();
      break;
    case Kind::Type:
      values_.types[index].reset();
      break;
    case Kind::Prefix:
      values_.shapes[index].reset();
      break;
    case Kind::Operation:
      values_.operations[index].reset();
      break;
    case Kind::Equation:
      open_.pop_back();
      break;
    }
  }
}

std::optional<SymbolValues> Unifier::solved() const {
  SymbolValues out = values_;
  if (open_.empty())
    return out;
  std::vector<semantics::Equation> equations = open_;
  if (!semantics::solve(equations, out.integers))
    return std::nullopt;
  for (const semantics::Equation &left : equations) {
    auto value = left.expression.evaluate(out.integers);
    if (!value || *value != left.value)
      return std::nullopt; // an equation that nobody can solve is no match, never a guess
  }
  return out;
}

Matcher::Matcher(const semantics::GraphTemplate &graph, const semantics::Symbols &symbols,
                 std::span<const IntExpr> conditions, RequiredAttributes required)
    : graph_(graph), symbols_(symbols), conditions_(conditions), required_(std::move(required)) {
  std::vector<char> seen(graph.nodes.size(), 0);
  std::function<void(std::uint32_t)> visit = [&](std::uint32_t node) {
    if (seen[node])
      return;
    seen[node] = 1;
    order_.push_back(node);
    for (std::uint32_t operand : graph.nodes[node].operands)
      visit(operand);
  };
  for (std::uint32_t result : graph.results)
    visit(result);
  for (std::uint32_t parameter : graph.parameters)
    usable_ &= seen[parameter] != 0;
}

struct Matcher::Run {
  const Matcher &pattern;
  const TensorEGraph &egraph;
  const std::function<void(const Match &)> &found;
  Unifier unifier;
  std::vector<std::optional<ClassId>> classes;
  std::optional<std::uint32_t> open = {}; ///< an attribute that some match left undetermined

  Run(const Matcher &p, const TensorEGraph &e, const std::function<void(const Match &)> &f)
      : pattern(p), egraph(e), found(f), unifier(p.symbols_), classes(p.graph_.nodes.size()) {}

  void step(std::size_t position) {
    if (position == pattern.order_.size()) {
      finish();
      return;
    }
    std::uint32_t index = pattern.order_[position];
    const TemplateNode &node = pattern.graph_.nodes[index];
    if (classes[index]) {
      in_class(position, node, *classes[index]);
      return;
    }
    // A result: any class may be it.
    if (const auto *op = std::get_if<OpCode>(&node.op);
        op && *op != OpCode::Parameter && *op != OpCode::Constant) {
      for (OperatorId id : egraph.operators().with(*op))
        for (ENodeId enode : egraph.graph().nodes_with(id)) {
          classes[index] = egraph.graph().class_of(enode);
          with_node(position, node, enode);
        }
    } else {
      for (std::uint32_t c = 0; c < egraph.graph().class_limit(); ++c)
        if (egraph.graph().is_representative({c})) {
          classes[index] = ClassId{c};
          in_class(position, node, {c});
        }
    }
    classes[index].reset();
  }

  void in_class(std::size_t position, const TemplateNode &node, ClassId c) {
    const auto *op = std::get_if<OpCode>(&node.op);
    if (op && (*op == OpCode::Parameter || *op == OpCode::Constant)) {
      std::size_t mark = unifier.mark();
      if (unifier.unify(node.shape, egraph.shape(c)) &&
          (*op == OpCode::Parameter || constant_fits(node, c)))
        step(position + 1);
      unifier.undo(mark);
      return;
    }
    for (ENodeId enode : egraph.graph().nodes_of(c))
      if (!op || egraph.operator_of(enode).op == *op)
        with_node(position, node, enode);
  }

  void with_node(std::size_t position, const TemplateNode &node, ENodeId enode) {
    const TensorOperator &op = egraph.operator_of(enode);
    auto children = egraph.graph().children(enode);
    if (children.size() != node.operands.size())
      return;
    std::size_t mark = unifier.mark();
    const Shape &shape = egraph.operators().shape(op.shape);
    const auto *symbol = std::get_if<std::uint32_t>(&node.op);
    std::uint32_t fresh = 0; // bit i: operand i was bound here
    bool fits = (!symbol || unifier.unify_operation(*symbol, op.op)) &&
                unifier.unify(node.shape, shape) &&
                unifier.unify(node, op.attributes, shape.rank());
    assert(node.operands.size() <= 32);
    for (std::size_t i = 0; fits && i < children.size(); ++i) {
      auto &slot = classes[node.operands[i]];
      ClassId child = egraph.find(children[i]);
      if (slot) {
        fits = *slot == child;
      } else {
        slot = child;
        fresh |= 1u << i;
      }
    }
    if (fits)
      step(position + 1);
    for (std::size_t i = 0; i < children.size(); ++i)
      if (fresh >> i & 1)
        classes[node.operands[i]].reset();
    unifier.undo(mark);
  }

  /// The class has a known value; a constant(`e`) also says what e is.
  bool constant_fits(const TemplateNode &node, ClassId c) {
    const TensorRef &value = egraph.constant(c);
    if (!value)
      return false;
    if (!node.literal_value) // compared bit by bit when all symbols are known
      return true;
    if (value->elements() == 0)
      return true;
    double first = semantics::decode(value->shape().type, value->bits(0));
    if (!(std::abs(first) < 9e15) || first != std::floor(first))
      return false;
    return unifier.unify(*node.literal_value, static_cast<std::int64_t>(first));
  }

  void finish() {
    auto values = unifier.solved();
    if (!values)
      return;
    auto stayed =
        complete(*values, pattern.required_, pattern.conditions_, [&](const SymbolValues &whole) {
          if (!constants_agree(whole))
            return;
          Match match{whole, {}};
          for (const auto &c : classes)
            match.classes.push_back(c.value_or(ClassId{}));
          found(match);
        });
    if (!open)
      open = stayed;
  }

  bool constants_agree(const SymbolValues &values) const {
    for (std::uint32_t index : pattern.order_) {
      const TemplateNode &node = pattern.graph_.nodes[index];
      const auto *op = std::get_if<OpCode>(&node.op);
      if (!op || *op != OpCode::Constant)
        continue;
      const semantics::Tensor &value = *egraph.constant(*classes[index]);
      auto expected = semantics::instantiate_attributes(node, value.shape(), values);
      if (!expected || !expected->literal || !(*expected->literal == value))
        return false;
    }
    return true;
  }
};

std::optional<std::uint32_t>
Matcher::for_each(const TensorEGraph &egraph,
                  const std::function<void(const Match &)> &found) const {
  Run run(*this, egraph, found);
  if (usable_)
    run.step(0);
  return run.open;
}

std::vector<Match> Matcher::all(const TensorEGraph &egraph) const {
  std::vector<Match> out;
  for_each(egraph, [&](const Match &match) { out.push_back(match); });
  return out;
}

} // namespace isamorph::search
