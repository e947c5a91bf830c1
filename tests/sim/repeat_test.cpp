// Loops in semantics: a product written as scalars in loops is the product of matrices.
#include "sim/simulator.h"

#include <catch2/catch.hpp>

using namespace isamorph;
using semantics::Tensor;

namespace {

/// One instruction whose operand is a matrix A above a matrix B, and whose result is A*B.
spec::Isa machine(const std::string &semantics) {
  return spec::parse_isa(semantics::make_source("<machine>", R"(isa machine (M = 2, N = 4, K = 3) {
  buffer m hbm
  buffer c s32[M,N]
  unit u
  instruction product () [from] {
    cost unit u
    reads %x = m[from : 4*M*K + 4*K*N]
    writes c = %c
    semantics {
      %p = u8[`4*M*K`] slice(%x), slice={[0:`4*M*K`]}
      %q = u8[`4*K*N`] slice(%x), slice={[`4*M*K`:`4*M*K + 4*K*N`]}
      %pb = u8[M,K,4] reshape(%p)
      %qb = u8[K,N,4] reshape(%q)
      %a = s32[M,K] bitcast-convert(%pb)
      %b = s32[K,N] bitcast-convert(%qb)
)" + semantics + R"(
    }
  }
  instruction store () [to] {
    cost unit u
    reads %x = c
    writes m[to : 4*M*N] = %z
    semantics {
      %y = u8[M,N,4] bitcast-convert(%x)
      %z = u8[`4*M*N`] reshape(%y)
    }
  }
}
)"));
}

const std::string kWhole =
    "%c = s32[M,N] dot(%a, %b), lhs_contracting_dims={1}, rhs_contracting_dims={0}";

std::string scalar_loops(const std::string &column) {
  return R"(
      %z = s32[] constant(0)
      %c = s32[M,N] broadcast(%z), dimensions={}
      repeat i in 0..M {
        repeat j in 0..N {
          repeat k in 0..K {
            %l = s32[1,1] slice(%a), slice={[`i`:`i + 1`], [`k`:`k + 1`]}
            %r = s32[1,1] slice(%b), slice={[`k`:`k + 1`], [`j`:`j + 1`]}
            %t = s32[1,1] multiply(%l, %r)
            %row = s32[] constant(`i`)
            %column = s32[] constant(`)" +
         column + R"(`)
            %o = s32[1,1] dynamic-slice(%c, %row, %column), dynamic_slice_sizes={1,1}
            %u = s32[1,1] add(%o, %t)
            %c = s32[M,N] dynamic-update-slice(%c, %u, %row, %column)
          }
        }
      })";
}

Tensor run(const spec::Isa &isa) {
  spec::Kernel kernel = spec::parse_kernel(
      semantics::make_source("<kernel>", "kernel k {\n  memory 200\n  input x @ 0 : s32[18]\n"
                                         "  output y @ 72 : s32[2,4]\n  product(0)\n  store(72)\n}\n"),
      isa);
  Tensor in({semantics::ElementType::S32, {18}});
  for (std::int64_t i = 0; i < 18; ++i)
    in.set_bits(i, static_cast<std::uint32_t>(i * i * 1234567 - 7));
  return sim::Simulator(isa, kernel).run({&in, 1}).at(0);
}

} // namespace

TEST_CASE("a product in scalar loops is the product of matrices") {
  spec::Isa whole = machine(kWhole), loops = machine(scalar_loops("j"));
  CHECK(run(loops) == run(whole));
  CHECK(!(run(machine(scalar_loops("j / 2"))) == run(whole)));
  CHECK(!spec::diff(whole, loops).empty());
}

TEST_CASE("a body with loops prints as one without, which is the same") {
  spec::Isa loops = machine(scalar_loops("j"));
  std::string text = spec::print_isa(loops);
  spec::Isa again = spec::parse_isa(semantics::make_source("<printed>", text));
  CHECK(spec::print_isa(again) == text);
  CHECK(text.find("repeat") == std::string::npos);
  CHECK(run(again) == run(loops));
  CHECK(spec::diff(loops, again).empty());
}
