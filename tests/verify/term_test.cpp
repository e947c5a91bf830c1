// The DAG of terms: what is one node and what must not be.
#include "verify/term.h"

#include <array>
#include <catch2/catch.hpp>

using namespace isamorph;
using namespace isamorph::verify;
using semantics::ElementType;

namespace {

const semantics::NumericsProfile &xla_cpu() { return semantics::numerics_profile("xla_cpu"); }

TermId binary(TermGraph &terms, OpCode op, ElementType type, TermId a, TermId b,
              std::uint8_t detail = 0) {
  std::array<TermId, 2> operands = {a, b};
  return terms.operation(op, detail, type, operands);
}

} // namespace

TEST_CASE("terms built alike are one term") {
  TermGraph terms(xla_cpu());
  TermId x = terms.input(0, 0, ElementType::F32), y = terms.input(0, 1, ElementType::F32);
  CHECK(x != y);
  CHECK(x != terms.input(1, 0, ElementType::F32));
  CHECK(x == terms.input(0, 0, ElementType::F32));
  CHECK(binary(terms, OpCode::Subtract, ElementType::F32, x, y) ==
        binary(terms, OpCode::Subtract, ElementType::F32, x, y));
  CHECK(binary(terms, OpCode::Compare, ElementType::Pred, x, y, 0) !=
        binary(terms, OpCode::Compare, ElementType::Pred, x, y, 1));
}

TEST_CASE("operands of commutative operations are sorted, except of f64") {
  TermGraph terms(xla_cpu()), plain(xla_cpu(), false);
  for (ElementType type :
       {ElementType::F32, ElementType::BF16, ElementType::S8, ElementType::F64}) {
    INFO(semantics::name(type));
    TermId x = terms.input(0, 0, type), y = terms.input(0, 1, type);
    for (OpCode op : {OpCode::Add, OpCode::Multiply, OpCode::Maximum})
      CHECK((binary(terms, op, type, x, y) == binary(terms, op, type, y, x)) ==
            (type != ElementType::F64));
    CHECK(binary(terms, OpCode::Subtract, type, x, y) !=
          binary(terms, OpCode::Subtract, type, y, x));
    TermId a = plain.input(0, 0, type), b = plain.input(0, 1, type);
    CHECK(binary(plain, OpCode::Add, type, a, b) != binary(plain, OpCode::Add, type, b, a));
  }
  CHECK(terms.lemmas().count("commutative add bf16") == 1);
  CHECK(plain.lemmas().empty());
}

TEST_CASE("bytes and elements cancel only where they fit") {
  TermGraph terms(xla_cpu());
  TermId x = terms.input(0, 0, ElementType::BF16), y = terms.input(0, 1, ElementType::BF16);
  std::array<TermId, 2> bytes = {terms.extract(x, 0), terms.extract(x, 1)};
  CHECK(terms.join(ElementType::BF16, bytes) == x);
  CHECK(terms.join(ElementType::F16, bytes) != x); // the same bytes, another type
  std::array<TermId, 2> exchanged = {bytes[1], bytes[0]}, mixed = {bytes[0], terms.extract(y, 1)};
  CHECK(terms.join(ElementType::BF16, exchanged) != x);
  TermId joined = terms.join(ElementType::BF16, mixed);
  CHECK(joined != x);
  CHECK(terms.extract(joined, 1) == mixed[1]);
  TermId byte = terms.input(1, 0, ElementType::U8);
  CHECK(terms.extract(byte, 0) == byte);
  CHECK(terms.extract(terms.literal(ElementType::S32, 0x01020304), 2) ==
        terms.literal(ElementType::U8, 2));
}

TEST_CASE("operations on literals are literals, rounded as the profile says") {
  TermGraph terms(xla_cpu());
  TermId one = terms.literal(ElementType::BF16, semantics::encode(ElementType::BF16, 1)),
         tiny = terms.literal(ElementType::BF16, semantics::encode(ElementType::BF16, 0x1p-10));
  CHECK(binary(terms, OpCode::Add, ElementType::BF16, one, tiny) == one);
  TermId plus = terms.literal(ElementType::F32, 0),
         minus = terms.literal(ElementType::F32, 0x80000000);
  CHECK(plus != minus);
}

TEST_CASE("denormals are told from zeros and from the least normal number") {
  for (auto [type, least] :
       {std::pair(ElementType::BF16, 0x0080u), std::pair(ElementType::F16, 0x0400u),
        std::pair(ElementType::F32, 0x00800000u)}) {
    CHECK_FALSE(is_denormal(type, 0));
    CHECK(is_denormal(type, 1));
    CHECK(is_denormal(type, least - 1));
    CHECK_FALSE(is_denormal(type, least));
  }
  CHECK(is_denormal(ElementType::F64, 0x800fffffffffffff));
  CHECK_FALSE(is_denormal(ElementType::F64, 0x8000000000000000));
  CHECK_FALSE(is_denormal(ElementType::S32, 1));
  CHECK_FALSE(is_denormal(ElementType::F32, 0x7fc00000));
}

TEST_CASE("the order of a fold's terms is part of it") {
  TermGraph terms(xla_cpu());
  TermId x = terms.input(0, 0, ElementType::F32), y = terms.input(0, 1, ElementType::F32),
         zero = terms.literal(ElementType::F32, 0),
         one = terms.literal(ElementType::F32, semantics::encode(ElementType::F32, 1));
  std::array<TermId, 2> xy = {x, y}, yx = {y, x};
  VectorId a = terms.vector(xy), b = terms.vector(yx);
  CHECK(a != b);
  CHECK(terms.vector(xy) == a);
  CHECK(terms.reduce(OpCode::Add, ElementType::F32, zero, a) !=
        terms.reduce(OpCode::Add, ElementType::F32, zero, b));
  CHECK(terms.reduce(OpCode::Add, ElementType::F32, zero, a) !=
        terms.reduce(OpCode::Add, ElementType::F32, one, a));
  CHECK(terms.reduce(OpCode::Add, ElementType::F32, zero, a) !=
        terms.reduce(OpCode::Maximum, ElementType::F32, zero, a));
  CHECK(terms.dot(ElementType::F32, a, b) == terms.dot(ElementType::F32, b, a));
  CHECK(terms.dot(ElementType::F32, a, a) !=
        terms.dot(ElementType::F32, b, b)); // sums in another order
}
