#include "verify/rule_encoder.h"

#include "verify/checker/smt_arithmetic.h"
#include "verify/rule_parts.h"

#include <cmath>

namespace isamorph::verify {

using semantics::AttributeKey;
using semantics::ElementType;
using semantics::GraphTemplate;
using semantics::IntExpr;
using semantics::OpCode;
using semantics::ShapeTemplate;
using semantics::TemplateNode;

RuleEncoder::RuleEncoder(const semantics::RewriteRule &rule, const GraphTemplate &from,
                         const GraphTemplate &to, Encoding encoding)
    : rule_(rule), from_(from), to_(to), encoding_(std::move(encoding)) {}

// Sizes and types

std::string RuleEncoder::smt(const IntExpr &e) const { return integer_term(e, &divisors_); }

std::size_t RuleEncoder::components(const ShapeTemplate &shape) const {
  return shape.dims.size() + (shape.prefix ? 1 : 0);
}

std::string RuleEncoder::size(const ShapeTemplate &shape, std::size_t component) const {
  if (shape.prefix && component == 0)
    return "N_" + rule_.symbols.shapes.names[*shape.prefix];
  return smt(shape.dims[component - (shape.prefix ? 1 : 0)]);
}

std::string RuleEncoder::elements(const ShapeTemplate &shape) const {
  std::vector<std::string> factors;
  for (std::size_t c = 0; c < components(shape); ++c)
    factors.push_back(size(shape, c));
  return factors.empty() ? "1" : factors.size() == 1 ? factors[0] : call("*", factors);
}

std::string RuleEncoder::type_name(const ShapeTemplate &shape) const {
  if (const auto *type = std::get_if<ElementType>(&shape.type))
    return std::string(name(*type));
  return rule_.symbols.types.names[std::get<std::uint32_t>(shape.type)];
}

std::optional<ElementType> RuleEncoder::type_of(const ShapeTemplate &shape) const {
  if (const auto *type = std::get_if<ElementType>(&shape.type))
    return *type;
  auto symbol = std::get<std::uint32_t>(shape.type);
  return symbol < encoding_.types.size() ? encoding_.types[symbol] : std::nullopt;
}

bool RuleEncoder::same_type(const ShapeTemplate &a, const ShapeTemplate &b) const {
  return a.type == b.type;
}

int RuleEncoder::width(const ShapeTemplate &shape) const {
  if (auto type = type_of(shape))
    return semantics::byte_size(*type);
  auto symbol = std::get<std::uint32_t>(shape.type);
  if (encoding_.widths.empty())
    throw OutsideFragment("bytes of an element of unknown width");
  return encoding_.widths[symbol];
}

std::string RuleEncoder::sort(const ShapeTemplate &shape) const {
  bool concrete = encoding_.theory == ElementTheory::Concrete;
  if (auto type = type_of(shape)) {
    if (*type == ElementType::Pred)
      return "Bool";
    if (concrete)
      return exact_sort(*type);
    if (semantics::is_integer(*type))
      return "Int";
    if (encoding_.ring)
      throw OutsideFragment("floats are no ring");
  }
  if (!encoding_.widths.empty())
    return "(_ BitVec " + std::to_string(8 * width(shape)) + ")";
  return encoding_.theory == ElementTheory::Real ? "Real" : "E_" + type_name(shape);
}

/// Real arithmetic says nothing about integers, which wrap and whose division rounds; but for
/// identities of polynomials.
void RuleEncoder::need_floats(const ShapeTemplate &shape) const {
  const auto *symbol = std::get_if<std::uint32_t>(&shape.type);
  if (!symbol || encoding_.ring)
    return; // integers of a known type have another sort
  const auto &choices = rule_.symbols.type_choices[*symbol];
  if (choices.empty() || !std::all_of(choices.begin(), choices.end(), semantics::is_float))
    throw OutsideFragment("real arithmetic on types that are not all floats");
}

// Elements

std::string RuleEncoder::element(const GraphTemplate &side, std::uint32_t id, const Index &index) {
  const TemplateNode &node = side.nodes[id];
  if (is_symbol(node))
    return elementwise(side, node, index);
  if (auto source = moved(side, node, index))
    return element(side, source->node, source->index);
  switch (code_of(node)) {
  case OpCode::Parameter:
    return parameter(side, id, index);
  case OpCode::Constant:
    return constant(node);
  case OpCode::Iota:
    return iota(node, index);
  case OpCode::BitcastConvert:
    return bitcast(side, node, index);
  case OpCode::Concatenate:
  case OpCode::Pad:
  case OpCode::DynamicUpdateSlice: {
    auto list = cases(side, node, index);
    auto read = [&](auto &self, std::size_t i) -> std::string {
      auto here = [&] { return element(side, list[i].second.node, list[i].second.index); };
      if (i + 1 == list.size())
        return here();
      return choose(list[i].first, here, [&] { return self(self, i + 1); });
    };
    return read(read, 0);
  }
  case OpCode::Dot:
  case OpCode::Convolution:
  case OpCode::Reduce:
    return fold(side, node, index);
  default:
    if (semantics::info(code_of(node)).cls == semantics::OpClass::Elementwise)
      return elementwise(side, node, index);
    throw OutsideFragment("operation " + std::string(semantics::info(code_of(node)).name));
  }
}

std::string RuleEncoder::parameter(const GraphTemplate &side, std::uint32_t id,
                                   const Index &index) {
  const TemplateNode &node = side.nodes[id];
  auto position = static_cast<std::size_t>(
      std::find(side.parameters.begin(), side.parameters.end(), id) - side.parameters.begin());
  if (scalars())
    return scalar_read(position, node, index);
  std::string name = "p" + std::to_string(position), signature = "(", type = sort(node.shape);
  for (std::size_t c = 0; c < index.size(); ++c)
    signature += c ? " Int" : "Int";
  declare(name, signature + ") " + type);
  std::string read = call(name, index);
  if (type == "Int" && !bound(read))
    facts_.push_back(in_range(*type_of(node.shape), read));
  return read;
}

/// Whether a claim about indices holds on this path; then it becomes one of the obligations.
bool RuleEncoder::known(const std::string &name, const std::string &claim) {
  constexpr unsigned steps = 6'000'000;
  Obligation side = obligation(name, path_assumptions(), claim);
  if (check(side, within_steps(steps)).answer != SmtAnswer::Proved)
    return false;
  side_.push_back(std::move(side));
  return true;
}

/// A number as an integer of a type: wrapped, unless it is known to lie in the type's range.
std::string RuleEncoder::fitted(ElementType type, const std::string &number) {
  return !bound(number) && known("no overflow", in_range(type, number)) ? number
                                                                        : wrapped(type, number);
}

/// The variable of an earlier read when the solver proves the indices equal, else a new one.
std::string RuleEncoder::scalar_read(std::size_t position, const TemplateNode &node,
                                     const Index &index) {
  for (const Read &read : reads_) {
    if (read.position != position || read.index.size() != index.size())
      continue;
    if (read.index == index)
      return read.name;
    std::string same = "(and true";
    for (std::size_t c = 0; c < index.size(); ++c)
      same += " (= " + read.index[c] + " " + index[c] + ")";
    if (known("one element", same + ")"))
      return read.name;
  }
  std::string name = "x" + std::to_string(position) + "_" + std::to_string(reads_.size());
  reads_.push_back({position, index, name});
  declare(name, "() " + sort(node.shape));
  return defined(node, name);
}

std::string RuleEncoder::constant(const TemplateNode &node) {
  std::string type = sort(node.shape);
  auto exact = type_of(node.shape);
  bool real = type == "Real";
  if (node.literal_value) {
    if (type == "Int")
      return wrapped(*exact, smt(*node.literal_value));
    if (real)
      return "(to_real " + smt(*node.literal_value) + ")";
    std::string name =
        "|x_`" + node.literal_value->to_string() + "`_" + type_name(node.shape) + "|";
    if (node.literal_value->is_constant() && exact) {
      std::int64_t value = node.literal_value->value();
      return exact_literal(*exact, semantics::is_float(*exact)
                                       ? semantics::encode(*exact, static_cast<double>(value))
                                       : semantics::encode_integer(*exact, value));
    }
    declare(name, "() " + type);
    return name;
  }
  if (!node.literal || node.literal->shape().rank() != 0)
    throw OutsideFragment("a constant that is no scalar");
  ElementType written = node.literal->shape().type;
  double value = semantics::decode(written, node.literal->bits(0));
  constexpr double exact_below = 1 << 30;
  if (type == "Int" && std::abs(value) >= exact_below)
    throw OutsideFragment("a constant as large as this");
  if (type == "Int" ||
      (exact && (*exact == ElementType::Pred || encoding_.theory == ElementTheory::Concrete))) {
    std::uint64_t bits =
        written == *exact ? node.literal->bits(0) : semantics::encode(*exact, value);
    return type == "Int"
               ? integer_literal(static_cast<std::int64_t>(semantics::decode(*exact, bits)))
               : exact_literal(*exact, bits);
  }
  if (real) {
    if (std::abs(value) < exact_below && value == std::floor(value))
      return "(to_real " + integer_literal(static_cast<std::int64_t>(value)) + ")";
    if (encoding_.ring || !std::isfinite(value))
      throw OutsideFragment("this constant as a number");
  }
  std::string name =
      "c_" + semantics::element_text(written, node.literal->bits(0)) + "_" + type_name(node.shape);
  declare("|" + name + "|", "() " + type);
  return "|" + name + "|";
}

std::string RuleEncoder::iota(const TemplateNode &node, const Index &index) {
  constexpr int bytes_of_every_index = 4; // narrower integers wrap
  auto d = dimensions(node, AttributeKey::IotaDimension);
  no_prefix(node.shape, "iota");
  if (d.size() != 1 || d[0] >= index.size())
    throw OutsideFragment("iota with a wrong dimension");
  const std::string &at = index[d[0]];
  std::string type = sort(node.shape);
  if (type == "Int")
    return width(node.shape) >= bytes_of_every_index ? at : wrapped(*type_of(node.shape), at);
  if (encoding_.theory == ElementTheory::Uninterpreted) {
    std::string name = "iota." + type_name(node.shape);
    declare(name, "(Int) " + type);
    return call(name, {at});
  }
  if (!type_of(node.shape) || bound(at) || !known("index 0", "(= " + at + " 0)"))
    throw OutsideFragment("iota of this type");
  return exact_literal(*type_of(node.shape), 0);
}

/// A value of which the level asks something: at `finite`, that it is a number.
std::string RuleEncoder::defined(const TemplateNode &node, std::string value) {
  auto type = type_of(node.shape);
  if (encoding_.theory == ElementTheory::Concrete && rule_.level == semantics::Level::Finite &&
      type && semantics::is_float(*type))
    defined_.push_back("(not (or (fp.isNaN " + value + ") (fp.isInfinite " + value + ")))");
  return value;
}

/// Of floats: a function of which the law "the remainder is exact" is known. x - n y, of the sign
/// of x and smaller than y, is a number of their type (ISO C, F.10.7.1), so that nothing is
/// rounded.
std::string RuleEncoder::remainder(const ShapeTemplate &shape, const Index &operands) {
  std::string type = sort(shape), name = "x_remainder." + type_name(shape);
  declare(name, "(" + type + " " + type + ") " + type);
  std::string out = call(name, operands);
  const std::string &x = operands[0], &y = operands[1];
  std::string none = "(or (fp.isNaN " + x + ") (fp.isInfinite " + x + ") (fp.isNaN " + y +
                     ") (fp.isZero " + y + "))";
  auto smaller = [&](const std::string &a) {
    return "(fp.lt (fp.abs " + a + ") (fp.abs " + y + "))";
  };
  defined_.push_back("(=> " + none + " (fp.isNaN " + out + "))");
  defined_.push_back("(=> (not " + none + ") " + smaller(out) + ")");
  defined_.push_back("(=> (and (not " + none + ") " + smaller(x) + ") (= " + out + " " + x + "))");
  laws_ = {"the remainder of floats is exact"};
  return out;
}

/// Operands of a scalar shape stand for every element (select, clamp).
std::string RuleEncoder::elementwise(const GraphTemplate &side, const TemplateNode &node,
                                     const Index &index) {
  std::vector<std::string> arguments;
  bool mixed =
      !is_symbol(node) && (code_of(node) == OpCode::Select || code_of(node) == OpCode::Clamp);
  std::string name = is_symbol(node)
                         ? "F_" + rule_.symbols.operations.names[std::get<std::uint32_t>(node.op)]
                         : "op_" + std::string(semantics::info(code_of(node)).name);
  std::string signature = "(";
  for (std::uint32_t operand : node.operands) {
    const ShapeTemplate &shape = side.nodes[operand].shape;
    bool scalar = components(shape) == 0;
    if (components(shape) != index.size() && !(mixed && scalar))
      throw OutsideFragment("an element-wise operation with a scalar operand");
    arguments.push_back(element(side, operand, scalar ? Index{} : index));
    signature += (arguments.size() > 1 ? " " : "") + sort(shape);
    name += "." + type_name(shape); // no identifier has a dot: names cannot meet
  }
  std::string type = sort(node.shape);
  name += "." + type_name(node.shape);
  if (!is_symbol(node)) {
    if (code_of(node) == OpCode::Select)
      return call("ite", arguments);
    const ShapeTemplate &operand =
        side.nodes[node.operands[code_of(node) == OpCode::Clamp ? 1 : 0]].shape;
    if (std::string direct = interpreted(node, operand, arguments); !direct.empty())
      return defined(node, direct);
    if (code_of(node) == OpCode::Compare)
      name += "." + smt(attribute(node, AttributeKey::Direction)[0]);
    if (encoding_.theory == ElementTheory::Concrete && code_of(node) == OpCode::Remainder)
      return defined(node, remainder(node.shape, arguments));
    if (encoding_.theory == ElementTheory::Concrete)
      throw OutsideFragment("operation " + std::string(semantics::info(code_of(node)).name) +
                            " in this arithmetic");
  }
  if (encoding_.ring)
    throw OutsideFragment("an operation that is not one of rings");
  for (std::uint32_t operand : node.operands)
    if (sort(side.nodes[operand].shape) == "Int")
      throw OutsideFragment("this arithmetic on integers of a fixed type");
  declare(name, signature + ") " + type);
  return call(name, arguments);
}

/// The operation's meaning in the theory of its operands; "" when it has none there.
std::string RuleEncoder::interpreted(const TemplateNode &node, const ShapeTemplate &operand,
                                     const std::vector<std::string> &arguments) {
  ScalarOperation what{code_of(node)};
  if (what.op == OpCode::Compare)
    what.direction = static_cast<semantics::CompareDirection>(
        attribute(node, AttributeKey::Direction)[0].value());
  std::string type = sort(operand);
  auto exact = type_of(operand);
  if (what.op == OpCode::Convert)
    return type == "Bool" && sort(node.shape) == "Real" ? "(ite " + arguments[0] + " 1.0 0.0)" : "";
  if (type == "Bool")
    return exact_operation(what, ElementType::Pred, arguments).value_or("");
  if (type == "Int") {
    std::string out = integer_operation(what, arguments).value_or("");
    return out.empty() || !is_ring_operation(what.op) ? out : fitted(*exact, out);
  }
  if (encoding_.theory == ElementTheory::Concrete)
    return exact_operation(what, *exact, arguments).value_or("");
  if (type != "Real" || (encoding_.ring && !is_ring_operation(what.op)))
    return {};
  std::string out = real_operation(what, arguments).value_or("");
  if (!out.empty())
    need_floats(operand);
  if (what.op == OpCode::Divide && encoding_.where_defined)
    defined_.push_back("(not (= " + arguments[1] + " 0.0))");
  if (what.op == OpCode::Exponential) {
    declare("exp", "(Real) Real");
    exponents_.push_back(arguments[0]);
  }
  return out;
}

} // namespace isamorph::verify
