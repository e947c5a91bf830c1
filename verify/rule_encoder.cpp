#include "verify/rule_encoder.h"

#include <algorithm>
#include <set>

namespace isamorph::verify {
namespace {

using semantics::AttributeKey;
using semantics::GraphTemplate;
using semantics::IntExpr;
using semantics::OpCode;
using semantics::ShapeTemplate;
using semantics::TemplateNode;

std::string call(const std::string &f, const std::vector<std::string> &arguments) {
  if (arguments.empty())
    return f;
  std::string out = "(" + f;
  for (const std::string &a : arguments)
    out += " " + a;
  return out + ")";
}

std::span<const IntExpr> attribute(const TemplateNode &node, AttributeKey key) {
  for (const auto &[k, values] : node.attributes)
    if (k == key)
      return values;
  return {};
}

/// Dimension lists must be plain numbers for an index map to have a form.
std::vector<std::size_t> dimensions(const TemplateNode &node, AttributeKey key) {
  std::vector<std::size_t> out;
  for (const IntExpr &e : attribute(node, key)) {
    if (!e.is_constant() || e.value() < 0)
      throw OutsideFragment("symbolic dimension numbers");
    out.push_back(static_cast<std::size_t>(e.value()));
  }
  return out;
}

OpCode code_of(const TemplateNode &node) {
  const auto *op = std::get_if<OpCode>(&node.op);
  return op ? *op : OpCode::Copy;
}

bool is_symbol(const TemplateNode &node) { return std::holds_alternative<std::uint32_t>(node.op); }

void no_prefix(const ShapeTemplate &shape, const char *what) {
  if (shape.prefix)
    throw OutsideFragment(std::string(what) + " of a tensor of symbolic rank");
}

bool contains(const std::vector<std::size_t> &list, std::size_t value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

} // namespace

RuleEncoder::RuleEncoder(const semantics::RewriteRule &rule, const GraphTemplate &from,
                         const GraphTemplate &to, Encoding encoding)
    : rule_(rule), from_(from), to_(to), encoding_(std::move(encoding)) {}

// ---- Sizes and types
// ---------------------------------------------------------------------------------------------------

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

// ---- Elements
// ------------------------------------------------------------------------------------------------------------

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

// ---- Well-typedness
// ------------------------------------------------------------------------------------------------------

std::vector<std::string> RuleEncoder::typing(const GraphTemplate &side) const {
  std::vector<std::string> out;
  for (const TemplateNode &node : side.nodes) {
    for (std::size_t c = 0; c < components(node.shape); ++c)
      out.push_back("(<= 0 " + size(node.shape, c) + ")");
    type_node(side, node, out);
  }
  return out;
}

namespace {

/// The rank rules of a node, which hold or fail whatever the sizes.
void need(bool holds, const char *what) {
  if (!holds)
    throw IllTyped(std::string("ill-typed: ") + what);
}

} // namespace

/// What infer_shape checks, as formulas over the sizes.
void RuleEncoder::type_node(const GraphTemplate &side, const TemplateNode &node,
                            std::vector<std::string> &out) const {
  auto in = [&](std::size_t i) -> const ShapeTemplate & {
    return side.nodes[node.operands[i]].shape;
  };
  auto equal = [&](const std::string &a, const std::string &b) {
    if (a != b)
      out.push_back("(= " + a + " " + b + ")");
  };
  auto same_dims = [&](const ShapeTemplate &a, const ShapeTemplate &b) {
    need(components(a) == components(b) && a.prefix == b.prefix, "ranks differ");
    for (std::size_t c = 0; c < components(a); ++c)
      equal(size(a, c), size(b, c));
  };
  OpCode op = code_of(node);
  bool symbol = is_symbol(node);
  if (!symbol && (op == OpCode::Select || op == OpCode::Clamp))
    throw OutsideFragment("operation " + std::string(semantics::info(op).name));
  if (!symbol && op == OpCode::Compare)
    need(same_type(in(0), in(1)) &&
             node.shape.type == decltype(node.shape.type)(semantics::ElementType::Pred),
         "comparison types");
  bool changes_type =
      !symbol && (op == OpCode::Convert || op == OpCode::BitcastConvert || op == OpCode::Compare);
  for (std::size_t i = 0; i < node.operands.size() && !changes_type; ++i)
    need(same_type(in(i), node.shape), "element types differ");
  if (symbol || semantics::info(op).cls == semantics::OpClass::Elementwise || op == OpCode::Copy) {
    for (std::size_t i = 0; i < node.operands.size(); ++i)
      same_dims(in(i), node.shape);
    return;
  }
  std::size_t rank = components(node.shape);
  switch (op) {
  case OpCode::Reshape:
    equal(elements(in(0)), elements(node.shape));
    return;
  case OpCode::BitcastConvert: {
    int from = width(in(0)), to = width(node.shape);
    const ShapeTemplate &wide = from >= to ? in(0) : node.shape,
                        &narrow = from >= to ? node.shape : in(0);
    std::size_t extra = from == to ? 0 : 1;
    need(components(narrow) == components(wide) + extra && narrow.prefix == wide.prefix,
         "bitcast-convert ranks");
    for (std::size_t c = 0; c < components(wide); ++c)
      equal(size(wide, c), size(narrow, c));
    if (extra)
      equal(size(narrow, components(narrow) - 1),
            std::to_string(std::max(from, to) / std::min(from, to)));
    return;
  }
  case OpCode::Transpose: {
    auto p = dimensions(node, AttributeKey::Dimensions);
    need(p.size() == rank && components(in(0)) == rank, "transpose ranks");
    for (std::size_t d = 0; d < rank; ++d) {
      need(p[d] < rank && std::count(p.begin(), p.end(), p[d]) == 1, "transpose dimensions");
      equal(size(node.shape, d), size(in(0), p[d]));
    }
    return;
  }
  case OpCode::Broadcast: {
    auto dims = dimensions(node, AttributeKey::Dimensions);
    need(dims.size() == components(in(0)), "broadcast ranks");
    for (std::size_t d = 0; d < dims.size(); ++d) {
      need(dims[d] < rank && std::count(dims.begin(), dims.end(), dims[d]) == 1,
           "broadcast dimensions");
      equal(size(node.shape, dims[d]), size(in(0), d));
    }
    return;
  }
  case OpCode::Slice: {
    auto starts = attribute(node, AttributeKey::SliceStarts),
         limits = attribute(node, AttributeKey::SliceLimits),
         strides = attribute(node, AttributeKey::SliceStrides);
    need(starts.size() == rank && limits.size() == rank && strides.size() == rank &&
             components(in(0)) == rank,
         "slice ranks");
    for (std::size_t d = 0; d < rank; ++d) {
      if (!strides[d].is_constant() || strides[d].value() != 1)
        throw OutsideFragment("slice strides other than 1");
      out.push_back("(and (<= 0 " + smt(starts[d]) + ") (<= " + smt(starts[d]) + " " +
                    smt(limits[d]) + ") (<= " + smt(limits[d]) + " " + size(in(0), d) + "))");
      equal(size(node.shape, d), "(- " + smt(limits[d]) + " " + smt(starts[d]) + ")");
    }
    return;
  }
  case OpCode::Concatenate: {
    auto d = dimensions(node, AttributeKey::Dimensions);
    need(d.size() == 1 && d[0] < rank, "concatenate dimensions");
    std::string sum = "(+ 0";
    for (std::size_t i = 0; i < node.operands.size(); ++i) {
      need(components(in(i)) == rank, "concatenate ranks");
      for (std::size_t c = 0; c < rank; ++c)
        if (c != d[0])
          equal(size(in(i), c), size(node.shape, c));
      sum += " " + size(in(i), d[0]);
    }
    equal(size(node.shape, d[0]), sum + ")");
    return;
  }
  case OpCode::Dot: {
    auto lc = dimensions(node, AttributeKey::LhsContracting),
         rc = dimensions(node, AttributeKey::RhsContracting);
    need(lc.size() == 1 && rc.size() == 1 && lc[0] < components(in(0)) && rc[0] < components(in(1)),
         "dot dimensions");
    equal(size(in(0), lc[0]), size(in(1), rc[0]));
    std::vector<std::string> free;
    for (std::size_t c = 0; c < components(in(0)); ++c)
      if (c != lc[0])
        free.push_back(size(in(0), c));
    for (std::size_t c = 0; c < components(in(1)); ++c)
      if (c != rc[0])
        free.push_back(size(in(1), c));
    need(free.size() == rank, "dot ranks");
    for (std::size_t c = 0; c < rank; ++c)
      equal(size(node.shape, c), free[c]);
    return;
  }
  case OpCode::Reduce: {
    auto dims = dimensions(node, AttributeKey::Dimensions);
    std::size_t next = 0;
    need(components(in(1)) == 0, "an initial value that is no scalar");
    for (std::size_t c = 0; c < components(in(0)); ++c)
      if (!contains(dims, c)) {
        need(next < rank, "reduce ranks");
        equal(size(node.shape, next++), size(in(0), c));
      }
    need(next == rank, "reduce ranks");
    return;
  }
  default:
    return;
  }
}

// ---- Obligations
// ---------------------------------------------------------------------------------------------------------

std::string RuleEncoder::premises() const {
  std::string out;
  for (const std::string &n : rule_.symbols.integers.names)
    out += "(declare-const n_" + n + " Int)\n";
  for (const std::string &s : rule_.symbols.shapes.names)
    out += "(declare-const N_" + s + " Int)\n(assert (<= 0 N_" + s + "))\n";
  for (const IntExpr &condition : rule_.conditions)
    out += "(assert (not (= " + smt(condition) + " 0)))\n";
  for (const GraphTemplate *side : {&from_, &to_})
    for (std::uint32_t p : side->parameters)
      for (std::size_t c = 0; c < components(side->nodes[p].shape); ++c)
        out += "(assert (<= 0 " + size(side->nodes[p].shape, c) + "))\n";
  for (const std::string &fact : typing(from_))
    out += "(assert " + fact + ")\n";
  return out;
}

/// A claim about scalars alone: no indices, no sizes, so that solvers take their procedures for
/// bits and floats.
Obligation RuleEncoder::scalar_obligation(const std::string &name, const std::string &claim) const {
  std::string text;
  bool floating = false;
  for (const auto &[symbol, signature] : declarations_) {
    if (symbol[0] != 'x')
      continue;
    text += "(declare-fun " + symbol + " " + signature + ")\n";
    floating |= signature.find("FloatingPoint") != std::string::npos;
  }
  std::string logic = floating ? "QF_FP" : "QF_BV";
  return {rule_.name + ": " + name,
          "(set-logic " + logic + ")\n" + text + "(assert (not " + claim + "))\n(check-sat)\n"};
}

Obligation RuleEncoder::obligation(const std::string &name,
                                   const std::vector<std::string> &assumptions,
                                   const std::string &claim) const {
  std::string text;
  std::set<std::string> sorts;
  std::string declarations;
  for (const auto &[symbol, signature] : declarations_) {
    declarations += "(declare-fun " + symbol + " " + signature + ")\n";
    for (std::size_t at = signature.find("E_"); at != std::string::npos;
         at = signature.find("E_", at + 1))
      sorts.insert(signature.substr(at, signature.find_first_of(" )", at) - at));
  }
  text = "(set-logic ALL)\n";
  for (const std::string &s : sorts)
    text += "(declare-sort " + s + " 0)\n";
  text += premises() + declarations;
  for (const std::string &a : assumptions)
    text += "(assert " + a + ")\n";
  return {rule_.name + ": " + name, text + "(assert (not " + claim + "))\n(check-sat)\n"};
}

/// Fold number f of `from` against fold number f of `to`.
void RuleEncoder::match_folds(const std::vector<std::string> &assumptions, std::size_t split,
                              std::vector<Obligation> &out) {
  if (folds_.size() != 2 * split)
    throw OutsideFragment("a different number of folds on the two sides");
  for (std::size_t f = 0; f < split; ++f) {
    const Fold &a = folds_[f], &b = folds_[split + f];
    if (a.operation != b.operation || a.sort != b.sort)
      throw OutsideFragment("folds of different kinds on the two sides");
    // Both summands at the same fresh index.
    declare(a.variable, "() Int");
    declare(b.variable, "() Int");
    std::vector<std::string> inside = assumptions;
    inside.push_back("(= " + a.variable + " " + b.variable + ")");
    inside.push_back("(<= 0 " + a.variable + ")");
    inside.push_back("(< " + a.variable + " " + a.length + ")");
    std::string same = "(= " + a.left + " " + b.left + ")";
    if (!a.right.empty())
      same = "(and " + same + " (= " + a.right + " " + b.right + "))";
    Obligation summands = obligation("summands of " + a.operation, inside, same);
    if (!a.right.empty() && check(summands, {5000, 0}).answer != SmtAnswer::Proved) {
      summands =
          obligation("summands of " + a.operation + ", factors exchanged", inside,
                     "(and (= " + a.left + " " + b.right + ") (= " + a.right + " " + b.left + "))");
      lemmas_.push_back("commutative multiply " + type_name(a.node->shape));
    }
    out.push_back(std::move(summands));
    out.push_back(obligation("length of " + a.operation, assumptions,
                             "(= " + a.length + " " + b.length + ")"));
    if (!a.init.empty())
      out.push_back(obligation("initial value of " + a.operation, assumptions,
                               "(= " + a.init + " " + b.init + ")"));
  }
}

/// plain ~ dot whose right factor is convert(k = p): at level finite, by the lemma "unit vector
/// dot".
bool RuleEncoder::unit_dot(const std::vector<std::string> &assumptions, const std::string &plain,
                           const Fold &fold, std::vector<Obligation> &out) {
  constexpr std::string_view convert = "(op_convert.pred.";
  if (rule_.level == semantics::Level::Bits || fold.right.empty() ||
      !fold.right.starts_with(convert))
    return false;
  std::size_t space = fold.right.find(' ');
  std::string condition = fold.right.substr(space + 1, fold.right.size() - space - 2);
  declare(fold.variable, "() Int");
  for (const std::string &position : root_index_) {
    std::vector<std::string> inside = assumptions;
    inside.push_back("(<= 0 " + fold.variable + ")");
    inside.push_back("(< " + fold.variable + " " + fold.length + ")");
    std::vector<std::string> at = inside;
    at.push_back("(= " + fold.variable + " " + position + ")");
    Obligation unit =
        obligation("the right vector is 1 at one place", inside,
                   "(= " + condition + " (= " + fold.variable + " " + position + "))");
    Obligation range =
        obligation("that place is in range", assumptions,
                   "(and (<= 0 " + position + ") (< " + position + " " + fold.length + "))");
    Obligation value =
        obligation("the left vector's element there", at, "(= " + plain + " " + fold.left + ")");
    if (check(unit, {5000, 0}).answer != SmtAnswer::Proved)
      continue;
    lemmas_.push_back("unit vector dot " + type_name(fold.node->shape));
    out.insert(out.end(), {unit, range, value});
    return true;
  }
  return false;
}

void RuleEncoder::prove_path(std::vector<Obligation> &out) {
  declarations_.clear();
  folds_.clear();
  decisions_.clear();
  decision_order_.clear();
  const ShapeTemplate &shape = from_.nodes[from_.results[0]].shape;
  root_index_.clear();
  std::vector<std::string> assumptions;
  for (std::size_t c = 0; c < components(shape); ++c) {
    std::string i = "i" + std::to_string(c);
    root_index_.push_back(i);
    declare(i, "() Int");
    assumptions.push_back("(<= 0 " + i + ")");
    assumptions.push_back("(< " + i + " " + size(shape, c) + ")");
  }
  std::string left = element(from_, from_.results[0], root_index_);
  std::size_t split = folds_.size();
  std::string right = element(to_, to_.results[0], root_index_);
  for (const std::string &condition : decision_order_)
    assumptions.push_back(decisions_.at(condition) ? condition : "(not " + condition + ")");
  if (split == 0 && folds_.size() == 1 && right == folds_[0].placeholder) {
    if (!unit_dot(assumptions, left, folds_[0], out))
      throw OutsideFragment("a fold on one side only");
    return;
  }
  match_folds(assumptions, split, out);
  std::vector<std::string> equalities = assumptions;
  for (std::size_t f = 0; f < split; ++f)
    equalities.push_back("(= " + folds_[f].placeholder + " " + folds_[split + f].placeholder + ")");
  std::string claim = "(= " + left + " " + right + ")";
  if (encoding_.theory == ElementTheory::Concrete)
    out.push_back(scalar_obligation("elements as " + sort(shape), claim));
  else
    out.push_back(obligation("elements", equalities, claim));
}

bool RuleEncoder::applies() const {
  try {
    typing(from_);
    return true;
  } catch (const IllTyped &) {
    return false;
  }
}

Obligation RuleEncoder::impossible() const {
  return {rule_.name + ": premises contradict each other",
          "(set-logic ALL)\n" + premises() + "(check-sat)\n"};
}

std::vector<Obligation> RuleEncoder::obligations() {
  std::vector<Obligation> out;
  const ShapeTemplate &a = from_.nodes[from_.results[0]].shape,
                      &b = to_.nodes[to_.results[0]].shape;
  if (!same_type(a, b) || components(a) != components(b) || a.prefix != b.prefix)
    throw OutsideFragment("results of different type or rank");
  declarations_.clear();
  std::vector<std::string> claims = typing(to_);
  for (std::size_t c = 0; c < components(a); ++c)
    claims.push_back("(= " + size(a, c) + " " + size(b, c) + ")");
  claims.push_back("true");
  out.push_back(obligation("well-typed", {}, call("and", claims)));
  // Every combination of answers to the questions that concatenations ask.
  script_.clear();
  for (int path = 0; path < 64; ++path) {
    prove_path(out);
    std::vector<bool> answers;
    for (const std::string &condition : decision_order_)
      answers.push_back(decisions_.at(condition));
    while (!answers.empty() && !answers.back())
      answers.pop_back();
    if (answers.empty())
      return out;
    answers.back() = false;
    script_ = answers;
  }
  throw OutsideFragment("too many cases");
}

} // namespace isamorph::verify
