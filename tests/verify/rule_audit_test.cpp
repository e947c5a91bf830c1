#include "tests/effort.h"
#include "verify/audit_rules.h"
#include "verify/prover.h"
#include "verify/rule_instances.h"

#include "semantics/evaluator.h"
#include "tests/reference_data.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

using namespace isamorph;
using namespace isamorph::verify;
using semantics::RewriteRule;

namespace {

std::vector<RewriteRule> tensorright_rules() {
  return semantics::parse_rules(
      semantics::read_source(ISAMORPH_SOURCE_DIR "/semantics/rules/tensorright.rules"));
}

/// One line of tensorright_answers.txt: the answers of an audit.
struct Answer {
  std::string rule, types;
  std::array<std::string, 3> levels; ///< yes, no or unknown
};

std::vector<Answer> recorded_answers() {
  std::ifstream file(ISAMORPH_SOURCE_DIR "/tests/verify/tensorright_answers.txt");
  std::vector<Answer> out;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#')
      continue;
    std::istringstream words(line);
    Answer answer;
    words >> answer.rule >> answer.types;
    for (std::string &level : answer.levels)
      words >> level;
    out.push_back(answer);
  }
  return out;
}

/// The rule with the types of a class only.
RewriteRule restricted(RewriteRule rule, const std::string &types) {
  if (rule.symbols.types.names.empty())
    return rule;
  auto &choices = rule.symbols.type_choices[0];
  if (choices.empty())
    for (int t = 0; t < semantics::kElementTypeCount; ++t)
      choices.push_back(static_cast<semantics::ElementType>(t));
  std::erase_if(choices, [&](semantics::ElementType type) {
    return types == "floats"     ? !semantics::is_float(type)
           : types == "integers" ? !semantics::is_integer(type)
                                 : type != semantics::ElementType::Pred;
  });
  return rule;
}

/// Whether small instances and inputs of all styles show a difference at a level.
bool differs(RewriteRule rule, Level level, std::size_t instances, int inputs_each) {
  const auto &profile = semantics::numerics_profile("xla_cpu_ieee");
  std::mt19937_64 random(7);
  bool reals = level == Level::Real && !rule.symbols.types.names.empty() &&
               semantics::is_float(rule.symbols.type_choices[0][0]);
  if (reals)
    for (auto &choices : rule.symbols.type_choices)
      choices = {semantics::ElementType::F64};
  for (const SmallInstance &instance : small_instances(rule, instances, random))
    for (int i = 0; i < inputs_each; ++i) {
      auto style = reals ? InputStyle::SmallIntegers : static_cast<InputStyle>(i % 4);
      if (difference(instance, random_inputs(instance.from, style, random), level, profile))
        return true;
    }
  return false;
}

std::vector<RuleFileRow> audit(const std::string &text, const char *profile = "xla_cpu_ieee") {
  RuleFileOptions options;
  options.profile = semantics::numerics_profile(profile);
  options.use_cache = false;
  return audit_rule_file(semantics::parse_rules(semantics::make_source("test.rules", text)),
                         options);
}

std::array<Outcome, 3> outcomes(const RuleFileRow &row) {
  return {row.row.levels[0].outcome, row.row.levels[1].outcome, row.row.levels[2].outcome};
}

constexpr auto kYes = Outcome::Equivalent;
constexpr auto kNo = Outcome::Different;
using Outcomes = std::array<Outcome, 3>;

} // namespace

TEST_CASE("recorded answers name every rule of the file") {
  std::map<std::string, int> rows;
  for (const Answer &answer : recorded_answers())
    ++rows[answer.rule];
  for (const RewriteRule &rule : tensorright_rules()) {
    INFO(rule.name);
    CHECK(rows.erase(rule.name) == 1);
  }
  CHECK(rows.empty());
}

namespace {

/// The rows of RULES.md about the file, and how many hold at each level by its own count.
struct GeneratedTable {
  std::map<std::string, std::array<std::string, 3>> rows; ///< by "rule (types)"
  std::map<std::string, int> holds;
};

GeneratedTable generated_table() {
  std::ifstream file(ISAMORPH_SOURCE_DIR "/verify/RULES.md");
  const std::regex row(
      R"(\| `.*?([a-z0-9_]+ \([a-z]+\))` \| (\w+)[^|]*\| (\w+)[^|]*\| (\w+)[^|]*\|.*)"),
      count(R"(\| (bits|finite|real) \| (\d+) \|.*)");
  GeneratedTable out;
  bool here = false;
  std::smatch part;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("## "))
      here = line == "## tensorright.rules";
    else if (here && std::regex_match(line, part, row))
      out.rows[part[1]] = {part[2], part[3], part[4]};
    else if (here && std::regex_match(line, part, count))
      out.holds[part[1]] = std::stoi(part[2]);
  }
  return out;
}

} // namespace

TEST_CASE("RULES.md says what is recorded, and its totals are those of its rows") {
  GeneratedTable table = generated_table();
  std::map<std::string, int> holds;
  std::size_t recorded = 0;
  for (const Answer &answer : recorded_answers()) {
    ++recorded;
    std::string key = answer.rule + " (" + answer.types + ")";
    INFO(key);
    REQUIRE(table.rows.contains(key));
    CHECK(table.rows[key] == answer.levels);
    for (std::size_t l = 0; l < answer.levels.size(); ++l)
      holds[std::string(semantics::name(static_cast<Level>(l)))] += answer.levels[l] == "yes";
  }
  CHECK(table.rows.size() == recorded);
  CHECK(table.holds == holds);
}

TEST_CASE("every statement of TensorRight's list stands above a rule") {
  std::filesystem::path path = test::reference_data("rules") / "tensorright_rules.txt";
  std::ifstream file(path);
  if (!file) {
    WARN("no " << path);
    return;
  }
  std::ifstream rules(ISAMORPH_SOURCE_DIR "/semantics/rules/tensorright.rules");
  std::set<std::string> comments;
  for (std::string line; std::getline(rules, line);)
    if (line.starts_with("// "))
      comments.insert(line.substr(3));
  int statements = 0;
  for (std::string line; std::getline(file, line);) {
    std::string arrow = "\u21d2";
    std::size_t at = line.find(arrow);
    if (at == std::string::npos)
      continue;
    ++statements;
    std::string text = line.replace(at, arrow.size(), "=>").substr(1, line.size() - 2);
    INFO(text);
    CHECK(std::ranges::any_of(
        comments, [&](const std::string &comment) { return comment.starts_with(text); }));
  }
  CHECK(statements == 106);
}

TEST_CASE("a row says which statement its rule spells out") {
  auto rows =
      audit("// Far away\n\n// Neg(Neg(A)) =>\n// A\nrule r bits { type T in s8  shape s  "
            "%a : T[*s] from { %n = T[*s] negate(%a) ROOT %y = T[*s] negate(%n) } to { ROOT "
            "%a } }\nrule q bits { type T in s8  shape s  %a : T[*s] from { ROOT %y = T[*s] "
            "copy(%a) } to { ROOT %a } }");
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].statement == "Neg(Neg(A)) => A");
  CHECK(rows[1].statement.empty());
}

TEST_CASE("the law of remainders is one of the evaluator's, and proves no more than it says",
          "[slow]") {
  auto rows = audit(
      R"(rule once bits { type T in bf16, f16, f32, f64  shape s  %a : T[*s] %b : T[*s]
           from { %x = T[*s] remainder(%a, %b) ROOT %y = T[*s] remainder(%x, %b) }
           to { ROOT %y = T[*s] remainder(%a, %b) } }
         rule other bits { type T in bf16, f32  shape s  %a : T[*s] %b : T[*s]
           from { %x = T[*s] remainder(%a, %b) ROOT %y = T[*s] remainder(%b, %x) }
           to { ROOT %y = T[*s] remainder(%b, %a) } })");
  REQUIRE(rows.size() == 2);
  CHECK(outcomes(rows[0]) == Outcomes{kYes, kYes, kYes});
  CHECK(rows[0].laws == std::vector<std::string>{"the remainder of floats is exact"});
  CHECK(outcomes(rows[1]) == Outcomes{kNo, kNo, kNo});
  // What the law says, of the evaluator.
  std::mt19937_64 random(2);
  for (semantics::ElementType type : {semantics::ElementType::BF16, semantics::ElementType::F16,
                                      semantics::ElementType::F32, semantics::ElementType::F64})
    for (int i = 0; i < 20'000; ++i) {
      std::uint64_t mask = ~std::uint64_t{0} >> (64 - 8 * semantics::byte_size(type));
      std::array<std::uint64_t, 2> in = {random() & mask, random() & mask};
      std::array<semantics::ElementType, 2> types = {type, type};
      std::uint64_t out =
          semantics::evaluate_scalar(semantics::OpCode::Remainder, {}, types, in, type,
                                     semantics::numerics_profile("xla_cpu_ieee"));
      double x = semantics::decode(type, in[0]), y = semantics::decode(type, in[1]),
             r = semantics::decode(type, out);
      INFO(x << " " << y << " " << r);
      if (!std::isfinite(x) || std::isnan(y) || y == 0)
        REQUIRE(std::isnan(r));
      else if (std::fabs(x) < std::fabs(y))
        REQUIRE(out == in[0]);
      else
        REQUIRE(std::fabs(r) < std::fabs(y));
    }
}

TEST_CASE("no test shows a difference where a rule was proved, and one does where it was refuted") {
  std::map<std::string, RewriteRule> rules;
  for (const RewriteRule &rule : tensorright_rules())
    rules.emplace(rule.name, rule);
  std::size_t proved = 0, refuted = 0;
  std::vector<Answer> answers = recorded_answers();
  for (std::size_t i = 0; i < answers.size(); i += effort::kEvery) {
    const Answer &answer = answers[i];
    RewriteRule rule = restricted(rules.at(answer.rule), answer.types);
    for (Level level : {Level::Bits, Level::Finite, Level::Real}) {
      const std::string &recorded = answer.levels[static_cast<std::size_t>(level)];
      if (recorded == "unknown" || (level != Level::Bits && answer.types != "floats"))
        continue;
      INFO(answer.rule << " " << answer.types << " " << name(level));
      bool differs_here = differs(rule, level, 60, 12);
      CHECK(differs_here == (recorded == "no"));
      ++(differs_here ? refuted : proved);
    }
  }
  CHECK(proved > effort::repetitions(100));
  CHECK(refuted > effort::repetitions(20));
}

TEST_CASE("every rule has small instances") {
  std::mt19937_64 random(1);
  for (const RewriteRule &rule : tensorright_rules()) {
    INFO(rule.name);
    auto list = small_instances(rule, 20, random);
    CHECK(list.size() >= 5);
    CHECK(std::is_sorted(list.begin(), list.end(),
                         [](const auto &a, const auto &b) { return a.elements < b.elements; }));
  }
}

TEST_CASE("answers depend on the class of element types") {
  auto rows = audit(R"(rule r bits { type T in f32, s32  shape s  %a : T[*s] %c : T[] %d : T[]
    from { %bc = T[*s] broadcast(%c), dimensions={} %bd = T[*s] broadcast(%d), dimensions={}
           %u = T[*s] add(%a, %bc)  ROOT %y = T[*s] add(%u, %bd) }
    to { %e = T[] add(%c, %d) %be = T[*s] broadcast(%e), dimensions={} ROOT %y = T[*s] add(%a, %be) } })");
  REQUIRE(rows.size() == 2);
  CHECK(outcomes(rows[0]) == Outcomes{kNo, kNo, kYes});
  CHECK(outcomes(rows[1]) == Outcomes{kYes, kYes, kYes});
  CHECK(rows[1].row.levels[0].reach == "all sizes");
}

TEST_CASE("rounding of a fixed float type refutes nothing over the reals") {
  auto rows = audit(R"(rule r bits { shape s %x : bf16[*s] %y : bf16[*s] %z : bf16[*s]
    from { %u = bf16[*s] add(%x, %y) ROOT %v = bf16[*s] add(%u, %z) }
    to { %u = bf16[*s] add(%y, %z) ROOT %v = bf16[*s] add(%x, %u) } })");
  CHECK(outcomes(rows[0]) == Outcomes{kNo, kNo, kYes});
}

TEST_CASE("a unit that cuts what it adds keeps no element of a dot with a unit vector") {
  const std::string rule = R"(rule r finite { type T in bf16  int m, n  %x : T[m,n]
    where m >= 1, n >= 1  from { ROOT %x }
    to { %i = s32[n,n] iota(), iota_dimension=0  %j = s32[n,n] iota(), iota_dimension=1
         %p = pred[n,n] compare(%i, %j), direction=EQ  %e = T[n,n] convert(%p)
         ROOT %y = T[m,n] dot(%x, %e), lhs_contracting_dims={1}, rhs_contracting_dims={0} } })";
  CHECK(outcomes(audit(rule)[0])[1] == kYes);
  CHECK(outcomes(audit(rule, "nvidia_ampere")[0])[1] != kYes);
}

TEST_CASE("a counterexample is small") {
  auto rows = audit(R"(rule r bits { type T in bf16  shape s  %a : T[*s]
    from { %z = T[*s] constant(0) ROOT %y = T[*s] add(%a, %z) } to { ROOT %a } })");
  CHECK(outcomes(rows[0]) == Outcomes{kNo, kYes, kYes});
  const auto &witness = rows[0].row.levels[0].witness;
  REQUIRE(witness);
  CHECK(witness->nonzero_inputs == 1);
  CHECK(text(*witness) == "a=-0 else 0: 0 and -0");
}

TEST_CASE("maxima are the same in any order, sums are not") {
  auto reduce = [](const std::string &op, const std::string &identity) {
    return "rule " + op +
           " bits { type T in bf16  int l, m  %x : T[l,m] from { %z = T[] constant(" + identity +
           ") %u = T[l] reduce(%x, %z), dimensions={1}, to_apply=" + op +
           " ROOT %y = T[] reduce(%u, %z), dimensions={0}, to_apply=" + op +
           " } to { %z = T[] constant(" + identity +
           ") ROOT %y = T[] reduce(%x, %z), dimensions={0,1}, to_apply=" + op + " } }";
  };
  auto rows = audit(reduce("maximum", "-inf") + reduce("add", "0"));
  CHECK(outcomes(rows[0]) == Outcomes{kYes, kYes, kYes});
  CHECK(outcomes(rows[1]) == Outcomes{kNo, kNo, kYes});
}

TEST_CASE("unsound rules over pads, slices and updates are refuted") {
  const std::vector<std::string> rules = {
      R"(type T in f32 int m, l %a : T[m] %v : T[] where l >= 1
         from { %p = T[`m+l`] pad(%a, %v), padding=`l`_0 ROOT %y = T[m] slice(%p), slice={[0:`m`]} } to { ROOT %a })",
      R"(type T in f32 int m %a : T[m] %v : T[]
         from { ROOT %y = T[`m+1`] pad(%a, %v), padding=1_0 } to { ROOT %y = T[`m+1`] pad(%a, %v), padding=0_1 })",
      R"(type T in f32 int m %a : T[m] %v : T[] where m >= 1
         from { ROOT %y = T[`2*m-1`] pad(%a, %v), padding=0_0_1 } to { ROOT %y = T[`2*m-1`] pad(%a, %v), padding=0_`m-1` })",
      R"(type T in f32 int m, k %a : T[m] %i : s32[] where 0 <= k, k <= m
         from { ROOT %y = T[k] dynamic-slice(%a, %i), dynamic_slice_sizes={`k`} } to { ROOT %y = T[k] slice(%a), slice={[0:`k`]} })",
      R"(type T in f32 int m, k, l %a : T[m] %i : s32[] %j : s32[] where 0 <= l, l <= k, k <= m, m <= 1000
         from { %x = T[k] dynamic-slice(%a, %i), dynamic_slice_sizes={`k`} ROOT %y = T[l] dynamic-slice(%x, %j), dynamic_slice_sizes={`l`} }
         to { %s = s32[] add(%i, %j) ROOT %y = T[l] dynamic-slice(%a, %s), dynamic_slice_sizes={`l`} })",
      R"(type T in f32 int m, k %a : T[m] %b : T[k] %i : s32[] where 0 <= k, k <= m
         from { ROOT %y = T[m] dynamic-update-slice(%a, %b, %i) } to { ROOT %a })",
      R"(type T in f32 int m %a : T[m] from { ROOT %y = T[m] reverse(%a), dimensions={0} } to { ROOT %a })",
      R"(type T in f32 int m %a : T[m] from { ROOT %y = T[`(m+1)/2`] slice(%a), slice={[0:`m`:2]} }
         to { ROOT %y = T[`(m+1)/2`] slice(%a), slice={[0:`(m+1)/2`]} })",
      R"(type T in f32 shape s %p : pred[*s] %a : T[*s] %b : T[*s]
         from { ROOT %y = T[*s] select(%p, %a, %b) } to { ROOT %y = T[*s] select(%p, %b, %a) })",
      R"(type T in s32 shape s %a : T[*s] %c : T[] %d : T[]
         from { ROOT %y = T[*s] clamp(%c, %a, %d) } to { ROOT %y = T[*s] clamp(%d, %a, %c) })",
      R"(type T in s8 int m from { ROOT %y = T[m] iota(), iota_dimension=0 } to { ROOT %y = T[m] constant(0) })",
      R"(type T in f32 int m, n %x : T[m] %y : T[n] from { %z = T[] constant(0)
           %w = T[`m+n`] concatenate(%x, %y), dimensions={0} ROOT %r = T[] reduce(%w, %z), dimensions={0}, to_apply=add }
         to { %z = T[] constant(0) ROOT %r = T[] reduce(%x, %z), dimensions={0}, to_apply=add %unused = T[n] copy(%y) })",
      R"(type T in s32 int m, n %x : T[m,n] from { %z = T[] constant(1) %u = T[m] reduce(%x, %z), dimensions={1}, to_apply=add
           ROOT %r = T[] reduce(%u, %z), dimensions={0}, to_apply=add }
         to { %z = T[] constant(1) ROOT %r = T[] reduce(%x, %z), dimensions={0,1}, to_apply=add })",
      R"(type T in f32 shape s %a : T[*s] %b : T[*s] from { %x = T[*s] exponential(%a) %y = T[*s] exponential(%b)
           ROOT %z = T[*s] multiply(%x, %y) } to { %x = T[*s] multiply(%a, %b) ROOT %z = T[*s] exponential(%x) })",
  };
  for (const std::string &rule : rules) {
    INFO(rule);
    auto rows = audit("rule r bits { " + rule + " }");
    REQUIRE(rows.size() == 1);
    CHECK(outcomes(rows[0]) == Outcomes{kNo, kNo, kNo});
    CHECK(rows[0].row.levels[2].witness);
  }
}

TEST_CASE("the prover alone refuses what is true at small sizes only") {
  const std::vector<std::string> rules = {
      // The start wraps where sizes are large.
      R"(type T in s8 int m where m <= 200 from { ROOT %y = T[m] iota(), iota_dimension=0 }
         to { %i = T[m] iota(), iota_dimension=0 ROOT %y = T[m] abs(%i) })",
      R"(type T in f32 int m %a : T[m] %i : s32[] where m >= 1
         from { ROOT %y = T[1] dynamic-slice(%a, %i), dynamic_slice_sizes={1} }
         to { %c = s32[] constant(100) %z = s32[] constant(0) %j = s32[] clamp(%z, %i, %c)
              ROOT %y = T[1] dynamic-slice(%a, %j), dynamic_slice_sizes={1} })",
      // Floats of a fixed type beside integers.
      R"(type T in s32 int m %x : f32[m] %y : f32[m] %z : f32[m]
         from { %u = f32[m] add(%x, %y) ROOT %v = f32[m] add(%u, %z) }
         to { %u = f32[m] add(%y, %z) ROOT %v = f32[m] add(%x, %u) })",
      // A divisor that may be zero or negative.
      R"(type T in f32 int m, t %a : T[m] where m / t >= 0
         from { ROOT %y = T[m] copy(%a) } to { ROOT %y = T[m] slice(%a), slice={[0:`m + 0 * (m / t)`]} })",
  };
  for (const std::string &rule : rules) {
    INFO(rule);
    ProveOptions options;
    options.use_cache = false;
    options.timeout_ms = 3000;
    auto proofs = prove_rules(semantics::parse_rules(semantics::make_source(
                                  "test.rules", "rule r bits { " + rule + " }")),
                              options);
    CHECK(proofs[0].answer != SmtAnswer::Proved);
  }
}

namespace {

using semantics::IntExpr;
using semantics::IntOp;

IntExpr plus(const IntExpr &e, std::int64_t one) { return IntExpr::make(IntOp::Add, {e, one}); }

/// Every rule that differs from this one in one number, in the order of two operands, or by a
/// condition that is gone.
std::vector<RewriteRule> mutants(const RewriteRule &rule) {
  std::vector<RewriteRule> out;
  for (std::size_t n = 0; n < rule.to.nodes.size(); ++n) {
    const semantics::TemplateNode &node = rule.to.nodes[n];
    if (std::holds_alternative<semantics::OpCode>(node.op) &&
        std::get<semantics::OpCode>(node.op) == semantics::OpCode::Parameter)
      continue;
    auto change = [&](auto f) {
      out.push_back(rule);
      f(out.back().to.nodes[n]);
      out.back().text += " // mutant " + std::to_string(out.size());
    };
    for (std::size_t a = 0; a < node.attributes.size(); ++a)
      for (std::size_t i = 0; i < node.attributes[a].second.size(); ++i)
        for (std::int64_t delta : {-1, 1})
          change([&](semantics::TemplateNode &m) {
            auto &value = m.attributes[a].second[i];
            value = plus(value, delta);
          });
    for (std::size_t i = 0; i + 1 < node.operands.size(); ++i)
      if (node.operands[i] != node.operands[i + 1])
        change([&](semantics::TemplateNode &m) { std::swap(m.operands[i], m.operands[i + 1]); });
    if (node.literal_value)
      change([&](semantics::TemplateNode &m) { m.literal_value = plus(*m.literal_value, 1); });
  }
  for (std::size_t c = 0; c < rule.conditions.size(); ++c) {
    out.push_back(rule);
    out.back().conditions.erase(out.back().conditions.begin() + static_cast<std::ptrdiff_t>(c));
    out.back().text += " // mutant " + std::to_string(out.size());
  }
  return out;
}

/// Mutants that the prover accepts must agree on all small instances; returns how many of how many
/// it did not accept.
std::pair<int, int> kill_mutants(std::span<const RewriteRule> rules) {
  ProveOptions options;
  options.use_cache = false;
  options.timeout_ms = 1500;
  std::vector<RewriteRule> all;
  for (const RewriteRule &rule : rules)
    for (RewriteRule &mutant : mutants(rule))
      all.push_back(std::move(mutant));
  auto proofs = prove_rules(all, options);
  int killed = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    INFO(all[i].text);
    if (proofs[i].answer == SmtAnswer::Proved)
      CHECK_FALSE(differs(all[i], Level::Bits, 100, 12));
    else
      ++killed;
  }
  return {killed, static_cast<int>(all.size())};
}

} // namespace

TEST_CASE("mutants of proved rules are refuted, or true", "[slow]") {
  std::vector<RewriteRule> rules;
  for (const RewriteRule &rule : tensorright_rules())
    for (const char *name :
         {"slice_of_pad_part", "concatenate_scalar_low", "dynamic_slice_of_transpose"})
      if (rule.name == name)
        rules.push_back(rule);
  auto [killed, all] = kill_mutants(rules);
  CHECK(all >= 10);
  CHECK(killed >= all * 3 / 4);
}

TEST_CASE("mutants of all rules that move elements are refuted, or true", "[.full]") {
  std::vector<RewriteRule> rules;
  for (const Answer &answer : recorded_answers())
    if (answer.types == "pred" && answer.levels[0] == "yes")
      for (const RewriteRule &rule : tensorright_rules())
        if (rule.name == answer.rule && rule.symbols.type_choices[0].empty())
          rules.push_back(rule);
  auto [killed, all] = kill_mutants(rules);
  WARN(killed << " of " << all << " mutants of " << rules.size() << " rules");
  CHECK(killed >= all / 2);
}
