#include "verify/real_polynomial.h"

#include "verify/real_normal_form.h"
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

/// The elements of a graph's result. The normal form reads constants as what they are.
std::vector<Polynomial> result_of(const TensorGraph &graph, Atoms &atoms, const StopToken &stop) {
  ExactGraph exact = exact_graph(graph);
  TermGraph terms(semantics::numerics_profile("xla_cpu"));
  terms.stop_with(&stop);
  std::vector<Shape> shapes;
  for (NodeId p : exact.graph.parameters)
    shapes.push_back(exact.graph[p].shape);
  SymbolicTensor result = execute(terms, exact.graph, symbolic_inputs(terms, shapes)).at(0);
  RealNormalizer normalizer(terms, atoms, {.stop = &stop});
  for (std::size_t c = 0; c < exact.constants.size(); ++c)
    for (std::int64_t e = 0; e < exact.constants[c]->elements(); ++e)
      normalizer.set_input(
          static_cast<std::uint32_t>(graph.parameters.size() + c), static_cast<std::uint32_t>(e),
          real_value(exact.constants[c]->shape().type, exact.constants[c]->bits(e)));
  std::vector<Polynomial> out;
  for (TermId element : result.elements) {
    const RealValue &value = normalizer.value(element);
    if (value.infinity)
      throw NotReal("an infinity");
    out.push_back(value.polynomial);
  }
  return out;
}

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
  Atoms atoms(true, &stop);
  std::vector<Polynomial> l = result_of(left, atoms, stop), r = result_of(right, atoms, stop);
  RealVerdict out;
  std::size_t searched = 0, best_size = 0, first = l.size();
  for (std::size_t i = 0; i < l.size() && searched < kMostSearched; ++i) {
    if (atoms.same(l[i], r[i]))
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
  } catch (const TooLarge &why) {
    return {Outcome::Unknown, why.what(), std::nullopt};
  } catch (const TooMuchWork &why) {
    return {Outcome::Unknown, why.what(), std::nullopt};
  } catch (const Stopped &stopped) {
    return {Outcome::Unknown, stopped.what(), std::nullopt};
  }
}

} // namespace isamorph::verify
