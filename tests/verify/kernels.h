#pragma once
// The hand-written kernels of corpus/ and ways to verify kernels and confirm verdicts in tests.

#include "semantics/hlo.h"
#include "verify/equivalence.h"

#include <catch2/catch.hpp>
#include <limits>

namespace isamorph::verify::test {

inline semantics::TensorGraph program(const std::string &name) {
  return semantics::parse_hlo(
      semantics::read_source(ISAMORPH_SOURCE_DIR "/corpus/qkv/" + name + ".hlo"));
}

/// "qkv/attention"
inline spec::Kernel kernel_file(const std::string &name, const spec::Isa &isa) {
  return spec::parse_kernel(semantics::read_source(ISAMORPH_SOURCE_DIR "/corpus/" + name + ".py"),
                            isa);
}

/// What is found does not depend on how busy the machine is.
inline VerifyOptions at(Level level, bool minimize = false) {
  VerifyOptions options;
  options.tests.time_limit_seconds = std::numeric_limits<double>::infinity();
  options.level = level;
  options.tests.minimize = minimize;
  return options;
}

/// Runs both sides on the counterexample: they differ, and where it says.
inline void confirm(const Verdict &verdict, const semantics::TensorGraph &graph,
                    const spec::Kernel &kernel, const spec::Isa &isa) {
  REQUIRE(verdict.counterexample);
  const Counterexample &c = *verdict.counterexample;
  std::vector<semantics::Tensor> expected = semantics::evaluate(graph, c.inputs, isa.numerics),
                                 actual = sim::Simulator(isa, kernel).run(c.inputs);
  CHECK(expected.at(c.output).bits(c.element) == c.expected);
  CHECK(actual.at(c.output).bits(c.element) == c.actual);
  CHECK_FALSE(equal_element(expected[c.output].shape().type, c.expected, c.actual, verdict.level));
  std::int64_t nonzero = 0;
  for (const semantics::Tensor &input : c.inputs)
    for (std::int64_t i = 0; i < input.elements(); ++i)
      nonzero += input.bits(i) != 0;
  CHECK(nonzero == c.nonzero_inputs);
}

} // namespace isamorph::verify::test
