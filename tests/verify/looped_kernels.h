#pragma once
// Kernels with loops for the integer machine, and the programs that they compute.

#include "tests/integer/machine.h"

#include <fmt/format.h>

namespace isamorph::verify::test {

inline semantics::TensorGraph graph_of(const std::string &text) {
  return semantics::parse_hlo(semantics::make_source("program", "HloModule m\n" + text));
}

inline spec::Kernel kernel_of(const std::string &text, const spec::Isa &isa) {
  return spec::parse_kernel(semantics::make_source("kernel", text), isa);
}

/// A kernel of 8 rows of four s32 at 0, whose results of 8 rows are at 128; scratch from 256.
inline std::string rows_kernel(const std::string &body) {
  return "kernel rows {\n  memory 512\n  input x @ 0 : s32[8,4]\n  output y @ 128 : s32[8,4]\n" +
         body + "}\n";
}

inline const char *const kIdentity =
    "ENTRY e { x = s32[8,4] parameter(0) ROOT y = s32[8,4] copy(x) }";
inline const char *const kDouble =
    "ENTRY e { x = s32[8,4] parameter(0) ROOT y = s32[8,4] add(x, x) }";
inline const char *const kReverse =
    "ENTRY e { x = s32[8,4] parameter(0) ROOT y = s32[8,4] reverse(x), dimensions={0} }";
inline const char *const kHalves = "ENTRY e { x = s32[8,4] parameter(0) "
                                   "a = s32[4,4] slice(x), slice={[0:4], [0:4]} "
                                   "b = s32[4,4] slice(x), slice={[4:8], [0:4]} "
                                   "ROOT y = s32[8,4] concatenate(b, a), dimensions={0} }";
inline const char *const kSums = "ENTRY e { x = s32[8,4] parameter(0) "
                                 "t = s32[4,8] transpose(x), dimensions={1,0} "
                                 "r = s32[4,4,2] reshape(t) "
                                 "u = s32[4,4,2] reverse(r), dimensions={2} "
                                 "w = s32[4,8] reshape(u) "
                                 "z = s32[8,4] transpose(w), dimensions={1,0} "
                                 "ROOT y = s32[8,4] add(x, z) }";

struct Rows {
  const char *program, *body, *induction; ///< variables, or "" where unrolling must do
};

/// Correct kernels.
inline const Rows kRows[] = {
    {kIdentity,
     "for i in 0..8 { load32(rows=1, from=16*i, to=3) store32(rows=1, from=3, "
     "to=16*i + 128) }",
     "i"},
    {kDouble,
     "for i in 2..10 { load32(rows=1, from=16*i - 32, to=0) accumulate(rows=1, from=0, "
     "to=0) store32(rows=1, from=0, to=16*i + 96) }",
     "i"},
    {kReverse,
     "for i in 0..8 { load32(rows=1, from=16*i, to=0) store32(rows=1, from=0, "
     "to=240 - 16*i) }",
     "i"},
    {kReverse,
     "for i in 0..8 step 4 { for j in 0..4 { load32(rows=1, from=16*i + 16*j, to=0) "
     "store32(rows=1, from=0, to=240 - 16*i - 16*j) } }",
     "i, j"},
    {kHalves,
     "for i in 0..4 { load32(rows=1, from=16*i, to=0) load32(rows=1, from=16*i + 64, "
     "to=1) store32(rows=1, from=1, to=16*i + 128) store32(rows=1, from=0, "
     "to=16*i + 192) }",
     "i"},
    // the pair of rows is unrolled, for they are read under other addresses than they were written
    {kSums,
     "for p in 0..4 { for i in 0..2 { load32(rows=1, from=32*p + 16*i, to=i) } "
     "accumulate(rows=1, from=0, to=1) store32(rows=1, from=1, to=32*p + 128) "
     "store32(rows=1, from=1, to=32*p + 144) }",
     "p"},
    // one nest leaves rows on chip for the next, which takes them by twos
    {kIdentity,
     "for i in 0..4 { for r in 0..2 { load32(rows=1, from=32*i + 16*r, to=2*i + r) } } "
     "for i in 0..4 { store32(rows=2, from=2*i, to=32*i + 128) }",
     "i, i"},
    // what is loaded before the loop is the same in all iterations
    {"ENTRY e { x = s32[8,4] parameter(0) f = s32[1,4] slice(x), slice={[0:1], [0:4]} "
     "r = s32[4] reshape(f) b = s32[8,4] broadcast(r), dimensions={1} "
     "ROOT y = s32[8,4] add(x, b) }",
     "load32(rows=1, from=0, to=7) for i in 0..8 { load32(rows=1, from=16*i, to=0) "
     "accumulate(rows=1, from=7, to=0) store32(rows=1, from=0, to=16*i + 128) }",
     "i"},
    // through scratch memory off the chip: of each iteration, and of all
    {kDouble,
     "for i in 0..8 { load32(rows=1, from=16*i, to=0) store32(rows=1, from=0, to=256) "
     "load32(rows=1, from=256, to=1) accumulate(rows=1, from=1, to=0) "
     "store32(rows=1, from=0, to=16*i + 128) }",
     "i"},
    {kDouble,
     "for i in 0..8 { load32(rows=1, from=16*i, to=0) store32(rows=1, from=0, "
     "to=16*i + 256) load32(rows=1, from=16*i + 256, to=1) accumulate(rows=1, from=1, "
     "to=0) store32(rows=1, from=0, to=16*i + 128) }",
     "i"},
    // sums in memory, over rounds: each round, unrolled, adds to what the one before left
    {kDouble,
     "for i in 0..8 { load32(rows=1, from=16*i, to=0) scale(rows=1, factor=0, at=0) "
     "store32(rows=1, from=0, to=16*i + 128) } for k in 0..2 { for i in 0..8 { "
     "load32(rows=1, from=16*i, to=0) load32(rows=1, from=16*i + 128, to=1) "
     "accumulate(rows=1, from=1, to=0) store32(rows=1, from=0, to=16*i + 128) } }",
     "i, i"},
    // sums on the chip, one row for each iteration; two loops within each other, in either order
    {kDouble,
     "for i in 0..8 { load32(rows=1, from=16*i, to=2*i) } for k in 0..1 { for i in 0..8 { "
     "load32(rows=1, from=16*i, to=20) accumulate(rows=1, from=20, to=2*i) } } "
     "for i in 2..10 { store32(rows=1, from=2*i - 4, to=16*i + 96) }",
     "i, i, i"},
    {kIdentity,
     "for i in 0..2 { for j in 0..4 { load32(rows=1, from=64*i + 16*j, to=4*i + j) } } "
     "for j in 0..4 { for i in 0..2 { store32(rows=1, from=4*i + j, to=64*i + 16*j + 128) } }",
     "i, j, j, i"},
    // rows on the chip are used again by each block, and by loops of another name
    {kDouble,
     "for b in 0..2 { for i in 0..4 { load32(rows=1, from=64*b + 16*i, to=i) } "
     "for i in 0..4 { accumulate(rows=1, from=i, to=i) } "
     "for i in 0..4 { store32(rows=1, from=i, to=64*b + 16*i + 128) } }",
     "b, i, i, i"},
    {kIdentity,
     "for i in 0..8 { load32(rows=1, from=16*i, to=i) } "
     "for j in 0..8 { store32(rows=1, from=j, to=16*j + 128) }",
     ""},
    // double buffering: what an iteration loads, the next one doubles; over one row and over two
    {kDouble,
     "load32(rows=1, from=0, to=0) for i in 0..3 { load32(rows=1, from=32*i + 16, to=1) "
     "accumulate(rows=1, from=0, to=0) store32(rows=1, from=0, to=32*i + 128) "
     "load32(rows=1, from=32*i + 32, to=0) accumulate(rows=1, from=1, to=1) "
     "store32(rows=1, from=1, to=32*i + 144) } load32(rows=1, from=112, to=1) "
     "accumulate(rows=1, from=0, to=0) store32(rows=1, from=0, to=224) "
     "accumulate(rows=1, from=1, to=1) store32(rows=1, from=1, to=240)",
     "i"},
    {kDouble,
     "load32(rows=2, from=0, to=0) for i in 0..6 { accumulate(rows=1, from=0, to=0) "
     "store32(rows=1, from=0, to=16*i + 128) store32(rows=1, from=1, to=256) "
     "load32(rows=1, from=256, to=0) load32(rows=1, from=16*i + 32, to=1) } "
     "accumulate(rows=2, from=0, to=0) store32(rows=2, from=0, to=224)",
     "i"},
    // rows on the chip are loaded for the next block
    {kDouble,
     "for j in 0..2 { load32(rows=1, from=16*j, to=j) } for i in 0..3 { for j in 0..2 { "
     "accumulate(rows=1, from=j, to=j) store32(rows=1, from=j, to=32*i + 16*j + 128) } "
     "for j in 0..2 { load32(rows=1, from=32*i + 16*j + 32, to=j) } } "
     "for j in 0..2 { accumulate(rows=1, from=j, to=j) store32(rows=1, from=j, "
     "to=16*j + 224) }",
     "j, i, j, j, j"},
    // the same by zeros: what is carried rests on what the iteration before left
    {kDouble,
     "load32(rows=1, from=0, to=0) for i in 0..7 { load32(rows=1, from=16*i + 16, to=1) "
     "accumulate(rows=1, from=0, to=0) store32(rows=1, from=0, to=16*i + 128) "
     "scale(rows=1, factor=0, at=0) accumulate(rows=1, from=1, to=0) } "
     "accumulate(rows=1, from=0, to=0) store32(rows=1, from=0, to=240)",
     ""},
    // each row but the last is written twice, with the same numbers
    {kIdentity,
     "for i in 0..7 { load32(rows=2, from=16*i, to=0) store32(rows=2, from=0, "
     "to=16*i + 128) }",
     ""},
    // one loop within another, both in every address
    {kIdentity,
     "for i in 0..2 { for j in 0..4 { load32(rows=1, from=64*i + 16*j, to=0) "
     "store32(rows=1, from=0, to=64*i + 16*j + 128) } }",
     "i, j"},
};

/// The product of s8[m,k] and s8[k,n] in tiles of four.
inline std::string product_kernel(std::int64_t m, std::int64_t n, std::int64_t k) {
  std::int64_t b = m * k, c = b + k * n;
  return fmt::format(R"(kernel product {{
  memory {end}
  input a @ 0 : s8[{m},{k}]
  input b @ {b} : s8[{k},{n}]
  output c @ {c} : s32[{m},{n}]
  for i in 0..{m} step 4 {{
    for j in 0..{n} step 4 {{
      zero(to=0)
      for k in 0..{k} step 4 {{
        for r in 0..4 {{
          mvin(rows=1, from={k}*i + k + {k}*r, to=r)
          mvin(rows=1, from=j + {n}*k + {n}*r + {b}, to=r + 4)
        }}
        matmul(a=0, b=4, c=0)
      }}
      for r in 0..4 {{
        store32(rows=1, from=r, to={n4}*i + 4*j + {n4}*r + {c})
      }}
    }}
  }}
}})",
                     fmt::arg("m", m), fmt::arg("n", n), fmt::arg("k", k), fmt::arg("b", b),
                     fmt::arg("c", c), fmt::arg("n4", 4 * n), fmt::arg("end", c + 4 * m * n));
}

inline semantics::TensorGraph product_program(std::int64_t m, std::int64_t n, std::int64_t k) {
  return graph_of(fmt::format(R"(ENTRY product {{
  a = s8[{0},{2}] parameter(0)
  b = s8[{2},{1}] parameter(1)
  x = s32[{0},{2}] convert(a)
  y = s32[{2},{1}] convert(b)
  ROOT c = s32[{0},{1}] dot(x, y), lhs_contracting_dims={{1}}, rhs_contracting_dims={{0}}
}})",
                              m, n, k));
}

} // namespace isamorph::verify::test
