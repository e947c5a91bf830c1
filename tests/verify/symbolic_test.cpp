// What symbolic execution says a program computes is what the evaluator computes; and normal forms
// at `finite` have the same values up to the sign of zero.
#include "verify/parameter_shapes.h"
#include "verify/symbolic.h"

#include "random_graph.h"
#include "verify/differential.h"
#include "verify/normalize.h"
#include "verify/term_values.h"

#include "semantics/hlo.h"

#include <catch2/catch.hpp>
#include <map>

using namespace isamorph;
using namespace isamorph::verify;
using semantics::ElementType;

namespace {

constexpr int kGraphs = 1500;
constexpr int kAttempts = 24;

semantics::NumericsProfile profile(std::uint64_t seed) {
  const char *const texts[] = {
      "numerics a extends xla_cpu_ieee { }",
      "numerics b extends xla_cpu { }",
      "numerics c extends f32_sequential { dot accumulate f64, order pairwise }",
      "numerics d { dot accumulate element, order blocks 2  reduce accumulate f32, order pairwise "
      "}",
  };
  return semantics::parse_numerics(semantics::make_source("test", texts[seed % 4])).at(0);
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
  std::map<OpCode, int> seen;
  for (std::uint64_t seed = 1; seed <= kGraphs; ++seed) {
    test::RandomGraph random(seed, {ElementType::F32, ElementType::BF16, ElementType::F16,
                                    ElementType::F64, ElementType::S8, ElementType::U8,
                                    ElementType::S32, ElementType::U16, ElementType::Pred});
    semantics::TensorGraph graph = random.make(kAttempts);
    semantics::NumericsProfile numerics = profile(seed / 2);
    for (const semantics::Node &node : graph.nodes)
      ++seen[node.op];
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
  for (OpCode op : {OpCode::Dot, OpCode::Reduce, OpCode::ReduceWindow, OpCode::Convolution,
                    OpCode::Pad, OpCode::DynamicSlice, OpCode::DynamicUpdateSlice}) {
    INFO(semantics::info(op).name);
    CHECK(seen[op] > 40);
  }
}

TEST_CASE("a start index that depends on the inputs is refused with its place") {
  semantics::TensorGraph graph = semantics::parse_hlo(semantics::make_source(
      "d.hlo", "ENTRY e {\n  x = f32[4] parameter(0)\n  i = s32[] parameter(1)\n  ROOT y = f32[2] "
               "dynamic-slice(x, i), dynamic_slice_sizes={2}\n}\n"));
  TermGraph terms(semantics::numerics_profile("xla_cpu"));
  auto inputs = symbolic_inputs(terms, parameter_shapes(graph));
  CHECK_THROWS_WITH(execute(terms, graph, inputs),
                    Catch::StartsWith("d.hlo:4:") && Catch::Contains("depends on the inputs"));
  inputs[1].elements[0] = terms.literal(ElementType::S32, 9); // clamped to 2
  std::vector<TermId> slice = execute(terms, graph, inputs)[0].elements;
  CHECK(slice == std::vector<TermId>{inputs[0].elements[2], inputs[0].elements[3]});
}

TEST_CASE("a convolution is the dot of its gathered and zero-filled windows, to the same terms") {
  auto run = [](TermGraph &terms, const std::string &body) {
    semantics::TensorGraph graph = semantics::parse_hlo(semantics::make_source(
        "c.hlo",
        "ENTRY e { x = bf16[1,3,1] parameter(0) k = bf16[2,1,2] parameter(1) " + body + " }"));
    return execute(terms, graph, symbolic_inputs(terms, parameter_shapes(graph)))[0].elements;
  };
  TermGraph terms(semantics::numerics_profile("xla_cpu"));
  auto direct = run(terms, "ROOT y = bf16[1,4,2] convolution(x, k), window={size=2 pad=1_1}, "
                           "dim_labels=b0f_0io->b0f");
  auto gathered =
      run(terms, "z = bf16[] constant(0) p = bf16[1,5,1] pad(x, z), padding=0_0x1_1x0_0 "
                 "a = bf16[1,4,1] slice(p), slice={[0:1], [0:4], [0:1]} "
                 "b = bf16[1,4,1] slice(p), slice={[0:1], [1:5], [0:1]} "
                 "c = bf16[1,4,2] concatenate(a, b), dimensions={2} m = bf16[4,2] reshape(c) "
                 "w = bf16[2,2] reshape(k) d = bf16[4,2] dot(m, w), lhs_contracting_dims={1}, "
                 "rhs_contracting_dims={0} ROOT y = bf16[1,4,2] reshape(d)");
  CHECK(direct == gathered);
}

TEST_CASE("normal forms at finite keep values up to the sign of zero", "[slow]") {
  std::int64_t compared = 0, changed = 0, blocked = 0;
  for (std::uint64_t seed = 1; seed <= 2 * kGraphs; ++seed) {
    test::RandomGraph random(seed, {ElementType::F32, ElementType::F32, ElementType::F32,
                                    ElementType::BF16, ElementType::S32});
    semantics::TensorGraph graph = random.make(2 * kAttempts);
    TermGraph terms(profile(seed));
    auto shapes = parameter_shapes(graph);
    std::vector<SymbolicTensor> nodes = execute(terms, graph, symbolic_inputs(terms, shapes));
    auto before = static_cast<std::uint32_t>(terms.size());
    Normalizer normalizer(terms);
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
