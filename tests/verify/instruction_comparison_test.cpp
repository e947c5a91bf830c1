// Instructions of two ISAs: copies with one operation changed are told apart, other ways of writing
// the same are not.
#include "verify/instruction_comparison.h"

#include <catch2/catch.hpp>

using namespace isamorph;
using semantics::OpCode;
using verify::InstructionComparison;
using Answer = InstructionComparison::Answer;

namespace {

/// The copy of an ISA's text in which `from`, which stands there, is `to`.
spec::Isa changed(const std::string &name, const std::string &from, const std::string &to) {
  std::string text = semantics::read_source(ISAMORPH_SOURCE_DIR "/spec/isa/" + name + ".isa")->text;
  std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  std::string copy = text.replace(at, from.size(), to);
  if (std::size_t include = copy.find("include \""); include != std::string::npos)
    copy.erase(include, copy.find('\n', include) - include);
  return spec::parse_isa(semantics::make_source(name + "_changed", copy));
}

InstructionComparison compare(const std::string &name, const std::string &from,
                              const std::string &to) {
  auto all = verify::compare_instructions(spec::load_isa(name), changed(name, from, to));
  REQUIRE(all.size() == 1);
  return all[0];
}

/// Another operation of the same shapes, for those that have one.
std::optional<OpCode> another(OpCode op) {
  switch (op) {
  case OpCode::Add:
    return OpCode::Subtract;
  case OpCode::Subtract:
  case OpCode::Multiply:
  case OpCode::Divide:
    return OpCode::Add;
  case OpCode::Maximum:
    return OpCode::Minimum;
  case OpCode::Minimum:
    return OpCode::Maximum;
  case OpCode::And:
    return OpCode::Or;
  case OpCode::Xor:
    return OpCode::And;
  case OpCode::Exponential:
    return OpCode::Tanh;
  default:
    return std::nullopt;
  }
}

/// Changes each such operation of each instruction in turn; those that were not told apart. In the
/// fused multiply-add some show in one input of 2^29 only.
std::vector<std::string> undetected(const std::string &name, int &changes) {
  const spec::Isa isa = spec::load_isa(name);
  std::vector<std::string> out;
  auto try_one = [&](std::size_t i, auto body_of) {
    for (std::size_t n = 0; n < body_of(isa.instructions[i]).nodes.size(); ++n) {
      spec::Isa copy = isa;
      auto &op = body_of(copy.instructions[i]).nodes[n].op;
      auto now = std::holds_alternative<OpCode>(op) ? another(std::get<OpCode>(op)) : std::nullopt;
      if (!now)
        continue;
      op = *now;
      ++changes;
      auto found = verify::compare_instructions(isa, copy);
      if (found.size() != 1 || found[0].answer != Answer::Different)
        out.push_back(isa.instructions[i].name + " node " + std::to_string(n));
    }
  };
  for (std::size_t i = 0; i < isa.instructions.size(); ++i) {
    if (isa.instructions[i].name == "mm512_fmadd")
      continue;
    if (isa.instructions[i].arms.empty())
      try_one(
          i, [](auto &instruction) -> auto & { return instruction.body; });
    for (std::size_t w = 0; w < isa.instructions[i].arms.size(); ++w)
      try_one(
          i, [w](auto &instruction) -> auto & { return instruction.arms[w].body; });
  }
  return out;
}

/// tdpbusd one product at a time; `a` and `accumulator` as they are read.
std::string scalar_tdpbusd(const std::string &a, const std::string &accumulator) {
  return R"(
      %a2 = s8[16,64] reshape(%a)
      %b2 = s8[16,64] reshape(%b)
      %au = u8[16,64] bitcast-convert(%a2)
      %aw = )" +
         a + R"(
      %bw = s32[16,64] convert(%b2)
)" + accumulator +
         R"(
      repeat m in 0..16 {
        repeat n in 0..16 {
          %row = s32[] constant(`m`)
          %column = s32[] constant(`n`)
          %o = s32[1,1] dynamic-slice(%acc, %row, %column), dynamic_slice_sizes={1,1}
          repeat k in 0..16 {
            %x = s32[1,4] slice(%aw), slice={[`m`:`m + 1`], [`4*k`:`4*k + 4`]}
            %y = s32[1,4] slice(%bw), slice={[`k`:`k + 1`], [`4*n`:`4*n + 4`]}
            %p = s32[1,1] dot(%x, %y), lhs_contracting_dims={1}, rhs_contracting_dims={1}
            %o = s32[1,1] add(%o, %p)
          }
          %acc = s32[16,16] dynamic-update-slice(%acc, %o, %row, %column)
        }
      }
      %s4 = s8[16,16,4] bitcast-convert(%acc)
)";
}

spec::Isa amx_with(const std::string &body) {
  std::string text = semantics::read_source(ISAMORPH_SOURCE_DIR "/spec/isa/amx.isa")->text;
  std::size_t begin = text.find("%c4 = s8[16,16,4] reshape(%c)"),
              end = text.find("%t = s8[1,16,64] reshape(%s4)");
  REQUIRE(end != std::string::npos);
  text.replace(begin, end - begin, body);
  text.erase(text.find("include \""), 22);
  return spec::parse_isa(semantics::make_source("amx_scalar", text));
}

} // namespace

TEST_CASE("what an instruction means is compared, whatever its text") {
  struct Case {
    const char *isa, *from, *to;
    Answer answer;
    const char *reason;
  };
  for (const Case &c : std::initializer_list<Case>{
           {"amx", "add(%p, %acc)", "add(%acc, %p)", Answer::Proved, "same terms"},
           {"amx", "%au = u8[16,64] bitcast-convert(%a2)", "%au = s8[16,64] copy(%a2)",
            Answer::Different, "tdpbusd(dst="},
           {"amx", "where  dst != src1, dst != src2", "where  dst != src2", Answer::Different,
            "only the second allows it"},
           {"amx", "where  dst != src1, dst != src2", "where  src1 != dst, src2 != dst",
            Answer::NoDifference, "200 runs"},
           {"amx", "direction=GT\n      %z = f32[1,16] select(%p, %x, %y)",
            "direction=GE\n      %z = f32[1,16] select(%p, %x, %y)", Answer::Different,
            "mm512_max(dst="}, // the two zeros
           {"amx", "memory[addr + 15*stride : 64]", "memory[addr + 14*stride : 64]",
            Answer::Different, "tileloadd(dst="},
           {"tpuv1", "fifo_push = (fifo_push + 1) % 4", "fifo_push = (fifo_push + 3) % 4",
            Answer::Different, "state fifo_push becomes"},
       }) {
    INFO(c.from << " -> " << c.to);
    InstructionComparison found = compare(c.isa, c.from, c.to);
    INFO(found.reason);
    CHECK(found.answer == c.answer);
    CHECK(found.reason.find(c.reason) != std::string::npos);
  }
}

TEST_CASE("one changed operation of an instruction is found") {
  int changes = 0;
  for (const char *name : {"amx", "qkv"})
    CHECK(undetected(name, changes) == std::vector<std::string>{});
  CHECK(changes == 9);
}

TEST_CASE("one changed operation of any shipped instruction is found", "[slow]") {
  int changes = 0;
  for (const char *name : {"gemmini", "gemmini_rocc", "tpuv1", "qkv_new"})
    CHECK(undetected(name, changes) == std::vector<std::string>{});
  CHECK(changes == 16);
}

TEST_CASE("a product of tiles written as scalars in loops is the product, or is not", "[slow]") {
  const std::string bytes = "s32[16,64] convert(%a2)";
  const std::string unsigned_bytes = "s32[16,64] convert(%au)";
  const std::string words = "%c4 = s8[16,16,4] reshape(%c)\n"
                            "%acc = s32[16,16] bitcast-convert(%c4)\n";
  const std::string low_bytes = "%c2 = s8[16,64] reshape(%c)\n"
                                "%c3 = s8[16,16] slice(%c2), slice={[0:16], [0:16]}\n"
                                "%acc = s32[16,16] convert(%c3)\n";
  spec::Isa amx = spec::load_isa("amx");
  auto answer = [&](const std::string &a, const std::string &accumulator) {
    auto all =
        verify::compare_instructions(amx, amx_with(scalar_tdpbusd(a, accumulator)), {.runs = 20});
    REQUIRE(all.size() == 1);
    INFO(all[0].reason);
    return all[0].answer;
  };
  CHECK(answer(unsigned_bytes, words) == Answer::Proved);
  CHECK(answer(bytes, words) == Answer::Different);
  CHECK(answer(unsigned_bytes, low_bytes) == Answer::Different);
  CHECK(answer(bytes, low_bytes) == Answer::Different);
}
