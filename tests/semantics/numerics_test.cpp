#include "semantics/function_table.h"
#include "semantics/summation_order.h"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace isamorph::semantics;

namespace {

std::vector<NumericsProfile> parse(const std::string &text) {
  return parse_numerics(make_source("test.numerics", text));
}

std::string error_of(const std::string &text) {
  try {
    parse(text);
  } catch (const InputError &error) {
    return error.what();
  }
  return "no error";
}

ElementNumerics any_elements() {
  ElementNumerics out;
  out.round.mode = static_cast<Rounding>(*rc::gen::inRange(0, kRoundingCount));
  out.round.overflow = static_cast<Overflow>(*rc::gen::inRange(0, 3));
  out.nan.patterns[2] = *rc::gen::element<std::uint64_t>(0x7fc00000, 0xffc00000, 0x7fffffff);
  out.nan.patterns[3] |= *rc::gen::arbitrary<std::uint32_t>();
  out.nan.propagated = *rc::gen::element(std::vector<NanOperand>{}, std::vector{NanOperand::Right},
                                         std::vector{NanOperand::Right, NanOperand::Left});
  return out;
}

} // namespace

TEST_CASE("the shipped profiles say what the design says") {
  const NumericsProfile &xla = numerics_profile("xla_cpu");
  CHECK(xla.compute == ElementType::F32);
  CHECK(xla.dot == FoldNumerics{ElementType::F32, {OrderDescriptor::Kind::Sequential, 0}});
  CHECK(xla.reduce == FoldNumerics{std::nullopt, {OrderDescriptor::Kind::Blocks, 32, true}});
  CHECK(xla.denormals == DenormalWay::FlushAfter);
  CHECK_FALSE(xla.denormal_exceptions.empty());
  const NumericsProfile &plain = numerics_profile("f32_sequential");
  CHECK(plain.reduce == FoldNumerics{ElementType::F32, {OrderDescriptor::Kind::Sequential, 0}});
  CHECK_THROWS_WITH(numerics_profile("xla_gpu"),
                    Catch::Contains("xla_cpu") && Catch::Contains("f32_sequential"));
}

TEST_CASE("a profile extends another") {
  auto profiles =
      parse("numerics a extends xla_cpu { denormals flush }\n"
            "numerics b extends a { dot accumulate element, order pairwise } // comment\n");
  REQUIRE(profiles.size() == 2);
  NumericsProfile expected = numerics_profile("xla_cpu");
  expected.name = "a";
  expected.denormals = DenormalWay::Flush;
  expected.denormal_exceptions.clear();
  CHECK(profiles[0] == expected);
  expected.name = "b";
  expected.dot = {std::nullopt, {OrderDescriptor::Kind::Pairwise, 0}};
  CHECK(profiles[1] == expected);
}

TEST_CASE("a key that is extended keeps what it does not state") {
  NumericsProfile p = parse("numerics a extends xla_cpu { reduce order blocks 8 }").at(0);
  CHECK(p.reduce == FoldNumerics{std::nullopt, {OrderDescriptor::Kind::Blocks, 8}});
  p = parse("numerics a extends xla_cpu { reduce accumulate f64 }").at(0);
  CHECK(p.reduce == FoldNumerics{ElementType::F64, {OrderDescriptor::Kind::Blocks, 32, true}});
}

TEST_CASE("centred blocks fill up the ends") {
  OrderDescriptor order{OrderDescriptor::Kind::Blocks, 32, true};
  CHECK(order.first_block(64) == 32);
  CHECK(order.first_block(33) == 17); // 31 places are empty, 15 of them before the first term
  CHECK(order.first_block(63) == 32);
  CHECK(order.first_block(100) == 18);
  order.centred = false;
  CHECK(order.first_block(33) == 32);
  NumericsProfile p = parse("numerics a { reduce order blocks 4 centred }").at(0);
  CHECK(declared_order(p.reduce, ElementType::F32, 6).to_string() == "(((0 1) 2) ((3 4) 5))");
  CHECK(declared_order(p.reduce, ElementType::F32, 8).to_string() ==
        "((((0 1) 2) 3) (((4 5) 6) 7))");
  CHECK(declared_order(p.reduce, ElementType::F32, 4).to_string() == "(((0 1) 2) 3)");
}

TEST_CASE("mistakes in profiles are named with their place") {
  CHECK_THAT(error_of("numerics a {\n  comput f32\n}"),
             Catch::StartsWith("test.numerics:2:3:") && Catch::Contains("did you mean 'compute'?"));
  CHECK_THAT(error_of("numerics a extends xla_cpy { }"),
             Catch::Contains("did you mean 'xla_cpu'?"));
  CHECK_THAT(error_of("numerics a { compute s8 }"), Catch::Contains("unknown type 's8'"));
  CHECK_THAT(error_of("numerics a { compute f32 compute f64 }"), Catch::Contains("twice"));
  CHECK_THAT(error_of("numerics a { dot order sequential, order pairwise }"),
             Catch::Contains("twice"));
  CHECK_THAT(error_of("numerics a { } numerics a { }"), Catch::Contains("declared twice"));
  for (const char *text :
       {"numerics a { dot order blocks 0 }", "numerics a { dot order blocks -1 }", "numerics a {",
        "numerics", "numerics a { dot }", "numerics a { denormals maybe }", "}", "numerics a { } x",
        "numerics a { dot accumulate f32, }", "numerics a { dot order blocks }"})
    CHECK_THAT(error_of(text), Catch::Contains("test.numerics:1:"));
}

TEST_CASE("print(parse(x)) is x") {
  REQUIRE(rc::check([] {
    auto type = [] {
      return *rc::gen::element(std::optional<ElementType>(), std::optional(ElementType::F32),
                               std::optional(ElementType::F64));
    };
    auto fold = [&] {
      FoldNumerics f{
          type(),
          {*rc::gen::element(OrderDescriptor::Kind::Sequential, OrderDescriptor::Kind::Blocks,
                             OrderDescriptor::Kind::Pairwise),
           0}};
      if (f.order.kind == OrderDescriptor::Kind::Blocks)
        f.order.width = *rc::gen::inRange<std::int64_t>(1, 1000);
      f.order.centred = f.order.width > 0 && *rc::gen::arbitrary<bool>();
      return f;
    };
    auto way = [] {
      return *rc::gen::element(DenormalWay::Keep, DenormalWay::Flush, DenormalWay::FlushAfter);
    };
    NumericsProfile p{"p", type(), fold(), fold(), way()};
    for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
      DenormalException e{way(), {}, {}, {}};
      if (*rc::gen::arbitrary<bool>())
        e.operations = {OpCode::Multiply, OpCode::ExponentialMinusOne};
      if (*rc::gen::arbitrary<bool>())
        e.operands = {ElementType::F16, ElementType::BF16};
      if (*rc::gen::arbitrary<bool>() || (e.operations.empty() && e.operands.empty()))
        e.results = {ElementType::F32};
      p.denormal_exceptions.push_back(e);
    }
    p.elementwise = any_elements();
    p.conversion = any_elements();
    p.dot.nan.patterns[2] = any_elements().nan.patterns[2];
    if (*rc::gen::arbitrary<bool>())
      p.functions = function_sets()[0];
    RC_ASSERT(parse(print_numerics(p)).at(0) == p);
  }));
}

TEST_CASE("the last exception that fits says what becomes of denormals") {
  using enum ElementType;
  NumericsProfile p = parse("numerics a { denormals flush { keep of f16  keep in tanh, sine "
                            "flush in tanh of f32  flush_last_input in remainder "
                            "keep in convert of bf16 to f32 } }")
                          .at(0);
  DenormalUse keeps, flushed{true, true, TinyResults::FlushRounded};
  CHECK(denormal_use(p, OpCode::Add, F32) == flushed);
  CHECK(denormal_use(p, OpCode::Add, F16) == keeps);
  CHECK(denormal_use(p, OpCode::Tanh, BF16) == keeps);
  CHECK(denormal_use(p, OpCode::Tanh, F32) == flushed);
  CHECK(denormal_use(p, OpCode::Remainder, F64) == DenormalUse{false, true, TinyResults::Keep});
  CHECK(denormal_use(p, OpCode::Convert, BF16, F32) == keeps);
  CHECK(denormal_use(p, OpCode::Convert, F32, BF16) == flushed);
  for (OpCode op : {OpCode::Negate, OpCode::Abs, OpCode::Select, OpCode::Copy})
    CHECK(denormal_use(p, op, F32) == keeps);
  CHECK(flushes(p, F32));
  // Nothing is done with f16 but the divisor of a remainder.
  CHECK(flushes(p, F16));
  CHECK_FALSE(flushes(numerics_profile("xla_cpu"), F16));
  CHECK_FALSE(flushes(numerics_profile("f32_sequential"), BF16));
}

TEST_CASE("mistakes in what becomes of denormals are named") {
  auto denormals = [](const std::string &text) {
    return error_of("numerics a { denormals " + text + " }");
  };
  CHECK_THAT(denormals("flush { keep in tan }"), Catch::Contains("did you mean 'tanh'?"));
  CHECK_THAT(denormals("flush { keep in negate }"), Catch::Contains("unknown"));
  CHECK_THAT(denormals("flush { keep of f8 }"), Catch::Contains("unknown element type 'f8'"));
  CHECK_THAT(denormals("flush { keep }"), Catch::Contains("expected"));
  CHECK_THAT(denormals("flush { keep in }"), Catch::Contains("test.numerics:1:"));
  CHECK_THAT(denormals("flush { keep in add"), Catch::Contains("test.numerics:1:"));
  CHECK_THAT(denormals("flush_inputs"), Catch::Contains("operands or results alone"));
  CHECK_THAT(denormals("flush { flush_results in reduce }"),
             Catch::Contains("operands or results alone"));
  CHECK(denormals("flush_inputs { keep in dot, reduce }") == "no error");
  for (const char *op : {"add", "multiply", "maximum", "compare", "clamp"})
    CHECK_THAT(denormals(std::string("keep { flush_last_input in ") + op + " }"),
               Catch::Contains("would read one operand alone"));
  CHECK_THAT(denormals("flush_last_input { keep in dot, reduce }"),
             Catch::Contains("would read one operand alone"));
  CHECK(denormals("keep { flush_last_input in divide, subtract, power }") == "no error");
}

TEST_CASE("a profile never narrows") {
  NumericsProfile p = numerics_profile("xla_cpu");
  CHECK(compute_type(p, ElementType::BF16) == ElementType::F32);
  CHECK(compute_type(p, ElementType::F32) == ElementType::F32);
  CHECK(compute_type(p, ElementType::F64) == ElementType::F64);
  CHECK(compute_type(p, ElementType::S8) == ElementType::S8);
  CHECK(accumulator_type(p.dot, ElementType::F16) == ElementType::F32);
  CHECK(accumulator_type(p.reduce, ElementType::F16) == ElementType::F16);
}
