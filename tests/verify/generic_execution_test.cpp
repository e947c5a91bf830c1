// Generic iterations of kernels and programs against what each iteration does.
#include "looped_kernels.h"
#include "random_graph.h"
#include "verify/differential.h"
#include "verify/generic_graph.h"
#include "verify/generic_kernel.h"
#include "verify/parameter_shapes.h"
#include "verify/proof.h"
#include "verify/term_values.h"

#include <catch2/catch.hpp>
#include <set>

using namespace isamorph;
using namespace isamorph::verify;
using verify::test::graph_of;
using verify::test::kernel_of;
using verify::test::kRows;
using verify::test::product_kernel;
using verify::test::product_program;
using verify::test::Rows;
using verify::test::rows_kernel;

namespace {

/// All points of a box.
std::vector<std::vector<std::int64_t>> points(const std::vector<std::int64_t> &counts) {
  std::vector<std::vector<std::int64_t>> out = {{}};
  for (std::int64_t count : counts) {
    std::vector<std::vector<std::int64_t>> longer;
    for (const auto &p : out)
      for (std::int64_t i = 0; i < count; ++i) {
        longer.push_back(p);
        longer.back().push_back(i);
      }
    out = longer;
  }
  return out;
}

/// Where a position is at a point.
std::int64_t at_point(const semantics::IndexSpace &space, const semantics::AffineIndex &position,
                      const std::vector<std::int64_t> &point) {
  std::int64_t out = position.offset;
  for (std::size_t v = 0; v < point.size(); ++v)
    out += space.factors(position.slope)[v] * point[v];
  return out;
}

/// The elements of inputs at one point of the box: a generic run then gives what one iteration
/// does.
InputElement inputs_at(TermGraph &terms, const semantics::TensorGraph &graph,
                       const GenericLoops &loops, const std::vector<std::int64_t> &point) {
  return [&terms, &graph, &loops, &point](std::size_t p, const semantics::AffineIndex &position) {
    return terms.input(static_cast<std::uint32_t>(p),
                       static_cast<std::uint32_t>(at_point(loops.space(), position, point)),
                       graph[graph.parameters[p]].shape.type);
  };
}

std::vector<SymbolicTensor> inputs_of(TermGraph &terms, const semantics::TensorGraph &graph) {
  std::vector<semantics::Shape> shapes;
  for (semantics::NodeId p : graph.parameters)
    shapes.push_back(graph[p].shape);
  return symbolic_inputs(terms, shapes);
}

} // namespace

TEST_CASE("a generic iteration of a kernel does in each iteration what unrolling does") {
  spec::Isa isa = isamorph::test::integer_machine();
  auto compare = [&](const spec::Kernel &kernel, const semantics::TensorGraph &graph) {
    auto proof = prove_by_induction(kernel, isa, graph, Level::Bits);
    REQUIRE(proof);
    TermGraph terms(isa.numerics);
    GenericLoops loops(kernel, proof->induction);
    std::vector<SymbolicTensor> expected = execute(terms, isa, kernel, inputs_of(terms, graph));
    std::map<TermId, std::pair<std::size_t, semantics::AffineIndex>> positions;
    std::vector<semantics::Shape> shapes = parameter_shapes(graph);
    GenericInputs inputs(terms, shapes);
    InputElement input = [&](std::size_t p, const semantics::AffineIndex &position) {
      TermId element = inputs.element(p, position);
      positions[element] = {p, position};
      return element;
    };
    std::vector<GenericElement> generic =
        execute_generic(terms, isa, kernel, loops, input, 1 << 20);
    std::vector<TermId> roots;
    for (const GenericElement &e : generic)
      roots.push_back(e.term);
    std::vector<std::set<std::int64_t>> seen(expected.size());
    for (const auto &point : points(loops.space().counts())) {
      InputElement at = inputs_at(terms, graph, loops, point);
      std::vector<TermId> here = substituted(terms, roots, [&](TermId element) {
        const auto &[p, position] = positions.at(element);
        return at(p, position);
      });
      for (std::size_t i = 0; i < generic.size(); ++i) {
        std::int64_t element = at_point(loops.space(), generic[i].position, point);
        std::size_t o = generic[i].output;
        REQUIRE(here[i] == expected[o].elements.at(static_cast<std::size_t>(element)));
        seen[o].insert(element);
      }
    }
    for (std::size_t o = 0; o < expected.size(); ++o)
      CHECK(seen[o].size() == expected[o].elements.size());
  };
  compare(isamorph::test::integer_kernel("gemm", isa), isamorph::test::integer_program("gemm"));
  compare(kernel_of(product_kernel(12, 8, 8), isa), product_program(12, 8, 8));
  for (const Rows &rows : kRows)
    if (*rows.induction)
      compare(kernel_of(rows_kernel(rows.body), isa), graph_of(rows.program));
}

TEST_CASE("generic elements of random programs are the elements at every point") {
  spec::Kernel kernel;
  kernel.loops = {{"i", 0, 2, 1, 0, 2, {}}, {"j", 0, 3, 1, 0, 1, {}}};
  const std::vector<ElementType> types = {ElementType::F32, ElementType::BF16, ElementType::S32,
                                          ElementType::U8};
  int generic = 0, refused = 0, same = 0, others = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    INFO(seed);
    verify::test::RandomGraph random(seed, types);
    semantics::TensorGraph graph = random.make(30);
    TermGraph terms(semantics::numerics_profile("xla_cpu"));
    GenericLoops loops(kernel, {0, 1});
    std::vector<SymbolicTensor> all = execute_nodes(terms, graph, inputs_of(terms, graph));
    std::vector<semantics::Tensor> values;
    for (semantics::NodeId p : graph.parameters)
      values.push_back(random.input(graph[p].shape, true));
    for (std::uint32_t n = 0; n < graph.nodes.size(); ++n) {
      std::int64_t elements = graph.nodes[n].shape.elements();
      for (std::int64_t i = 0; i < 3; ++i)
        for (std::int64_t j = 0; j < 4; ++j) {
          semantics::AffineIndex position{(seed + n) % 2 ? 1 : 0, *loops.space().slope({i, j})};
          if (loops.space().range(position).high >= elements)
            continue;
          try {
            for (const auto &point : points({2, 3})) {
              InputElement input = inputs_at(terms, graph, loops, point);
              std::vector<GenericDemand> demand = {{n, position}};
              TermId found = execute_generic(terms, graph, loops, input, demand, 1 << 20).front();
              TermId expected =
                  all[n]
                      .elements[static_cast<std::size_t>(at_point(loops.space(), position, point))];
              generic += i + j > 0;
              (found == expected ? same : others)++;
              if (found == expected)
                continue;
              std::vector<std::uint64_t> numbers = evaluate_terms(terms, values);
              CHECK(equal_element(terms[found].type, numbers[found.v], numbers[expected.v],
                                  Level::Bits));
            }
          } catch (const UnrollLoops &) {
            ++refused;
          }
        }
    }
  }
  WARN(generic << " generic elements, " << refused << " refused; " << same << " the same terms, "
               << others << " others of the same value");
  CHECK(generic > 1000);
  CHECK(same > 20 * others);
}
