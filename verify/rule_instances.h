#pragma once
// Small instances of rewrite rules, and inputs for them: what refutes a rule, and what a proved one
// is tested with. Everything follows from the seed.

#include "semantics/evaluator.h"
#include "semantics/rules.h"
#include "verify/smallest.h"

#include <random>

namespace isamorph::verify {

/// Both sides of a rule at one choice of its symbols; both are well-typed.
struct SmallInstance {
  semantics::TensorGraph from, to;
  std::string symbols;       ///< "T=bf16, m=2"
  std::int64_t elements = 0; ///< of all parameters
};

/// Up to `count` instances, those with the fewest elements first; none when no choice is found.
/// Sizes are at most 5, element types among the rule's choices.
std::vector<SmallInstance> small_instances(const semantics::RewriteRule &rule, std::size_t count,
                                           std::mt19937_64 &random);

/// What the elements of an input are: -4 to 4; also extremes, infinities, NaN; floats between -4
/// and 4 with full significands; any bits.
enum class InputStyle : std::uint8_t { SmallIntegers, Special, Rounding, AnyBits };
std::vector<semantics::Tensor> random_inputs(const semantics::TensorGraph &graph, InputStyle style,
                                             std::mt19937_64 &random);

/// Where the two sides differ for an input at a level.
struct Difference {
  std::int64_t element = 0;
  std::string left, right;
};
/// nullopt when they agree, or when the level says nothing of this input: at `finite` and `real`
/// when an operand or result on either side is NaN or infinite. At `real` the floats must be f64;
/// they differ when they are further apart than rounding can put them.
std::optional<Difference> difference(const SmallInstance &instance,
                                     std::span<const semantics::Tensor> inputs,
                                     semantics::Level level,
                                     const semantics::NumericsProfile &profile);

/// The smallest inputs found of those for which the sides differ, and whether there are no smaller
/// ones (smallest.h). `inputs` are some for which they do.
Smallest smallest(const SmallInstance &instance, std::vector<semantics::Tensor> inputs,
                  semantics::Level level, const semantics::NumericsProfile &profile,
                  const StopToken &stop);

} // namespace isamorph::verify
