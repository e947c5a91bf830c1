// The profile avx512_bf16 against the instructions themselves.
#include "evaluation.h"

#include <algorithm>
#include <array>
#include <bit>
#include <random>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

using namespace isamorph::semantics;
using namespace isamorph::semantics::test;

namespace {

#if defined(__x86_64__)
#define ISAMORPH_AVX512_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))

/// The instructions below may be called only where this is true.
bool has_avx512_bf16() {
  return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512bw");
}

/// VDPBF16PS on sixteen lanes, on bits.
ISAMORPH_AVX512_BF16 void dot_pairs(const std::uint32_t *a, const std::uint32_t *b,
                                    std::uint32_t *sums) {
  auto x = reinterpret_cast<__m512bh>(_mm512_loadu_si512(a)),
       y = reinterpret_cast<__m512bh>(_mm512_loadu_si512(b));
  _mm512_storeu_ps(sums, _mm512_dpbf16_ps(_mm512_loadu_ps(sums), x, y));
}

/// VCVTNEPS2BF16 and VCVTNE2PS2BF16 on sixteen numbers' bits.
ISAMORPH_AVX512_BF16 void convert_to_bf16(const std::uint32_t *in, std::uint16_t *out,
                                          std::uint16_t *twice) {
  __m512 x = _mm512_castsi512_ps(_mm512_loadu_si512(in));
  _mm256_storeu_si256(reinterpret_cast<__m256i *>(out),
                      reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x)));
  _mm512_storeu_si512(twice, reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(x, x)));
}
#else
bool has_avx512_bf16() { return false; }
void dot_pairs(const std::uint32_t *, const std::uint32_t *, std::uint32_t *) {}
void convert_to_bf16(const std::uint32_t *, std::uint16_t *, std::uint16_t *) {}
#endif

using Engine = std::mt19937_64;

constexpr std::array<std::uint16_t, 29> kBoundary = {
    0x0000, 0x0001, 0x0002, 0x0040, 0x007f, 0x0080, 0x0081, 0x00ff, 0x0100, 0x3f00,
    0x3f7f, 0x3f80, 0x3f81, 0x3fff, 0x4000, 0x4b00, 0x4b80, 0x7eff, 0x7f00, 0x7f7f,
    0x7f80, 0x7f81, 0x7fc0, 0x2000, 0x1f80, 0x2080, 0x1fff, 0x5f80, 0x0c00};

std::uint32_t f32(double x) { return std::bit_cast<std::uint32_t>(static_cast<float>(x)); }
std::uint16_t bf16(Engine &engine, int exponent) {
  return static_cast<std::uint16_t>((engine() & 0x807f) |
                                    static_cast<unsigned>(std::clamp(exponent, 0, 254)) << 7);
}
int below(Engine &engine, int n) {
  return static_cast<int>(engine() % static_cast<std::uint64_t>(n));
}

/// Two products and an accumulator of one class: random bits; products and accumulator of near
/// exponents; products near the smallest normal number; products that cancel; results near
/// overflow; boundary values crossed; NaN and infinities; the least bits below the smallest normal
/// number.
struct PairCase {
  std::array<std::uint16_t, 2> a, b; ///< low element first
  std::uint32_t c;
};
constexpr int kClasses = 8;

PairCase pair_case(Engine &engine, int kind) {
  PairCase out{};
  auto boundary = [&] {
    return static_cast<std::uint16_t>(kBoundary[engine() % kBoundary.size()] | (engine() & 0x8000));
  };
  int base = kind == 2 ? 0 : kind == 4 ? 253 : 20 + below(engine, 215);
  for (std::size_t i = 0; i < 2; ++i) {
    int left = 1 + below(engine, 254), product = base + below(engine, 30) - 15;
    out.a[i] = bf16(engine, left);
    out.b[i] = bf16(engine, product + 127 - left);
    if (kind == 0 || kind == 6) {
      out.a[i] = static_cast<std::uint16_t>(engine());
      out.b[i] = static_cast<std::uint16_t>(engine());
    } else if (kind == 5) {
      out.a[i] = boundary();
      out.b[i] = boundary();
    }
    if (kind == 6 && engine() % 2)
      out.a[i] = static_cast<std::uint16_t>(0x7f80 | (engine() & 0x8043));
  }
  out.c = static_cast<std::uint32_t>(engine() & 0x807fffff) |
          static_cast<std::uint32_t>(std::clamp(base + below(engine, 50) - 25, 0, 254)) << 23;
  if (kind == 0)
    out.c = static_cast<std::uint32_t>(engine());
  if (kind == 3) { // the accumulator is about minus one of the products
    double product = decode(ElementType::BF16, out.a[1]) * decode(ElementType::BF16, out.b[1]);
    out.c = f32(-product) + static_cast<std::uint32_t>(below(engine, 5)) - 2;
  }
  if (kind == 7) {
    out.c = (static_cast<std::uint32_t>(engine()) & 0x80000003) | 0x00800000;
    for (std::size_t i = 0; i < 2; ++i) {
      out.a[i] = bf16(engine, 60);
      out.b[i] = bf16(engine, 127 - 153 + below(engine, 8) + 127 - 60);
    }
  }
  if (kind == 5)
    out.c = static_cast<std::uint32_t>(boundary()) << 16 |
            (engine() % 2 ? static_cast<std::uint32_t>(engine() & 0xffff) : 0);
  return out;
}

/// Runs the unit of a profile on one pair of bf16 products.
class PairModel {
public:
  explicit PairModel(const NumericsProfile &profile)
      : nan_(profile.dot.nan),
        runner_(*profile.dot.unit, ElementType::BF16, ElementType::F32, profile.dot.nan) {}
  std::uint32_t operator()(const PairCase &p) {
    std::array<double, 2> a{}, b{};
    for (std::size_t i = 0; i < 2; ++i) {
      a[i] = value(ElementType::BF16, p.a[i]);
      b[i] = value(ElementType::BF16, p.b[i]);
    }
    double sum = runner_.run(value(ElementType::F32, p.c), a, b);
    return sum == sum ? f32(sum)
                      : static_cast<std::uint32_t>(nan_result(sum, ElementType::F32, nan_));
  }

private:
  static double value(ElementType type, std::uint64_t bits) {
    return is_nan(type, bits) ? nan_operand(type, bits) : decode(type, bits);
  }

  NanForm nan_;
  StepRunner runner_;
};

struct Count {
  std::int64_t cases = 0, different = 0, nan = 0;
  std::int64_t numbers = 0; ///< different and not both NaN
  PairCase first{};
};

/// `lanes` sixteens of each class.
Count compare_with_hardware(const NumericsProfile &profile, std::int64_t sixteens, int kind) {
  Engine engine(static_cast<std::uint64_t>(kind) + 1);
  PairModel model(profile);
  Count count;
  std::array<PairCase, 16> cases{};
  std::array<std::uint32_t, 16> a{}, b{}, sums{};
  for (std::int64_t s = 0; s < sixteens; ++s) {
    for (std::size_t l = 0; l < 16; ++l) {
      cases[l] = pair_case(engine, kind);
      a[l] = cases[l].a[0] | static_cast<std::uint32_t>(cases[l].a[1]) << 16;
      b[l] = cases[l].b[0] | static_cast<std::uint32_t>(cases[l].b[1]) << 16;
      sums[l] = cases[l].c;
    }
    dot_pairs(a.data(), b.data(), sums.data());
    for (std::size_t l = 0; l < 16; ++l) {
      ++count.cases;
      count.nan += is_nan(ElementType::F32, sums[l]);
      std::uint32_t expected = model(cases[l]);
      count.numbers += sums[l] != expected &&
                       !(is_nan(ElementType::F32, sums[l]) && is_nan(ElementType::F32, expected));
      if (sums[l] != expected && count.different++ == 0)
        count.first = cases[l];
    }
  }
  return count;
}

bool skipped() {
  if (has_avx512_bf16())
    return false;
  WARN("skipped: this processor has no AVX512_BF16");
  return true;
}

void agree(std::int64_t sixteens) {
  std::int64_t cases = 0, nan = 0;
  for (int kind = 0; kind < kClasses; ++kind) {
    Count count = compare_with_hardware(numerics_profile("avx512_bf16_payloads"), sixteens, kind);
    INFO("class " << kind << ": a " << count.first.a[0] << ' ' << count.first.a[1] << ", b "
                  << count.first.b[0] << ' ' << count.first.b[1] << ", c " << count.first.c);
    CHECK(count.different == 0);
    cases += count.cases;
    nan += count.nan;
  }
  CHECK(nan > cases / 100);
  CHECK(nan < cases / 2);
}

/// Mismatches of numbers of a changed profile, all classes together.
std::int64_t mismatches(const std::string &change) {
  NumericsProfile p = parse_numerics(make_source("test", "numerics p extends avx512_bf16 { dot "
                                                         "unit { " +
                                                             change + " }, nan f32 0xffc00000 }"))
                          .at(0);
  std::int64_t out = 0;
  for (int kind = 0; kind < kClasses; ++kind)
    out += compare_with_hardware(p, 1000, kind).numbers;
  return out;
}

/// The profile's conversion against the processor's on inputs first, first + step, ...; how many
/// differ.
std::int64_t conversion_mismatches(std::uint64_t first, std::uint64_t count, std::uint64_t step) {
  constexpr std::size_t kChunk = 1 << 16;
  const NumericsProfile &profile = numerics_profile("avx512_bf16_payloads");
  Tensor in(Shape{ElementType::F32, {kChunk}});
  std::vector<std::uint16_t> expected(kChunk);
  std::int64_t different = 0;
  auto words = in.as<std::uint32_t>();
  for (std::uint64_t done = 0; done < count; done += kChunk) {
    for (std::size_t i = 0; i < kChunk; ++i)
      words[i] = static_cast<std::uint32_t>(first + (done + i) * step);
    std::array<std::uint16_t, 32> twice{};
    for (std::size_t i = 0; i < kChunk; i += 16) {
      convert_to_bf16(words.data() + i, expected.data() + i, twice.data());
      for (std::size_t l = 0; l < 32; ++l)
        different += twice[l] != expected[i + l % 16];
    }
    std::array<const Tensor *, 1> operands{&in};
    Tensor out =
        evaluate_op(OpCode::Convert, {}, operands, Shape{ElementType::BF16, {kChunk}}, profile);
    auto got = out.as<std::uint16_t>();
    for (std::size_t i = 0; i < kChunk; ++i)
      different += got[i] != expected[i];
  }
  return different;
}

} // namespace

TEST_CASE("avx512_bf16 is what VDPBF16PS computes") {
  if (!skipped())
    agree(10000); // 1.28 million pairs
}

TEST_CASE("100 million pairs under avx512_bf16 are those of VDPBF16PS", "[.exhaustive]") {
  if (!skipped())
    agree(800000); // 102.4 million pairs
}

TEST_CASE("avx512_bf16 meets every pair of exponents as VDPBF16PS does", "[slow]") {
  if (skipped())
    return;
  PairModel model(numerics_profile("avx512_bf16_payloads"));
  Engine engine(7);
  std::int64_t different = 0;
  std::array<PairCase, 16> cases{};
  std::array<std::uint32_t, 16> a{}, b{}, sums{};
  for (int left = 0; left < 256; ++left)
    for (int right = 0; right < 256; ++right) {
      for (std::size_t l = 0; l < 16; ++l) {
        PairCase &p = cases[l];
        for (std::size_t i = 0; i < 2; ++i) {
          p.a[i] =
              static_cast<std::uint16_t>((engine() & 0x807f) | static_cast<unsigned>(left) << 7);
          p.b[i] =
              static_cast<std::uint16_t>((engine() & 0x807f) | static_cast<unsigned>(right) << 7);
        }
        int product = std::clamp(left + right - 127 + below(engine, 52) - 26, 0, 255);
        p.c = static_cast<std::uint32_t>(engine() & 0x807fffff) |
              static_cast<std::uint32_t>(product) << 23;
        a[l] = p.a[0] | static_cast<std::uint32_t>(p.a[1]) << 16;
        b[l] = p.b[0] | static_cast<std::uint32_t>(p.b[1]) << 16;
        sums[l] = p.c;
      }
      dot_pairs(a.data(), b.data(), sums.data());
      for (std::size_t l = 0; l < 16; ++l)
        different += sums[l] != model(cases[l]);
    }
  CHECK(different == 0);
}

TEST_CASE("the processor tells avx512_bf16 from its neighbours") {
  if (skipped())
    return;
  CHECK(mismatches("") == 0);
  for (const char *change :
       {"lanes ascending", "sum exact", "sum exact join after", "inputs keep", "results keep",
        "results flush_before", "results flush_rounded", "inputs keep results keep",
        "round toward_zero", "round nearest_away", "block 1 lanes descending sum exact join within",
        "overflow largest", "inputs flush_positive"}) {
    INFO(change);
    CHECK(mismatches(change) > 0);
  }
}

TEST_CASE("whole dots under avx512_bf16 are chains of VDPBF16PS") {
  if (skipped())
    return;
  Engine engine(3);
  constexpr std::size_t kTerms = 64;
  for (int round = 0; round < 50; ++round) {
    Tensor left(Shape{ElementType::BF16, {16, kTerms}}),
        right(Shape{ElementType::BF16, {kTerms, 1}});
    for (std::int64_t i = 0; i < left.elements(); ++i)
      left.set_bits(i, bf16(engine, 110 + below(engine, 34)));
    for (std::int64_t i = 0; i < right.elements(); ++i)
      right.set_bits(i, bf16(engine, 110 + below(engine, 34)));
    std::array<std::uint32_t, 16> a{}, b{}, sums{};
    for (std::size_t k = 0; k < kTerms; k += 2) {
      auto at = [](const Tensor &t, std::size_t i) {
        return static_cast<std::uint32_t>(t.bits(static_cast<std::int64_t>(i)));
      };
      for (std::size_t l = 0; l < 16; ++l) {
        a[l] = at(left, l * kTerms + k) | at(left, l * kTerms + k + 1) << 16;
        b[l] = at(right, k) | at(right, k + 1) << 16;
      }
      dot_pairs(a.data(), b.data(), sums.data());
    }
    Tensor out = apply(OpCode::Dot, contraction(1, 0), {left, right},
                       Shape{ElementType::BF16, {16, 1}}, numerics_profile("avx512_bf16_payloads"));
    for (std::size_t l = 0; l < 16; ++l) {
      std::array<std::uint32_t, 16> in{sums[l]};
      std::array<std::uint16_t, 16> expected{};
      std::array<std::uint16_t, 32> twice{};
      convert_to_bf16(in.data(), expected.data(), twice.data());
      CHECK(out.bits(static_cast<std::int64_t>(l)) == expected[0]);
    }
  }
}

TEST_CASE("conversions under avx512_bf16 are those of VCVTNEPS2BF16 and VCVTNE2PS2BF16") {
  if (skipped())
    return;
  CHECK(conversion_mismatches(0, 1 << 20, 4093) == 0);       // all exponents
  CHECK(conversion_mismatches(0x007ffff0, 1 << 16, 1) == 0); // the end of the denormals
  CHECK(conversion_mismatches(0x7f7f0000, 1 << 17, 1) == 0); // overflow, infinity, NaN
}

TEST_CASE("every f32 converts under avx512_bf16 as VCVTNEPS2BF16 does", "[.exhaustive]") {
  if (!skipped())
    CHECK(conversion_mismatches(0, std::uint64_t{1} << 32, 1) == 0);
}
