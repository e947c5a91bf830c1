// Arithmetic against MPFR on all pairs of bf16 and on very many of f32: `./dev exhaustive` runs
// them, for minutes; a sample of the same comparison is an ordinary test.
#include "semantics/evaluator.h"

#include <atomic>
#include <catch2/catch.hpp>
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
};
const std::vector<Operation> kOperations = {{OpCode::Add, mpfr_add},
                                            {OpCode::Subtract, mpfr_sub},
                                            {OpCode::Multiply, mpfr_mul},
                                            {OpCode::Divide, mpfr_div}};

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

/// All second operands of some first ones: every `stride`-th of the 65536.
std::int64_t wrong_pairs(const Operation &operation, int stride) {
  Shape shape{ElementType::BF16, {65536}};
  Tensor all(shape);
  for (std::int64_t i = 0; i < 65536; ++i)
    all.set_bits(i, static_cast<std::uint64_t>(i));
  std::atomic<std::int64_t> total = 0;
  in_parallel((65536 + stride - 1) / stride, [&](int k) {
    Tensor same(shape);
    for (std::int64_t i = 0; i < 65536; ++i)
      same.set_bits(i, static_cast<std::uint64_t>(k) * static_cast<std::uint64_t>(stride));
    total += wrong(operation, kBf16, same, all);
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
    CHECK(wrong_pairs(operation, 1021) == 0);
    CHECK(wrong_random(operation, 16) == 0);
  }
}

TEST_CASE("all pairs of bf16 are correctly rounded", "[.exhaustive]") {
  for (const Operation &operation : kOperations) {
    CAPTURE(info(operation.op).name);
    CHECK(wrong_pairs(operation, 1) == 0);
  }
}

TEST_CASE("a hundred million pairs of f32 are correctly rounded", "[.exhaustive]") {
  for (const Operation &operation : kOperations) {
    CAPTURE(info(operation.op).name);
    CHECK(wrong_random(operation, 1526) == 0);
  }
}
