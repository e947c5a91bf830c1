// Control state, conditions and regions with steps: read, printed, compared, validated and taken
// away.
#include "mover.h"
#include "spec/unroll.h"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace isamorph;
using namespace isamorph::spec;
using isamorph::test::mover;
using semantics::InputError;

namespace {

Isa parse(const std::string &text) { return parse_isa(semantics::make_source("<test>", text)); }

/// The mover with one text replaced by another.
Isa edited(const std::string &from, const std::string &to) {
  std::string text = isamorph::test::mover_source()->text;
  std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return parse(text.replace(at, from.size(), to));
}

Kernel kernel(const std::string &instructions, const Isa &isa, int outputs = 1) {
  return parse_kernel(semantics::make_source(
                          "<kernel>", "kernel k {\n  memory 64\n  input x @ 0 : u8[12]\n"
                                      "  output y @ 12 : u8[" +
                                          std::to_string(outputs) + "]\n" + instructions + "}\n"),
                      isa);
}

std::string refusal(const std::string &instructions, const Isa &isa) {
  try {
    kernel(instructions, isa);
  } catch (const InputError &error) {
    return std::to_string(error.line()) + ": " + error.message();
  }
  return "accepted";
}

/// A store of one byte through the region with steps.
const std::string kStore = "  load(0, 1)\n  scatter(1, 0, 0, 12)\n";

} // namespace

TEST_CASE("an ISA with control prints as one that is equal") {
  for (const Isa &isa : {mover(), load_isa("tpuv1"), load_isa("gemmini_rocc")}) {
    std::string text = print_isa(isa);
    Isa again = parse(text);
    CHECK(print_isa(again) == text);
    CHECK(diff(isa, again).empty());
    REQUIRE(again.instructions.size() == isa.instructions.size());
    for (std::size_t i = 0; i < isa.instructions.size(); ++i) {
      INFO(isa.instructions[i].name);
      REQUIRE(again.instructions[i].ways().size() == isa.instructions[i].ways().size());
      for (std::size_t w = 0; w < isa.instructions[i].ways().size(); ++w)
        CHECK(again.instructions[i].ways()[w].guard == isa.instructions[i].ways()[w].guard);
    }
  }
}

TEST_CASE("an instruction has an arm for each way through its conditions") {
  const Isa isa = mover();
  const Instruction *move = isa.find_instruction("move");
  REQUIRE(move->arms.size() == 4);
  std::vector<std::string> guards, reads;
  for (const Instruction &arm : move->arms) {
    guards.push_back(arm.guard.to_string());
    reads.push_back(isa.buffer(arm.reads.at(0).region.buffer).name);
  }
  CHECK(guards ==
        std::vector<std::string>{"mode == 0 && a < 4", "mode == 0", "count == 0", "1"});
  CHECK(reads == std::vector<std::string>{"r", "r", "t", "q"});
  CHECK(move->attribute_count() == 2);
  CHECK(isa.find_instruction("load")->arms.empty());
}

TEST_CASE("conditions on parameters are decided when the ISA is read") {
  const std::string text = "isa p (N = 1) {\n  buffer m hbm\n  buffer r [4] x u8\n  unit u\n"
                           "  instruction f () [a] {\n    cost unit u\n    reads %x = m[a : 1]\n"
                           "    if N == 1 { writes r[0] = %x } else if N == 2 { writes r[1] = %x }"
                           " else { writes r[2] = %x }\n  }\n}\n";
  for (std::int64_t n : {1, 2, 3}) {
    Isa isa = parse_isa(semantics::make_source("<test>", text), {{"N", n}});
    REQUIRE(isa.instructions[0].arms.empty());
    CHECK(isa.instructions[0].writes.at(0).region.starts.at(0) == semantics::IntExpr(n - 1));
    CHECK(!has_control(isa));
  }
}

TEST_CASE("differences in control are named") {
  using Lines = std::vector<std::string>;
  auto lines = [](const std::string &from, const std::string &to) {
    Isa other = edited(from, to);
    other.name = "new";
    return diff(mover(), other);
  };
  CHECK(lines("count in 0..3 = 0", "count in 0..4 = 0") ==
        Lines{"state count: 0..3 = 0 in mover, 0..4 = 0 in new"});
  CHECK(lines("update after { mode = value }", "update before { mode = value }") ==
        Lines{"instruction set: update before: nothing in mover, mode = value in new",
              "instruction set: update after: mode = value in mover, nothing in new"});
  CHECK(lines("step gap : 2]\n    writes r", "step gap + 1 : 2]\n    writes r").at(0) ==
        "instruction gather: reads: m[from : n step gap : 2] in mover, "
        "m[from : n step gap + 1 : 2] in new");
  CHECK(lines("if a < 4", "if a < 5") ==
        Lines{"instruction move: arm 1: condition: mode == 0 && a < 4 in mover, "
              "mode == 0 && a < 5 in new"});
  CHECK(lines("reads  %x = t[0]\n", "reads  %x = r[0]\n").at(0) ==
        "instruction move: arm 3: reads: t[0 : 1] in mover, r[0 : 1] in new");
}

TEST_CASE("what control state forbids is an error at the instruction") {
  const Isa isa = mover();
  CHECK(refusal("  load(0, 0)\n  load(1, 1)\n  scatter(1, 0, 0, 12)\n", isa) == "accepted");
  CHECK(refusal("  load(0, 0)\n  pop(0)\n", isa) ==
        "6: pop: constraint 'count > 0' does not hold: state count = 0 at instruction 2");
  CHECK(refusal("  load(0, 0)\n  push(0)\n  push(0)\n  push(0)\n  push(0)\n", isa) ==
        "9: push: constraint 'count < 3' does not hold: state count = 3 at instruction 5");
  CHECK(refusal("  set(2)\n", isa) ==
        "5: set: state 'mode' would become 2, which is not in 0..1 at instruction 1");
  CHECK(refusal("  point(5)\n  move(7, 0)\n", isa) ==
        "6: move: reads r[5:1], of which row 5 was never written at instruction 2");
  CHECK(refusal("  load(0, 0)\n  for i in 0..4 {\n    push(0)\n  }\n", isa).find(
            "count = 3 (i=3) at instruction 5") != std::string::npos);
  CHECK(refusal("  gather(0, 0, 1, 0)\n", isa).find("'1 <= n <= 3' does not hold") !=
        std::string::npos);
  CHECK(refusal("  gather(3, 8, 60, 0)\n", isa).find("bytes leave off-chip memory of 64") !=
        std::string::npos);
  CHECK(refusal("  gather(2, 0, 11, 0)\n", isa).find("of which byte 12 was never written") !=
        std::string::npos);
  CHECK(refusal("  gather(2, 0, 9223372036854775807, 0)\n", isa).find("leave") !=
        std::string::npos);
}

TEST_CASE("the order of updates and semantics counts") {
  // `before` moves the base first: the same kernel reads another place.
  const std::string text = "isa o {\n  buffer m hbm\n  buffer r [4] x u8\n  unit u\n"
                           "  state at in 0..3 = 0\n"
                           "  instruction put () [from] {\n    cost unit u\n"
                           "    update ORDER { at = at + 1 }\n"
                           "    reads %x = m[from : 1]\n    writes r[at] = %x\n  }\n}\n";
  auto first_write = [&](const std::string &order) {
    std::string copy = text;
    Isa isa = parse(copy.replace(copy.find("ORDER"), 5, order));
    Kernel k;
    k.off_chip_bytes = 4;
    k.inputs.push_back({"x", 0, {semantics::ElementType::U8, {4}}, nullptr, {}});
    k.instructions = {{0, {2}, {}}, {0, {3}, {}}};
    validate(k, isa);
    Resolved resolved(isa, k);
    std::vector<std::int64_t> places;
    for (const KernelInstruction &call : resolved.kernel().instructions) {
      semantics::Bindings values(call.attributes.begin(), call.attributes.end());
      const Instruction &arm = resolved.isa().instructions[call.instruction];
      places.push_back(instantiate(arm.writes.at(0).region, values)->starts.at(0));
    }
    return places;
  };
  CHECK(first_write("after") == std::vector<std::int64_t>{0, 1});
  CHECK(first_write("before") == std::vector<std::int64_t>{1, 2});
}

TEST_CASE("updates of one list happen at once") {
  Isa isa = parse("isa s {\n  buffer m hbm\n  unit u\n  state a in 0..9 = 1\n  state b in 0..9 = 2\n"
                  "  instruction swap () [] { cost unit u update after { a = b, b = a } }\n"
                  "  instruction both () [] { cost unit u update before { a = b + 1 }"
                  " update after { b = a + 1 } }\n}\n");
  Control control(isa);
  CHECK(control.text() == "a = 1, b = 2");
  control.advance(control.select({0, {}, {}}));
  CHECK(control.text() == "a = 2, b = 1");
  control.advance(control.select({1, {}, {}}));
  CHECK(control.text() == "a = 2, b = 3");
  for (int i = 0; i < 3; ++i)
    control.advance(control.select({1, {}, {}}));
  CHECK(control.text() == "a = 8, b = 9");
  CHECK_THROWS_AS(control.advance(control.select({1, {}, {}})), InputError);
}

TEST_CASE("a loop stays where no iteration changes what matters, else it is unrolled") {
  const Isa isa = mover();
  Kernel uniform = kernel("  load(0, 0)\n  load(1, 1)\n  for i in 0..3 {\n    push(0)\n    pop(4)\n"
                          "    scatter(1, 0, 0, 2*i + 12)\n  }\n",
                          isa);
  // The head of the queue moves on with every turn.
  CHECK(Resolved(isa, uniform).kernel().loops.empty());
  CHECK(Resolved(isa, uniform).kernel().instructions.size() == 11);
  Kernel steady = kernel("  load(0, 0)\n  load(1, 1)\n  for i in 0..3 {\n    set(1)\n    move(0, 5)\n"
                         "    scatter(1, 0, 0, 2*i + 12)\n    set(0)\n  }\n",
                         edited("    } else if count == 0 {\n      reads  %x = t[0]",
                                "    } else if count == 0 {\n      reads  %x = r[1]"));
  Isa other = edited("    } else if count == 0 {\n      reads  %x = t[0]",
                     "    } else if count == 0 {\n      reads  %x = r[1]");
  Resolved resolved(other, steady);
  CHECK(resolved.kernel().loops.size() == 1);
  CHECK(resolved.kernel().instructions.size() == steady.instructions.size());
  CHECK(!has_control(resolved.isa()));
}

TEST_CASE("without control nothing is copied") {
  Isa isa = load_isa("qkv");
  Kernel k;
  Resolved resolved(isa, k);
  CHECK(&resolved.isa() == &isa);
  CHECK(&resolved.kernel() == &k);
}

TEST_CASE("what an interpreter written by hand forbids, validation forbids, and nothing else") {
  const Isa isa = mover();
  int refused = 0;
  REQUIRE(rc::check("validity", [&] {
    std::mt19937_64 engine(*rc::gen::arbitrary<std::uint64_t>());
    test::RandomMoverKernel random = test::random_mover_kernel(isa, engine);
    validate(random.kernel, isa);
    refused += random.refused > 0;
    if (random.refused > 0)
      RC_ASSERT_THROWS_AS(validate(random.not_allowed, isa), InputError);
    std::string text = print_kernel(random.kernel, isa, "asm");
    RC_ASSERT(print_kernel(parse_kernel(semantics::make_source("<again>", text), isa), isa,
                           "asm") == text);
  }));
  CHECK(refused > 30);
}

namespace {

/// An ISA with random conditions, updates and steps, as text.
class RandomIsa {
public:
  explicit RandomIsa(std::uint64_t seed) : engine_(seed) {}

  std::string text() {
    std::string out = "isa random {\n  buffer m hbm\n  buffer r [9] x u8\n  unit u\n";
    for (const char *name : {"s", "t"})
      out += "  state " + std::string(name) + " in -3..9 = " + std::to_string(number(-3, 9)) + "\n";
    for (int i = 0; i < 3; ++i)
      out += "  instruction f" + std::to_string(i) + " (n) [a] {\n    cost unit u, latency " +
             "n*n\n" + (number(0, 1) ? updates("before") : "") + items(2) + "  }\n";
    return out + "}\n";
  }

private:
  int number(int low, int high) { return std::uniform_int_distribution<int>(low, high)(engine_); }

  std::string expression(int depth) {
    static const std::vector<std::string> kLeaves = {"n", "a", "s", "t", "1", "2", "7"};
    static const std::vector<std::string> kOperators = {" + ",  " - ", " * ",  " % ", " / ",
                                                        " == ", " < ", " && ", " || "};
    if (depth == 0)
      return kLeaves[static_cast<std::size_t>(number(0, 6))];
    return "(" + expression(depth - 1) + kOperators[static_cast<std::size_t>(number(0, 8))] +
           expression(depth - 1) + ")";
  }

  std::string updates(const std::string &when) {
    std::string out = "    update " + when + " { s = " + expression(number(0, 2));
    return out + (number(0, 1) ? ", t = " + expression(1) : "") + " }\n";
  }

  /// Reads, writes and conditions; names are new, so that one way has none twice.
  std::string items(int depth) {
    std::string name = "x" + std::to_string(next_++);
    std::string out = "    reads %" + name + " = m[" + expression(1) +
                      (number(0, 1) ? " : n step " + expression(1) : " : 1") + " : 1]\n";
    if (out.find("step") == std::string::npos)
      out = "    reads %" + name + " = m[" + expression(1) + " : 1]\n    writes r[" +
            expression(number(0, 1)) + "] = %" + name + "\n";
    else
      out += "    update after { t = " + expression(1) + " }\n";
    if (depth > 0 && number(0, 2) > 0) {
      out += "    if " + expression(1) + " == s {\n" + items(depth - 1) + "    }";
      out += number(0, 1) ? " else {\n" + items(depth - 1) + "    }\n" : "\n";
    }
    return out.find("update after") != out.rfind("update after") ? without_updates(out) : out;
  }

  /// One variable is updated once in a list.
  static std::string without_updates(std::string text) {
    for (std::size_t at; (at = text.rfind("    update after")) != text.find("    update after");)
      text.erase(at, text.find('\n', at) + 1 - at);
    return text;
  }

  std::mt19937_64 engine_;
  int next_ = 0;
};

} // namespace

TEST_CASE("random ISAs with control print as ISAs that print the same and are equal") {
  std::size_t arms = 0, read = 0;
  REQUIRE(rc::check("round trip", [&] {
    std::string text = RandomIsa(*rc::gen::arbitrary<std::uint64_t>()).text();
    std::optional<Isa> isa;
    try {
      isa = parse(text);
    } catch (const InputError &) {
      return; // an arm that does nothing, a constant that leaves its buffer
    }
    ++read;
    for (const Instruction &instruction : isa->instructions)
      arms += instruction.arms.size();
    Isa again = parse(print_isa(*isa));
    RC_ASSERT(print_isa(again) == print_isa(*isa));
    RC_ASSERT(diff(*isa, again).empty());
    RC_ASSERT(Arms(again).isa.instructions.size() == Arms(*isa).isa.instructions.size());
  }));
  CHECK(read > 20);
  CHECK(arms > 50);
}

TEST_CASE("exactly one arm applies, the one that its conditions say") {
  const Isa isa = mover();
  Arms arms(isa);
  for (std::int64_t mode : {0, 1})
    for (std::int64_t count = 0; count < 4; ++count)
      for (std::int64_t a : {0, 3, 4, 8}) {
        // a, b, count, head, mode, base
        semantics::Bindings values = {a, 5, count, 0, mode, 0};
        std::vector<std::uint32_t> apply;
        std::uint32_t first = arms.first[7];
        for (std::uint32_t i = first; i < arms.first[8]; ++i) {
          bool holds = true;
          for (const IntExpr &constraint : arms.isa.instructions[i].constraints)
            holds &= constraint.evaluate(values) != 0;
          if (holds)
            apply.push_back(i - first);
        }
        CHECK(apply == std::vector<std::uint32_t>{mode == 0    ? (a < 4 ? 0u : 1u)
                                                  : count == 0 ? 2u
                                                               : 3u});
      }
}
