// Directions of rounding, overflow and forms of NaN of element-wise operations and conversions,
// against MPFR and the rounding of exact values; machines' own functions.
#include "semantics/float_format.h"
#include "semantics/function_table.h"

#include "evaluation.h"

#include <cmath>
#include <map>
#include <mpfr.h>
#include <random>

using namespace isamorph::semantics;
using namespace isamorph::semantics::test;

namespace {

using enum ElementType;

struct Setting {
  ElementType type;
  std::optional<ElementType> compute;
  ResultRounding round;

  NumericsProfile profile() const {
    NumericsProfile p;
    p.compute = compute;
    p.elementwise.round = p.conversion.round = round;
    return p;
  }
  std::string text() const {
    return std::string(name(type)) + (compute ? " in " + std::string(name(*compute)) : "") + " " +
           std::string(kRoundingWords[static_cast<std::size_t>(round.mode)]) + " " +
           std::string(kOverflowWords[static_cast<std::size_t>(round.overflow)]);
  }
  /// An exact value, rounded to odd in a double, as the setting rounds it.
  std::uint64_t rounded(double odd) const {
    RoundingStep step{round.mode, TinyResults::Keep, round.overflow};
    if (compute && byte_size(*compute) > byte_size(type))
      odd = round_to_type(odd, *compute, step);
    return encode(type, round_to_type(odd, type, step)); // a value of the type: exact
  }
};

std::vector<Setting> settings() {
  std::vector<Setting> out;
  for (int m = 0; m < kRoundingCount; ++m)
    for (Overflow overflow : {Overflow::Infinity, Overflow::Largest, Overflow::Ieee})
      for (ElementType type : {BF16, F16, F32})
        for (std::optional<ElementType> compute :
             {std::optional<ElementType>(), std::optional(F32)})
          if (type != F32 || compute)
            out.push_back({type, compute, {static_cast<Rounding>(m), overflow}});
  return out;
}

/// MPFR's result as a double rounded to odd; the operation is exact in 700 bits but for quotients
/// and roots, whose last bits are cut off.
double to_odd(mpfr_ptr exact) {
  double cut = mpfr_get_d(exact, MPFR_RNDZ);
  if (!std::isfinite(cut) || mpfr_cmp_d(exact, cut) == 0)
    return cut;
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(cut) | 1);
}

struct Operation {
  OpCode op;
  int (*function)(mpfr_ptr, mpfr_srcptr, mpfr_srcptr, mpfr_rnd_t);
};
int square_root(mpfr_ptr z, mpfr_srcptr x, mpfr_srcptr, mpfr_rnd_t how) {
  return mpfr_sqrt(z, x, how);
}
const std::vector<Operation> kOperations = {{OpCode::Add, mpfr_add},
                                            {OpCode::Subtract, mpfr_sub},
                                            {OpCode::Multiply, mpfr_mul},
                                            {OpCode::Divide, mpfr_div},
                                            {OpCode::Sqrt, square_root}};

class Numbers {
public:
  Numbers() { mpfr_inits2(700, x, y, z, static_cast<mpfr_ptr>(nullptr)); }
  ~Numbers() { mpfr_clears(x, y, z, static_cast<mpfr_ptr>(nullptr)); }
  Numbers(const Numbers &) = delete;
  Numbers &operator=(const Numbers &) = delete;
  mpfr_t x, y, z;
};

/// Any bits, with many neighbours, powers of two, numbers at both ends of the range.
std::uint64_t some_bits(ElementType type, std::mt19937_64 &random, std::uint64_t near) {
  std::uint64_t mask = ~std::uint64_t{0} >> (64 - 8 * byte_size(type));
  std::uint64_t fraction = (std::uint64_t{1} << (precision(type) - 1)) - 1;
  std::uint64_t any = random() & mask;
  switch (random() % 5) {
  case 0:
    return near ^ (random() & fraction);
  case 1:
    return any & ~fraction;
  case 2:
    return any & (fraction | (mask ^ mask >> 1)); // denormals
  case 3:
    return (any | (mask >> 1 & ~fraction)) ^ (fraction + 1); // near the largest
  default:
    return any;
  }
}

} // namespace

TEST_CASE("in every direction + - * / and sqrt round the exact result") {
  std::mt19937_64 random(3);
  Numbers n;
  for (const Setting &setting : settings()) {
    NumericsProfile profile = setting.profile();
    for (const Operation &operation : kOperations)
      for (int i = 0; i < 60; ++i) {
        Words in = {some_bits(setting.type, random, 0x3c01)};
        if (operation.op != OpCode::Sqrt)
          in.push_back(some_bits(setting.type, random, in[0]));
        mpfr_set_d(n.x, decode(setting.type, in[0]), MPFR_RNDN);
        mpfr_set_d(n.y, decode(setting.type, in.back()), MPFR_RNDN);
        // A sum of zero has the sign that goes with the direction.
        operation.function(n.z, n.x, n.y,
                           setting.round.mode == Rounding::Down ? MPFR_RNDD : MPFR_RNDZ);
        if (mpfr_zero_p(n.z) == 0 && mpfr_regular_p(n.z) && setting.round.mode == Rounding::Down)
          operation.function(n.z, n.x, n.y, MPFR_RNDZ);
        INFO(setting.text() << ' ' << info(operation.op).name << std::hex << ' ' << in[0] << ' '
                            << in.back());
        REQUIRE(scalar(operation.op, setting.type, in, profile) == setting.rounded(to_odd(n.z)));
      }
  }
}

TEST_CASE("conversions round in every direction") {
  std::mt19937_64 random(4);
  for (const Setting &setting : settings()) {
    NumericsProfile profile = setting.profile();
    Setting once = setting; // floats do not pass through the compute type
    once.compute.reset();
    for (ElementType from : {BF16, F16, F32, F64})
      for (int i = 0; i < 60; ++i) {
        std::uint64_t x = some_bits(from, random, 0x3f800000);
        double value = decode(from, x);
        if (std::fabs(value) > 0 && std::fabs(value) < 0x1p-1000)
          continue; // round_to_type takes normal doubles
        INFO(setting.text() << " of " << name(from) << std::hex << ' ' << x);
        REQUIRE(convert(from, x, setting.type, profile) == once.rounded(value));
      }
    for (int i = 0; i < 60; ++i) {
      auto x = static_cast<std::int64_t>(random()) >> random() % 64;
      INFO(setting.text() << " of s64 " << x);
      REQUIRE(convert(S64, static_cast<std::uint64_t>(x), setting.type, profile) ==
              setting.rounded(integer_to_odd_double(x)));
    }
  }
}

TEST_CASE("all 65536 roots and conversions of 16-bit types, in every direction", "[slow]") {
  for (const Setting &setting : settings()) {
    if (setting.type == F32 || setting.round.overflow == Overflow::Largest)
      continue;
    ElementType other = setting.type == BF16 ? F16 : BF16;
    auto roots = unary_table(OpCode::Sqrt, setting.type, setting.profile());
    int wrong = 0;
    for (std::uint64_t x = 0; x < 65536; ++x) {
      double value = decode(setting.type, x), root = std::sqrt(value);
      double rest = std::isfinite(root) ? std::fma(root, root, -value) : 0;
      if (rest != 0) { // to odd: toward zero, then the last bit
        std::uint64_t bits = std::bit_cast<std::uint64_t>(root) - (rest > 0);
        root = std::bit_cast<double>(bits | 1);
      }
      wrong += roots[x] != setting.rounded(root);
      Setting once = setting;
      once.compute.reset();
      wrong += convert(other, x, setting.type, setting.profile()) != once.rounded(decode(other, x));
    }
    INFO(setting.text());
    CHECK(wrong == 0);
  }
}

TEST_CASE("an exact quotient that is tiny before it is rounded is flushed as the processor does") {
  NumericsProfile both = profile("numerics p { compute f64 denormals flush_after }");
  CHECK(scalar(OpCode::Divide, F32, {0x00ffffff, 0x40000000}) == 0);
  CHECK(scalar(OpCode::Divide, F32, {0x80ffffff, 0x40000000}) == 0x80000000);
  CHECK(scalar(OpCode::Divide, F32, {0x7f7fffff, 0x7f800000 - 1}) == 0x3f800000);
  CHECK(scalar(OpCode::Divide, F32, {0x3fffffff, 0x7f000000}) == 0);
  CHECK(scalar(OpCode::Divide, F32, {0x01000000, 0x40000000}) == 0x00800000);
  CHECK(scalar(OpCode::Divide, F64, {0x001fffffffffffff, 0x4000000000000000}, both) == 0);
}

TEST_CASE("NaN results have the form that the profile gives them") {
  struct Case {
    const char *knobs;
    OpCode op;
    ElementType from, to;
    Words in;
    std::uint64_t expected;
  };
  using enum OpCode;
  const std::uint64_t x = 0x7f800001, y = 0xff812345; // signalling ones
  const std::vector<Case> cases = {
      {"", Add, F32, F32, {x, y}, 0x7fc00000},
      {"elementwise nan f32 0xffc00000", Add, F32, F32, {0x7f800000, 0xff800000}, 0xffc00000},
      {"elementwise nan f32 0xffc00000", Add, BF16, BF16, {0x7fc1, 0}, 0x7fc0},
      {"elementwise nan propagate left right", Add, F32, F32, {x, y}, 0x7fc00001},
      {"elementwise nan propagate right left", Add, F32, F32, {x, y}, 0xffc12345},
      {"elementwise nan propagate right left", Add, F32, F32, {x, 0}, 0x7fc00001},
      {"elementwise nan f32 0x7fffffff propagate left", Divide, F32, F32, {0, y}, 0x7fffffff},
      {"elementwise nan f32 0x7fffffff propagate left", Sqrt, F32, F32, {0xbf800000}, 0x7fffffff},
      {"elementwise nan propagate left", Exponential, BF16, BF16, {0xff81}, 0xffc1},
      {"elementwise nan propagate left", Negate, F32, F32, {y}, 0xffc12345},
      {"elementwise nan propagate right left", Clamp, F32, F32, {0, y, x}, 0x7fc00001},
      {"elementwise nan propagate left right", Clamp, F32, F32, {0, y, x}, 0xffc12345},
      {"elementwise round up, nan propagate left", Add, F32, F32, {x, 0}, 0x7fc00001},
      {"elementwise nan propagate left", Convert, F32, BF16, {y}, 0x7fc0},
      {"convert nan propagate left", Convert, F32, BF16, {y}, 0xffc1},
      {"convert nan propagate left", Convert, F32, F16, {y}, 0xfe09},
      {"convert nan propagate left", Convert, F16, F64, {0xfc01}, 0xfff8040000000000},
      {"convert nan bf16 0x7fff", Convert, F64, BF16, {0x7ff0000000000001}, 0x7fff},
      {"functions xla_cpu elementwise nan bf16 0x7fff", Log, BF16, BF16, {0xbf80}, 0x7fff},
  };
  for (const Case &c : cases) {
    INFO(c.knobs << ' ' << info(c.op).name);
    NumericsProfile p = profile("numerics p { " + std::string(c.knobs) + " }");
    CHECK(scalar(c.op, c.from, c.in, p, {}, c.to) == c.expected);
    CHECK(parse_numerics(make_source("again", print_numerics(p))).at(0) == p);
  }
}

TEST_CASE("NaN sums have the form that the profile gives them") {
  const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
  NumericsProfile p = profile("numerics p { compute f32 dot accumulate f32, nan f32 0xffc00000 "
                              "reduce nan bf16 0x7fff }");
  Attributes contraction;
  contraction.set(AttributeKey::LhsContracting, {0});
  contraction.set(AttributeKey::RhsContracting, {0});
  Tensor a = tensor(F32, {2}, {inf, 1}), b = tensor(F32, {2}, {1, nan});
  CHECK(apply(OpCode::Dot, contraction, {a, b}, {F32, {}}, p).bits(0) == 0xffc00000);
  Tensor row = tensor(BF16, {2}, {1, nan}), init = tensor(BF16, {}, {0});
  CHECK(
      apply(OpCode::Reduce, reduction(OpCode::Maximum, {0}), {row, init}, {BF16, {}}, p).bits(0) ==
      0x7fff);
  const NumericsProfile &x86 = numerics_profile("avx512_bf16_payloads");
  Tensor left = tensor(BF16, {2}, {inf, -inf}), right = tensor(BF16, {2}, {1, 1});
  auto dot = [&] {
    return apply(OpCode::Dot, contraction, {left, right}, {BF16, {}}, x86).bits(0);
  };
  CHECK(dot() == 0xffc0);
  right.set_bits(0, 0x7f81); // the last of the pair's steps
  CHECK(dot() == 0x7fc1);
  left.set_bits(0, 0xff82); // left before right
  CHECK(dot() == 0xffc2);
}

TEST_CASE("knobs that make no sense are refused where they stand") {
  struct Case {
    const char *text, *message;
  };
  for (const Case &c : std::vector<Case>{
           {"elementwise nan f32 0x7f800000", "0x7f800000 is no NaN of f32"},
           {"elementwise nan bf16 0x17fc0", "more bits than bf16 has"},
           {"elementwise nan bf16 7fc0", "expected '0'"},
           {"elementwise nan propagate accumulator", "accumulator"},
           {"elementwise nan propagate left left", "stated twice"},
           {"elementwise nan round", "expected an element type and its pattern"},
           {"elementwise round up, round down", "stated twice"},
           {"convert overflow saturate", "saturate"},
           {"dot nan propagate left", "propagates NaNs"},
           {"dot unit { sum tree join after }, nan propagate left", "propagates NaNs"},
           {"functions xla", "unknown set of functions 'xla'"}}) {
    INFO(c.text);
    try {
      profile("numerics p { " + std::string(c.text) + " }");
      FAIL_CHECK("accepted");
    } catch (const InputError &error) {
      CHECK_THAT(error.what(), Catch::Contains(c.message) && Catch::Contains("test:1:"));
    }
  }
}

TEST_CASE("XLA's own functions of 16-bit types") {
  const NumericsProfile &own = numerics_profile("xla_cpu_x86");
  std::map<std::string, int> differ; // from the rounded functions of xla_cpu
  for (int o = 0; o < kOpCodeCount; ++o)
    for (ElementType type : {BF16, F16}) {
      auto op = static_cast<OpCode>(o);
      if (!is_function(op))
        continue;
      auto table = unary_table(op, type, own), rounded = unary_table(op, type, xla_cpu());
      for (std::size_t x = 0; x < table.size(); ++x)
        if (table[x] != rounded[x] && !(is_nan(type, table[x]) && is_nan(type, rounded[x])))
          ++differ[std::string(info(op).name) + "." + std::string(name(type))];
      // f(-0) is f(+0) but for a zero's sign, or an infinity: what level `finite` takes for
      // granted.
      std::uint64_t plus = table[0], minus = table[0x8000];
      CHECK((plus == minus || (plus ^ minus) == 0x8000));
      CHECK(scalar(op, type, {0x3c01}, own) == table[0x3c01]);
    }
  CHECK(differ == std::map<std::string, int>{{"cbrt.bf16", 254},
                                             {"erf.f16", 4},
                                             {"exponential-minus-one.f16", 11381},
                                             {"logistic.f16", 11071}});
  CHECK(denormal_use(own, OpCode::Exponential, BF16) == DenormalUse{});
  CHECK(denormal_use(own, OpCode::Exponential, F32) ==
        denormal_use(xla_cpu(), OpCode::Exponential, F32));
}
