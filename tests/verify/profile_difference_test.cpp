#include "verify/profile_difference.h"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace isamorph;
using namespace isamorph::verify;
using semantics::ElementType;
using semantics::numerics_profile;
using semantics::OpCode;

namespace {

ProfileDifference compare(const char *first, const char *second, ProfileQuestion question = {}) {
  question.tests = 200;
  return compare_profiles(numerics_profile(first), numerics_profile(second), question);
}

std::int64_t differences(const ProfileDifference &difference) {
  std::int64_t out = 0;
  for (const ClassCount &c : difference.classes) {
    CHECK(c.tests == 200);
    CHECK(c.special <= c.different);
    CHECK(c.mean_ulp <= static_cast<double>(c.max_ulp));
    out += c.different;
  }
  CHECK(difference.classes.size() == kRandomClassCount);
  CHECK((out > 0) == difference.witness.has_value());
  return out;
}

} // namespace

TEST_CASE("a profile does not differ from itself, nor from another name for it") {
  for (const semantics::NumericsProfile &profile : semantics::shipped_numerics())
    CHECK(differences(compare(profile.name.c_str(), profile.name.c_str())) == 0);
  CHECK(differences(compare("nvidia_hopper", "nvidia_blackwell")) == 0);
  CHECK(differences(compare("nvidia_ampere", "nvidia_ada")) == 0);
}

TEST_CASE("profiles that differ are told apart, with a small input") {
  struct Pair {
    const char *first, *second;
    std::int64_t most_nonzero;
  };
  for (Pair p : {Pair{"xla_cpu", "f32_pairwise", 6},
                 {"avx512_bf16", "amx_bf16", 8},
                 {"avx512_bf16", "riscv_zvfbf", 2},
                 {"nvidia_ampere", "nvidia_hopper", 8},
                 {"arm_bf16", "arm_bf16_ebf", 2},
                 {"tensix", "tensix_lofi", 2},
                 {"xla_cpu", "f64_exact", 6},
                 {"amd_cdna2", "amd_cdna3", 2}}) {
    INFO(p.first << " and " << p.second);
    ProfileDifference difference = compare(p.first, p.second);
    CHECK(differences(difference) > 0);
    REQUIRE(difference.witness);
    CHECK(difference.witness->nonzero <= p.most_nonzero);
    CHECK(difference.witness->first != difference.witness->second);
    // Zeroing any one term more makes them agree, by the counting of non-zero elements.
    std::int64_t nonzero = 0;
    for (const auto &row : difference.witness->operands)
      nonzero += std::count_if(row.begin(), row.end(), [](std::uint64_t bits) {
        return semantics::decode(ElementType::BF16, bits) != 0;
      });
    CHECK(nonzero == difference.witness->nonzero);
  }
}

TEST_CASE("other operations are compared too") {
  ProfileQuestion reduce{OpCode::Reduce, ElementType::BF16};
  CHECK(differences(compare("xla_cpu", "f32_sequential", reduce)) > 0);
  ProfileQuestion convert{OpCode::Convert, ElementType::BF16};
  ProfileDifference flushed = compare("avx512_bf16", "f32_sequential", convert);
  CHECK(differences(flushed) > 0);
  std::uint64_t read = flushed.witness->operands.at(0).at(0);
  CHECK((read & 0x7f800000) == 0); // an f32 denormal
  for (OpCode op : {OpCode::Add, OpCode::Multiply}) {
    ProfileQuestion question{op, ElementType::BF16};
    CHECK(differences(compare("tensix", "xla_cpu_ieee", question)) > 0); // denormals
    CHECK(differences(compare("f32_sequential", "xla_cpu_ieee", question)) == 0);
    CHECK(differences(compare("f32_sequential", "xla_cpu", question)) > 0);
  }
  ProfileQuestion wide{OpCode::Dot, ElementType::F32};
  CHECK(differences(compare("avx512_bf16", "f32_sequential", wide)) > 0); // pairs, descending
}

TEST_CASE("unary operations of 16-bit types are compared on every input") {
  auto count = [](OpCode op, ElementType type) {
    ProfileDifference found = compare("xla_cpu", "xla_cpu_x86", {op, type});
    REQUIRE(found.classes.size() == 1);
    CHECK(found.classes[0].tests == 65536);
    CHECK((found.classes[0].different > 0) == found.witness.has_value());
    return found.classes[0].different;
  };
  CHECK(count(OpCode::Logistic, ElementType::F16) == 11071);
  CHECK(count(OpCode::Cbrt, ElementType::BF16) == 254);
  CHECK(count(OpCode::Exponential, ElementType::BF16) == 0);
}

TEST_CASE("the same seed gives the same answer, another one another") {
  auto counts = [](std::uint64_t seed) {
    ProfileQuestion question;
    question.seed = seed;
    std::vector<std::int64_t> out;
    for (const ClassCount &c : compare("xla_cpu", "nvidia_hopper", question).classes)
      out.insert(out.end(), {c.different, static_cast<std::int64_t>(c.max_ulp)});
    return out;
  };
  CHECK(counts(1) == counts(1));
  CHECK(counts(1) != counts(2));
}

TEST_CASE("a comparison ends when it may not go on, with what it has") {
  ProfileQuestion question;
  question.tests = 50;
  const auto &first = numerics_profile("xla_cpu"), &second = numerics_profile("nvidia_hopper");
  ProfileDifference whole = compare_profiles(first, second, question);
  CHECK(whole.complete);
  for (std::int64_t most : {0, 1, 49, 50, 51, 130, 249}) {
    std::int64_t asked_at = -1;
    ProfileDifference part = compare_profiles(first, second, question, [&](std::int64_t tests) {
      CHECK(tests >= asked_at);
      asked_at = tests;
      return tests < most;
    });
    CHECK_FALSE(part.complete);
    CHECK(asked_at == most);
    std::int64_t made = 0;
    for (std::size_t i = 0; i < part.classes.size(); ++i) {
      made += part.classes[i].tests;
      CHECK(part.classes[i].different <= whole.classes[i].different);
    }
    CHECK(made == most);
    CHECK(part.classes.size() == static_cast<std::size_t>(most / 50 + 1));
  }
  ProfileDifference all = compare_profiles(first, second, question, [](auto) { return true; });
  CHECK(all.complete);
  CHECK(all.witness->operands == whole.witness->operands);
}

TEST_CASE("questions without sense are refused") {
  ProfileQuestion question;
  question.terms = 0;
  CHECK_THROWS_WITH(compare("xla_cpu", "f64_exact", question), Catch::Contains("0 terms"));
  question.type = ElementType::S32;
  CHECK_THROWS_WITH(compare("xla_cpu", "f64_exact", question), Catch::Contains("floats"));
}
