#include "verify/checker/real_forms.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace isamorph::verify {

using semantics::ElementType;
using semantics::is_float;
using semantics::OpCode;
using Kind = Value::Kind;
using What = RealAtom::What;

namespace {

constexpr const char *kExponentialOfSum = "exp(a+b)=exp(a)exp(b)", *kExponentialOfZero = "exp(0)=1",
                     *kNotNegative = "exp(x)>=0, logistic(x)>=0, sqrt(x)>=0",
                     *kPositive = "exp(x)>0", *kLogarithmOfExponential = "log(exp(x))=x",
                     *kLogarithmOfProduct = "log(a*b)=log(a)+log(b) where a>0 and b>0",
                     *kExponentialOfLogarithm = "exp(log(x))=x where x>0";
/// More are forgotten, and computed anew.
constexpr std::size_t kMostHeld = std::size_t{1} << 20;

bool is_number_type(ElementType type) {
  return semantics::is_integer(type) || type == ElementType::Pred;
}

/// Every number of `from`, of integers, is one of `to`.
bool widens(ElementType from, ElementType to) {
  if (from == to || from == ElementType::Pred)
    return true;
  return semantics::byte_size(from) < semantics::byte_size(to) &&
         (semantics::is_signed_integer(to) || !semantics::is_signed_integer(from));
}

/// The exact number of a literal's bits; nullopt for infinities and NaN.
std::optional<Fraction> number_of(const Value &v) {
  if (is_float(v.type)) {
    double number = semantics::decode(v.type, v.bits);
    return std::isfinite(number) ? std::optional(Fraction(number)) : std::nullopt;
  }
  boost::multiprecision::cpp_int number = v.bits;
  int width = 8 * semantics::byte_size(v.type);
  if (semantics::is_signed_integer(v.type) && (v.bits >> (width - 1) & 1))
    number -= boost::multiprecision::cpp_int(1) << width;
  return Fraction(number);
}

RealLaws listed_laws(const Values &values) {
  bool exponential = values.lists(kExponentialOfSum) && values.lists(kExponentialOfZero),
       positive = values.lists(kPositive);
  return {exponential, values.lists(kNotNegative),
          positive && values.lists(kLogarithmOfExponential) && values.lists(kLogarithmOfProduct),
          positive && values.lists(kExponentialOfLogarithm)};
}

void use_laws(Values &values, const RealLaws &laws) {
  auto use = [&](bool used, std::initializer_list<const char *> names) {
    for (const char *name : names)
      if (used)
        values.may_use(name);
  };
  use(laws.exponential, {kExponentialOfSum, kExponentialOfZero});
  use(laws.signs, {kNotNegative});
  use(laws.logarithm, {kPositive, kLogarithmOfExponential, kLogarithmOfProduct});
  use(laws.inverse, {kPositive, kExponentialOfLogarithm});
}

} // namespace

RealForms::RealForms(Values &values, std::set<ValueId> closed)
    : values_(values), closed_(std::move(closed)), functions_(listed_laws(values)),
      ring_(values.may_use("real ring")) {}

bool RealForms::equal(ValueId a, ValueId b) {
  if (a == b)
    return true;
  if (!ring_)
    return false;
  if (held_ > kMostHeld) {
    forms_.clear();
    held_ = 0;
  }
  const Form *x = form(a), *y = form(b);
  bool same = x && y && x->infinity == y->infinity && functions_.same(x->sum, y->sum);
  use_laws(values_, functions_.used());
  return same;
}

const RealForms::Form *RealForms::form(ValueId root) {
  std::vector<ValueId> open = {root};
  while (!open.empty()) {
    ValueId id = open.back();
    std::size_t before = open.size();
    bool none = false;
    if (!forms_.count(id))
      for (ValueId part : parts(id)) {
        auto known = forms_.find(part);
        if (known == forms_.end())
          open.push_back(part);
        else
          none |= !known->second;
      }
    if (open.size() != before)
      continue;
    open.pop_back();
    if (forms_.count(id))
      continue;
    std::optional<Form> result = none ? std::nullopt : compute(id);
    held_ += 1 + (result ? result->sum.size() : 0);
    forms_.emplace(id, std::move(result));
  }
  const std::optional<Form> &out = forms_.at(root);
  return out ? &*out : nullptr;
}

bool RealForms::byte_of_float(const Value &value) const {
  return value.kind == Kind::Byte && is_float(values_[value.operands[0]].type);
}

/// On which the form rests; lists are taken apart.
std::vector<ValueId> RealForms::parts(ValueId id) const {
  const Value &value = values_[id];
  if (closed_.count(id) || byte_of_float(value))
    return {};
  std::vector<ValueId> out;
  for (ValueId operand : value.operands)
    if (values_[operand].kind == Kind::List)
      out.insert(out.end(), values_[operand].operands.begin(), values_[operand].operands.end());
    else
      out.push_back(operand);
  return out;
}

std::optional<RealForms::Form> RealForms::compute(ValueId id) {
  const Value &value = values_[id];
  if (value.kind == Kind::Literal) {
    if (auto number = number_of(value))
      return Form{RationalFunctions::constant(*number)};
    if (semantics::is_nan(value.type, value.bits))
      return std::nullopt;
    return Form{{}, semantics::decode(value.type, value.bits) < 0 ? -1 : 1};
  }
  if (value.kind == Kind::Input || closed_.count(id) || byte_of_float(value))
    return Form{functions_.atom({What::Value, {static_cast<std::int64_t>(id)}, {}, false})};
  if (value.kind == Kind::Op && value.op == OpCode::Convert)
    return converted(value);
  if (value.kind == Kind::Op && (is_float(value.type) || value.op == OpCode::Select))
    return operation(id);
  if (is_float(value.type) && (value.kind == Kind::Dot || value.kind == Kind::Reduce))
    return fold(id);
  return function(id);
}

RealForms::Form RealForms::converted(const Value &value) {
  ValueId operand = value.operands[0];
  ElementType from = values_[operand].type, to = value.type;
  if (is_float(to) || (is_number_type(from) && to != ElementType::Pred && widens(from, to)))
    return at(operand);
  std::vector<std::int64_t> tag = {static_cast<std::int64_t>(value.kind),
                                   static_cast<std::int64_t>(value.op),
                                   static_cast<std::int64_t>(to)};
  return {functions_.atom({What::Function, tag, {argument(operand)}, false})};
}

std::optional<RealForms::Form> RealForms::operation(ValueId id) {
  const Value &value = values_[id];
  const std::vector<ValueId> &in = value.operands;
  switch (value.op) {
  case OpCode::Copy:
    return at(in[0]);
  case OpCode::Select:
    if (values_.is_literal(in[0]))
      return at(in[values_[in[0]].bits ? 1 : 2]);
    if (at(in[1]).infinity == at(in[2]).infinity && at(in[1]).sum == at(in[2]).sum)
      return at(in[1]);
    return function(id);
  case OpCode::Maximum:
  case OpCode::Minimum:
    return values_.may_use("real maximum") ? extremum(in, value.op == OpCode::Maximum ? 1 : -1)
                                           : function(id);
  default:
    return std::ranges::all_of(in, [&](ValueId x) { return at(x).infinity == 0; })
               ? finite_operation(id)
               : function(id);
  }
}

std::optional<Sum> RealForms::divided(const Sum &above, const Sum &below) {
  if (functions_.same(below, {}))
    return std::nullopt;
  return functions_.product(above, functions_.reciprocal(below));
}

std::optional<RealForms::Form> RealForms::finite_operation(ValueId id) {
  const Value &value = values_[id];
  auto x = [&](std::size_t i) -> const Sum & { return at(value.operands[i]).sum; };
  auto made = [](std::optional<Sum> sum) {
    return sum ? std::optional(Form{*std::move(sum)}) : std::nullopt;
  };
  Sum out;
  switch (value.op) {
  case OpCode::Add:
  case OpCode::Subtract:
    out = x(0);
    RationalFunctions::add(out, x(1), value.op == OpCode::Add ? 1 : -1);
    return made(out);
  case OpCode::Negate:
    return made(RationalFunctions::times(x(0), -1));
  case OpCode::Multiply:
    return made(functions_.product(x(0), x(1)));
  case OpCode::Divide:
    return values_.may_use("real division") ? made(divided(x(0), x(1))) : function(id);
  case OpCode::Abs:
    if (!values_.may_use("real maximum"))
      return function(id);
    return made(functions_.greatest({x(0), RationalFunctions::times(x(0), -1)}));
  case OpCode::Clamp: { // the lesser of high and the greater of low and x
    if (!values_.may_use("real maximum"))
      return function(id);
    Sum raised = functions_.greatest({x(0), x(1)});
    return made(RationalFunctions::times(functions_.greatest({RationalFunctions::times(raised, -1),
                                                              RationalFunctions::times(x(2), -1)}),
                                         -1));
  }
  default:
    if (value.operands.size() == 1)
      if (auto known = by_law(value, x(0)))
        return made(known);
    return function(id);
  }
}

/// By a law that is listed, and what it needs.
std::optional<Sum> RealForms::by_law(const Value &value, const Sum &x) {
  auto with = [](Sum sum, int number) {
    RationalFunctions::add(sum, RationalFunctions::constant(number), 1);
    return sum;
  };
  auto application = [&](OpCode op, const Sum &argument) {
    std::vector<std::int64_t> tag = {static_cast<std::int64_t>(Kind::Op),
                                     static_cast<std::int64_t>(op), 0, 0, 0};
    return functions_.atom({What::Function, tag, {argument}, op == OpCode::Sqrt});
  };
  auto may_divide = [&](const char *law) {
    return values_.may_use(law) && values_.may_use("real division");
  };
  switch (value.op) {
  case OpCode::Exponential:
    return functions_.exponential(x);
  case OpCode::ExponentialMinusOne:
    if (values_.may_use("exponential-minus-one(x)=exp(x)-1"))
      return with(functions_.exponential(x), -1);
    return std::nullopt;
  case OpCode::LogPlusOne:
    if (values_.may_use("log-plus-one(x)=log(1+x)"))
      return functions_.logarithm(with(x, 1));
    return std::nullopt;
  case OpCode::Log:
    return functions_.logarithm(x);
  case OpCode::Rsqrt:
    if (may_divide("rsqrt(x)=1/sqrt(x)"))
      return functions_.reciprocal(application(OpCode::Sqrt, x));
    return std::nullopt;
  case OpCode::Logistic:
    if (may_divide("logistic(x)=1/(1+exp(-x))"))
      return functions_.reciprocal(
          with(functions_.exponential(RationalFunctions::times(x, -1)), 1));
    return std::nullopt;
  case OpCode::Tanh:
    if (may_divide("tanh(x)=1-2/(exp(2x)+1)"))
      return with(
          RationalFunctions::times(functions_.reciprocal(with(
                                       functions_.exponential(RationalFunctions::times(x, 2)), 1)),
                                   -2),
          1);
    return std::nullopt;
  default:
    return std::nullopt;
  }
}

/// Dots, and reductions of floats; none where an infinity is added or multiplied.
std::optional<RealForms::Form> RealForms::fold(ValueId id) {
  const Value &value = values_[id];
  std::vector<ValueId> members = parts(id);
  if (value.kind == Kind::Reduce && (value.op == OpCode::Maximum || value.op == OpCode::Minimum))
    return values_.may_use("real maximum") ? extremum(members, value.op == OpCode::Maximum ? 1 : -1)
                                           : function(id);
  if (std::ranges::any_of(members, [&](ValueId x) { return at(x).infinity != 0; }))
    return std::nullopt;
  Form out;
  if (value.kind == Kind::Dot) {
    std::size_t half = members.size() / 2;
    for (std::size_t i = 0; i < half; ++i)
      RationalFunctions::add(out.sum,
                             functions_.product(at(members[i]).sum, at(members[half + i]).sum), 1);
    return out;
  }
  if (value.op != OpCode::Add && value.op != OpCode::Multiply)
    return function(id);
  if (value.op == OpCode::Multiply)
    out.sum = RationalFunctions::constant(1);
  for (ValueId member : members)
    if (value.op == OpCode::Add)
      RationalFunctions::add(out.sum, at(member).sum, 1);
    else
      out.sum = functions_.product(out.sum, at(member).sum);
  return out;
}

/// The greatest of sign times each, times sign.
RealForms::Form RealForms::extremum(const std::vector<ValueId> &members, int sign) {
  std::vector<Sum> finite;
  for (ValueId member : members) {
    const Form &form = at(member);
    if (form.infinity == sign)
      return {{}, sign};
    if (form.infinity == 0)
      finite.push_back(RationalFunctions::times(form.sum, sign));
  }
  if (finite.empty())
    return {{}, -sign};
  return {RationalFunctions::times(functions_.greatest(finite), sign)};
}

Sum RealForms::argument(ValueId id) {
  const Form &form = at(id);
  if (form.infinity == 0)
    return form.sum;
  return RationalFunctions::times(functions_.atom({What::Infinity, {}, {}, false}), form.infinity);
}

/// The operation, applied to its operands' values.
RealForms::Form RealForms::function(ValueId id) {
  const Value &value = values_[id];
  RealAtom atom{What::Function,
                {static_cast<std::int64_t>(value.kind), static_cast<std::int64_t>(value.op),
                 value.detail, is_float(value.type) ? 0 : 1 + static_cast<std::int64_t>(value.type),
                 static_cast<std::int64_t>(value.bits)},
                {},
                false};
  for (ValueId part : parts(id))
    atom.arguments.push_back(argument(part));
  bool plain = value.kind == Kind::Op && is_float(value.type);
  atom.never_negative = plain && (value.op == OpCode::Sqrt || value.op == OpCode::Logistic);
  bool any_order = value.kind == Kind::Set || value.kind == Kind::Monomial ||
                   value.kind == Kind::Polynomial ||
                   (value.kind == Kind::Op && semantics::info(value.op).commutative);
  if (any_order)
    std::sort(atom.arguments.begin(), atom.arguments.end());
  return {functions_.atom(std::move(atom))};
}

std::set<ValueId> common_values(const Values &values,
                                const std::set<std::pair<ValueId, ValueId>> &pairs) {
  auto reached = [&](auto side) {
    std::vector<ValueId> open;
    std::set<ValueId> out;
    auto reach = [&](ValueId id) {
      if (out.insert(id).second)
        open.push_back(id);
    };
    for (const auto &pair : pairs)
      reach(side(pair));
    while (!open.empty()) {
      ValueId id = open.back();
      open.pop_back();
      for (ValueId operand : values[id].operands)
        reach(operand);
    }
    return out;
  };
  std::set<ValueId> left = reached([](const auto &pair) { return pair.first; }),
                    right = reached([](const auto &pair) { return pair.second; }), out;
  std::ranges::set_intersection(left, right, std::inserter(out, out.end()));
  std::erase_if(out, [&](ValueId id) {
    return values.is_literal(id) || values[id].kind == Value::Kind::List;
  });
  return out;
}

} // namespace isamorph::verify
