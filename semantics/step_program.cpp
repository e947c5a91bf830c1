#include "semantics/step_program.h"

#include "semantics/keywords.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace isamorph::semantics {
namespace {

using Sum = StepProgram::Sum;
using Join = StepProgram::Join;
using Words = std::span<const std::string_view>;

// In the order of the enumerators.
constexpr std::array<std::string_view, 4> kSums = {"chain", "tree", "exact", "aligned"};
constexpr std::array<std::string_view, 3> kJoins = {"within", "after", "aligned"};
constexpr std::array<std::string_view, 3> kInputs = {"keep", "flush", "flush_positive"};
constexpr std::array<std::string_view, 4> kResults = {"keep", "flush_before", "flush_after",
                                                      "flush_rounded"};

constexpr int kMostFractionBits = 40, kMostSignificandBits = 24;
constexpr std::int64_t kMostAlignedTerms = 512; // their sum must stay exact in a double

template <class Enum> Enum read_enum(Cursor &cursor, std::string_view what, Words words) {
  return static_cast<Enum>(choose_word(cursor, what, words));
}

std::int64_t read_count(Cursor &cursor, std::string_view what, std::int64_t most) {
  Location where = cursor.here();
  std::int64_t value = cursor.integer(what);
  if (value < 1 || value > most)
    fail(where, fmt::format("{} is {}", what, value), fmt::format("expected 1 to {}", most));
  return value;
}

/// A number of terms, or `row`.
std::int64_t read_terms(Cursor &cursor) {
  return cursor.accept_word("row") ? StepProgram::kWholeRow
                                   : read_count(cursor, "the number of terms", kMaxElements);
}

Alignment read_alignment(Cursor &cursor) {
  Alignment out;
  out.fraction =
      static_cast<int>(read_count(cursor, "the number of fraction bits", kMostFractionBits));
  out.rounding = read_enum<Rounding>(cursor, "rounding", kRoundingWords);
  return out;
}

void read_elements(Cursor &cursor, StepProgram &program) {
  constexpr std::array types = {ElementType::BF16, ElementType::F16, ElementType::F32};
  program.elements.clear();
  do {
    ElementType type = types[choose_word(cursor, "element type", {"bf16", "f16", "f32"})];
    if (!program.takes(type))
      program.elements.push_back(type);
  } while (std::any_of(types.begin(), types.end(),
                       [&](ElementType type) { return cursor.looking_at_word(name(type)); }));
  std::sort(program.elements.begin(), program.elements.end());
}

void read_slices(Cursor &cursor, std::vector<int> &slices) {
  slices.clear();
  if (cursor.accept_word("whole"))
    return;
  do {
    slices.push_back(static_cast<int>(
        read_count(cursor, "the number of significand bits", kMostSignificandBits)));
  } while (cursor.at_number() && slices.size() < 8);
}

void read_phases(Cursor &cursor, StepProgram &program) {
  program.phases = static_cast<int>(read_count(cursor, "the number of phases", 64));
  cursor.expect_word("over");
  program.phase_span = read_terms(cursor);
}

void read_sum(Cursor &cursor, StepProgram &program) {
  program.sum = read_enum<Sum>(cursor, "sum", kSums);
  program.chains = program.groups = 1;
  if (program.sum == Sum::Aligned) {
    program.alignment = read_alignment(cursor);
    if (cursor.accept_word("groups"))
      program.groups = read_count(cursor, "the number of groups", kMostAlignedTerms);
  } else {
    program.alignment = {};
    if (program.sum == Sum::Chain && cursor.at_number())
      program.chains = read_count(cursor, "the number of chains", kMaxElements);
  }
}

void read_join(Cursor &cursor, StepProgram &program) {
  program.join = read_enum<Join>(cursor, "join", kJoins);
  program.sum_alignment = program.accumulator_alignment = {};
  if (program.join != Join::Aligned)
    return;
  program.sum_alignment = read_alignment(cursor);
  cursor.expect_word("accumulator");
  program.accumulator_alignment = read_alignment(cursor);
}

struct Key {
  std::string_view word;
  void (*read)(Cursor &, StepProgram &);
};
constexpr std::array<Key, 14> kKeys = {{
    {"elements", read_elements},
    {"block", [](Cursor &c, StepProgram &p) { p.block = read_terms(c); }},
    {"lanes",
     [](Cursor &c, StepProgram &p) {
       p.descending = choose_word(c, "order", {"ascending", "descending"}) == 1;
     }},
    {"products",
     [](Cursor &c, StepProgram &p) {
       p.round_products = choose_word(c, "way", {"exact", "rounded"}) == 1;
     }},
    {"range",
     [](Cursor &c, StepProgram &p) {
       p.bounded_products = choose_word(c, "range", {"unlimited", "accumulator"}) == 1;
     }},
    {"left", [](Cursor &c, StepProgram &p) { read_slices(c, p.left_slices); }},
    {"right", [](Cursor &c, StepProgram &p) { read_slices(c, p.right_slices); }},
    {"phases", read_phases},
    {"sum", read_sum},
    {"join", read_join},
    {"round",
     [](Cursor &c, StepProgram &p) {
       p.round.mode = read_enum<Rounding>(c, "rounding", kRoundingWords);
     }},
    {"inputs",
     [](Cursor &c, StepProgram &p) {
       p.inputs = read_enum<StepProgram::Inputs>(c, "way", kInputs);
     }},
    {"results",
     [](Cursor &c, StepProgram &p) { p.round.tiny = read_enum<TinyResults>(c, "way", kResults); }},
    {"overflow",
     [](Cursor &c, StepProgram &p) {
       p.round.overflow = read_enum<Overflow>(c, "way", kOverflowWords);
     }},
}};

constexpr auto kKeyWords = [] {
  std::array<std::string_view, kKeys.size()> words;
  for (std::size_t i = 0; i < words.size(); ++i)
    words[i] = kKeys[i].word;
  return words;
}();

int significand_bits(const std::vector<int> &slices) {
  int bits = 0;
  for (int slice : slices)
    bits += slice;
  return bits;
}

/// Why the knobs make no sense together; empty when they do.
std::string contradiction(const StepProgram &p) {
  if (p.chains > 1 && p.join != Join::After)
    return "several chains are joined `after` the block";
  if (p.sum == Sum::Tree && p.join == Join::Within)
    return "a tree is joined `after` the block";
  if (p.join == Join::Aligned && p.sum != Sum::Aligned)
    return "only an aligned sum is joined `aligned`";
  if (p.sum == Sum::Aligned && (p.block == StepProgram::kWholeRow || p.block > kMostAlignedTerms))
    return fmt::format("an aligned sum is of at most {} terms", kMostAlignedTerms);
  if (p.groups > 1 && (p.join != Join::Aligned || p.block % p.groups != 0))
    return "groups are equal parts of a block that is joined `aligned`";
  auto count = [](const std::vector<int> &slices) {
    return std::max<std::size_t>(1, slices.size());
  };
  if (static_cast<std::size_t>(p.phases) > count(p.left_slices) * count(p.right_slices))
    return "more phases than pairs of slices";
  if (std::max(significand_bits(p.left_slices), significand_bits(p.right_slices)) >
      kMostSignificandBits)
    return fmt::format("slices of more than {} bits together", kMostSignificandBits);
  if (p.phase_span != StepProgram::kWholeRow &&
      (p.block == StepProgram::kWholeRow || p.phase_span % p.block != 0))
    return "phases run over whole blocks";
  return {};
}

std::string terms_text(std::int64_t terms) {
  return terms == StepProgram::kWholeRow ? "row" : std::to_string(terms);
}

std::string alignment_text(const Alignment &a) {
  return fmt::format("{} {}", a.fraction, kRoundingWords[static_cast<std::size_t>(a.rounding)]);
}

std::string slices_text(const std::vector<int> &slices) {
  return slices.empty() ? "whole" : fmt::format("{}", fmt::join(slices, " "));
}

std::string sum_text(const StepProgram &p) {
  std::string text(kSums[static_cast<std::size_t>(p.sum)]);
  if (p.sum == Sum::Aligned) {
    text += " " + alignment_text(p.alignment);
    return p.groups == 1 ? text : text + fmt::format(" groups {}", p.groups);
  }
  return p.chains == 1 ? text : text + fmt::format(" {}", p.chains);
}

std::string join_text(const StepProgram &p) {
  std::string text(kJoins[static_cast<std::size_t>(p.join)]);
  if (p.join != Join::Aligned)
    return text;
  return text + " " + alignment_text(p.sum_alignment) + " accumulator " +
         alignment_text(p.accumulator_alignment);
}

} // namespace

bool StepProgram::takes(ElementType type) const {
  return std::find(elements.begin(), elements.end(), type) != elements.end();
}

bool StepProgram::flushes() const {
  return inputs != Inputs::Keep || round.tiny != TinyResults::Keep;
}

bool symmetric(const StepProgram &program) {
  return program.left_slices == program.right_slices && program.phases == 1;
}

bool keeps_unit_vectors(const StepProgram &program) {
  return program.sum != Sum::Aligned && program.round.mode == Rounding::NearestEven &&
         program.left_slices.empty() && program.right_slices.empty();
}

void parse_step_program(Cursor &cursor, StepProgram &program) {
  Location start = cursor.here();
  cursor.expect("{");
  std::array<bool, kKeys.size()> seen{};
  while (!cursor.accept("}")) {
    Location where = cursor.here();
    std::size_t key = choose_word(cursor, "key", kKeyWords);
    if (seen[key])
      fail(where, "stated twice");
    seen[key] = true;
    kKeys[key].read(cursor, program);
  }
  if (std::string why = contradiction(program); !why.empty())
    fail(start, why);
}

std::string print_step_program(const StepProgram &p) {
  std::vector<std::string_view> types;
  for (ElementType type : p.elements)
    types.push_back(name(type));
  const std::array<std::string, kKeys.size()> values = {
      fmt::format("{}", fmt::join(types, " ")),
      terms_text(p.block),
      p.descending ? "descending" : "ascending",
      p.round_products ? "rounded" : "exact",
      p.bounded_products ? "accumulator" : "unlimited",
      slices_text(p.left_slices),
      slices_text(p.right_slices),
      fmt::format("{} over {}", p.phases, terms_text(p.phase_span)),
      sum_text(p),
      join_text(p),
      std::string(kRoundingWords[static_cast<std::size_t>(p.round.mode)]),
      std::string(kInputs[static_cast<std::size_t>(p.inputs)]),
      std::string(kResults[static_cast<std::size_t>(p.round.tiny)]),
      std::string(kOverflowWords[static_cast<std::size_t>(p.round.overflow)])};
  std::string text = "{\n";
  for (std::size_t k = 0; k < values.size(); ++k)
    text += fmt::format("    {} {}\n", kKeyWords[k], values[k]);
  return text + "  }";
}

} // namespace isamorph::semantics
