#include "semantics/int_expr.h"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace isamorph::semantics;

namespace {

Scope scope() { return {{"m", "n", "p"}}; }

IntExpr parse(const std::string &text) {
  Cursor cursor(make_source("expression", text));
  IntExpr e = parse_int_expr(cursor, scope(), {{"DIM", 16}});
  if (!cursor.at_end())
    cursor.error_expected("the end");
  return e;
}

std::optional<std::int64_t> value(const std::string &text) {
  return parse(text).evaluate({3, 64, std::nullopt});
}

IntExpr random_expression(int depth) {
  int pick = *rc::gen::inRange(0, depth == 0 ? 2 : 14);
  if (pick == 0)
    return *rc::gen::inRange<std::int64_t>(-20, 20);
  if (pick == 1) {
    auto index = *rc::gen::inRange<std::uint32_t>(0, 3);
    return IntExpr::variable(index, scope().names[index]);
  }
  if (pick == 2 || pick == 3)
    return IntExpr::make(pick == 2 ? IntOp::Negate : IntOp::Not, {random_expression(depth - 1)});
  constexpr IntOp binary[] = {IntOp::Add,       IntOp::Subtract, IntOp::Multiply, IntOp::Divide,
                              IntOp::Modulo,    IntOp::Min,      IntOp::Max,      IntOp::Equal,
                              IntOp::LessEqual, IntOp::And};
  return IntExpr::make(binary[pick - 4],
                       {random_expression(depth - 1), random_expression(depth - 1)});
}

} // namespace

TEST_CASE("integer expressions have their usual values") {
  CHECK(value("16 + 2*n") == 144);
  CHECK(value("-7 / 2") == -4);
  CHECK(value("-7 % 2") == 1);
  CHECK(value("1 <= m <= 3") == 1);
  CHECK(value("1 <= n <= 3") == 0);
  CHECK(value("min(m, n) * DIM") == 48);
  CHECK(value("m < n && !(n == 64)") == 0);
  CHECK(value("m || 0") == 1);
  CHECK(value("2 - 1 - 1") == 0);
  CHECK(value("DIM * DIM") == 256);
}

TEST_CASE("what has no value has none") {
  CHECK_FALSE(value("p"));
  CHECK_FALSE(value("m / 0"));
  CHECK_FALSE(value("9223372036854775807 + m"));
  CHECK_FALSE(value("(-9223372036854775807 - 1) / (m - 4)"));
}

TEST_CASE("mistakes in expressions are reported at their place") {
  for (const char *text :
       {"", "n +", "(n", "q", "min(n)", "n n", "1 +* 2", "99999999999999999999", "n &"})
    CHECK_THROWS_AS(parse(text), InputError);
  try {
    parse("n + nn");
    FAIL();
  } catch (const InputError &error) {
    CHECK(error.column() == 5);
    CHECK(std::string(error.what()).find("did you mean 'n'?") != std::string::npos);
  }
  CHECK_THROWS_AS(parse(std::string(100000, '(')), InputError); // and no overflow of the stack
  CHECK_THROWS_AS(parse(std::string(100000, '-') + "1"), InputError);
}

TEST_CASE("an expression's text reads back to the same value") {
  CHECK(rc::check([] {
    IntExpr e = random_expression(4);
    IntExpr back = parse(e.to_string());
    Bindings bindings = {*rc::gen::inRange<std::int64_t>(-9, 9),
                         *rc::gen::inRange<std::int64_t>(-9, 9),
                         *rc::gen::inRange<std::int64_t>(-9, 9)};
    RC_ASSERT(e.evaluate(bindings) == back.evaluate(bindings));
    RC_ASSERT(e.substitute(bindings).evaluate({}) == e.evaluate(bindings));
  }));
}

TEST_CASE("equations are solved for what appears alone and linearly") {
  Scope names = scope();
  Bindings bindings = names.unbound();
  std::vector<Equation> equations = {
      {parse("m + n"), 70}, {parse("128*n"), 8192}, {parse("p*p"), 9}};
  REQUIRE(solve(equations, bindings));
  CHECK(bindings[0] == 6);
  CHECK(bindings[1] == 64);
  CHECK_FALSE(bindings[2]);
  CHECK(equations.size() == 1);
  for (const char *wrong : {"128*n", "64 - 2*n", "n*0 + 3"}) {
    Bindings fresh = names.unbound();
    std::vector<Equation> impossible = {{parse(wrong), 127}};
    bool solved = solve(impossible, fresh);
    CHECK((!solved || !impossible.empty()));
  }
}
