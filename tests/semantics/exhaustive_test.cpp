// Arithmetic on all pairs of bf16 against integer arithmetic (exact_bf16.h), and on very many of
// f32 against MPFR: `./dev exhaustive` runs them, for minutes. The same comparisons on samples, and
// that of the integer arithmetic with MPFR, are ordinary tests.
#include "exact_bf16.h"
#include "semantics/evaluator.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <cstdio>
#include <mpfr.h>
#include <random>
#include <thread>

using namespace isamorph::semantics;

namespace {

struct Format {
  ElementType type;
  mpfr_prec_t precision;
  mpfr_exp_t smallest, largest; ///< exponents in MPFR's convention: 0.1xxx * 2^e
};
constexpr Format kBf16{ElementType::BF16, 8, -132, 128}, kF32{ElementType::F32, 24, -148, 128};

using Binary = int (*)(mpfr_ptr, mpfr_srcptr, mpfr_srcptr, mpfr_rnd_t);
struct Operation {
  OpCode op;
  Binary function;
  std::uint16_t (*exact)(std::uint16_t, std::uint16_t);
};
const std::vector<Operation> kOperations = {{OpCode::Add, mpfr_add, test::exact_add},
                                            {OpCode::Subtract, mpfr_sub, test::exact_subtract},
                                            {OpCode::Multiply, mpfr_mul, test::exact_multiply},
                                            {OpCode::Divide, mpfr_div, test::exact_divide}};

/// Correctly rounded results of one format. MPFR's exponent range is a setting of the thread, which
/// this changes while it lives.
class Reference {
public:
  Reference(const Format &format, Binary function) : format_(format), function_(function) {
    mpfr_init2(x_, format.precision);
    mpfr_init2(y_, format.precision);
    mpfr_init2(z_, format.precision);
    mpfr_set_emin(format.smallest);
    mpfr_set_emax(format.largest);
  }
  ~Reference() {
    mpfr_set_emin(mpfr_get_emin_min());
    mpfr_set_emax(mpfr_get_emax_max());
    mpfr_clears(x_, y_, z_, static_cast<mpfr_ptr>(nullptr));
  }
  Reference(const Reference &) = delete;
  Reference &operator=(const Reference &) = delete;

  std::uint64_t operator()(std::uint64_t x, std::uint64_t y) {
    mpfr_set_d(x_, decode(format_.type, x), MPFR_RNDN);
    mpfr_set_d(y_, decode(format_.type, y), MPFR_RNDN);
    mpfr_subnormalize(z_, function_(z_, x_, y_, MPFR_RNDN), MPFR_RNDN);
    return encode(format_.type, mpfr_get_d(z_, MPFR_RNDN));
  }

private:
  Format format_;
  Binary function_;
  mpfr_t x_, y_, z_;
};

/// How many elements of one operation on two tensors are not the correctly rounded ones.
std::int64_t wrong(const Operation &operation, const Format &format, const Tensor &x,
                   const Tensor &y) {
  std::array<const Tensor *, 2> operands = {&x, &y};
  Tensor z = evaluate_op(operation.op, {}, operands, x.shape(), numerics_profile("f32_sequential"));
  Reference reference(format, operation.function);
  std::int64_t out = 0;
  for (std::int64_t i = 0; i < z.elements(); ++i) {
    std::uint64_t expected = reference(x.bits(i), y.bits(i));
    out += is_nan(format.type, expected) ? !is_nan(format.type, z.bits(i)) : expected != z.bits(i);
  }
  return out;
}

/// Runs `work(0) ... work(count - 1)` on all cores.
template <class Work> void in_parallel(int count, Work work) {
  std::atomic<int> next = 0;
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < std::max(1u, std::thread::hardware_concurrency()); ++t)
    threads.emplace_back([&] {
      for (int i; (i = next++) < count;)
        work(i);
    });
  for (std::thread &t : threads)
    t.join();
}

/// Elements of the evaluator that differ from integer arithmetic, and a digest of its results.
struct Comparison {
  std::int64_t wrong = 0;
  std::uint64_t digest = 0; ///< a sum over the first operands, in any order
};

/// One first operand and all 65536 second ones.
Comparison compare_first(const Operation &operation, std::uint16_t first, const Tensor &all) {
  Tensor same(all.shape());
  for (std::uint16_t &element : same.as<std::uint16_t>())
    element = first;
  std::array<const Tensor *, 2> operands = {&same, &all};
  Tensor z =
      evaluate_op(operation.op, {}, operands, all.shape(), numerics_profile("f32_sequential"));
  Comparison out{0, 0xcbf29ce484222325 + first};
  auto second = all.as<std::uint16_t>();
  auto found = std::as_const(z).as<std::uint16_t>();
  for (std::size_t i = 0; i < found.size(); ++i) {
    out.wrong += operation.exact(first, second[i]) != found[i];
    out.digest = (out.digest ^ found[i]) * 0x100000001b3;
  }
  return out;
}

/// All second operands of some first ones: every `stride`-th of the 65536.
Comparison compare_pairs(const Operation &operation, int stride) {
  Tensor all(Shape{ElementType::BF16, {65536}});
  for (std::int64_t i = 0; i < 65536; ++i)
    all.set_bits(i, static_cast<std::uint64_t>(i));
  std::atomic<std::int64_t> total = 0;
  std::atomic<std::uint64_t> digest = 0;
  in_parallel((65536 + stride - 1) / stride, [&](int k) {
    Comparison one = compare_first(operation, static_cast<std::uint16_t>(k * stride), all);
    total += one.wrong;
    digest += one.digest;
  });
  return {total, digest};
}

/// Where the integer arithmetic differs from MPFR, likewise.
std::int64_t wrong_references(const Operation &operation, int stride) {
  std::atomic<std::int64_t> total = 0;
  in_parallel((65536 + stride - 1) / stride, [&](int k) {
    Reference reference(kBf16, operation.function);
    auto x = static_cast<std::uint16_t>(k * stride);
    for (std::uint32_t y = 0; y < 65536; ++y) {
      std::uint64_t expected = reference(x, y);
      std::uint16_t found = operation.exact(x, static_cast<std::uint16_t>(y));
      total += is_nan(ElementType::BF16, expected) ? found != test::kBf16Nan : found != expected;
    }
  });
  return total;
}

/// Random pairs, every second one with close exponents, where sums cancel.
std::int64_t wrong_random(const Operation &operation, int blocks) {
  constexpr std::int64_t block = 1 << 16;
  std::atomic<std::int64_t> total = 0;
  in_parallel(blocks, [&](int k) {
    std::mt19937_64 random(static_cast<std::uint64_t>(k));
    Shape shape{ElementType::F32, {block}};
    Tensor x(shape), y(shape);
    for (std::int64_t i = 0; i < block; ++i) {
      std::uint64_t bits = random() & 0xffffffff;
      x.set_bits(i, bits);
      y.set_bits(i, i % 2 ? bits ^ (random() & 0x87ffffff) : random() & 0xffffffff);
    }
    total += wrong(operation, kF32, x, y);
  });
  return total;
}

} // namespace

TEST_CASE("a sample of pairs of bf16 and f32 is correctly rounded", "[slow]") {
  for (const Operation &operation : kOperations) {
    CAPTURE(info(operation.op).name);
    CHECK(wrong_references(operation, 1021) == 0);
    CHECK(compare_pairs(operation, 127).wrong == 0);
    CHECK(wrong_random(operation, 16) == 0);
  }
}

TEST_CASE("all pairs of bf16 are correctly rounded", "[.exhaustive]") {
  for (const Operation &operation : kOperations) {
    CAPTURE(info(operation.op).name);
    Comparison all = compare_pairs(operation, 1);
    std::printf("%s of all pairs of bf16: digest %016llx\n", info(operation.op).name.data(),
                static_cast<unsigned long long>(all.digest));
    std::fflush(stdout); // minutes lie between them
    CHECK(all.wrong == 0);
  }
}

TEST_CASE("a hundred million pairs of f32 are correctly rounded", "[.exhaustive]") {
  for (const Operation &operation : kOperations) {
    CAPTURE(info(operation.op).name);
    CHECK(wrong_random(operation, 1526) == 0);
  }
}
