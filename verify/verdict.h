#pragma once
// What a verification says. A verdict is never a bool: equal needs a proof, different a witness,
// unknown a reason.

#include "semantics/rules.h"
#include "semantics/tensor.h"

#include <optional>
#include <string>
#include <vector>

namespace isamorph::verify {

using semantics::Level;

enum class Outcome : std::uint8_t { Equivalent, Different, Unknown };
std::string_view name(Outcome outcome); ///< "equivalent", "different", "unknown"

/// An input on which both evaluator and simulator were run and gave different results.
struct Counterexample {
  std::vector<semantics::Tensor> inputs;  ///< in parameter order
  std::int64_t nonzero_inputs = 0;        ///< how many input elements are not +0
  std::uint32_t output = 0;               ///< which result
  std::int64_t element = 0;               ///< row-major index in it
  std::uint64_t expected = 0, actual = 0; ///< bits: graph's, kernel's
  std::int64_t mismatches = 0;            ///< elements that differ over all outputs
};

/// Distances between finite float results of two programs, in units in the last place of the
/// result type: counts[0] elements are equal, counts[k] differ by at least 2^(k-1) and less than
/// 2^k. Pairs with a NaN or an infinity are left out.
struct UlpHistogram {
  std::vector<std::int64_t> counts;
  std::uint64_t max = 0;
  std::int64_t tests = 0;
};
/// "0 ulp: 4000, 1 ulp: 90, 2-3 ulp: 6"
std::string to_string(const UlpHistogram &histogram);

struct Verdict {
  Outcome outcome = Outcome::Unknown;
  Level level = Level::Bits;            ///< at which `outcome` holds
  std::string reach;                    ///< "this shape, every input" and the like
  std::string reason;                   ///< one sentence for people
  std::vector<std::string> lemmas;      ///< names of scalar lemmas the proof used
  std::vector<std::uint32_t> induction; ///< Equivalent: the kernel's loops over which it went
  std::optional<Counterexample> counterexample;
  std::int64_t terms = 0;             ///< size of the symbolic DAG
  std::int64_t tests = 0;             ///< differential tests that were run
  std::optional<Level> equivalent_at; ///< Different: a weaker level at which they are equal
  std::optional<UlpHistogram> ulps;   ///< differences seen, when equal at `real` only
};

} // namespace isamorph::verify
