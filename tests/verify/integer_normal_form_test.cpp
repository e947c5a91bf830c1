// Integer normal forms: equal where the integers are, and never otherwise.
#include "verify/integer_normal_form.h"
#include "verify/smt.h"

#include "verify/checker/lemmas.h"
#include "verify/differential.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <rapidcheck.h>

using namespace isamorph;
using namespace isamorph::verify;
using semantics::ElementType;

namespace {

/// Builds terms over two inputs of each narrow type.
struct Builder {
  TermGraph terms{semantics::numerics_profile("xla_cpu")};

  TermId in(std::uint32_t parameter, ElementType type) { return terms.input(parameter, 0, type); }
  TermId op(OpCode code, ElementType type, std::vector<TermId> operands) {
    return terms.operation(code, 0, type, operands);
  }
  TermId number(ElementType type, std::int64_t value) {
    return terms.literal(type, semantics::encode_integer(type, value));
  }
  TermId to(ElementType type, TermId term) { return op(OpCode::Convert, type, {term}); }
  bool equal(TermId a, TermId b) {
    IntegerNormalizer normalizer(terms);
    return normalizer.normalize(a) == normalizer.normalize(b);
  }
};

constexpr auto S8 = ElementType::S8, U8 = ElementType::U8, S16 = ElementType::S16,
               S32 = ElementType::S32, U32 = ElementType::U32, S64 = ElementType::S64;
constexpr auto Add = OpCode::Add, Sub = OpCode::Subtract, Mul = OpCode::Multiply;

/// A random term over four inputs, and conversions between all integer types.
class RandomTerms {
public:
  RandomTerms(Builder &builder, std::uint64_t seed) : b_(builder), engine_(seed) {}

  TermId term(ElementType type, int depth) {
    auto pick = [&](std::uint64_t n) { return engine_() % n; };
    if (depth == 0)
      return pick(4) == 0 ? b_.number(type, static_cast<std::int64_t>(pick(7)) - 3) : leaf(type);
    static constexpr std::array kOps = {
        Add, Sub, Mul, OpCode::Maximum, OpCode::Minimum, OpCode::And, OpCode::Or, OpCode::Xor};
    switch (pick(6)) {
    case 0:
      return b_.op(OpCode::Negate, type, {term(type, depth - 1)});
    case 1:
      return b_.op(OpCode::Not, type, {term(type, depth - 1)});
    case 2:
      return b_.to(type, term(kTypes[pick(kTypes.size())], depth - 1));
    case 3: {
      std::int64_t low = -static_cast<std::int64_t>(pick(130)), high = low + 100;
      TermId x = term(S32, depth - 1);
      TermId cut = b_.op(OpCode::Clamp, S32, {b_.number(S32, low), x, b_.number(S32, high)});
      return type == S32 ? cut : b_.to(type, cut);
    }
    default:
      return b_.op(kOps[pick(kOps.size())], type, {term(type, depth - 1), term(type, depth - 1)});
    }
  }

  static constexpr std::array kTypes = {S8, U8, S16, S32, U32, S64};

private:
  TermId leaf(ElementType type) {
    auto parameter = static_cast<std::uint32_t>(engine_() % 4);
    ElementType own = parameter < 2 ? S8 : parameter == 2 ? U8 : S32;
    TermId in = b_.in(parameter, own);
    return type == own ? in : b_.to(type, in);
  }

  Builder &b_;
  std::mt19937_64 engine_;
};

std::vector<semantics::Tensor> random_inputs(std::mt19937_64 &engine) {
  std::vector<semantics::Tensor> out;
  for (ElementType type : {S8, S8, U8, S32}) {
    out.emplace_back(semantics::Shape{type, {1}});
    std::uint64_t bits = engine(), mask = type == S32 ? 0xffffffff : 0xff;
    out.back().set_bits(0, (engine() % 3 == 0 ? bits : engine() % 2 ? mask >> 1 : bits % 5) & mask);
  }
  return out;
}

/// What a normal form says it is, on numbers: its mixed types are read as their values.
std::uint64_t value(const TermGraph &terms, TermId id, std::span<const semantics::Tensor> in,
                    std::map<std::uint32_t, std::uint64_t> &known);

std::uint64_t signed_value(const TermGraph &terms, TermId id, std::span<const semantics::Tensor> in,
                           std::map<std::uint32_t, std::uint64_t> &known) {
  ElementType type = terms[id].type;
  std::uint64_t bits = value(terms, id, in, known);
  int unused = 64 - 8 * semantics::byte_size(type);
  if (semantics::is_signed_integer(type))
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(bits << unused) >> unused);
  return bits;
}

std::uint64_t value(const TermGraph &terms, TermId id, std::span<const semantics::Tensor> in,
                    std::map<std::uint32_t, std::uint64_t> &known) {
  if (auto found = known.find(id.v); found != known.end())
    return found->second;
  const Term &t = terms[id];
  int bits = 8 * semantics::byte_size(t.type);
  std::uint64_t mask = bits == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1, out = 0;
  if (t.kind == TermKind::Input) {
    out = in[t.a].bits(t.b);
  } else if (t.kind == TermKind::Literal) {
    out = t.bits;
  } else if (t.kind == TermKind::Reduce && (t.op == Add || t.op == Mul)) {
    out = signed_value(terms, terms.operands(id)[0], in, known);
    for (TermId e : terms.elements({t.a}))
      out = t.op == Add ? out + signed_value(terms, e, in, known)
                        : out * signed_value(terms, e, in, known);
  } else {
    auto view = t.kind == TermKind::Reduce ? terms.elements({t.a}) : terms.operands(id);
    std::vector<TermId> operands(view.begin(), view.end());
    std::vector<ElementType> types;
    std::vector<std::uint64_t> values;
    for (TermId o : operands) {
      types.push_back(terms[o].type);
      values.push_back(value(terms, o, in, known));
    }
    if (t.kind == TermKind::Reduce) {
      out = value(terms, terms.operands(id)[0], in, known);
      for (std::size_t i = 0; i < values.size(); ++i)
        out = semantics::evaluate_scalar(t.op, {}, std::array{t.type, types[i]},
                                         std::array{out, values[i]}, t.type, terms.profile());
    } else {
      out = semantics::evaluate_scalar(t.op, {}, types, values, t.type, terms.profile());
    }
  }
  return known[id.v] = out & mask;
}

} // namespace

TEST_CASE("integer identities") {
  Builder b;
  TermId x = b.in(0, S32), y = b.in(1, S32), z = b.in(2, S32);
  auto add = [&](TermId p, TermId q) { return b.op(Add, S32, {p, q}); };
  auto mul = [&](TermId p, TermId q) { return b.op(Mul, S32, {p, q}); };
  CHECK(b.equal(add(add(x, y), z), add(x, add(z, y))));
  CHECK(b.equal(mul(add(x, y), z), add(mul(z, x), mul(y, z))));
  CHECK(b.equal(b.op(Sub, S32, {x, x}), b.number(S32, 0)));
  CHECK(b.equal(b.op(OpCode::Not, S32, {x}), b.op(Sub, S32, {b.number(S32, -1), x})));
  CHECK(b.equal(b.op(OpCode::ShiftLeft, S32, {x, b.number(S32, 3)}), mul(b.number(S32, 8), x)));
  CHECK(b.equal(mul(mul(x, b.number(S32, 1 << 16)), b.number(S32, 1 << 16)), b.number(S32, 0)));
  CHECK_FALSE(b.equal(add(x, y), add(x, z)));
  CHECK_FALSE(b.equal(mul(x, x), x));
  CHECK_FALSE(b.equal(add(x, x), x));
  CHECK_FALSE(b.equal(b.op(OpCode::ShiftLeft, S32, {x, b.number(S32, 32)}), x));
}

TEST_CASE("conversions keep sums only where nothing wraps") {
  Builder b;
  TermId x = b.in(0, S8), y = b.in(1, S8), w = b.in(2, S32);
  auto wide = [&](TermId t) { return b.to(S32, t); };
  CHECK(b.equal(b.to(S32, b.to(S16, x)), wide(x)));
  CHECK(b.equal(b.to(S8, wide(x)), x));
  // -128 * -128 fits 16 bits and not 8.
  TermId product = b.op(Mul, S32, {wide(x), wide(y)});
  CHECK(b.equal(wide(b.op(Mul, S16, {b.to(S16, x), b.to(S16, y)})), product));
  CHECK_FALSE(b.equal(wide(b.op(Mul, S8, {x, y})), product));
  CHECK_FALSE(b.equal(wide(b.op(Add, S8, {x, y})), b.op(Add, S32, {wide(x), wide(y)})));
  // Two products of the least numbers are 2^15.
  TermId sixteen = b.op(Mul, S16, {b.to(S16, x), b.to(S16, y)});
  CHECK_FALSE(
      b.equal(wide(b.op(Add, S16, {sixteen, sixteen})), b.op(Add, S32, {product, product})));
  // Truncation is a homomorphism, and forgets what is above.
  CHECK(b.equal(b.to(S8, b.op(Add, S32, {wide(x), wide(y)})), b.op(Add, S8, {x, y})));
  CHECK_FALSE(b.equal(wide(b.to(S8, w)), w));
  CHECK_FALSE(b.equal(b.to(S32, b.to(U8, x)), wide(x)));
  CHECK_FALSE(b.equal(b.to(S64, b.to(U32, w)), b.to(S64, w)));
  CHECK(b.equal(b.to(S32, b.to(U32, w)), w));
}

TEST_CASE("bytes of integers are looked through where they are put together again") {
  Builder b;
  TermId x = b.in(0, S32), y = b.in(1, S32), small = b.in(0, S8);
  auto bytes = [&](TermId term, std::vector<std::uint8_t> order) {
    std::vector<TermId> out;
    for (std::uint8_t byte : order)
      out.push_back(b.terms.extract(term, byte));
    return out;
  };
  TermId sum = b.op(Add, S32, {x, y}), turned = b.op(Add, S32, {y, x});
  CHECK(b.equal(b.terms.join(U32, bytes(sum, {0, 1, 2, 3})),
                b.op(Add, U32, {b.to(U32, x), b.to(U32, y)})));
  CHECK(b.equal(b.terms.extract(sum, 2), b.terms.extract(turned, 2)));
  CHECK_FALSE(b.equal(b.terms.extract(sum, 2), b.terms.extract(sum, 1)));
  CHECK_FALSE(b.equal(b.terms.join(U32, bytes(sum, {1, 0, 2, 3})), b.to(U32, sum)));
  CHECK_FALSE(b.equal(b.terms.join(ElementType::F32, bytes(sum, {0, 1, 2, 3})),
                      b.to(ElementType::F32, sum)));
  CHECK(b.equal(b.terms.extract(small, 0), b.to(U8, small)));
  CHECK_FALSE(b.equal(b.to(S32, b.terms.extract(small, 0)), b.to(S32, small)));
  CHECK(b.equal(b.terms.extract(b.op(Add, S8, {small, small}), 0),
                b.op(Mul, U8, {b.number(U8, 2), b.terms.extract(small, 0)})));
}

TEST_CASE("saturating narrowing is exact, and only that") {
  Builder b;
  TermId w = b.in(2, S32);
  auto cut = [&](std::int64_t low, std::int64_t high) {
    return b.op(OpCode::Clamp, S32, {b.number(S32, low), w, b.number(S32, high)});
  };
  CHECK(b.equal(b.to(S32, b.to(S8, cut(-128, 127))), cut(-128, 127)));
  CHECK_FALSE(b.equal(b.to(S32, b.to(S8, cut(-128, 128))), cut(-128, 128)));
  CHECK_FALSE(b.equal(b.to(S32, b.to(S8, cut(-129, 127))), cut(-129, 127)));
  CHECK_FALSE(b.equal(b.to(S32, b.to(U8, cut(-128, 127))), cut(-128, 127)));
  CHECK(b.equal(b.op(OpCode::Minimum, S32,
                     {b.number(S32, 127), b.op(OpCode::Maximum, S32, {w, b.number(S32, -128)})}),
                cut(-128, 127)));
  CHECK_FALSE(
      b.equal(b.op(OpCode::Maximum, S32, {b.number(S32, -128), b.op(OpCode::Minimum, S32, {w, w})}),
              cut(-128, 127)));
}

TEST_CASE("maxima and minima distribute and absorb") {
  Builder b;
  TermId x = b.in(0, S32), y = b.in(1, S32), z = b.in(2, S32), five = b.number(S32, 5),
         nine = b.number(S32, 9);
  auto high = [&](TermId p, TermId q) { return b.op(OpCode::Maximum, S32, {p, q}); };
  auto low = [&](TermId p, TermId q) { return b.op(OpCode::Minimum, S32, {p, q}); };
  CHECK(b.equal(high(x, low(x, y)), x));
  CHECK(b.equal(low(x, high(y, z)), high(low(x, z), low(y, x))));
  CHECK(b.equal(high(low(x, y), high(low(y, z), low(z, x))),
                low(high(x, y), low(high(y, z), high(x, z)))));
  CHECK(b.equal(low(high(x, five), nine), high(five, low(nine, x))));
  CHECK(b.equal(low(high(x, nine), five), five));
  CHECK_FALSE(b.equal(low(high(x, five), nine), high(low(x, nine), b.number(S32, 4))));
  CHECK_FALSE(b.equal(low(high(x, five), nine), high(low(x, nine), y)));
  CHECK_FALSE(b.equal(high(x, low(z, y)), x));
  TermId most = b.number(S32, 2147483647), least = b.number(S32, -2147483648LL);
  CHECK(b.equal(low(x, most), x));
  CHECK(b.equal(high(x, least), x));
  CHECK(b.equal(high(x, most), most));
}

TEST_CASE("extrema of many numbers") {
  Builder b;
  std::vector<TermId> up, down;
  for (std::uint32_t i = 0; i < 300; ++i) {
    up.push_back(b.terms.input(0, i, S32));
    down.push_back(b.terms.input(0, 299 - i, S32));
  }
  TermId minus = b.number(S32, -3), four = b.number(S32, 4);
  for (OpCode op : {OpCode::Maximum, OpCode::Minimum}) {
    up.push_back(minus);
    TermId first = b.terms.reduce(op, S32, four, b.terms.vector(up));
    up.pop_back();
    down.push_back(op == OpCode::Maximum ? four : minus);
    TermId second = b.terms.reduce(op, S32, down.back(), b.terms.vector(down));
    down.back() = op == OpCode::Maximum ? minus : four;
    TermId third = b.terms.reduce(op, S32, down.back(), b.terms.vector(down));
    down.pop_back();
    CHECK(b.equal(first, second));
    CHECK_FALSE(b.equal(first, third));
  }
}

TEST_CASE("truth values are not integers") {
  Builder b;
  TermId x = b.terms.input(0, 0, ElementType::Pred);
  TermId both = b.op(OpCode::And, ElementType::Pred, {x, x});
  CHECK_FALSE(b.equal(both, x)); // a byte other than 0 and 1 becomes 1
  CHECK_FALSE(b.equal(b.op(Add, ElementType::Pred, {x, x}), x));
}

TEST_CASE("a normal form has the value of its term") {
  REQUIRE(rc::check("on random inputs", [] {
    auto seed = *rc::gen::arbitrary<std::uint64_t>();
    Builder b;
    std::mt19937_64 engine(seed);
    ElementType type = RandomTerms::kTypes[seed % RandomTerms::kTypes.size()];
    TermId term = RandomTerms(b, seed).term(type, 5);
    TermGraph scratch = b.terms;
    IntegerNormalizer normalizer(scratch);
    TermId normal = normalizer.normalize(term);
    for (int i = 0; i < 20; ++i) {
      std::vector<semantics::Tensor> in = random_inputs(engine);
      std::map<std::uint32_t, std::uint64_t> known, own;
      RC_ASSERT(value(scratch, normal, in, known) == value(b.terms, term, in, own));
    }
    TermGraph again = scratch;
    RC_ASSERT(IntegerNormalizer(again).normalize(term) == normal);
  }));
}

TEST_CASE("products of large sums are not written out, and are still what they are") {
  Builder b;
  TermId left = b.number(S32, 0), right = left;
  for (std::uint32_t i = 0; i < 100; ++i) {
    left = b.op(Add, S32, {left, b.terms.input(0, i, S32)});
    right = b.op(Add, S32, {b.terms.input(1, i, S32), right});
  }
  CHECK(b.equal(b.op(Mul, S32, {left, right}), b.op(Mul, S32, {right, left})));
  CHECK_FALSE(b.equal(b.op(Mul, S32, {left, right}), b.op(Mul, S32, {left, left})));
}

TEST_CASE("every lemma of integers is proved") {
  for (const char *name :
       {"integer ring", "integer range", "lattice s32", "lattice u64", "lattice s8",
        "semilattice and u8", "semilattice or s16", "semilattice and u64"}) {
    auto obligations = lemma_obligations(name);
    REQUIRE(obligations);
    for (const Obligation &obligation : *obligations) {
      INFO(obligation.name);
      CHECK(check(obligation).answer == SmtAnswer::Proved);
    }
  }
  for (const char *name : {"semilattice add s32", "semilattice xor s32", "semilattice maximum s32",
                           "semilattice and pred", "semilattice and", "lattice f32", "lattice",
                           "lattice maximum s32", "integer"})
    CHECK_FALSE(lemma_obligations(name));
}
