#pragma once
// Claims about single elements as obligations of bit-vector logic: the circuits are the evaluator's
// arithmetic under a numerics profile (semantics/soft_elementwise.h), flushed denormals included.

#include "verify/checker/bitvector_circuit.h"
#include "verify/checker/obligation.h"
#include "verify/checker/scalar_claim.h"

namespace isamorph::verify {

/// How a profile rounds single elements: without its dots and reductions. The name says how.
semantics::NumericsProfile scalar_profile(semantics::NumericsProfile profile);
/// The distinct ways of rounding of single elements: those of the shipped profiles that round
/// plainly (semantics::rounds_plainly) and compute functions, with denormals kept and flushed. A
/// shipped profile with its own functions does + - * / as one of these.
std::vector<semantics::NumericsProfile> scalar_profiles();

/// The claim in one circuit.
struct ScalarCircuit {
  std::vector<Wire> nodes;        ///< the claim's, in order
  std::vector<Wire> premises;     ///< of one bit each
  std::optional<Wire> conclusion; ///< of one bit
};

/// nullopt when an operation has no circuit. Variable i is named "x<i>".
std::optional<ScalarCircuit> scalar_circuit(Circuit &circuit, const ScalarClaim &claim,
                                            semantics::Level level,
                                            const semantics::NumericsProfile &profile);

/// Valid if and only if the claim holds at `bits` or `finite` under the profile.
std::optional<Obligation> circuit_obligation(const std::string &name, const ScalarClaim &claim,
                                             semantics::Level level,
                                             const semantics::NumericsProfile &profile);

/// The variables' values in a solver's model of such an obligation; nullopt when one is missing.
std::optional<std::vector<std::uint64_t>> model_values(const ScalarClaim &claim,
                                                       const std::string &model);

} // namespace isamorph::verify
