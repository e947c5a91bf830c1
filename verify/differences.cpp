#include "verify/differences.h"
#include "verify/parameter_shapes.h"
#include "verify/term_values.h"

#include <algorithm>
#include <bit>
#include <fmt/format.h>

namespace isamorph::verify {
namespace {

using semantics::is_float;
using semantics::Shape;
using semantics::Tensor;

bool meets_non_finite(const TermGraph &terms, std::span<const std::uint64_t> values) {
  for (std::uint32_t t = 0; t < values.size(); ++t)
    if (!semantics::is_finite(terms[{t}].type, values[t]))
      return true;
  return false;
}

bool meets_denormal(const TermGraph &terms, std::span<const std::uint64_t> values) {
  for (std::uint32_t t = 0; t < values.size(); ++t)
    if (is_denormal(terms[{t}].type, values[t]))
      return true;
  return false;
}

bool both_zero(ElementType type, std::uint64_t a, std::uint64_t b) {
  return is_float(type) && semantics::decode(type, a) == 0 && semantics::decode(type, b) == 0;
}

/// Differing elements of one test: those that differ by a sign of zero alone, and others.
struct Differing {
  std::int64_t zero_signs = 0, others = 0;
};
Differing count(std::span<const Tensor> expected, std::span<const Tensor> actual) {
  Differing out;
  for (std::size_t r = 0; r < expected.size(); ++r) {
    ElementType type = expected[r].shape().type;
    for (std::int64_t i = 0; i < expected[r].elements(); ++i) {
      std::uint64_t e = expected[r].bits(i), a = actual[r].bits(i);
      if (!equal_element(type, e, a, Level::Bits))
        ++(both_zero(type, e, a) ? out.zero_signs : out.others);
    }
  }
  return out;
}

} // namespace

std::string DifferenceKinds::to_string() const {
  std::vector<std::string> parts;
  if (zero_signs)
    parts.emplace_back("in the sign of zero");
  if (non_finite)
    parts.emplace_back("where NaN or infinity arises");
  if (denormals)
    parts.emplace_back("where denormals arise");
  if (other)
    parts.emplace_back("elsewhere");
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i)
    out += (i == 0 ? "" : i + 1 == parts.size() ? " and " : ", ") + parts[i];
  return out;
}

DifferenceKinds classify_differences(const semantics::TensorGraph &graph,
                                     const sim::Simulator &simulator, const TermGraph &terms,
                                     std::uint64_t seed, int tests) {
  DifferenceKinds out;
  std::vector<Shape> shapes = parameter_shapes(graph);
  for (int i = 0; i < tests; ++i) {
    std::vector<Tensor> inputs = test_input(shapes, Level::Bits, seed, i);
    Differing found =
        count(semantics::evaluate(graph, inputs, terms.profile()), simulator.run(inputs));
    out.zero_signs += found.zero_signs;
    if (!found.others)
      continue;
    std::vector<std::uint64_t> values = evaluate_terms(terms, inputs);
    (meets_non_finite(terms, values) ? out.non_finite
     : meets_denormal(terms, values) ? out.denormals
                                     : out.other) += found.others;
  }
  return out;
}

UlpHistogram measure_ulps(const semantics::TensorGraph &graph, const sim::Simulator &simulator,
                          const semantics::NumericsProfile &profile,
                          const DifferentialOptions &options, int tests) {
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin = Clock::now();
  auto out_of_time = [&] {
    std::chrono::duration<double> spent = Clock::now() - begin;
    return spent.count() > options.time_limit_seconds ||
           (options.interrupt && options.interrupt->load());
  };
  UlpHistogram out;
  std::vector<Shape> shapes = parameter_shapes(graph);
  for (int i = 0; i < tests && !out_of_time(); ++i, ++out.tests) {
    std::vector<Tensor> inputs = test_input(shapes, Level::Real, options.seed, plain_index(i));
    std::vector<Tensor> expected = semantics::evaluate(graph, inputs, profile),
                        actual = simulator.run(inputs);
    for (std::size_t r = 0; r < expected.size(); ++r) {
      ElementType type = expected[r].shape().type;
      for (std::int64_t e = 0; is_float(type) && e < expected[r].elements(); ++e) {
        std::uint64_t a = expected[r].bits(e), b = actual[r].bits(e);
        if (!semantics::is_finite(type, a) || !semantics::is_finite(type, b))
          continue;
        std::uint64_t distance = semantics::ulp_distance(type, a, b);
        auto bucket = static_cast<std::size_t>(std::bit_width(distance));
        out.counts.resize(std::max(out.counts.size(), bucket + 1));
        ++out.counts[bucket];
        out.max = std::max(out.max, distance);
      }
    }
  }
  return out;
}

} // namespace isamorph::verify
