#include "verify/lemmas.h"
#include "verify/prover.h"

#include <catch2/catch.hpp>

using namespace isamorph;
using namespace isamorph::verify;

namespace {

ProveOptions afresh() {
  ProveOptions options;
  options.use_cache = false;
  return options;
}

void all_proved(const std::vector<std::string> &names) {
  for (const ClaimProof &proof : prove_lemmas(names, afresh())) {
    INFO(proof.name << ": " << proof.detail);
    CHECK(proof.answer == SmtAnswer::Proved);
    CHECK_FALSE(proof.obligations.empty());
    for (const Obligation &obligation : proof.obligations)
      CHECK(obligation.smtlib.find("fp.fma") == std::string::npos);
  }
}

} // namespace

TEST_CASE("the quick lemmas are proved") {
  all_proved({"join extract", "real sum", "real product", "commutative add s8",
              "commutative multiply pred", "commutative add s32", "commutative maximum f16",
              "commutative minimum bf16", "commutative xor u16", "add zero bf16",
              "subtract zero f32", "multiply one bf16", "divide one bf16",
              "unit vector dot bf16 in bf16", "multiply zero bf16", "zero products bf16 in bf16"});
}

TEST_CASE("the slow lemmas are proved", "[slow]") {
  all_proved({"commutative add f32", "commutative multiply f32", "unit vector dot bf16 in f32",
              "unit vector dot f32 in f32", "zero products bf16 in f32"});
}

TEST_CASE("there is no lemma of a name that is none") {
  for (const char *name :
       {"", "commutative", "commutative subtract f32", "commutative add f33", "commutative and f32",
        "unit vector dot s32 in s32", "zero products bf16 in", "zero products s8 in s32",
        "unit vector dot bf16 in", "add one f32", "divide zero f32", "real quotient"}) {
    INFO(name);
    CHECK_FALSE(lemma_obligations(name).has_value());
  }
  std::vector<std::string> names = {"commutative divide f32"};
  CHECK(prove_lemmas(names, afresh())[0].answer == SmtAnswer::Unknown);
}
