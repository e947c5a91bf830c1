#include "semantics/op.h"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace isamorph::semantics {
namespace {

using enum OpCode;
constexpr auto kSource = OpClass::Source;
constexpr auto kMove = OpClass::Movement;
constexpr auto kElement = OpClass::Elementwise;
constexpr auto kFold = OpClass::Fold;
constexpr auto kOther = OpClass::Other;

// name, least and most operands, class, commutative, evaluable; in the order of OpCode.
constexpr std::array<OpInfo, kOpCodeCount> kTable = {{
    {Parameter, "parameter", 0, 0, kSource, false, true},
    {Constant, "constant", 0, 0, kSource, false, true},
    {Iota, "iota", 0, 0, kSource, false, true},
    {Copy, "copy", 1, 1, kMove, false, true},
    {Convert, "convert", 1, 1, kElement, false, true},
    {BitcastConvert, "bitcast-convert", 1, 1, OpClass::Bitcast, false, true},
    {Reshape, "reshape", 1, 1, kMove, false, true},
    {Transpose, "transpose", 1, 1, kMove, false, true},
    {Broadcast, "broadcast", 1, 1, kMove, false, true},
    {Slice, "slice", 1, 1, kMove, false, true},
    {DynamicSlice, "dynamic-slice", 1, -1, kOther, false, true},
    {DynamicUpdateSlice, "dynamic-update-slice", 2, -1, kOther, false, true},
    {Concatenate, "concatenate", 1, -1, kMove, false, true},
    {Pad, "pad", 2, 2, kOther, false, true},
    {Reverse, "reverse", 1, 1, kMove, false, true},
    {Dot, "dot", 2, 2, kFold, false, true},
    {Reduce, "reduce", 2, 2, kFold, false, true},
    {ReduceWindow, "reduce-window", 2, 2, kFold, false, true},
    {Convolution, "convolution", 2, 2, kFold, false, true},
    {Compare, "compare", 2, 2, kElement, false, true},
    {Select, "select", 3, 3, kElement, false, true},
    {Clamp, "clamp", 3, 3, kElement, false, true},
    {Add, "add", 2, 2, kElement, true, true},
    {Subtract, "subtract", 2, 2, kElement, false, true},
    {Multiply, "multiply", 2, 2, kElement, true, true},
    {Divide, "divide", 2, 2, kElement, false, true},
    {Remainder, "remainder", 2, 2, kElement, false, true},
    {Maximum, "maximum", 2, 2, kElement, true, true},
    {Minimum, "minimum", 2, 2, kElement, true, true},
    {Power, "power", 2, 2, kElement, false, true},
    {Negate, "negate", 1, 1, kElement, false, true},
    {Abs, "abs", 1, 1, kElement, false, true},
    {Sign, "sign", 1, 1, kElement, false, true},
    {Floor, "floor", 1, 1, kElement, false, true},
    {Ceil, "ceil", 1, 1, kElement, false, true},
    {RoundNearestEven, "round-nearest-even", 1, 1, kElement, false, true},
    {Exponential, "exponential", 1, 1, kElement, false, true},
    {ExponentialMinusOne, "exponential-minus-one", 1, 1, kElement, false, true},
    {Log, "log", 1, 1, kElement, false, true},
    {LogPlusOne, "log-plus-one", 1, 1, kElement, false, true},
    {Logistic, "logistic", 1, 1, kElement, false, true},
    {Tanh, "tanh", 1, 1, kElement, false, true},
    {Erf, "erf", 1, 1, kElement, false, true},
    {Sqrt, "sqrt", 1, 1, kElement, false, true},
    {Rsqrt, "rsqrt", 1, 1, kElement, false, true},
    {Cbrt, "cbrt", 1, 1, kElement, false, true},
    {Sine, "sine", 1, 1, kElement, false, true},
    {Cosine, "cosine", 1, 1, kElement, false, true},
    {And, "and", 2, 2, kElement, true, true},
    {Or, "or", 2, 2, kElement, true, true},
    {Xor, "xor", 2, 2, kElement, true, true},
    {Not, "not", 1, 1, kElement, false, true},
    {ShiftLeft, "shift-left", 2, 2, kElement, false, true},
    {ShiftRightArithmetic, "shift-right-arithmetic", 2, 2, kElement, false, true},
    {ShiftRightLogical, "shift-right-logical", 2, 2, kElement, false, true},
    {Tuple, "tuple", 0, -1, kOther, false, false},
    {GetTupleElement, "get-tuple-element", 1, 1, kOther, false, false},
}};

static_assert([] {
  for (int i = 0; i < kOpCodeCount; ++i)
    if (static_cast<int>(kTable[static_cast<std::size_t>(i)].code) != i)
      return false;
  return true;
}());

constexpr std::array<std::string_view, 6> kDirections = {"EQ", "NE", "LT", "LE", "GT", "GE"};

} // namespace

std::string_view name(CompareDirection direction) {
  return kDirections[static_cast<std::size_t>(direction)];
}

std::span<const std::int64_t> Attributes::get(AttributeKey key) const {
  for (const auto &[k, values] : lists)
    if (k == key)
      return values;
  return {};
}

std::int64_t Attributes::get_one(AttributeKey key, std::int64_t otherwise) const {
  auto values = get(key);
  return values.empty() ? otherwise : values[0];
}

void Attributes::set(AttributeKey key, std::vector<std::int64_t> values) {
  auto place = std::lower_bound(lists.begin(), lists.end(), key,
                                [](const auto &p, AttributeKey k) { return p.first < k; });
  bool present = place != lists.end() && place->first == key;
  if (values.empty()) {
    if (present)
      lists.erase(place);
  } else if (present) {
    place->second = std::move(values);
  } else {
    lists.insert(place, {key, std::move(values)});
  }
}

bool Attributes::operator==(const Attributes &other) const {
  if (lists != other.lists || !literal != !other.literal)
    return false;
  return !literal || literal == other.literal || *literal == *other.literal;
}

std::size_t Attributes::hash() const {
  std::size_t h = 0x9e3779b97f4a7c15ULL;
  auto mix = [&](std::uint64_t v) { h = (h ^ v) * 0x100000001b3ULL + (h >> 29); };
  for (const auto &[key, values] : lists) {
    mix(static_cast<std::uint64_t>(key) + 0x100);
    for (std::int64_t v : values)
      mix(static_cast<std::uint64_t>(v));
  }
  if (literal) {
    mix(static_cast<std::uint64_t>(literal->shape().type));
    for (std::byte b : literal->bytes())
      mix(static_cast<std::uint64_t>(b));
  }
  return h;
}

const OpInfo &info(OpCode code) { return kTable[static_cast<std::size_t>(code)]; }

std::optional<OpCode> op_code(std::string_view name) {
  for (const OpInfo &row : kTable)
    if (row.name == name)
      return row.code;
  return std::nullopt;
}

std::vector<std::string> op_names() {
  std::vector<std::string> names;
  for (const OpInfo &row : kTable)
    names.emplace_back(row.name);
  return names;
}

std::vector<ElementSource> movement_map(OpCode code, std::span<const Shape> operands,
                                        const Attributes &attributes, const Shape &result) {
  std::vector<ElementSource> map(static_cast<std::size_t>(result.elements()));
  std::size_t rank = result.rank();
  if (code == Copy || code == Reshape) {
    for (std::size_t i = 0; i < map.size(); ++i)
      map[i] = {0, static_cast<std::uint32_t>(i)};
    return map;
  }
  if (code == Concatenate) {
    auto d = static_cast<std::size_t>(attributes.get_one(AttributeKey::Dimensions));
    std::int64_t inner = 1, outer = 1, offset = 0, total = result.dims[d];
    for (std::size_t k = 0; k < rank; ++k)
      (k < d ? outer : inner) *= k == d ? 1 : result.dims[k];
    for (std::size_t t = 0; t < operands.size(); ++t) {
      std::int64_t run = operands[t].dims[d] * inner;
      for (std::int64_t o = 0; o < outer; ++o)
        for (std::int64_t i = 0; i < run; ++i)
          map[static_cast<std::size_t>(o * total * inner + offset + i)] = {
              static_cast<std::uint32_t>(t), static_cast<std::uint32_t>(o * run + i)};
      offset += run;
    }
    return map;
  }
  // The others read input element base + sum(index[d] * step[d]).
  std::vector<std::int64_t> in = row_major_strides(operands[0].dims), step(rank, 0);
  std::int64_t base = 0;
  auto dims = attributes.get(AttributeKey::Dimensions);
  switch (code) {
  case Transpose:
    for (std::size_t d = 0; d < rank; ++d)
      step[d] = in[static_cast<std::size_t>(dims[d])];
    break;
  case Broadcast:
    for (std::size_t d = 0; d < dims.size(); ++d)
      step[static_cast<std::size_t>(dims[d])] = in[d];
    break;
  case Reverse:
    step = in;
    for (std::int64_t d : dims) {
      auto u = static_cast<std::size_t>(d);
      base += in[u] * (result.dims[u] - 1);
      step[u] = -in[u];
    }
    break;
  case Slice: {
    auto starts = attributes.get(AttributeKey::SliceStarts),
         strides = attributes.get(AttributeKey::SliceStrides);
    for (std::size_t d = 0; d < rank; ++d) {
      base += in[d] * starts[d];
      step[d] = in[d] * strides[d];
    }
    break;
  }
  default:
    throw std::logic_error("movement_map of an operation that moves nothing");
  }
  std::vector<std::int64_t> index(rank, 0);
  std::int64_t at = base;
  for (auto &source : map) {
    source = {0, static_cast<std::uint32_t>(at)};
    for (std::size_t d = rank; d-- > 0;) {
      at += step[d];
      if (++index[d] < result.dims[d])
        break;
      at -= step[d] * result.dims[d];
      index[d] = 0;
    }
  }
  return map;
}

} // namespace isamorph::semantics
