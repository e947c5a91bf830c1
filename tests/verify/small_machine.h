#pragma once
// A machine with one instruction, and what a verification says of it.

#include "kernels.h"

namespace isamorph::verify::test {

/// A machine of four words of T in a register, to whose instructions a test adds one, `work`, from
/// %x to %y.
inline spec::Isa small_isa(const std::string &type, int bytes, const std::string &body,
                           const std::string &numerics = "numerics xla_cpu") {
  std::string n = std::to_string(bytes), size = std::to_string(4 * bytes);
  std::string view = bytes == 1 ? "" : "," + n;
  return spec::parse_isa(
      semantics::make_source("small.isa", "isa small {\n  buffer m hbm\n  buffer r " + type +
                                              "[4]\n  " + numerics + R"(
  unit u
  instruction load () [from] {
    reads  %x = m[from : )" + size + R"(]
    writes r = %z
    cost   unit u
    semantics {
      %y = u8[4)" + view + R"(] reshape(%x)
      %z = )" + type + R"([4] bitcast-convert(%y)
    }
  }
  instruction work () {
    reads  %x = r
    writes r = %y
    cost   unit u
    semantics {
)" + body + R"(
    }
  }
  instruction store () [to] {
    reads  %x = r
    writes m[to : )" + size + R"(] = %z
    cost   unit u
    semantics {
      %y = u8[4)" + view + R"(] bitcast-convert(%x)
      %z = u8[)" + size + R"(] reshape(%y)
    }
  }
}
)"));
}

/// Loads, works `times` times and stores; the output may have another type of the same size.
inline spec::Kernel small_kernel(const spec::Isa &isa, const std::string &in,
                                 const std::string &out, int bytes, int times = 1) {
  std::string size = std::to_string(4 * bytes),
              text = "kernel small {\n  memory " + std::to_string(8 * bytes) +
                     "\n  input a @ 0 : " + in + "[4]\n  output b @ " + size + " : " + out +
                     "[4]\n  load(from=0)\n";
  for (int i = 0; i < times; ++i)
    text += "  work()\n";
  return spec::parse_kernel(
      semantics::make_source("small.asm", text + "  store(to=" + size + ")\n}\n"), isa);
}

inline semantics::TensorGraph graph(const std::string &body) {
  return semantics::parse_hlo(
      semantics::make_source("program.hlo", "HloModule p\nENTRY p {\n" + body + "\n}\n"));
}

/// The verdict on one `work` against a program, confirmed where it is a refutation.
inline Verdict judge(const std::string &work, const std::string &program, Level level,
                     const std::string &type = "f32", const std::string &result = "f32",
                     int bytes = 4, const std::string &numerics = "numerics xla_cpu") {
  spec::Isa isa = small_isa(type, bytes, work, numerics);
  spec::Kernel kernel = small_kernel(isa, type, result, bytes);
  semantics::TensorGraph p = graph(program);
  Verdict verdict = verify_kernel(kernel, isa, p, at(level));
  if (verdict.outcome == Outcome::Different)
    confirm(verdict, p, kernel, isa);
  return verdict;
}

} // namespace isamorph::verify::test
