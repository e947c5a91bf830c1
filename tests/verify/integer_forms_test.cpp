// The checker's forms of integers against evaluation: equal forms have equal values, whatever was
// mutated; and what is equal by the laws of integers has equal forms.
#include "verify/checker/integer_forms.h"

#include "verify/checker/refusal.h"

#include <array>
#include <catch2/catch.hpp>
#include <functional>
#include <random>
#include <rapidcheck.h>

using namespace isamorph;
using namespace isamorph::verify;
using semantics::ElementType;
using semantics::OpCode;

namespace {

constexpr auto S8 = ElementType::S8, U8 = ElementType::U8, S16 = ElementType::S16,
               S32 = ElementType::S32, U32 = ElementType::U32, S64 = ElementType::S64;
constexpr std::array kTypes = {S8, U8, S16, S32, U32, S64};
constexpr auto Add = OpCode::Add, Sub = OpCode::Subtract, Mul = OpCode::Multiply,
               Max = OpCode::Maximum, Min = OpCode::Minimum;

std::set<std::string> all_lemmas() {
  std::set<std::string> out = {"integer ring", "integer range", "join extract"};
  for (ElementType type : kTypes)
    for (const char *lemma : {"lattice ", "semilattice and ", "semilattice or "})
      out.insert(lemma + std::string(semantics::name(type)));
  return out;
}

/// Builds values over inputs of four types: elements 0 and 1 of s8, 2 of u8, 3 of s32.
struct Builder {
  Values values{semantics::numerics_profile("xla_cpu"), all_lemmas()};

  ValueId in(std::uint64_t element, ElementType type) { return values.input(0, element, type); }
  ValueId op(OpCode code, ElementType type, std::vector<ValueId> operands) {
    return values.operation(code, 0, type, std::move(operands));
  }
  ValueId number(ElementType type, std::int64_t value) {
    return values.literal(type, semantics::encode_integer(type, value));
  }
  ValueId to(ElementType type, ValueId value) {
    return values[value].type == type ? value : op(OpCode::Convert, type, {value});
  }
  bool equal(ValueId a, ValueId b) {
    IntegerForms forms(values);
    return forms.form(a) == forms.form(b);
  }
};

/// A random value. Two runs with the same seed differ at the mutated step alone; `swapped` also
/// exchanges the operands of what commutes and writes differences as sums.
class RandomValues {
public:
  RandomValues(Builder &builder, std::uint64_t seed, int mutated = -1, bool swapped = false)
      : b_(builder), engine_(seed), mutated_(mutated), swapped_(swapped) {}

  ValueId value(ElementType type, int depth) {
    if (depth == 0)
      return leaf(type);
    switch (pick(7)) {
    case 0:
      return b_.op(pick(2) ? OpCode::Negate : OpCode::Not, type, {value(type, depth - 1)});
    case 1:
      return b_.to(type, value(kTypes[pick(kTypes.size())], depth - 1));
    case 2: {
      std::int64_t low = -static_cast<std::int64_t>(pick(130)) + mutation();
      ValueId x = value(S32, depth - 1);
      return b_.to(type,
                   b_.op(OpCode::Clamp, S32, {b_.number(S32, low), x, b_.number(S32, low + 100)}));
    }
    case 3:
      return dot(type, depth);
    default:
      return binary(type, depth);
    }
  }

private:
  std::uint64_t pick(std::uint64_t n) { return engine_() % n; }
  int mutation() { return step_++ == mutated_ ? 1 : 0; }

  ValueId leaf(ElementType type) {
    if (pick(4) == 0)
      return b_.number(type, static_cast<std::int64_t>(pick(7)) - 3 + mutation());
    std::uint64_t element = pick(4);
    if (mutation())
      element = (element + 1) % 4;
    return b_.to(type, b_.in(element, element < 2 ? S8 : element == 2 ? U8 : S32));
  }

  ValueId binary(ElementType type, int depth) {
    static constexpr std::array kOps = {Add, Sub,         Mul,        Max,
                                        Min, OpCode::And, OpCode::Or, OpCode::Divide};
    std::size_t chosen = (pick(kOps.size()) + static_cast<std::size_t>(mutation())) % kOps.size();
    OpCode op = kOps[chosen];
    ValueId x = value(type, depth - 1), y = value(type, depth - 1);
    if (swapped_ && op == Sub)
      return b_.op(Add, type, {b_.op(OpCode::Negate, type, {y}), x});
    if (swapped_ && op != OpCode::Divide)
      std::swap(x, y);
    return b_.op(op, type, {x, y});
  }

  ValueId dot(ElementType type, int depth) {
    std::vector<ValueId> left, right;
    for (int i = 0; i < 3; ++i) {
      left.push_back(value(type, depth - 2 < 0 ? 0 : depth - 2));
      right.push_back(value(type, 0));
    }
    if (!swapped_)
      return b_.values.dot(type, b_.values.list(left), b_.values.list(right));
    ValueId sum = b_.number(type, 0);
    for (std::size_t i = 3; i-- > 0;)
      sum = b_.op(Add, type, {sum, b_.op(Mul, type, {right[i], left[i]})});
    return sum;
  }

  Builder &b_;
  std::mt19937_64 engine_;
  int mutated_, step_ = 0;
  bool swapped_;
};

/// What a value, or a form, is for given inputs (by element number); sums and products of forms are
/// of the numbers that mixed types hold.
class Evaluation {
public:
  Evaluation(const Values &values, std::array<std::uint64_t, 4> in) : values_(values), in_(in) {}

  std::uint64_t bits(ValueId id) {
    auto found = known_.find(id);
    if (found != known_.end())
      return found->second;
    const Value &v = values_[id];
    int unused = 64 - 8 * semantics::byte_size(v.type);
    return known_[id] = computed(v) << unused >> unused;
  }

private:
  std::uint64_t number(ValueId id) {
    ElementType type = values_[id].type;
    int unused = 64 - 8 * semantics::byte_size(type);
    auto shifted = static_cast<std::int64_t>(bits(id) << unused);
    return semantics::is_signed_integer(type) ? static_cast<std::uint64_t>(shifted >> unused)
                                              : bits(id);
  }

  std::uint64_t computed(const Value &v) {
    std::uint64_t out = 0;
    switch (v.kind) {
    case Value::Kind::Input:
      return in_[v.bits];
    case Value::Kind::Literal:
      return v.bits;
    case Value::Kind::Monomial:
      out = v.bits;
      for (ValueId atom : v.operands)
        out *= number(atom);
      return out;
    case Value::Kind::Polynomial:
      for (ValueId monomial : v.operands)
        out += bits(monomial);
      return out;
    case Value::Kind::Dot:
      for (std::size_t i = 0; i < values_[v.operands[0]].operands.size(); ++i)
        out +=
            number(values_[v.operands[0]].operands[i]) * number(values_[v.operands[1]].operands[i]);
      return out;
    case Value::Kind::Set:
      out = bits(v.operands[0]);
      for (ValueId member : v.operands)
        out = scalar(v, {v.type, v.type}, {out, bits(member)});
      return out;
    default: {
      std::vector<ElementType> types;
      std::vector<std::uint64_t> operands;
      for (ValueId operand : v.operands) {
        types.push_back(values_[operand].type);
        operands.push_back(bits(operand));
      }
      return scalar(v, types, operands);
    }
    }
  }
  std::uint64_t scalar(const Value &v, const std::vector<ElementType> &types,
                       const std::vector<std::uint64_t> &operands) {
    return semantics::evaluate_scalar(v.op, {}, types, operands, v.type, values_.profile());
  }

  const Values &values_;
  std::array<std::uint64_t, 4> in_;
  std::map<ValueId, std::uint64_t> known_;
};

std::array<std::uint64_t, 4> random_inputs(std::mt19937_64 &engine) {
  std::array<std::uint64_t, 4> out{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::uint64_t mask = i == 3 ? 0xffffffff : 0xff, bits = engine();
    out[i] = (engine() % 3 == 0 ? bits : engine() % 2 ? (mask >> 1) + bits % 2 : bits % 5) & mask;
  }
  return out;
}

} // namespace

TEST_CASE("a form has the value of what it is the form of") {
  REQUIRE(rc::check("on random inputs", [] {
    auto seed = *rc::gen::arbitrary<std::uint64_t>();
    Builder b;
    ValueId value = RandomValues(b, seed).value(kTypes[seed % kTypes.size()], 5);
    ValueId form = IntegerForms(b.values).form(value);
    std::mt19937_64 engine(seed);
    for (int i = 0; i < 20; ++i) {
      Evaluation evaluation(b.values, random_inputs(engine));
      RC_ASSERT(evaluation.bits(value) == evaluation.bits(form));
    }
    RC_ASSERT(b.values[value].type == b.values[form].type);
  }));
}

TEST_CASE("exchanged operands, differences as sums and dots written out have equal forms") {
  int apart = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    INFO(seed);
    Builder b;
    ElementType type = kTypes[seed % kTypes.size()];
    ValueId value = RandomValues(b, seed).value(type, 4),
            other = RandomValues(b, seed, -1, true).value(type, 4);
    CHECK(b.equal(value, other));
    apart += value != other;
  }
  CHECK(apart > 150);
}

TEST_CASE("mutated values have equal forms only where they are equal") {
  int equal = 0, different = 0, missed = 0;
  for (std::uint64_t seed = 0; seed < 600; ++seed)
    for (int mutated = 0; mutated < 8; ++mutated) {
      INFO("seed " << seed << ", mutated " << mutated);
      Builder b;
      ElementType type = kTypes[seed % kTypes.size()];
      ValueId value = RandomValues(b, seed).value(type, 4),
              mutant = RandomValues(b, seed, mutated).value(type, 4);
      if (value == mutant)
        continue;
      bool same = true, claimed = b.equal(value, mutant);
      std::mt19937_64 engine(seed);
      for (int i = 0; i < 40; ++i) {
        Evaluation evaluation(b.values, random_inputs(engine));
        same = same && evaluation.bits(value) == evaluation.bits(mutant);
      }
      if (claimed)
        CHECK(same);
      (claimed ? equal : different) += 1;
      missed += same && !claimed;
    }
  CHECK(different > 3000);
  CHECK(equal > 50); // such as what a clamp hides
  WARN(different << " different, " << equal << " equal, " << missed << " not told apart by tests");
}

TEST_CASE("integers that wrap are not those that do not") {
  Builder b;
  ValueId x = b.in(0, S8), y = b.in(1, S8), u = b.in(2, U8);
  ValueId narrow = b.to(S32, b.op(Add, S8, {x, y})),
          wide = b.op(Add, S32, {b.to(S32, x), b.to(S32, y)});
  CHECK_FALSE(b.equal(narrow, wide));
  CHECK(b.equal(b.to(S8, wide), b.op(Add, S8, {y, x})));
  CHECK_FALSE(b.equal(b.to(S32, b.to(U8, x)), b.to(S32, x)));
  CHECK(b.equal(b.to(S8, b.to(U8, x)), x));
  CHECK_FALSE(b.equal(b.to(S32, u), b.to(S32, b.to(S8, u))));
  CHECK(b.equal(b.to(S64, b.op(Mul, S32, {b.to(S32, x), b.to(S32, y)})),
                b.op(Mul, S64, {b.to(S64, y), b.to(S64, x)})));
  CHECK_FALSE(b.equal(b.to(S64, b.op(Mul, S32, {b.in(3, S32), b.to(S32, y)})),
                      b.op(Mul, S64, {b.to(S64, y), b.to(S64, b.in(3, S32))})));
  // the ends of ranges: 127 * 127 + 16638 fits s16, one more does not
  ValueId most = b.op(OpCode::Clamp, S16, {b.number(S16, -127), b.to(S16, x), b.number(S16, 127)}),
          square = b.op(Mul, S16, {most, b.op(OpCode::Negate, S16, {most})});
  for (auto [offset, fits] : {std::pair(16638, true), std::pair(16639, false),
                              std::pair(-16639, true), std::pair(-16640, false)}) {
    ValueId sum = b.op(Add, S16, {square, b.number(S16, offset)});
    ValueId apart = b.op(Add, S32, {b.number(S32, offset), b.to(S32, square)});
    CHECK(b.equal(b.to(S32, sum), apart) == fits);
  }
}

TEST_CASE("the bytes of an integer are that integer in their order only") {
  Builder b;
  ValueId x = b.in(3, S32), y = b.in(4, S32);
  auto joined = [&](std::vector<std::pair<ValueId, int>> from) {
    std::vector<ValueId> bytes;
    for (auto [value, position] : from)
      bytes.push_back(b.values.byte(value, position));
    return b.values.joined(bytes.size() == 4 ? U32 : S16, bytes);
  };
  CHECK(b.equal(joined({{x, 0}, {x, 1}, {x, 2}, {x, 3}}), b.to(U32, x)));
  CHECK_FALSE(b.equal(joined({{x, 0}, {x, 2}, {x, 1}, {x, 3}}), b.to(U32, x)));
  CHECK_FALSE(b.equal(joined({{x, 0}, {x, 1}, {x, 2}, {y, 3}}), b.to(U32, x)));
  CHECK_FALSE(b.equal(joined({{x, 0}, {x, 1}}), b.to(S16, x)));
}

TEST_CASE("shifts are products only below the width") {
  Builder b;
  ValueId x = b.in(0, S8);
  auto shifted = [&](std::int64_t n) { return b.op(OpCode::ShiftLeft, S8, {x, b.number(S8, n)}); };
  CHECK(b.equal(shifted(7), b.op(Mul, S8, {b.number(S8, -128), x})));
  CHECK_FALSE(b.equal(shifted(8), b.number(S8, 0)));
  CHECK_FALSE(b.equal(shifted(-1), b.number(S8, 0)));
  CHECK_FALSE(b.equal(shifted(1), x));
}

TEST_CASE("every lemma is needed for what it says, and counts as used only then") {
  struct Claim {
    std::string lemma;
    std::function<std::pair<ValueId, ValueId>(Builder &)> sides;
  };
  const std::vector<Claim> claims = {
      {"integer ring",
       [](Builder &b) {
         ValueId x = b.in(3, S32), y = b.in(4, S32);
         return std::pair(b.op(Add, S32, {x, y}), b.op(Add, S32, {y, x}));
       }},
      {"integer range",
       [](Builder &b) {
         ValueId x = b.in(0, S8);
         return std::pair(b.to(S64, b.to(S32, x)), b.to(S64, x));
       }},
      {"lattice s32",
       [](Builder &b) {
         ValueId x = b.in(3, S32), y = b.in(4, S32);
         return std::pair(b.op(Max, S32, {x, b.op(Min, S32, {y, x})}), x);
       }},
      {"semilattice and s32",
       [](Builder &b) {
         ValueId x = b.in(3, S32), y = b.in(4, S32);
         return std::pair(b.op(OpCode::And, S32, {b.op(OpCode::And, S32, {x, y}), x}),
                          b.op(OpCode::And, S32, {y, x}));
       }},
      {"join extract", [](Builder &b) {
         ValueId x = b.in(3, S32);
         std::vector<ValueId> bytes;
         for (int i = 0; i < 4; ++i)
           bytes.push_back(b.values.byte(x, i));
         return std::pair(b.values.joined(U32, bytes), b.to(U32, x));
       }}};
  for (const Claim &claim : claims) {
    INFO(claim.lemma);
    Builder with;
    auto [a, c] = claim.sides(with);
    CHECK(with.equal(a, c));
    CHECK(with.values.used().count(claim.lemma));
    std::set<std::string> others = all_lemmas();
    others.erase(claim.lemma);
    Builder without{{semantics::numerics_profile("xla_cpu"), others}};
    auto [d, e] = claim.sides(without);
    CHECK_FALSE(without.equal(d, e));
    CHECK_FALSE(without.values.used().count(claim.lemma));
  }
}

TEST_CASE("products of large sums have forms, though they are not written out") {
  Builder b;
  ValueId left = b.number(S32, 1), right = left;
  for (std::uint64_t i = 0; i < 100; ++i) {
    left = b.op(Add, S32, {left, b.in(10 + i, S32)});
    right = b.op(Add, S32, {b.in(200 + i, S32), right});
  }
  CHECK(b.equal(b.op(Mul, S32, {left, right}), b.op(Mul, S32, {right, left})));
  CHECK_FALSE(b.equal(b.op(Mul, S32, {left, right}), b.op(Mul, S32, {left, left})));
}

TEST_CASE("forms of too many monomials are refused", "[slow]") {
  Builder large;
  ValueId sum = large.number(S32, 0);
  for (std::uint64_t i = 0; i < 6000; ++i)
    sum = large.op(Add, S32, {sum, large.in(i, S32)});
  try {
    IntegerForms forms(large.values);
    FAIL("18 million monomials");
  } catch (const Refused &refused) {
    CHECK_THAT(refused.reason, Catch::Contains("more than 16777216 monomials"));
  }
}
