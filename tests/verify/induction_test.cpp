// Proofs by induction over loops: what they reach, that they never say more than unrolling does,
// and that iterations which see each other are never taken for independent ones.
#include "kernels.h"
#include "loop_mutants.h"
#include "random_graph.h"
#include "tests/integer/machine.h"
#include "verify/certificate.h"
#include "verify/checker/checker.h"
#include "verify/generic_graph.h"
#include "verify/generic_kernel.h"
#include "verify/smt.h"

#include <fmt/format.h>

using namespace isamorph;
using namespace isamorph::verify;
using verify::test::at;
using verify::test::confirm;
using verify::test::erase;
using verify::test::loop_mutants;
using verify::test::LoopMutant;

namespace {

semantics::TensorGraph graph_of(const std::string &text) {
  return semantics::parse_hlo(semantics::make_source("program", "HloModule m\n" + text));
}

spec::Kernel kernel_of(const std::string &text, const spec::Isa &isa) {
  return spec::parse_kernel(semantics::make_source("kernel", text), isa);
}

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

/// A kernel of 8 rows of four s32 at 0, whose results of 8 rows are at 128; scratch from 256.
std::string rows_kernel(const std::string &body) {
  return "kernel rows {\n  memory 512\n  input x @ 0 : s32[8,4]\n  output y @ 128 : s32[8,4]\n" +
         body + "}\n";
}

const char *const kIdentity = "ENTRY e { x = s32[8,4] parameter(0) ROOT y = s32[8,4] copy(x) }";
const char *const kDouble = "ENTRY e { x = s32[8,4] parameter(0) ROOT y = s32[8,4] add(x, x) }";
const char *const kReverse =
    "ENTRY e { x = s32[8,4] parameter(0) ROOT y = s32[8,4] reverse(x), dimensions={0} }";
const char *const kHalves = "ENTRY e { x = s32[8,4] parameter(0) "
                            "a = s32[4,4] slice(x), slice={[0:4], [0:4]} "
                            "b = s32[4,4] slice(x), slice={[4:8], [0:4]} "
                            "ROOT y = s32[8,4] concatenate(b, a), dimensions={0} }";
const char *const kSums = "ENTRY e { x = s32[8,4] parameter(0) "
                          "t = s32[4,8] transpose(x), dimensions={1,0} "
                          "r = s32[4,4,2] reshape(t) "
                          "u = s32[4,4,2] reverse(r), dimensions={2} "
                          "w = s32[4,8] reshape(u) "
                          "z = s32[8,4] transpose(w), dimensions={1,0} "
                          "ROOT y = s32[8,4] add(x, z) }";

struct Rows {
  const char *program, *body, *induction; ///< variables, or "" where unrolling must do
};

/// Correct kernels.
const Rows kRows[] = {
    {kIdentity,
     "for i in 0..8 { load32(rows=1, from=16*i, to=3) store32(rows=1, from=3, "
     "to=16*i + 128) }",
     "i"},
    {kDouble,
     "for i in 2..10 { load32(rows=1, from=16*i - 32, to=0) accumulate(rows=1, from=0, "
     "to=0) store32(rows=1, from=0, to=16*i + 96) }",
     "i"},
    {kReverse,
     "for i in 0..8 { load32(rows=1, from=16*i, to=0) store32(rows=1, from=0, "
     "to=240 - 16*i) }",
     "i"},
    {kReverse,
     "for i in 0..8 step 4 { for j in 0..4 { load32(rows=1, from=16*i + 16*j, to=0) "
     "store32(rows=1, from=0, to=240 - 16*i - 16*j) } }",
     "i, j"},
    {kHalves,
     "for i in 0..4 { load32(rows=1, from=16*i, to=0) load32(rows=1, from=16*i + 64, "
     "to=1) store32(rows=1, from=1, to=16*i + 128) store32(rows=1, from=0, "
     "to=16*i + 192) }",
     "i"},
    // the pair of rows is unrolled, for rows on the chip depend on it
    {kSums,
     "for p in 0..4 { for i in 0..2 { load32(rows=1, from=32*p + 16*i, to=i) } "
     "accumulate(rows=1, from=0, to=1) store32(rows=1, from=1, to=32*p + 128) "
     "store32(rows=1, from=1, to=32*p + 144) }",
     "p"},
    // what is loaded before the loop is the same in all iterations
    {"ENTRY e { x = s32[8,4] parameter(0) f = s32[1,4] slice(x), slice={[0:1], [0:4]} "
     "r = s32[4] reshape(f) b = s32[8,4] broadcast(r), dimensions={1} "
     "ROOT y = s32[8,4] add(x, b) }",
     "load32(rows=1, from=0, to=7) for i in 0..8 { load32(rows=1, from=16*i, to=0) "
     "accumulate(rows=1, from=7, to=0) store32(rows=1, from=0, to=16*i + 128) }",
     "i"},
    // through scratch memory off the chip: of each iteration, and of all
    {kDouble,
     "for i in 0..8 { load32(rows=1, from=16*i, to=0) store32(rows=1, from=0, to=256) "
     "load32(rows=1, from=256, to=1) accumulate(rows=1, from=1, to=0) "
     "store32(rows=1, from=0, to=16*i + 128) }",
     "i"},
    {kDouble,
     "for i in 0..8 { load32(rows=1, from=16*i, to=0) store32(rows=1, from=0, "
     "to=16*i + 256) load32(rows=1, from=16*i + 256, to=1) accumulate(rows=1, from=1, "
     "to=0) store32(rows=1, from=0, to=16*i + 128) }",
     "i"},
    // sums in memory, over rounds: each round adds to what the one before left
    {kDouble,
     "for i in 0..8 { load32(rows=1, from=16*i, to=0) scale(rows=1, factor=0, at=0) "
     "store32(rows=1, from=0, to=16*i + 128) } for k in 0..2 { for i in 0..8 { "
     "load32(rows=1, from=16*i, to=0) load32(rows=1, from=16*i + 128, to=1) "
     "accumulate(rows=1, from=1, to=0) store32(rows=1, from=0, to=16*i + 128) } }",
     ""},
    // carried from one iteration to the next: the load of row i + 1 is in iteration i
    {kDouble,
     "load32(rows=1, from=0, to=0) for i in 0..7 { load32(rows=1, from=16*i + 16, to=1) "
     "accumulate(rows=1, from=0, to=0) store32(rows=1, from=0, to=16*i + 128) "
     "scale(rows=1, factor=0, at=0) accumulate(rows=1, from=1, to=0) } "
     "accumulate(rows=1, from=0, to=0) store32(rows=1, from=0, to=240)",
     ""},
    // each row but the last is written twice, with the same numbers
    {kIdentity,
     "for i in 0..7 { load32(rows=2, from=16*i, to=0) store32(rows=2, from=0, "
     "to=16*i + 128) }",
     ""},
    // 3 elements a time do not keep to rows
    {kIdentity,
     "for i in 0..2 { for j in 0..4 { load32(rows=1, from=64*i + 16*j, to=0) "
     "store32(rows=1, from=0, to=64*i + 16*j + 128) } }",
     "i, j"},
};

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

TEST_CASE("the checker refuses induction over loops whose iterations see each other") {
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
    for (std::uint32_t l = 0; l < kernel_of(rows_kernel(rows.body), isa).loops.size(); ++l) {
      INFO(rows.body << " loop " << l);
      CheckReport report = claim(rows, {l});
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

namespace {

/// The product of s8[m,k] and s8[k,n] in tiles of four.
std::string product_kernel(std::int64_t m, std::int64_t n, std::int64_t k) {
  std::int64_t b = m * k, c = b + k * n;
  return fmt::format(R"(kernel product {{
  memory {end}
  input a @ 0 : s8[{m},{k}]
  input b @ {b} : s8[{k},{n}]
  output c @ {c} : s32[{m},{n}]
  for i in 0..{m} step 4 {{
    for j in 0..{n} step 4 {{
      zero(to=0)
      for k in 0..{k} step 4 {{
        for r in 0..4 {{
          mvin(rows=1, from={k}*i + k + {k}*r, to=r)
          mvin(rows=1, from=j + {n}*k + {n}*r + {b}, to=r + 4)
        }}
        matmul(a=0, b=4, c=0)
      }}
      for r in 0..4 {{
        store32(rows=1, from=r, to={n4}*i + 4*j + {n4}*r + {c})
      }}
    }}
  }}
}})",
                     fmt::arg("m", m), fmt::arg("n", n), fmt::arg("k", k), fmt::arg("b", b),
                     fmt::arg("c", c), fmt::arg("n4", 4 * n), fmt::arg("end", c + 4 * m * n));
}

semantics::TensorGraph product_program(std::int64_t m, std::int64_t n, std::int64_t k) {
  return graph_of(fmt::format(R"(ENTRY product {{
  a = s8[{0},{2}] parameter(0)
  b = s8[{2},{1}] parameter(1)
  x = s32[{0},{2}] convert(a)
  y = s32[{2},{1}] convert(b)
  ROOT c = s32[{0},{1}] dot(x, y), lhs_contracting_dims={{1}}, rhs_contracting_dims={{0}}
}})",
                              m, n, k));
}

} // namespace

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

namespace {

/// All points of a box.
std::vector<std::vector<std::int64_t>> points(const std::vector<std::int64_t> &counts) {
  std::vector<std::vector<std::int64_t>> out = {{}};
  for (std::int64_t count : counts) {
    std::vector<std::vector<std::int64_t>> longer;
    for (const auto &p : out)
      for (std::int64_t i = 0; i < count; ++i) {
        longer.push_back(p);
        longer.back().push_back(i);
      }
    out = longer;
  }
  return out;
}

/// Where a position is at a point.
std::int64_t at_point(const semantics::IndexSpace &space, const semantics::AffineIndex &position,
                      const std::vector<std::int64_t> &point) {
  std::int64_t out = position.offset;
  for (std::size_t v = 0; v < point.size(); ++v)
    out += space.factors(position.slope)[v] * point[v];
  return out;
}

/// The elements of inputs at one point of the box: a generic run then gives what one iteration
/// does.
InputElement inputs_at(TermGraph &terms, const semantics::TensorGraph &graph,
                       const GenericLoops &loops, const std::vector<std::int64_t> &point) {
  return [&terms, &graph, &loops, &point](std::size_t p, const semantics::AffineIndex &position) {
    return terms.input(static_cast<std::uint32_t>(p),
                       static_cast<std::uint32_t>(at_point(loops.space(), position, point)),
                       graph[graph.parameters[p]].shape.type);
  };
}

std::vector<SymbolicTensor> inputs_of(TermGraph &terms, const semantics::TensorGraph &graph) {
  std::vector<semantics::Shape> shapes;
  for (semantics::NodeId p : graph.parameters)
    shapes.push_back(graph[p].shape);
  return symbolic_inputs(terms, shapes);
}

} // namespace

TEST_CASE("a generic iteration of a kernel does in each iteration what unrolling does") {
  spec::Isa isa = isamorph::test::integer_machine();
  auto compare = [&](const spec::Kernel &kernel, const semantics::TensorGraph &graph) {
    auto proof = prove_by_induction(kernel, isa, graph, Level::Bits);
    REQUIRE(proof);
    TermGraph terms(isa.numerics);
    GenericLoops loops(kernel, proof->induction);
    std::vector<SymbolicTensor> expected = execute(terms, isa, kernel, inputs_of(terms, graph));
    std::vector<std::set<std::int64_t>> seen(expected.size());
    for (const auto &point : points(loops.space().counts())) {
      InputElement input = inputs_at(terms, graph, loops, point);
      for (const GenericElement &e : execute_generic(terms, isa, kernel, loops, input, 1 << 20)) {
        std::int64_t element = at_point(loops.space(), e.position, point);
        REQUIRE(e.term == expected[e.output].elements.at(static_cast<std::size_t>(element)));
        seen[e.output].insert(element);
      }
    }
    for (std::size_t o = 0; o < expected.size(); ++o)
      CHECK(seen[o].size() == expected[o].elements.size());
  };
  compare(isamorph::test::integer_kernel("gemm", isa), isamorph::test::integer_program("gemm"));
  compare(kernel_of(product_kernel(12, 8, 8), isa), product_program(12, 8, 8));
  for (const Rows &rows : kRows)
    if (*rows.induction)
      compare(kernel_of(rows_kernel(rows.body), isa), graph_of(rows.program));
}

TEST_CASE("generic elements of random programs are the elements at every point") {
  spec::Kernel kernel;
  kernel.loops = {{"i", 0, 2, 1, 0, 2, {}}, {"j", 0, 3, 1, 0, 1, {}}};
  const std::vector<ElementType> types = {ElementType::F32, ElementType::BF16, ElementType::S32,
                                          ElementType::U8};
  int generic = 0, refused = 0, same = 0, others = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    INFO(seed);
    verify::test::RandomGraph random(seed, types);
    semantics::TensorGraph graph = random.make(30);
    TermGraph terms(semantics::numerics_profile("xla_cpu"));
    GenericLoops loops(kernel, {0, 1});
    std::vector<SymbolicTensor> all = execute_nodes(terms, graph, inputs_of(terms, graph));
    std::vector<semantics::Tensor> values;
    for (semantics::NodeId p : graph.parameters)
      values.push_back(random.input(graph[p].shape, true));
    for (std::uint32_t n = 0; n < graph.nodes.size(); ++n) {
      std::int64_t elements = graph.nodes[n].shape.elements();
      for (std::int64_t i = 0; i < 3; ++i)
        for (std::int64_t j = 0; j < 4; ++j) {
          semantics::AffineIndex position{(seed + n) % 2 ? 1 : 0, *loops.space().slope({i, j})};
          if (loops.space().range(position).high >= elements)
            continue;
          try {
            for (const auto &point : points({2, 3})) {
              InputElement input = inputs_at(terms, graph, loops, point);
              std::vector<GenericDemand> demand = {{n, position}};
              TermId found = execute_generic(terms, graph, loops, input, demand, 1 << 20).front();
              TermId expected =
                  all[n]
                      .elements[static_cast<std::size_t>(at_point(loops.space(), position, point))];
              generic += i + j > 0;
              (found == expected ? same : others)++;
              if (found == expected)
                continue;
              std::vector<std::uint64_t> numbers = evaluate_terms(terms, values);
              CHECK(equal_element(terms[found].type, numbers[found.v], numbers[expected.v],
                                  Level::Bits));
            }
          } catch (const UnrollLoop &) {
            ++refused;
          }
        }
    }
  }
  WARN(generic << " generic elements, " << refused << " refused; " << same << " the same terms, "
               << others << " others of the same value");
  CHECK(generic > 1000);
  CHECK(same > 20 * others);
}
