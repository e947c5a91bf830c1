#include "semantics/tensor_terms.h"

#include "semantics/hlo.h"
#include "semantics/rewrite_chain.h"

#include <catch2/catch.hpp>

using namespace isamorph::semantics;

namespace {

TensorGraph graph(const std::string &body) {
  return parse_hlo(make_source("g.hlo", "HloModule g\nENTRY g {\n" + body + "}\n"));
}

const char *const kSquare = R"(  a = bf16[2,3] parameter(0)
  b = bf16[2,3] negate(a)
  c = bf16[2,3] negate(a)
  ROOT d = bf16[2,3] multiply(b, c)
)";

RewriteRule rule(const std::string &text) {
  return parse_rules(make_source("r.rules", text)).at(0);
}

} // namespace

TEST_CASE("equal terms have one number") {
  TensorTerms terms;
  std::vector<NodeId> first = terms.add(graph(kSquare)), again = terms.add(graph(kSquare));
  CHECK(first == again);
  CHECK(first[1] == first[2]);
  CHECK(terms.size() == 3);
}

TEST_CASE("defaults that are written out or left out are the same term") {
  TensorTerms terms;
  TensorGraph g = graph("  a = bf16[4] parameter(0)\n"
                        "  b = bf16[2] slice(a), slice={[0:2]}\n"
                        "  c = bf16[2] slice(a), slice={[0:2:1]}\n"
                        "  d = bf16[1] slice(a), slice={[0:2:2]}\n"
                        "  ROOT e = (bf16[2], bf16[2], bf16[1]) tuple(b, c, d)\n");
  std::vector<NodeId> ids = terms.add(g);
  CHECK(ids[g.results[0].v] == ids[g.results[1].v]);
  CHECK(ids[g.results[0].v] != ids[g.results[2].v]);
}

TEST_CASE("one place is replaced and no other") {
  TensorTerms terms;
  std::vector<NodeId> ids = terms.add(graph(kSquare));
  NodeId a = ids[0], b = ids[1], d = ids[3];
  const std::vector<std::uint32_t> left = {0}, deep = {1, 0}, none = {1, 0, 0}, root;
  CHECK(terms.at(d, left) == b);
  CHECK(terms.at(d, deep) == a);
  CHECK(terms.at(d, root) == d);
  CHECK_FALSE(terms.at(d, none));
  NodeId e = terms.replaced(d, left, a);
  CHECK(terms.at(e, left) == a);
  CHECK(terms[e].operands[1] == b);
  CHECK(terms.replaced(e, left, b) == d);
  CHECK(terms.replaced(d, root, a) == a);
}

TEST_CASE("what does not fit is an error") {
  TensorTerms terms;
  NodeId a = terms.add(graph(kSquare))[0];
  CHECK_THROWS_AS(terms.add(OpCode::Negate, {a}, {}, Shape{ElementType::BF16, {3, 2}}), InputError);
  CHECK_THROWS_AS(terms.add(OpCode::Reshape, {a}, {}, Shape{ElementType::BF16, {7}}), InputError);
}

TEST_CASE("memory images are of bytes") {
  TensorTerms terms;
  NodeId a = terms.add(graph(kSquare))[0], image = terms.image(a);
  CHECK(terms[image].shape == Shape{ElementType::U8, {12}});
  CHECK(terms.image(image) == image);
}

TEST_CASE("a rule says nothing about values that it does not admit") {
  RewriteRule r = rule("rule r bits { type T in bf16, f32  int m  shape s  unary F\n"
                       "  %x : T[*s,m]\n  where m < 4\n"
                       "  from { ROOT %y = T[*s,m] F(%x) }\n  to { ROOT %y = T[*s,m] F(%x) } }");
  SymbolValues good(r.symbols);
  good.integers[0] = 3;
  good.types[0] = ElementType::BF16;
  good.shapes[0] = {2};
  good.operations[0] = OperationValue{OpCode::Negate};
  CHECK(misfit(r, good).empty());
  for (int change = 0; change < 7; ++change) {
    SymbolValues bad = good;
    if (change == 0)
      bad.integers[0].reset();
    if (change == 1)
      bad.integers[0] = 4;
    if (change == 2)
      bad.types[0] = ElementType::F16;
    if (change == 3)
      bad.types[0].reset();
    if (change == 4)
      bad.shapes[0].reset();
    if (change == 5)
      bad.operations[0] = OperationValue{OpCode::Add};
    if (change == 6)
      bad.operations[0] = OperationValue{OpCode::Convert};
    INFO(change);
    CHECK_FALSE(misfit(r, bad).empty());
  }
}

TEST_CASE("a chain of more terms than the reader takes says so") {
  RewriteChain chain;
  chain.terms = graph(kSquare);
  CHECK(unreadable(chain).empty());
  TensorTerms terms;
  NodeId last = terms.add(chain.terms)[0];
  const Shape shape = terms[last].shape;
  for (int n = 0; n < 100'000; ++n)
    last = terms.add(OpCode::Negate, {last}, {}, shape);
  terms.set_results({last});
  chain.terms = terms.graph();
  CHECK(unreadable(chain).find("100000") != std::string::npos);
}
