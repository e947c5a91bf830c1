#include "costmodel/cost_model.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <rapidcheck.h>

using namespace isamorph;
using namespace isamorph::costmodel;

namespace {

// Two units that move rows about, with latencies that tests choose.
const char *const kIsa = R"(
isa two {
  buffer mem hbm
  buffer rows [8] x u8[4]
  buffer cells [2, 8] x u8
  numerics xla_cpu
  unit a, b

  instruction fill (t) [to] {
    writes rows[to : 1] = %c
    cost   unit a, latency t, bytes 0
    semantics { %c = u8[1,4] constant(1) }
  }
  instruction fill2 (t) [to] {
    writes rows[to : 2] = %c
    cost   unit a, latency t, bytes 0
    semantics { %c = u8[2,4] constant(2) }
  }
  instruction copy (t) [from, to] {
    reads  %x = rows[from : 1]
    writes rows[to : 1] = %y
    cost   unit b, latency t, bytes 0
    semantics { %y = u8[1,4] copy(%x) }
  }
  instruction paint (t) [row, column] {
    writes cells[row : 1, column : 2] = %c
    cost   unit a, latency t, bytes 0
    semantics { %c = u8[1,2] constant(3) }
  }
  instruction look (t) [row, column] {
    reads  %x = cells[row : 1, column : 1]
    writes rows[7 : 1] = %y
    cost   unit b, latency t, bytes 0
    semantics {
      %r = u8[] reshape(%x)
      %y = u8[1,4] broadcast(%r), dimensions={}
    }
  }
}
)";

const spec::Isa &isa() {
  static const spec::Isa value = spec::parse_isa(semantics::make_source("two.isa", kIsa));
  return value;
}

struct Call {
  std::string name;
  std::vector<std::int64_t> attributes;
};

/// Prices do not need data, so that kernels here may read what nobody wrote.
spec::Kernel kernel(const std::vector<Call> &calls, const spec::Isa &of = isa()) {
  spec::Kernel out;
  for (const Call &call : calls) {
    const spec::Instruction *instruction = of.find_instruction(call.name);
    REQUIRE(instruction);
    out.instructions.push_back(
        {static_cast<std::uint32_t>(instruction - of.instructions.data()), call.attributes, {}});
  }
  return out;
}

using Times = std::vector<std::pair<std::int64_t, std::int64_t>>;
Times times(const std::vector<Call> &calls) {
  Times out;
  for (const Interval &interval : schedule(isa(), kernel(calls)))
    out.push_back({interval.start, interval.end});
  return out;
}

} // namespace

TEST_CASE("the models have names") {
  CHECK(cost_model_names() == std::vector<std::string>{"count", "latency", "overlap"});
  for (const std::string &text : cost_model_names())
    CHECK(name(cost_model(text).value()) == text);
  CHECK_FALSE(cost_model("time"));
}

TEST_CASE("count and latency are sums") {
  spec::Kernel k = kernel({{"fill", {5, 0}}, {"copy", {7, 0, 1}}, {"fill2", {0, 3}}});
  CHECK(cost(isa(), k, CostModel::Count) == 3);
  CHECK(cost(isa(), k, CostModel::Latency) == 12);
  CHECK(cost(isa(), kernel({}), CostModel::Overlap) == 0);
}

TEST_CASE("overlap: what an instruction waits for") {
  SECTION("nothing: other unit, other rows") {
    CHECK(times({{"fill", {5, 0}}, {"copy", {7, 2, 3}}}) == Times{{0, 5}, {0, 7}});
  }
  SECTION("its unit") {
    CHECK(times({{"fill", {5, 0}}, {"fill", {3, 1}}}) == Times{{0, 5}, {5, 8}});
  }
  SECTION("its operands") {
    CHECK(times({{"fill", {5, 0}}, {"copy", {7, 0, 1}}}) == Times{{0, 5}, {5, 12}});
  }
  SECTION("the last of several writers of its operands") {
    CHECK(times({{"fill", {5, 0}}, {"fill2", {4, 0}}, {"fill", {10, 5}}, {"copy", {7, 1, 3}}}) ==
          Times{{0, 5}, {5, 9}, {9, 19}, {9, 16}});
  }
  SECTION("readers of what it overwrites") {
    CHECK(times({{"copy", {9, 0, 1}}, {"fill", {2, 0}}}) == Times{{0, 9}, {9, 11}});
  }
  SECTION("writers of what it overwrites") {
    CHECK(times({{"copy", {9, 0, 1}}, {"fill", {2, 1}}}) == Times{{0, 9}, {9, 11}});
  }
  SECTION("not for other readers") {
    CHECK(times({{"fill", {2, 0}}, {"copy", {9, 0, 1}}, {"copy", {9, 0, 2}}}) ==
          Times{{0, 2}, {2, 11}, {11, 20}});
  }
  SECTION("in order: nothing passes a waiting instruction of its unit") {
    CHECK(times({{"fill", {10, 0}}, {"copy", {1, 0, 1}}, {"copy", {1, 5, 6}}}) ==
          Times{{0, 10}, {10, 11}, {11, 12}});
  }
  SECTION("rectangles that overlap in both dimensions only") {
    CHECK(times({{"paint", {5, 0, 2}}, {"look", {1, 1, 2}}}) == Times{{0, 5}, {0, 1}});
    CHECK(times({{"paint", {5, 0, 2}}, {"look", {1, 0, 4}}}) == Times{{0, 5}, {0, 1}});
    CHECK(times({{"paint", {5, 0, 2}}, {"look", {1, 0, 3}}}) == Times{{0, 5}, {5, 6}});
  }
}

TEST_CASE("overlap lies between the busiest unit and the sum of latencies, and respects all "
          "dependences") {
  REQUIRE(rc::check([] {
    std::vector<Call> calls;
    int count = *rc::gen::inRange(0, 25);
    auto in = [](std::int64_t low, std::int64_t high) { return *rc::gen::inRange(low, high); };
    for (int i = 0; i < count; ++i)
      switch (in(0, 4)) {
      case 0:
        calls.push_back({"fill", {in(0, 9), in(0, 7)}});
        break;
      case 1:
        calls.push_back({"fill2", {in(0, 9), in(0, 7)}});
        break;
      case 2:
        calls.push_back({"paint", {in(0, 9), in(0, 2), in(0, 7)}});
        break;
      default:
        calls.push_back({"copy", {in(0, 9), in(0, 8), in(0, 8)}});
      }
    spec::Kernel k = kernel(calls);
    auto intervals = schedule(isa(), k);
    std::int64_t makespan = cost(isa(), k, CostModel::Overlap);
    std::vector<std::int64_t> busy(2, 0);
    for (const Interval &interval : intervals)
      busy[interval.unit] += interval.end - interval.start;
    RC_ASSERT(makespan >= std::max(busy[0], busy[1]));
    RC_ASSERT(makespan <= cost(isa(), k, CostModel::Latency));

    // Every pair by the definition: places of `rows` read and written.
    auto rows = [&](const Call &call, bool write) -> std::pair<std::int64_t, std::int64_t> {
      if (call.name == "copy")
        return {call.attributes[write ? 2 : 1], 1};
      if (call.name == "paint" || !write)
        return {0, 0};
      return {call.attributes[1], call.name == "fill2" ? 2 : 1};
    };
    auto meet = [](auto a, auto b) {
      return a.second && b.second && a.first < b.first + b.second && b.first < a.first + a.second;
    };
    for (std::size_t j = 0; j < calls.size(); ++j) {
      // The earliest start by the definition is the actual one, but for paint's own buffer.
      std::int64_t earliest = 0;
      for (std::size_t i = 0; i < j; ++i) {
        bool conflict = intervals[i].unit == intervals[j].unit ||
                        meet(rows(calls[i], true), rows(calls[j], false)) ||
                        meet(rows(calls[i], true), rows(calls[j], true)) ||
                        meet(rows(calls[i], false), rows(calls[j], true));
        if (conflict)
          earliest = std::max(earliest, intervals[i].end);
      }
      RC_ASSERT(intervals[j].start == earliest);
    }
  }));
}

TEST_CASE("the trace is Chrome's: a row a unit, an event an instruction") {
  spec::Kernel k = kernel({{"fill", {5, 0}}, {"copy", {7, 0, 1}}});
  auto trace = nlohmann::json::parse(chrome_trace(isa(), k));
  const auto &events = trace.at("traceEvents");
  REQUIRE(events.size() == 4);
  CHECK(events[0] == nlohmann::json::parse(
                         R"({"name":"thread_name","ph":"M","pid":0,"tid":0,"args":{"name":"a"}})"));
  CHECK(events[1].at("args").at("name") == "b");
  CHECK(
      events[3] ==
      nlohmann::json::parse(
          R"({"name":"copy","ph":"X","pid":0,"tid":1,"ts":5,"dur":7,"args":{"t":7,"from":0,"to":1}})"));
}

TEST_CASE("a latency without a value is an error at the instruction") {
  spec::Isa bad = spec::parse_isa(semantics::make_source("bad.isa", R"(isa bad {
  buffer mem hbm
  buffer row [2] x u8
  numerics xla_cpu
  unit a
  instruction fill (t) [to] {
    writes row[to : 1] = %c
    cost   unit a, latency 10 / t, bytes 0
    semantics { %c = u8[1] constant(1) }
  }
})"));
  CHECK(cost(bad, kernel({{"fill", {5, 0}}}, bad), CostModel::Latency) == 2);
  CHECK_THROWS_WITH(cost(bad, kernel({{"fill", {0, 0}}}, bad), CostModel::Latency),
                    Catch::Contains("bad.isa:6:"));
  CHECK_THROWS_WITH(cost(bad, kernel({{"fill", {-1, 0}}}, bad), CostModel::Latency),
                    Catch::Contains("negative"));
  CHECK(cost(bad, kernel({{"fill", {0, 0}}}, bad), CostModel::Count) == 1);
}
