// What differences are about, and how large they are.
#include "kernels.h"
#include "verify/differences.h"

#include <numeric>

using namespace isamorph;
using namespace isamorph::verify;

TEST_CASE("measuring runs all tests and counts every finite element once") {
  spec::Isa isa = spec::load_isa("qkv_golden");
  spec::Kernel kernel = test::kernel_file("qkv/attention", isa);
  semantics::TensorGraph graph = test::program("attention");
  UlpHistogram ulps = measure_ulps(graph, sim::Simulator(isa, kernel), isa.numerics, {}, 12);
  CHECK(ulps.tests == 12);
  CHECK(ulps.max > 0);
  std::int64_t elements = std::accumulate(ulps.counts.begin(), ulps.counts.end(), std::int64_t{0});
  CHECK(elements <= 12 * 64 * 64);
  CHECK(elements > 6 * 64 * 64);
  REQUIRE(ulps.counts.size() > 1);
  CHECK(ulps.max < std::uint64_t{1} << (ulps.counts.size() - 1));
  CHECK(ulps.counts.back() > 0);
}

TEST_CASE("histograms name their ranges and leave empty ones out") {
  CHECK(to_string(UlpHistogram{{7, 0, 2, 1}, 5, 1}) == "0 ulp: 7, 2-3 ulp: 2, 4-7 ulp: 1");
  CHECK(to_string(UlpHistogram{{7, 3}, 1, 1}) == "0 ulp: 7, 1 ulp: 3");
  CHECK(to_string(UlpHistogram{}).empty());
}

TEST_CASE("a kernel that is equal at finite differs only where that level does not look",
          "[slow]") {
  spec::Isa isa = spec::load_isa("qkv");
  spec::Kernel kernel = test::kernel_file("qkv/softmax", isa);
  semantics::TensorGraph graph = test::program("softmax");
  Verdict verdict = verify_kernel(kernel, isa, graph, test::at(Level::Bits));
  REQUIRE(verdict.outcome == Outcome::Different);
  REQUIRE(verdict.equivalent_at);
  CHECK(*verdict.equivalent_at == Level::Finite);
  CHECK(verdict.reason.find("differences were seen only where NaN or infinity arises") !=
        std::string::npos);
  TermGraph terms(isa.numerics);
  prove(terms, kernel, isa, graph, Level::Bits);
  DifferenceKinds kinds = classify_differences(graph, sim::Simulator(isa, kernel), terms, 1, 45);
  CHECK(kinds.non_finite > 0);
  CHECK(kinds.other == 0);
}

TEST_CASE("a kernel that computes something else differs elsewhere", "[slow]") {
  spec::Isa isa = spec::load_isa("qkv_golden");
  spec::Kernel kernel = test::kernel_file("qkv/attention", isa);
  semantics::TensorGraph graph = test::program("attention");
  TermGraph terms(isa.numerics);
  prove(terms, kernel, isa, graph, Level::Bits);
  CHECK(classify_differences(graph, sim::Simulator(isa, kernel), terms, 1, 9).other > 0);
  CHECK_FALSE(verify_kernel(kernel, isa, graph, test::at(Level::Bits)).equivalent_at);
}

TEST_CASE("kinds of differences are told in words") {
  CHECK(DifferenceKinds{}.to_string().empty());
  CHECK(DifferenceKinds{1, 0, 0, 0}.to_string() == "in the sign of zero");
  CHECK(DifferenceKinds{1, 2, 3, 0}.to_string() ==
        "in the sign of zero, where NaN or infinity arises and where denormals arise");
}
