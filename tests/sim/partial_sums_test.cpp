// What accumulators hold on the way is recognised in kernels that are right, and a tile that is
// wrong is found where it is added.
#include "semantics/evaluator.h"
#include "semantics/hlo.h"
#include "sim/graph_values.h"
#include "sim/simulator.h"
#include "tests/bench/matrix_unit.h"
#include "tests/integer/machine.h"

#include <catch2/catch.hpp>

using namespace isamorph;
using semantics::Shape;
using semantics::Tensor;

namespace {

semantics::TensorGraph graph_of(const std::string &body) {
  return semantics::parse_hlo(semantics::make_source("graph", R"(HloModule g
    sum { l = f32[] parameter(0)
      r = f32[] parameter(1)
      ROOT s = f32[] add(l, r) }
    ENTRY g {
    )" + body + "}\n"));
}

/// The names of all results, up to the first that belongs to nothing: the last one is then empty.
struct Finder : sim::Observer {
  sim::GraphValues &values;
  std::vector<std::string> names;
  std::size_t number = 0; ///< of the last execution seen
  explicit Finder(sim::GraphValues &known) : values(known) {}
  bool after(const sim::Execution &execution) override {
    number = execution.number;
    for (const spec::ConcreteRegion &write : execution.writes) {
      names.push_back(values.find(execution.machine.read(write)).value_or(""));
      if (names.back().empty())
        return false;
    }
    return true;
  }
};

/// How a kernel's run goes beside a graph.
Finder found_in(const spec::Isa &isa, const spec::Kernel &kernel,
                const semantics::TensorGraph &graph) {
  std::vector<Tensor> inputs;
  for (const spec::Placed &input : kernel.inputs)
    inputs.push_back(test::random_tensor(input.shape, inputs.size() + 1));
  sim::GraphValues values(graph, inputs, isa.numerics);
  values.add_partial_sums(sim::terms_added(isa, kernel));
  Finder finder(values);
  sim::Simulator(isa, kernel).run(inputs, finder);
  return finder;
}

std::size_t count(const Finder &finder, const std::string &name) {
  return static_cast<std::size_t>(std::count(finder.names.begin(), finder.names.end(), name));
}

const char *const kProduct = R"(
  a = s8[64,64] parameter(0)
  b = s8[64,64] parameter(1)
  x = s32[64,64] convert(a)
  y = s32[64,64] convert(b)
  ROOT c = s32[64,64] dot(x, y), lhs_contracting_dims={1}, rhs_contracting_dims={0}
)";

} // namespace

TEST_CASE("each k tile of a product leads to the partial sum that has it") {
  spec::Isa isa = test::matrix_unit(4);
  for (bool looped : {false, true}) {
    spec::Kernel kernel = test::matrix_product(isa, 4, looped);
    Finder finder = found_in(isa, kernel, graph_of(kProduct));
    CHECK(finder.number == static_cast<std::size_t>(spec::instance_count(kernel)));
    for (const char *k : {"16", "32", "48"})
      CHECK(count(finder, "part of the partial sum of c over k = 0.." + std::string(k)) == 16);
    CHECK(count(finder, "part of c") == 16 + 4);
    CHECK(count(finder, "") == 0);
  }
  spec::Isa integers = test::integer_machine();
  spec::Kernel gemm = test::integer_kernel("gemm", integers);
  Finder finder = found_in(integers, gemm, test::integer_program("gemm"));
  CHECK(finder.number == static_cast<std::size_t>(spec::instance_count(gemm)));
  CHECK(count(finder, "part of the partial sum of c over k = 0..4") == 4);
}

TEST_CASE("a mistake in any k tile is named at its instruction") {
  spec::Isa isa = test::matrix_unit(4);
  spec::Kernel kernel = test::matrix_product(isa, 4, false);
  semantics::TensorGraph graph = graph_of(kProduct);
  // After eight loads, instruction 16 i + 4 j + k multiplies; the mistakes are made in tile (1, 2).
  struct Mistake {
    std::size_t k;
    std::size_t attribute; ///< a, b or c
    std::int64_t by;
    std::size_t seen; ///< at which k, or 4 for not at all
  };
  for (Mistake mistake :
       {Mistake{2, 0, 1, 2}, Mistake{2, 0, 4, 2}, Mistake{2, 1, 1, 2}, Mistake{2, 1, 4, 2},
        Mistake{2, 2, 1, 2}, Mistake{1, 0, -1, 1}, Mistake{3, 1, -4, 3}, Mistake{2, 2, -1, 2}}) {
    INFO("k " << mistake.k << ", attribute " << mistake.attribute << " by " << mistake.by);
    spec::Kernel wrong = kernel;
    std::size_t first = 8 + 16 * 1 + 4 * 2;
    wrong.instructions[first + mistake.k].attributes[mistake.attribute] += mistake.by;
    Finder finder = found_in(isa, wrong, graph);
    CHECK(finder.names.back().empty());
    CHECK(finder.number == first + mistake.seen + 1);
  }
  // A tile that is left out shows at the next one, and the last one at the end alone.
  for (std::size_t k : {1, 2, 3}) {
    spec::Kernel wrong = kernel;
    std::size_t at = 8 + 16 * 1 + 4 * 2 + k;
    wrong.instructions.erase(wrong.instructions.begin() + static_cast<std::ptrdiff_t>(at));
    Finder finder = found_in(isa, wrong, graph);
    if (k < 3)
      CHECK((finder.names.back().empty() && finder.number == at + 1));
    else
      CHECK(count(finder, "part of c") < 16 + 4);
  }
}

TEST_CASE("sums in a wider type, with an addend, and of reduces are recognised") {
  semantics::TensorGraph graph = graph_of(R"(
    a = bf16[4,12] parameter(0)
    b = bf16[12,6] parameter(1)
    p = s32[4,12] parameter(2)
    q = s32[12,6] parameter(3)
    d = s32[4,6] parameter(4)
    c = bf16[4,6] dot(a, b), lhs_contracting_dims={1}, rhs_contracting_dims={0}
    z = s32[4,6] dot(p, q), lhs_contracting_dims={1}, rhs_contracting_dims={0}
    e = s32[4,6] add(d, z)
    wide = f32[4,12] convert(a)
    one = f32[] constant(1)
    f = f32[4] reduce(wide, one), dimensions={1}, to_apply=sum
    ROOT all = (bf16[4,6], s32[4,6], f32[4]) tuple(c, e, f)
  )");
  std::vector<Tensor> inputs;
  for (semantics::NodeId p : graph.parameters) {
    inputs.emplace_back(graph[p].shape);
    Tensor &tensor = inputs.back();
    for (std::int64_t i = 0; i < tensor.elements(); ++i)
      tensor.set_bits(i, semantics::is_float(tensor.shape().type)
                             ? semantics::encode(tensor.shape().type, 0.3 * double(i % 17) - 2)
                             : static_cast<std::uint64_t>(i * i + 3));
  }
  const auto &profile = semantics::numerics_profile("f32_sequential");
  auto value = [&](const std::string &body) {
    return semantics::evaluate(graph_of(R"(
      a = bf16[4,12] parameter(0)
      b = bf16[12,6] parameter(1)
      p = s32[4,12] parameter(2)
      q = s32[12,6] parameter(3)
      d = s32[4,6] parameter(4)
    )" + body),
                               inputs, profile)[0];
  };
  std::string dims = ", lhs_contracting_dims={1}, rhs_contracting_dims={0}\n";
  auto slices = [](const std::string &type, const std::string &x, const std::string &y,
                   const std::string &k) {
    return "u = " + type + "[4," + k + "] slice(" + x + "), slice={[0:4],[0:" + k + "]}\n" +
           "v = " + type + "[" + k + ",6] slice(" + y + "), slice={[0:" + k + "],[0:6]}\n";
  };
  sim::GraphValues values(graph, inputs, profile);
  Tensor wide = value(slices("bf16", "a", "b", "8") + "ROOT w = f32[4,6] dot(u, v)" + dims);
  CHECK_FALSE(values.find(wide));
  values.add_partial_sums({4});
  CHECK(values.find(wide).value_or("none") == "the partial sum of c in f32 over k = 0..8");
  CHECK(values.find(value("ROOT w = f32[4,6] dot(a, b)" + dims)) == "c in f32");
  CHECK_FALSE(
      values.find(value(slices("bf16", "a", "b", "6") + "ROOT w = f32[4,6] dot(u, v)" + dims)));
  std::string four = slices("s32", "p", "q", "4") + "w = s32[4,6] dot(u, v)" + dims;
  CHECK(values.find(value(four + "ROOT s = s32[4,6] add(w, d)\n")) ==
        "the partial sum of z over k = 0..4 plus d");
  CHECK(values.find(value(four + "ROOT s = s32[6,4] transpose(w), dimensions={1,0}\n")) ==
        "the partial sum of z over k = 0..4 transposed {1,0}");
  CHECK_FALSE(values.find(value(four + "ROOT s = s32[4,6] subtract(w, d)\n")));
  auto row_sums = [&](const std::string &k) {
    return value("t = bf16[4," + k + "] slice(a), slice={[0:4],[0:" + k + "]}\nw = f32[4," + k +
                 "] convert(t)\none = f32[] constant(1)\n" +
                 "ROOT s = f32[4] reduce(w, one), dimensions={1}, to_apply=sum\n");
  };
  CHECK(values.find(row_sums("8")) == "the partial sum of f over k = 0..8");
  CHECK_FALSE(values.find(row_sums("7")));
}
