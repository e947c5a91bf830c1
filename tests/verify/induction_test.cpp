// Proofs by induction over loops: what they reach, that they never say more than unrolling does,
// and that iterations which see each other are never taken for independent ones.
#include "kernels.h"
#include "loop_mutants.h"
#include "looped_kernels.h"
#include "verify/certificate.h"
#include "verify/checker/checker.h"
#include "verify/smt.h"

using namespace isamorph;
using namespace isamorph::verify;
using verify::test::at;
using verify::test::confirm;
using verify::test::erase;
using verify::test::graph_of;
using verify::test::kDouble;
using verify::test::kernel_of;
using verify::test::kIdentity;
using verify::test::kReverse;
using verify::test::kRows;
using verify::test::loop_mutants;
using verify::test::LoopMutant;
using verify::test::product_kernel;
using verify::test::product_program;
using verify::test::Rows;
using verify::test::rows_kernel;

namespace {

CheckReport check_certificate_of(const spec::Kernel &kernel, const spec::Isa &isa,
                                 const semantics::TensorGraph &graph, const Verdict &verdict) {
  return check_certificate(
      semantics::make_source("<certificate>",
                             make_certificate(kernel, isa, graph, verdict, nullptr)),
      {.solver = [](const Obligation &obligation) { return check(obligation); }});
}

bool proved_unrolled(const spec::Kernel &kernel, const spec::Isa &isa,
                     const semantics::TensorGraph &graph, Level level = Level::Bits) {
  TermGraph terms(isa.numerics);
  return prove(terms, kernel, isa, graph, level).proved;
}

/// Wrong kernels, in which iterations see each other.
const Rows kCarried[] = {
    {kDouble,
     "load32(rows=1, from=0, to=1) for i in 0..8 { load32(rows=1, from=16*i, to=0) "
     "accumulate(rows=1, from=1, to=0) scale(rows=1, factor=0, at=1) "
     "accumulate(rows=1, from=0, to=1) store32(rows=1, from=0, to=16*i + 128) }",
     ""},
    // the second row of each store is stale, and the next iteration mends it but the last
    {kIdentity,
     "load32(rows=1, from=0, to=1) for i in 0..7 { load32(rows=1, from=16*i, to=0) "
     "store32(rows=2, from=0, to=16*i + 128) }",
     ""},
    // the input's next row is overwritten
    {kIdentity,
     "load32(rows=1, from=112, to=0) store32(rows=1, from=0, to=240) "
     "for i in 0..7 { load32(rows=1, from=16*i, to=0) store32(rows=1, from=0, "
     "to=16*i + 128) store32(rows=1, from=0, to=16*i + 16) }",
     ""},
    // the result of the iteration before is added
    {kDouble,
     "load32(rows=1, from=0, to=0) store32(rows=1, from=0, to=128) "
     "for i in 0..7 { load32(rows=1, from=16*i + 16, to=0) load32(rows=1, from=16*i + 128, "
     "to=1) accumulate(rows=1, from=1, to=0) store32(rows=1, from=0, to=16*i + 144) }",
     ""},
    // scratch of the iteration before, at one place and at many
    {kIdentity,
     "load32(rows=1, from=0, to=0) store32(rows=1, from=0, to=256) "
     "for i in 0..8 { load32(rows=1, from=256, to=0) store32(rows=1, from=0, "
     "to=16*i + 128) load32(rows=1, from=16*i, to=1) store32(rows=1, from=1, to=256) }",
     ""},
    {kReverse,
     "for i in 0..8 { load32(rows=1, from=16*i, to=0) store32(rows=1, from=0, "
     "to=16*i + 256) } for i in 0..8 { load32(rows=1, from=16*i + 256, to=0) "
     "store32(rows=1, from=0, to=16*i + 128) }",
     ""},
    // what a loop leaves behind
    {kIdentity,
     "for i in 0..8 { load32(rows=1, from=16*i, to=0) store32(rows=1, from=0, "
     "to=16*i + 128) } store32(rows=1, from=0, to=128)",
     ""},
    // rows on the chip: another iteration's, the last one's, overwritten by the next, of the block
    // before, of fewer iterations
    {kIdentity,
     "for i in 0..8 { load32(rows=1, from=16*i, to=i) } "
     "for i in 0..8 { store32(rows=1, from=7 - i, to=16*i + 128) }",
     ""},
    {kIdentity,
     "for i in 0..8 { load32(rows=1, from=16*i, to=0) } "
     "for i in 0..8 { store32(rows=1, from=0, to=16*i + 128) }",
     ""},
    {kIdentity,
     "load32(rows=1, from=0, to=8) for i in 0..8 { load32(rows=1, from=16*i, to=i) } "
     "for i in 0..8 { accumulate(rows=1, from=i + 1, to=i) } "
     "for i in 0..8 { store32(rows=1, from=i, to=16*i + 128) }",
     ""},
    {kIdentity,
     "for i in 0..4 { load32(rows=1, from=16*i, to=i) } for b in 0..2 { "
     "for i in 0..4 { store32(rows=1, from=i, to=64*b + 16*i + 128) } "
     "for i in 0..4 { load32(rows=1, from=64*b + 16*i, to=i) } }",
     ""},
    {kIdentity,
     "load32(rows=8, from=0, to=0) for i in 0..4 { load32(rows=1, from=32*i, to=2*i) } "
     "for i in 0..4 { store32(rows=2, from=2*i, to=32*i + 128) } scale(rows=1, factor=0, at=7) "
     "for i in 0..1 { store32(rows=1, from=i + 7, to=16*i + 240) }",
     ""},
    // double buffering: the first row is another one, the last one is stale, and what a row of
    // several holds is handed on as though it were one value
    {kIdentity,
     "load32(rows=1, from=16, to=0) for i in 0..7 { store32(rows=1, from=0, to=16*i + 128) "
     "load32(rows=1, from=16*i + 16, to=0) } store32(rows=1, from=0, to=240)",
     ""},
    {kIdentity,
     "load32(rows=1, from=0, to=0) for i in 0..7 { store32(rows=1, from=0, to=16*i + 128) "
     "store32(rows=1, from=0, to=240) load32(rows=1, from=16*i + 16, to=0) }",
     ""},
    {kIdentity,
     "for j in 0..4 { load32(rows=1, from=16*j, to=j) } load32(rows=1, from=0, to=8) "
     "for i in 0..2 { for j in 0..4 { store32(rows=1, from=8, to=64*i + 16*j + 128) "
     "store32(rows=1, from=j, to=256) load32(rows=1, from=256, to=8) } "
     "for j in 0..4 { load32(rows=1, from=64*i + 16*j, to=j) } }",
     ""},
    // sums in memory: two iterations add to the same row
    {kDouble,
     "for i in 0..8 { load32(rows=1, from=16*i, to=0) store32(rows=1, from=0, to=16*i + 128) } "
     "for k in 0..2 { for i in 0..4 { load32(rows=1, from=32*i + 16*k, to=0) "
     "load32(rows=1, from=16*i + 128, to=1) accumulate(rows=1, from=1, to=0) "
     "store32(rows=1, from=0, to=16*i + 128) } }",
     ""},
    // all iterations of one loop write the same row
    {kIdentity,
     "load32(rows=8, from=0, to=0) store32(rows=8, from=0, to=128) "
     "for i in 0..8 { load32(rows=1, from=16*i, to=0) store32(rows=1, from=0, to=128) }",
     ""},
};

std::string names(const spec::Kernel &kernel, const std::vector<std::uint32_t> &loops) {
  std::string out;
  for (std::uint32_t l : loops)
    out += (out.empty() ? "" : ", ") + kernel.loops[l].variable;
  return out;
}

} // namespace

TEST_CASE("induction goes over the loops whose iterations are independent") {
  spec::Isa isa = isamorph::test::integer_machine();
  for (const Rows &rows : kRows) {
    INFO(rows.body);
    semantics::TensorGraph graph = graph_of(rows.program);
    spec::Kernel kernel = kernel_of(rows_kernel(rows.body), isa);
    Verdict verdict = verify_kernel(kernel, isa, graph, {});
    INFO(verdict.reason);
    REQUIRE(verdict.outcome == Outcome::Equivalent);
    CHECK(names(kernel, verdict.induction) == rows.induction);
    CheckReport report = check_certificate_of(kernel, isa, graph, verdict);
    INFO(report.reason);
    CHECK(report.accepted);
  }
}

TEST_CASE("iterations that see each other are never taken for independent ones") {
  spec::Isa isa = isamorph::test::integer_machine();
  for (const Rows &rows : kCarried) {
    INFO(rows.body);
    semantics::TensorGraph graph = graph_of(rows.program);
    spec::Kernel kernel = kernel_of(rows_kernel(rows.body), isa);
    auto proof = prove_by_induction(kernel, isa, graph, Level::Bits);
    CHECK_FALSE((proof && proof->proved));
    Verdict verdict = verify_kernel(kernel, isa, graph, {});
    REQUIRE(verdict.outcome == Outcome::Different);
    confirm(verdict, graph, kernel, isa);
  }
}

TEST_CASE("the checker refuses induction over loops whose iterations see each other", "[slow]") {
  spec::Isa isa = isamorph::test::integer_machine();
  auto claim = [&](const Rows &rows, std::vector<std::uint32_t> loops) {
    semantics::TensorGraph graph = graph_of(rows.program);
    spec::Kernel kernel = kernel_of(rows_kernel(rows.body), isa);
    Verdict verdict;
    verdict.outcome = Outcome::Equivalent;
    verdict.reach = reach(graph, Level::Bits);
    verdict.induction = std::move(loops);
    for (const char *lemma : {"commutative multiply s32", "integer range", "integer ring"})
      verdict.lemmas.push_back(lemma);
    return check_certificate_of(kernel, isa, graph, verdict);
  };
  for (const Rows &rows : kCarried)
    for (std::uint32_t some = 1; some < 1U << kernel_of(rows_kernel(rows.body), isa).loops.size();
         ++some) {
      INFO(rows.body << " loops " << some);
      std::vector<std::uint32_t> loops;
      for (std::uint32_t l = 0; l < 32; ++l)
        if (some >> l & 1)
          loops.push_back(l);
      CheckReport report = claim(rows, loops);
      CHECK_FALSE(report.accepted);
      INFO(report.reason);
      CHECK_THAT(report.reason, Catch::Contains("$.claim"));
    }
  for (const Rows &rows : kRows)
    if (*rows.induction == 0)
      for (std::uint32_t l = 0; l < kernel_of(rows_kernel(rows.body), isa).loops.size(); ++l) {
        INFO(rows.body << " loop " << l);
        CHECK_FALSE(claim(rows, {l}).accepted);
      }
  CHECK_THAT(claim(kRows[0], {1}).reason,
             Catch::Contains("$.claim.induction[0]: the kernel has 1"));
  CHECK_THAT(claim(kRows[3], {1, 0}).reason, Catch::Contains("ascending"));
  CHECK_THAT(claim(kRows[3], {0, 0}).reason, Catch::Contains("ascending"));
}

TEST_CASE("induction and unrolling agree on all mutants of kernels of rows", "[slow]") {
  spec::Isa isa = isamorph::test::integer_machine();
  int proved = 0, valid = 0, alone = 0;
  auto compare = [&](const spec::Kernel &kernel, const semantics::TensorGraph &graph) {
    try {
      spec::validate(kernel, isa);
    } catch (const semantics::InputError &) {
      return;
    }
    ++valid;
    auto generic = prove_by_induction(kernel, isa, graph, Level::Bits);
    bool unrolled = proved_unrolled(kernel, isa, graph);
    if (generic && generic->proved)
      REQUIRE(unrolled);
    Verdict verdict = verify_kernel(kernel, isa, graph, {.tests = {.minimize = false}});
    CHECK(verdict.outcome == (unrolled ? Outcome::Equivalent : Outcome::Different));
    proved += generic && generic->proved;
    alone += unrolled && !(generic && generic->proved);
  };
  for (const Rows &rows : kRows) {
    semantics::TensorGraph graph = graph_of(rows.program);
    spec::Kernel kernel = kernel_of(rows_kernel(rows.body), isa);
    for (const LoopMutant &mutant : loop_mutants(kernel, isa)) {
      INFO(rows.body << ", " << mutant.what);
      compare(mutant.kernel, graph);
    }
  }
  WARN(valid << " valid mutants: " << proved << " equal by induction, " << alone
             << " by unrolling alone");
  CHECK(valid > 100);
  CHECK(proved > 20);
  CHECK(alone > 5);
}

namespace {

const char *const kAttention = R"(kernel attention {
  memory 81920
  input q @ 0 : bf16[256,64]
  input k @ 32768 : bf16[64,64]
  input v @ 40960 : bf16[64,64]
  output o @ 49152 : bf16[256,64]
  for t in 0..4 {
    load_rm(n=64, addr_in=8192*t, addr_out=0)
    load_cm(n=64, addr_in=32768, addr_out=64)
    gemm(addr_1=0, addr_2=64, addr_out=0)
    softmax(n=64, addr=0)
    mov(n=64, addr_in=0, addr_out=0)
    load_rm(n=64, addr_in=40960, addr_out=64)
    gemm(addr_1=0, addr_2=64, addr_out=0)
    mov(n=64, addr_in=0, addr_out=0)
    store_rm(n=64, addr_in=0, addr_out=8192*t + 49152)
  }
})";

const char *const kAttentionProgram = R"(add {
  a = bf16[] parameter(0)
  b = bf16[] parameter(1)
  ROOT sum = bf16[] add(a, b)
}
ENTRY attention {
  q = bf16[256,64] parameter(0)
  k = bf16[64,64] parameter(1)
  v = bf16[64,64] parameter(2)
  k_t = bf16[64,64] transpose(k), dimensions={1,0}
  s = bf16[256,64] dot(q, k_t), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  e = bf16[256,64] exponential(s)
  zero = bf16[] constant(0)
  r = bf16[256] reduce(e, zero), dimensions={1}, to_apply=add
  b = bf16[256,64] broadcast(r), dimensions={0}
  p = bf16[256,64] divide(e, b)
  ROOT o = bf16[256,64] dot(p, v), lhs_contracting_dims={1}, rhs_contracting_dims={0}
})";

} // namespace

TEST_CASE("attention over blocks of rows is proved by induction at bits") {
  spec::Isa isa = spec::load_isa("qkv");
  semantics::TensorGraph graph = graph_of(kAttentionProgram);
  spec::Kernel kernel = kernel_of(kAttention, isa);
  Verdict verdict = verify_kernel(kernel, isa, graph, {});
  INFO(verdict.reason);
  REQUIRE(verdict.outcome == Outcome::Equivalent);
  CHECK(verdict.level == Level::Bits);
  CHECK(verdict.reason == "both sides are the same terms of their inputs; by induction over t");
  CHECK(verdict.lemmas.empty());
  CHECK(proved_unrolled(kernel, isa, graph));
}

TEST_CASE("mistakes in attention over blocks of rows are refuted", "[slow]") {
  spec::Isa isa = spec::load_isa("qkv");
  semantics::TensorGraph graph = graph_of(kAttentionProgram);
  const std::vector<std::function<void(spec::Kernel &)>> mistakes = {
      [](spec::Kernel &k) { k.instructions[0].strides.clear(); },         // block 0 always
      [](spec::Kernel &k) { k.instructions[0].strides[0].factor = 128; }, // rows, not blocks
      [](spec::Kernel &k) {
        k.instructions[1].strides = {{1, 0, 2048}};
      },                                                               // K moves
      [](spec::Kernel &k) { k.instructions[5].attributes[1] -= 128; }, // V off by a row
      [](spec::Kernel &k) { k.instructions[6].attributes[1] = 0; },    // P times P
      [](spec::Kernel &k) { erase(k, 3); },                            // no softmax
      [](spec::Kernel &k) { std::swap(k.instructions[1], k.instructions[5]); },
      [](spec::Kernel &k) {
        k.instructions[8].attributes[2] += 3 * 8192; // blocks in the wrong order
        k.instructions[8].strides[0].factor = -8192;
      }};
  for (std::size_t i = 0; i < mistakes.size(); ++i) {
    INFO(i);
    spec::Kernel kernel = kernel_of(kAttention, isa);
    mistakes[i](kernel);
    CHECK_NOTHROW(spec::validate(kernel, isa));
    auto proof = prove_by_induction(kernel, isa, graph, Level::Bits);
    CHECK_FALSE((proof && proof->proved));
    Verdict verdict = verify_kernel(kernel, isa, graph, at(Level::Bits));
    REQUIRE(verdict.outcome == Outcome::Different);
    confirm(verdict, graph, kernel, isa);
  }
}

TEST_CASE("a product of a hundred thousand tiles is proved and its certificate checked") {
  spec::Isa isa = isamorph::test::integer_machine();
  semantics::TensorGraph graph = product_program(1024, 512, 16);
  spec::Kernel kernel = kernel_of(product_kernel(1024, 512, 16), isa);
  Verdict verdict = verify_kernel(kernel, isa, graph, {});
  INFO(verdict.reason);
  REQUIRE(verdict.outcome == Outcome::Equivalent);
  CHECK_THAT(verdict.reason, Catch::Contains("by induction over i, j; k, r were unrolled"));
  CHECK(verdict.terms < 10000);
  CheckReport report = check_certificate_of(kernel, isa, graph, verdict);
  INFO(report.reason);
  CHECK(report.accepted);
}

TEST_CASE("mistakes in a large product are refuted", "[slow]") {
  spec::Isa isa = isamorph::test::integer_machine();
  semantics::TensorGraph graph = product_program(128, 64, 64);
  const std::vector<std::function<void(spec::Kernel &)>> mistakes = {
      [](spec::Kernel &k) { k.loops[2].end -= 4; },                      // a summand tile less
      [](spec::Kernel &k) { k.loops[2].start += 4; },                    //
      [](spec::Kernel &k) { k.instructions[1].strides[0].factor -= 4; }, // a slanted tile
      [](spec::Kernel &k) { k.instructions[2].strides[1].factor = 32; }, // half the rows
      [](spec::Kernel &k) { k.instructions[2].attributes[1] -= 1; },     // off by one
      [](spec::Kernel &k) { k.instructions[3].attributes[1] = 5; },      // the wrong rows
      [](spec::Kernel &k) { erase(k, 0); },                              // never zeroed
  };
  int refuted = 0;
  for (std::size_t i = 0; i < mistakes.size(); ++i) {
    INFO(i);
    spec::Kernel kernel = kernel_of(product_kernel(128, 64, 64), isa);
    mistakes[i](kernel);
    try {
      spec::validate(kernel, isa);
    } catch (const semantics::InputError &) {
      continue;
    }
    Verdict verdict = verify_kernel(kernel, isa, graph, at(Level::Bits));
    INFO(verdict.reason);
    REQUIRE(verdict.outcome == Outcome::Different);
    confirm(verdict, graph, kernel, isa);
    ++refuted;
  }
  CHECK(refuted >= 4);
}
