#include "semantics/summation_order.h"

#include "evaluation.h"

#include <algorithm>

using namespace isamorph::semantics;
using namespace isamorph::semantics::test;

namespace {

std::string declared(const std::string &fold, std::int64_t terms) {
  return declared_order(profile("numerics p { dot " + fold + " }").dot, ElementType::BF16, terms)
      .to_string();
}

bool has_exact_nodes(const SummationTree &tree) {
  return tree.exact || std::any_of(tree.parts.begin(), tree.parts.end(), has_exact_nodes);
}

/// Types of which 64 ones disappear beside the masks' large numbers. Sums that are rounded to odd
/// keep a trace of every one.
std::vector<ElementType> maskable(const NumericsProfile &profile) {
  std::vector<ElementType> types;
  for (ElementType type : {ElementType::BF16, ElementType::F16, ElementType::F32}) {
    const StepProgram *unit = unit_for(profile.dot, type);
    ElementType accumulator = accumulator_type(profile.dot, type);
    if (!(unit && unit->round.mode == Rounding::ToOdd) &&
        (type != ElementType::F16 || accumulator == ElementType::F32))
      types.push_back(type);
  }
  return types;
}

} // namespace

TEST_CASE("knobs denote their trees") {
  CHECK(declared("order sequential", 5) == "((((0 1) 2) 3) 4)");
  CHECK(declared("order pairwise", 5) == "(((0 1) 2) (3 4))");
  CHECK(declared("order blocks 2", 5) == "(((0 1) (2 3)) 4)");
  CHECK(declared("order blocks 8", 3) == "((0 1) 2)");
  auto unit = [](const std::string &knobs) { return declared("unit { " + knobs + " }", 5); };
  CHECK(unit("block 2 lanes descending") == "((((0 1) 3) 2) 4)");
  CHECK(unit("block 4 sum chain 2 join after") == "(((0 2) (1 3)) 4)");
  CHECK(unit("block 4 sum tree join after") == "(((0 1) (2 3)) 4)");
  CHECK(unit("block 2 sum exact join after") == "(((0 1) (2 3)) 4)");
  CHECK(unit("block 2 sum aligned 9 down") == "(((0 1) 2 3) 4)");
  CHECK(unit("block row sum exact") == "(0 1 2 3 4)");
  CHECK(declared("unit { }", 1) == "0");
  CHECK(declared_order(numerics_profile("arm_bf16").dot, ElementType::BF16, 6).to_string() ==
        "(((0 1) (2 3)) (4 5))");
}

TEST_CASE("every shipped profile sums in the order that it declares") {
  int compared = 0;
  for (const NumericsProfile &profile : shipped_numerics())
    for (ElementType type : maskable(profile))
      for (std::int64_t terms : {2, 3, 17, 33}) {
        INFO(profile.name << ' ' << name(type) << ", " << terms << " terms");
        SummationTree tree = declared_order(profile.dot, type, terms);
        auto masked = [&](std::int64_t i, std::int64_t j) {
          return masked_dot(profile, type, terms, i, j);
        };
        std::int64_t wrong = 0;
        for (std::int64_t i = 0; i < terms; ++i)
          for (std::int64_t j = 0; j < terms; ++j)
            wrong += i != j && masked(i, j) != surviving_ones(tree, i, j);
        CHECK(wrong == 0);
        ++compared;
        if (!has_exact_nodes(tree))
          CHECK(recover_order(terms, masked).to_string() == tree.to_string());
      }
  CHECK(compared > 200);
}

TEST_CASE("masks tell the machines' orders apart") {
  auto recovered = [](const char *name, std::int64_t terms) {
    const NumericsProfile &profile = numerics_profile(name);
    return recover_order(terms,
                         [&](std::int64_t i, std::int64_t j) {
                           return masked_dot(profile, ElementType::BF16, terms, i, j);
                         })
        .to_string();
  };
  CHECK(recovered("xla_cpu", 4) == "(((0 1) 2) 3)");
  CHECK(recovered("f32_pairwise", 4) == "((0 1) (2 3))");
  CHECK(recovered("avx512_bf16", 4) == "(((0 1) 3) 2)");
  CHECK(recovered("amx_bf16", 6) == "(((0 2) 4) ((1 3) 5))");
  CHECK(recovered("amd_cdna2", 6) == "(((0 1) (2 3)) (4 5))");
  CHECK(recovered("nvidia_ampere", 10) == "((0 1 2 3 4 5 6 7) 8 9)");
  CHECK(recovered("nvidia_hopper", 10) == "(0 1 2 3 4 5 6 7 8 9)");
}
