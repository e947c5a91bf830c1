// What is proved of one element counts for others only where they are the same function of other
// inputs: of hand-made pairs, of the elements of random graphs, of kernels that are wrong in one.
#include "random_graph.h"
#include "small_machine.h"

#include "verify/checker/execution.h"
#include "verify/checker/instances.h"
#include "verify/parameter_shapes.h"
#include "verify/real_normal_form.h"
#include "verify/renaming.h"
#include "verify/symbolic.h"

using namespace isamorph;
using namespace isamorph::verify;
using semantics::ElementType;
using semantics::OpCode;

namespace {

/// Elements x0.. of one parameter and y0.. of another, f32, and what is made of them. The checker's
/// value of each term has its number.
struct Both {
  const semantics::NumericsProfile &profile = semantics::numerics_profile("xla_cpu");
  TermGraph terms{profile, false};
  Values values{profile, {}};
  struct Element {
    TermId term;
    ValueId value;
  };

  Element x(std::uint32_t e) { return input(0, e); }
  Element y(std::uint32_t e) { return input(1, e); }
  Element input(std::uint32_t parameter, std::uint32_t e) {
    return {terms.input(parameter, e, ElementType::F32),
            values.input(parameter, e, ElementType::F32)};
  }
  Element number(double n) {
    std::uint64_t bits = semantics::encode(ElementType::F32, n);
    return {terms.literal(ElementType::F32, bits), values.literal(ElementType::F32, bits)};
  }
  Element op(OpCode code, Element a, Element b) {
    std::array<TermId, 2> in = {a.term, b.term};
    return {terms.operation(code, 0, ElementType::F32, in),
            values.operation(code, 0, ElementType::F32, {a.value, b.value})};
  }
  Element sum(Element a, Element b) { return op(OpCode::Add, a, b); }
  Element difference(Element a, Element b) { return op(OpCode::Subtract, a, b); }
  Element dot(std::vector<Element> a, std::vector<Element> b) {
    auto vector = [&](const std::vector<Element> &all) {
      std::vector<TermId> t;
      std::vector<ValueId> v;
      for (Element e : all) {
        t.push_back(e.term);
        v.push_back(e.value);
      }
      return std::pair(terms.vector(t), values.list(v));
    };
    auto l = vector(a), r = vector(b);
    return {terms.dot(ElementType::F32, l.first, r.first),
            values.dot(ElementType::F32, l.second, r.second)};
  }
};

struct Case {
  const char *what;
  bool prover, checker; ///< whether the second pair is taken for an instance of the first
  std::array<Both::Element, 4> pairs;
};

} // namespace

TEST_CASE("pairs are instances of one another where inputs of the same parameter are replaced") {
  Both b;
  auto x = [&](std::uint32_t e) { return b.x(e); };
  auto y = [&](std::uint32_t e) { return b.y(e); };
  auto sum = [&](auto p, auto q) { return b.sum(p, q); };
  auto minus = [&](auto p, auto q) { return b.difference(p, q); };
  using E = std::vector<Both::Element>;
  const Case cases[] = {
      {"other elements",
       true,
       true,
       {sum(x(0), y(0)), minus(y(0), x(0)), sum(x(1), y(2)), minus(y(2), x(1))}},
      {"one side is of another element",
       false,
       false,
       {sum(x(0), y(0)), minus(y(0), x(0)), sum(x(1), y(2)), minus(y(2), x(3))}},
      {"of another parameter",
       false,
       false,
       {sum(x(0), x(1)), minus(x(0), x(1)), sum(x(0), y(1)), minus(x(0), y(1))}},
      {"exchanged operands", true, true, {sum(x(0), y(0)), x(0), sum(y(3), x(3)), x(3)}},
      {"exchanged operands of a difference",
       false,
       false,
       {minus(x(0), y(0)), x(0), minus(y(3), x(3)), x(3)}},
      {"two elements become one", true, false, {minus(x(0), x(1)), x(0), minus(x(2), x(2)), x(2)}},
      {"one element becomes two", false, false, {minus(x(2), x(2)), x(2), minus(x(0), x(1)), x(0)}},
      {"another number",
       false,
       false,
       {sum(x(0), b.number(2)), x(0), sum(x(1), b.number(3)), x(1)}},
      {"another operation",
       false,
       false,
       {sum(x(0), x(1)), x(0), b.op(OpCode::Multiply, x(0), x(1)), x(0)}},
      {"another row",
       true,
       true,
       {b.dot(E{x(0), x(1)}, E{y(0), y(1)}), x(0), b.dot(E{x(2), x(3)}, E{y(0), y(1)}), x(2)}},
      {"a row with its sides exchanged",
       true,
       true,
       {b.dot(E{x(0), x(1)}, E{y(0), y(1)}), x(0), b.dot(E{y(4), y(5)}, E{x(2), x(3)}), x(2)}},
      {"a row with two elements exchanged",
       false,
       false,
       {b.dot(E{x(0), x(1)}, E{x(0), x(1)}), x(0), b.dot(E{x(2), x(3)}, E{x(3), x(2)}), x(2)}},
      {"a longer row",
       false,
       false,
       {b.dot(E{x(0), x(1)}, E{y(0), y(1)}), x(0), b.dot(E{x(0), x(1), x(2)}, E{y(0), y(1), y(2)}),
        x(0)}},
  };
  Instances instances(b.values);
  for (const Case &c : cases) {
    INFO(c.what);
    const auto &[l, r, s, t] = c.pairs;
    std::array<TermPair, 2> pairs = {TermPair{l.term, r.term}, TermPair{s.term, t.term}};
    CHECK((representatives(b.terms, pairs, {})[1] == 0) == c.prover);
    CHECK((instances.pattern(l.value, r.value) == instances.pattern(s.value, t.value)) ==
          c.checker);
  }
}

TEST_CASE("an instance is equal wherever the pair that it is one of is, for elements of random "
          "graphs") {
  const semantics::NumericsProfile &profile = semantics::numerics_profile("xla_cpu");
  int instances = 0, equal = 0;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    INFO("seed " << seed);
    semantics::TensorGraph graph =
        test::RandomGraph(7000 + seed, {ElementType::F32, ElementType::BF16}).make(25);
    TermGraph terms(profile);
    std::vector<TermId> all;
    for (const SymbolicTensor &t :
         execute(terms, graph, symbolic_inputs(terms, parameter_shapes(graph))))
      all.insert(all.end(), t.elements.begin(), t.elements.end());
    std::vector<TermPair> pairs;
    for (std::size_t i = 0; i < all.size() && i < 200; ++i)
      for (std::size_t j = i > 12 ? i - 12 : 0; j < i; ++j)
        pairs.push_back({all[i], all[j]});
    std::vector<std::size_t> of = representatives(terms, pairs, {});
    Atoms atoms(seed % 2 == 0);
    RealNormalizer normalizer(terms, atoms, {});
    for (std::size_t p = 0; p < pairs.size(); ++p) {
      REQUIRE(of[p] <= p);
      REQUIRE(of[of[p]] == of[p]);
      if (of[p] == p || !normalizer.equal(pairs[of[p]].left, pairs[of[p]].right))
        continue;
      ++instances;
      equal += normalizer.equal(pairs[p].left, pairs[p].right);
    }
  }
  CHECK(instances > 500);
  CHECK(equal == instances);
}

TEST_CASE("one element that takes another input is never carried by the others") {
  auto lines = [](const std::array<int, 4> &from) { // x[i] * (x[from[i]] + x[i]), multiplied out
    std::string out, parts;
    for (int i = 0; i < 4; ++i) {
      std::string n = std::to_string(i), f = std::to_string(from[i]);
      out +=
          "s" + n + " = f32[1] slice(x), slice={[" + f + ":" + std::to_string(from[i] + 1) + "]}\n";
      parts += (i ? ", s" : "s") + n;
    }
    return out + "r = f32[4] concatenate(" + parts +
           "), dimensions={0}\np = f32[4] multiply(x, r)\nq = f32[4] multiply(x, x)\n"
           "y = f32[4] add(p, q)\n";
  };
  const std::string program = "x = f32[4] parameter(0)\nr = f32[4] reverse(x), dimensions={0}\n"
                              "s = f32[4] add(r, x)\nROOT y = f32[4] multiply(x, s)\n";
  constexpr std::array<int, 4> right = {3, 2, 1, 0};
  CHECK(test::judge(lines(right), program, Level::Real).outcome == Outcome::Equivalent);
  for (std::size_t i = 0; i < 4; ++i)
    for (int f = 0; f < 4; ++f) {
      std::array<int, 4> wrong = right;
      wrong[i] = f;
      if (wrong == right)
        continue;
      INFO("element " << i << " takes " << f);
      CHECK(test::judge(lines(wrong), program, Level::Real).outcome == Outcome::Different);
    }
}
