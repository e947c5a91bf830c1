#include "verify/checker/scalar_claim.h"

#include "semantics/soft_elementwise.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <fmt/format.h>
#include <limits>

namespace isamorph::verify {

using semantics::ElementType;
using semantics::GraphTemplate;
using semantics::Level;
using semantics::OpCode;
using semantics::ShapeTemplate;
using semantics::TemplateNode;

namespace {

bool is_scalar(const ShapeTemplate &shape) { return !shape.prefix && shape.dims.empty(); }

bool same_sizes(const ShapeTemplate &a, const ShapeTemplate &b) {
  return a.prefix == b.prefix && a.dims == b.dims;
}

/// Reads both sides of a rule into one claim.
class ClaimReader {
public:
  ClaimReader(const semantics::RewriteRule &rule, std::span<const ElementType> types)
      : rule_(rule), types_(types) {}

  std::optional<ScalarClaim> read() {
    const GraphTemplate &from = rule_.from, &to = rule_.to;
    if (from.results.size() != 1 || to.results.size() != 1)
      return std::nullopt;
    const ShapeTemplate &result = from.nodes[from.results[0]].shape;
    if (!same_sizes(result, to.nodes[to.results[0]].shape))
      return std::nullopt;
    if (!always_applies(result))
      return std::nullopt;
    sizes_ = &result;
    for (std::uint32_t p : from.parameters) {
      claim_.names.push_back(from.nodes[p].name);
      claim_.variables.push_back(type(from.nodes[p].shape));
    }
    auto left = side(from), right = side(to);
    if (!left || !right || claim_.nodes[*left].type != claim_.nodes[*right].type)
      return std::nullopt;
    claim_.left = *left;
    claim_.right = *right;
    return std::move(claim_);
  }

private:
  ElementType type(const ShapeTemplate &shape) const {
    const auto *fixed = std::get_if<ElementType>(&shape.type);
    return fixed ? *fixed : types_[std::get<std::uint32_t>(shape.type)];
  }

  /// Some tensor has the shape, so that a witness against the claim is one against the rule.
  bool always_applies(const ShapeTemplate &shape) const {
    return rule_.conditions.empty() &&
           std::all_of(shape.dims.begin(), shape.dims.end(), [](const semantics::IntExpr &size) {
             return size.is_constant() ? size.value() >= 1
                                       : size.op() == semantics::IntOp::Variable;
           });
  }

  /// The claim's node of a side's result.
  std::optional<std::uint32_t> side(const GraphTemplate &graph) {
    std::vector<std::optional<std::uint32_t>> ids(graph.nodes.size());
    for (std::uint32_t i = 0; i < graph.nodes.size(); ++i) {
      const TemplateNode &node = graph.nodes[i];
      if (!is_scalar(node.shape) && !same_sizes(node.shape, *sizes_))
        return std::nullopt;
      auto p = std::find(graph.parameters.begin(), graph.parameters.end(), i);
      ids[i] = p != graph.parameters.end()
                   ? std::optional(add({OpCode::Parameter,
                                        {},
                                        {},
                                        type(node.shape),
                                        static_cast<std::uint64_t>(p - graph.parameters.begin())}))
                   : inner(graph, node, ids);
      if (!ids[i])
        return std::nullopt;
    }
    return ids[graph.results[0]];
  }

  std::optional<std::uint32_t> inner(const GraphTemplate &graph, const TemplateNode &node,
                                     const std::vector<std::optional<std::uint32_t>> &ids) {
    const auto *op = std::get_if<OpCode>(&node.op);
    if (!op)
      return std::nullopt;
    if (*op == OpCode::Constant)
      return constant(node);
    if (*op == OpCode::Broadcast)
      return spread(graph.nodes[node.operands[0]].shape, node) ? ids[node.operands[0]]
                                                               : std::nullopt;
    if (*op != OpCode::Copy && semantics::info(*op).cls != semantics::OpClass::Elementwise)
      return std::nullopt;
    ScalarNode out{*op, {}, {}, type(node.shape), 0};
    for (std::uint32_t operand : node.operands) {
      if (!same_sizes(graph.nodes[operand].shape, node.shape) &&
          !scalar_operand_allowed(*op, graph.nodes[operand].shape))
        return std::nullopt;
      out.operands.push_back(*ids[operand]);
    }
    for (const auto &[key, values] : node.attributes) {
      std::vector<std::int64_t> numbers;
      for (const semantics::IntExpr &e : values) {
        if (!e.is_constant())
          return std::nullopt;
        numbers.push_back(e.value());
      }
      out.attributes.lists.emplace_back(key, std::move(numbers));
    }
    return well_typed(out) ? std::optional(*op == OpCode::Copy ? out.operands[0] : add(out))
                           : std::nullopt;
  }
  bool spread(const ShapeTemplate &scalar, const TemplateNode &node) const {
    return is_scalar(scalar) && type(scalar) == type(node.shape) &&
           std::all_of(node.attributes.begin(), node.attributes.end(),
                       [](const auto &attribute) { return attribute.second.empty(); });
  }
  static bool scalar_operand_allowed(OpCode op, const ShapeTemplate &shape) {
    return is_scalar(shape) && (op == OpCode::Select || op == OpCode::Clamp);
  }

  std::optional<std::uint32_t> constant(const TemplateNode &node) {
    if (!node.literal || node.literal->elements() != 1)
      return std::nullopt;
    // As instantiate() does: a number written for a symbolic type is encoded in the type chosen.
    ElementType to = type(node.shape), written = node.literal->shape().type;
    std::uint64_t bits = node.literal->bits(0);
    if (written != to)
      bits = semantics::encode(to, semantics::decode(written, bits));
    return add({OpCode::Constant, {}, {}, to, bits});
  }

  /// Types as shape inference wants them, and a meaning for them in the evaluator.
  bool well_typed(const ScalarNode &node) const {
    auto operand = [&](std::size_t i) { return claim_.nodes[node.operands[i]].type; };
    switch (node.op) {
    case OpCode::Convert:
      return true;
    case OpCode::Compare:
      return node.type == ElementType::Pred && operand(0) == operand(1);
    case OpCode::Select:
      return operand(0) == ElementType::Pred && operand(1) == node.type && operand(2) == node.type;
    default:
      for (std::size_t i = 0; i < node.operands.size(); ++i)
        if (operand(i) != node.type)
          return false;
      return node.op == OpCode::Copy || has_meaning(node);
    }
  }
  /// Whether the evaluator defines the operation for the type.
  static bool has_meaning(const ScalarNode &node) {
    std::array<std::uint64_t, 3> zeros{};
    std::array<ElementType, 3> types{node.type, node.type, node.type};
    try {
      semantics::evaluate_scalar(node.op, node.attributes, {types.data(), node.operands.size()},
                                 {zeros.data(), node.operands.size()}, node.type,
                                 semantics::shipped_numerics().front());
      return true;
    } catch (const std::logic_error &) {
      return false;
    }
  }

  std::uint32_t add(ScalarNode node) {
    claim_.nodes.push_back(std::move(node));
    return static_cast<std::uint32_t>(claim_.nodes.size() - 1);
  }

  const semantics::RewriteRule &rule_;
  std::span<const ElementType> types_;
  const ShapeTemplate *sizes_ = nullptr;
  ScalarClaim claim_;
};

bool is_denormal(ElementType type, std::uint64_t bits) {
  if (!semantics::is_float(type))
    return false;
  semantics::FloatFormat format = semantics::float_format(type);
  std::uint64_t magnitude = bits & ((std::uint64_t{1} << (format.width() - 1)) - 1);
  return magnitude != 0 && magnitude >> (format.precision - 1) == 0;
}

bool is_zero(ElementType type, std::uint64_t bits) {
  return semantics::is_float(type)
             ? (bits & ((std::uint64_t{1} << (8 * semantics::byte_size(type) - 1)) - 1)) == 0
             : bits == 0;
}

bool same(ElementType type, std::uint64_t a, std::uint64_t b, Level level) {
  if (a == b || (semantics::is_nan(type, a) && semantics::is_nan(type, b)))
    return true;
  return level != Level::Bits && semantics::is_float(type) && is_zero(type, a) && is_zero(type, b);
}

} // namespace

std::optional<ScalarClaim> scalar_claim(const semantics::RewriteRule &rule,
                                        std::span<const ElementType> types) {
  return ClaimReader(rule, types).read();
}

std::vector<std::uint64_t> evaluate(const ScalarClaim &claim, std::span<const std::uint64_t> values,
                                    const semantics::NumericsProfile &profile) {
  std::vector<std::uint64_t> out;
  for (const ScalarNode &node : claim.nodes) {
    if (node.op == OpCode::Parameter || node.op == OpCode::Constant) {
      out.push_back(node.op == OpCode::Constant ? node.value : values[node.value]);
      continue;
    }
    std::array<ElementType, 3> types{};
    std::array<std::uint64_t, 3> operands{};
    for (std::size_t i = 0; i < node.operands.size(); ++i) {
      types[i] = claim.nodes[node.operands[i]].type;
      operands[i] = out[node.operands[i]];
    }
    out.push_back(
        semantics::evaluate_scalar(node.op, node.attributes, {types.data(), node.operands.size()},
                                   {operands.data(), node.operands.size()}, node.type, profile));
  }
  return out;
}

std::optional<ScalarWitness> refutes(const ScalarClaim &claim, Level level,
                                     const semantics::NumericsProfile &profile,
                                     std::span<const std::uint64_t> inputs) {
  std::vector<std::uint64_t> values = evaluate(claim, inputs, profile);
  std::uint64_t left = values[claim.left], right = values[claim.right];
  if (same(claim.nodes[claim.left].type, left, right, level))
    return std::nullopt;
  if (level != Level::Bits)
    for (std::size_t i = 0; i < values.size(); ++i) {
      const ScalarNode &node = claim.nodes[i];
      if (!semantics::is_finite(node.type, values[i]) ||
          (node.op == OpCode::Parameter && is_denormal(node.type, values[i]) &&
           semantics::flushes(profile, node.type)))
        return std::nullopt;
    }
  return ScalarWitness{{inputs.begin(), inputs.end()}, left, right};
}

std::uint32_t reading_cost(ElementType type, std::uint64_t bits) {
  constexpr std::uint32_t one = 1u << 26, exponent_unit = 1u << 12, digit = 1u << 4;
  bool negative = (bits >> (semantics::value_bits(type) - 1) & 1) && type != ElementType::Pred &&
                  !semantics::is_unsigned_integer(type);
  if (is_zero(type, bits))
    return negative ? one + 1 : 0;
  auto cost = [&](std::uint32_t exponent, int digits) {
    return one + exponent * exponent_unit + static_cast<std::uint32_t>(digits) * digit + negative;
  };
  if (!semantics::is_float(type)) {
    std::uint64_t magnitude =
        negative ? 0 - (bits | (~std::uint64_t{0} << (semantics::value_bits(type) - 1))) : bits;
    int length = std::bit_width(magnitude);
    return cost(static_cast<std::uint32_t>(length - 1), length - std::countr_zero(magnitude));
  }
  if (semantics::is_nan(type, bits))
    return cost(4000, 60);
  if (!semantics::is_finite(type, bits))
    return cost(3000, 0);
  semantics::FloatFormat format = semantics::float_format(type);
  int fraction_bits = format.precision - 1;
  std::uint64_t fraction = bits & ((std::uint64_t{1} << fraction_bits) - 1);
  int field = static_cast<int>(bits >> fraction_bits & ((1u << format.exponent_bits) - 1));
  int exponent = field ? field - format.bias()
                       : format.smallest() - fraction_bits + std::bit_width(fraction) - 1;
  int digits = fraction == 0 ? 1
               : field       ? format.precision - std::countr_zero(fraction)
                             : std::bit_width(fraction) - std::countr_zero(fraction);
  return cost(static_cast<std::uint32_t>(std::abs(exponent)), digits);
}

namespace {

/// The more of them are wanted, the more exponents and fractions.
std::vector<std::uint64_t> boundary_values(ElementType type, bool many) {
  std::vector<std::uint64_t> out;
  auto both_signs = [&](std::uint64_t bits) {
    out.push_back(bits);
    out.push_back(bits | std::uint64_t{1} << (semantics::value_bits(type) - 1));
  };
  if (type == ElementType::Pred)
    return {0, 1};
  if (!semantics::is_float(type)) {
    int width = semantics::value_bits(type);
    std::uint64_t top = ~std::uint64_t{0} >> (64 - width);
    for (std::uint64_t x : {0, 1, 2, 3, 5, 7})
      out.insert(out.end(), {x, top - x, (top >> 1) - x, (top >> 1) + 1 + x});
    return out;
  }
  semantics::FloatFormat format = semantics::float_format(type);
  int p = format.precision, bias = format.bias();
  std::uint64_t ulps = (std::uint64_t{1} << (p - 1)) - 1;
  std::vector<int> exponents = {0, 1, -p, bias, format.smallest()};
  std::vector<std::uint64_t> fractions = {0, (ulps + 1) / 2, ulps};
  if (many) {
    exponents.insert(exponents.end(), {-1, 2, -2, 3, -3, 7, 1 - p, -p - 1, p - 1, p, p + 1,
                                       bias - 1, format.smallest() + 1, bias / 2, -bias / 2});
    fractions.insert(fractions.end(), {1, (ulps + 1) / 4, ulps / 3, ulps - 1});
  }
  for (std::uint64_t special : {std::uint64_t{0}, semantics::encode(type, HUGE_VAL)})
    both_signs(special);
  out.push_back(semantics::encode(type, std::numeric_limits<double>::quiet_NaN()));
  for (std::uint64_t denormal : {std::uint64_t{1}, ulps})
    both_signs(denormal);
  for (int exponent : exponents)
    for (std::uint64_t fraction : fractions)
      both_signs(static_cast<std::uint64_t>(exponent + bias) << (p - 1) | fraction);
  return out;
}

std::uint32_t total_cost(const ScalarClaim &claim, std::span<const std::uint64_t> inputs) {
  std::uint32_t cost = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    cost += reading_cost(claim.variables[i], inputs[i]);
  return cost;
}

} // namespace

std::optional<ScalarWitness> boundary_witness(const ScalarClaim &claim, Level level,
                                              const semantics::NumericsProfile &profile) {
  std::size_t variables = claim.variables.size();
  constexpr std::size_t few = 2, most = 4;
  if (variables > most)
    return std::nullopt;
  std::vector<std::vector<std::uint64_t>> values;
  for (ElementType type : claim.variables) {
    values.push_back(boundary_values(type, variables <= few));
    if (variables == most) // the first of each: zeros, infinities, NaN, and numbers near 1
      values.back().resize(std::min<std::size_t>(values.back().size(), 20));
  }
  std::optional<ScalarWitness> best;
  std::uint32_t best_cost = 0;
  std::vector<std::size_t> at(variables, 0);
  std::vector<std::uint64_t> inputs(variables);
  while (true) {
    for (std::size_t v = 0; v < variables; ++v)
      inputs[v] = values[v][at[v]];
    std::uint32_t cost = total_cost(claim, inputs);
    if (!best || cost < best_cost)
      if (auto witness = refutes(claim, level, profile, inputs)) {
        best = std::move(witness);
        best_cost = cost;
      }
    std::size_t v = 0;
    while (v < variables && ++at[v] == values[v].size())
      at[v++] = 0;
    if (v == variables)
      return best;
  }
}

std::string text(const ScalarClaim &claim, const ScalarWitness &witness) {
  std::string out;
  for (std::size_t i = 0; i < witness.inputs.size(); ++i)
    out += fmt::format("{}{} = {}", i ? ", " : "", claim.names[i],
                       semantics::element_text(claim.variables[i], witness.inputs[i]));
  ElementType type = claim.nodes[claim.left].type;
  return out + fmt::format(": {} against {}", semantics::element_text(type, witness.left),
                           semantics::element_text(type, witness.right));
}

} // namespace isamorph::verify
