// The smallest counterexamples, against enumeration; tuples of values in ascending order.
#include "verify/smallest.h"

#include "semantics/evaluator.h"
#include "semantics/hlo.h"
#include "verify/checker/scalar_claim.h"
#include "verify/differential.h"
#include "verify/ordered_values.h"
#include "verify/symbolic.h"
#include "verify/term_columns.h"
#include "verify/term_values.h"

#include <catch2/catch.hpp>
#include <limits>
#include <random>
#include <regex>
#include <set>

using namespace isamorph;
using namespace isamorph::verify;
using semantics::ElementType;
using semantics::Tensor;

namespace {

semantics::TensorGraph graph(const std::string &body) {
  return semantics::parse_hlo(
      semantics::make_source("<test>", "HloModule m\nadd {\n a = bf16[] parameter(0)\n b = bf16[] "
                                       "parameter(1)\n ROOT s = bf16[] add(a, b)\n}\nENTRY e {\n" +
                                           body + "}\n"));
}

const semantics::NumericsProfile &profile() { return semantics::numerics_profile("xla_cpu_ieee"); }

/// Whether the results differ at a level; at `finite` the tests' graphs meet numbers only.
struct Differs {
  const semantics::TensorGraph &left, &right;
  Level level;
  bool operator()(const std::vector<Tensor> &inputs) const {
    Tensor l = semantics::evaluate(left, inputs, profile()).at(0),
           r = semantics::evaluate(right, inputs, profile()).at(0);
    for (std::int64_t i = 0; i < l.elements(); ++i) {
      ElementType type = l.shape().type;
      if (level != Level::Bits &&
          (!semantics::is_finite(type, l.bits(i)) || !semantics::is_finite(type, r.bits(i))))
        return false;
    }
    for (std::int64_t i = 0; i < l.elements(); ++i)
      if (!equal_element(l.shape().type, l.bits(i), r.bits(i), level))
        return true;
    return false;
  }
};

Smallest search(const semantics::TensorGraph &left, const semantics::TensorGraph &right,
                Level level, std::vector<Tensor> inputs) {
  Differs differs{left, right, level};
  REQUIRE(differs(inputs));
  Smallest out = smallest(left, right, profile(), level, inputs, {differs, [] { return false; }});
  CHECK(differs(out.inputs));
  return out;
}

Tensor filled(const semantics::Shape &shape, double value) {
  Tensor out(shape);
  for (std::int64_t i = 0; i < out.elements(); ++i)
    out.set_bits(i, semantics::encode(shape.type, value));
  return out;
}

} // namespace

TEST_CASE("of one element, the smallest is the least of all its values") {
  const semantics::Shape shape{ElementType::BF16, {}};
  auto identity = graph("ROOT x = bf16[] parameter(0)\n");
  // SHAPE is that of one element, or of all.
  for (const std::string rest :
       {"t = SHAPE multiply(x, x)\nROOT r = SHAPE divide(t, x)\n",
        "k = bf16[] constant(3)\nc = SHAPE broadcast(k), dimensions={}\nt = SHAPE multiply(x, "
        "c)\nROOT r = SHAPE divide(t, c)\n",
        "k = bf16[] constant(1)\nc = SHAPE broadcast(k), dimensions={}\nt = SHAPE add(x, c)\nROOT "
        "r = SHAPE subtract(t, c)\n"})
    for (Level level : {Level::Bits, Level::Finite}) {
      INFO(rest << " " << semantics::name(level));
      auto program = [&](const std::string &dims) {
        return "x = bf16" + dims + " parameter(0)\n" +
               std::regex_replace(rest, std::regex("SHAPE"), "bf16" + dims);
      };
      auto other = graph(program("[]"));
      Tensor all({ElementType::BF16, {65536}});
      for (std::int64_t bits = 0; bits < all.elements(); ++bits)
        all.set_bits(bits, static_cast<std::uint64_t>(bits));
      Tensor results = semantics::evaluate(graph(program("[65536]")), {&all, 1}, profile()).at(0);
      std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
      std::optional<Tensor> start;
      for (std::int64_t i = 0; i < all.elements(); ++i) {
        std::uint64_t x = all.bits(i), y = results.bits(i);
        bool numbers = semantics::is_finite(shape.type, x) && semantics::is_finite(shape.type, y);
        if (equal_element(shape.type, x, y, level) || (level != Level::Bits && !numbers))
          continue;
        least = std::min<std::uint64_t>(least, reading_cost(shape.type, x));
        start.emplace(shape);
        start->set_bits(0, x); // the last one
      }
      REQUIRE(start);
      Smallest found = search(identity, other, level, {*start});
      CHECK(reading_cost(shape.type, found.inputs[0].bits(0)) == least);
      CHECK(found.least);
    }
}

TEST_CASE("fewer elements go before plainer ones, and are ruled out by terms") {
  auto left = graph("x = bf16[2] parameter(0)\ny = bf16[2] parameter(1)\nz = bf16[2] "
                    "parameter(2)\nt = bf16[2] add(x, y)\nROOT r = bf16[2] add(t, z)\n"),
       right = graph("x = bf16[2] parameter(0)\ny = bf16[2] parameter(1)\nz = bf16[2] "
                     "parameter(2)\nt = bf16[2] add(y, z)\nROOT r = bf16[2] add(x, t)\n");
  const semantics::Shape shape{ElementType::BF16, {2}};
  Smallest found = search(left, right, Level::Finite,
                          {filled(shape, 100), filled(shape, -99.5), filled(shape, 0.123)});
  CHECK(found.least);
  std::uint64_t cost = 0;
  for (const Tensor &input : found.inputs)
    cost += reading_cost(shape.type, input.bits(0));
  std::uint64_t expected = 0; // 1 + 1.0078125 - 1, in some order
  for (std::uint64_t bits : {0x3f80, 0x3f81, 0xbf80})
    expected += reading_cost(shape.type, bits);
  CHECK(cost == expected);
  for (const Tensor &input : found.inputs)
    CHECK(input.bits(1) == 0);
}

TEST_CASE("a search that is cut short does not say that it found the least") {
  auto left = graph("x = bf16[4] parameter(0)\nROOT r = bf16[4] copy(x)\n"),
       right = graph("x = bf16[4] parameter(0)\nROOT r = bf16[4] multiply(x, x)\n");
  Differs differs{left, right, Level::Bits};
  std::vector<Tensor> start = {filled({ElementType::BF16, {4}}, 3)};
  Smallest found =
      smallest(left, right, profile(), Level::Bits, start, {differs, [] { return true; }});
  CHECK_FALSE(found.least);
  CHECK(found.inputs == start);
}

TEST_CASE("tuples of values ascend, and none is left out") {
  std::vector<ElementType> types = {ElementType::U8, ElementType::S8};
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen;
  std::uint64_t before = 0;
  bool ascending = true;
  auto visit = [&](std::uint64_t cost, std::span<const std::uint64_t> values) {
    ascending = ascending && cost >= before;
    before = cost;
    seen.insert({values[0], values[1]});
    return false;
  };
  CHECK(for_each_by_cost(types, true, visit) == std::numeric_limits<std::uint64_t>::max());
  CHECK(seen.size() == 65536);
  seen.clear();
  before = 0;
  for_each_by_cost(types, false, visit);
  CHECK(seen.size() == 255 * 255);
  CHECK(ascending);
}

TEST_CASE("of wide types, what costs less than the bound is listed") {
  std::mt19937_64 random(3);
  for (ElementType type :
       {ElementType::F32, ElementType::F64, ElementType::S32, ElementType::U32, ElementType::S64}) {
    const OrderedValues &list = OrderedValues::of(type);
    std::set<std::uint64_t> all;
    bool listed = true;
    for (const OrderedValues::Group &group : list.groups())
      for (std::uint64_t bits : group.values) {
        listed = listed && reading_cost(type, bits) == group.cost && all.insert(bits).second;
      }
    CHECK(listed); // each once, at its cost
    for (int i = 0; i < 20'000; ++i) {
      double number = std::ldexp(static_cast<double>(random() % 4096) - 2048,
                                 static_cast<int>(random() % 30) - 20);
      std::uint64_t bits = semantics::encode(type, number);
      listed = listed && (reading_cost(type, bits) >= list.complete_below() || all.contains(bits));
    }
    INFO(semantics::name(type));
    CHECK(listed);
  }
}

TEST_CASE("columns of terms hold what one input after the other gives") {
  auto program = graph(
      "x = bf16[3] parameter(0)\ny = bf16[3] parameter(1)\ni = bf16[] parameter(2)\nd = bf16[] "
      "dot(x, y), lhs_contracting_dims={0}, rhs_contracting_dims={0}\nr = bf16[] reduce(x, i), "
      "dimensions={0}, to_apply=add\np = pred[] compare(d, r), direction=LT\nROOT s = bf16[] "
      "select(p, d, r)\n");
  TermGraph terms(profile());
  std::vector<SymbolicTensor> inputs;
  for (std::uint32_t p = 0, next = 0; p < 3; ++p) { // parameters of one element each
    inputs.push_back({program[program.parameters[p]].shape, {}});
    for (std::int64_t e = 0; e < inputs.back().shape.elements(); ++e)
      inputs.back().elements.push_back(terms.input(next++, 0, ElementType::BF16));
  }
  TermId root = execute(terms, program, inputs).at(0).elements.at(0);
  std::vector<TermId> cone = cone_of(terms, std::array{root});
  constexpr std::int64_t count = 200;
  std::mt19937_64 random(1);
  std::vector<Tensor> columns(7, Tensor({ElementType::BF16, {count}}));
  for (Tensor &column : columns)
    for (std::int64_t i = 0; i < count; ++i)
      column.set_bits(i, i % 2 ? random() & 0xffff : 0x3f80 + (random() & 0xff));
  TermColumns together(terms);
  together.evaluate(cone, columns, count);
  for (std::int64_t i = 0; i < count; ++i) {
    std::vector<Tensor> one;
    for (const Tensor &column : columns) {
      one.emplace_back(semantics::Shape{ElementType::BF16, {}});
      one.back().set_bits(0, column.bits(i));
    }
    std::uint64_t alone = evaluate_terms(terms, cone, one)[root.v], here = together[root].bits(i);
    CHECK(equal_element(ElementType::BF16, here, alone, Level::Bits));
  }
}
