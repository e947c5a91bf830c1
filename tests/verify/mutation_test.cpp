// The verifier against mutants of proved kernels: every single change of an address by one, exchange of two attributes' values,
// removal, duplication and exchange of neighbouring instructions. Each mutant is refused by the ISA's static rules, or
// `different` with an input that evaluator and simulator confirm, or `equivalent` and then no test shows a difference.
#include "semantics/hlo.h"
#include "verify/equivalence.h"

#include <catch2/catch.hpp>

using namespace isamorph;

namespace {

struct Subject {
  const char *kernel, *program, *isa;
  verify::Level level;
  int least_mutants;
};

std::vector<spec::Kernel> mutants(const spec::Kernel &kernel, const spec::Isa &isa) {
  std::vector<spec::Kernel> out;
  auto with = [&](auto change) {
    spec::Kernel mutant = kernel;
    change(mutant.instructions);
    out.push_back(std::move(mutant));
  };
  for (std::size_t i = 0; i < kernel.instructions.size(); ++i) {
    const spec::Instruction &instruction = isa.instructions[kernel.instructions[i].instruction];
    for (std::size_t a = instruction.computational; a < instruction.attribute_count(); ++a) {
      for (int step : {-128, -64, -2, -1, 1, 2, 64, 128}) // by one, by an element, by a row of bytes, by a tile
        with([&](auto &list) { list[i].attributes[a] += step; });
      for (std::size_t b = a + 1; b < instruction.attribute_count(); ++b)
        with([&](auto &list) { std::swap(list[i].attributes[a], list[i].attributes[b]); });
    }
    with([&](auto &list) { list.erase(list.begin() + static_cast<std::ptrdiff_t>(i)); });
    with([&](auto &list) { list.insert(list.begin() + static_cast<std::ptrdiff_t>(i), list[i]); });
    if (i + 1 < kernel.instructions.size())
      with([&](auto &list) { std::swap(list[i], list[i + 1]); });
  }
  return out;
}

struct Count {
  int refused = 0, different = 0, equivalent = 0, unknown = 0;
};

/// Evaluator and simulator on the verdict's own input.
void confirm(const verify::Counterexample &found, const semantics::TensorGraph &graph, const spec::Isa &isa,
             const spec::Kernel &kernel, verify::Level level) {
  auto expected = semantics::evaluate(graph, found.inputs, isa.numerics);
  auto actual = sim::Simulator(isa, kernel).run(found.inputs);
  semantics::ElementType type = expected[found.output].shape().type;
  std::uint64_t e = expected[found.output].bits(found.element), a = actual[found.output].bits(found.element);
  CHECK(e == found.expected);
  CHECK(a == found.actual);
  CHECK_FALSE(verify::equal_element(type, e, a, level));
}

void differential(const semantics::TensorGraph &graph, const spec::Isa &isa, const spec::Kernel &kernel, verify::Level level) {
  std::vector<semantics::Shape> shapes;
  for (semantics::NodeId p : graph.parameters)
    shapes.push_back(graph[p].shape);
  sim::Simulator simulator(isa, kernel);
  for (int i = 0; i < 18; ++i) {
    // At finite, specials may meet infinity on one side only; the plain styles stay clear of it.
    auto inputs = verify::test_input(shapes, level, 99, level == verify::Level::Bits ? i : i % 3);
    auto expected = semantics::evaluate(graph, inputs, isa.numerics), actual = simulator.run(inputs);
    for (std::size_t t = 0; t < expected.size(); ++t)
      for (std::int64_t n = 0; n < expected[t].elements(); ++n)
        if (!verify::equal_element(expected[t].shape().type, expected[t].bits(n), actual[t].bits(n), level))
          FAIL("an equivalent mutant differs at element " << n << " of test " << i);
  }
}

void classify(const spec::Kernel &kernel, const spec::Isa &isa, const semantics::TensorGraph &graph, const Subject &subject,
              Count &count) {
  std::string text;
  for (const spec::KernelInstruction &step : kernel.instructions)
    text += spec::to_string(step, isa) + "\n";
  INFO(text);
  verify::VerifyOptions options;
  options.level = subject.level;
  options.tests.minimize = false;
  verify::Verdict verdict;
  try {
    verdict = verify::verify_kernel(kernel, isa, graph, options);
  } catch (const semantics::InputError &) {
    ++count.refused;
    return;
  }
  INFO(verdict.reason);
  switch (verdict.outcome) {
  case verify::Outcome::Equivalent:
    ++count.equivalent;
    differential(graph, isa, kernel, subject.level);
    break;
  case verify::Outcome::Different:
    ++count.different;
    REQUIRE(verdict.counterexample);
    confirm(*verdict.counterexample, graph, isa, kernel, subject.level);
    break;
  default:
    ++count.unknown;
    FAIL_CHECK("unknown");
  }
}

} // namespace

TEST_CASE("no mutant of a proved kernel is misjudged, and none is unknown") {
  using verify::Level;
  const Subject subjects[] = {{"qkv/identity.py", "qkv/identity.hlo", "qkv", Level::Bits, 30},
                              {"qkv/matmul.py", "qkv/matmul.hlo", "qkv", Level::Bits, 80},
                              {"qkv/softmax.py", "qkv/softmax.hlo", "qkv", Level::Finite, 90},
                              {"qkv/attention.py", "qkv/attention.hlo", "qkv", Level::Bits, 150},
                              {"qkv_new/attention.py", "qkv/attention.hlo", "qkv_new", Level::Bits, 160}};
  int different = 0;
  for (const Subject &subject : subjects) {
    INFO(subject.kernel);
    std::string corpus = std::string(ISAMORPH_SOURCE_DIR) + "/corpus/";
    spec::Isa isa = spec::load_isa(subject.isa);
    semantics::TensorGraph graph = semantics::parse_hlo(semantics::read_source(corpus + subject.program));
    spec::Kernel kernel = spec::parse_kernel(semantics::read_source(corpus + subject.kernel), isa);
    verify::VerifyOptions options;
    options.level = subject.level;
    REQUIRE(verify::verify_kernel(kernel, isa, graph, options).outcome == verify::Outcome::Equivalent);
    Count count;
    std::vector<spec::Kernel> all = mutants(kernel, isa);
    for (const spec::Kernel &mutant : all)
      classify(mutant, isa, graph, subject, count);
    WARN(subject.kernel << ": " << all.size() << " mutants: " << count.refused << " refused, " << count.different
                        << " different, " << count.equivalent << " equivalent, " << count.unknown << " unknown");
    CHECK(static_cast<int>(all.size()) >= subject.least_mutants);
    CHECK(count.unknown == 0);
    CHECK(count.equivalent > 0);
    different += count.different;
  }
  CHECK(different > 100);
}
