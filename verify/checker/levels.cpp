#include "verify/checker/levels.h"

#include "verify/checker/refusal.h"

#include <algorithm>
#include <cmath>

namespace isamorph::verify {

using semantics::ElementType;
using semantics::is_float;
using semantics::Level;
using semantics::OpCode;
using Kind = Value::Kind;

namespace {

std::string of_type(const char *lemma, ElementType type) {
  return std::string(lemma) + " " + std::string(semantics::name(type));
}

bool is_denormal_literal(const Value &v) {
  if (!is_float(v.type) || !semantics::is_finite(v.type, v.bits))
    return false;
  int least = v.type == ElementType::F16 ? -14 : v.type == ElementType::F64 ? -1022 : -126;
  double value = semantics::decode(v.type, v.bits);
  return value != 0 && std::fabs(value) < std::ldexp(1.0, least);
}

/// A literal, and a power of two: its reciprocal is not rounded.
bool has_exact_reciprocal(const Value &v) {
  int exponent = 0;
  double value = semantics::decode(v.type, v.bits);
  return std::isfinite(value) && std::fabs(std::frexp(value, &exponent)) == 0.5 &&
         semantics::decode(v.type, semantics::encode(v.type, 1 / value)) == 1 / value;
}

/// A unit flushes its results, and rounding them to the element type makes no denormal of them.
bool unit_flushes(const semantics::FoldNumerics &fold, ElementType type) {
  const semantics::StepProgram *unit = semantics::unit_for(fold, type);
  return unit && unit->round.tiny != semantics::TinyResults::Keep &&
         semantics::least_exponent(semantics::accumulator_type(fold, type)) ==
             semantics::least_exponent(type);
}

/// Products are added one after the other, so that those that are zeros can be left out.
bool adds_in_sequence(const semantics::FoldNumerics &fold, ElementType type, std::size_t products) {
  using Kind = semantics::OrderDescriptor::Kind;
  bool one_block =
      fold.order.kind == Kind::Blocks && static_cast<std::int64_t>(products) <= fold.order.width;
  return !semantics::unit_for(fold, type) && (fold.order.kind == Kind::Sequential || one_block);
}

/// Arithmetic of the type loses denormals, in or out.
bool loses_denormals(const semantics::NumericsProfile &profile, OpCode op, ElementType type) {
  return profile.flush_narrowing ||
         semantics::denormal_use(profile, op, type) != semantics::DenormalUse{};
}

/// No denormal of one type lies below the normal numbers of the other.
bool range_holds_denormals(ElementType from, ElementType to) {
  return semantics::least_exponent(from) - (semantics::precision(from) - 1) >=
         semantics::least_exponent(to);
}

/// A sum of one product is rounded as the multiplication is. Sums without a unit keep what
/// narrowing flushes, multiplications do not.
bool rounds_as_multiply(const semantics::NumericsProfile &profile, ElementType type) {
  ElementType accumulator = semantics::accumulator_type(profile.dot, type);
  bool flushes =
      semantics::denormal_use(profile, OpCode::Dot, type) != semantics::DenormalUse{} ||
      semantics::denormal_use(profile, OpCode::Multiply, type) != semantics::DenormalUse{} ||
      (profile.flush_narrowing && semantics::byte_size(accumulator) > semantics::byte_size(type));
  return !flushes && semantics::rounds_plainly(profile) &&
         !semantics::unit_for(profile.dot, type) &&
         accumulator == semantics::compute_type(profile, type);
}

} // namespace

LevelForms::LevelForms(Values &values, Level level) : values_(values), level_(level) {
  std::size_t count = values.size(); // operands come before what they are operands of
  forms_.reserve(count);
  for (ValueId id = 0; id < count; ++id)
    forms_.push_back(form_of(id));
}

bool LevelForms::equal(ValueId a, ValueId b) const {
  return forms_[a].value == forms_[b].value && !forms_[a].spoilt && !forms_[b].spoilt;
}

LevelForms::Form LevelForms::form_of(ValueId id) {
  Value value = values_[id];
  Form form;
  form.value = id;
  form.no_denormal = no_denormal(id);
  std::vector<ValueId> in;
  for (ValueId operand : value.operands) {
    in.push_back(forms_[operand].value);
    form.loose = form.loose || forms_[operand].loose;
    form.spoilt = form.spoilt || forms_[operand].spoilt;
  }
  switch (value.kind) {
  case Kind::Input:
  case Kind::Literal:
    break;
  case Kind::Byte:
    form.spoilt = form.spoilt || form.loose;
    if (!form.loose)
      form.value = values_.byte(in[0], value.detail);
    break;
  case Kind::Joined:
    form.value = values_.joined(value.type, in);
    break;
  case Kind::List:
    form.value = values_.list(in);
    break;
  case Kind::Monomial: // of integers, whose forms keep their types; the order of parts is free
  case Kind::Polynomial:
  case Kind::Set:
    std::sort(in.begin(), in.end());
    value.operands = in;
    form.value = values_.number(value);
    break;
  case Kind::Op:
    of_operation(value, in, form);
    break;
  case Kind::Dot:
    of_dot(value, in, form);
    break;
  case Kind::Reduce:
    of_reduce(value, in, form);
    break;
  default:
    refuse("a sum over the real numbers stands in an execution");
  }
  return form;
}

bool LevelForms::no_denormal(ValueId id) const {
  const Value &v = values_[id];
  const semantics::NumericsProfile &profile = values_.profile();
  auto flushed = [&](OpCode op, ElementType operand) {
    return semantics::denormal_use(profile, op, operand, v.type).results !=
           semantics::TinyResults::Keep;
  };
  switch (v.kind) {
  case Kind::Input: // the level has no denormals among them where the profile flushes any
    return semantics::flushes(profile, v.type);
  case Kind::Literal:
    return !is_denormal_literal(v);
  case Kind::Op:
    if (v.op == OpCode::Negate || v.op == OpCode::Abs || v.op == OpCode::Copy) // not arithmetic
      return forms_[v.operands[0]].no_denormal;
    if (v.op == OpCode::Select)
      return forms_[v.operands[1]].no_denormal && forms_[v.operands[2]].no_denormal;
    if (flushed(v.op, values_[v.operands[0]].type))
      return true;
    return v.op == OpCode::Convert && converted_no_denormal(v);
  case Kind::Dot:
    return flushed(OpCode::Dot, v.type) || unit_flushes(profile.dot, v.type);
  default:
    return v.kind == Kind::Reduce && flushed(OpCode::Reduce, v.type);
  }
}

/// Of a conversion that flushes nothing: integers are zeros or at least one, and rounding a normal
/// number of no smaller range gives one.
bool LevelForms::converted_no_denormal(const Value &v) const {
  ElementType from = values_[v.operands[0]].type;
  if (!is_float(v.type) || !is_float(from) || range_holds_denormals(from, v.type))
    return true;
  return semantics::least_exponent(from) >= semantics::least_exponent(v.type) &&
         forms_[v.operands[0]].no_denormal;
}

bool LevelForms::survives(OpCode op, ElementType type, ValueId original) const {
  // Another way to lose denormals does not compile until it has been thought of here and in
  // no_denormal().
  [[maybe_unused]] const auto &[profile_name, compute, dot, reduce, denormals, exceptions,
                                narrowing, elementwise, conversion, functions] = values_.profile();
  if (level_ != Level::Real && op != OpCode::Dot && !semantics::rounds_plainly(values_.profile()))
    return false; // the lemmas are for rounding to nearest even
  const semantics::StepProgram *unit = op == OpCode::Dot ? semantics::unit_for(dot, type) : nullptr;
  bool kept = !loses_denormals(values_.profile(), op, type) && !(unit && unit->flushes());
  return level_ == Level::Real || kept || forms_[original].no_denormal;
}

bool LevelForms::is_number(ValueId id, double number) const {
  const Value &v = values_[id];
  return v.kind == Kind::Literal && is_float(v.type) && semantics::decode(v.type, v.bits) == number;
}

void LevelForms::of_operation(const Value &value, std::vector<ValueId> in, Form &form) {
  if (is_float(value.type) && (neutral(value, in, form) || over_the_reals(value, in, form))) {
    form.loose = true;
    return;
  }
  form.value = values_.operation(value.op, value.detail, value.type, std::move(in));
}

/// x + 0, 0 + x, x - 0, x * 1, 1 * x, x / 1, x * 0, 0 * x.
bool LevelForms::neutral(const Value &value, const std::vector<ValueId> &in, Form &form) {
  struct Case {
    OpCode op;
    std::size_t kept;
    double other;
    const char *lemma;
  };
  constexpr Case cases[] = {
      {OpCode::Add, 0, 0, "add zero"},           {OpCode::Add, 1, 0, "add zero"},
      {OpCode::Subtract, 0, 0, "subtract zero"}, {OpCode::Multiply, 0, 1, "multiply one"},
      {OpCode::Multiply, 1, 1, "multiply one"},  {OpCode::Divide, 0, 1, "divide one"}};
  for (const Case &c : cases)
    if (value.op == c.op && is_number(in[1 - c.kept], c.other) &&
        survives(value.op, value.type, value.operands[c.kept]) &&
        values_.may_use(of_type(c.lemma, value.type))) {
      form.value = in[c.kept];
      return true;
    }
  if (value.op == OpCode::Multiply && (is_number(in[0], 0) || is_number(in[1], 0)) &&
      values_.may_use(of_type("multiply zero", value.type))) {
    form.value = values_.literal(value.type, 0);
    return true;
  }
  return false;
}

bool LevelForms::over_the_reals(const Value &value, const std::vector<ValueId> &in, Form &form) {
  if (level_ != Level::Real)
    return false;
  auto number = [&](double x) {
    return values_.literal(value.type, semantics::encode(value.type, x));
  };
  auto product = [&](ValueId a, ValueId b) {
    return sum_or_product(Kind::Product, value.type, {a, b});
  };
  switch (value.op) {
  case OpCode::Add:
    form.value = sum_or_product(Kind::Sum, value.type, in);
    return true;
  case OpCode::Subtract:
    form.value = sum_or_product(Kind::Sum, value.type, {in[0], product(in[1], number(-1))});
    return true;
  case OpCode::Negate:
    form.value = product(in[0], number(-1));
    return true;
  case OpCode::Multiply:
    form.value = product(in[0], in[1]);
    return true;
  case OpCode::Divide:
    if (values_.is_literal(in[1]) && !has_exact_reciprocal(values_[in[1]]))
      return false;
    form.value =
        product(in[0], values_.operation(OpCode::Divide, 0, value.type, {number(1), in[1]}));
    return true;
  case OpCode::Convert: // a literal keeps the type that operations on it expect
    if (!is_float(values_[in[0]].type) || values_.is_literal(in[0]))
      return false;
    form.value = in[0];
    return true;
  default:
    return false;
  }
}

void LevelForms::of_dot(const Value &value, const std::vector<ValueId> &in, Form &form) {
  ElementType accumulator = semantics::accumulator_type(values_.profile().dot, value.type);
  const semantics::StepProgram *machine = semantics::unit_for(values_.profile().dot, value.type);
  bool exact = !machine || semantics::keeps_unit_vectors(*machine);
  for (std::size_t unit = 0; unit < 2 && exact && is_float(value.type); ++unit) {
    const std::vector<ValueId> elements = values_[in[unit]].operands;
    std::size_t ones = 0, zeros = 0, at = 0;
    for (std::size_t i = 0; i < elements.size(); ++i) {
      zeros += is_number(elements[i], 0);
      if (is_number(elements[i], 1) && ++ones)
        at = i;
    }
    if (ones == 1 && zeros + 1 == elements.size() &&
        survives(OpCode::Dot, value.type, values_[value.operands[1 - unit]].operands.at(at)) &&
        values_.may_use(of_type("unit vector dot", value.type) + " in " +
                        std::string(semantics::name(accumulator)))) {
      form.value = values_[in[1 - unit]].operands[at];
      form.loose = true;
      return;
    }
  }
  if (level_ == Level::Real && is_float(value.type)) {
    const std::vector<ValueId> left = values_[in[0]].operands, right = values_[in[1]].operands;
    std::vector<ValueId> parts;
    for (std::size_t i = 0; i < left.size(); ++i)
      parts.push_back(sum_or_product(Kind::Product, value.type, {left[i], right[i]}));
    form.value = sum_or_product(Kind::Sum, value.type, parts);
    form.loose = true;
    return;
  }
  if (!is_float(value.type) || !without_zeros(value, in, form))
    form.value = values_.dot(value.type, in[0], in[1]);
}

/// Leaves out products by zero where they are added one after the other; of one product that is
/// left, or was alone, also the zero to which it is added.
bool LevelForms::without_zeros(const Value &value, const std::vector<ValueId> &in, Form &form) {
  const semantics::NumericsProfile &profile = values_.profile();
  const std::vector<ValueId> left = values_[in[0]].operands, right = values_[in[1]].operands;
  std::vector<ValueId> factors, others;
  for (std::size_t i = 0; i < left.size(); ++i)
    if (!is_number(left[i], 0) && !is_number(right[i], 0)) {
      factors.push_back(left[i]);
      others.push_back(right[i]);
    }
  bool shorter = factors.size() < left.size(),
       single = factors.size() == 1 && rounds_as_multiply(profile, value.type);
  if (!adds_in_sequence(profile.dot, value.type, left.size()) ||
      !(shorter || (single && form.loose)) ||
      !values_.may_use(
          of_type("zero products", value.type) + " in " +
          std::string(semantics::name(semantics::accumulator_type(profile.dot, value.type)))))
    return false;
  form.loose = true;
  if (factors.empty())
    form.value = values_.literal(value.type, 0);
  else if (single)
    form.value =
        values_.operation(OpCode::Multiply, 0, value.type, {factors.front(), others.front()});
  else
    form.value = values_.dot(value.type, values_.list(factors), values_.list(others));
  return true;
}

void LevelForms::of_reduce(const Value &value, const std::vector<ValueId> &in, Form &form) {
  bool sum = value.op == OpCode::Add, product = value.op == OpCode::Multiply;
  if (level_ == Level::Real && is_float(value.type) && (sum || product)) {
    std::vector<ValueId> parts = values_[in[1]].operands;
    parts.push_back(in[0]);
    form.value = sum_or_product(sum ? Kind::Sum : Kind::Product, value.type, parts);
    form.loose = true;
    return;
  }
  form.value = values_.reduce(value.op, value.type, in[0], in[1]);
}

/// Sorted, with sums in sums and products in products spliced in and neutral numbers left out.
ValueId LevelForms::sum_or_product(Kind kind, ElementType type, const std::vector<ValueId> &parts) {
  double neutral = kind == Kind::Sum ? 0 : 1;
  std::vector<ValueId> all;
  for (ValueId part : parts) {
    const Value &v = values_[part];
    if (v.kind == kind)
      all.insert(all.end(), v.operands.begin(), v.operands.end());
    else if (!is_number(part, neutral))
      all.push_back(part);
  }
  if (all.empty())
    return values_.literal(type, semantics::encode(type, neutral));
  if (all.size() == 1)
    return all[0];
  if (!values_.may_use(kind == Kind::Sum ? "real sum" : "real product"))
    refuse(kind == Kind::Sum
               ? "the proof needs lemma 'real sum', which $.lemmas does not list"
               : "the proof needs lemma 'real product', which $.lemmas does not list");
  std::sort(all.begin(), all.end());
  return values_.number({kind, ElementType::F64, OpCode::Copy, 0, 0, std::move(all)});
}

} // namespace isamorph::verify
