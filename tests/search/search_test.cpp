#include "search/search.h"
#include "semantics/hlo.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>

using namespace isamorph;
using search::SearchOptions;
using search::SearchResult;

namespace {

const std::string kPrograms = std::string(ISAMORPH_SOURCE_DIR) + "/tests/corpus/programs";

semantics::TensorGraph read_graph(const std::string &path) {
  return semantics::parse_hlo(semantics::read_source(path));
}

SearchResult search_file(const std::string &path, const std::string &isa,
                         SearchOptions options = {}) {
  return search::find_kernel(read_graph(path), spec::load_isa(isa), semantics::shipped_rules(),
                             options);
}

SearchResult search_text(const std::string &text, const std::string &isa,
                         SearchOptions options = {}) {
  auto graph = semantics::parse_hlo(semantics::make_source("<test>", text));
  return search::find_kernel(graph, spec::load_isa(isa), semantics::shipped_rules(), options);
}

/// What holds for every kernel: it is valid, its price is as said, its certificate checks.
void check_result(const SearchResult &result, const std::string &isa_name) {
  spec::Isa isa = spec::load_isa(isa_name);
  REQUIRE(result.kernel);
  CHECK_NOTHROW(spec::validate(*result.kernel, isa));
  CHECK(result.bound <= result.cost);
  CHECK(result.certificate.landmarks.bound <= result.bound);
  CHECK(search::check_landmarks(result.certificate.task, result.certificate.landmarks) == "");
  CHECK(result.certificate.fact_names.size() == result.certificate.task.facts);
  CHECK(result.certificate.action_names.size() == result.certificate.task.actions.size());
}

const std::string kAttention = std::string(ISAMORPH_SOURCE_DIR) + "/corpus/qkv/attention.hlo";

const std::string kHead = R"(
add { a = bf16[] parameter(0)
  b = bf16[] parameter(1)
  ROOT sum = bf16[] add(a, b) }
)";

} // namespace

TEST_CASE("a kernel is called optimal only where saturation ended") {
  int unsaturated = 0;
  SearchResult result;
  for (std::size_t iterations = 1; iterations < 50; ++iterations) {
    INFO(iterations);
    SearchOptions options;
    options.max_iterations = iterations;
    result = search_file(kAttention, "qkv", options);
    REQUIRE(result.saturation.has_value());
    if (*result.saturation == search::StopReason::Saturated)
      break;
    CHECK(*result.saturation == search::StopReason::IterationLimit);
    CHECK_FALSE(result.bound_holds_for_all());
    CHECK_FALSE(result.exhaustive);
    CHECK((result.status == SearchResult::Status::Feasible ||
           result.status == SearchResult::Status::OutOfTime));
    CHECK_THAT(result.reason,
               Catch::Contains("not every rewriting was searched (iteration limit)"));
    unsaturated += result.kernel.has_value();
  }
  CHECK(unsaturated > 0);
  CHECK(result.status == SearchResult::Status::Optimal);
  CHECK(result.bound_holds_for_all());
}

TEST_CASE("attention on qkv: nine instructions, and nine is the bound at the root") {
  SearchResult result = search_file(kAttention, "qkv");
  REQUIRE(result.status == SearchResult::Status::Optimal);
  check_result(result, "qkv");
  CHECK(result.cost == 9);
  CHECK(result.bound == 9);
  CHECK(result.exhaustive);
  CHECK(result.certificate.landmarks.bound == 9);
  CHECK(result.states_evaluated < 100);
  const spec::Kernel &kernel = *result.kernel;
  CHECK(kernel.name == "attention");
  REQUIRE(kernel.inputs.size() == 3);
  CHECK(kernel.inputs[0].address == 0);
  CHECK(kernel.inputs[1].address == 8192);
  CHECK(kernel.inputs[2].address == 16384);
  CHECK(kernel.constants.empty());
  REQUIRE(kernel.outputs.size() == 1);
  CHECK(kernel.outputs[0].address == 24576);
  CHECK(kernel.off_chip_bytes == 32768);
}

TEST_CASE("the number of jobs does not change the result, nor does running again") {
  SearchOptions two;
  two.jobs = 2;
  SearchResult first = search_file(kAttention, "qkv"), second = search_file(kAttention, "qkv", two);
  REQUIRE(first.kernel);
  REQUIRE(second.kernel);
  CHECK(first.kernel->instructions == second.kernel->instructions);
  CHECK(first.states_expanded == second.states_expanded);
  CHECK(first.certificate.action_names == second.certificate.action_names);
}

TEST_CASE("every program of the corpus gives the expected number of instructions or none") {
  std::vector<std::filesystem::path> files;
  for (const auto &entry : std::filesystem::directory_iterator(kPrograms))
    if (entry.path().extension() == ".hlo")
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  REQUIRE(files.size() >= 20);
  auto names = spec::shipped_isa_names();
  std::set<std::string> shipped(names.begin(), names.end());
  for (const auto &path : files) {
    auto source = semantics::read_source(path.string());
    std::istringstream lines(source->text);
    std::string line;
    while (std::getline(lines, line) && line.starts_with("// expect")) {
      std::istringstream words(line);
      std::string slashes, expect, isa, level, outcome, form;
      words >> slashes >> expect >> isa >> level >> outcome >> form;
      if (!shipped.count(isa))
        continue;
      INFO(path.filename().string() << ": " << line);
      SearchOptions options;
      options.level = *semantics::level(level);
      SearchResult result = search_file(path.string(), isa, options);
      INFO(result.reason);
      if (outcome == "infeasible" || form == "tiled") { // tiles are not part of this search
        CHECK(result.status == SearchResult::Status::Infeasible);
        CHECK_FALSE(result.kernel);
        CHECK_FALSE(result.reason.empty());
      } else {
        REQUIRE(result.status == SearchResult::Status::Optimal);
        CHECK(result.cost == std::stoi(outcome));
        CHECK(result.bound == result.cost);
        check_result(result, isa);
      }
    }
  }
}

TEST_CASE("softmax alone needs an identity matrix as a kernel constant") {
  const std::string text = "HloModule softmax\n" + kHead + R"(
ENTRY softmax {
  x = bf16[64,64] parameter(0)
  zero = bf16[] constant(0)
  e = bf16[64,64] exponential(x)
  r = bf16[64] reduce(e, zero), dimensions={1}, to_apply=add
  b = bf16[64,64] broadcast(r), dimensions={0}
  ROOT o = bf16[64,64] divide(e, b)
}
)";
  SearchOptions options;
  SearchResult bits = search_text(text, "qkv", options);
  CHECK(bits.status == SearchResult::Status::Infeasible);
  CHECK(bits.weaker == semantics::Level::Finite);
  CHECK(bits.reason.find("finite") != std::string::npos);
  options.level = semantics::Level::Finite;
  SearchResult finite = search_text(text, "qkv", options);
  REQUIRE(finite.status == SearchResult::Status::Optimal);
  check_result(finite, "qkv");
  CHECK(finite.cost == 5);
  REQUIRE(finite.kernel->constants.size() == 1);
  const spec::Placed &constant = finite.kernel->constants[0];
  CHECK(constant.shape.to_string() == "bf16[64,64]");
  CHECK(constant.address == 8192);
  CHECK(finite.kernel->outputs[0].address == 16384);
  int wrong = 0;
  for (std::int64_t i = 0; i < 64 * 64; ++i)
    wrong += constant.value->bits(i) != (i / 64 == i % 64 ? 0x3f80u : 0u);
  CHECK(wrong == 0);
}

TEST_CASE("matmul, a constant as result, and a result that is wanted twice") {
  SearchResult product = search_text(R"(HloModule m
ENTRY m { a = bf16[64,64] parameter(0)
  b = bf16[64,64] parameter(1)
  ROOT c = bf16[64,64] dot(a, b), lhs_contracting_dims={1}, rhs_contracting_dims={0} })",
                                     "qkv");
  REQUIRE(product.status == SearchResult::Status::Optimal);
  CHECK(product.cost == 4);
  check_result(product, "qkv");

  SearchResult square = search_text(R"(HloModule m
ENTRY m { a = bf16[64,64] parameter(0)
  ROOT c = bf16[64,64] dot(a, a), lhs_contracting_dims={1}, rhs_contracting_dims={0} })",
                                    "qkv");
  REQUIRE(square.status == SearchResult::Status::Optimal);
  CHECK(square.cost == 4);
  check_result(square, "qkv");

  SearchResult constant = search_text(R"(HloModule m
ENTRY m { c = bf16[] constant(2)
  ROOT b = bf16[64,64] broadcast(c), dimensions={} })",
                                      "qkv");
  REQUIRE(constant.status == SearchResult::Status::Optimal);
  CHECK(constant.cost == 2);
  check_result(constant, "qkv");
  REQUIRE(constant.kernel->constants.size() == 1);
  CHECK(constant.kernel->constants[0].shape.to_string() == "bf16[64,64]");
}

TEST_CASE("reasons name the operation or the value in the user's words") {
  SearchResult add = search_file(kPrograms + "/add.hlo", "qkv");
  CHECK(add.reason.find("add.hlo:8") != std::string::npos);
  CHECK(add.reason.find("'o'") != std::string::npos);
  SearchResult rows = search_file(kPrograms + "/identity_200_rows.hlo", "qkv");
  CHECK(rows.reason.find("bf16[200,64] needs 200 rows: d1 has 128, d2 has 64") !=
        std::string::npos);
  SearchResult type = search_file(kPrograms + "/other_element_type.hlo", "qkv");
  CHECK(type.reason.find("no buffer of qkv holds f32[64,64]") != std::string::npos);
}

TEST_CASE("an interrupted search says so and has no kernel") {
  std::atomic<bool> stop = true;
  SearchOptions options;
  options.interrupt = &stop;
  SearchResult result = search_file(kAttention, "qkv", options);
  CHECK(result.status == SearchResult::Status::OutOfTime);
  CHECK_FALSE(result.exhaustive);
  CHECK(result.reason.find("interrupted") != std::string::npos);
}

TEST_CASE("latency and overlap: the found kernel's price is what the cost model says") {
  for (auto model : {costmodel::CostModel::Latency, costmodel::CostModel::Overlap}) {
    SearchOptions options;
    options.cost = model;
    SearchResult result = search_file(kAttention, "qkv", options);
    INFO(costmodel::name(model));
    REQUIRE(result.status == SearchResult::Status::Optimal);
    check_result(result, "qkv");
    CHECK(result.cost == costmodel::cost(spec::load_isa("qkv"), *result.kernel, model));
    CHECK(result.bound == result.cost);
    CHECK(result.kernel->instructions.size() == 9);
  }
}
