#include "verify/isa_check.h"

#include <catch2/catch.hpp>

using namespace isamorph;
using verify::Severity;

namespace {

/// A small machine around one instruction.
verify::IsaCheck check_instruction(const std::string &instruction) {
  std::string text = "isa test {\n"
                     "  buffer m hbm\n"
                     "  buffer r [128] x bf16[64]\n"
                     "  buffer grid [4, 8] x f32\n"
                     "  buffer acc f32[16]\n"
                     "  numerics xla_cpu\n"
                     "  unit alu\n" +
                     instruction + "\n}\n";
  return verify::check_isa(spec::parse_isa(semantics::make_source("test.isa", text)));
}

std::string messages(const verify::IsaCheck &check) {
  std::string out;
  for (const verify::IsaFinding &finding : check.findings)
    out += std::string(verify::name(finding.severity)) + ": " + finding.message + "\n";
  return out;
}

struct Mistake {
  const char *name, *instruction, *expected;
};

} // namespace

TEST_CASE("the shipped ISAs are well-typed for all attribute values", "[slow]") {
  for (const std::string &name : spec::shipped_isa_names()) {
    verify::IsaCheck check = verify::check_isa(spec::load_isa(name));
    INFO(name << "\n" << messages(check));
    CHECK(check.findings.empty());
    CHECK(check.obligations > 20);
    CHECK(check.proved == check.obligations);
  }
}

TEST_CASE("planted mistakes are found with a counterexample", "[slow]") {
  const Mistake mistake = GENERATE(
      Mistake{"a transposing load without n == 64", R"(
        instruction load_cm (n) [from, to] {
          reads %x = m[from : n*128]
          writes r[to : n] = %t
          where 1 <= n, n <= 128
          cost unit alu
          semantics {
            %y = u8[n,64,2] reshape(%x)
            %z = bf16[n,64] bitcast-convert(%y)
            %t = bf16[64,n] transpose(%z), dimensions={1,0}
          }
        })",
              "size of dimension 0 of the written %t: 64 must be equal to n = 1, which fails for n "
              "= 1"},
      Mistake{
          "a broadcast along the wrong dimension", R"(
        instruction soft (n) [at] {
          reads %x = r[at : n]
          writes r[at : n] = %y
          where 1 <= n, n <= 64
          cost unit alu
          semantics {
            %s = bf16[n] reduce_add(%x), dimensions={1}
            %b = bf16[n,64] broadcast(%s), dimensions={1}
            %y = bf16[n,64] divide(%x, %b)
          }
        })",
          "%b = broadcast: size of dimension 1: 64 must be equal to n = 1, which fails for n = 1"},
      Mistake{"an extent larger than its buffer", R"(
        instruction move (n) [from, to] {
          reads %x = r[from : n]
          writes r[to : n] = %x
          where 1 <= n, n <= 129
          cost unit alu
        })",
              "the extent of %x in dimension 0 of buffer 'r': n = 129 must be at most 128, which "
              "fails for n = 129"},
      Mistake{"an extent that may be negative", R"(
        instruction move (n) [from, to] {
          reads %x = r[from : n]
          writes r[to : n] = %x
          where n <= 128
          cost unit alu
        })",
              "0 must be at most n = -1, which fails for n = -1"},
      Mistake{"conditions that contradict each other", R"(
        instruction move (n) [from, to] {
          reads %x = r[from : n]
          writes r[to : n] = %x
          where n % 4 == 1, n % 2 == 0, 1 <= n, n <= 128
          cost unit alu
        })",
              "can never run: no attribute values satisfy `where n % 4 == 1, n % 2 == 0, 1 <= n, n "
              "<= 128`"},
      Mistake{"a latency that may be negative", R"(
        instruction move (n) [from, to] {
          reads %x = r[from : n]
          writes r[to : n] = %x
          where 1 <= n, n <= 128
          cost unit alu, latency 100 - n
        })",
              "the latency: 0 must be at most 100 - n = -"},
      Mistake{"bytes that may be negative", R"(
        instruction move (n) [from, to] {
          reads %x = r[from : n]
          writes r[to : n] = %x
          where 1 <= n, n <= 128
          cost unit alu, bytes n*n - 4
        })",
              "the bytes: 0 must be at most n*n - 4 = -3, which fails for n = 1"},
      Mistake{"a reshape that loses elements", R"(
        instruction load (n) [from, to] {
          reads %x = m[from : n*64]
          writes r[to : n] = %z
          where 1 <= n, n <= 128
          cost unit alu
          semantics {
            %y = u8[n,64,2] reshape(%x)
            %z = bf16[n,64] bitcast-convert(%y)
          }
        })",
              "%y = reshape: the number of elements"},
      Mistake{"a slice past the end", R"(
        instruction cut (n) [from, to] {
          reads %x = r[from : 64]
          writes r[to : n] = %y
          where 1 <= n, n <= 64
          cost unit alu
          semantics { %y = bf16[n,64] slice(%x), slice={[`1`:`n+1`], [0:64]} }
        })",
              "the limit of dimension 0: n + 1 = 65 must be at most 64, which fails for n = 64"},
      Mistake{"a concatenate of too many rows", R"(
        instruction join (n, k) [a, b, to] {
          reads %x = r[a : n]
          reads %y = r[b : k]
          writes r[to : n] = %z
          where 1 <= n, n <= 64, 0 <= k, k <= 64
          cost unit alu
          semantics { %z = bf16[n,64] concatenate(%x, %y), dimensions={0} }
        })",
              "%z = concatenate: size of dimension 0: n = 1 must be equal to n + k = 2"},
      Mistake{"contracting sizes that differ", R"(
        instruction gemm (n) [a, b, to] {
          reads %x = r[a : 64]
          reads %y = r[b : n]
          writes r[to : 64] = %z
          where 1 <= n, n <= 64
          cost unit alu
          semantics { %z = bf16[64,64] dot(%x, %y), lhs_contracting_dims={1}, rhs_contracting_dims={0} }
        })",
              "%z = dot: contracting sizes: 64 must be equal to n = 1"},
      Mistake{"element-wise operands of different sizes", R"(
        instruction plus (n, k) [a, b] {
          reads %x = r[a : n]
          reads %y = r[b : k]
          writes r[a : n] = %z
          where 1 <= n, n <= 64, 1 <= k, k <= 64
          cost unit alu
          semantics { %z = bf16[n,64] add(%x, %y) }
        })",
              "%z = add: size of dimension 0 of operand 1: n = "},
      Mistake{"a bitcast of the wrong width", R"(
        instruction load (n, k) [from, to] {
          reads %x = m[from : n*64*k]
          writes r[to : n] = %z
          where 1 <= n, n <= 128, 1 <= k, k <= 2
          cost unit alu
          semantics {
            %y = u8[n,64,k] reshape(%x)
            %z = bf16[n,64] bitcast-convert(%y)
          }
        })",
              "%z = bitcast-convert: the narrow tensor's last dimension: k = 1 must be equal to 2, "
              "which fails for k = 1"},
      Mistake{"a type error that no attribute can mend", R"(
        instruction plus (n) [a] {
          reads %x = r[a : n]
          writes r[a : n] = %x
          where 0 <= n, n <= 128
          cost unit alu
          semantics {
            %y = f32[n,64] convert(%x)
            %z = bf16[n,64] add(%x, %y)
          }
        })",
              "%z: add: element types differ: bf16 and f32"},
      Mistake{"a second addressed dimension that is too small", R"(
        instruction move (n) [i, j] {
          reads %x = grid[i : 4, j : n]
          writes grid[i : 4, j : n] = %x
          where 0 <= n, n <= 16
          cost unit alu
        })",
              "in dimension 1 of buffer 'grid': n = 9 must be at most 8, which fails for n = 9"});
  verify::IsaCheck check = check_instruction(mistake.instruction);
  INFO(mistake.name << "\n" << messages(check));
  CHECK(check.has(Severity::Error));
  CHECK_FALSE(check.has(Severity::Unknown));
  CHECK(check.proved < check.obligations);
  CHECK(messages(check).find(mistake.expected) != std::string::npos);
  for (const verify::IsaFinding &finding : check.findings)
    CHECK(finding.location.source);
}

TEST_CASE("what the solver is not asked is unknown, not fine") {
  verify::IsaCheck check = check_instruction(R"(
    instruction move (n, k) [from, to] {
      reads %x = r[from : n/k]
      writes r[to : n/k] = %x
      where 1 <= k, 0 <= n, n <= 128
      cost unit alu
    })");
  INFO(messages(check));
  CHECK(check.has(Severity::Unknown));
  CHECK_FALSE(check.has(Severity::Error));
}

TEST_CASE("an attribute without influence is a warning") {
  verify::IsaCheck check = check_instruction(R"(
    instruction move (n) [from, to] {
      reads %x = r[from]
      writes r[to] = %x
      where 0 <= n, n <= 3
      cost unit alu, latency n
    })");
  CHECK(messages(check) ==
        "warning: move: attribute 'n' has no influence on what the instruction does\n");
  CHECK(check.proved == check.obligations);
}

TEST_CASE("windows of any attribute are typed as infer_shape types them") {
  auto convolve = [](const std::string &where, const std::string &window, const std::string &size) {
    return R"(
        instruction depthwise (n) [from, kernel, to] {
          reads %x = r[from : n]
          reads %k = r[kernel : 3]
          writes r[to : )" +
           size + R"(] = %y
          where )" +
           where + R"(
          cost unit alu
          semantics {
            %a = bf16[1,n,64] reshape(%x)
            %b = bf16[3,1,64] reshape(%k)
            %c = bf16[1,`)" +
           size + R"(`,64] convolution(%a, %b), window={size=3 )" + window +
           R"(}, dim_labels=b0f_0io->b0f, feature_group_count=64
            %y = bf16[`)" +
           size + R"(`,64] reshape(%c)
          }
        })";
  };
  auto pool = [](const std::string &size) {
    return R"(
        instruction pool (n) [from, to] {
          reads %x = r[from : n]
          writes r[to : )" +
           size + R"(] = %y
          where 2 <= n, n <= 64
          cost unit alu
          semantics {
            %z = bf16[] constant(0)
            %y = bf16[`)" +
           size + R"(`,64] reduce-window(%x, %z), window={size=2x1 stride=2x1}, to_apply=maximum
          }
        })";
  };
  auto checked = [](const std::string &text) { return messages(check_instruction(text)); };
  CHECK(checked(convolve("3 <= n, n <= 64", "", "n-2")).empty());
  CHECK(checked(convolve("1 <= n, n <= 64", "pad=1_1", "n")).empty());
  CHECK(checked(convolve("1 <= n, n <= 32", "pad=2_2 lhs_dilate=2", "2*n+1")).empty());
  CHECK(checked(convolve("5 <= n, n <= 64", "rhs_dilate=2 stride=2", "(n-3)/2")).empty());
  CHECK(checked(convolve("3 <= n, n <= 64", "pad=1_1", "n-2")).find("size of dimension 1") !=
        std::string::npos);
  CHECK(checked(convolve("3 <= n, n <= 64", "stride=2", "(n-2)/2")).find("size of dimension 1") !=
        std::string::npos);
  CHECK(checked(pool("n/2")).empty());
  CHECK(checked(pool("(n+1)/2")).find("size of dimension 0") != std::string::npos);
}
