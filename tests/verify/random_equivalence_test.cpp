// Programs made equal by applying proved rules at random: saturate a random program, take another
// member of each of its values' classes, and require that the structural proof finds them equal at
// the rules' level, and that running both agrees.
#include "random_graph.h"
#include "search/saturate.h"
#include "verify/differential.h"
#include "verify/integer_normal_form.h"
#include "verify/normalize.h"
#include "verify/real_normal_form.h"
#include "verify/term_values.h"

#include <catch2/catch.hpp>
#include <limits>

using namespace isamorph;
using namespace isamorph::verify;
using search::ClassId;
using search::ENodeId;
using semantics::ElementType;
using semantics::OpCode;
using semantics::TensorGraph;

namespace {

/// A program that takes from every class the node of the cheapest term, where nodes cost random
/// numbers: any term of the class without cycles can come out.
class RandomMember {
public:
  RandomMember(const search::TensorEGraph &egraph, std::uint64_t seed) : egraph_(egraph) {
    std::mt19937_64 engine(seed);
    std::size_t limit = egraph.graph().class_limit();
    cost_.assign(limit, kNone);
    choice_.assign(limit, {});
    std::vector<std::vector<double>> node_costs(limit);
    for (ClassId c : egraph.graph().classes())
      for ([[maybe_unused]] ENodeId node : egraph.graph().nodes_of(c))
        node_costs[c.v].push_back(1 + static_cast<double>(engine() % 64));
    for (bool changed = true; changed;) {
      changed = false;
      for (ClassId c : egraph.graph().classes())
        for (std::size_t n = 0; n < node_costs[c.v].size(); ++n)
          changed |= improve(c, egraph.graph().nodes_of(c)[n], node_costs[c.v][n]);
    }
  }

  /// Parameters stay the first nodes, in order.
  TensorGraph program(const TensorGraph &original, std::span<const ClassId> classes) {
    for (semantics::NodeId p : original.parameters) {
      const semantics::Node &node = original[p];
      semantics::NodeId id =
          out_.add(OpCode::Parameter, {}, node.attributes, node.shape, node.name);
      if (std::find(out_.parameters.begin(), out_.parameters.end(), id) == out_.parameters.end())
        out_.parameters.push_back(id);
      made_[egraph_.find(classes[p.v]).v] = id;
    }
    for (semantics::NodeId r : original.results)
      out_.results.push_back(make(egraph_.find(classes[r.v])));
    return std::move(out_);
  }

private:
  static constexpr double kNone = std::numeric_limits<double>::infinity();

  bool improve(ClassId c, ENodeId node, double cost) {
    for (ClassId child : egraph_.graph().children(node))
      cost += cost_[egraph_.find(child).v];
    if (!(cost < cost_[c.v]))
      return false;
    cost_[c.v] = cost;
    choice_[c.v] = node;
    return true;
  }

  semantics::NodeId make(ClassId c) {
    c = egraph_.find(c);
    if (auto known = made_.find(c.v); known != made_.end())
      return known->second;
    ENodeId node = choice_[c.v];
    std::vector<semantics::NodeId> operands;
    for (ClassId child : egraph_.graph().children(node))
      operands.push_back(make(child));
    const search::TensorOperator &op = egraph_.operator_of(node);
    semantics::NodeId id = out_.add(op.op, std::move(operands), op.attributes,
                                    egraph_.operators().shape(op.shape), "c" + std::to_string(c.v));
    made_[c.v] = id;
    return id;
  }

  const search::TensorEGraph &egraph_;
  std::vector<double> cost_;
  std::vector<ENodeId> choice_;
  std::map<std::uint32_t, semantics::NodeId> made_;
  TensorGraph out_;
};

struct Totals {
  int pairs = 0, changed = 0, proved = 0;
};

std::vector<TermId> elements(const std::vector<SymbolicTensor> &tensors) {
  std::vector<TermId> out;
  for (const SymbolicTensor &t : tensors)
    out.insert(out.end(), t.elements.begin(), t.elements.end());
  return out;
}

bool proved(const TensorGraph &a, const TensorGraph &b, Level level) {
  TermGraph terms(semantics::numerics_profile("xla_cpu"));
  std::vector<semantics::Shape> shapes;
  for (semantics::NodeId p : a.parameters)
    shapes.push_back(a[p].shape);
  auto inputs = symbolic_inputs(terms, shapes);
  std::vector<TermId> left = elements(execute(terms, a, inputs)),
                      right = elements(execute(terms, b, inputs));
  REQUIRE(left.size() == right.size());
  if (left != right && has_integer_arithmetic(terms)) {
    IntegerNormalizer integers(terms);
    for (std::vector<TermId> *side : {&left, &right})
      for (TermId &term : *side)
        term = integers.normalize(term);
  }
  Normalizer normalizer(terms);
  auto at_finite = [&](TermId a, TermId b) {
    return normalizer.normalize(a) == normalizer.normalize(b) && !normalizer.blocked(a) &&
           !normalizer.blocked(b);
  };
  auto at_real = [&](TermId a, TermId b) {
    Atoms atoms;
    return RealNormalizer(terms, atoms, {}).equal(a, b);
  };
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (left[i] == right[i])
      continue;
    if (level == Level::Bits || (level == Level::Finite && !at_finite(left[i], right[i])) ||
        (level == Level::Real && !at_real(left[i], right[i]))) {
      UNSCOPED_INFO(terms.to_string(left[i], 6) << " against " << terms.to_string(right[i], 6));
      return false;
    }
  }
  return true;
}

void compare_runs(const TensorGraph &a, const TensorGraph &b, Level level) {
  const semantics::NumericsProfile &profile = semantics::numerics_profile("xla_cpu");
  std::vector<semantics::Shape> shapes;
  for (semantics::NodeId p : a.parameters)
    shapes.push_back(a[p].shape);
  TermGraph terms(profile);
  auto symbols = symbolic_inputs(terms, shapes);
  execute(terms, a, symbols);
  execute(terms, b, symbols);
  for (int i = 0; i < 18; ++i) {
    auto inputs = test_input(shapes, level, 5, i);
    auto values = evaluate_terms(terms, inputs);
    bool finite = true;
    for (std::uint32_t t = 0; t < values.size(); ++t)
      finite &= semantics::is_finite(terms[{t}].type, values[t]);
    if (level != Level::Bits && !finite)
      continue;
    auto left = semantics::evaluate(a, inputs, profile),
         right = semantics::evaluate(b, inputs, profile);
    for (std::size_t r = 0; r < left.size(); ++r)
      for (std::int64_t e = 0; e < left[r].elements(); ++e)
        if (!equal_element(left[r].shape().type, left[r].bits(e), right[r].bits(e), level))
          FAIL("result " << r << " element " << e);
  }
}

Totals run(Level level, std::vector<ElementType> types, int programs) {
  spec::Isa isa = spec::load_isa("qkv");
  Totals totals;
  search::SaturationLimits limits;
  limits.nodes = 4000;
  limits.iterations = 5;
  for (int seed = 1; seed <= programs; ++seed) {
    TensorGraph graph = test::RandomGraph(static_cast<std::uint64_t>(seed), types).make(14);
    search::TensorEGraph egraph(isa.numerics);
    std::vector<ClassId> classes = egraph.add_graph(graph);
    search::saturate(egraph, isa, semantics::shipped_rules(), level, limits);
    for (std::uint64_t member = 1; member <= 3; ++member) {
      TensorGraph other = RandomMember(egraph, member).program(graph, classes);
      INFO("program " << seed << ", member " << member);
      bool changed = other.nodes.size() != graph.nodes.size();
      for (std::size_t n = 0; !changed && n < graph.nodes.size(); ++n)
        changed = graph.nodes[n].op != other.nodes[n].op;
      ++totals.pairs;
      totals.changed += changed;
      bool same = proved(graph, other, level);
      totals.proved += same;
      if (level == Level::Real)
        continue;
      CHECK(same);
      compare_runs(graph, other, level);
    }
  }
  return totals;
}

} // namespace

TEST_CASE("programs made equal by rules of level bits are proved equal", "[slow]") {
  Totals totals = run(Level::Bits, {ElementType::BF16, ElementType::F32}, 2000);
  CHECK(totals.changed >= totals.pairs / 2);
}

TEST_CASE("integer programs made equal by rules are proved equal", "[slow]") {
  Totals totals = run(Level::Bits, {ElementType::S8, ElementType::S32, ElementType::U8}, 2000);
  CHECK(totals.changed >= totals.pairs / 2);
}

TEST_CASE("programs made equal by rules of level finite are proved equal", "[slow]") {
  Totals totals = run(Level::Finite, {ElementType::BF16, ElementType::F32}, 2000);
  CHECK(totals.changed >= totals.pairs / 2);
}

// Rules of level real also apply below bitcast-convert, whose bytes are no real numbers; such
// programs may stay unproved.
TEST_CASE("programs made equal by rules of level real are proved equal but for few", "[slow]") {
  Totals totals = run(Level::Real, {ElementType::BF16, ElementType::F32}, 2000);
  CHECK(totals.changed >= totals.pairs / 2);
  CHECK(totals.proved * 200 >= totals.pairs * 199);
}
