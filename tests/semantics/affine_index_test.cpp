// Affine positions against the numbers that they stand for, at every point of small boxes.
#include "semantics/affine_index.h"

#include "semantics/evaluator.h"
#include "semantics/hlo.h"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace isamorph::semantics;

namespace {

using Point = std::vector<std::int64_t>;

/// All points of a box.
std::vector<Point> points(const std::vector<std::int64_t> &counts) {
  std::vector<Point> out = {{}};
  for (std::int64_t count : counts) {
    std::vector<Point> longer;
    for (const Point &p : out)
      for (std::int64_t i = 0; i < count; ++i) {
        longer.push_back(p);
        longer.back().push_back(i);
      }
    out = longer;
  }
  return out;
}

std::int64_t at(const IndexSpace &space, const AffineIndex &index, const Point &point) {
  std::int64_t out = index.offset;
  for (std::size_t v = 0; v < point.size(); ++v)
    out += space.factors(index.slope)[v] * point[v];
  return out;
}

std::vector<std::int64_t> some_counts() {
  return *rc::gen::container<std::vector<std::int64_t>>(*rc::gen::inRange(1, 4),
                                                        rc::gen::inRange(2, 5));
}

AffineIndex some_index(IndexSpace &space, std::int64_t most) {
  std::vector<std::int64_t> factors;
  for (std::size_t v = 0; v < space.counts().size(); ++v)
    factors.push_back(*rc::gen::inRange(-most, most + 1));
  return {*rc::gen::inRange(-4 * most, 4 * most), *space.slope(factors)};
}

} // namespace

TEST_CASE("affine sums, multiples and divisions are those of numbers at every point") {
  REQUIRE(rc::check([] {
    IndexSpace space(some_counts());
    AffineIndex a = some_index(space, 20), b = some_index(space, 20);
    std::int64_t factor = *rc::gen::inRange(-5, 6), divisor = *rc::gen::inRange(1, 40);
    AffineIndex sum = *space.sum(a, b), product = *space.scaled(a, factor);
    auto division = space.divide(a, divisor);
    IndexSpace::Range range = space.range(a);
    bool low = false, high = false;
    for (const Point &p : points(space.counts())) {
      std::int64_t x = at(space, a, p);
      RC_ASSERT(at(space, sum, p) == x + at(space, b, p));
      RC_ASSERT(at(space, product, p) == factor * x);
      RC_ASSERT(range.low <= x && x <= range.high);
      low |= x == range.low;
      high |= x == range.high;
      if (!division)
        continue;
      std::int64_t rest = ((x % divisor) + divisor) % divisor;
      RC_ASSERT(at(space, division->remainder, p) == rest);
      RC_ASSERT(at(space, division->quotient, p) == (x - rest) / divisor);
    }
    RC_ASSERT(low && high);
    RC_ASSERT((a == b) == [&] { // equal forms, and only they, are equal everywhere
      for (const Point &p : points(space.counts()))
        if (at(space, a, p) != at(space, b, p))
          return false;
      return true;
    }());
  }));
}

TEST_CASE("what leaves 61 bits has no value") {
  IndexSpace space({3, 1 << 20});
  std::int64_t large = std::int64_t{1} << 60;
  CHECK_FALSE(space.slope({large, 0}));
  CHECK_FALSE(space.slope({0, std::int64_t{1} << 50}));
  AffineIndex x{large, {}}, wide{0, *space.slope({large / 2, 0})};
  CHECK_FALSE(space.sum(x, x));
  CHECK_FALSE(space.scaled(x, -2));
  CHECK_FALSE(space.sum(wide, wide));
  CHECK_FALSE(space.scaled(wide, -2));
  CHECK(space.sum(x, wide));
}

TEST_CASE("affine values of expressions are those of numbers") {
  Scope scope;
  scope.add("x");
  scope.add("y");
  struct Case {
    const char *text;
    bool affine; ///< whatever x and y are
  };
  const Case cases[] = {{"2*x + 3*y - 1", true}, {"x - y", true},       {"-x", true},
                        {"4*(x - y) * 2", true}, {"max(3, 4)*x", true}, {"(x + y) / 4", false},
                        {"x % 8 + y", false},    {"4*(x/4)", false},    {"min(x, y)", false},
                        {"x*y", false},          {"x / y", false},      {"x <= y", false}};
  for (const Case &c : cases) {
    INFO(c.text);
    Cursor cursor(make_source("e", c.text));
    IntExpr expression = parse_int_expr(cursor, scope);
    int decided = 0, all = 0;
    REQUIRE(rc::check([&] {
      IndexSpace space(some_counts());
      std::vector<AffineIndex> values = {some_index(space, 8), some_index(space, 8)};
      auto form = affine_value(space, expression, values);
      ++all;
      if (!form)
        return;
      ++decided;
      for (const Point &p : points(space.counts()))
        RC_ASSERT(expression.evaluate({at(space, values[0], p), at(space, values[1], p)}) ==
                  at(space, *form, p));
    }));
    CHECK((decided == all) == c.affine);
  }
}

namespace {

/// Checks movement_source against movement_map, element by element; how many positions it decided.
int decided(const std::string &text, IndexSpace &space) {
  TensorGraph graph = parse_hlo(make_source("g", text));
  const Node &node = graph[graph.results[0]];
  std::vector<Shape> shapes;
  for (NodeId operand : node.operands)
    shapes.push_back(graph[operand].shape);
  std::vector<ElementSource> map = movement_map(node.op, shapes, node.attributes, node.shape);
  int out = 0;
  for (int trial = 0; trial < 300; ++trial) {
    AffineIndex position = some_index(space, 12);
    IndexSpace::Range range = space.range(position);
    if (range.low < 0 || range.high >= node.shape.elements())
      continue;
    auto source = movement_source(space, node.op, shapes, node.attributes, node.shape, position);
    if (!source)
      continue;
    ++out;
    for (const Point &p : points(space.counts())) {
      const ElementSource &expected = map[static_cast<std::size_t>(at(space, position, p))];
      RC_ASSERT(source->operand == expected.operand);
      RC_ASSERT(at(space, source->element, p) == static_cast<std::int64_t>(expected.index));
    }
  }
  return out;
}

} // namespace

TEST_CASE("sources of moved elements are those of the movement map at every point") {
  const char *programs[] = {
      "ENTRY e { x = s8[6,8] parameter(0) ROOT y = s8[8,6] transpose(x), dimensions={1,0} }",
      "ENTRY e { x = s8[4,3,5] parameter(0) ROOT y = s8[5,4,3] transpose(x), dimensions={2,0,1} }",
      "ENTRY e { x = s8[8] parameter(0) ROOT y = s8[6,8] broadcast(x), dimensions={1} }",
      "ENTRY e { x = s8[6,8] parameter(0) ROOT y = s8[6,8] reverse(x), dimensions={0,1} }",
      "ENTRY e { x = s8[9,20] parameter(0) ROOT y = s8[4,6] slice(x), slice={[1:9:2],[2:20:3]} }",
      "ENTRY e { x = s8[6,8] parameter(0) ROOT y = s8[4,12] reshape(x) }",
      "ENTRY e { x = s8[2,8] parameter(0) z = s8[4,8] parameter(1) "
      "ROOT y = s8[6,8] concatenate(x, z), dimensions={0} }",
      "ENTRY e { x = s8[6,3] parameter(0) z = s8[6,5] parameter(1) "
      "ROOT y = s8[6,8] concatenate(x, z), dimensions={1} }"};
  for (const char *text : programs) {
    INFO(text);
    int total = 0;
    REQUIRE(rc::check([&] {
      IndexSpace space(some_counts());
      total += decided(std::string("HloModule m\n") + text, space);
    }));
    CHECK(total > 100); // constant positions at least; most with slopes
  }
}

TEST_CASE("sources of padded elements are those of the evaluator at every point") {
  TensorGraph graph = parse_hlo(make_source("g", R"(HloModule m
ENTRY e {
  x = s32[4,3] parameter(0)
  z = s32[] parameter(1)
  ROOT y = s32[12,4] pad(x, z), padding=2_3_1x-1_2_0
})"));
  const Node &node = graph[graph.results[0]];
  std::vector<Shape> shapes = {graph[graph.parameters[0]].shape, graph[graph.parameters[1]].shape};
  Tensor numbers(shapes[0]), value(shapes[1]);
  for (std::int64_t i = 0; i < numbers.elements(); ++i)
    numbers.set_bits(i, static_cast<std::uint64_t>(i));
  value.set_bits(0, 1000);
  std::vector<const Tensor *> in = {&numbers, &value};
  Tensor padded = evaluate_op(node.op, node.attributes, in, node.shape, NumericsProfile());
  int inside = 0, outside = 0;
  REQUIRE(rc::check([&] {
    IndexSpace space(some_counts());
    for (int trial = 0; trial < 500; ++trial) {
      AffineIndex position = some_index(space, 12);
      IndexSpace::Range range = space.range(position);
      if (range.low < 0 || range.high >= node.shape.elements())
        continue;
      auto source = movement_source(space, node.op, shapes, node.attributes, node.shape, position);
      if (!source)
        continue;
      (source->operand ? outside : inside) += !position.is_constant();
      for (const Point &p : points(space.counts())) {
        std::uint64_t expected = padded.bits(at(space, position, p));
        std::uint64_t found =
            source->operand ? 1000 : static_cast<std::uint64_t>(at(space, source->element, p));
        RC_ASSERT(found == expected);
      }
    }
  }));
  CHECK(inside > 5);
  CHECK(outside > 5);
}
