#include "search/rewrite_chain.h"

#include "semantics/hlo.h"
#include "semantics/sum_rules.h"

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
  options.sums = semantics::sum_rules();
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

namespace {

/// Three parts of a contraction: `sum` of the dots p, q and r, a bias e, and the dot `all`.
std::string parts(const std::string &type, const std::string &sum) {
  std::string out = "  a = TYPE[2,9] parameter(0)\n  b = TYPE[9,4] parameter(1)\n"
                    "  e = TYPE[2,4] parameter(2)\n",
              dot = ", lhs_contracting_dims={1}, rhs_contracting_dims={0}\n";
  const char *const cuts[][2] = {{"0:3", "3"}, {"3:7", "4"}, {"7:9", "2"}};
  for (int i = 0; i < 3 && sum.find("all") == std::string::npos; ++i) {
    std::string n = std::to_string(i), cut = cuts[i][0], size = cuts[i][1];
    out += "  x" + n + " = TYPE[2," + size + "] slice(a), slice={[0:2], [" + cut + "]}\n  y" + n +
           " = TYPE[" + size + ",4] slice(b), slice={[" + cut + "], [0:4]}\n  " + "pqr"[i] +
           " = TYPE[2,4] dot(x" + n + ", y" + n + ")" + dot;
  }
  if (sum.find("all") != std::string::npos)
    out += "  all = TYPE[2,4] dot(a, b)" + dot;
  out += sum;
  for (std::size_t at = 0; (at = out.find("TYPE", at)) != std::string::npos;)
    out.replace(at, 4, type);
  return out;
}

} // namespace

TEST_CASE("products that are accumulated over parts of a contraction are one product") {
  const std::string all = "  ROOT z = TYPE[2,4] copy(all)\n",
                    biased = "  ROOT z = TYPE[2,4] add(e, all)\n";
  struct Row {
    const char *sum;
    std::string program;
    bool found;
  };
  const Row rows[] = {
      {"  s = TYPE[2,4] add(q, p)\n  ROOT z = TYPE[2,4] add(r, s)\n", all, true},
      {"  s = TYPE[2,4] add(p, q)\n  ROOT z = TYPE[2,4] add(s, r)\n", all, true},
      {"  s = TYPE[2,4] add(q, r)\n  ROOT z = TYPE[2,4] add(s, p)\n", all, true},
      {"  s = TYPE[2,4] add(p, e)\n  t = TYPE[2,4] add(q, s)\n  ROOT z = TYPE[2,4] add(r, t)\n",
       biased, true},
      {"  s = TYPE[2,4] add(e, p)\n  t = TYPE[2,4] add(s, q)\n  ROOT z = TYPE[2,4] add(t, r)\n",
       biased, true},
      {"  s = TYPE[2,4] add(p, p)\n  ROOT z = TYPE[2,4] add(r, s)\n", all, false},
      {"  ROOT z = TYPE[2,4] add(q, p)\n", all, false},
      {"  s = TYPE[2,4] add(p, q)\n  ROOT z = TYPE[2,4] subtract(s, r)\n", all, false},
      {"  s = TYPE[2,4] add(q, p)\n  ROOT z = TYPE[2,4] add(r, s)\n", biased, false},
  };
  struct Where {
    const char *type;
    semantics::Level level;
    bool holds;
  };
  for (const Where &where :
       {Where{"s32", semantics::Level::Bits, true}, Where{"f32", semantics::Level::Real, true},
        Where{"f32", semantics::Level::Finite, false}})
    for (const Row &row : rows) {
      INFO(where.type << " " << semantics::name(where.level) << "\n" << row.sum << row.program);
      auto found = chain(parts(where.type, row.program), parts(where.type, row.sum), where.level);
      CHECK(found.has_value() == (row.found && where.holds));
      if (found)
        check_places(*found);
    }
}

TEST_CASE("reductions over parts of a row are one reduction") {
  auto rows = [](const std::string &type, const std::string &op, const std::string &start,
                 const std::string &body) {
    return "HloModule g\nf {\n  x = " + type + "[] parameter(0)\n  y = " + type +
           "[] parameter(1)\n  ROOT z = " + type + "[] " + op +
           "(x, y)\n}\nENTRY g {\n  a = " + type + "[3,7] parameter(0)\n  i = " + type +
           "[] constant(" + start + ")\n" + body + "}\n";
  };
  auto search = [&](const std::string &type, const std::string &op, const std::string &start,
                    semantics::Level level) {
    std::string r = ", dimensions={1}, to_apply=f\n", t = type + "[3";
    semantics::TensorTerms terms;
    auto end = [&](const std::string &body) {
      semantics::TensorGraph g =
          semantics::parse_hlo(semantics::make_source("g.hlo", rows(type, op, start, body)));
      return terms.add(g)[g.results[0].v];
    };
    std::vector<NodeId> from = {end("  ROOT r = " + t + "] reduce(a, i)" + r)},
                        to = {end("  u = " + t + ",5] slice(a), slice={[0:3], [0:5]}\n  v = " + t +
                                  ",2] slice(a), slice={[0:3], [5:7]}\n  p = " + t +
                                  "] reduce(u, i)" + r + "  q = " + t + "] reduce(v, i)" + r +
                                  "  ROOT s = " + t + "] " + op + "(q, p)\n")};
    search::ChainOptions options;
    options.level = level;
    options.sums = semantics::sum_rules();
    return search::find_chain(terms, from, to, spec::load_isa("gemmini"),
                              semantics::shipped_rules(), options)
        .chain.has_value();
  };
  using semantics::Level;
  CHECK(search("s32", "add", "0", Level::Bits));
  CHECK(search("s32", "maximum", "-2147483648", Level::Bits));
  CHECK_FALSE(search("s32", "add", "1", Level::Bits));
  CHECK_FALSE(search("f32", "add", "0", Level::Finite));
  CHECK(search("f32", "add", "0", Level::Real));
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
