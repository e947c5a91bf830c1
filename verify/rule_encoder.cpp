#include "verify/rule_encoder.h"

#include "verify/rule_parts.h"

namespace isamorph::verify {

using semantics::AttributeKey;
using semantics::GraphTemplate;
using semantics::IntExpr;
using semantics::OpCode;
using semantics::ShapeTemplate;
using semantics::TemplateNode;

RuleEncoder::RuleEncoder(const semantics::RewriteRule &rule, const GraphTemplate &from,
                         const GraphTemplate &to, Encoding encoding)
    : rule_(rule), from_(from), to_(to), encoding_(std::move(encoding)) {}

// Sizes and types

std::string RuleEncoder::smt(const IntExpr &e) const { return integer_term(e); }

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
  if (const auto *type = std::get_if<semantics::ElementType>(&shape.type))
    return std::string(name(*type));
  return rule_.symbols.types.names[std::get<std::uint32_t>(shape.type)];
}

bool RuleEncoder::same_type(const ShapeTemplate &a, const ShapeTemplate &b) const {
  return a.type == b.type;
}

int RuleEncoder::width(const ShapeTemplate &shape) const {
  if (const auto *type = std::get_if<semantics::ElementType>(&shape.type))
    return semantics::byte_size(*type);
  auto symbol = std::get<std::uint32_t>(shape.type);
  if (encoding_.widths.empty())
    throw OutsideFragment("bytes of an element of unknown width");
  return encoding_.widths[symbol];
}

std::string RuleEncoder::sort(const ShapeTemplate &shape) const {
  using semantics::ElementType;
  if (const auto *type = std::get_if<ElementType>(&shape.type)) {
    if (*type == ElementType::Pred)
      return "Bool";
    if (semantics::is_integer(*type) && encoding_.theory != ElementTheory::Concrete)
      return "Int"; // iota and comparisons only: see elementwise()
  }
  if (!encoding_.widths.empty())
    return "(_ BitVec " + std::to_string(8 * width(shape)) + ")";
  if (encoding_.theory == ElementTheory::Real)
    return "Real";
  if (encoding_.theory == ElementTheory::Concrete) {
    const auto *fixed = std::get_if<ElementType>(&shape.type);
    ElementType type = fixed ? *fixed : *encoding_.types[std::get<std::uint32_t>(shape.type)];
    switch (type) {
    case ElementType::F16:
      return "(_ FloatingPoint 5 11)";
    case ElementType::BF16:
      return "(_ FloatingPoint 8 8)";
    case ElementType::F32:
      return "(_ FloatingPoint 8 24)";
    case ElementType::F64:
      return "(_ FloatingPoint 11 53)";
    case ElementType::Pred:
      return "Bool";
    default:
      return "(_ BitVec " + std::to_string(8 * semantics::byte_size(type)) + ")";
    }
  }
  return "E_" + type_name(shape);
}

// Elements

std::string RuleEncoder::element(const GraphTemplate &side, std::uint32_t id, const Index &index) {
  const TemplateNode &node = side.nodes[id];
  if (is_symbol(node))
    return elementwise(side, node, index);
  auto operand = [&](std::size_t i) -> const TemplateNode & {
    return side.nodes[node.operands[i]];
  };
  switch (code_of(node)) {
  case OpCode::Parameter: {
    auto position =
        std::find(side.parameters.begin(), side.parameters.end(), id) - side.parameters.begin();
    if (encoding_.theory ==
        ElementTheory::Concrete) { // element-wise rules: every element stands at the same index
      std::string scalar = "x" + std::to_string(position);
      declare(scalar, "() " + sort(node.shape));
      return scalar;
    }
    std::string name = "p" + std::to_string(position), signature = "(";
    for (std::size_t c = 0; c < index.size(); ++c)
      signature += c ? " Int" : "Int";
    declare(name, signature + ") " + sort(node.shape));
    return call(name, index);
  }
  case OpCode::Constant:
    return constant(node);
  case OpCode::Iota: {
    auto d = dimensions(node, AttributeKey::IotaDimension);
    no_prefix(node.shape, "iota");
    // Four bytes hold every index of a tensor; narrower integers wrap.
    if (d.size() != 1 || d[0] >= index.size() || sort(node.shape) != "Int" || width(node.shape) < 4)
      throw OutsideFragment("iota of this type");
    return index[d[0]];
  }
  case OpCode::Copy:
    return element(side, node.operands[0], index);
  case OpCode::Reshape:
    return reshape(side, node, index);
  case OpCode::BitcastConvert:
    return bitcast(side, node, index);
  case OpCode::Transpose: {
    auto p = dimensions(node, AttributeKey::Dimensions);
    no_prefix(node.shape, "transpose");
    Index in(index.size());
    if (p.size() != index.size())
      throw OutsideFragment("transpose with a wrong permutation");
    for (std::size_t d = 0; d < p.size(); ++d) {
      if (p[d] >= in.size() || !in[p[d]].empty())
        throw OutsideFragment("transpose with a wrong permutation");
      in[p[d]] = index[d];
    }
    return element(side, node.operands[0], in);
  }
  case OpCode::Broadcast: {
    no_prefix(node.shape, "broadcast");
    Index in;
    for (std::size_t d : dimensions(node, AttributeKey::Dimensions)) {
      if (d >= index.size())
        throw OutsideFragment("broadcast with wrong dimensions");
      in.push_back(index[d]);
    }
    if (in.size() != components(operand(0).shape))
      throw OutsideFragment("broadcast with wrong dimensions");
    return element(side, node.operands[0], in);
  }
  case OpCode::Slice: {
    no_prefix(node.shape, "slice");
    auto starts = attribute(node, AttributeKey::SliceStarts),
         strides = attribute(node, AttributeKey::SliceStrides);
    if (starts.size() != index.size() || strides.size() != index.size())
      throw OutsideFragment("slice of another rank");
    Index in;
    for (std::size_t d = 0; d < index.size(); ++d)
      in.push_back("(+ " + smt(starts[d]) + " (* " + index[d] + " " + smt(strides[d]) + "))");
    return element(side, node.operands[0], in);
  }
  case OpCode::Concatenate:
    return concatenate(side, node, index);
  case OpCode::Dot:
  case OpCode::Reduce:
    return fold(side, node, index);
  default:
    if (semantics::info(code_of(node)).cls == semantics::OpClass::Elementwise)
      return elementwise(side, node, index);
    throw OutsideFragment("operation " + std::string(semantics::info(code_of(node)).name));
  }
}

std::string RuleEncoder::constant(const TemplateNode &node) {
  if (!node.literal || node.literal->shape().rank() != 0)
    throw OutsideFragment("a constant that is no scalar");
  std::string text = semantics::element_text(node.literal->shape().type, node.literal->bits(0));
  std::string name = "c_" + text + "_" + type_name(node.shape);
  declare("|" + name + "|", "() " + sort(node.shape));
  return "|" + name + "|";
}

std::string RuleEncoder::reshape(const GraphTemplate &side, const TemplateNode &node,
                                 const Index &index) {
  std::string flat;
  for (std::size_t c = 0; c < index.size(); ++c)
    flat = c == 0 ? index[0] : "(+ (* " + flat + " " + size(node.shape, c) + ") " + index[c] + ")";
  const ShapeTemplate &in = side.nodes[node.operands[0]].shape;
  Index out(components(in));
  std::string rest = flat.empty() ? "0" : flat;
  for (std::size_t c = out.size(); c-- > 0;) {
    if (c == 0) {
      out[0] = rest;
      break;
    }
    out[c] = "(mod " + rest + " " + size(in, c) + ")";
    rest = "(div " + rest + " " + size(in, c) + ")";
  }
  return element(side, node.operands[0], out);
}

std::string RuleEncoder::bitcast(const GraphTemplate &side, const TemplateNode &node,
                                 const Index &index) {
  const ShapeTemplate &in = side.nodes[node.operands[0]].shape;
  int from = width(in), to = width(node.shape);
  if (from == to)
    return element(side, node.operands[0], index);
  if (from > to) {
    Index outer(index.begin(), index.end() - 1);
    std::string whole = element(side, node.operands[0], outer), out;
    int parts = from / to;
    for (int b = parts - 1; b >= 0; --b) {
      std::string part = "((_ extract " + std::to_string(8 * to * (b + 1) - 1) + " " +
                         std::to_string(8 * to * b) + ") " + whole + ")";
      out = out.empty() ? part
                        : "(ite (= " + index.back() + " " + std::to_string(b) + ") " + part + " " +
                              out + ")";
    }
    return out;
  }
  std::string out;
  for (int b = 0; b < to / from; ++b) {
    Index inner = index;
    inner.push_back(std::to_string(b));
    std::string part = element(side, node.operands[0], inner);
    out = out.empty() ? part : "(concat " + part + " " + out + ")";
  }
  return out;
}

bool RuleEncoder::decide(const std::string &condition) {
  auto known = decisions_.find(condition);
  if (known != decisions_.end())
    return known->second;
  bool answer = decision_order_.size() < script_.size() ? script_[decision_order_.size()] : true;
  decisions_[condition] = answer;
  decision_order_.push_back(condition);
  return answer;
}

std::string RuleEncoder::concatenate(const GraphTemplate &side, const TemplateNode &node,
                                     Index index) {
  auto d = dimensions(node, AttributeKey::Dimensions);
  no_prefix(node.shape, "concatenate");
  if (d.size() != 1 || d[0] >= index.size())
    throw OutsideFragment("concatenate with wrong dimensions");
  for (std::size_t i = 0; i < node.operands.size(); ++i) {
    std::string extent = size(side.nodes[node.operands[i]].shape, d[0]);
    if (in_fold_ && index[d[0]].find("k" + std::to_string(folds_.size())) != std::string::npos)
      throw OutsideFragment("a concatenate along the summands of a fold");
    if (i + 1 == node.operands.size() || decide("(< " + index[d[0]] + " " + extent + ")"))
      return element(side, node.operands[i], index);
    index[d[0]] = "(- " + index[d[0]] + " " + extent + ")";
  }
  throw OutsideFragment("concatenate of nothing");
}

std::string RuleEncoder::fold(const GraphTemplate &side, const TemplateNode &node,
                              const Index &index) {
  if (in_fold_)
    throw OutsideFragment("a fold inside a fold");
  in_fold_ = true;
  Fold out;
  out.node = &node;
  out.sort = sort(node.shape);
  out.placeholder = "f" + std::to_string(folds_.size());
  out.variable = "k" + std::to_string(folds_.size());
  if (code_of(node) == OpCode::Dot) {
    auto lc = dimensions(node, AttributeKey::LhsContracting),
         rc = dimensions(node, AttributeKey::RhsContracting);
    if (lc.size() != 1 || rc.size() != 1 || !attribute(node, AttributeKey::LhsBatch).empty())
      throw OutsideFragment("dot with batch or several contracting dimensions");
    const ShapeTemplate &l = side.nodes[node.operands[0]].shape,
                        &r = side.nodes[node.operands[1]].shape;
    no_prefix(l, "dot");
    no_prefix(r, "dot");
    if (lc[0] >= components(l) || rc[0] >= components(r) ||
        components(l) + components(r) != index.size() + 2)
      throw OutsideFragment("dot with wrong dimensions");
    Index left, right;
    std::size_t next = 0;
    for (std::size_t c = 0; c < components(l); ++c)
      left.push_back(c == lc[0] ? out.variable : index[next++]);
    for (std::size_t c = 0; c < components(r); ++c)
      right.push_back(c == rc[0] ? out.variable : index[next++]);
    out.operation = "dot " + type_name(node.shape);
    out.length = size(l, lc[0]);
    out.left = element(side, node.operands[0], left);
    out.right = element(side, node.operands[1], right);
  } else {
    auto dims = dimensions(node, AttributeKey::Dimensions);
    const ShapeTemplate &in = side.nodes[node.operands[0]].shape;
    no_prefix(in, "reduce");
    auto reducer = attribute(node, AttributeKey::Reducer);
    if (dims.size() != 1 || dims[0] >= components(in) || reducer.size() != 1 ||
        components(in) != index.size() + 1)
      throw OutsideFragment("reduce over several dimensions");
    Index at;
    std::size_t next = 0;
    for (std::size_t c = 0; c < components(in); ++c)
      at.push_back(c == dims[0] ? out.variable : index[next++]);
    out.operation = "reduce " + smt(reducer[0]) + " " + type_name(node.shape);
    out.length = size(in, dims[0]);
    out.init = element(side, node.operands[1], {});
    out.left = element(side, node.operands[0], at);
  }
  in_fold_ = false;
  declare(out.placeholder, "() " + out.sort);
  folds_.push_back(out);
  return out.placeholder;
}

std::string RuleEncoder::interpreted(OpCode op, const std::string &type,
                                     const std::vector<std::string> &a) {
  bool real = type == "Real", floating = type.starts_with("(_ FloatingPoint"),
       bits = type.starts_with("(_ BitVec");
  auto pick = [&](const char *r, const char *f, const char *b) -> std::string {
    if (real)
      return call(r, a);
    if (floating)
      return call(std::string(f) + " RNE", a);
    return bits ? call(b, a) : std::string();
  };
  switch (op) {
  case OpCode::Add:
    return type == "Bool" ? call("or", a) : pick("+", "fp.add", "bvadd");
  case OpCode::Subtract:
    return pick("-", "fp.sub", "bvsub");
  case OpCode::Multiply:
    return type == "Bool" ? call("and", a) : pick("*", "fp.mul", "bvmul");
  case OpCode::Divide:
    return bits ? std::string() : pick("/", "fp.div", "");
  case OpCode::Negate:
    return floating ? call("fp.neg", a) : pick("-", "", "bvneg");
  default:
    return {};
  }
}

/// Real arithmetic says nothing about integers, which wrap and whose division rounds.
void RuleEncoder::need_floats(const ShapeTemplate &shape) const {
  const auto *symbol = std::get_if<std::uint32_t>(&shape.type);
  if (!symbol)
    return; // integers have another sort
  const auto &choices = rule_.symbols.type_choices[*symbol];
  if (choices.empty() || !std::all_of(choices.begin(), choices.end(), semantics::is_float))
    throw OutsideFragment("real arithmetic on types that are not all floats");
}

std::string RuleEncoder::elementwise(const GraphTemplate &side, const TemplateNode &node,
                                     const Index &index) {
  std::vector<std::string> arguments;
  std::string name = is_symbol(node)
                         ? "F_" + rule_.symbols.operations.names[std::get<std::uint32_t>(node.op)]
                         : "op_" + std::string(semantics::info(code_of(node)).name);
  std::string signature = "(";
  for (std::uint32_t operand : node.operands) {
    const ShapeTemplate &shape = side.nodes[operand].shape;
    if (components(shape) != index.size())
      throw OutsideFragment("an element-wise operation with a scalar operand");
    arguments.push_back(element(side, operand, index));
    signature += (arguments.size() > 1 ? " " : "") + sort(shape);
    name += "." + type_name(shape); // no identifier has a dot: names cannot meet
  }
  std::string type = sort(node.shape);
  name += "." + type_name(node.shape);
  if (!is_symbol(node)) {
    OpCode op = code_of(node);
    if (op == OpCode::Compare) {
      auto direction = attribute(node, AttributeKey::Direction);
      if (sort(side.nodes[node.operands[0]].shape) != "Int" || direction.size() != 1 ||
          !direction[0].is_constant() ||
          direction[0].value() != static_cast<std::int64_t>(semantics::CompareDirection::EQ))
        throw OutsideFragment("this comparison");
      return call("=", arguments);
    }
    if (encoding_.theory != ElementTheory::Uninterpreted)
      if (std::string direct = interpreted(op, type, arguments); !direct.empty()) {
        if (encoding_.theory == ElementTheory::Real)
          need_floats(node.shape);
        return direct;
      }
    if (encoding_.theory == ElementTheory::Concrete)
      throw OutsideFragment("operation " + std::string(semantics::info(op).name) +
                            " in this arithmetic");
  }
  for (std::uint32_t operand : node.operands)
    if (sort(side.nodes[operand].shape) == "Int")
      throw OutsideFragment("arithmetic on integers of a fixed type");
  declare(name, signature + ") " + type);
  return call(name, arguments);
}

} // namespace isamorph::verify
