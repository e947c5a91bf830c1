#include "verify/rule_instances.h"

#include "semantics/interrupt_point.h"
#include "verify/differential.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

namespace isamorph::verify {
namespace {

using semantics::AttributeKey;
using semantics::ElementType;
using semantics::IntExpr;
using semantics::Level;
using semantics::OpCode;
using semantics::RewriteRule;
using semantics::SymbolValues;
using semantics::Tensor;
using semantics::TensorGraph;
using Random = std::mt19937_64;

template <class T> const T &one_of(std::span<const T> list, Random &random) {
  return list[random() % list.size()];
}

/// Chooses values for a rule's symbols.
class Chooser {
public:
  Chooser(const RewriteRule &rule, Random &random) : rule_(rule), random_(random) {
    for (const semantics::GraphTemplate *side : {&rule.from, &rule.to})
      for (const semantics::TemplateNode &node : side->nodes)
        for (const auto &[key, list] : node.attributes)
          if (key == AttributeKey::Reducer)
            list[0].for_each_variable([&](std::uint32_t v) { reducers_.insert(v); });
  }

  std::optional<SymbolValues> choose() {
    values_ = SymbolValues(rule_.symbols);
    choose_types();
    choose_shapes();
    choose_operations();
    steps_ = 0;
    if (!choose_integer(0))
      return std::nullopt;
    return values_;
  }

private:
  void choose_types() {
    for (std::size_t t = 0; t < values_.types.size(); ++t) {
      std::vector<ElementType> list = rule_.symbols.type_choices[t];
      for (int i = 0;
           list.size() < semantics::kElementTypeCount && rule_.symbols.type_choices[t].empty(); ++i)
        list.push_back(static_cast<ElementType>(i));
      values_.types[t] = one_of<ElementType>(list, random_);
    }
  }

  void choose_shapes() {
    constexpr std::uint64_t most_dimensions = 2, largest_size = 3;
    for (auto &shape : values_.shapes) {
      shape.emplace();
      for (std::uint64_t d = random_() % (most_dimensions + 1); d > 0; --d)
        shape->push_back(static_cast<std::int64_t>(random_() % (largest_size + 1)));
    }
  }

  void choose_operations() {
    bool truth = std::any_of(values_.types.begin(), values_.types.end(),
                             [](auto type) { return type == ElementType::Pred; });
    static constexpr std::array<OpCode, 2> unary = {OpCode::Negate, OpCode::Abs};
    static constexpr std::array<OpCode, 4> binary = {OpCode::Add, OpCode::Subtract,
                                                     OpCode::Multiply, OpCode::Maximum};
    for (std::size_t i = 0; i < values_.operations.size(); ++i) {
      bool two = rule_.symbols.operation_arity[i] == 2;
      OpCode op = truth ? (two ? OpCode::Or : OpCode::Not)
                  : two ? one_of<OpCode>(binary, random_)
                        : one_of<OpCode>(unary, random_);
      values_.operations[i] = semantics::OperationValue{op};
    }
  }

  /// Depth first over a shuffled domain; conditions prune as soon as their integers are chosen.
  bool choose_integer(std::size_t index) {
    constexpr int most_steps = 4000;
    if (++steps_ > most_steps)
      return false;
    for (const IntExpr &condition : rule_.conditions)
      if (auto value = condition.evaluate(values_.integers); value && *value == 0)
        return false;
    if (index == values_.integers.size())
      return true;
    std::vector<std::int64_t> domain = {0, 1, 2, 3, 4, 5, -1, -2, 8};
    if (reducers_.contains(static_cast<std::uint32_t>(index)))
      domain = {static_cast<std::int64_t>(OpCode::Add), static_cast<std::int64_t>(OpCode::Multiply),
                static_cast<std::int64_t>(OpCode::Maximum)};
    std::shuffle(domain.begin(), domain.end(), random_);
    for (std::int64_t value : domain) {
      values_.integers[index] = value;
      if (choose_integer(index + 1))
        return true;
    }
    values_.integers[index] = std::nullopt;
    return false;
  }

  const RewriteRule &rule_;
  Random &random_;
  std::set<std::uint32_t> reducers_;
  SymbolValues values_;
  int steps_ = 0;
};

std::string symbols_text(const RewriteRule &rule, const SymbolValues &values) {
  std::string out;
  auto add = [&](const std::string &name, const std::string &value) {
    out += (out.empty() ? "" : ", ") + name + "=" + value;
  };
  for (std::size_t t = 0; t < values.types.size(); ++t)
    add(rule.symbols.types.names[t], std::string(name(*values.types[t])));
  for (std::size_t s = 0; s < values.shapes.size(); ++s)
    add(rule.symbols.shapes.names[s], "[" + semantics::join_dims(*values.shapes[s]) + "]");
  for (std::size_t i = 0; i < values.integers.size(); ++i)
    add(rule.symbols.integers.names[i], std::to_string(*values.integers[i]));
  return out;
}

/// Every node's value, both to compare and to see what a side meets on the way.
TensorGraph with_all_results(const TensorGraph &graph) {
  TensorGraph out = graph;
  out.results.clear();
  for (std::uint32_t i = 0; i < out.nodes.size(); ++i)
    out.results.push_back({i});
  return out;
}

bool all_finite(std::span<const Tensor> values) {
  for (const Tensor &value : values)
    for (std::int64_t i = 0; i < value.elements(); ++i)
      if (!semantics::is_finite(value.shape().type, value.bits(i)))
        return false;
  return true;
}

bool equal(ElementType type, std::uint64_t a, std::uint64_t b, Level level) {
  if (a == b)
    return true;
  if (!semantics::is_float(type))
    return false;
  if (semantics::is_nan(type, a) && semantics::is_nan(type, b))
    return true;
  if (level == Level::Bits)
    return false;
  double x = semantics::decode(type, a), y = semantics::decode(type, b);
  // So few operations on numbers below 2^10 in f64 stay far below this.
  constexpr double rounding = 1e-9;
  return level == Level::Finite
             ? x == y
             : std::abs(x - y) <= rounding * std::max({1.0, std::abs(x), std::abs(y)});
}

std::uint64_t random_element(ElementType type, InputStyle style, Random &random) {
  std::uint64_t bits = random();
  int width = 8 * semantics::byte_size(type);
  std::uint64_t mask = width == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1;
  if (type == ElementType::Pred)
    return bits & 1;
  if (style == InputStyle::AnyBits)
    return bits & mask;
  constexpr std::int64_t small = 4;
  if (style == InputStyle::Rounding && semantics::is_float(type))
    return semantics::encode(type, std::ldexp(static_cast<double>(bits >> 1), -61) - small);
  auto number = static_cast<std::int64_t>(bits % (2 * small + 1)) - small;
  if (style == InputStyle::SmallIntegers || bits % 3 == 0)
    return semantics::is_float(type) ? semantics::encode(type, static_cast<double>(number))
                                     : semantics::encode_integer(type, number);
  bits = random();
  if (!semantics::is_float(type)) { // extremes and their neighbours
    std::uint64_t top = std::uint64_t{1} << (width - 1);
    const std::array<std::uint64_t, 6> special = {top, top - 1, mask, top + 1, mask - 1, 1};
    return one_of<std::uint64_t>(special, random) & mask;
  }
  static const std::array<double, 14> special = {
      0.0, -0.0, 1.0, -1.0, INFINITY, -INFINITY, NAN, 0.1, 1.0 / 3, 65504, 3e38, 1e-40, 6e-8, 1e4};
  return semantics::encode(type, one_of<double>(special, random));
}

} // namespace

std::vector<SmallInstance> small_instances(const RewriteRule &rule, std::size_t count,
                                           Random &random) {
  std::vector<SmallInstance> out;
  Chooser chooser(rule, random);
  constexpr std::size_t tries_each = 4;
  for (std::size_t i = 0; i < tries_each * count && out.size() < count; ++i) {
    semantics::interrupt_point();
    auto values = chooser.choose();
    if (!values)
      continue;
    try {
      SmallInstance instance{instantiate(rule.from, *values), instantiate(rule.to, *values),
                             symbols_text(rule, *values), 0};
      for (semantics::NodeId p : instance.from.parameters)
        instance.elements += instance.from[p].shape.elements();
      const semantics::Shape &result = instance.from[instance.from.results[0]].shape;
      if (result == instance.to[instance.to.results[0]].shape && result.elements() > 0)
        out.push_back(std::move(instance));
    } catch (const semantics::InputError &) { // not well-typed at this choice
    }
  }
  std::stable_sort(out.begin(), out.end(), [](const SmallInstance &a, const SmallInstance &b) {
    return a.elements < b.elements;
  });
  return out;
}

std::vector<Tensor> random_inputs(const TensorGraph &graph, InputStyle style, Random &random) {
  std::vector<Tensor> out;
  for (semantics::NodeId p : graph.parameters) {
    Tensor tensor(graph[p].shape);
    for (std::int64_t i = 0; i < tensor.elements(); ++i)
      tensor.set_bits(i, random_element(tensor.shape().type, style, random));
    out.push_back(std::move(tensor));
  }
  return out;
}

std::optional<Difference> difference(const SmallInstance &instance, std::span<const Tensor> inputs,
                                     Level level, const semantics::NumericsProfile &profile) {
  if (level != Level::Bits && has_flushed_denormals(inputs, profile))
    return std::nullopt; // outside of the level
  std::vector<Tensor> left = evaluate(with_all_results(instance.from), inputs, profile),
                      right = evaluate(with_all_results(instance.to), inputs, profile);
  if (level != Level::Bits && (!all_finite(left) || !all_finite(right)))
    return std::nullopt;
  const Tensor &a = left[instance.from.results[0].v], &b = right[instance.to.results[0].v];
  for (std::int64_t i = 0; i < a.elements(); ++i)
    if (!equal(a.shape().type, a.bits(i), b.bits(i), level))
      return Difference{i, semantics::element_text(a.shape().type, a.bits(i)),
                        semantics::element_text(b.shape().type, b.bits(i))};
  return std::nullopt;
}

Smallest smallest(const SmallInstance &instance, std::vector<Tensor> inputs, Level level,
                  const semantics::NumericsProfile &profile, const StopToken &stop) {
  constexpr int most_tests = 2000;
  int tests = 0;
  MinimizingTest shows{[&](const std::vector<Tensor> &smaller) {
                         ++tests;
                         stop.poll();
                         return difference(instance, smaller, level, profile).has_value();
                       },
                       [&] { return tests >= most_tests; }};
  inputs = minimized(std::move(inputs), shows);
  tests = 0;
  return smallest(instance.from, instance.to, profile, level, std::move(inputs), shows, stop);
}

} // namespace isamorph::verify
