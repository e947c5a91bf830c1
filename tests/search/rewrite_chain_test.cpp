#include "search/rewrite_chain.h"

#include "semantics/hlo.h"

#include <catch2/catch.hpp>

using namespace isamorph;
using semantics::NodeId;

namespace {

semantics::TensorGraph graph(const std::string &body) {
  return semantics::parse_hlo(
      semantics::make_source("g.hlo", "HloModule g\nENTRY g {\n" + body + "}\n"));
}

std::optional<semantics::RewriteChain> chain(const std::string &left, const std::string &right,
                                             semantics::Level level = semantics::Level::Bits) {
  semantics::TensorTerms terms;
  semantics::TensorGraph a = graph(left), b = graph(right);
  std::vector<NodeId> from = {terms.add(a)[a.results[0].v]}, to = {terms.add(b)[b.results[0].v]};
  search::ChainOptions options;
  options.level = level;
  return search::find_chain(terms, from, to, spec::load_isa("qkv"), semantics::shipped_rules(),
                            options)
      .chain;
}

/// Each step puts at its place what stands there in the next term, and touches nothing else.
void check_places(const semantics::RewriteChain &chain) {
  semantics::TensorTerms terms;
  terms.add(chain.terms);
  REQUIRE(terms.size() == chain.terms.nodes.size());
  for (const auto *paths : {&chain.parts, &chain.outputs})
    for (const semantics::RewritePath &path : *paths) {
      NodeId now = path.from;
      for (const semantics::RewriteStep &step : path.steps) {
        REQUIRE(terms.at(now, step.at));
        auto put = terms.at(step.to, step.at);
        REQUIRE(put);
        CHECK(terms.replaced(now, step.at, *put) == step.to);
        now = step.to;
      }
      CHECK(now == path.to);
    }
}

const std::string kInputs = "  a = bf16[2,3] parameter(0)\n  b = bf16[3,2] parameter(1)\n";
const std::string kTwice = kInputs + "  c = bf16[3,2] transpose(a), dimensions={1,0}\n"
                                     "  d = bf16[2,3] transpose(c), dimensions={1,0}\n";

} // namespace

TEST_CASE("a term is its own chain") {
  std::string same = kInputs + "  ROOT c = bf16[2,3] negate(a)\n";
  auto found = chain(same, same);
  REQUIRE(found);
  CHECK(found->outputs.at(0).steps.empty());
  CHECK(found->rules.empty());
}

TEST_CASE("a rule below the root, at every place where it is needed") {
  auto found = chain(kTwice + "  ROOT e = bf16[2,3] multiply(d, d)\n",
                     kInputs + "  ROOT e = bf16[2,3] multiply(a, a)\n");
  REQUIRE(found);
  check_places(*found);
  CHECK(found->outputs[0].steps.size() >= 2);
  CHECK(found->rules.size() >= 1);
}

TEST_CASE("constants are folded by steps of their own") {
  auto found = chain(kInputs + "  i = s32[3,3] iota(), iota_dimension=0\n"
                               "  j = s32[3,3] iota(), iota_dimension=1\n"
                               "  p = pred[3,3] compare(i, j), direction=EQ\n"
                               "  ROOT e = bf16[3,3] convert(p)\n",
                     kInputs + "  ROOT e = bf16[3,3] constant({{1,0,0},{0,1,0},{0,0,1}})\n");
  REQUIRE(found);
  check_places(*found);
  std::size_t folds = 0;
  for (const semantics::RewriteStep &step : found->outputs[0].steps)
    folds += std::holds_alternative<semantics::FoldInstance>(step.by);
  CHECK(folds == found->outputs[0].steps.size());
  CHECK(folds == 4);
}

TEST_CASE("rules of weaker levels are used only where they may be") {
  std::string left = kInputs + "  c = bf16[2,3] add(a, a)\n  ROOT d = bf16[2,3] add(c, a)\n",
              right = kInputs + "  c = bf16[2,3] add(a, a)\n  ROOT d = bf16[2,3] add(a, c)\n";
  CHECK(chain(left, right));
  std::string third = "  a = bf16[2] parameter(0)\n  b = bf16[2] parameter(1)\n"
                      "  c = bf16[2] parameter(2)\n",
              one = third + "  d = bf16[2] add(a, b)\n  ROOT e = bf16[2] add(d, c)\n",
              other = third + "  d = bf16[2] add(b, c)\n  ROOT e = bf16[2] add(a, d)\n";
  CHECK_FALSE(chain(one, other));
  auto real = chain(one, other, semantics::Level::Real);
  REQUIRE(real);
  check_places(*real);
}

TEST_CASE("what is computed in tiles is put together, whichever way they are cut and stored") {
  std::string inputs = "  a = s32[4,3] parameter(0)\n  b = s32[3,6] parameter(1)\n",
              dot = ", lhs_contracting_dims={1}, rhs_contracting_dims={0}\n",
              whole = inputs + "  c = s32[4,6] dot(a, b)" + dot;
  std::string tiles = inputs +
                      "  x = s32[2,3] slice(a), slice={[0:2], [0:3]}\n"
                      "  y = s32[2,3] slice(a), slice={[2:4], [0:3]}\n"
                      "  v = s32[3,2] slice(b), slice={[0:3], [0:2]}\n"
                      "  w = s32[3,4] slice(b), slice={[0:3], [2:6]}\n"
                      "  c = s32[2,2] dot(x, v)" +
                      dot + "  d = s32[2,4] dot(x, w)" + dot + "  e = s32[2,2] dot(y, v)" + dot +
                      "  f = s32[2,4] dot(y, w)" + dot;
  auto found = chain(whole + "  ROOT r = s32[4,6] copy(c)\n",
                     tiles + "  g = s32[2,6] concatenate(c, d), dimensions={1}\n"
                             "  h = s32[2,6] concatenate(e, f), dimensions={1}\n"
                             "  ROOT r = s32[4,6] concatenate(g, h), dimensions={0}\n");
  REQUIRE(found);
  check_places(*found);
  // Column after column, and tile after tile.
  found = chain(whole + "  ROOT r = s32[6,4] transpose(c), dimensions={1,0}\n",
                tiles + "  g = s32[4,2] concatenate(c, e), dimensions={0}\n"
                        "  h = s32[4,4] concatenate(d, f), dimensions={0}\n"
                        "  i = s32[4,6] concatenate(g, h), dimensions={1}\n"
                        "  ROOT r = s32[6,4] transpose(i), dimensions={1,0}\n");
  REQUIRE(found);
  check_places(*found);
  CHECK_FALSE(chain(whole + "  ROOT r = s32[4,6] copy(c)\n", // two tiles exchanged
                    tiles + "  g = s32[2,6] concatenate(e, d), dimensions={1}\n"
                            "  h = s32[2,6] concatenate(c, f), dimensions={1}\n"
                            "  ROOT r = s32[4,6] concatenate(g, h), dimensions={0}\n"));
}

TEST_CASE("what came with other values of one load is one of these, also after arithmetic") {
  std::string both = "  a = s8[2,3] parameter(0)\n  b = s8[2,3] parameter(1)\n",
              joint = both + "  c = s8[4,3] concatenate(a, b), dimensions={0}\n"
                             "  i = s8[] constant(1)\n"
                             "  j = s8[4,3] broadcast(i), dimensions={}\n"
                             "  d = s8[4,3] multiply(c, j)\n"
                             "  e = s8[2,3] slice(d), slice={[2:4], [0:3]}\n";
  auto found =
      chain(both + "  ROOT e = s8[2,3] negate(b)\n", joint + "  ROOT f = s8[2,3] negate(e)\n");
  REQUIRE(found);
  check_places(*found);
  bool moved = false;
  for (const semantics::RewriteStep &step : found->outputs[0].steps)
    moved |= std::holds_alternative<semantics::MoveInstance>(step.by);
  CHECK(moved);
  CHECK_FALSE(
      chain(both + "  ROOT e = s8[2,3] negate(a)\n", joint + "  ROOT f = s8[2,3] negate(e)\n"));
}

TEST_CASE("why there is no chain") {
  semantics::TensorTerms terms;
  semantics::TensorGraph a = graph(kTwice + "  ROOT e = bf16[2,3] multiply(d, d)\n"),
                         b = graph(kInputs + "  ROOT e = bf16[2,3] multiply(a, a)\n"),
                         c = graph(kInputs + "  ROOT e = bf16[2,3] add(a, a)\n");
  std::vector<NodeId> from = {terms.add(a)[a.results[0].v]}, to = {terms.add(b)[b.results[0].v]},
                      other = {terms.add(c)[c.results[0].v]};
  search::ChainOptions options;
  auto absent = [&](std::span<const NodeId> end) {
    return search::find_chain(terms, from, end, spec::load_isa("qkv"), semantics::shipped_rules(),
                              options)
        .absent;
  };
  CHECK(absent(to).empty());
  CHECK(absent(other) == "the rules do not lead from the program's terms to the kernel's");
  options.limits.nodes = 1;
  CHECK(absent(to) ==
        "saturation ended (node limit) before the program's terms and the kernel's met");
}

TEST_CASE("what is different has no chain") {
  CHECK_FALSE(chain(kInputs + "  ROOT c = bf16[2,3] negate(a)\n",
                    kInputs + "  ROOT c = bf16[2,3] exponential(a)\n"));
}

TEST_CASE("an e-graph that explains holds the same terms and classes") {
  spec::Isa isa = spec::load_isa("qkv");
  semantics::TensorGraph g = semantics::parse_hlo(
      semantics::read_source(std::string(ISAMORPH_SOURCE_DIR) + "/corpus/qkv/attention.hlo"));
  search::TensorEGraph plain(isa.numerics), explaining(isa.numerics, true);
  plain.add_graph(g);
  explaining.add_graph(g);
  search::SaturationLog log;
  auto first = saturate(plain, isa, semantics::shipped_rules(), semantics::Level::Bits, {});
  auto second = saturate(explaining, isa, semantics::shipped_rules(), semantics::Level::Bits, {},
                         {}, {}, &log);
  CHECK(first.reason == search::StopReason::Saturated);
  CHECK(second.reason == search::StopReason::Saturated);
  CHECK(plain.graph().class_count() == explaining.graph().class_count());
  CHECK(plain.graph().node_count() == explaining.graph().node_count());
  CHECK_FALSE(log.uses.empty());
}
