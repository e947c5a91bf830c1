#include "verify/checker/integer_forms.h"

#include "verify/checker/refusal.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace isamorph::verify {
namespace {

using semantics::byte_size;
using semantics::ElementType;
using semantics::is_integer;
using semantics::is_signed_integer;
using semantics::OpCode;
using Kind = Value::Kind;
__extension__ using Wide = __int128;

constexpr std::int64_t kMaxMonomials = std::int64_t{1} << 24;
/// Larger products, and minima of larger maxima, are of two atoms.
constexpr std::size_t kMaxProduct = 4096, kMaxMinima = 256;
constexpr std::uint64_t kMinusOne = ~std::uint64_t{0};

std::uint64_t ones(ElementType type) { return kMinusOne >> (64 - 8 * byte_size(type)); }

/// The bits as two's complement.
std::int64_t centred(ElementType type, std::uint64_t bits) {
  int unused = 64 - 8 * byte_size(type);
  return static_cast<std::int64_t>(bits << unused) >> unused;
}

/// The number that the bits are.
Wide number_of(ElementType type, std::uint64_t bits) {
  return is_signed_integer(type) ? Wide{centred(type, bits)} : Wide{bits & ones(type)};
}

std::uint64_t largest(ElementType type) {
  return is_signed_integer(type) ? ones(type) >> 1 : ones(type);
}
std::uint64_t smallest(ElementType type) { return ~largest(type) & ones(type); }

/// "lattice s32", "semilattice and u8"
std::string lemma_of(OpCode op, ElementType type) {
  bool bitwise = op == OpCode::And || op == OpCode::Or;
  return (bitwise ? "semilattice " + std::string(semantics::info(op).name) : "lattice") + " " +
         std::string(semantics::name(type));
}

} // namespace

IntegerForms::IntegerForms(Values &values) : values_(values) {
  std::size_t size = values.size(); // operands come before what they are operands of
  forms_.reserve(size);
  for (ValueId id = 0; id < size; ++id)
    forms_.push_back(form_of(id));
}

IntegerForms::IntegerForms(Values &values, const std::set<ValueId> &asked) : values_(values) {
  parts_ = parts_of_sums(asked);
  std::size_t size = values.size();
  forms_.reserve(size);
  for (ValueId id = 0; id < size; ++id)
    forms_.push_back(parts_[id] ? id : form_of(id));
}

bool IntegerForms::is_sum(const Value &value) const {
  return is_integer(value.type) && value.kind == Kind::Op &&
         (value.op == OpCode::Add || value.op == OpCode::Subtract || value.op == OpCode::Negate);
}

/// The sums that are used once, in another sum.
std::vector<char> IntegerForms::parts_of_sums(const std::set<ValueId> &asked) {
  std::vector<ValueId> uses(values_.size(), 0), users(values_.size(), 0);
  for (ValueId id = 0; id < uses.size(); ++id)
    for (ValueId operand : values_[id].operands) {
      ++uses[operand];
      users[operand] = id;
    }
  std::vector<char> out(uses.size(), 0);
  for (ValueId id = 0; id < uses.size(); ++id)
    out[id] = uses[id] == 1 && !asked.count(id) && is_sum(values_[id]) &&
              is_sum(values_[users[id]]) && values_.may_use("integer ring");
  return out;
}

void IntegerForms::count(std::size_t monomials) {
  monomials_ += static_cast<std::int64_t>(monomials);
  if (monomials_ > kMaxMonomials)
    refuse("the forms of the integers have more than " + std::to_string(kMaxMonomials) +
           " monomials");
}

ValueId IntegerForms::form_of(ValueId id) {
  Value value = values_[id];
  Atoms in;
  for (ValueId operand : value.operands)
    in.push_back(forms_[operand]);
  std::optional<ValueId> out;
  if (value.kind == Kind::Byte) // the one byte of an integer is that integer
    out = values_[in[0]].type == ElementType::S8 ? convert(in[0], ElementType::U8) : out;
  else if (is_integer(value.type) && value.kind == Kind::Op)
    out = arithmetic(value, in);
  else if (is_integer(value.type) && value.kind == Kind::Dot)
    out = dot(value, in);
  else if (is_integer(value.type) && value.kind == Kind::Reduce)
    out = reduce(value, in);
  else if (is_integer(value.type) && value.kind == Kind::Joined)
    out = reinterpreted(value, in);
  return out ? *out : plain(value, in);
}

/// The value with its operands replaced by their forms.
ValueId IntegerForms::plain(const Value &value, const Atoms &in) {
  switch (value.kind) {
  case Kind::Op:
    return values_.operation(value.op, value.detail, value.type, in);
  case Kind::Byte:
    return values_.byte(in[0], value.detail);
  case Kind::Joined:
    return values_.joined(value.type, in);
  case Kind::Dot:
    return values_.dot(value.type, in[0], in[1]);
  default: {
    Value same = value;
    same.operands = in;
    return values_.number(std::move(same));
  }
  }
}

std::optional<ValueId> IntegerForms::arithmetic(const Value &value, const Atoms &in) {
  switch (value.op) {
  case OpCode::Convert:
    return is_integer(values_[in[0]].type) ? convert(in[0], value.type) : std::nullopt;
  case OpCode::Maximum:
  case OpCode::Minimum:
  case OpCode::Clamp:
  case OpCode::And:
  case OpCode::Or:
    return lattice(value.op, value.type, in);
  case OpCode::ShiftLeft:
    if (!values_.is_literal(in[1]) ||
        values_[in[1]].bits >= static_cast<std::uint64_t>(8 * byte_size(value.type)))
      return std::nullopt;
    return ring(value, in);
  case OpCode::Add:
  case OpCode::Subtract:
  case OpCode::Negate:
  case OpCode::Not:
  case OpCode::Multiply:
    return ring(value, in);
  default:
    return std::nullopt;
  }
}

std::optional<ValueId> IntegerForms::ring(const Value &value, const Atoms &in) {
  if (!values_.may_use("integer ring"))
    return std::nullopt;
  Polynomial sum;
  if (value.op == OpCode::Multiply)
    add_product(sum, in[0], in[1]);
  else if (value.op == OpCode::ShiftLeft)
    add(sum, in[0], std::uint64_t{1} << values_[in[1]].bits);
  else
    add(sum, in[0], value.op == OpCode::Negate || value.op == OpCode::Not ? kMinusOne : 1);
  if (value.op == OpCode::Not) // -1 - x
    sum[{}] += kMinusOne;
  if (value.op == OpCode::Add || value.op == OpCode::Subtract)
    add(sum, in[1], value.op == OpCode::Add ? 1 : kMinusOne);
  return number(value.type, sum);
}

std::optional<ValueId> IntegerForms::lattice(OpCode op, ElementType type, const Atoms &in) {
  if (!values_.may_use(lemma_of(op, type)))
    return std::nullopt;
  if (op == OpCode::And || op == OpCode::Or)
    return joined(op, type, in);
  if (op != OpCode::Clamp)
    return extremum(op, type, in);
  return extremum(OpCode::Minimum, type, {extremum(OpCode::Maximum, type, {in[0], in[1]}), in[2]});
}

std::optional<ValueId> IntegerForms::dot(const Value &value, const Atoms &in) {
  const semantics::FoldNumerics &fold = values_.profile().dot;
  if (semantics::unit_for(fold, value.type) ||
      semantics::accumulator_type(fold, value.type) != value.type ||
      !values_.may_use("integer ring"))
    return std::nullopt;
  const Atoms left = values_[in[0]].operands, right = values_[in[1]].operands;
  Polynomial sum;
  for (std::size_t i = 0; i < left.size(); ++i)
    add_product(sum, left[i], right[i]);
  return number(value.type, sum);
}

std::optional<ValueId> IntegerForms::reduce(const Value &value, const Atoms &in) {
  const semantics::FoldNumerics &fold = values_.profile().reduce;
  if (semantics::unit_for(fold, value.type) ||
      semantics::accumulator_type(fold, value.type) != value.type)
    return std::nullopt;
  Atoms all = values_[in[1]].operands;
  if (all.empty() && value.op == OpCode::Multiply)
    return in[0];
  all.push_back(in[0]);
  if (value.op != OpCode::Add && value.op != OpCode::Multiply)
    return lattice(value.op, value.type, all);
  if (!values_.may_use("integer ring"))
    return std::nullopt;
  bool is_sum = value.op == OpCode::Add;
  Polynomial sum;
  ValueId product = values_.literal(value.type, 1);
  for (ValueId element : all)
    if (is_sum) {
      add(sum, element, 1);
    } else {
      Polynomial longer;
      add_product(longer, product, element);
      product = number(value.type, longer);
    }
  return is_sum ? number(value.type, sum) : product;
}

/// The bytes of one integer, in their order, as an integer of the same width.
std::optional<ValueId> IntegerForms::reinterpreted(const Value &value, const Atoms &bytes) {
  if (value.type == ElementType::S8)
    return convert(bytes[0], value.type);
  const Value &first = values_[bytes[0]];
  if (first.kind != Kind::Byte)
    return std::nullopt;
  ValueId whole = first.operands[0];
  ElementType from = values_[whole].type;
  if (!is_integer(from) || byte_size(from) != byte_size(value.type))
    return std::nullopt;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const Value &byte = values_[bytes[i]];
    if (byte.kind != Kind::Byte || byte.operands[0] != whole ||
        byte.detail != static_cast<std::int64_t>(i))
      return std::nullopt;
  }
  return values_.may_use("join extract") ? convert(whole, value.type) : std::nullopt;
}

/// Whether the polynomial, over the unbounded integers, is the number that the value holds.
bool IntegerForms::is_exact(ValueId value) const {
  ElementType type = values_[value].type;
  auto values = range_of(type, polynomial(value));
  return values && values->low >= number_of(type, smallest(type)) &&
         values->high <= number_of(type, largest(type));
}

std::optional<ValueId> IntegerForms::convert(ValueId value, ElementType to) {
  ElementType from = values_[value].type;
  if (from == to)
    return value;
  if (!values_.may_use("integer ring") || !values_.may_use("integer range"))
    return std::nullopt;
  if (values_.is_literal(value))
    return values_.operation(OpCode::Convert, 0, to, {value});
  if (byte_size(to) > byte_size(from) && !is_exact(value))
    return number(to, Polynomial{{{value}, 1}});
  Polynomial out = polynomial(value);
  if (byte_size(to) > byte_size(from))
    for (auto &[atoms, coefficient] : out)
      coefficient = static_cast<std::uint64_t>(centred(from, coefficient));
  return number(to, out);
}

IntegerForms::Polynomial IntegerForms::polynomial(ValueId value) const {
  const Value &v = values_[value];
  if (v.kind == Kind::Literal)
    return {{{}, v.bits}};
  if (v.kind != Kind::Polynomial)
    return {{{value}, 1}};
  Polynomial out;
  for (ValueId monomial : v.operands)
    out[values_[monomial].operands] = values_[monomial].bits;
  return out;
}

void IntegerForms::add(Polynomial &sum, ValueId value, std::uint64_t factor) {
  std::vector<std::pair<ValueId, std::uint64_t>> left = {{value, factor}};
  while (!left.empty()) {
    auto [part, times] = left.back();
    left.pop_back();
    if (part < parts_.size() && parts_[part]) {
      const Value &v = values_[part];
      left.emplace_back(forms_[v.operands[0]], v.op == OpCode::Negate ? kMinusOne * times : times);
      if (v.op != OpCode::Negate)
        left.emplace_back(forms_[v.operands[1]],
                          v.op == OpCode::Subtract ? kMinusOne * times : times);
      continue;
    }
    Polynomial more = polynomial(part);
    count(more.size());
    for (const auto &[atoms, coefficient] : more)
      sum[atoms] += coefficient * times;
  }
}

void IntegerForms::add_product(Polynomial &sum, ValueId left, ValueId right) {
  Polynomial a = polynomial(left), b = polynomial(right);
  if (a.size() * b.size() > kMaxProduct) {
    a = {{{left}, 1}};
    b = {{{right}, 1}};
  }
  count(a.size() * b.size());
  for (const auto &[x, p] : a)
    for (const auto &[y, q] : b) {
      Atoms atoms;
      std::merge(x.begin(), x.end(), y.begin(), y.end(), std::back_inserter(atoms));
      sum[std::move(atoms)] += p * q;
    }
}

/// The value that a polynomial modulo 2^w is: a literal, an atom of its type, or of kind
/// Polynomial.
ValueId IntegerForms::number(ElementType type, const Polynomial &polynomial) {
  Polynomial reduced;
  for (const auto &[atoms, coefficient] : polynomial)
    if (std::uint64_t remainder = coefficient & ones(type))
      reduced[atoms] = remainder;
  if (reduced.empty() || reduced.rbegin()->first.empty())
    return values_.literal(type, reduced.empty() ? 0 : reduced.begin()->second);
  const auto &[atoms, factor] = *reduced.begin();
  if (reduced.size() == 1 && factor == 1 && atoms.size() == 1 && values_[atoms[0]].type == type)
    return atoms[0];
  Atoms monomials;
  for (const auto &[product, coefficient] : reduced)
    monomials.push_back(
        values_.number({Kind::Monomial, type, OpCode::Copy, 0, coefficient, product}));
  ValueId out = values_.number({Kind::Polynomial, type, OpCode::Copy, 0, 0, std::move(monomials)});
  if (auto values = range_of(type, reduced); values &&
                                             values->low >= number_of(type, smallest(type)) &&
                                             values->high <= number_of(type, largest(type)))
    ranges_[out] = *values;
  return out;
}

IntegerForms::Range IntegerForms::range(ValueId value) const {
  const Value &v = values_[value];
  if (v.kind == Kind::Literal)
    return {number_of(v.type, v.bits), number_of(v.type, v.bits)};
  auto found = ranges_.find(value);
  if (found != ranges_.end())
    return found->second;
  return {number_of(v.type, smallest(v.type)), number_of(v.type, largest(v.type))};
}

/// Of a polynomial over the unbounded integers, its coefficients read as two's complement; nullopt
/// where that does not fit 128 bits.
std::optional<IntegerForms::Range> IntegerForms::range_of(ElementType type,
                                                          const Polynomial &p) const {
  Range sum{0, 0};
  bool lost = false;
  for (const auto &[atoms, coefficient] : p) {
    Range part{centred(type, coefficient), centred(type, coefficient)};
    for (ValueId atom : atoms) {
      Range factor = range(atom);
      std::vector<Wide> corners;
      for (Wide x : {part.low, part.high})
        for (Wide y : {factor.low, factor.high})
          lost |= __builtin_mul_overflow(x, y, &corners.emplace_back());
      auto [low, high] = std::minmax_element(corners.begin(), corners.end());
      part = {*low, *high};
    }
    lost |= __builtin_add_overflow(sum.low, part.low, &sum.low);
    lost |= __builtin_add_overflow(sum.high, part.high, &sum.high);
  }
  return lost ? std::nullopt : std::optional(sum);
}

ValueId IntegerForms::extremum(OpCode op, ElementType type, const Atoms &members) {
  Maximum out = minima(members[0]);
  for (std::size_t i = 1; i < members.size(); ++i) {
    Maximum more = minima(members[i]);
    if (op == OpCode::Minimum)
      out = met(type, out, more);
    else
      out.insert(more.begin(), more.end());
  }
  return number(type, out);
}

IntegerForms::Maximum IntegerForms::minima(ValueId value) const {
  const Value &v = values_[value];
  auto minimum = [&](ValueId id) {
    const Value &part = values_[id];
    Minimum out{{}, largest(v.type)};
    bool is_set = part.kind == Kind::Set && part.op == OpCode::Minimum;
    for (ValueId member : is_set ? part.operands : Atoms{id})
      if (values_.is_literal(member))
        out.bound = values_[member].bits;
      else
        out.atoms.push_back(member);
    return out;
  };
  Maximum out;
  bool is_set = v.kind == Kind::Set && v.op == OpCode::Maximum;
  for (ValueId part : is_set ? v.operands : Atoms{value})
    out.insert(minimum(part));
  return out;
}

/// The minimum of two maxima, by distribution where that is small.
IntegerForms::Maximum IntegerForms::met(ElementType type, const Maximum &a, const Maximum &b) {
  if (a.size() * b.size() > kMaxMinima)
    return minima(set_of(OpCode::Minimum, type, {number(type, a), number(type, b)}));
  count(a.size() * b.size());
  Maximum out;
  for (const Minimum &x : a)
    for (const Minimum &y : b) {
      bool first = number_of(type, x.bound) < number_of(type, y.bound);
      Minimum both{{}, first ? x.bound : y.bound};
      std::set_union(x.atoms.begin(), x.atoms.end(), y.atoms.begin(), y.atoms.end(),
                     std::back_inserter(both.atoms));
      out.insert(std::move(both));
    }
  return out;
}

/// The value that a maximum of minima is: Sets, but for a single member.
ValueId IntegerForms::number(ElementType type, const Maximum &maximum) {
  auto below = [&](const Minimum &x, const Minimum &y) {
    return number_of(type, x.bound) <= number_of(type, y.bound) &&
           std::includes(x.atoms.begin(), x.atoms.end(), y.atoms.begin(), y.atoms.end());
  };
  Atoms members;
  for (const Minimum &x : maximum) {
    bool redundant = maximum.size() <= kMaxMinima &&
                     std::any_of(maximum.begin(), maximum.end(),
                                 [&](auto &y) { return &x != &y && below(x, y); });
    if (redundant)
      continue;
    Atoms parts = x.atoms;
    if (parts.empty() || x.bound != largest(type))
      parts.push_back(values_.literal(type, x.bound));
    members.push_back(set_of(OpCode::Minimum, type, std::move(parts)));
  }
  return set_of(OpCode::Maximum, type, std::move(members));
}

/// And, or.
ValueId IntegerForms::joined(OpCode op, ElementType type, const Atoms &members) {
  Atoms all;
  for (ValueId member : members) {
    const Value &v = values_[member];
    bool nested = v.kind == Kind::Set && v.op == op;
    for (ValueId part : nested ? v.operands : Atoms{member})
      all.push_back(part);
  }
  return set_of(op, type, std::move(all));
}

/// An associative, commutative and idempotent operation on members of the type: those that are
/// literals taken together, none that is neutral, and one alone that absorbs all.
ValueId IntegerForms::set_of(OpCode op, ElementType type, Atoms members) {
  std::uint64_t neutral = 0, absorbing = ones(type); // of or
  if (op == OpCode::And)
    std::swap(neutral, absorbing);
  if (op == OpCode::Maximum || op == OpCode::Minimum) {
    neutral = op == OpCode::Maximum ? smallest(type) : largest(type);
    absorbing = op == OpCode::Maximum ? largest(type) : smallest(type);
  }
  ValueId constant = values_.literal(type, neutral);
  Atoms out;
  for (ValueId member : members)
    if (values_.is_literal(member))
      constant = values_.operation(op, 0, type, {constant, member});
    else
      out.push_back(member);
  std::uint64_t bits = values_[constant].bits;
  if (out.empty() || bits == absorbing)
    return constant;
  if (bits != neutral)
    out.push_back(constant);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  if (out.size() == 1)
    return out[0];
  Range whole = range(out[0]);
  for (ValueId member : out) {
    Range one = range(member);
    auto chosen = [&](Wide a, Wide b) {
      return op == OpCode::Maximum ? std::max(a, b) : std::min(a, b);
    };
    whole = {chosen(whole.low, one.low), chosen(whole.high, one.high)};
  }
  ValueId set = values_.number({Kind::Set, type, op, 0, 0, std::move(out)});
  if (op == OpCode::Maximum || op == OpCode::Minimum)
    ranges_[set] = whole;
  return set;
}

} // namespace isamorph::verify
