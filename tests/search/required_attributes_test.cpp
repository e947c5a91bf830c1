// Attributes that no shape determines.
#include "search/search.h"

#include "search/required_attributes.h"
#include "semantics/hlo.h"

#include <catch2/catch.hpp>

using namespace isamorph;
using namespace isamorph::search;

namespace {

/// An instruction with attributes k and n, of which n is the number of rows.
spec::Instruction instruction(const std::string &where, const std::string &latency) {
  std::string text = "isa t {\n  buffer m hbm\n  buffer b [8] x u8[4]\n  numerics xla_cpu\n  unit "
                     "u\n  instruction ld (k, n) [from, to] {\n    reads %x = m[from : n*4]\n    "
                     "writes b[to : n] = %y\n    where 1 <= n <= 8, " +
                     where + "\n    cost unit u, latency " + latency +
                     "\n    semantics { %y = u8[n,4] reshape(%x) }\n  }\n}\n";
  return spec::parse_isa(semantics::make_source("t.isa", text)).instructions.at(0);
}

} // namespace

TEST_CASE("an attribute on which only the cost depends takes its cheapest value") {
  struct Case {
    const char *where, *latency;
    std::int64_t rows;
    std::optional<std::int64_t> k; ///< nullopt: undetermined
  };
  const Case cases[] = {
      {"0 <= k <= 90", "1", 2, 0},
      {"7 <= k <= 1000000", "n", 2, 7},
      {"0 <= k <= 90", "100 - k", 2, 90},
      {"0 <= k <= 90", "1 + (k - 40)*(k - 40)", 2, 40},
      {"0 <= k <= 1000, k % 10 == 3", "5", 2, 3},
      {"n <= k <= 1000, k % n == 1", "5", 4, 5},
      {"k <= 1000", "5", 2, 0},
      {"k <= -3", "5", 2, -3}, // without a least one, the one nearest to 0
      {"0 <= k <= 1000000", "1 + k % 7", 2, std::nullopt}, // too many to be compared
      {"0 <= k <= 90, k <= from", "1", 2, std::nullopt},   // the address must agree
      {"0 <= k <= 90", "1 + max(0, k - from)", 2, std::nullopt},
  };
  for (const Case &c : cases) {
    INFO(c.where << ", latency " << c.latency);
    spec::Instruction made = instruction(c.where, c.latency);
    semantics::SymbolValues values(made.symbols);
    values.integers[1] = c.rows;
    std::vector<std::int64_t> found;
    auto open = complete(
        values, required_attributes(made), made.constraints,
        [&](const semantics::SymbolValues &whole) { found.push_back(*whole.integers[0]); });
    CHECK(open.has_value() == !c.k.has_value());
    if (c.k)
      CHECK(found == std::vector<std::int64_t>{*c.k});
  }
}

TEST_CASE("an attribute on which addresses depend keeps all its values") {
  spec::Instruction made = instruction("0 <= k <= 9, k <= from", "1");
  semantics::SymbolValues values(made.symbols);
  values.integers[1] = 2;
  int found = 0;
  CHECK_FALSE(complete(values, required_attributes(made), made.constraints,
                       [&](const semantics::SymbolValues &) { ++found; }));
  CHECK(found == 10);
}

TEST_CASE("a use that nothing determines leaves it open whether there is a kernel") {
  semantics::TensorGraph graph = semantics::parse_hlo(semantics::make_source(
      "g.hlo", "ENTRY e { x = s8[1,4] parameter(0)\n ROOT r = s8[1,4] negate(x) }\n"));
  auto search = [&](const std::string &load) {
    return find_kernel(graph, spec::parse_isa(semantics::make_source("k.isa", R"(isa k {
  buffer m hbm
  buffer b [8] x s8[4]
  numerics xla_cpu
  unit u
  instruction ld (k) [from, to] {
    reads %x = m[from : 4]
    writes b[to] = %y
    where )" + load + R"(
    semantics {
      %z = u8[1,4] reshape(%x)
      %y = s8[1,4] bitcast-convert(%z)
    }
  }
  instruction st () [from, to] {
    reads %x = b[from]
    writes m[to : 4] = %y
    cost unit u
    semantics {
      %z = u8[1,4] bitcast-convert(%x)
      %y = u8[4] reshape(%z)
    }
  }
  instruction neg () [p, q] {
    reads %x = b[p]
    writes b[q] = %y
    cost unit u
    semantics { %y = s8[1,4] negate(%x) }
  }
}
)")),
                       semantics::shipped_rules(), {});
  };
  SearchResult found = search("0 <= k <= 90\n    cost unit u");
  REQUIRE(found.kernel);
  CHECK(found.cost == 3);
  CHECK(found.kernel->instructions.at(0).attributes.at(0) == 0);
  SearchResult open = search("0 <= k <= 1000000\n    cost unit u, latency 1 + k % 7");
  CHECK_FALSE(open.kernel);
  CHECK(open.undetermined);
  CHECK_THAT(open.reason, Catch::Contains("its attribute k"));
  CHECK_FALSE(search("k < 0, k > 0\n    cost unit u").undetermined);
}
