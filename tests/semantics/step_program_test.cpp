#include "semantics/step_program.h"

#include "evaluation.h"

#include <array>
#include <cmath>
#include <numeric>
#include <rapidcheck.h>

using namespace isamorph::semantics;
using namespace isamorph::semantics::test;

namespace {

StepProgram unit(const std::string &knobs) {
  return *profile("numerics p { dot accumulate f32, unit { " + knobs + " } }").dot.unit;
}

std::string error_of(const std::string &text) {
  try {
    profile(text);
  } catch (const InputError &error) {
    return error.what();
  }
  return "no error";
}

template <class T> T pick(std::initializer_list<T> values) {
  return *rc::gen::elementOf(std::vector<T>(values));
}

Rounding any_rounding() { return static_cast<Rounding>(*rc::gen::inRange(0, kRoundingCount)); }
Alignment any_alignment() { return {*rc::gen::inRange(1, 41), any_rounding()}; }
std::vector<int> any_slices() {
  auto count = *rc::gen::inRange<std::size_t>(0, 4);
  return *rc::gen::container<std::vector<int>>(count, rc::gen::inRange(1, 9));
}

/// Any program whose knobs go together.
StepProgram any_program() {
  using Sum = StepProgram::Sum;
  using Join = StepProgram::Join;
  StepProgram p;
  p.elements = pick<std::vector<ElementType>>({{ElementType::F16},
                                               {ElementType::F16, ElementType::BF16},
                                               {ElementType::BF16, ElementType::F32},
                                               {ElementType::F32}});
  p.sum = pick({Sum::Chain, Sum::Tree, Sum::Exact, Sum::Aligned});
  p.groups = 1;
  p.block = *rc::gen::inRange<std::int64_t>(1, 40);
  if (p.sum == Sum::Aligned) {
    p.alignment = any_alignment();
    p.join = pick({Join::Within, Join::After, Join::Aligned});
    if (p.join == Join::Aligned) {
      p.sum_alignment = any_alignment();
      p.accumulator_alignment = any_alignment();
      p.groups = pick<std::int64_t>({1, 2, 3});
      p.block *= p.groups;
    }
  } else {
    p.join = p.sum == Sum::Tree ? Join::After : pick({Join::Within, Join::After});
    if (p.sum == Sum::Chain && p.join == Join::After)
      p.chains = *rc::gen::inRange<std::int64_t>(1, 5);
    if (*rc::gen::inRange(0, 4) == 0)
      p.block = StepProgram::kWholeRow;
  }
  p.descending = *rc::gen::arbitrary<bool>();
  p.round_products = *rc::gen::arbitrary<bool>();
  p.bounded_products = *rc::gen::arbitrary<bool>();
  p.left_slices = any_slices();
  p.right_slices = any_slices();
  auto count = [](const std::vector<int> &s) {
    return std::max<int>(1, static_cast<int>(s.size()));
  };
  p.phases = *rc::gen::inRange(1, count(p.left_slices) * count(p.right_slices) + 1);
  if (p.block != StepProgram::kWholeRow && *rc::gen::arbitrary<bool>())
    p.phase_span = p.block * *rc::gen::inRange(1, 4);
  p.round = {any_rounding(),
             pick({TinyResults::Keep, TinyResults::FlushBefore, TinyResults::FlushAfter,
                   TinyResults::FlushRounded}),
             pick({Overflow::Infinity, Overflow::Largest})};
  p.inputs = pick(
      {StepProgram::Inputs::Keep, StepProgram::Inputs::Flush, StepProgram::Inputs::FlushPositive});
  return p;
}

/// A bf16 number: any bits, or of few exponents, so that sums cancel.
double bf16_number() {
  if (*rc::gen::inRange(0, 4) == 0)
    return decode(ElementType::BF16, *rc::gen::inRange<std::uint64_t>(0, 0x7f80) |
                                         (*rc::gen::arbitrary<bool>() ? 0x8000 : 0));
  return std::ldexp(*rc::gen::inRange(-255, 256), *rc::gen::inRange(-20, 12));
}
std::vector<double> row_of(std::size_t terms) {
  std::vector<double> out;
  for (std::size_t i = 0; i < terms; ++i)
    out.push_back(bf16_number());
  return out;
}

double run(const StepProgram &program, double init, const std::vector<double> &a,
           const std::vector<double> &b, ElementType accumulator = ElementType::F32) {
  ElementType element = program.takes(ElementType::BF16) ? ElementType::BF16 : program.elements[0];
  return StepRunner(program, element, accumulator).run(init, a, b);
}
double run(const char *name, const std::vector<double> &a, const std::vector<double> &b) {
  return run(*numerics_profile(name).dot.unit, 0, a, b);
}

bool same(double x, double y) {
  return x == y ? std::signbit(x) == std::signbit(y) : x != x && y != y;
}

} // namespace

TEST_CASE("a step program's text reads back to it") {
  REQUIRE(rc::check([] {
    NumericsProfile p{"p",
                      ElementType::F32,
                      {ElementType::F32, {}, any_program()},
                      {std::nullopt, {}, any_program()},
                      *rc::gen::element(DenormalWay::Keep, DenormalWay::Flush),
                      {},
                      *rc::gen::arbitrary<bool>()};
    NumericsProfile again = profile(print_numerics(p));
    RC_ASSERT(again == p);
    RC_ASSERT(print_numerics(again) == print_numerics(p));
  }));
}

TEST_CASE("every knob tells two profiles apart, as text and as data") {
  const NumericsProfile base =
      profile("numerics p { dot accumulate f32, unit { elements bf16 block 16 left 7 4 right 5 5 "
              "phases 4 over 32 sum aligned 10 down groups 2 join aligned 23 up accumulator 22 "
              "half_up round to_odd } }");
  for (const char *change : {"elements f16",
                             "block 32",
                             "lanes descending",
                             "products rounded",
                             "range accumulator",
                             "left 6 5",
                             "right 7 4",
                             "phases 3 over 32",
                             "phases 4 over 64",
                             "phases 4 over row",
                             "sum aligned 11 down groups 2",
                             "sum aligned 10 up groups 2",
                             "sum aligned 10 down groups 4",
                             "join aligned 24 up accumulator 22 half_up",
                             "join aligned 23 up accumulator 23 half_up",
                             "join aligned 23 down accumulator 22 half_up",
                             "round down",
                             "inputs flush",
                             "inputs flush_positive",
                             "results flush_after",
                             "overflow largest"}) {
    INFO(change);
    std::string text = "numerics base" + print_numerics(base).substr(10) +
                       "numerics p extends base { dot unit { " + change + " } }";
    NumericsProfile changed = parse_numerics(make_source("test", text)).at(1);
    CHECK_FALSE(changed == base);
    CHECK(print_numerics(changed) != print_numerics(base));
    CHECK(changed.dot.order == base.dot.order);
  }
}

TEST_CASE("knobs that make no sense together are refused") {
  auto refused = [](const std::string &knobs) {
    return error_of("numerics p {\n  dot accumulate f32, unit { " + knobs + " }\n}");
  };
  for (const char *knobs :
       {"sum chain 2", "sum tree", "sum exact join aligned 3 down accumulator 4 up",
        "block row sum aligned 8 down", "block 1000 sum aligned 8 down",
        "block 8 sum aligned 8 down groups 2",
        "block 9 sum aligned 8 down groups 2 join aligned 9 "
        "up accumulator 9 up",
        "phases 2 over row", "left 20 9 phases 2 over row", "left 4 4 phases 2 over 3 block 2",
        "left 4 4 phases 2 over 4 block row"}) {
    INFO(knobs);
    CHECK_THAT(refused(knobs), Catch::StartsWith("test:2:28: error: "));
  }
  CHECK_THAT(refused("summ chain"), Catch::Contains("did you mean 'sum'?"));
  CHECK_THAT(refused("elements bf17"), Catch::Contains("did you mean 'bf16'?"));
  CHECK_THAT(refused("block 2 block 3"), Catch::Contains("stated twice"));
  for (const char *knobs :
       {"elements f64", "block 0", "block -3", "sum", "round", "sum aligned 41 down",
        "sum aligned 0 down", "left 0", "left 25", "phases 0 over row", "phases 1",
        "join aligned 3 down", "results flush", "lanes up", "elements", "{"})
    CHECK_THAT(refused(knobs), Catch::StartsWith("test:2:"));
  CHECK_THAT(error_of("numerics p { dot accumulate f64, unit { } }"),
             Catch::Contains("accumulator"));
  CHECK_THAT(error_of("numerics p { dot unit { } reduce accumulate f32 dot order pairwise }"),
             Catch::Contains("twice"));
}

TEST_CASE("a unit is changed knob by knob, and removed") {
  NumericsProfile p = profile("numerics p extends nvidia_hopper { dot unit { block 4 } }");
  StepProgram expected = *numerics_profile("nvidia_hopper").dot.unit;
  expected.block = 4;
  CHECK(p.dot.unit == expected);
  p = profile("numerics p extends nvidia_hopper { dot unit none }");
  CHECK_FALSE(p.dot.unit);
  p.dot.nan = {};
  CHECK(p.dot == numerics_profile("f32_sequential").dot);
}

TEST_CASE("a chain of exact products is a chain of fused multiply-adds") {
  REQUIRE(rc::check([] {
    auto n = *rc::gen::inRange<std::size_t>(0, 12);
    auto a = row_of(n), b = row_of(n);
    float fused = 0, pairs = 0, unfused = 0;
    for (std::size_t k = 0; k < n; ++k) {
      auto x = static_cast<float>(a[k]), y = static_cast<float>(b[k]);
      fused = std::fma(x, y, fused);
      volatile float product = x * y;
      unfused = unfused + product;
      std::size_t other = k % 2       ? k - 1
                          : k + 1 < n ? k + 1
                                      : k; // of each pair the second one first
      pairs = std::fma(static_cast<float>(a[other]), static_cast<float>(b[other]), pairs);
    }
    RC_ASSERT(same(run("riscv_zvfbf", a, b), fused));
    RC_ASSERT(same(run(unit("products rounded"), 0, a, b), unfused));
    RC_ASSERT(same(run(unit("block 2 lanes descending"), 0, a, b), pairs));
  }));
}

TEST_CASE("amx_bf16 sums even and odd terms of a tile apart") {
  REQUIRE(rc::check([] {
    auto n = *rc::gen::inRange<std::size_t>(1, 70);
    auto a = row_of(n), b = row_of(n);
    for (auto *row : {&a, &b})
      for (double &x : *row)
        x = std::fabs(x) < 0x1p-40 ? 0 : std::fmod(x, 1024); // far from denormals
    float total = 0;
    for (std::size_t tile = 0; tile < n; tile += 32) {
      std::array<float, 2> sums{};
      for (std::size_t k = tile; k < std::min(n, tile + 32); ++k)
        sums[k % 2] = std::fma(static_cast<float>(a[k]), static_cast<float>(b[k]), sums[k % 2]);
      total += sums[0] + sums[1];
    }
    RC_ASSERT(same(run("amx_bf16", a, b), total));
  }));
}

TEST_CASE("arm_bf16 rounds products, pairs and sums to odd") {
  auto odd = [](double exact) { // f32, from a double that is exact
    auto down = static_cast<float>(exact);
    if (std::fabs(static_cast<double>(down)) > std::fabs(exact))
      down = std::nextafter(down, 0.0f);
    auto bits = encode(ElementType::F32, down);
    return static_cast<double>(static_cast<double>(down) == exact || bits % 2
                                   ? down
                                   : std::nextafter(down, static_cast<float>(exact) * 2));
  };
  REQUIRE(rc::check([&] {
    std::vector<double> a, b;
    for (int i = 0; i < 6; ++i) { // every sum below is exact in a double
      a.push_back(std::ldexp(*rc::gen::inRange(-255, 256), *rc::gen::inRange(-6, 5)));
      b.push_back(std::ldexp(*rc::gen::inRange(-255, 256), *rc::gen::inRange(-6, 5)));
    }
    double sum = 0, fused = 0;
    for (std::size_t k = 0; k < a.size(); k += 2) {
      double pair = a[k] * b[k] + a[k + 1] * b[k + 1];
      sum = odd(sum + odd(pair));
      fused = static_cast<float>(fused + static_cast<float>(pair));
    }
    RC_ASSERT(run("arm_bf16", a, b) == sum);
    RC_ASSERT(run("arm_bf16_ebf", a, b) == fused);
  }));
  CHECK(run("arm_bf16", {0x1p-126}, {0.5}) == 0); // flushed before rounding
  CHECK(run("arm_bf16_ebf", {0x1p-126}, {0.5}) == 0x1p-127);
  CHECK(run("arm_bf16", {0x1p127, 0x1p127}, {1, 1}) == kInf);
}

namespace {

/// A tensor core by its definition, on integers: products and accumulator in units of the largest
/// exponent, cut off.
double tensor_core(double c, const std::vector<double> &a, const std::vector<double> &b,
                   int fraction) {
  auto exponent = [](double x) { return x == 0 ? -1000 : std::ilogb(x); };
  int largest = std::max(-126, exponent(c));
  for (std::size_t k = 0; k < a.size(); ++k)
    if (a[k] != 0 && b[k] != 0)
      largest = std::max(largest, exponent(a[k]) + exponent(b[k]));
  __int128 sum = static_cast<__int128>(std::trunc(std::ldexp(c, fraction - largest)));
  for (std::size_t k = 0; k < a.size(); ++k)
    sum += static_cast<__int128>(std::trunc(std::ldexp(a[k] * b[k], fraction - largest)));
  bool negative = sum < 0;
  auto magnitude = static_cast<std::uint64_t>(negative ? -sum : sum);
  int drop = 0; // truncation to 24 bits
  while (magnitude >> drop >> 24)
    ++drop;
  double out = std::ldexp(static_cast<double>(magnitude >> drop << drop), largest - fraction);
  return negative ? -out : out;
}

} // namespace

TEST_CASE("tensor cores cut aligned products off") {
  struct Core {
    const char *name;
    std::size_t block;
    int fraction;
  };
  for (Core core : {Core{"nvidia_volta", 4, 23}, Core{"nvidia_turing", 8, 24},
                    Core{"nvidia_ampere", 8, 24}, Core{"nvidia_ada", 8, 24},
                    Core{"nvidia_hopper", 16, 25}, Core{"nvidia_blackwell", 16, 25}}) {
    INFO(core.name);
    REQUIRE(rc::check([&] {
      auto n = *rc::gen::inRange<std::size_t>(1, 40);
      std::vector<double> a, b;
      for (std::size_t k = 0; k < n; ++k) {
        a.push_back(std::ldexp(*rc::gen::inRange(-255, 256), *rc::gen::inRange(-12, 6)));
        b.push_back(std::ldexp(*rc::gen::inRange(-255, 256), *rc::gen::inRange(-12, 6)));
      }
      double c = 0;
      for (std::size_t k = 0; k < n; k += core.block) {
        auto part = [&](const std::vector<double> &row) {
          return std::vector<double>(row.begin() + static_cast<std::ptrdiff_t>(k),
                                     row.begin() +
                                         static_cast<std::ptrdiff_t>(std::min(n, k + core.block)));
        };
        c = tensor_core(c, part(a), part(b), core.fraction);
      }
      RC_ASSERT(run(core.name, a, b) == c);
    }));
  }
  // 2^fraction - a small product - 2^fraction: the next lower bit is lost.
  auto lost = [](const char *name, int bit) {
    return run(name, {0x1p12, 0x1p-12, -0x1p12}, {0x1p12, std::ldexp(1, 36 - bit), 0x1p12}) == 0;
  };
  CHECK_FALSE(lost("nvidia_volta", 23));
  CHECK(lost("nvidia_volta", 24));
  CHECK_FALSE(lost("nvidia_ampere", 24));
  CHECK(lost("nvidia_ampere", 25));
  CHECK_FALSE(lost("nvidia_hopper", 25));
  CHECK(lost("nvidia_hopper", 26));
  CHECK(run("nvidia_ampere", {1, 0x1p-12}, {1, 0x1.8p-12}) == 1); // to nearest: 1 + 2^-23
  CHECK(run("nvidia_ampere", {0x1p-126}, {0x1p-10}) == 0x1p-136); // denormals stay
}

TEST_CASE("amd units join as their generation does") {
  // 1 + 2^-24 + 2^-24: exact in one step of cdna1, lost one by one.
  CHECK(run(*numerics_profile("amd_cdna1").dot.unit, 1, {0x1p-12, 0x1p-12}, {0x1p-12, 0x1p-12}) ==
        1 + 0x1p-23);
  CHECK(run("riscv_zvfbf", {1, 0x1p-12, 0x1p-12}, {1, 0x1p-12, 0x1p-12}) == 1);
  CHECK(run("amd_cdna1", {0x1p-126}, {0.5}) == 0x1p-127);
  CHECK(run("amd_cdna2", {0x1p-126}, {0.5}) == 0);
  CHECK(run("amd_cdna2", {0x1p-127}, {0x1p10}) == 0);
  CHECK(run("amd_cdna3", {0x1p100, 0x1p100}, {0x1p28, -0x1p27}) == kInf);
  CHECK(run("amd_cdna1", {0x1p100, 0x1p100}, {0x1p28, -0x1p27}) == 0x1p127);
  // The accumulator is cut toward minus infinity: 2^24 and -2^-20 leave the unit below.
  CHECK(run(*numerics_profile("amd_cdna3").dot.unit, -0x1p-20, {0x1p12}, {0x1p12}) == 0x1p24 - 1);
  CHECK(run(*numerics_profile("amd_cdna3").dot.unit, 0x1p-20, {0x1p12}, {0x1p12}) == 0x1p24);
}

TEST_CASE("fidelity phases multiply slices of the factors") {
  double x = 1 + 0x1p-7, y = 1 + 0x1p-6 + 0x1p-7; // 8 bits
  CHECK(run("tensix", {x}, {y}) == run("tensix", {x, 0}, {y, 0}));
  CHECK(run("tensix_lofi", {x}, {y}) == 1);          // left: 7 bits, right: 5 bits
  CHECK(run("tensix_lofi", {y}, {x}) == 1 + 0x1p-6); // the sides differ
  StepProgram exact = unit("block 16 left 7 4 right 5 5 phases 4 over 32 sum exact");
  REQUIRE(rc::check([&] { // all four phases make the whole product
    double a = *rc::gen::inRange(-255, 256), b = *rc::gen::inRange(-255, 256);
    RC_ASSERT(run(exact, 0, {a}, {b}) == run(unit("products exact sum exact"), 0, {a}, {b}));
  }));
  CHECK(run("tensix", {kInf, 1}, {2, 1}) == kInf);
  CHECK(std::isnan(run("tensix", {kInf, 1}, {0, 1})));
  // Of f32 the lowest bits of the left factor never take part: 19-bit sources.
  CHECK(StepRunner(*numerics_profile("tensix").dot.unit, ElementType::F32, ElementType::F32)
            .run(0, std::array{1 + 0x1p-11}, std::array{1.0}) == 1);
}

TEST_CASE("phases run over their span before the next terms") {
  // 3 is 2 + 1. Beside 2^25, 2 alone is lost (a tie to even), as is 1; 3 is rounded to 4.
  auto sum = [](const char *span) {
    return run(unit("block 1 left 1 7 sum chain phases 2 over " + std::string(span)), 0,
               {3, 0x1p25}, {1, 1});
  };
  CHECK(sum("1") == 0x1p25 + 4);
  CHECK(sum("2") == 0x1p25);
  CHECK(sum("row") == 0x1p25);
}

TEST_CASE("f64_exact rounds exact sums once") {
  const NumericsProfile &p = numerics_profile("f64_exact");
  auto dot = [&](const std::vector<double> &a, const std::vector<double> &b, ElementType type) {
    auto n = static_cast<std::int64_t>(a.size());
    return values(apply(OpCode::Dot, contraction(1, 0),
                        {tensor(type, {1, n}, a), tensor(type, {n, 1}, b)}, Shape{type, {1, 1}},
                        p))[0];
  };
  CHECK(dot({0x1p60, 1, -0x1p60, 0x1p-60}, {0x1p60, 1, 0x1p60, 0x1p-60}, ElementType::BF16) == 1);
  CHECK(dot({0x1p60, 1, 0x1p-7, 0x1p-60, -0x1p60}, {1, 1, 0.5, 1, 1}, ElementType::BF16) ==
        1.0078125);
  CHECK(dot({0x1p60, 1, 0x1p-7, -0x1p60}, {1, 1, 0.5, 1}, ElementType::BF16) == 1);
  CHECK(dot({0x1p100, 1, -0x1p100}, {1, 1, 1}, ElementType::F32) == 1);
  std::vector<double> row{0x1p60, 1, 0x1p-9, -0x1p60};
  CHECK(values(apply(OpCode::Reduce, reduction(OpCode::Add, {1}),
                     {tensor(ElementType::F32, {1, 4}, row), tensor(ElementType::F32, {}, {2})},
                     Shape{ElementType::F32, {1}}, p))[0] == 3 + 0x1p-9);
  CHECK(values(apply(OpCode::Reduce, reduction(OpCode::Maximum, {1}),
                     {tensor(ElementType::F32, {1, 4}, row), tensor(ElementType::F32, {}, {2})},
                     Shape{ElementType::F32, {1}}, p))[0] == 0x1p60);
}

TEST_CASE("a dot of any layout hands its rows to the unit, left side first") {
  REQUIRE(rc::check([] {
    const char *name = pick({"avx512_bf16", "amx_bf16", "nvidia_hopper", "tensix", "tensix_bf16",
                             "amd_cdna3", "arm_bf16"});
    const NumericsProfile &numerics = numerics_profile(name);
    auto size = [](std::int64_t most) { return *rc::gen::inRange<std::int64_t>(1, most); };
    std::int64_t m = size(20), k = size(40), n = size(20);
    Tensor left(Shape{ElementType::BF16, {k, m}}), right(Shape{ElementType::BF16, {k, n}});
    for (Tensor *t : {&left, &right})
      for (std::int64_t i = 0; i < t->elements(); ++i)
        t->set_bits(i, encode(ElementType::BF16, bf16_number()));
    Tensor out = apply(OpCode::Dot, contraction(0, 0), {left, right},
                       Shape{ElementType::BF16, {m, n}}, numerics);
    std::int64_t i = *rc::gen::inRange<std::int64_t>(0, m),
                 j = *rc::gen::inRange<std::int64_t>(0, n);
    std::vector<double> a, b;
    for (std::int64_t t = 0; t < k; ++t) {
      a.push_back(decode(ElementType::BF16, left.bits(t * m + i)));
      b.push_back(decode(ElementType::BF16, right.bits(t * n + j)));
      if (numerics.denormals != DenormalWay::Keep)
        for (auto *row : {&a, &b})
          row->back() =
              std::fabs(row->back()) < 0x1p-126 ? std::copysign(0, row->back()) : row->back();
    }
    ElementType accumulator = accumulator_type(numerics.dot, ElementType::BF16);
    double sum = StepRunner(*numerics.dot.unit, ElementType::BF16, accumulator).run(0, a, b);
    RC_ASSERT(out.bits(i * n + j) == encode(ElementType::BF16, sum));
  }));
}

TEST_CASE("dots of types that the unit does not take follow the order") {
  for (ElementType type : {ElementType::F32, ElementType::F64, ElementType::S32}) {
    Tensor a = tensor(type, {1, 3}, {0x1p26, 1, -0x1p26}), b = tensor(type, {3, 1}, {1, 1, 1});
    for (const char *name : {"avx512_bf16", "nvidia_hopper", "amd_cdna1"})
      CHECK(apply(OpCode::Dot, contraction(1, 0), {a, b}, Shape{type, {1, 1}},
                  numerics_profile(name)) == apply(OpCode::Dot, contraction(1, 0), {a, b},
                                                   Shape{type, {1, 1}},
                                                   numerics_profile("f32_sequential")));
  }
}
