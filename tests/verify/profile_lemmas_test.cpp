// What proofs take for granted of a numerics profile, compared by evaluation for every shipped one.
#include "semantics/evaluator.h"
#include "verify/normalize.h"
#include "verify/real_normal_form.h"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>

using namespace isamorph;
using namespace isamorph::verify;
using semantics::ElementType;
using semantics::NumericsProfile;
using semantics::Shape;
using semantics::Tensor;

namespace {

constexpr std::array kFloats = {ElementType::BF16, ElementType::F16, ElementType::F32,
                                ElementType::F64};
using Engine = std::mt19937_64;
using Row = std::vector<std::uint64_t>;

/// Any bits; numbers of near exponents, so that sums cancel; or boundary values.
std::uint64_t any_bits(ElementType type, Engine &engine, bool finite) {
  constexpr std::array boundary = {0.0,     -0.0,    1.0,     -1.0,      0x1p-126,
                                   0x1p-14, 0x1p-24, 65504.0, 0x1.fep127};
  std::uint64_t bits = engine();
  switch (engine() % 4) {
  case 0:
    break;
  case 1:
    bits = semantics::encode(type, boundary[engine() % boundary.size()]);
    break;
  default:
    bits = semantics::encode(type, std::ldexp(static_cast<double>(engine() % 4095) - 2047,
                                              static_cast<int>(engine() % 30) - 20));
  }
  int size = semantics::byte_size(type);
  if (size < 8)
    bits &= (std::uint64_t{1} << (8 * size)) - 1;
  return finite && !semantics::is_finite(type, bits) ? 0 : bits;
}

Row any_row(ElementType type, Engine &engine, std::size_t terms, bool finite = false) {
  Row out;
  for (std::size_t i = 0; i < terms; ++i)
    out.push_back(any_bits(type, engine, finite));
  return out;
}

std::uint64_t dot(const NumericsProfile &profile, ElementType type, const Row &a, const Row &b) {
  auto n = static_cast<std::int64_t>(a.size());
  Tensor left(Shape{type, {1, n}}), right(Shape{type, {n, 1}});
  for (std::int64_t i = 0; i < n; ++i) {
    left.set_bits(i, a[static_cast<std::size_t>(i)]);
    right.set_bits(i, b[static_cast<std::size_t>(i)]);
  }
  semantics::Attributes attributes;
  attributes.set(semantics::AttributeKey::LhsContracting, {1});
  attributes.set(semantics::AttributeKey::RhsContracting, {0});
  std::array<const Tensor *, 2> operands = {&left, &right};
  return semantics::evaluate_op(OpCode::Dot, attributes, operands, Shape{type, {1, 1}}, profile)
      .bits(0);
}

std::uint64_t apply(const NumericsProfile &profile, OpCode op, ElementType type, std::uint64_t a,
                    std::uint64_t b) {
  std::array types = {type, type};
  std::array operands = {a, b};
  return semantics::evaluate_scalar(op, {}, types, operands, type, profile);
}

bool same(ElementType type, std::uint64_t a, std::uint64_t b) {
  return a == b || (semantics::is_nan(type, a) && semantics::is_nan(type, b));
}
bool same_but_zero_sign(ElementType type, std::uint64_t a, std::uint64_t b) {
  return same(type, a, b) || (semantics::decode(type, a) == 0 && semantics::decode(type, b) == 0);
}

/// Of two NaNs the result's payload says which side it was on.
bool hands_on_a_side(const NumericsProfile &profile, ElementType type) {
  std::uint64_t nan = semantics::encode(type, std::numeric_limits<double>::quiet_NaN());
  return dot(profile, type, Row{nan | 1}, Row{nan | 2}) !=
         dot(profile, type, Row{nan | 2}, Row{nan | 1});
}

/// The term graph treats dot(a, b) and dot(b, a) as one.
bool exchanges(const NumericsProfile &profile, ElementType type) {
  TermGraph terms(profile);
  std::array<TermId, 2> x = {terms.input(0, 0, type), terms.input(0, 1, type)},
                        y = {terms.input(1, 0, type), terms.input(1, 1, type)};
  VectorId a = terms.vector(x), b = terms.vector(y);
  return terms.dot(type, a, b) == terms.dot(type, b, a);
}

/// At level finite, a dot with a unit vector becomes the element, here that of an input.
bool drops_unit_vector(const NumericsProfile &profile, ElementType type) {
  TermGraph terms(profile);
  std::array<TermId, 2> x = {terms.input(0, 0, type), terms.input(0, 1, type)},
                        unit = {terms.literal(type, 0),
                                terms.literal(type, semantics::encode(type, 1))};
  TermId root = terms.dot(type, terms.vector(x), terms.vector(unit));
  return Normalizer(terms).normalize(root) == x[1];
}

} // namespace

TEST_CASE("dots whose sides proofs exchange have the same bits, under every profile") {
  for (const NumericsProfile &profile : semantics::shipped_numerics())
    for (ElementType type : kFloats) {
      INFO(profile.name << ' ' << semantics::name(type));
      Engine engine(1);
      int different = 0;
      for (int round = 0; round < 400; ++round) {
        std::size_t n = 1 + engine() % 40;
        Row a = any_row(type, engine, n), b = any_row(type, engine, n);
        different += !same(type, dot(profile, type, a, b), dot(profile, type, b, a));
      }
      if (exchanges(profile, type))
        CHECK(different == 0);
      else if (type != ElementType::F64) // of which proofs never exchange anything
        CHECK((different > 0 || hands_on_a_side(profile, type)));
    }
  CHECK(exchanges(semantics::numerics_profile("avx512_bf16"), ElementType::BF16));
  CHECK_FALSE(exchanges(semantics::numerics_profile("tensix"), ElementType::BF16));
  CHECK_FALSE(exchanges(semantics::numerics_profile("tensix_lofi"), ElementType::F32));
}

TEST_CASE("dots with a unit vector that proofs drop are the element, under every profile") {
  int refused = 0;
  for (const NumericsProfile &profile : semantics::shipped_numerics())
    for (ElementType type : kFloats) {
      INFO(profile.name << ' ' << semantics::name(type));
      if (!drops_unit_vector(profile, type)) {
        ++refused;
        continue;
      }
      Engine engine(2);
      for (int round = 0; round < 400; ++round) {
        std::size_t n = 1 + engine() % 40, at = engine() % n;
        Row x = any_row(type, engine, n, true), unit(n, 0);
        unit[at] = semantics::encode(type, 1);
        if (flushes_somewhere(profile))
          for (std::uint64_t &bits : x)
            bits = is_denormal(type, bits) ? 0 : bits;
        CHECK(same_but_zero_sign(type, dot(profile, type, x, unit), x[at]));
        CHECK(same_but_zero_sign(type, dot(profile, type, unit, x), x[at]));
      }
    }
  CHECK(refused > 0);
  auto drops = [](const char *name) {
    return drops_unit_vector(semantics::numerics_profile(name), ElementType::BF16);
  };
  CHECK(drops("xla_cpu"));
  CHECK(drops("avx512_bf16"));
  CHECK(drops("amd_cdna1"));
  CHECK_FALSE(drops("arm_bf16")); // its additions are not those of the lemma
  CHECK_FALSE(drops("nvidia_hopper"));
  CHECK_FALSE(drops("tensix"));
  // One fidelity phase: 1 + 2^-7 loses its last bit.
  std::uint64_t one = semantics::encode(ElementType::BF16, 1);
  CHECK(dot(semantics::numerics_profile("tensix_lofi"), ElementType::BF16, {one + 1}, {one}) ==
        one);
}

TEST_CASE("a unit that flushes denormals ends chains of finite lemmas where others make them") {
  // x*y may be a denormal although neither input is; VDPBF16PS reads it as zero.
  constexpr ElementType type = ElementType::BF16;
  const NumericsProfile &profile = semantics::numerics_profile("avx512_bf16");
  TermGraph terms(profile);
  std::array<TermId, 2> in = {terms.input(0, 0, type), terms.input(0, 1, type)};
  TermId product = terms.operation(OpCode::Multiply, 0, type, in);
  std::array<TermId, 1> x = {product}, one = {terms.literal(type, semantics::encode(type, 1))};
  TermId root = terms.dot(type, terms.vector(x), terms.vector(one));
  CHECK(Normalizer(terms).normalize(root) != product);
  Atoms atoms;
  CHECK(RealNormalizer(terms, atoms, {}).equal(root, product));
  // What a flushing unit wrote may pass through it again.
  TermId first = terms.dot(type, terms.vector(in), terms.vector(std::array{in[1], in[0]}));
  TermId again = terms.dot(type, terms.vector(std::array{first}), terms.vector(one));
  CHECK(Normalizer(terms).normalize(again) == first);
}

TEST_CASE("element-wise lemmas hold under every profile") {
  struct Neutral {
    OpCode op;
    double value;
  };
  for (const NumericsProfile &profile : semantics::shipped_numerics())
    for (ElementType type : kFloats) {
      INFO(profile.name << ' ' << semantics::name(type));
      Engine engine(3);
      for (int round = 0; round < 300; ++round) {
        std::uint64_t a = any_bits(type, engine, false), b = any_bits(type, engine, false);
        for (OpCode op : {OpCode::Add, OpCode::Multiply, OpCode::Maximum, OpCode::Minimum})
          CHECK(same(type, apply(profile, op, type, a, b), apply(profile, op, type, b, a)));
        std::uint64_t x = any_bits(type, engine, true);
        if (flushes_somewhere(profile) && is_denormal(type, x))
          continue;
        for (Neutral n : {Neutral{OpCode::Add, 0},
                          {OpCode::Subtract, 0},
                          {OpCode::Multiply, 1},
                          {OpCode::Divide, 1}})
          CHECK(same_but_zero_sign(
              type, apply(profile, n.op, type, x, semantics::encode(type, n.value)), x));
      }
    }
}

TEST_CASE("dots read each row and column for themselves, under every profile") {
  // The rules that cut, join and transpose dots rest on it.
  for (const NumericsProfile &profile : semantics::shipped_numerics()) {
    INFO(profile.name);
    constexpr ElementType type = ElementType::BF16;
    Engine engine(4);
    constexpr std::int64_t m = 3, k = 37, n = 18;
    Tensor left(Shape{type, {m, k}}), right(Shape{type, {k, n}});
    for (Tensor *t : {&left, &right})
      for (std::int64_t i = 0; i < t->elements(); ++i)
        t->set_bits(i, any_bits(type, engine, false));
    semantics::Attributes attributes;
    attributes.set(semantics::AttributeKey::LhsContracting, {1});
    attributes.set(semantics::AttributeKey::RhsContracting, {0});
    std::array<const Tensor *, 2> operands = {&left, &right};
    Tensor whole =
        semantics::evaluate_op(OpCode::Dot, attributes, operands, Shape{type, {m, n}}, profile);
    for (std::int64_t i = 0; i < m; ++i)
      for (std::int64_t j = 0; j < n; ++j) {
        Row a, b;
        for (std::int64_t t = 0; t < k; ++t) {
          a.push_back(left.bits(i * k + t));
          b.push_back(right.bits(t * n + j));
        }
        CHECK(whole.bits(i * n + j) == dot(profile, type, a, b));
      }
  }
}

TEST_CASE("a dot of one product is no multiplication where narrowing flushes") {
  NumericsProfile flushing =
      semantics::parse_numerics(
          semantics::make_source("test", "numerics kept { compute f32\n dot accumulate f32, order "
                                         "sequential }\nnumerics narrow extends kept { narrowing "
                                         "flush }"))
          .at(1);
  ElementType bf16 = ElementType::BF16;
  std::uint64_t x = semantics::encode(bf16, 0x1p-70), y = semantics::encode(bf16, 0x1p-60);
  std::array both = {bf16, bf16};
  std::array bits = {x, y};
  REQUIRE(dot(flushing, bf16, {x, 0}, {y, y}) !=
          semantics::evaluate_scalar(OpCode::Multiply, {}, both, bits, bf16, flushing));
  TermGraph terms(flushing);
  TermId a = terms.input(0, 0, bf16), b = terms.input(1, 0, bf16), zero = terms.literal(bf16, 0);
  std::array left = {a, zero}, right = {b, b}, factors = {a, b};
  TermId sum = terms.dot(bf16, terms.vector(left), terms.vector(right)),
         product = terms.operation(OpCode::Multiply, 0, bf16, factors);
  Normalizer normalizer(terms);
  CHECK(normalizer.normalize(sum) != normalizer.normalize(product));
}
