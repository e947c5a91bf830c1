// The audit of equalities: known answers, counterexamples evaluated again, agreement of the levels.
#include "verify/audit_taso.h"

#include "semantics/evaluator.h"
#include "tests/reference_data.h"
#include "verify/differential.h"
#include "verify/real_polynomial.h"

#include <catch2/catch.hpp>
#include <fstream>

using namespace isamorph;
using namespace isamorph::verify;
using semantics::ElementType;

namespace {

constexpr std::array<Level, 3> kLevels = {Level::Bits, Level::Finite, Level::Real};

AuditOptions options(const std::string &profile = "xla_cpu_ieee") {
  AuditOptions out;
  out.profile = semantics::numerics_profile(profile);
  out.all_sizes = false;
  return out;
}

std::vector<RuleSubject> subjects(const std::string &text, ElementType type = ElementType::BF16) {
  std::vector<RuleSubject> out;
  for (const TasoRule &rule : read_taso_rules(semantics::make_source("<test>", text)))
    out.push_back(taso_subject(rule, type));
  return out;
}

/// b, f, r where it holds, - where it does not, ? where that is unknown.
std::string letters(const AuditRow &row) {
  std::string out;
  for (Level level : kLevels)
    out += row.at(level).outcome == Outcome::Equivalent  ? semantics::name(level)[0]
           : row.at(level).outcome == Outcome::Different ? '-'
                                                         : '?';
  return out;
}

/// Equal up to the sign of zero, or both not finite.
bool is_plain(const std::vector<semantics::Tensor> &tensors) {
  for (const semantics::Tensor &tensor : tensors)
    for (std::int64_t i = 0; i < tensor.elements(); ++i)
      if (!semantics::is_finite(tensor.shape().type, tensor.bits(i)))
        return false;
  return true;
}

void check_witness(const RuleSubject &subject, Level level, const RuleWitness &witness,
                   const semantics::NumericsProfile &profile) {
  const RuleInstance &instance = subject.instances.at(witness.instance);
  auto left = semantics::evaluate(instance.left, witness.inputs, profile).at(0),
       right = semantics::evaluate(instance.right, witness.inputs, profile).at(0);
  std::uint64_t l = left.bits(witness.element), r = right.bits(witness.element);
  CHECK_FALSE(equal_element(left.shape().type, l, r, level));
  if (level != Level::Real) {
    CHECK(semantics::element_text(left.shape().type, l) == witness.left);
    CHECK(semantics::element_text(left.shape().type, r) == witness.right);
  }
  if (level != Level::Bits) {
    CHECK(is_plain(witness.inputs));
    CHECK((is_plain({left}) && is_plain({right})));
  }
}

/// What every row promises.
void check_row(const RuleSubject &subject, const AuditRow &row,
               const semantics::NumericsProfile &profile) {
  INFO(row.rule);
  for (Level level : kLevels) {
    const LevelAnswer &answer = row.at(level);
    CHECK(answer.witness.has_value() == (answer.outcome == Outcome::Different));
    CHECK(answer.reach.empty() == (answer.outcome != Outcome::Equivalent));
    CHECK(answer.reason.empty() == (answer.outcome != Outcome::Unknown));
    if (answer.witness)
      check_witness(subject, level, *answer.witness, profile);
  }
  for (std::size_t l = 1; l < 3; ++l) {
    if (row.levels[l - 1].outcome == Outcome::Equivalent)
      CHECK(row.levels[l].outcome == Outcome::Equivalent);
    if (row.levels[l].outcome == Outcome::Different)
      CHECK(row.levels[l - 1].outcome == Outcome::Different);
  }
}

struct Known {
  std::string rule, answer;
};

void check_known(const std::vector<Known> &all, ElementType type = ElementType::BF16,
                 const std::string &profile = "xla_cpu_ieee") {
  std::string text;
  for (const Known &known : all)
    text += known.rule + "\n";
  std::vector<RuleSubject> list = subjects(text, type);
  std::vector<AuditRow> rows = audit_rules(list, options(profile));
  REQUIRE(rows.size() == all.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    INFO(all[i].rule);
    CHECK(letters(rows[i]) == all[i].answer);
    check_row(list[i], rows[i], semantics::numerics_profile(profile));
  }
}

} // namespace

TEST_CASE("known equalities hold at their levels and not above") {
  check_known({
      {"ewadd(input_1,input_2) == ewadd(input_2,input_1)", "bfr"},
      {"transpose(transpose(input_1)) == input_1", "bfr"},
      {"split_1(0,concat(0,input_1,input_2)) == input_2", "bfr"},
      {"concat(0,concat(1,input_1,input_2),concat(1,input_4,input_5)) == "
       "concat(1,concat(0,input_1,input_4),concat(0,input_2,input_5))",
       "bfr"},
      {"transpose(matmul(input_1,input_4)) == matmul(transpose(input_4),transpose(input_1))",
       "bfr"},
      {"transpose(relu(input_1)) == relu(transpose(input_1))", "bfr"},
      {"relu(conv2d(1,1,0,0,input_7,input_10)) == conv2d(1,1,0,2,input_7,input_10)", "bfr"},
      {"matmul(input_1,Imatmul) == input_1", "-fr"},
      {"conv2d(1,1,0,0,input_7,input_13) == conv2d(1,1,0,0,input_7,enlarge(3,3,input_13))", "-fr"},
      {"matmul(input_1,smul(Imatmul,input_20)) == smul(input_1,input_20)", "-fr"},
      {"matmul(matmul(input_1,input_4),input_5) == matmul(input_1,matmul(input_4,input_5))", "--r"},
      {"ewmul(ewadd(input_1,input_2),input_3) == "
       "ewadd(ewmul(input_1,input_3),ewmul(input_2,input_3))",
       "--r"},
      {"ewadd(ewadd(input_1,input_2),input_3) == ewadd(input_1,ewadd(input_2,input_3))", "--r"},
      {"poolavg(3,3,1,1,0,input_7) == conv2d(1,1,0,0,input_7,Cpool(3,3))", "--r"},
  });
}

TEST_CASE("wrong equalities do not hold") {
  check_known({
      {"matmul(input_4,input_5) == matmul(input_5,input_4)", "---"},
      {"ewadd(input_1,input_2) == ewmul(input_1,input_2)", "---"},
      {"transpose(input_4) == input_4", "---"},
      {"relu(smul(input_1,input_20)) == smul(relu(input_1),input_20)", "---"},
      {"concat(0,input_1,input_2) == concat(0,input_2,input_1)", "---"},
      {"split_0(0,concat(0,input_1,input_2)) == input_2", "---"},
      {"relu(ewadd(input_1,input_2)) == ewadd(relu(input_1),relu(input_2))", "---"},
      {"conv2d(1,1,0,0,input_7,Iconv(3,3)) == relu(input_7)", "---"},
      {"conv2d(1,1,0,0,input_7,ewmul(input_10,input_11)) == "
       "ewmul(conv2d(1,1,0,0,input_7,input_10),conv2d(1,1,0,0,input_7,input_11))",
       "---"},
      {"poolmax(3,3,1,1,0,input_7) == poolavg(3,3,1,1,0,input_7)", "---"},
      {"poolmax(3,3,1,1,0,ewadd(input_7,input_8)) == "
       "ewadd(poolmax(3,3,1,1,0,input_7),poolmax(3,3,1,1,0,input_8))",
       "---"},
      {"poolavg(3,3,1,1,0,input_7) == poolavg(1,3,1,1,0,input_7)", "---"},
      {"smul(input_1,input_20) == input_1", "---"},
  });
}

TEST_CASE("the audit follows the element type and the numerics profile") {
  std::vector<Known> all = {
      {"matmul(input_1,Imatmul) == input_1", "-fr"},
      {"transpose(ewadd(input_1,input_2)) == ewadd(transpose(input_1),transpose(input_2))", "bfr"},
      {"matmul(matmul(input_1,input_4),input_5) == matmul(input_1,matmul(input_4,input_5))", "--r"},
  };
  for (ElementType type : {ElementType::F16, ElementType::F32, ElementType::F64})
    check_known(all, type);
  check_known(all, ElementType::BF16, "f32_sequential");
}

TEST_CASE("movement and element-wise equalities are proved for all sizes") {
  std::vector<RuleSubject> list = subjects(R"(
      transpose(transpose(input_1)) == input_1
      split_1(0,concat(0,input_1,input_2)) == input_2
      transpose(ewadd(input_1,input_2)) == ewadd(transpose(input_1),transpose(input_2))
      relu(transpose(input_1)) == transpose(relu(input_1))
      relu(conv2d(1,1,0,0,input_7,input_10)) == conv2d(1,1,0,2,input_7,input_10))");
  AuditOptions how = options();
  how.all_sizes = true;
  how.use_cache = false;
  std::vector<AuditRow> rows = audit_rules(list, how);
  for (std::size_t i = 0; i < 4; ++i) {
    INFO(rows[i].rule);
    for (Level level : kLevels)
      CHECK(rows[i].at(level).reach == "all sizes");
  }
  CHECK_THAT(rows[4].at(Level::Bits).reach, Catch::StartsWith("input_7 bf16[1,1,1,1], input_10"));
}

TEST_CASE("counterexamples are small") {
  std::vector<RuleSubject> list = subjects(R"(
      matmul(input_4,input_5) == matmul(input_5,input_4)
      ewadd(ewadd(input_1,input_2),input_3) == ewadd(input_1,ewadd(input_2,input_3))
      ewadd(input_1,input_1) == input_1
      concat(0,input_1,input_2) == concat(0,input_2,input_1))");
  std::vector<AuditRow> rows = audit_rules(list, options());
  CHECK(rows[0].at(Level::Real).witness->nonzero_inputs == 2);
  CHECK(rows[1].at(Level::Finite).witness->nonzero_inputs == 3);
  CHECK(text(*rows[2].at(Level::Real).witness) == "input_1[0,0]=1 else 0: 2 and 1");
  CHECK(text(*rows[2].at(Level::Bits).witness) == "input_1[0,0]=1 else 0: 2 and 1");
  CHECK(rows[3].at(Level::Bits).witness->nonzero_inputs == 1);
  for (std::size_t i : {1, 2, 3})
    CHECK(rows[i].at(Level::Bits).witness->least);
}

TEST_CASE("counterexamples are the smallest") {
  struct {
    const char *rule, *witness;
  } all[] = {
      {"matmul(matmul(input_1,input_4),input_5) == matmul(input_1,matmul(input_4,input_5))",
       "input_1[0,0]=1.5 input_4[0,0]=1.5 input_5[0,0]=1.36 else 0: 3.06 and 3.05"},
      {"ewadd(ewadd(input_1,input_2),input_3) == ewadd(input_1,ewadd(input_2,input_3))",
       "input_1[0,0]=1 input_2[0,0]=1.01 input_3[0,0]=-1 else 0: 1 and 1.01"},
      {"ewmul(ewadd(input_1,input_2),input_3) == "
       "ewadd(ewmul(input_1,input_3),ewmul(input_2,input_3))",
       "input_1[0,0]=1 input_2[0,0]=1.5 input_3[0,0]=1.36 else 0: 3.4 and 3.39"},
      {"poolavg(3,3,1,1,0,input_8) == conv2d(1,1,0,0,input_8,Cpool(3,3))",
       "input_8[0,0,0,0]=1.75 else 0: 0.194 and 0.195"},
      {"matmul(input_1,Imatmul) == input_1", "input_1[0,0]=-0 else 0: 0 and -0"},
  };
  std::string text_of_all;
  for (const auto &one : all)
    text_of_all += std::string(one.rule) + "\n";
  std::vector<AuditRow> rows = audit_rules(subjects(text_of_all), options());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    INFO(all[i].rule);
    CHECK(text(*rows[i].at(Level::Bits).witness) == all[i].witness);
    CHECK(rows[i].at(Level::Bits).witness->least);
  }
}

TEST_CASE("an interrupted audit knows nothing more") {
  std::atomic<bool> stop = true;
  AuditOptions how = options();
  how.interrupt = &stop;
  std::vector<RuleSubject> list = subjects("ewadd(input_1,input_2) == ewadd(input_2,input_1)");
  std::vector<AuditRow> rows = audit_rules(list, how);
  CHECK(letters(rows[0]) == "???");
  CHECK(rows[0].at(Level::Real).reason == "interrupted");
}

TEST_CASE("the table of an audit counts its rows") {
  std::vector<RuleSubject> list = subjects("ewadd(input_1,input_2) == ewadd(input_2,input_1)\n"
                                           "ewadd(input_1,input_1) == input_1\n");
  std::vector<AuditRow> rows = audit_rules(list, options());
  AuditSection section{{"Some", "Two equalities."}, rows};
  std::string page = markdown({&section, 1});
  for (const char *part :
       {"Generated by `isamorph rules audit FILE... --markdown`", "## Some\n\nTwo equalities.",
        "| bits | 1 | 0 | 1 | 0 |",
        "| `ewadd(input_1,input_2) == ewadd(input_2,input_1)` | yes | yes | yes |  |\n",
        "| no | no | no | `input_1[0,0]=1 else 0: 2 and 1` (smallest found) |\n"})
    CHECK_THAT(page, Catch::Contains(part));
}

TEST_CASE("all of TASO's equalities are answered, alike for any number of jobs", "[slow]") {
  std::filesystem::path file = test::reference_data("rules") / "taso_rules.txt";
  if (!std::filesystem::exists(file)) {
    WARN("skipped: no reference data at " << file);
    return;
  }
  std::vector<RuleSubject> list;
  for (const TasoRule &rule : read_taso_rules(semantics::read_source(file.string())))
    list.push_back(taso_subject(rule, ElementType::BF16));
  REQUIRE(list.size() == 931);
  AuditOptions how = options();
  how.all_sizes = true;
  std::vector<AuditRow> rows = audit_rules(list, how);
  AuditHeading heading = taso_heading(list.size(), how.profile, ElementType::BF16);
  auto page_of = [&](std::span<const AuditRow> of) {
    AuditSection section{heading, of};
    return markdown({&section, 1});
  };
  how.jobs = 1;
  std::span<const RuleSubject> some = std::span(list).first(150);
  CHECK(page_of(audit_rules(some, how)) == page_of(std::span(rows).first(some.size())));
  std::string page = page_of(rows);
  std::ifstream file_of_repository(ISAMORPH_SOURCE_DIR "/verify/RULES.md");
  std::string table(std::istreambuf_iterator<char>(file_of_repository), {});
  CHECK(table.starts_with(page)); // RULES.md is what the command prints
  for (std::size_t i = 0; i < rows.size(); ++i) {
    check_row(list[i], rows[i], how.profile);
    for (Level level : kLevels)
      CHECK(rows[i].at(level).outcome != Outcome::Unknown);
    if (rows[i].at(Level::Finite).outcome == Outcome::Equivalent) // then not decided apart
      for (const RuleInstance &instance : list[i].instances)
        CHECK(compare_over_reals(instance.left, instance.right).outcome == Outcome::Equivalent);
  }
  CHECK(count_outcomes(rows, Level::Bits)[0] == 298);
  CHECK(count_outcomes(rows, Level::Finite)[0] == 481);
  CHECK(count_outcomes(rows, Level::Real)[0] == 931);
}
