// What symbolic execution says a program computes is what the evaluator computes; and normal forms
// at `finite` have the same values up to the sign of zero.
#include "verify/symbolic.h"

#include "random_graph.h"
#include "verify/differential.h"
#include "verify/normalize.h"

#include <catch2/catch.hpp>

using namespace isamorph;
using namespace isamorph::verify;
using semantics::ElementType;

namespace {

constexpr int kGraphs = 1500;
constexpr int kAttempts = 24;

semantics::NumericsProfile profile(std::uint64_t seed) {
  const char *const texts[] = {
      "numerics a extends xla_cpu { }",
      "numerics b extends xla_cpu { denormals flush }",
      "numerics c extends f32_sequential { dot accumulate f64, order pairwise }",
      "numerics d { dot accumulate element, order blocks 2  reduce accumulate f32, order pairwise "
      "}",
  };
  return semantics::parse_numerics(semantics::make_source("test", texts[seed % 4])).at(0);
}

std::vector<semantics::Shape> parameter_shapes(const semantics::TensorGraph &graph) {
  std::vector<semantics::Shape> out;
  for (semantics::NodeId p : graph.parameters)
    out.push_back(graph[p].shape);
  return out;
}

/// For each term: it and all that it is computed from are finite.
std::vector<bool> wholly_finite(const TermGraph &terms, const std::vector<std::uint64_t> &values) {
  std::vector<bool> out(terms.size());
  for (std::uint32_t n = 0; n < terms.size(); ++n) {
    const Term &t = terms[{n}];
    bool all = semantics::is_finite(t.type, values[n]);
    auto need = [&](std::span<const TermId> ids) {
      for (TermId id : ids)
        all = all && out[id.v];
    };
    need(terms.operands({n}));
    if (t.kind == TermKind::Dot || t.kind == TermKind::Reduce)
      need(terms.elements({t.a}));
    if (t.kind == TermKind::Dot)
      need(terms.elements({t.b}));
    out[n] = all;
  }
  return out;
}

} // namespace

TEST_CASE("terms have the values that the evaluator computes") {
  std::int64_t compared = 0;
  for (std::uint64_t seed = 1; seed <= kGraphs; ++seed) {
    test::RandomGraph random(seed, {ElementType::F32, ElementType::BF16, ElementType::F16,
                                    ElementType::F64, ElementType::S8, ElementType::U8,
                                    ElementType::S32, ElementType::U16, ElementType::Pred});
    semantics::TensorGraph graph = random.make(kAttempts);
    semantics::NumericsProfile numerics = profile(seed / 2);
    TermGraph terms(numerics, seed % 2 == 0);
    auto shapes = parameter_shapes(graph);
    std::vector<SymbolicTensor> nodes = execute(terms, graph, symbolic_inputs(terms, shapes));
    for (int round = 0; round < 3; ++round) {
      std::vector<semantics::Tensor> inputs;
      for (const semantics::Shape &shape : shapes)
        inputs.push_back(random.input(shape, round > 0));
      std::vector<semantics::Tensor> expected = semantics::evaluate(graph, inputs, numerics);
      std::vector<std::uint64_t> values = evaluate_terms(terms, inputs);
      bool equal = true;
      for (std::size_t n = 0; n < nodes.size(); ++n) {
        REQUIRE(static_cast<std::int64_t>(nodes[n].elements.size()) == expected[n].elements());
        for (std::int64_t i = 0; i < expected[n].elements(); ++i, ++compared) {
          std::uint64_t value = values[nodes[n].elements[static_cast<std::size_t>(i)].v];
          if (value != expected[n].bits(i) && equal) { // NaN payloads included: bitcasts see them
            equal = false;
            FAIL_CHECK(
                "seed " << seed << ", " << semantics::info(graph.nodes[n].op).name << " "
                        << graph.nodes[n].shape.to_string() << " element " << i << ": " << std::hex
                        << value << " against " << expected[n].bits(i) << ", "
                        << terms.to_string(nodes[n].elements[static_cast<std::size_t>(i)], 3));
          }
        }
      }
    }
  }
  CHECK(compared > 100000);
}

TEST_CASE("normal forms at finite keep values up to the sign of zero") {
  std::int64_t compared = 0, changed = 0, blocked = 0;
  for (std::uint64_t seed = 1; seed <= 2 * kGraphs; ++seed) {
    test::RandomGraph random(seed, {ElementType::F32, ElementType::F32, ElementType::F32,
                                    ElementType::BF16, ElementType::S32});
    semantics::TensorGraph graph = random.make(2 * kAttempts);
    TermGraph terms(profile(seed));
    auto shapes = parameter_shapes(graph);
    std::vector<SymbolicTensor> nodes = execute(terms, graph, symbolic_inputs(terms, shapes));
    auto before = static_cast<std::uint32_t>(terms.size());
    Normalizer normalizer(terms, Level::Finite);
    std::vector<TermId> normal;
    for (std::uint32_t n = 0; n < before; ++n) {
      normal.push_back(normalizer.normalize({n}));
      changed += normal.back().v != n;
      blocked += normalizer.blocked({n});
    }
    for (int round = 0; round < 3; ++round) {
      std::vector<semantics::Tensor> inputs;
      for (const semantics::Shape &shape : shapes)
        inputs.push_back(random.input(shape, false));
      std::vector<std::uint64_t> values = evaluate_terms(terms, inputs);
      std::vector<bool> finite = wholly_finite(terms, values);
      for (std::uint32_t n = 0; n < before; ++n) {
        if (!finite[n] || normalizer.blocked({n}))
          continue;
        ++compared;
        if (!equal_element(terms[{n}].type, values[n], values[normal[n].v], Level::Finite)) {
          FAIL_CHECK("seed " << seed << ": " << terms.to_string({n}, 4) << " became "
                             << terms.to_string(normal[n], 4));
          break;
        }
      }
    }
  }
  CHECK(compared > 50000);
  CHECK(changed > 500);
  CHECK(blocked > 50);
}
