#include "semantics/affine_index.h"

#include "semantics/tensor.h"

#include <algorithm>
#include <cassert>

namespace isamorph::semantics {
namespace {

using Indices = std::vector<AffineIndex>;

constexpr std::int64_t kLargest = (std::int64_t{1} << 61) - 1; ///< of offsets, and of slopes

std::optional<std::int64_t> bounded(std::int64_t value) {
  return value >= -kLargest && value <= kLargest ? std::optional(value) : std::nullopt;
}

std::optional<std::int64_t> plus(std::int64_t a, std::int64_t b) {
  std::int64_t out;
  return __builtin_add_overflow(a, b, &out) ? std::nullopt : bounded(out);
}

std::optional<std::int64_t> times(std::int64_t a, std::int64_t b) {
  std::int64_t out;
  return __builtin_mul_overflow(a, b, &out) ? std::nullopt : bounded(out);
}

std::int64_t floor_divide(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0); }

/// Whether all values lie in [low, high], or none does.
enum class Where : std::uint8_t { Inside, Outside, Both };
Where where(const IndexSpace::Range &range, std::int64_t low, std::int64_t high) {
  if (range.low >= low && range.high <= high)
    return Where::Inside;
  return range.high < low || range.low > high ? Where::Outside : Where::Both;
}

std::optional<AffineSource> of_concatenate(IndexSpace &space, std::span<const Shape> operands,
                                           std::size_t dimension, Indices at) {
  std::int64_t begin = 0;
  for (std::size_t t = 0; t < operands.size(); ++t) {
    std::int64_t size = operands[t].dims[dimension];
    Where here = where(space.range(at[dimension]), begin, begin + size - 1);
    if (here == Where::Both)
      return std::nullopt;
    if (here == Where::Inside) {
      at[dimension].offset -= begin;
      auto element = space.position(at, operands[t].dims);
      return element ? std::optional(AffineSource{t, *element}) : std::nullopt;
    }
    begin += size;
  }
  return std::nullopt;
}

std::optional<AffineSource> of_pad(IndexSpace &space, std::span<const Shape> operands,
                                   const Attributes &attributes, Indices at) {
  auto low = attributes.get(AttributeKey::PaddingLow),
       interior = attributes.get(AttributeKey::PaddingInterior);
  bool undecided = false;
  for (std::size_t d = 0; d < at.size(); ++d) {
    at[d].offset -= low[d];
    std::int64_t step = interior.empty() ? 1 : interior[d] + 1;
    Where here = where(space.range(at[d]), 0, (operands[0].dims[d] - 1) * step);
    if (here == Where::Outside)
      return AffineSource{1, {}};
    auto division = here == Where::Inside ? space.divide(at[d], step) : std::nullopt;
    if (!division || !division->remainder.is_constant()) {
      undecided = true;
      continue;
    }
    if (division->remainder.offset != 0)
      return AffineSource{1, {}};
    at[d] = division->quotient;
  }
  auto element = undecided ? std::nullopt : space.position(at, operands[0].dims);
  return element ? std::optional(AffineSource{0, *element}) : std::nullopt;
}

/// The indices in the one operand of an operation that permutes, repeats, mirrors or steps.
std::optional<Indices> operand_indices(IndexSpace &space, OpCode code, const Attributes &attributes,
                                       const Shape &result, const Indices &at) {
  auto dims = attributes.get(AttributeKey::Dimensions);
  Indices out = at;
  switch (code) {
  case OpCode::Transpose:
    for (std::size_t d = 0; d < at.size(); ++d)
      out[static_cast<std::size_t>(dims[d])] = at[d];
    return out;
  case OpCode::Broadcast:
    out.clear();
    for (std::int64_t d : dims)
      out.push_back(at[static_cast<std::size_t>(d)]);
    return out;
  case OpCode::Reverse:
    for (std::int64_t d : dims) {
      auto u = static_cast<std::size_t>(d);
      auto mirrored = space.scaled(at[u], -1);
      if (!mirrored)
        return std::nullopt;
      out[u] = {mirrored->offset + result.dims[u] - 1, mirrored->slope};
    }
    return out;
  case OpCode::Slice:
    for (std::size_t d = 0; d < at.size(); ++d) {
      auto stepped = space.scaled(at[d], attributes.get(AttributeKey::SliceStrides)[d]);
      if (!stepped)
        return std::nullopt;
      out[d] = {stepped->offset + attributes.get(AttributeKey::SliceStarts)[d], stepped->slope};
    }
    return out;
  default:
    throw std::logic_error("movement_source of an operation that moves nothing");
  }
}

} // namespace

IndexSpace::IndexSpace(std::vector<std::int64_t> counts) : counts_(std::move(counts)) {
  assert(std::ranges::all_of(counts_, [](std::int64_t count) { return count >= 2; }));
  slopes_.push_back({std::vector<std::int64_t>(counts_.size(), 0), {0, 0}});
  by_factors_.emplace(slopes_.front().factors, SlopeId{});
}

std::optional<SlopeId> IndexSpace::slope(const std::vector<std::int64_t> &factors) {
  if (auto known = by_factors_.find(factors); known != by_factors_.end())
    return known->second;
  Range range{0, 0};
  for (std::size_t v = 0; v < factors.size(); ++v) {
    auto last = times(factors[v], counts_[v] - 1);
    std::int64_t &bound = factors[v] < 0 ? range.low : range.high;
    auto moved = last ? plus(bound, *last) : std::nullopt;
    if (!moved)
      return std::nullopt;
    bound = *moved;
  }
  SlopeId id{static_cast<std::uint32_t>(slopes_.size())};
  slopes_.push_back({factors, range});
  by_factors_.emplace(factors, id);
  return id;
}

IndexSpace::Range IndexSpace::range(const AffineIndex &index) const {
  const Range &part = slopes_[index.slope.v].range;
  return {index.offset + part.low, index.offset + part.high};
}

std::optional<AffineIndex> IndexSpace::sum(const AffineIndex &a, const AffineIndex &b) {
  auto offset = plus(a.offset, b.offset);
  if (!offset)
    return std::nullopt;
  if (a.is_constant() || b.is_constant())
    return AffineIndex{*offset, a.is_constant() ? b.slope : a.slope};
  auto [entry, fresh] = sums_.try_emplace(std::minmax(a.slope, b.slope));
  if (fresh) {
    std::vector<std::int64_t> factors = slopes_[a.slope.v].factors;
    for (std::size_t v = 0; v < factors.size(); ++v)
      factors[v] += slopes_[b.slope.v].factors[v];
    entry->second = slope(factors);
  }
  return entry->second ? std::optional(AffineIndex{*offset, *entry->second}) : std::nullopt;
}

std::optional<AffineIndex> IndexSpace::scaled(const AffineIndex &index, std::int64_t factor) {
  auto offset = times(index.offset, factor);
  if (!offset || factor == 1)
    return offset ? std::optional(index) : std::nullopt;
  std::vector<std::int64_t> factors = slopes_[index.slope.v].factors;
  for (std::int64_t &f : factors) {
    auto product = times(f, factor);
    if (!product)
      return std::nullopt;
    f = *product;
  }
  auto slope = this->slope(factors);
  return slope ? std::optional(AffineIndex{*offset, *slope}) : std::nullopt;
}

/// Truncated, so that small negative steps stay remainders; `divide` looks whether they fit.
const IndexSpace::Split &IndexSpace::split(SlopeId slope, std::int64_t divisor) {
  auto [entry, fresh] = splits_.try_emplace({slope, divisor});
  if (fresh) {
    std::vector<std::int64_t> quotient = slopes_[slope.v].factors, remainder = quotient;
    for (std::size_t v = 0; v < quotient.size(); ++v) {
      quotient[v] /= divisor;
      remainder[v] %= divisor;
    }
    entry->second = {*this->slope(quotient), *this->slope(remainder)}; // no factor grew
  }
  return entry->second;
}

std::optional<IndexSpace::Division> IndexSpace::divide(const AffineIndex &index,
                                                       std::int64_t divisor) {
  assert(divisor > 0);
  std::int64_t quotient = floor_divide(index.offset, divisor);
  AffineIndex rest{index.offset - quotient * divisor, {}};
  if (index.is_constant())
    return Division{{quotient, {}}, rest};
  const Split &parts = split(index.slope, divisor);
  rest.slope = parts.remainder;
  if (where(range(rest), 0, divisor - 1) != Where::Inside)
    return std::nullopt;
  return Division{{quotient, parts.quotient}, rest};
}

std::optional<std::vector<AffineIndex>> IndexSpace::indices(const AffineIndex &position,
                                                            std::span<const std::int64_t> dims) {
  Indices out(dims.size());
  AffineIndex rest = position;
  for (std::size_t d = dims.size(); d-- > 0;) {
    auto division = divide(rest, std::max<std::int64_t>(1, dims[d]));
    if (!division)
      return std::nullopt;
    out[d] = division->remainder;
    rest = division->quotient;
  }
  if (rest != AffineIndex{}) // outside
    return std::nullopt;
  return out;
}

std::optional<AffineIndex> IndexSpace::position(std::span<const AffineIndex> indices,
                                                std::span<const std::int64_t> dims) {
  std::optional<AffineIndex> out = AffineIndex{};
  for (std::size_t d = 0; d < dims.size() && out; ++d) {
    if (where(range(indices[d]), 0, dims[d] - 1) != Where::Inside)
      return std::nullopt;
    out = scaled(*out, dims[d]);
    if (out)
      out = sum(*out, indices[d]);
  }
  return out;
}

std::optional<AffineIndex> affine_value(IndexSpace &space, const IntExpr &expression,
                                        std::span<const AffineIndex> variables) {
  if (expression.is_constant())
    return AffineIndex{expression.value(), {}};
  if (expression.op() == IntOp::Variable)
    return variables[expression.variable_index()];
  Indices in;
  Bindings numbers;
  std::vector<IntExpr> literals;
  for (const IntExpr &argument : expression.arguments()) {
    auto value = affine_value(space, argument, variables);
    if (!value)
      return std::nullopt;
    in.push_back(*value);
    literals.emplace_back(value->offset);
  }
  if (std::ranges::all_of(in, &AffineIndex::is_constant)) {
    auto value = IntExpr::make(expression.op(), literals).evaluate({});
    return value ? std::optional(AffineIndex{*value, {}}) : std::nullopt;
  }
  switch (expression.op()) {
  case IntOp::Negate:
    return space.scaled(in[0], -1);
  case IntOp::Add:
    return space.sum(in[0], in[1]);
  case IntOp::Subtract: {
    auto negative = space.scaled(in[1], -1);
    return negative ? space.sum(in[0], *negative) : std::nullopt;
  }
  case IntOp::Multiply:
    if (in[0].is_constant())
      std::swap(in[0], in[1]);
    return in[1].is_constant() ? space.scaled(in[0], in[1].offset) : std::nullopt;
  case IntOp::Divide:
  case IntOp::Modulo: {
    if (!in[1].is_constant() || in[1].offset <= 0)
      return std::nullopt;
    auto division = space.divide(in[0], in[1].offset);
    if (!division)
      return std::nullopt;
    return expression.op() == IntOp::Divide ? division->quotient : division->remainder;
  }
  default:
    return std::nullopt;
  }
}

std::optional<AffineSource> movement_source(IndexSpace &space, OpCode code,
                                            std::span<const Shape> operands,
                                            const Attributes &attributes, const Shape &result,
                                            const AffineIndex &element) {
  if (code == OpCode::Copy || code == OpCode::Reshape)
    return AffineSource{0, element};
  auto at = space.indices(element, result.dims);
  if (!at)
    return std::nullopt;
  if (code == OpCode::Concatenate)
    return of_concatenate(space, operands,
                          static_cast<std::size_t>(attributes.get_one(AttributeKey::Dimensions)),
                          *std::move(at));
  if (code == OpCode::Pad)
    return of_pad(space, operands, attributes, *std::move(at));
  auto in = operand_indices(space, code, attributes, result, *at);
  auto source = in ? space.position(*in, operands[0].dims) : std::nullopt;
  return source ? std::optional(AffineSource{0, *source}) : std::nullopt;
}

} // namespace isamorph::semantics
