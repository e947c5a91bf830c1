// Proofs that are told to stop: the verdict is unknown with the reason, whenever the token stops.
#include "certified_product.h"

#include "verify/integer_normal_form.h"
#include "verify/normalize.h"
#include "verify/real_intervals.h"
#include "verify/real_polynomial.h"

using namespace isamorph;
using namespace isamorph::verify;

namespace {

const char *const kIntegerProgram = R"(HloModule m
ENTRY m {
  a = s32[4] parameter(0)
  b = s32[4] parameter(1)
  s = s32[4] add(a, b)
  ROOT c = s32[4] multiply(s, s)
}
)";

semantics::TensorGraph graph(const char *text) {
  return semantics::parse_hlo(semantics::make_source("g.hlo", text));
}

struct Subject {
  semantics::TensorGraph program = graph(test::kTileProgram);
  spec::Isa isa = spec::parse_isa(semantics::make_source("tile.isa", test::kTileIsa));
  spec::Kernel kernel =
      spec::parse_kernel(semantics::make_source("product.asm", test::kTileKernel), isa);

  Verdict verdict(StopToken stop) const {
    VerifyOptions options;
    options.level = Level::Finite;
    options.stop = stop;
    return verify_kernel(kernel, isa, program, options);
  }
};

} // namespace

TEST_CASE("a token stops at its poll, at the flag, and when time is up") {
  CHECK_NOTHROW(StopToken().poll());
  StopToken third = StopToken::at_poll(2);
  CHECK_NOTHROW(third.poll());
  CHECK_NOTHROW(third.poll());
  CHECK_THROWS_AS(third.poll(), Stopped);
  std::atomic<bool> flag = true;
  CHECK_THROWS_WITH(StopToken(&flag, 100).poll(), "interrupted while proving");
  CHECK_THROWS_WITH(StopToken(nullptr, 0).poll(), "out of time after 0 s while proving");
  StopToken named(nullptr, 0);
  named.doing("counting sheep");
  CHECK_THROWS_WITH(named.poll(), "out of time after 0 s while counting sheep");
}

TEST_CASE("a proof that is stopped is unknown with the reason, one that is not stands") {
  Subject subject;
  REQUIRE(subject.verdict({}).outcome == Outcome::Equivalent);
  std::size_t unknown = 0;
  bool done = false;
  std::set<std::string> reasons;
  for (std::uint64_t poll = 0; !done; poll += 1 + poll / 16) {
    Verdict verdict = subject.verdict(StopToken::at_poll(poll));
    done = verdict.outcome == Outcome::Equivalent;
    if (done)
      break;
    CHECK(verdict.outcome == Outcome::Unknown);
    CHECK(verdict.reason.starts_with("interrupted while "));
    CHECK(verdict.lemmas.empty());
    CHECK_FALSE(verdict.counterexample);
    reasons.insert(verdict.reason);
    ++unknown;
    REQUIRE(poll < 1'000'000);
  }
  CHECK(unknown > 3);
  CHECK(reasons.contains("interrupted while executing program and kernel on symbols"));
  CHECK(reasons.contains("interrupted while putting terms into normal form at finite"));
}

TEST_CASE("out of time is unknown, and so is a flag that is set") {
  Subject subject;
  Verdict verdict = subject.verdict({nullptr, 0});
  CHECK(verdict.outcome == Outcome::Unknown);
  CHECK(verdict.reason == "out of time after 0 s while executing program and kernel on symbols");
  std::atomic<bool> flag = true;
  CHECK(subject.verdict({&flag, 100}).outcome == Outcome::Unknown);
}

TEST_CASE("normal forms and enclosures poll") {
  TermGraph terms(semantics::numerics_profile("xla_cpu"));
  std::vector<semantics::Shape> shapes(2, {semantics::ElementType::S32, {4}});
  std::vector<SymbolicTensor> inputs = symbolic_inputs(terms, shapes);
  SymbolicTensor result = execute(terms, graph(kIntegerProgram), inputs).at(0);
  StopToken stop = StopToken::at_poll(0);
  std::vector<semantics::Tensor> zeros = {semantics::Tensor(shapes[0]),
                                          semantics::Tensor(shapes[1])};
  CHECK(enclose_terms(terms, zeros).size() == terms.size());
  terms.stop_with(&stop);
  CHECK_THROWS_AS(IntegerNormalizer(terms).normalize(result.elements[0]), Stopped);
  CHECK_THROWS_AS(enclose_terms(terms, zeros), Stopped);
}

TEST_CASE("a comparison of polynomials that is stopped is unknown") {
  const char *left = R"(HloModule m
ENTRY m {
  a = f32[2] parameter(0)
  b = f32[2] parameter(1)
  ROOT c = f32[2] add(a, b)
}
)",
             *right = R"(HloModule m
ENTRY m {
  a = f32[2] parameter(0)
  b = f32[2] parameter(1)
  ROOT c = f32[2] add(b, a)
}
)";
  CHECK(compare_over_reals(graph(left), graph(right)).outcome == Outcome::Equivalent);
  for (std::uint64_t poll : {0, 1, 5}) {
    RealVerdict verdict = compare_over_reals(graph(left), graph(right), StopToken::at_poll(poll));
    CHECK(verdict.outcome == Outcome::Unknown);
    CHECK(verdict.reason == "interrupted while comparing polynomials over the reals");
  }
}
