// What observers see of a run, and the values of a graph in which they look it up.
#include "semantics/hlo.h"
#include "sim/graph_values.h"
#include "sim/place.h"
#include "sim/simulator.h"
#include "tests/integer/machine.h"

#include <catch2/catch.hpp>

using namespace isamorph;
using semantics::ElementType;
using semantics::Shape;
using semantics::Tensor;

namespace {

Tensor counting(Shape shape, std::int64_t first = 1) {
  Tensor tensor(std::move(shape));
  for (std::int64_t i = 0; i < tensor.elements(); ++i)
    tensor.set_bits(i, semantics::encode_integer(tensor.shape().type, first + i));
  return tensor;
}

spec::ConcreteRegion place(const std::string &text, const spec::Isa &isa) {
  semantics::Cursor cursor(semantics::make_source("place", text));
  return sim::parse_place(cursor, isa, 384);
}

/// Writes down what happens, and stops before or after an execution.
struct Log : sim::Observer {
  std::vector<std::string> lines;
  const spec::Isa &isa;
  std::size_t stop_before = 0, stop_after = 0;
  explicit Log(const spec::Isa &known) : isa(known) {}
  bool before(const sim::Execution &execution) override { return execution.number != stop_before; }
  bool after(const sim::Execution &execution) override {
    lines.push_back(spec::to_string(execution.instance.call, isa));
    return execution.number != stop_after;
  }
};

} // namespace

TEST_CASE("observers see each iteration in program order and may end the run") {
  spec::Isa isa = test::integer_machine();
  spec::Kernel kernel = test::integer_kernel("gemm", isa);
  sim::Simulator simulator(isa, kernel);
  std::vector<Tensor> inputs;
  for (const spec::Placed &input : kernel.inputs)
    inputs.push_back(counting(input.shape));
  Log all(isa);
  CHECK(simulator.run(inputs, all) == simulator.run(inputs));
  std::vector<std::string> expected;
  for (const spec::KernelInstruction &call : spec::unrolled(kernel).instructions)
    expected.push_back(spec::to_string(call, isa));
  CHECK(all.lines == expected);

  Log before(isa), after(isa);
  before.stop_before = after.stop_after = 5;
  CHECK_FALSE(simulator.run(inputs, before));
  CHECK_FALSE(simulator.run(inputs, after));
  CHECK(before.lines.size() == 4);
  CHECK(after.lines.size() == 5);
}

TEST_CASE("machines show places as they are at that moment") {
  spec::Isa isa = test::integer_machine();
  spec::Kernel kernel = test::integer_kernel("gemm", isa);
  struct Reader : sim::Observer {
    spec::ConcreteRegion region;
    std::vector<Tensor> seen;
    bool after(const sim::Execution &execution) override {
      seen.push_back(execution.machine.read(region));
      return execution.number < 3;
    }
  } reader;
  reader.region = place("acc[0]", isa);
  std::vector<Tensor> inputs;
  for (const spec::Placed &input : kernel.inputs)
    inputs.push_back(counting(input.shape));
  sim::Simulator simulator(isa, kernel);
  CHECK_FALSE(simulator.run(inputs, reader));
  CHECK(reader.seen.size() == 3);
  for (const Tensor &tensor : reader.seen)
    CHECK(tensor == Tensor(Shape{ElementType::S32, {1, 4}}));
  reader.region.starts = {1 << 20};
  CHECK_THROWS_AS(simulator.run(inputs, reader), semantics::InputError);
}

TEST_CASE("places read back, and name no place outside of a buffer") {
  spec::Isa isa = test::integer_machine();
  for (const char *text : {"acc[3]", "acc[3 : 5]", "acc[0 : 32]"})
    CHECK(sim::place_text(place(text, isa), isa) == text);
  CHECK(sim::place_text(place("acc", isa), isa) == "acc[0 : 32]");
  CHECK(sim::place_text(place(" acc [ 31:1 ]", isa), isa) == "acc[31]");
  for (const char *text : {"acc[32]", "acc[-1]", "acc[0:33]", "acc[31:2]", "acc[0:0]", "none[0]",
                           "acc[", "acc[1", "acc[1,2]", "", "acc[9223372036854775807:2]"})
    CHECK_THROWS_AS(place(text, isa), semantics::InputError);
  CHECK(sim::overlap(place("acc[3:5]", isa), place("acc[7:1]", isa)));
  CHECK_FALSE(sim::overlap(place("acc[3:5]", isa), place("acc[8:1]", isa)));
}

TEST_CASE("results belong to values, their transposes, parts and tiles, and to nothing else") {
  auto graph = semantics::parse_hlo(semantics::make_source("g", R"(
    HloModule g
    ENTRY main {
      x = s32[4,6] parameter(0)
      n = s32[4,6] negate(x)
      ROOT y = s32[4,6] multiply(n, n)
    })"));
  Tensor x = counting({ElementType::S32, {4, 6}});
  sim::GraphValues values(graph, std::vector<Tensor>{x}, {});
  values.add("constant c", counting({ElementType::S32, {2, 2}}, 1000));
  auto tensor = [](std::vector<std::int64_t> dims, std::vector<std::int64_t> elements) {
    Tensor out(Shape{ElementType::S32, std::move(dims)});
    for (std::size_t i = 0; i < elements.size(); ++i)
      out.set_bits(static_cast<std::int64_t>(i),
                   semantics::encode_integer(ElementType::S32, elements[i]));
    return out;
  };
  CHECK(values.find(x) == "x");
  CHECK(values.find(Tensor(Shape{ElementType::S32, {6, 4}},
                           std::vector<std::byte>(x.bytes().begin(), x.bytes().end()))) == "x");
  CHECK(values.find(tensor({2}, {-5, -6})) == "part of n");
  CHECK(values.find(tensor({2, 2}, {1000, 1001})) == std::nullopt);
  CHECK(values.find(counting({ElementType::S32, {2, 2}}, 1000)) == "constant c");
  CHECK(values.find(tensor({2, 2}, {8, 9, 14, 15})) == "part of x");
  CHECK(values.find(tensor({2, 2}, {6, 7, 12, 13})) == std::nullopt); // no tile: wraps a row
  CHECK(values.find(tensor({2, 2}, {8, 14, 9, 15})) == "part of x transposed {1,0}");
  CHECK(values.find(tensor({3}, {0, 0, 0})) == "zeros");
  CHECK(values.find(tensor({2}, {-5, -7})) == std::nullopt);
  Tensor wrong = x;
  wrong.set_bits(7, 99);
  CHECK(values.find(wrong) == std::nullopt);
  auto nearest = values.nearest(wrong);
  REQUIRE(nearest);
  CHECK(nearest->name == "x");
  CHECK(nearest->mismatches == 1);
  CHECK(nearest->first == 7);
}
