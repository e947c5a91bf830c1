// Operations, operands and attributes of HLO instructions.
#include "semantics/hlo_syntax.h"
#include "semantics/window.h"

#include <algorithm>
#include <cctype>

namespace isamorph::semantics::syntax {
namespace {

constexpr std::string_view kReduceWithIdentity = "reduce_";

std::vector<IntExpr> one(std::int64_t value) { return {IntExpr(value)}; }

std::optional<OpCode> reducer(std::string_view name) {
  for (OpCode op :
       {OpCode::Add, OpCode::Multiply, OpCode::Maximum, OpCode::Minimum, OpCode::And, OpCode::Or})
    if (info(op).name == name)
      return op;
  return std::nullopt;
}

} // namespace

void Reader::operation_name(Instruction &out) {
  out.op_location = cursor_.here();
  std::string name = word("an operation");
  if (symbols_) {
    if (auto symbol = symbols_->operations.find(name)) {
      out.op = *symbol;
      return;
    }
    if (name.starts_with(kReduceWithIdentity)) {
      auto fold = reducer(std::string_view(name).substr(kReduceWithIdentity.size()));
      if (fold) {
        out.kind = Kind::ReduceWithIdentity;
        out.op = OpCode::Reduce;
        out.set(AttributeKey::Reducer, one(static_cast<std::int64_t>(*fold)));
        return;
      }
    }
  }
  if (!symbols_ && (name == "call" || name == "fusion")) {
    out.kind = Kind::Call;
    return;
  }
  auto code = op_code(name);
  if (!code || (symbols_ && (*code == OpCode::Tuple || *code == OpCode::GetTupleElement))) {
    std::vector<std::string> known = op_names();
    fail(out.op_location, "unknown operation '" + name + "'", suggest(name, known));
  }
  out.op = *code;
}

void Reader::operands(Instruction &out) {
  cursor_.expect("(");
  const OpCode *code = std::get_if<OpCode>(&out.op);
  bool operation = out.kind == Kind::Operation && code;
  if (operation && *code == OpCode::Parameter) {
    Location place = cursor_.here();
    std::int64_t number = cursor_.integer("the parameter's number");
    if (number < 0)
      fail(place, "a parameter's number cannot be negative");
    out.set(AttributeKey::ParameterNumber, one(number));
    cursor_.expect(")");
    return;
  }
  if (operation && *code == OpCode::Constant) {
    literal(out);
    cursor_.expect(")");
    return;
  }
  while (!cursor_.accept(")")) {
    // `bf16[64,64]{1,0} %x`: the operand's shape may be repeated before its name.
    std::size_t begin = cursor_.here().offset;
    if (cursor_.peek() == '(') {
      shape();
    } else if (cursor_.peek() != '%') {
      cursor_.identifier("an operand", "-.");
      bool typed = cursor_.looking_at("[");
      cursor_.seek(begin);
      if (typed)
        shape();
    }
    out.operands.push_back(operand_name("an operand"));
    if (!cursor_.looking_at(")"))
      cursor_.expect(",");
  }
}

void Reader::literal(Instruction &out) {
  if (symbols_ && cursor_.accept("`")) {
    out.literal_value = parse_int_expr(cursor_, symbols_->integers, symbols_->constants);
    cursor_.expect("`");
    return;
  }
  if (out.shape.tuple)
    cursor_.error("tuple constants are not supported");
  const auto *type = std::get_if<ElementType>(&out.shape.shape.type);
  if (cursor_.peek() != '{') {
    // A scalar; of a symbolic type it is kept as f64 until the type is known.
    Location place = cursor_.here();
    Shape scalar{type ? *type : ElementType::F64, {}};
    if (!symbols_ && !out.shape.shape.dims.empty())
      cursor_.error_expected("'{'");
    bool truth = cursor_.looking_at_word("true") || cursor_.looking_at_word("false");
    std::string text = truth ? cursor_.identifier() : cursor_.number_text();
    auto bits = parse_element(scalar.type, text);
    if (!bits)
      fail(place, "'" + text + "' is no value of " + std::string(name(scalar.type)));
    auto tensor = std::make_shared<Tensor>(scalar);
    tensor->set_bits(0, *bits);
    out.literal = tensor;
    return;
  }
  SymbolValues nothing;
  Location place = cursor_.here();
  auto shape =
      type && !out.shape.shape.prefix ? instantiate(out.shape.shape, nothing) : std::nullopt;
  if (!shape)
    fail(place,
         "a constant with elements needs a shape of plain numbers (and at most 2^31 elements)");
  std::vector<std::uint64_t> bits;
  literal_elements(*shape, 0, bits);
  auto tensor = std::make_shared<Tensor>(*shape);
  for (std::size_t i = 0; i < bits.size(); ++i)
    tensor->set_bits(static_cast<std::int64_t>(i), bits[i]);
  out.literal = tensor;
}

void Reader::literal_elements(const Shape &shape, std::size_t depth,
                              std::vector<std::uint64_t> &bits) {
  Location place = cursor_.here();
  if (depth == shape.rank()) {
    bool truth = cursor_.looking_at_word("true") || cursor_.looking_at_word("false");
    std::string text = truth ? cursor_.identifier() : cursor_.number_text();
    auto value = parse_element(shape.type, text);
    if (!value)
      fail(place, "'" + text + "' is no value of " + std::string(name(shape.type)));
    bits.push_back(*value);
    return;
  }
  cursor_.expect("{");
  if (cursor_.looking_at("..."))
    cursor_.error("the constant's elements were left out of the text",
                  "print the module with large constants");
  std::int64_t count = 0;
  while (!cursor_.accept("}")) {
    if (++count > shape.dims[depth])
      cursor_.error("more than " + std::to_string(shape.dims[depth]) + " elements in dimension " +
                    std::to_string(depth) + " of " + shape.to_string());
    literal_elements(shape, depth + 1, bits);
    if (!cursor_.looking_at("}"))
      cursor_.expect(",");
  }
  if (count != shape.dims[depth])
    fail(place, std::to_string(count) + " elements in dimension " + std::to_string(depth) + " of " +
                    shape.to_string());
}

namespace {

/// What operation_attribute knows, of all operations, for suggestions.
const std::vector<std::string> &attribute_words() {
  static const std::vector<std::string> words = {"batch_group_count",
                                                 "calls",
                                                 "dim_labels",
                                                 "dimensions",
                                                 "direction",
                                                 "dynamic_slice_sizes",
                                                 "index",
                                                 "feature_group_count",
                                                 "iota_dimension",
                                                 "kind",
                                                 "lhs_batch_dims",
                                                 "lhs_contracting_dims",
                                                 "operand_precision",
                                                 "padding",
                                                 "rhs_batch_dims",
                                                 "rhs_contracting_dims",
                                                 "slice",
                                                 "to_apply",
                                                 "type",
                                                 "window"};
  return words;
}

} // namespace

void Reader::attribute(Instruction &out) {
  Location place = cursor_.here();
  std::string key = word("an attribute");
  cursor_.expect("=");
  if (key == "metadata" || key == "backend_config" || key == "frontend_attributes") {
    skip_value();
    return;
  }
  if (key == "sharding")
    fail(place, "sharded programs are not supported");
  std::size_t before = out.attributes.size();
  if (!operation_attribute(out, key, place)) {
    std::string op = cursor_.source()->text.substr(out.op_location.offset, 40);
    op = op.substr(0, op.find_first_of("( \n"));
    fail(place, "unknown attribute '" + key + "' of " + op, suggest(key, attribute_words()));
  }
  for (std::size_t i = 1; i < out.attributes.size(); ++i)
    if (out.attributes.size() != before && out.attributes[i].first == out.attributes[i - 1].first)
      fail(place, "attribute '" + key + "' is given twice");
}

bool Reader::operation_attribute(Instruction &out, const std::string &key, const Location &place) {
  if (out.kind == Kind::Call) {
    if (key == "kind") {
      word("a fusion kind");
      return true;
    }
    if (key != "calls" && key != "to_apply")
      return false;
    out.callee = operand_name("a computation");
    return true;
  }
  const OpCode *code = std::get_if<OpCode>(&out.op);
  if (!code)
    return false;
  auto list = [&](AttributeKey k) {
    out.set(k, number_list());
    return true;
  };
  auto single = [&](AttributeKey k) {
    out.set(k, {number()});
    return true;
  };
  switch (*code) {
  case OpCode::Transpose:
  case OpCode::Broadcast:
  case OpCode::Concatenate:
  case OpCode::Reverse:
    return key == "dimensions" && list(AttributeKey::Dimensions);
  case OpCode::Iota:
    return key == "iota_dimension" && single(AttributeKey::IotaDimension);
  case OpCode::GetTupleElement:
    return key == "index" && single(AttributeKey::TupleIndex);
  case OpCode::DynamicSlice:
    return key == "dynamic_slice_sizes" && list(AttributeKey::SliceSizes);
  case OpCode::Slice:
    if (key != "slice")
      return false;
    slice_attribute(out);
    return true;
  case OpCode::Pad:
    if (key != "padding")
      return false;
    padding_attribute(out);
    return true;
  case OpCode::Compare:
    if (key == "type")
      comparison_type();
    else if (key == "direction")
      direction(out);
    return key == "type" || key == "direction";
  case OpCode::Reduce:
    if (key == "dimensions")
      return list(AttributeKey::Dimensions);
    [[fallthrough]];
  case OpCode::ReduceWindow:
    if (key == "to_apply" && out.kind == Kind::Operation) {
      callee(out);
      return true;
    }
    if (*code != OpCode::ReduceWindow || key != "window")
      return false;
    window_attribute(out);
    return true;
  case OpCode::Convolution:
    if (key == "window")
      window_attribute(out);
    else if (key == "dim_labels")
      dim_labels(out);
    else if (key == "feature_group_count")
      single(AttributeKey::FeatureGroups);
    else if (key == "batch_group_count")
      single(AttributeKey::BatchGroups);
    else
      return key == "operand_precision" && default_precision(place);
    return true;
  case OpCode::Dot:
    if (key == "lhs_contracting_dims")
      return list(AttributeKey::LhsContracting);
    if (key == "rhs_contracting_dims")
      return list(AttributeKey::RhsContracting);
    if (key == "lhs_batch_dims")
      return list(AttributeKey::LhsBatch);
    if (key == "rhs_batch_dims")
      return list(AttributeKey::RhsBatch);
    return key == "operand_precision" && default_precision(place);
  default:
    return false;
  }
}

/// `{default,default}`. Always true; others are refused at `place`.
bool Reader::default_precision(const Location &place) {
  cursor_.expect("{");
  while (!cursor_.accept("}")) {
    if (!cursor_.accept_word("default"))
      fail(place, "only the default operand precision is supported");
    cursor_.accept(",");
  }
  return true;
}

void Reader::slice_attribute(Instruction &out) {
  std::vector<IntExpr> starts, limits, strides;
  cursor_.expect("{");
  while (!cursor_.accept("}")) {
    cursor_.expect("[");
    starts.push_back(number());
    cursor_.expect(":");
    limits.push_back(number());
    strides.push_back(cursor_.accept(":") ? number() : IntExpr(1));
    cursor_.expect("]");
    if (!cursor_.looking_at("}"))
      cursor_.expect(",");
  }
  out.set(AttributeKey::SliceStarts, std::move(starts));
  out.set(AttributeKey::SliceLimits, std::move(limits));
  out.set(AttributeKey::SliceStrides, std::move(strides));
}

void Reader::padding_attribute(Instruction &out) {
  char first = cursor_.peek();
  if (first != '-' && first != '`' && !std::isdigit(static_cast<unsigned char>(first)))
    return; // XLA writes nothing for a scalar; where there are dimensions, the shape rule asks
  std::vector<IntExpr> low, high, interior;
  do {
    low.push_back(number());
    cursor_.expect("_");
    high.push_back(number());
    interior.push_back(cursor_.accept("_") ? number() : IntExpr(0));
  } while (cursor_.accept("x"));
  out.set(AttributeKey::PaddingLow, std::move(low));
  out.set(AttributeKey::PaddingHigh, std::move(high));
  out.set(AttributeKey::PaddingInterior, std::move(interior));
}

void Reader::window_attribute(Instruction &out) {
  cursor_.expect("{");
  while (!cursor_.accept("}")) {
    std::string key = cursor_.identifier("a window field");
    cursor_.expect("=");
    window_field(out, key);
  }
}

void Reader::window_field(Instruction &out, const std::string &key) {
  if (key == "pad") {
    std::vector<IntExpr> low, high;
    do {
      low.push_back(number());
      cursor_.expect("_");
      high.push_back(number());
    } while (cursor_.accept("x"));
    out.set(AttributeKey::WindowPadLow, std::move(low));
    out.set(AttributeKey::WindowPadHigh, std::move(high));
    return;
  }
  std::vector<IntExpr> values;
  do
    values.push_back(number());
  while (cursor_.accept("x"));
  if (key == "size")
    out.set(AttributeKey::WindowSize, std::move(values));
  else if (key == "stride")
    out.set(AttributeKey::WindowStride, std::move(values));
  else if (key == "lhs_dilate")
    out.set(AttributeKey::WindowLhsDilate, std::move(values));
  else if (key == "rhs_dilate")
    out.set(AttributeKey::WindowRhsDilate, std::move(values));
  else if (key == "rhs_reversal")
    out.set(AttributeKey::WindowReversal, std::move(values));
  else
    cursor_.error("unknown window field '" + key + "'");
}

/// Writes out what a window and its groups leave out, so that a template matches every way to write
/// them (canonical_window does the same for a graph).
void Reader::window_defaults(Instruction &out) {
  const OpCode *code = std::get_if<OpCode>(&out.op);
  if (out.kind != Kind::Operation || !code ||
      (*code != OpCode::ReduceWindow && *code != OpCode::Convolution))
    return;
  std::size_t rank = 0;
  for (const auto &[key, values] : out.attributes)
    rank = key == AttributeKey::WindowSize ? values.size() : rank;
  for (const WindowDefault &absent : kWindowDefaults)
    if (!out.has(absent.key))
      out.set(absent.key, std::vector<IntExpr>(rank, absent.value));
  if (*code == OpCode::Convolution)
    for (AttributeKey groups : {AttributeKey::FeatureGroups, AttributeKey::BatchGroups})
      if (!out.has(groups))
        out.set(groups, one(1));
}

/// `b01f_01io->b01f`: which dimension is batch, feature, and which are spatial.
void Reader::dim_labels(Instruction &out) {
  auto group = [&](char first, char second) {
    Location place = cursor_.here();
    const std::string &text = cursor_.source()->text;
    std::size_t begin = cursor_.offset(), end = begin;
    while (end < text.size() && std::isalnum(static_cast<unsigned char>(text[end])))
      ++end;
    std::string labels = text.substr(begin, end - begin);
    std::vector<IntExpr> positions(labels.size(), -1);
    for (std::size_t i = 0; i < labels.size(); ++i) {
      char c = labels[i];
      std::size_t slot = c == first             ? 0
                         : c == second          ? 1
                         : c >= '0' && c <= '9' ? static_cast<std::size_t>(c - '0') + 2
                                                : labels.size();
      if (slot >= labels.size() || positions[slot].value() >= 0)
        fail(place,
             "'" + labels + "' must name " + first + ", " + second + " and 0, 1, ... once each");
      positions[slot] = static_cast<std::int64_t>(i);
    }
    if (labels.size() < 2)
      fail(place, "expected dimension labels such as b01f");
    cursor_.seek(end);
    return positions;
  };
  out.set(AttributeKey::LhsLayout, group('b', 'f'));
  cursor_.expect("_");
  out.set(AttributeKey::RhsLayout, group('i', 'o'));
  cursor_.expect("->");
  out.set(AttributeKey::OutputLayout, group('b', 'f'));
}

void Reader::direction(Instruction &out) {
  Location place = cursor_.here();
  std::string text = cursor_.identifier("a direction");
  for (int i = 0; i <= static_cast<int>(CompareDirection::GE); ++i)
    if (name(static_cast<CompareDirection>(i)) == text) {
      out.set(AttributeKey::Direction, {IntExpr(i)});
      return;
    }
  fail(place, "unknown direction '" + text + "'", "directions: EQ, NE, LT, LE, GT, GE");
}

void Reader::comparison_type() {
  Location place = cursor_.here();
  std::string text = cursor_.identifier("a comparison type");
  if (text != "FLOAT" && text != "SIGNED" && text != "UNSIGNED")
    fail(place, "comparison type '" + text + "' is not supported",
         "types: FLOAT, SIGNED, UNSIGNED");
}

/// In a module the name of a computation; in a template an operation, or an integer symbol that
/// stands for one.
void Reader::callee(Instruction &out) {
  if (!symbols_) {
    out.callee = operand_name("a computation");
    return;
  }
  Location place = cursor_.here();
  std::string text = word("a reduction operation");
  if (auto fold = reducer(text)) {
    out.set(AttributeKey::Reducer, one(static_cast<std::int64_t>(*fold)));
  } else if (auto symbol = symbols_->integers.find(text)) {
    out.set(AttributeKey::Reducer, {IntExpr::variable(*symbol, text)});
  } else {
    fail(place, "'" + text +
                    "' is neither add, multiply, maximum, minimum, and, or, nor an integer symbol");
  }
}

} // namespace isamorph::semantics::syntax
