// The vector instructions of AVX-512 as the ISA `amx` states them, against the C library and
// against what the processor's manual says of NaN, zeros and numbers out of range.
#include "semantics/evaluator.h"
#include "sim/simulator.h"

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

using namespace isamorph;
using semantics::Tensor;

namespace {

constexpr std::size_t kLanes = 16;
using Lanes = std::array<std::uint32_t, kLanes>;

/// The 64 bytes (or `bytes`) that `call` leaves in register 3, or in memory at 192, for x in
/// register 0, y in 1 and z in 2 and 3.
Tensor run(const std::string &call, const Lanes &x, const Lanes &y, const Lanes &z,
           bool stores = false) {
  static const spec::Isa isa = spec::load_isa("amx");
  std::string text = "kernel k { memory 256\n input x @ 0 : u32[16]\n input y @ 64 : u32[16]\n"
                     " input z @ 128 : u32[16]\n output o @ 192 : " +
                     std::string(stores ? "u8[16]" : "u32[16]") +
                     "\n mm512_load(dst=0, addr=0)\n mm512_load(dst=1, addr=64)\n"
                     " mm512_load(dst=2, addr=128)\n mm512_load(dst=3, addr=128)\n " +
                     call + (stores ? "" : "\n mm512_store(addr=192, src=3)") + "\n}\n";
  sim::Simulator simulator(isa, spec::parse_kernel(semantics::make_source("k.asm", text), isa));
  std::vector<Tensor> inputs;
  for (const Lanes *lanes : {&x, &y, &z}) {
    inputs.emplace_back(semantics::Shape{semantics::ElementType::U32, {kLanes}});
    for (std::size_t i = 0; i < kLanes; ++i)
      inputs.back().set_bits(static_cast<std::int64_t>(i), (*lanes)[i]);
  }
  return simulator.run(inputs)[0];
}

float number(std::uint64_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits)); }
std::uint32_t bits(float number) { return std::bit_cast<std::uint32_t>(number); }

bool same(float a, float b) { return (std::isnan(a) && std::isnan(b)) || bits(a) == bits(b); }

/// Boundary values, and random ones whose products and sums cancel often.
std::uint32_t operand(std::mt19937 &engine) {
  constexpr std::array<std::uint32_t, 14> special = {
      0,          0x80000000, 1,          0x80000001, 0x007fffff, 0x00800000, 0x3f800000,
      0xbf800000, 0x3f800001, 0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000};
  switch (engine() % 4) {
  case 0:
    return special[engine() % special.size()];
  case 1:
    return static_cast<std::uint32_t>(engine()); // any bits
  case 2:
    return 0x3f800000 + (engine() % 3 << 23) + engine() % 4 + (engine() % 2 << 31);
  default:
    return 0x3f800000 + (engine() & 0x807fffff);
  }
}

} // namespace

TEST_CASE("fused multiply-adds round once") {
  std::mt19937 engine(11);
  int double_roundings = 0, wrong = 0;
  for (int round = 0; round < 1500; ++round) {
    Lanes x{}, y{}, z{};
    for (std::size_t i = 0; i < kLanes; ++i) {
      x[i] = operand(engine);
      y[i] = operand(engine);
      float product = number(x[i]) * number(y[i]);
      // Half of the addends cancel the rounded product: what is left is its rounding error.
      z[i] = engine() % 2 ? operand(engine) : bits(-product) + engine() % 3 - 1;
    }
    Tensor out = run("mm512_fmadd(dst=3, src1=0, src2=1)", x, y, z);
    for (std::size_t i = 0; i < kLanes; ++i) {
      float exact = std::fma(number(x[i]), number(y[i]), number(z[i]));
      float twice = static_cast<float>(static_cast<double>(number(x[i])) * number(y[i]) +
                                       static_cast<double>(number(z[i])));
      wrong += !same(number(out.bits(static_cast<std::int64_t>(i))), exact);
      double_roundings += !same(twice, exact);
    }
  }
  CHECK(wrong == 0);
  // One that rounding in f64 first gets wrong, whatever the random ones do: 2^-24 + 2^-54 over 1.
  Lanes x{}, y{}, z{};
  x.fill(bits(0x1.000002p0F));
  y.fill(bits(0x1p-54F));
  z.fill(bits(1));
  float sum = std::fma(number(x[0]), number(y[0]), 1.0F);
  Tensor out = run("mm512_fmadd(dst=3, src1=0, src2=1)", x, y, z);
  CHECK(same(number(out.bits(0)), sum));
  x.fill(bits(0x1.000002p0F));
  y.fill(
      bits(0x1.fffffep-25F)); // the product is 2^-24 (1 + 2^-24 ...): just above half an ulp of 1
  out = run("mm512_fmadd(dst=3, src1=0, src2=1)", x, y, z);
  CHECK(same(number(out.bits(0)), std::fma(number(x[0]), number(y[0]), 1.0F)));
}

TEST_CASE("maximum and minimum return their second operand where they cannot tell") {
  float nan = std::nanf("");
  Lanes x{}, y{}, z{};
  x[0] = bits(nan), y[0] = bits(2);
  x[1] = bits(2), y[1] = bits(nan);
  x[2] = bits(-0.0F), y[2] = bits(0.0F);
  x[3] = bits(0.0F), y[3] = bits(-0.0F);
  x[4] = bits(3), y[4] = bits(-5);
  for (const char *name : {"mm512_max", "mm512_min"}) {
    Tensor out = run(std::string(name) + "(dst=3, src1=0, src2=1)", x, y, z);
    for (std::int64_t i = 0; i < 4; ++i)
      CHECK(same(number(out.bits(i)), number(y[static_cast<std::size_t>(i)])));
    CHECK(number(out.bits(4)) == (std::string(name) == "mm512_max" ? 3 : -5));
  }
}

TEST_CASE("conversions round to nearest even and saturate as the processor does") {
  Lanes x{}, none{};
  std::array<float, 9> from = {0.5F,           1.5F,  -2.5F,         2147483520.0F, 2147483648.0F,
                               -2147483648.0F, -3e9F, std::nanf(""), HUGE_VALF};
  std::array<std::int64_t, 9> to = {0,           2,           -2,          2147483520, -2147483648,
                                    -2147483648, -2147483648, -2147483648, -2147483648};
  for (std::size_t i = 0; i < from.size(); ++i)
    x[i] = bits(from[i]);
  Tensor out = run("mm512_cvt_i32(dst=3, src=0)", x, none, none);
  for (std::size_t i = 0; i < to.size(); ++i)
    CHECK(static_cast<std::int32_t>(out.bits(static_cast<std::int64_t>(i))) == to[i]);

  x = {0, 127, 128, 255, 256, 0xffffffff, 0xffffff80, 0xffffff7f, 0x80000000, 0x7fffffff};
  std::array<std::uint8_t, 10> as_signed = {0, 127, 127, 127, 127, 255, 128, 128, 128, 127};
  std::array<std::uint8_t, 10> as_unsigned = {0, 127, 128, 255, 255, 255, 255, 255, 255, 255};
  Tensor narrow = run("mm512_cvt_i8_store(addr=192, src=0)", x, none, none, true);
  Tensor unsign = run("mm512_cvt_u8_store(addr=192, src=0)", x, none, none, true);
  for (std::size_t i = 0; i < as_signed.size(); ++i) {
    CHECK(narrow.bits(static_cast<std::int64_t>(i)) == as_signed[i]);
    CHECK(unsign.bits(static_cast<std::int64_t>(i)) == as_unsigned[i]);
  }
}

TEST_CASE("logic on bits, selection, broadcasts and immediate words") {
  Lanes x{}, y{}, z{};
  for (std::size_t i = 0; i < kLanes; ++i) {
    x[i] = 0x9e3779b9U * static_cast<std::uint32_t>(i + 1);
    y[i] = bits(static_cast<float>(i));
    z[i] = bits(8);
  }
  Tensor out = run("mm512_xor(dst=3, src1=0, src2=1)", x, y, z);
  for (std::size_t i = 0; i < kLanes; ++i)
    CHECK(out.bits(static_cast<std::int64_t>(i)) == (x[i] ^ y[i]));
  out = run("select(dst=3, src1=0, src2=1, src3=2)", x, y, z);
  for (std::size_t i = 0; i < kLanes; ++i)
    CHECK(out.bits(static_cast<std::int64_t>(i)) == (i < 8 ? x[i] : z[i]));
  out = run("mm512_broadcast(dst=3, src=0)", x, y, z);
  CHECK(out.bits(15) == x[0]);
  out = run("mm512_broadcast_mem(dst=3, addr=4)", x, y, z);
  CHECK(out.bits(0) == x[1]);
  out = run("mm128_loadi(val=4294967295, dst=3)", x, y, z);
  CHECK(out.bits(0) == 0xffffffff);
  CHECK(out.bits(1) == 0);
}
