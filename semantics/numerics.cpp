#include "semantics/numerics.h"

#include "semantics/function_table.h"

#include <algorithm>
#include <array>

namespace isamorph::semantics {
namespace {

bool is_fold(OpCode op) { return op == OpCode::Dot || op == OpCode::Reduce; }

/// There are such operations, as far as denormals are concerned.
bool may_have_types(OpCode op, ElementType operand, ElementType result) {
  if (op == OpCode::Compare)
    return result == ElementType::Pred;
  return op == OpCode::Convert || operand == result;
}

/// `wide` where it is wider than the element type.
ElementType widened(ElementType type, const std::optional<ElementType> &wide) {
  return wide && is_float(type) && byte_size(*wide) > byte_size(type) ? *wide : type;
}

} // namespace

bool is_arithmetic(OpCode op) {
  constexpr std::array others = {OpCode::Negate,
                                 OpCode::Abs,
                                 OpCode::Select,
                                 OpCode::And,
                                 OpCode::Or,
                                 OpCode::Xor,
                                 OpCode::Not,
                                 OpCode::ShiftLeft,
                                 OpCode::ShiftRightArithmetic,
                                 OpCode::ShiftRightLogical};
  bool elementwise = info(op).cls == OpClass::Elementwise;
  return is_fold(op) || (elementwise && std::ranges::find(others, op) == others.end());
}

ElementType compute_type(const NumericsProfile &profile, ElementType type) {
  return widened(type, profile.compute);
}

ElementType accumulator_type(const FoldNumerics &fold, ElementType type) {
  return widened(type, fold.accumulator);
}

const StepProgram *unit_for(const FoldNumerics &fold, ElementType type) {
  return fold.unit && fold.unit->takes(type) ? &*fold.unit : nullptr;
}

bool factors_commute(const FoldNumerics &dot, ElementType type) {
  const StepProgram *unit = unit_for(dot, type);
  return !unit || (symmetric(*unit) && !dot.nan.propagates());
}

bool rounds_plainly(const NumericsProfile &profile) {
  return profile.elementwise.round == ResultRounding{} &&
         profile.conversion.round == ResultRounding{} && !profile.elementwise.nan.propagates();
}

DenormalUse denormal_use(const NumericsProfile &profile, OpCode op, ElementType operand,
                         ElementType result) {
  if (uses_table(profile, op, result)) // which may well hold denormals
    return {};
  auto fits = [](const auto &list, auto item) {
    return list.empty() || std::ranges::find(list, item) != list.end();
  };
  DenormalWay way = profile.denormals;
  for (const DenormalException &e : profile.denormal_exceptions)
    if (fits(e.operations, op) && fits(e.operands, operand) && fits(e.results, result))
      way = e.way;
  if (!is_arithmetic(op))
    way = DenormalWay::Keep;
  bool inputs = way == DenormalWay::Flush || way == DenormalWay::FlushAfter ||
                way == DenormalWay::FlushInputs;
  bool results = way == DenormalWay::Flush || way == DenormalWay::FlushResults;
  return {inputs, inputs || way == DenormalWay::FlushLastInput,
          way == DenormalWay::FlushAfter ? TinyResults::FlushAfter
          : results                      ? TinyResults::FlushRounded
                                         : TinyResults::Keep};
}

bool flushes(const NumericsProfile &profile, ElementType type) {
  auto by_unit = [&](const FoldNumerics &fold) {
    const StepProgram *unit = unit_for(fold, type);
    return unit && unit->flushes();
  };
  if (!is_float(type))
    return false;
  if (profile.flush_narrowing || by_unit(profile.dot) || by_unit(profile.reduce))
    return true;
  for (int op = 0; op < kOpCodeCount; ++op)
    for (int t = 0; t < kElementTypeCount; ++t) {
      auto code = static_cast<OpCode>(op);
      auto other = static_cast<ElementType>(t);
      DenormalUse read = denormal_use(profile, code, type, other),
                  written = denormal_use(profile, code, other, type);
      if ((may_have_types(code, type, other) && (read.inputs || read.last_input)) ||
          (may_have_types(code, other, type) && written.results != TinyResults::Keep))
        return true;
    }
  return false;
}

bool flushes_somewhere(const NumericsProfile &profile) {
  auto by_unit = [](const FoldNumerics &fold) { return fold.unit && fold.unit->flushes(); };
  auto keeps = [](const DenormalException &e) { return e.way == DenormalWay::Keep; };
  return profile.denormals != DenormalWay::Keep || profile.flush_narrowing ||
         !std::ranges::all_of(profile.denormal_exceptions, keeps) || by_unit(profile.dot) ||
         by_unit(profile.reduce);
}

} // namespace isamorph::semantics
