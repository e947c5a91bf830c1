// The checker's own execution against the verifier's: they share no code, and whatever elements the
// one takes for equal, at bits, with lemmas and below bits, the other does too.
#include "random_graph.h"

#include "semantics/hlo.h"
#include "verify/checker/execution.h"
#include "verify/checker/finite_forms.h"
#include "verify/checker/integer_forms.h"
#include "verify/checker/real_forms.h"
#include "verify/checker/refusal.h"
#include "verify/integer_normal_form.h"
#include "verify/normalize.h"
#include "verify/parameter_shapes.h"
#include "verify/real_normal_form.h"
#include "verify/symbolic.h"

#include <catch2/catch.hpp>
#include <functional>

using namespace isamorph;
using namespace isamorph::verify;
using semantics::ElementType;
using semantics::Level;

namespace {

std::vector<TermId> term_elements(TermGraph &terms, const semantics::TensorGraph &graph) {
  std::vector<TermId> out;
  for (const SymbolicTensor &t :
       execute(terms, graph, symbolic_inputs(terms, parameter_shapes(graph))))
    out.insert(out.end(), t.elements.begin(), t.elements.end());
  return out;
}

std::vector<ValueId> value_elements(Values &values, const semantics::TensorGraph &graph) {
  std::vector<ValueId> out;
  for (const ValueTensor &t : run(values, graph, input_values(values, graph)))
    out.insert(out.end(), t.begin(), t.end());
  return out;
}

/// The first element that is equal to element i, for each i.
std::vector<std::size_t> classes(std::size_t count,
                                 const std::function<bool(std::size_t, std::size_t)> &equal) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t first = 0;
    while (first < i && !(out[first] == first && equal(first, i)))
      ++first;
    out.push_back(first);
  }
  return out;
}

struct Tally {
  int elements = 0, classes = 0;
};

void compare_at_bits(const semantics::TensorGraph &graph, const semantics::NumericsProfile &profile,
                     bool commute, Tally &tally) {
  TermGraph terms(profile, commute);
  std::vector<TermId> a = term_elements(terms, graph);
  Values values(profile, terms.lemmas());
  std::vector<ValueId> b = value_elements(values, graph);
  REQUIRE(a.size() == b.size());
  auto by_terms = classes(a.size(), [&](std::size_t i, std::size_t j) { return a[i] == a[j]; });
  auto by_values = classes(b.size(), [&](std::size_t i, std::size_t j) { return b[i] == b[j]; });
  CHECK(by_terms == by_values);
  for (const std::string &lemma : terms.lemmas())
    CHECK(values.used().count(lemma));
  tally.elements += static_cast<int>(a.size());
  for (std::size_t i = 0; i < by_terms.size(); ++i)
    tally.classes += by_terms[i] == i;
}

/// What the verifier takes for equal at finite is equal to the checker, and nothing else.
void compare_at_finite(const semantics::TensorGraph &graph,
                       const semantics::NumericsProfile &profile, Tally &tally) {
  TermGraph terms(profile);
  std::vector<TermId> a = term_elements(terms, graph);
  Normalizer normalizer(terms);
  std::vector<TermId> normal;
  for (TermId term : a)
    normal.push_back(normalizer.normalize(term));
  std::set<std::string> lemmas = terms.lemmas();
  lemmas.insert(normalizer.lemmas().begin(), normalizer.lemmas().end());
  Values values(profile, lemmas);
  std::vector<ValueId> b = value_elements(values, graph);
  FiniteForms forms(values);
  for (const std::string &lemma : lemmas) {
    INFO(lemma);
    CHECK(values.used().count(lemma));
  }
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      bool proved =
          normal[i] == normal[j] && !normalizer.blocked(a[i]) && !normalizer.blocked(a[j]);
      tally.elements += proved;
      tally.classes += a[i] != a[j] && proved;
      if (proved != forms.equal(b[i], b[j]))
        FAIL_CHECK(terms.to_string(a[i]) << " and " << terms.to_string(a[j]) << ": equal to the "
                                         << (proved ? "verifier" : "checker") << " only");
    }
}

/// Likewise at real, of elements that are near each other.
void compare_at_real(const semantics::TensorGraph &graph, bool laws, Tally &tally) {
  constexpr std::size_t near = 40;
  const semantics::NumericsProfile &profile = semantics::numerics_profile("xla_cpu");
  TermGraph terms(profile);
  std::vector<TermId> a = term_elements(terms, graph);
  Atoms atoms(laws);
  RealNormalizer normalizer(terms, atoms, {});
  std::map<std::pair<std::size_t, std::size_t>, bool> proved;
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = i > near ? i - near : 0; j < i; ++j)
      proved[{i, j}] = normalizer.equal(a[i], a[j]);
  std::set<std::string> lemmas = terms.lemmas();
  lemmas.insert(atoms.facts().begin(), atoms.facts().end());
  Values values(profile, lemmas);
  std::vector<ValueId> b = value_elements(values, graph);
  RealForms forms(values, {});
  for (auto [pair, equal] : proved) {
    auto [i, j] = pair;
    tally.elements += equal;
    tally.classes += a[i] != a[j] && equal;
    if (equal != forms.equal(b[i], b[j]))
      FAIL_CHECK(terms.to_string(a[i]) << " and " << terms.to_string(a[j]) << ": equal to the "
                                       << (equal ? "verifier" : "checker") << " only");
  }
  for (const std::string &lemma : atoms.facts()) {
    INFO(lemma);
    CHECK(values.used().count(lemma));
  }
}

/// What the verifier takes for equal as integers that wrap, the checker does too, by the lemmas
/// that the verifier lists.
void compare_integers(const semantics::TensorGraph &graph, Tally &tally) {
  const semantics::NumericsProfile &profile = semantics::numerics_profile("xla_cpu");
  TermGraph terms(profile);
  std::vector<TermId> a = term_elements(terms, graph), normal;
  IntegerNormalizer normalizer(terms);
  for (TermId term : a)
    normal.push_back(normalizer.normalize(term));
  std::set<std::string> lemmas = terms.lemmas();
  lemmas.insert(normalizer.lemmas().begin(), normalizer.lemmas().end());
  Values values(profile, lemmas);
  std::vector<ValueId> b = value_elements(values, graph);
  IntegerForms forms(values);
  for (const std::string &lemma : lemmas) {
    INFO(lemma);
    CHECK(values.used().count(lemma));
  }
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      if (terms[a[i]].type != terms[a[j]].type)
        continue;
      bool proved = normal[i] == normal[j];
      tally.elements += proved;
      tally.classes += a[i] != a[j] && proved;
      if (proved && forms.form(b[i]) != forms.form(b[j]))
        FAIL_CHECK(terms.to_string(a[i])
                   << " and " << terms.to_string(a[j]) << ": equal to the verifier only");
    }
}

const std::vector<ElementType> kIntegers = {ElementType::S8, ElementType::U8, ElementType::S32,
                                            ElementType::U32, ElementType::S64};
const std::vector<ElementType> kFloats = {ElementType::F32, ElementType::BF16, ElementType::F16};
const std::vector<ElementType> kMixed = {ElementType::F32, ElementType::BF16, ElementType::S32,
                                         ElementType::U8,  ElementType::Pred, ElementType::F64};

} // namespace

TEST_CASE("checker and verifier agree on what has equal bits") {
  Tally tally;
  for (const semantics::NumericsProfile &profile : semantics::shipped_numerics())
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      INFO(profile.name << ", seed " << seed);
      semantics::TensorGraph graph = test::RandomGraph(seed, seed % 2 ? kFloats : kMixed).make(30);
      compare_at_bits(graph, profile, false, tally);
      compare_at_bits(graph, profile, true, tally);
    }
  CHECK(tally.classes > 1000);
  CHECK(tally.elements > tally.classes);
}

TEST_CASE("checker and verifier agree on what is equal below bits", "[slow]") {
  Tally finite, real; // classes: pairs that only the level makes equal
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    semantics::TensorGraph graph =
        test::RandomGraph(1000 + seed, seed % 2 ? kFloats : kMixed).make(30);
    for (const semantics::NumericsProfile &profile : semantics::shipped_numerics()) {
      INFO(profile.name << ", finite, seed " << seed);
      compare_at_finite(graph, profile, finite);
    }
    INFO("real, seed " << seed);
    compare_at_real(graph, seed % 3 == 0, real);
  }
  CHECK(finite.classes > 20);
  CHECK(real.classes > 20);
}

TEST_CASE("what the verifier proves of integers, the checker does too") {
  Tally tally;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    INFO("seed " << seed);
    compare_integers(test::RandomGraph(5000 + seed, kIntegers).make(30), tally);
  }
  CHECK(tally.classes > 700); // pairs that only the lemmas make equal
}

TEST_CASE(
    "division by a literal is a product with its exact reciprocal, which 1/3 rounded is not") {
  for (auto [divisor, exact] : {std::pair(4.0, true), std::pair(3.0, false), std::pair(-0.5, true),
                                std::pair(0.0, false)}) {
    INFO(divisor);
    const semantics::NumericsProfile &profile = semantics::numerics_profile("xla_cpu");
    auto bits = [](double x) { return semantics::encode(ElementType::BF16, x); };
    Values values(profile, {"real ring", "real division"});
    ValueId x = values.input(0, 0, ElementType::BF16),
            y = values.literal(ElementType::BF16, bits(divisor)),
            z = values.literal(ElementType::BF16, bits(1 / divisor)),
            quotient = values.operation(semantics::OpCode::Divide, 0, ElementType::BF16, {x, y}),
            product = values.operation(semantics::OpCode::Multiply, 0, ElementType::BF16, {x, z});
    CHECK(RealForms(values, {}).equal(quotient, product) == exact);
    TermGraph terms(profile);
    TermId tx = terms.input(0, 0, ElementType::BF16);
    std::array<TermId, 2> by_divisor = {tx, terms.literal(ElementType::BF16, bits(divisor))},
                          by_inverse = {tx, terms.literal(ElementType::BF16, bits(1 / divisor))};
    TermId a = terms.operation(semantics::OpCode::Divide, 0, ElementType::BF16, by_divisor),
           b = terms.operation(semantics::OpCode::Multiply, 0, ElementType::BF16, by_inverse);
    Atoms atoms;
    CHECK(RealNormalizer(terms, atoms, {}).equal(a, b) == exact);
  }
}

TEST_CASE("without a lemma nothing is exchanged, and a byte of a loose value is equal to nothing") {
  const semantics::NumericsProfile &profile = semantics::numerics_profile("xla_cpu");
  Values values(profile, {"add zero f32"});
  ValueId x = values.input(0, 0, ElementType::F32), y = values.input(0, 1, ElementType::F32),
          zero = values.literal(ElementType::F32, 0);
  auto add = [&](ValueId a, ValueId b) {
    return values.operation(semantics::OpCode::Add, 0, ElementType::F32, {a, b});
  };
  CHECK(add(x, y) != add(y, x));
  ValueId same = add(x, zero), byte = values.byte(same, 3), original = values.byte(x, 3);
  FiniteForms forms(values);
  CHECK(forms.equal(same, x));
  CHECK_FALSE(forms.equal(byte, original));
  CHECK_FALSE(forms.equal(byte, byte));
}

TEST_CASE("integers made of floats are compared below bits, but for bytes of loose values") {
  for (bool first : {true, false}) { // numbers of values must not decide
    Values values(semantics::numerics_profile("xla_cpu"), {"add zero f32", "integer ring"});
    auto op = [&](semantics::OpCode code, ElementType type, std::vector<ValueId> in) {
      return values.operation(code, 0, type, std::move(in));
    };
    ValueId y = first ? values.input(0, 1, ElementType::S32) : 0,
            x = values.input(0, 0, ElementType::F32), zero = values.literal(ElementType::F32, 0),
            loose = op(semantics::OpCode::Add, ElementType::F32, {x, zero}),
            a = op(semantics::OpCode::Convert, ElementType::S32, {loose});
    if (!first)
      y = values.input(0, 1, ElementType::S32);
    ValueId b = op(semantics::OpCode::Convert, ElementType::S32, {x}),
            left = op(semantics::OpCode::Add, ElementType::S32, {a, y}),
            right = op(semantics::OpCode::Subtract, ElementType::S32,
                       {y, op(semantics::OpCode::Negate, ElementType::S32, {b})}),
            other = op(semantics::OpCode::Subtract, ElementType::S32, {y, b});
    std::vector<ValueId> bytes;
    for (int i = 0; i < 4; ++i)
      bytes.push_back(values.byte(loose, i));
    ValueId raw = values.joined(ElementType::S32, bytes),
            spoilt = op(semantics::OpCode::Add, ElementType::S32, {raw, y});
    IntegerForms integers(values);
    CHECK(integers.form(left) != integers.form(right));
    FiniteForms forms(values);
    CHECK(forms.equal(integers.form(left), integers.form(right)));
    CHECK_FALSE(forms.equal(integers.form(left), integers.form(other)));
    CHECK_FALSE(forms.equal(integers.form(spoilt), integers.form(spoilt)));
  }
}

TEST_CASE("folds over nothing have a meaning at every level") {
  const semantics::NumericsProfile &profile = semantics::numerics_profile("xla_cpu");
  Values values(profile, {"real ring", "unit vector dot f32 in f32"});
  ValueId empty = values.list({}), dot = values.dot(ElementType::F32, empty, empty),
          x = values.input(0, 0, ElementType::F32),
          sum = values.reduce(semantics::OpCode::Add, ElementType::F32, x, empty);
  CHECK_FALSE(FiniteForms(values).equal(dot, sum));
  RealForms real(values, {});
  CHECK(real.equal(sum, x));
  CHECK_FALSE(real.equal(dot, x));
}

TEST_CASE("products by zero are dropped from sums made one after the other, by their lemma") {
  struct Case {
    const char *what;
    bool shorter, single; ///< equal to the dot without the zero, to the product alone
    std::function<void(semantics::NumericsProfile &)> change;
  };
  const Case cases[] = {
      {"in order", true, true, [](auto &) {}},
      {"pairwise", false, false,
       [](auto &p) { p.dot.order.kind = semantics::OrderDescriptor::Kind::Pairwise; }},
      {"in blocks of 4", true, true,
       [](auto &p) {
         p.dot.order = {semantics::OrderDescriptor::Kind::Blocks, 4};
       }},
      {"in blocks of 2", false, true,
       [](auto &p) {
         p.dot.order = {semantics::OrderDescriptor::Kind::Blocks, 2};
       }},
      {"flushed", true, false, [](auto &p) { p.denormals = semantics::DenormalWay::Flush; }},
      {"flushed by multiplications alone", true, false, [](auto &p) { p.flush_narrowing = true; }},
  };
  for (const Case &c : cases) {
    INFO(c.what);
    semantics::NumericsProfile profile = semantics::numerics_profile("xla_cpu_ieee");
    profile.dot = {ElementType::F32, {}, std::nullopt};
    c.change(profile);
    for (bool listed : {true, false}) {
      Values values(profile, listed ? std::set<std::string>{"zero products bf16 in f32"}
                                    : std::set<std::string>{"add zero bf16"});
      auto in = [&](std::uint64_t e) { return values.input(0, e, ElementType::BF16); };
      ValueId zero = values.literal(ElementType::BF16, 0x8000); // -0
      auto dot = [&](std::vector<ValueId> left, std::vector<ValueId> right) {
        return values.dot(ElementType::BF16, values.list(std::move(left)),
                          values.list(std::move(right)));
      };
      ValueId three = dot({in(0), zero, in(2)}, {in(3), in(4), in(5)}),
              two = dot({in(0), in(2)}, {in(3), in(5)}), one = dot({zero, in(0)}, {in(1), in(2)}),
              product = values.operation(semantics::OpCode::Multiply, 0, ElementType::BF16,
                                         {in(0), in(2)}),
              none = dot({zero}, {in(1)}), other = dot({in(0), in(2)}, {in(4), in(5)});
      FiniteForms forms(values);
      CHECK(forms.equal(three, two) == (listed && c.shorter));
      CHECK(forms.equal(one, product) == (listed && c.single));
      CHECK_FALSE(forms.equal(three, other));
      CHECK_FALSE(forms.equal(none, product));
    }
  }
}

TEST_CASE("operations that the checker cannot follow are refused") {
  semantics::TensorGraph graph = semantics::parse_hlo(semantics::make_source("moving.hlo", R"(
HloModule moving
ENTRY moving {
  x = f32[4] parameter(0)
  i = s32[] parameter(1)
  ROOT y = f32[2] dynamic-slice(x, i), dynamic_slice_sizes={2}
}
)"));
  Values values(semantics::numerics_profile("xla_cpu"), {});
  try {
    run(values, graph, input_values(values, graph));
    FAIL("a start index that is an input");
  } catch (const Refused &refused) {
    CHECK_THAT(refused.reason, Catch::Contains("a start index of 'dynamic-slice' depends on"));
  }
}

TEST_CASE("window operations are executed element by element") {
  semantics::TensorGraph graph = semantics::parse_hlo(semantics::make_source("windows.hlo", R"(
HloModule windows
add { a = f32[] parameter(0)  b = f32[] parameter(1)  ROOT s = f32[] add(a, b) }
ENTRY windows {
  x = f32[4] parameter(0)
  v = f32[] parameter(1)
  one = s32[] constant(1)
  far = s32[] constant(9)
  p = f32[8] pad(x, v), padding=-1_2_1
  d = f32[2] dynamic-slice(x, far), dynamic_slice_sizes={2}
  u = f32[4] dynamic-update-slice(x, d, one)
  w = f32[3] reduce-window(x, v), window={size=3 stride=2 pad=1_2}, to_apply=add
  ROOT out = (f32[8], f32[2], f32[4], f32[3]) tuple(p, d, u, w)
}
)"));
  Values values(semantics::numerics_profile("xla_cpu"), {});
  std::vector<ValueTensor> in = input_values(values, graph), out = run(values, graph, in);
  const ValueTensor &x = in[0];
  ValueId v = in[1][0];
  // x with a hole after each element, without the first element, two more behind
  CHECK(out[0] == ValueTensor{v, x[1], v, x[2], v, x[3], v, v});
  CHECK(out[1] == ValueTensor{x[2], x[3]});
  CHECK(out[2] == ValueTensor{x[0], x[2], x[3], x[3]});
  auto sum = [&](std::vector<ValueId> terms) {
    return values.reduce(semantics::OpCode::Add, ElementType::F32, v,
                         values.list(std::move(terms)));
  };
  CHECK(out[3] == ValueTensor{sum({x[0], x[1]}), sum({x[1], x[2], x[3]}), sum({x[3]})});
}

TEST_CASE("convolutions are dots of what is under the window, by group") {
  semantics::TensorGraph graph = semantics::parse_hlo(semantics::make_source("groups.hlo", R"(
HloModule groups
ENTRY groups {
  x = f32[1,3,2] parameter(0)
  k = f32[2,1,2] parameter(1)
  ROOT c = f32[1,3,2] convolution(x, k), window={size=2 pad=1_0},
      dim_labels=b0f_0io->b0f, feature_group_count=2
}
)"));
  Values values(semantics::numerics_profile("xla_cpu"), {});
  std::vector<ValueTensor> in = input_values(values, graph);
  ValueTensor out = run(values, graph, in)[0];
  ValueId zero = values.literal(ElementType::F32, 0);
  for (std::size_t place = 0; place < 3; ++place)
    for (std::size_t feature = 0; feature < 2; ++feature) {
      ValueId before = place ? in[0][2 * (place - 1) + feature] : zero,
              here = in[0][2 * place + feature];
      CHECK(out[2 * place + feature] ==
            values.dot(ElementType::F32, values.list({before, here}),
                       values.list({in[1][feature], in[1][2 + feature]})));
    }
}
