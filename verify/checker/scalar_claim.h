#pragma once
// A claim about single elements: two expressions of element-wise operations over the same variables
// have the same value. Rules whose two sides are element-wise come down to one for each choice of
// element types, because every element stands at the same index: what holds for every value of the
// variables holds for tensors of every shape.

#include "semantics/evaluator.h"
#include "semantics/rules.h"

#include <optional>

namespace isamorph::verify {

/// Operands stand before their users.
struct ScalarNode {
  semantics::OpCode op = semantics::OpCode::Parameter; ///< Parameter, Constant or element-wise
  std::vector<std::uint32_t> operands;
  semantics::Attributes attributes;
  semantics::ElementType type = semantics::ElementType::F32;
  std::uint64_t value = 0; ///< Parameter: the variable's index; Constant: its bits
};

struct ScalarClaim {
  std::vector<std::string> names; ///< of the variables
  std::vector<semantics::ElementType> variables;
  std::vector<ScalarNode> nodes;
  std::uint32_t left = 0, right = 0; ///< claimed to be equal; of the same type
};

/// The claim that a rule makes when its type symbols stand for `types`; nullopt when the rule is
/// about more than single elements, or has operations that stand for any operation.
std::optional<ScalarClaim> scalar_claim(const semantics::RewriteRule &rule,
                                        std::span<const semantics::ElementType> types);

/// The value of every node.
std::vector<std::uint64_t> evaluate(const ScalarClaim &claim, std::span<const std::uint64_t> values,
                                    const semantics::NumericsProfile &profile);

/// Values of the variables for which a claim fails, and what its two sides give.
struct ScalarWitness {
  std::vector<std::uint64_t> inputs;
  std::uint64_t left = 0, right = 0;
  bool operator==(const ScalarWitness &) const = default;
};

/// The witness that these inputs are against the claim at `bits` or `finite` (design, section 5).
std::optional<ScalarWitness> refutes(const ScalarClaim &claim, semantics::Level level,
                                     const semantics::NumericsProfile &profile,
                                     std::span<const std::uint64_t> inputs);

/// How far a value is from what a reader grasps at once: sums over several values compare first by
/// how many are not +0, then by their exponents' distance from 0, then by their significant bits,
/// then by how many are negative. NaN is the farthest, then infinity.
std::uint32_t reading_cost(semantics::ElementType type, std::uint64_t bits);

/// The cheapest witness among boundary values: signed zeros, small numbers, numbers near the ends
/// of the range and of the precision, denormals, infinities, NaN.
std::optional<ScalarWitness> boundary_witness(const ScalarClaim &claim, semantics::Level level,
                                              const semantics::NumericsProfile &profile);

/// "x = 1, y = 0x1p-8: 1 against 1.0078125"
std::string text(const ScalarClaim &claim, const ScalarWitness &witness);

} // namespace isamorph::verify
