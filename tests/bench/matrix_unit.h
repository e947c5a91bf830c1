#pragma once
// The product of two square s8 matrices on the matrix unit, one multiply instruction for each
// triple of tiles.

#include "spec/kernel.h"

namespace isamorph::test {

/// For matrices of 16 * tiles rows and columns.
inline spec::Isa matrix_unit(std::int64_t tiles) {
  return spec::parse_isa(semantics::read_source(ISAMORPH_SOURCE_DIR "/tests/bench/matrix_unit.isa"),
                         {{"TILES", tiles}});
}

/// Inputs a and b, output c = a b in s32; `looped`: as three nested loops instead of written out.
inline std::string matrix_product_text(std::int64_t tiles, bool looped) {
  std::int64_t panel = tiles * 256;
  std::string n = std::to_string(16 * tiles), text = "kernel product {\n";
  auto line = [&](const std::string &words) { text += words + "\n"; };
  auto number = [](std::int64_t value) { return std::to_string(value); };
  line("memory " + number(6 * tiles * panel));
  line("input a @ 0 : s8[" + n + "," + n + "]");
  line("input b @ " + number(tiles * panel) + " : s8[" + n + "," + n + "]");
  line("output c @ " + number(2 * tiles * panel) + " : s32[" + n + "," + n + "]");
  for (std::int64_t i = 0; i < 2 * tiles; ++i)
    line("load(from=" + number(i * panel) + ", to=" + number(i * tiles) + ")");
  auto multiply = [&](const char *name, std::int64_t i, std::int64_t j, std::int64_t k) {
    line(std::string(name) + "(a=" + number(i * tiles + k) +
         ", b=" + number((tiles + k) * tiles + j) + ", c=" + number(i * tiles + j) + ")");
  };
  if (looped) {
    std::string t = number(tiles), index = "c=" + t + "*i + j)";
    line("for i in 0.." + t + " {\nfor j in 0.." + t + " {");
    line("multiply(a=" + t + "*i, b=j + " + number(tiles * tiles) + ", " + index);
    line("for k in 1.." + t + " {");
    line("multiply_add(a=" + t + "*i + k, b=" + t + "*k + j + " + number(tiles * tiles) + ", " +
         index);
    line("}\n}\n}");
  } else {
    for (std::int64_t i = 0; i < tiles; ++i)
      for (std::int64_t j = 0; j < tiles; ++j)
        for (std::int64_t k = 0; k < tiles; ++k)
          multiply(k == 0 ? "multiply" : "multiply_add", i, j, k);
  }
  for (std::int64_t i = 0; i < tiles; ++i)
    line("store(from=" + number(i * tiles) + ", to=" + number((2 * tiles + 4 * i) * panel) + ")");
  return text + "}\n";
}
inline spec::Kernel matrix_product(const spec::Isa &isa, std::int64_t tiles, bool looped) {
  return spec::parse_kernel(semantics::make_source("product", matrix_product_text(tiles, looped)),
                            isa);
}

} // namespace isamorph::test
