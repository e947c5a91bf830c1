#pragma once
// Attention with several independent heads, all of whose results are wanted.

#include "semantics/hlo.h"

#include <fmt/format.h>

namespace isamorph::bench {

inline semantics::TensorGraph attention_heads(int count) {
  std::string text = "HloModule heads\nadd { a = bf16[] parameter(0)\n b = bf16[] parameter(1)\n"
                     " ROOT sum = bf16[] add(a, b) }\nENTRY main {\n zero = bf16[] constant(0)\n";
  std::string shapes, results;
  for (int i = 0; i < count; ++i)
    for (int j = 0; j < 3; ++j)
      text += fmt::format(" {}{} = bf16[64,64] parameter({})\n", "qkv"[j], i, 3 * i + j);
  for (int i = 0; i < count; ++i) {
    text += fmt::format(
        R"( s{0} = bf16[64,64] dot(q{0}, k{0}), lhs_contracting_dims={{1}}, rhs_contracting_dims={{1}}
 e{0} = bf16[64,64] exponential(s{0})
 r{0} = bf16[64] reduce(e{0}, zero), dimensions={{1}}, to_apply=add
 b{0} = bf16[64,64] broadcast(r{0}), dimensions={{0}}
 p{0} = bf16[64,64] divide(e{0}, b{0})
 o{0} = bf16[64,64] dot(p{0}, v{0}), lhs_contracting_dims={{1}}, rhs_contracting_dims={{0}}
)",
        i);
    shapes += (i ? ", " : "") + std::string("bf16[64,64]");
    results += (i ? ", " : "") + fmt::format("o{}", i);
  }
  text += fmt::format(" ROOT t = ({}) tuple({})\n}}\n", shapes, results);
  return semantics::parse_hlo(semantics::make_source("<bench>", text));
}

} // namespace isamorph::bench
