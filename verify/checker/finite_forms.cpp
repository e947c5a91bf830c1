#include "verify/checker/finite_forms.h"

#include <algorithm>
#include <cmath>

namespace isamorph::verify {

using semantics::ElementType;
using semantics::is_float;
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

FiniteForms::FiniteForms(Values &values) : values_(values) {
  std::size_t count = values.size(); // operands come before what they are operands of
  forms_.reserve(count);
  for (ValueId id = 0; id < count; ++id)
    forms_.push_back(form_of(id));
}

bool FiniteForms::equal(ValueId a, ValueId b) const {
  return forms_[a].value == forms_[b].value && !forms_[a].spoilt && !forms_[b].spoilt;
}

FiniteForms::Form FiniteForms::form_of(ValueId id) {
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
    form.value = values_.reduce(value.op, value.type, in[0], in[1]);
    break;
  }
  return form;
}

bool FiniteForms::no_denormal(ValueId id) const {
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
bool FiniteForms::converted_no_denormal(const Value &v) const {
  ElementType from = values_[v.operands[0]].type;
  if (!is_float(v.type) || !is_float(from) || range_holds_denormals(from, v.type))
    return true;
  return semantics::least_exponent(from) >= semantics::least_exponent(v.type) &&
         forms_[v.operands[0]].no_denormal;
}

bool FiniteForms::survives(OpCode op, ElementType type, ValueId original) const {
  // Another way to lose denormals does not compile until it has been thought of here and in
  // no_denormal().
  [[maybe_unused]] const auto &[profile_name, compute, dot, reduce, denormals, exceptions,
                                narrowing, elementwise, conversion, functions] = values_.profile();
  if (op != OpCode::Dot && !semantics::rounds_plainly(values_.profile()))
    return false; // the lemmas are for rounding to nearest even
  const semantics::StepProgram *unit = op == OpCode::Dot ? semantics::unit_for(dot, type) : nullptr;
  bool kept = !loses_denormals(values_.profile(), op, type) && !(unit && unit->flushes());
  return kept || forms_[original].no_denormal;
}

bool FiniteForms::is_number(ValueId id, double number) const {
  const Value &v = values_[id];
  return v.kind == Kind::Literal && is_float(v.type) && semantics::decode(v.type, v.bits) == number;
}

void FiniteForms::of_operation(const Value &value, std::vector<ValueId> in, Form &form) {
  if (is_float(value.type) && neutral(value, in, form)) {
    form.loose = true;
    return;
  }
  form.value = values_.operation(value.op, value.detail, value.type, std::move(in));
}

/// x + 0, 0 + x, x - 0, x * 1, 1 * x, x / 1, x * 0, 0 * x.
bool FiniteForms::neutral(const Value &value, const std::vector<ValueId> &in, Form &form) {
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

void FiniteForms::of_dot(const Value &value, const std::vector<ValueId> &in, Form &form) {
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
  if (!is_float(value.type) || !without_zeros(value, in, form))
    form.value = values_.dot(value.type, in[0], in[1]);
}

/// Leaves out products by zero where they are added one after the other; of one product that is
/// left, or was alone, also the zero to which it is added.
bool FiniteForms::without_zeros(const Value &value, const std::vector<ValueId> &in, Form &form) {
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

} // namespace isamorph::verify
