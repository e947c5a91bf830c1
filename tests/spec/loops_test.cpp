// Loops in the text forms of kernels, and what is refused about them.
#include "spec/unroll.h"
#include "tests/integer/machine.h"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace isamorph;
using namespace isamorph::spec;

namespace {

Kernel parse(const std::string &text, const Isa &isa) {
  return parse_kernel(semantics::make_source("<kernel>", text), isa);
}

/// A kernel around some lines: eight rows in, eight rows out.
std::string around(const std::string &lines) {
  return "kernel k {\n  memory 256\n  input x @ 0 : s32[8,4]\n  output y @ 128 : s32[8,4]\n" +
         lines + "}\n";
}

void refused(const std::string &lines, const std::string &message, std::uint32_t line,
             std::uint32_t column) {
  static const Isa isa = test::integer_machine();
  INFO(lines);
  try {
    parse(around(lines), isa);
    FAIL("not refused");
  } catch (const semantics::InputError &error) {
    CHECK_THAT(error.what(), Catch::Contains(message));
    CHECK(error.line() == line);
    CHECK(error.column() == column);
  }
}

} // namespace

TEST_CASE("a kernel with loops is read, unrolled and printed") {
  Isa isa = test::integer_machine();
  Kernel gemm = test::integer_kernel("gemm", isa);
  REQUIRE(gemm.loops.size() == 5);
  CHECK(gemm.instructions.size() == 5);
  CHECK(gemm.loops[2].variable == "k");
  CHECK(instance_count(gemm) == 4 * (1 + 2 * (4 * 2 + 1) + 4));
  Kernel flat = unrolled(gemm);
  CHECK(flat.instructions.size() == 92);
  CHECK(flat.instructions[3].attributes == std::vector<std::int64_t>{1, 8, 1});
  CHECK(flat.instructions[4].attributes == std::vector<std::int64_t>{1, 72, 5});
  CHECK(flat.instructions.back().attributes == std::vector<std::int64_t>{1, 3, 368});
  CHECK(print_kernel(gemm, isa, "asm") == test::integer_file("gemm.asm")->text);
  CHECK_THAT(print_kernel(gemm, isa, "python"),
             Catch::Contains("\n        for i in range(0, 2, 1):\n"
                             "            for j in range(0, 2, 1):\n"
                             "                api.zero(to=0)\n"));
  CHECK_THAT(print_kernel(gemm, isa, "flat"), Catch::EndsWith("store32 1, 3, 368\n"));
  CHECK(print_kernel(gemm, isa, "flat") == print_kernel(flat, isa, "flat"));
}

TEST_CASE("random kernels with loops read back from every form") {
  Isa isa = test::integer_machine();
  REQUIRE(rc::check("own assembly, JSON and a Python-like assembly round trip", [&] {
    Kernel kernel = test::RandomLoops(isa, *rc::gen::arbitrary<std::uint64_t>()).kernel();
    validate(kernel, isa);
    for (const std::string form : {"asm", "json", "python"}) {
      std::string text = print_kernel(kernel, isa, form);
      Kernel again = parse(text, isa);
      RC_ASSERT(again.instructions == kernel.instructions);
      RC_ASSERT(again.loops == kernel.loops);
      RC_ASSERT(print_kernel(again, isa, form) == text);
    }
    RC_ASSERT(print_kernel(kernel, isa, "flat") == print_kernel(unrolled(kernel), isa, "flat"));
    Kernel flat = unrolled(kernel);
    RC_ASSERT(static_cast<std::int64_t>(flat.instructions.size()) == instance_count(kernel));
    RC_ASSERT(unrolled(flat).instructions == flat.instructions);
  }));
}

TEST_CASE("attributes are affine expressions") {
  Isa isa = test::integer_machine();
  Kernel kernel = parse(around("  for t in -2..2 step 2 { for u in 0..2 {\n"
                               "    load32(2, 16*(2*(t + 2) + 2*u), -(-4 - t*2) + u*2 + 3 - 3)\n"
                               "  } }\n  store32(rows=8, from=0, to=128)\n"),
                        isa);
  CHECK(to_string(kernel.instructions[0], isa, std::vector<std::string>{"t", "u"}) ==
        "load32(rows=2, from=32*t + 32*u + 64, to=2*t + 2*u + 4)");
  Kernel flat = unrolled(kernel);
  CHECK(flat.instructions[0].attributes == std::vector<std::int64_t>{2, 0, 0});
  CHECK(flat.instructions[3].attributes == std::vector<std::int64_t>{2, 96, 6});
  Kernel cancelled = parse(around("  for t in 0..2 {\n    load32(rows=8, from=t - t, to=0*t)\n  }\n"
                                  "  store32(rows=8, from=0, to=128)\n"),
                           isa);
  CHECK(cancelled.instructions[0].strides.empty());
}

TEST_CASE("loops of Python kernels nest by their indentation") {
  Isa isa = test::integer_machine();
  std::string head = "@kernel(hbm=256,\n"
                     "        input=[{'addr': 0, 'shape': (8, 4), 'dtype': jnp.int32}],\n"
                     "        output=[{'addr': 128, 'shape': (8, 4), 'dtype': jnp.int32}])\n"
                     "def k():\n";
  Kernel kernel = parse(head + "    for t in range(2):\n"
                               "        for u in range(0, 4, 2):\n"
                               "            \"rows\"\n"
                               "            api.load32(2, 16*(2**2*t + u), t*4 + u)\n"
                               "        api.scale(4, -1, at=4*t)\n"
                               "    api.store32(8, 0, 128)\n",
                        isa);
  REQUIRE(kernel.loops.size() == 2);
  CHECK(kernel.loops[0].last == 2);
  CHECK(kernel.loops[1].last == 1);
  CHECK(kernel.loops[1].step == 2);
  CHECK(to_string(kernel.instructions[0], isa, std::vector<std::string>{"t", "u"}) ==
        "load32(rows=2, from=64*t + 16*u, to=4*t + u)");
  auto wrong = [&](const std::string &body, const std::string &message) {
    INFO(body);
    CHECK_THROWS_WITH(parse(head + body, isa), Catch::Contains(message));
  };
  wrong("    for t in range(2):\n    api.zero(0)\n", "expected the indented body of the loop");
  wrong("    for t in range(2):\n", "expected the indented body of the loop");
  wrong("    for t in range(2):\n        api.zero(0)\n      api.zero(0)\n",
        "unexpected indentation");
  wrong("    for t in range(2):\n        return\n", "'return'");
  wrong("    for t in [0, 1]:\n        api.zero(0)\n", "expected 'range(...)'");
  wrong("    for t in range(2):\n        api.zero(t // 2)\n", "not affine");
  wrong("    for t in range(2):\n        api.zero(t ** 2)\n", "not affine");
  wrong("    for t in range(t):\n        api.zero(0)\n", "expected an integer, found 't'");
  wrong("    for t in range(0, 4, -1):\n        api.zero(0)\n", "not positive");
  wrong("    for t in range(4, 4):\n        api.zero(0)\n", "no iteration");
}

TEST_CASE("what is wrong with a loop is said at its place") {
  refused("  for t in 0..2 {\n    zero(to=t*t)\n  }\n", "product of loop variables is not affine",
          6, 14);
  refused("  for t in 0..2 {\n    zero(to=u)\n  }\n", "variables of the loops here: t", 6, 13);
  refused("  zero(to=t)\n", "expected an integer, found 't'", 5, 11);
  refused("  for t in 0..0 {\n    zero(to=0)\n  }\n", "has no iteration: 0..0", 5, 3);
  refused("  for t in 5..-5 {\n    zero(to=0)\n  }\n", "has no iteration: 5..-5", 5, 3);
  refused("  for t in 0..4 step 0 {\n    zero(to=0)\n  }\n", "is not positive", 5, 3);
  refused("  for t in 0..4 step -1 {\n    zero(to=0)\n  }\n", "is not positive", 5, 3);
  refused("  for t in 0..4 {\n  }\n", "loop over 't' has no instructions", 5, 3);
  refused("  for t in 0..4 {\n    zero(to=0)\n", "expected", 8, 1);
  refused("  for t in 0..4 {\n    memory 8\n  }\n", "expected", 6, 12);
  refused("  for t in 0..u {\n    zero(to=0)\n  }\n", "the loop's end", 5, 15);
  refused("  for t in 0..4 {\n    for t in 0..4 {\n      zero(to=0)\n    }\n  }\n",
          "loop variable 't' is that of a loop around it", 6, 5);
  refused("  for t in 0..67108865 {\n    zero(to=0)\n  }\n", "too many iterations", 5, 3);
  refused("  for t in -9223372036854775808..9223372036854775807 {\n    zero(to=0)\n  }\n",
          "too many iterations", 5, 3);
  refused("  for t in 0..16384 {\n    for u in 0..16384 {\n      zero(to=0)\n    }\n  }\n",
          "too many iterations", 6, 5);
  refused("  for t in 0..3 {\n    zero(to=9223372036854775807*t)\n  }\n",
          "zero: attribute 'to' leaves 64 bits", 6, 5);
  refused("  for t in 0..3 {\n    zero(to=9223372036854775807*2*t)\n  }\n", "does not fit 64 bits",
          6, 32);
  refused("  for t in 9223372036854775806..9223372036854775807 {\n"
          "    zero(to=9223372036854775807*t + 9223372036854775807*t - "
          "9223372036854775807*t)\n  }\n",
          "does not fit 64 bits", 6, 35);
  refused("  for t in 0..8 {\n    zero(to=4*t + 4)\n  }\n", "leave acc of 32 rows (t=7)", 6, 5);
  refused("  for t in 0..2 {\n    for u in 0..3 {\n      zero(to=16*t - 8*u + 8)\n    }\n  }\n",
          "(t=0, u=2)", 7, 7);
  refused("  zero(to=0)\n  for t in 0..3 {\n    narrow(rows=t + 2, from=0, to=0)\n"
          "    widen(rows=2*t + 2, from=0, to=4)\n  }\n",
          "row 3 was never written (t=1)", 8, 5);
  refused("  for t in 0..3 {\n    narrow(rows=t, from=0, to=0)\n  }\n",
          "constraint '1 <= rows <= 32' does not hold: rows = 0 (t=0)", 6, 5);
}

TEST_CASE("seventeen loops around one instruction are too many") {
  std::string open = "  ", close = "  ";
  for (int depth = 0; depth < 17; ++depth) {
    open += "for v" + std::to_string(depth) + " in 0..1 { ";
    close += "} ";
  }
  refused(open + "zero(to=0)" + close + "\n", "more than 16 loops", 5,
          static_cast<std::uint32_t>(1 + open.rfind("for ") + 0));
}

TEST_CASE("loops of JSON kernels name their mistakes") {
  Isa isa = test::integer_machine();
  std::string text = print_kernel(test::integer_kernel("sorted", isa), isa, "json");
  auto wrong = [&](const std::string &from, const std::string &to, const std::string &message) {
    std::string changed = text;
    std::size_t at = changed.find(from);
    REQUIRE(at != std::string::npos);
    changed.replace(at, from.size(), to);
    CHECK_THROWS_WITH(parse(changed, isa), Catch::Contains(message));
  };
  wrong("\"loop\": \"t\"", "\"loop\": \"t.0\"", "the name of a loop's variable");
  wrong("\"factors\": {\"t\"", "\"factors\": {\"v\"", "is the variable of no loop here");
  wrong("\"end\": 2", "\"end\": 0", "no iteration");
  wrong("\"body\"", "\"bodies\"", "unknown key");
  wrong("\"constant\": 0", "\"constant\": 0.5", "expected an integer");
  wrong("\"start\": 0, ", "", "key \"start\" is missing");
}

TEST_CASE("kernels made in memory may not have loops that overlap or stray strides") {
  Isa isa = test::integer_machine();
  Kernel good = test::integer_kernel("gemm", isa);
  auto bad = [&](auto change, const char *message) {
    Kernel kernel = good;
    change(kernel);
    CHECK_THROWS_WITH(validate(kernel, isa), Catch::Contains(message));
  };
  bad([](Kernel &k) { k.loops[3].last = 5; }, "overlap without being nested");
  bad([](Kernel &k) { k.loops[2].first = 4; }, "has no instructions");
  bad([](Kernel &k) { k.loops[2].last = 9; }, "has no instructions");
  bad([](Kernel &k) { k.loops[2].last = 1; }, "has no instructions");
  bad([](Kernel &k) { std::swap(k.loops[0], k.loops[3]); }, "stands before an earlier one");
  bad([](Kernel &k) { k.instructions[0].strides = {{0, 2, 1}}; }, "not around it");
  bad([](Kernel &k) { k.instructions[0].strides = {{1, 0, 1}}; }, "not around it");
  bad([](Kernel &k) { k.instructions[0].strides = {{0, 1, 1}, {0, 0, 1}}; }, "not around it");
  bad([](Kernel &k) { k.instructions[0].strides = {{0, 1, 0}}; }, "not around it");
  bad([](Kernel &k) { k.loops.clear(); }, "not around it");
}

namespace {

/// Without the iteration that it names; "" when the kernel is valid.
std::string complaint(const Kernel &kernel, const Isa &isa) {
  try {
    validate(kernel, isa);
    return "";
  } catch (const semantics::InputError &error) {
    std::string message = error.what();
    return message.substr(0, message.find(" ("));
  }
}

/// A kernel, valid or not, of nests that write rows and bytes with and without gaps and read what
/// was written before, within or after them.
class RandomFills : test::RandomNest {
public:
  using RandomNest::RandomNest;

  Kernel kernel() {
    place(40, 40);
    if (std::int64_t rows = pick(0, 8)) // some of the rows
      add("load32", {rows, 0, 0});
    for (std::int64_t nests = pick(1, 3); nests > 0; --nests)
      body(3);
    if (pick(0, 1)) // all of the output
      add("load32", {20, 0, 0}), add("store32", {20, 0, 640}), add("store32", {20, 0, 960});
    return std::move(kernel_);
  }

private:
  void vary(std::uint32_t attribute, std::int64_t scale) {
    constexpr std::array<std::int64_t, 6> steps{0, 0, 1, 1, 2, 3};
    std::int64_t sign = pick(0, 9) ? 1 : -1;
    for (std::uint32_t d = 0; d < depth_; ++d)
      if (std::int64_t step = sign * steps[static_cast<std::size_t>(pick(0, 5))])
        kernel_.instructions.back().strides.push_back({attribute, d, scale * step});
  }
  bool opens_loop(int levels) override { return levels == 3 || RandomNest::opens_loop(levels); }
  void instructions() override {
    switch (pick(0, 5)) {
    case 0:
    case 1:
    case 2: // of the input, or of the output
      add("load32", {pick(1, 3), 16 * pick(0, 3) + 640 * (pick(0, 5) / 5), pick(0, 3)});
      return vary(2, 1);
    case 3:
      add("accumulate", {1, pick(0, 4), pick(0, 4)});
      vary(1, 1);
      return vary(2, 1);
    default:
      add("store32", {pick(1, 2), pick(0, 4), 640 + 16 * pick(0, 2)});
      vary(1, 1);
      return vary(2, 16);
    }
  }
};

} // namespace

TEST_CASE("loops are valid when all that they unroll to is, and break the same rule first") {
  Isa isa = test::integer_machine();
  int valid = 0, broken = 0;
  REQUIRE(rc::check([&] {
    Kernel kernel = test::RandomLoops(isa, *rc::gen::arbitrary<std::uint64_t>()).kernel();
    for (int changes = *rc::gen::inRange(0, 3); changes > 0; --changes) {
      auto &call =
          kernel.instructions[*rc::gen::inRange<std::size_t>(0, kernel.instructions.size())];
      auto a = *rc::gen::inRange<std::size_t>(0, call.attributes.size());
      call.attributes[a] += *rc::gen::element(-400, -16, -1, 1, 16, 20, 400);
    }
    if (*rc::gen::arbitrary<bool>()) // some of the rows are not loaded
      kernel.instructions[0].attributes[0] = *rc::gen::inRange(1, 33);
    std::string looped = complaint(kernel, isa), flat = complaint(unrolled(kernel), isa);
    (flat.empty() ? valid : broken)++;
    RC_ASSERT(looped == flat);
  }));
  CHECK(valid > 10);
  CHECK(broken > 10);
}

TEST_CASE("what loops write with and without gaps is what they write unrolled") {
  Isa isa = test::integer_machine();
  int valid = 0, broken = 0;
  REQUIRE(rc::check([&] {
    for (int i = 0; i < 40; ++i) {
      Kernel kernel = RandomFills(isa, *rc::gen::arbitrary<std::uint64_t>()).kernel();
      std::string looped = complaint(kernel, isa), flat = complaint(unrolled(kernel), isa);
      (flat.empty() ? valid : broken)++;
      RC_ASSERT(looped == flat);
    }
  }));
  CHECK(valid > 100);
  CHECK(broken > 100);
}

TEST_CASE("distinct instances are those whose other loops are in their first iteration") {
  Isa isa = test::integer_machine();
  REQUIRE(rc::check([&] {
    Kernel kernel = test::RandomLoops(isa, *rc::gen::arbitrary<std::uint64_t>()).kernel();
    LoopFlags depends(kernel.instructions.size(), std::vector<char>(kernel.loops.size(), 0));
    for (auto &flags : depends)
      for (char &flag : flags)
        flag = *rc::gen::arbitrary<bool>();
    std::vector<std::vector<std::uint32_t>> around = enclosing_loops(kernel);
    using Seen = std::pair<std::uint32_t, std::vector<std::int64_t>>;
    std::vector<Seen> expected, found;
    auto note = [](std::vector<Seen> &out, const Instance &instance) {
      out.emplace_back(instance.index, std::vector<std::int64_t>(instance.iteration.begin(),
                                                                 instance.iteration.end()));
    };
    for_each_instance(kernel, [&](const Instance &instance) {
      for (std::size_t d = 0; d < instance.iteration.size(); ++d) {
        std::uint32_t loop = around[instance.index][d];
        if (!depends[instance.index][loop] && instance.iteration[d] != kernel.loops[loop].start)
          return;
      }
      note(expected, instance);
    });
    for_each_distinct_instance(kernel, depends,
                               [&](const Instance &instance) { note(found, instance); });
    RC_ASSERT(found == expected);
  }));
}

TEST_CASE("loops that are too long to be written out are valid, and not unrolled") {
  Isa isa = test::integer_machine();
  Kernel kernel = parse(around("  for t in 0..1048577 {\n    load32(rows=8, from=0, to=0)\n  }\n"
                               "  store32(rows=8, from=0, to=128)\n"),
                        isa);
  CHECK_THROWS_WITH(unrolled(kernel), Catch::Contains("too long to be written out"));
  CHECK_THROWS_WITH(print_kernel(kernel, isa, "flat"), Catch::Contains("too long"));
  CHECK_NOTHROW(print_kernel(kernel, isa, "asm"));
}
