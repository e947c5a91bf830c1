#include "verify/real_polynomial.h"

#include "verify/polynomial.h"
#include "verify/symbolic.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace isamorph::verify {
namespace {

using semantics::Node;
using semantics::NodeId;
using semantics::Shape;
using semantics::Tensor;
using semantics::TensorGraph;

/// A graph whose floats are f64 and whose float constants are further parameters: symbolic
/// execution then folds no rounded literals but those of integers.
struct ExactGraph {
  TensorGraph graph;
  std::vector<semantics::TensorRef> constants; ///< of the parameters from the first one after the
                                               ///< original's
};

Shape exact_shape(Shape shape) {
  if (is_float(shape.type))
    shape.type = ElementType::F64;
  return shape;
}

ExactGraph exact_graph(const TensorGraph &graph) {
  ExactGraph out;
  std::vector<NodeId> moved(graph.nodes.size());
  auto parameter = [&](const Shape &shape) {
    semantics::Attributes attributes;
    attributes.set(semantics::AttributeKey::ParameterNumber,
                   {static_cast<std::int64_t>(out.graph.parameters.size())});
    return out.graph.add(OpCode::Parameter, {}, attributes, exact_shape(shape));
  };
  for (NodeId p : graph.parameters)
    moved[p.v] = parameter(graph[p].shape);
  for (std::uint32_t i = 0; i < graph.nodes.size(); ++i) {
    const Node &node = graph.nodes[i];
    if (node.op == OpCode::Parameter)
      continue;
    if (node.op == OpCode::BitcastConvert)
      throw NotReal("'bitcast-convert' is no operation on real numbers");
    if (node.op == OpCode::Constant && is_float(node.shape.type)) {
      moved[i] = parameter(node.shape);
      out.constants.push_back(node.attributes.literal);
      continue;
    }
    std::vector<NodeId> operands;
    for (NodeId operand : node.operands)
      operands.push_back(moved[operand.v]);
    moved[i] = out.graph.add(node.op, std::move(operands), node.attributes, exact_shape(node.shape),
                             {}, node.location);
  }
  for (NodeId r : graph.results)
    out.graph.results.push_back(moved[r.v]);
  return out;
}

/// A polynomial, or an infinity (the initial value of a maximum or minimum).
struct Value {
  Polynomial polynomial;
  int infinity = 0;
};

Value value_of(ElementType type, std::uint64_t bits) {
  if (semantics::is_nan(type, bits))
    throw NotReal("NaN is no real number");
  double number = semantics::decode(type, bits);
  if (std::isinf(number))
    return {{}, number < 0 ? -1 : 1};
  return {constant(Rational(number)), 0};
}

const Polynomial &finite(const Value &value) {
  if (value.infinity)
    throw NotReal("arithmetic with an infinity");
  return value.polynomial;
}

/// The terms of one side as polynomials.
class Evaluation {
public:
  Evaluation(Atoms &atoms, const TensorGraph &graph, const StopToken &stop)
      : atoms_(atoms), exact_(exact_graph(graph)), inputs_(graph.parameters.size()),
        terms_(semantics::numerics_profile("xla_cpu")) {
    terms_.stop_with(&stop);
  }

  std::vector<Polynomial> result() {
    std::vector<Shape> shapes;
    for (NodeId p : exact_.graph.parameters)
      shapes.push_back(exact_.graph[p].shape);
    std::vector<SymbolicTensor> inputs = symbolic_inputs(terms_, shapes);
    SymbolicTensor result = execute(terms_, exact_.graph, inputs).at(0);
    for (std::uint32_t t = 0; t < terms_.size(); ++t)
      values_.push_back(compute({t}));
    std::vector<Polynomial> out;
    for (TermId element : result.elements)
      out.push_back(finite(values_[element.v]));
    return out;
  }

private:
  Value compute(TermId id) {
    terms_.poll();
    const Term &t = terms_[id];
    switch (t.kind) {
    case TermKind::Input:
      if (t.a < inputs_)
        return {atoms_.input(t.a, t.b), 0};
      return constant_element(*exact_.constants[t.a - inputs_], t.b);
    case TermKind::Literal:
      return value_of(t.type, t.bits);
    case TermKind::Op:
      return operation(t, terms_.operands(id));
    case TermKind::Dot:
      return dot(t);
    case TermKind::Reduce:
      return reduce(t, terms_.operands(id)[0]);
    default:
      throw NotReal("bytes of a number are not real numbers");
    }
  }

  static Value constant_element(const Tensor &tensor, std::uint32_t element) {
    return value_of(tensor.shape().type, tensor.bits(element));
  }

  void need_float(const Term &t) const {
    if (!is_float(t.type))
      throw NotReal("integers that depend on the inputs wrap");
  }

  Value dot(const Term &t) {
    need_float(t);
    auto a = terms_.elements({t.a}), b = terms_.elements({t.b});
    Value out;
    for (std::size_t i = 0; i < a.size(); ++i) {
      terms_.poll();
      add_product(out.polynomial, finite(values_[a[i].v]), finite(values_[b[i].v]));
    }
    return out;
  }

  Value reduce(const Term &t, TermId init) {
    need_float(t);
    std::vector<TermId> parts = {init};
    auto elements = terms_.elements({t.a});
    parts.insert(parts.end(), elements.begin(), elements.end());
    Value out;
    switch (t.op) {
    case OpCode::Add:
      for (TermId part : parts)
        add_scaled(out.polynomial, finite(values_[part.v]), 1);
      return out;
    case OpCode::Multiply:
      out.polynomial = constant(1);
      for (TermId part : parts) {
        terms_.poll();
        Polynomial product;
        add_product(product, out.polynomial, finite(values_[part.v]));
        out.polynomial = std::move(product);
      }
      return out;
    case OpCode::Maximum:
      return extremum(parts, 1);
    case OpCode::Minimum:
      return extremum(parts, -1);
    default:
      throw NotReal("a reduction of truth values");
    }
  }

  /// The greatest of sign * part, times sign.
  Value extremum(std::span<const TermId> parts, int sign) {
    std::vector<Polynomial> all;
    for (TermId part : parts) {
      const Value &value = values_[part.v];
      if (value.infinity * sign > 0)
        return {{}, sign};
      if (value.infinity == 0)
        all.push_back(scaled(value.polynomial, sign));
    }
    if (all.empty())
      return {{}, -sign};
    return {scaled(atoms_.maximum(all), sign), 0};
  }

  Value operation(const Term &t, std::span<const TermId> in) {
    if (t.op == OpCode::Maximum || t.op == OpCode::Minimum) {
      need_float(t);
      return extremum(in, t.op == OpCode::Maximum ? 1 : -1);
    }
    if (t.op == OpCode::Select && terms_[in[0]].kind == TermKind::Literal)
      return values_[in[terms_[in[0]].bits ? 1 : 2].v];
    std::vector<Polynomial> x;
    for (TermId operand : in)
      x.push_back(finite(values_[operand.v]));
    bool compares = t.op == OpCode::Compare && is_float(terms_[in[0]].type);
    if (!compares)
      need_float(t);
    return {arithmetic(t, terms_[in[0]].type, std::move(x)), 0};
  }

  Polynomial arithmetic(const Term &t, ElementType from, std::vector<Polynomial> x) {
    Polynomial out;
    switch (t.op) {
    case OpCode::Copy:
      return x[0];
    case OpCode::Convert:
      if (!is_float(from) && from != ElementType::Pred)
        throw NotReal("a conversion of integers that depend on the inputs");
      return x[0];
    case OpCode::Add:
    case OpCode::Subtract:
      add_scaled(x[0], x[1], t.op == OpCode::Add ? 1 : -1);
      return x[0];
    case OpCode::Negate:
      return scaled(x[0], -1);
    case OpCode::Multiply:
      add_product(out, x[0], x[1]);
      return out;
    case OpCode::Divide:
      add_product(out, x[0], atoms_.reciprocal(x[1]));
      return out;
    case OpCode::Abs:
      return atoms_.maximum({x[0], scaled(x[0], -1)});
    default:
      return atoms_.function(t.op, t.detail, std::move(x));
    }
  }

  Atoms &atoms_;
  ExactGraph exact_;
  std::uint32_t inputs_;
  TermGraph terms_;
  std::vector<Value> values_;
};

/// Looks for small integers at which two polynomials differ, with as few that are not zero as it
/// can.
class Search {
public:
  Search(const Atoms &atoms, const StopToken &stop) : atoms_(atoms), stop_(stop) {}

  struct Found {
    std::map<AtomId, Rational> point;
    Rational left, right;
  };

  std::optional<Found> run(const Polynomial &left, const Polynomial &right) {
    Polynomial difference = left;
    add_scaled(difference, right, -1);
    std::set<std::vector<AtomId>> by_monomial = {{}};
    std::set<AtomId> all;
    for (const auto &[monomial, factor] : difference) {
      std::set<AtomId> inputs;
      atoms_.collect_inputs(monomial, inputs);
      by_monomial.insert({inputs.begin(), inputs.end()});
      all.insert(inputs.begin(), inputs.end());
    }
    std::vector<std::vector<AtomId>> supports(by_monomial.begin(), by_monomial.end());
    std::stable_sort(supports.begin(), supports.end(),
                     [](const auto &a, const auto &b) { return a.size() < b.size(); });
    if (supports.size() > kMostSupports)
      supports.resize(kMostSupports);
    supports.emplace_back(all.begin(), all.end());
    for (const std::vector<AtomId> &support : supports)
      for (int attempt = 0; attempt < kAttempts; ++attempt)
        if (auto found = test(point(support, attempt), left, right))
          return smaller(std::move(*found), left, right);
    return std::nullopt;
  }

private:
  static constexpr std::size_t kMostSupports = 64;
  static constexpr int kAttempts = 48;

  /// All ones, then all minus ones, then random ones that grow.
  std::map<AtomId, Rational> point(const std::vector<AtomId> &support, int attempt) {
    std::map<AtomId, Rational> out;
    auto bound = static_cast<std::uint64_t>(1 + attempt / 16);
    for (AtomId id : support)
      out[id] = attempt == 0 ? 1
                : attempt == 1
                    ? -1
                    : static_cast<int>(engine_() % (2 * bound + 1)) - static_cast<int>(bound);
    return out;
  }

  std::optional<Found> test(std::map<AtomId, Rational> point, const Polynomial &left,
                            const Polynomial &right) const {
    stop_.poll();
    try {
      PointEvaluator values(atoms_, point);
      Found out{std::move(point), values.evaluate(left), values.evaluate(right)};
      if (out.left != out.right)
        return out;
    } catch (const NotReal &) { // not defined there
    }
    return std::nullopt;
  }

  Found smaller(Found found, const Polynomial &left, const Polynomial &right) const {
    for (const Rational &plain : {Rational(0), Rational(1)})
      for (const auto &[id, value] : std::map(found.point)) {
        if (value == 0 || value == plain)
          continue;
        std::map<AtomId, Rational> point = found.point;
        point[id] = plain;
        if (auto better = test(std::move(point), left, right))
          found = std::move(*better);
      }
    return found;
  }

  const Atoms &atoms_;
  const StopToken &stop_;
  std::mt19937_64 engine_{1};
};

RealDifference difference(const TensorGraph &graph, const Atoms &atoms, std::size_t element,
                          const Search::Found &found) {
  RealDifference out;
  for (NodeId p : graph.parameters)
    out.inputs.emplace_back(graph[p].shape);
  for (const auto &[id, value] : found.point) {
    const Atom &atom = atoms[id];
    Tensor &tensor = out.inputs[atom.parameter];
    tensor.set_bits(atom.element,
                    semantics::encode(tensor.shape().type, value.convert_to<double>()));
  }
  out.element = static_cast<std::int64_t>(element);
  out.left = found.left.str();
  out.right = found.right.str();
  return out;
}

std::size_t support_size(const Search::Found &found) {
  return static_cast<std::size_t>(std::count_if(found.point.begin(), found.point.end(),
                                                [](const auto &p) { return p.second != 0; }));
}

RealVerdict compare(const TensorGraph &left, const TensorGraph &right, const StopToken &stop) {
  constexpr std::size_t kMostSearched = 16;
  Atoms atoms;
  std::vector<Polynomial> l = Evaluation(atoms, left, stop).result(),
                          r = Evaluation(atoms, right, stop).result();
  RealVerdict out;
  std::size_t searched = 0, best_size = 0, first = l.size();
  for (std::size_t i = 0; i < l.size() && searched < kMostSearched; ++i) {
    if (l[i] == r[i])
      continue;
    first = std::min(first, i);
    ++searched;
    auto found = Search(atoms, stop).run(l[i], r[i]);
    if (found && (!out.difference || support_size(*found) < best_size)) {
      best_size = support_size(*found);
      out.difference = difference(left, atoms, i, *found);
    }
  }
  out.outcome = out.difference      ? Outcome::Different
                : first == l.size() ? Outcome::Equivalent
                                    : Outcome::Unknown;
  if (out.outcome == Outcome::Unknown)
    out.reason = "element " + std::to_string(first) +
                 " has different normal forms, but no integers were found that show it";
  return out;
}

} // namespace

RealVerdict compare_over_reals(const TensorGraph &left, const TensorGraph &right,
                               const StopToken &stop) {
  try {
    stop.doing("comparing polynomials over the reals");
    return compare(left, right, stop);
  } catch (const NotReal &why) {
    return {Outcome::Unknown, why.what(), std::nullopt};
  } catch (const Stopped &stopped) {
    return {Outcome::Unknown, stopped.what(), std::nullopt};
  }
}

} // namespace isamorph::verify
