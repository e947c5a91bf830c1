#include "spec/interval_set.h"
#include "spec/kernel.h"

#include <catch2/catch.hpp>
#include <rapidcheck.h>
#include <set>

using namespace isamorph;
using namespace isamorph::spec;

namespace {

const char *const kGrid = R"(isa grid {
  buffer m hbm
  buffer g [4, 6] x u8
  buffer r u8[2]
  unit u
  instruction put (h, w) [from, y, x] {
    reads  %a = m[from : h*w]
    writes g[y : h, x : w] = %b
    cost unit u
    semantics { %b = u8[h,w] reshape(%a) }
  }
  instruction get (h, w) [y, x, to] {
    reads  %a = g[y : h, x : w]
    writes m[to : h*w] = %b
    cost unit u
    semantics { %b = u8[`h*w`] reshape(%a) }
  }
  instruction keep () [from] {
    reads  %a = m[from : 2]
    writes r = %a
    cost unit u
  }
  instruction give () [to] {
    reads  %a = r
    writes m[to : 2] = %a
    cost unit u
  }
})";

Isa grid() { return parse_isa(semantics::make_source("<grid>", kGrid)); }

/// The error of a kernel with the given lines, or "".
std::string error_of(const std::string &lines, const Isa &isa) {
  try {
    parse_kernel(semantics::make_source("<kernel>", "kernel k {\n" + lines + "\n}\n"), isa);
    return {};
  } catch (const semantics::InputError &error) {
    return error.message();
  }
}

} // namespace

TEST_CASE("interval sets agree with sets of integers") {
  CHECK(rc::check("first_missing", [] {
    IntervalSet intervals;
    std::set<std::int64_t> members;
    auto pair =
        rc::gen::pair(rc::gen::inRange<std::int64_t>(0, 40), rc::gen::inRange<std::int64_t>(0, 12));
    for (auto [begin, length] :
         *rc::gen::container<std::vector<std::pair<std::int64_t, std::int64_t>>>(pair)) {
      intervals.add(begin, begin + length);
      for (std::int64_t i = 0; i < length; ++i)
        members.insert(begin + i);
      auto [at, size] = *pair;
      std::optional<std::int64_t> expected;
      for (std::int64_t i = at; i < at + size && !expected; ++i)
        if (!members.contains(i))
          expected = i;
      RC_ASSERT(intervals.first_missing(at, at + size) == expected);
    }
  }));
}

TEST_CASE("buffers with two addressed dimensions are tracked place by place") {
  Isa isa = grid();
  std::string head = "memory 100 input i @ 0 : u8[24] output o @ 50 : u8[4]\n";
  CHECK(error_of(head + "put(2,2,0,1,1) get(2,2,1,1,50)", isa).empty());
  CHECK(error_of(head + "put(2,2,0,1,1) put(1,2,0,3,1) get(2,2,2,1,50)", isa).empty());
  CHECK(error_of(head + "put(2,2,0,1,1) get(2,2,1,2,50)", isa) ==
        "get: reads g[1:2, 2:2], of which place [1, 3] was never written");
  CHECK(error_of(head + "put(2,2,0,1,1) get(2,2,2,1,50)", isa) ==
        "get: reads g[2:2, 1:2], of which place [3, 1] was never written");
  CHECK(error_of(head + "put(4,6,0,0,0) get(1,4,3,2,50)", isa).empty());
  CHECK_THAT(error_of(head + "put(2,2,0,3,1)", isa),
             Catch::Contains("leave g, whose dimension 0 has 4 places"));
  CHECK_THAT(error_of(head + "put(2,2,0,1,5)", isa),
             Catch::Contains("leave g, whose dimension 1 has 6 places"));
}

TEST_CASE("what loops cover of two dimensions is tracked place by place") {
  Isa isa = grid();
  std::string head = "memory 100 input i @ 0 : u8[24] output o @ 50 : u8[12]\n";
  const std::pair<std::string, std::string> kernels[] = {
      {"for i in 0..4 { put(1,6,0,i,0) } get(2,6,2,0,50)", ""},
      {"for i in 0..3 { put(2,2,0,1,2*i) } get(2,6,1,0,50)", ""},
      {"for i in 0..2 { put(1,6,0,i,0) } for i in 0..2 { get(1,6,i,0,50 + 6*i) }", ""},
      {"for i in 0..2 { put(1,5,0,i,1 - i) } get(2,6,0,0,50)",
       "get: reads g[0:2, 0:6], of which place [0, 0] was never written"},
      {"for i in 0..2 { for j in 0..2 { put(1,2,0,i,4*j) } } get(2,6,0,0,50)",
       "get: reads g[0:2, 0:6], of which place [0, 2] was never written"},
      {"for i in 0..2 { put(1,6,0,2*i,0) } for i in 0..2 { get(1,6,i,0,50 + 6*i) }",
       "get: reads g[1:1, 0:6], of which place [1, 0] was never written (i=1)"}};
  for (const auto &[lines, error] : kernels) {
    INFO(lines);
    CHECK(error_of(head + lines, isa) == error);
  }
}

TEST_CASE("registers must be written before they are read") {
  Isa isa = grid();
  std::string head = "memory 10 input i @ 0 : u8[2] output o @ 4 : u8[2]\n";
  CHECK(error_of(head + "keep(0) give(4)", isa).empty());
  CHECK(error_of(head + "give(4) keep(0)", isa) == "give: reads r, which was never written");
}

TEST_CASE("what a kernel wrote to off-chip memory may be read again, byte by byte") {
  Isa isa = grid();
  std::string head = "memory 100 input i @ 0 : u8[4] output o @ 50 : u8[4]\n";
  CHECK(error_of(head + "put(1,4,0,0,0) get(1,4,0,0,20) put(1,4,20,0,0) get(1,4,0,0,50)", isa)
            .empty());
  CHECK_THAT(error_of(head + "put(1,4,0,0,0) get(1,4,0,0,20) put(1,4,21,0,0)", isa),
             Catch::Contains("byte 24 was never written"));
  CHECK_THAT(error_of(head + "put(1,4,0,0,0) get(1,3,0,0,50)", isa),
             Catch::Contains("byte 53 is never written"));
}

TEST_CASE("large memories and numbers near 2^63 need neither memory nor overflow") {
  Isa isa = grid();
  CHECK(error_of("memory 1099511627776 input i @ 1099511627772 : u8[4]\nput(1,4,1099511627772,0,0)",
                 isa)
            .empty());
  std::string head = "memory 1099511627776 input i @ 0 : u8[4]\n";
  CHECK_THAT(error_of(head + "put(1,4,9223372036854775807,0,0)", isa),
             Catch::Contains("leave off-chip memory"));
  CHECK_THAT(error_of(head + "put(4,9223372036854775807,0,0,0)", isa),
             Catch::Contains("has no value: it overflows"));
  CHECK_THAT(error_of(head + "put(-1,4,0,0,0)", isa), Catch::Contains("is negative: -4"));
  CHECK_THAT(error_of("memory 10 input i @ 9223372036854775807 : u8[4]", isa),
             Catch::Contains("leave off-chip memory"));
  CHECK_THAT(error_of("memory -1", isa), Catch::Contains("-1 bytes"));
}

TEST_CASE("tensors of off-chip memory") {
  Isa isa = grid();
  CHECK_THAT(error_of("memory 10 input a @ 0 : u8[4] constant b @ 3 : u8[1] = {1}", isa),
             Catch::Contains("constant 'b' [3, 4) overlaps input 'a' [0, 4)"));
  CHECK(error_of("memory 10 input a @ 0 : u8[4] input b @ 2 : u8[0] constant c @ 4 : u8[1] = {1}",
                 isa)
            .empty());
  CHECK_THAT(error_of("memory 10 input a @ 0 : u8[4] output a @ 4 : u8[0]", isa),
             Catch::Contains("the name is used twice"));
}

TEST_CASE("kernels made in memory are refused without a place") {
  Isa isa = grid();
  Kernel kernel;
  kernel.off_chip_bytes = 4;
  kernel.instructions.push_back({3, {0}, {}});
  CHECK_THROWS_WITH(validate(kernel, isa), "give: reads r, which was never written");
}
