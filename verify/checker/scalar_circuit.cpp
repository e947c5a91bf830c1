#include "verify/checker/scalar_circuit.h"

#include "semantics/soft_elementwise.h"

#include <fmt/format.h>

namespace isamorph::verify {

using semantics::ElementType;
using semantics::Level;
using semantics::OpCode;

namespace {

semantics::CompareDirection direction(const ScalarNode &node) {
  return node.op == OpCode::Compare
             ? static_cast<semantics::CompareDirection>(
                   node.attributes.get_one(semantics::AttributeKey::Direction))
             : semantics::CompareDirection::EQ;
}

/// What stands for a node's value where it is an operand: operations take all NaNs alike, so that a
/// sign need not be taken apart from them.
Wire as_operand(const ScalarNode &node, const std::vector<Wire> &operands, const Wire &value) {
  if (!semantics::is_float(node.type) || (node.op != OpCode::Negate && node.op != OpCode::Abs))
    return value;
  semantics::SoftFloat<Wire> arithmetic(semantics::float_format(node.type));
  return node.op == OpCode::Negate ? arithmetic.opposite(operands[0])
                                   : arithmetic.unsigned_value(operands[0]);
}

/// Equal bits; any NaN equals any NaN, and at weaker levels any zero any zero.
Wire same(ElementType type, const Wire &a, const Wire &b, Level level) {
  Wire out = equal(a, b);
  if (!semantics::is_float(type))
    return out;
  semantics::SoftFloat<Wire> arithmetic(semantics::float_format(type));
  out = out | (arithmetic.is_nan(a) & arithmetic.is_nan(b));
  if (level == Level::Bits)
    return out;
  return out | (arithmetic.is_float_zero(a) & arithmetic.is_float_zero(b));
}

} // namespace

std::optional<ScalarCircuit> scalar_circuit(Circuit &circuit, const ScalarClaim &claim, Level level,
                                            const semantics::NumericsProfile &profile) {
  semantics::SoftElementwise<Wire> arithmetic(profile);
  ScalarCircuit out;
  std::vector<Wire> variables, used;
  for (std::size_t v = 0; v < claim.variables.size(); ++v)
    variables.push_back(
        circuit.variable("x" + std::to_string(v), semantics::value_bits(claim.variables[v])));
  for (const ScalarNode &node : claim.nodes) {
    int bits = semantics::value_bits(node.type);
    if (node.op == OpCode::Parameter || node.op == OpCode::Constant) {
      out.nodes.push_back(node.op == OpCode::Parameter ? variables[node.value]
                                                       : circuit.constant({bits, node.value}));
      used.push_back(out.nodes.back());
    } else {
      std::vector<ElementType> types;
      std::vector<Wire> operands;
      for (std::uint32_t operand : node.operands) {
        types.push_back(claim.nodes[operand].type);
        operands.push_back(used[operand]);
      }
      auto value = arithmetic.apply(node.op, direction(node), types, operands, node.type);
      if (!value)
        return std::nullopt;
      out.nodes.push_back(*value);
      used.push_back(as_operand(node, operands, *value));
    }
    if (level == Level::Bits || !semantics::is_float(node.type))
      continue;
    semantics::SoftFloat<Wire> own(semantics::float_format(node.type));
    out.premises.push_back(own.is_finite(out.nodes.back()));
    if (node.op == OpCode::Parameter && semantics::flushes(profile, node.type))
      out.premises.push_back(~own.is_denormal(out.nodes.back()));
  }
  out.conclusion =
      same(claim.nodes[claim.left].type, out.nodes[claim.left], out.nodes[claim.right], level);
  return out;
}

std::optional<Obligation> circuit_obligation(const std::string &name, const ScalarClaim &claim,
                                             Level level,
                                             const semantics::NumericsProfile &profile) {
  Circuit circuit;
  auto parts = scalar_circuit(circuit, claim, level, profile);
  if (!parts)
    return std::nullopt;
  std::vector<Wire> assertions = parts->premises;
  assertions.push_back(~*parts->conclusion);
  return Obligation{name, "(set-logic QF_BV)\n" + circuit.smtlib(assertions) + "(check-sat)\n"};
}

std::optional<std::vector<std::uint64_t>> model_values(const ScalarClaim &claim,
                                                       const std::string &model) {
  std::vector<std::uint64_t> out;
  for (std::size_t v = 0; v < claim.variables.size(); ++v) {
    std::size_t at = model.find("(define-fun x" + std::to_string(v) + " ()");
    std::size_t digits = at == std::string::npos ? at : model.find('#', at);
    if (digits == std::string::npos || digits + 2 >= model.size())
      return std::nullopt;
    int base = model[digits + 1] == 'x' ? 16 : 2;
    out.push_back(std::stoull(model.substr(digits + 2, 64), nullptr, base));
  }
  return out;
}

semantics::NumericsProfile scalar_profile(semantics::NumericsProfile profile) {
  using semantics::DenormalWay;
  profile.dot = profile.reduce = {};
  profile.elementwise.nan = profile.conversion.nan = {}; // any NaN equals any NaN
  std::string denormals = "as of " + profile.name;
  if (profile.denormal_exceptions.empty() && profile.denormals != DenormalWay::FlushAfter) {
    bool flush = profile.denormals == DenormalWay::Flush;
    profile.flush_narrowing = profile.flush_narrowing && !flush; // flushed already
    denormals = flush ? "flushed" : profile.flush_narrowing ? "flushed by narrowing" : "kept";
  }
  std::string computed =
      profile.compute ? std::string(semantics::name(*profile.compute)) : "the element type";
  // What is said of single elements beyond that goes by the profile's name.
  bool more = profile.elementwise != semantics::ElementNumerics{} ||
              profile.conversion != semantics::ElementNumerics{} || !profile.functions.empty();
  std::string own = more ? ", elements as of " + profile.name : "";
  profile.name = fmt::format("computed in {}, denormals {}{}", computed, denormals, own);
  return profile;
}

std::vector<semantics::NumericsProfile> scalar_profiles() {
  using semantics::DenormalWay;
  std::vector<semantics::NumericsProfile> out;
  auto add = [&](semantics::NumericsProfile profile) {
    profile = scalar_profile(std::move(profile));
    if (std::ranges::find(out, profile) == out.end())
      out.push_back(std::move(profile));
  };
  std::vector<semantics::NumericsProfile> plain;
  for (semantics::NumericsProfile shipped : semantics::shipped_numerics())
    if (semantics::rounds_plainly(shipped) && shipped.functions.empty())
      plain.push_back(std::move(shipped));
  for (DenormalWay way : {DenormalWay::Keep, DenormalWay::Flush})
    for (semantics::NumericsProfile profile : plain) {
      profile.denormals = way;
      profile.denormal_exceptions.clear();
      add(std::move(profile));
    }
  for (const semantics::NumericsProfile &shipped : plain)
    if (!shipped.denormal_exceptions.empty() || shipped.denormals == DenormalWay::FlushAfter)
      add(shipped);
  return out;
}

} // namespace isamorph::verify
