// An audit's results as text.
#include "verify/audit.h"

#include <algorithm>
#include <fmt/format.h>

namespace isamorph::verify {
namespace {

constexpr std::array<Level, 3> kLevels = {Level::Bits, Level::Finite, Level::Real};

/// What proofs take for granted, and why it is so.
constexpr const char *kLaws =
    "\n"
    "Facts about functions that no solver is asked for are laws, named wherever a proof "
    "rests on one.\n"
    "* Over the reals, axioms and definitions: exp(a+b) = exp(a) exp(b) and exp(0) = 1; "
    "exp, logistic and sqrt are not negative; exp(x) > 0, log(exp(x)) = x, and where a and b "
    "are known to be positive (exponentials, their sums, products and quotients, and maxima with "
    "one of these) log(a b) = log(a) + log(b) and exp(log(a)) = a; rsqrt(x) = 1/sqrt(x), "
    "logistic(x) = 1/(1+exp(-x)), tanh(x) = 1-2/(exp(2x)+1), exponential-minus-one(x) = exp(x)-1, "
    "log-plus-one(x) = log(1+x).\n"
    "* Of floats: the remainder is exact. Let x and y be finite, y not 0, and r = x - n y "
    "with n = trunc(x/y), as ISO C defines fmod (C17, 7.12.10.1; F.10.7.1 says that it is "
    "always exact). With u the lesser of the last places of x and y, both are integer "
    "multiples of u, and so is r. If |x| < |y|, then r = x. Else u is the last place of "
    "y, since a last place does not fall as numbers grow, and |r| < |y| is less than 2^p "
    "u for the precision p of the type: r is a number of the type, and rounding keeps it. "
    "So |r| < |y|, and r = x where |x| < |y|, which is all that a proof uses. The "
    "evaluator is compared with integers for all pairs of bf16 and of f16 by `./dev "
    "exhaustive`, and for all dividends with some divisors by the slow tests.\n";

/// A cell of a Markdown table.
std::string cell(const std::string &text) {
  std::string out;
  for (char c : text)
    out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

/// "yes, all sizes", "yes", "no", "unknown".
std::string short_answer(const LevelAnswer &answer) {
  if (answer.outcome == Outcome::Equivalent)
    return answer.reach == "all sizes" ? "yes, all sizes" : "yes";
  return answer.outcome == Outcome::Different ? "no" : "unknown";
}

/// The counterexample to the weakest level that fails; null when all hold or are unknown.
const RuleWitness *shown_witness(const AuditRow &row) {
  const RuleWitness *out = nullptr;
  for (Level level : kLevels)
    if (row.at(level).witness)
      out = &*row.at(level).witness;
  return out;
}

/// That counterexample, or why an answer is unknown.
std::string remark(const AuditRow &row) {
  if (const RuleWitness *witness = shown_witness(row))
    return "`" + text(*witness) + "`" + (witness->least ? "" : " (smallest found)");
  for (Level level : kLevels)
    if (row.at(level).outcome == Outcome::Unknown)
      return row.at(level).reason;
  return "";
}

void append_section(std::string &out, const AuditSection &section) {
  out += fmt::format("\n## {}\n\n{}\n\n| level | holds | of these for all sizes | does not hold | "
                     "unknown |\n|---|---|---|---|---|\n",
                     section.heading.title, section.heading.about);
  for (Level level : kLevels) {
    std::array<std::size_t, 3> counts = count_outcomes(section.rows, level);
    std::size_t all_sizes = 0;
    for (const AuditRow &row : section.rows)
      all_sizes += row.at(level).reach == "all sizes";
    out += fmt::format("| {} | {} | {} | {} | {} |\n", semantics::name(level), counts[0], all_sizes,
                       counts[1], counts[2]);
  }
  std::size_t shown = 0, least = 0;
  for (const AuditRow &row : section.rows)
    if (const RuleWitness *witness = shown_witness(row)) {
      ++shown;
      least += witness->least;
    }
  out += fmt::format("\n{} of {} counterexamples are shown to be the smallest at their sizes.\n\n"
                     "| rule | bits | finite | real | smallest counterexample |\n"
                     "|---|---|---|---|---|\n",
                     least, shown);
  for (const AuditRow &row : section.rows) {
    out += "| `" + cell(row.rule) + "` |";
    for (Level level : kLevels)
      out += " " + short_answer(row.at(level)) + " |";
    out += " " + cell(remark(row)) + " |\n";
  }
}

} // namespace

std::string_view answer_text(Outcome outcome) {
  switch (outcome) {
  case Outcome::Equivalent:
    return "holds";
  case Outcome::Different:
    return "does not hold";
  default:
    return "unknown";
  }
}

std::string sizes_text(const LevelAnswer &answer) {
  if (answer.outcome != Outcome::Equivalent || answer.reach == "all sizes")
    return answer.outcome == Outcome::Equivalent ? answer.reach : "";
  auto sizes = 1 + std::count(answer.reach.begin(), answer.reach.end(), ';');
  return fmt::format("{} size{}", sizes, sizes == 1 ? "" : "s");
}

std::string shapes_text(const RuleInstance &instance) {
  std::string out;
  for (semantics::NodeId p : instance.left.parameters) {
    const semantics::Node &node = instance.left[p];
    out += (out.empty() ? "" : ", ") + node.name + " " + node.shape.to_string();
  }
  return out.empty() ? "no inputs" : out;
}

std::array<std::size_t, 3> count_outcomes(std::span<const AuditRow> rows, Level level) {
  std::array<std::size_t, 3> out{};
  for (const AuditRow &row : rows)
    ++out[static_cast<std::size_t>(row.at(level).outcome)];
  return out;
}

std::string markdown(std::span<const AuditSection> sections) {
  std::string out =
      "# Which equalities hold, and how exactly\n\n"
      "Generated by `isamorph rules audit FILE... --markdown`; do not edit.\n\n"
      "Levels, strongest first: `bits`: every input gives the same bits; `finite`: the same bits "
      "up "
      "to the sign of zero, where neither side meets NaN or infinity; `real`: the same function of "
      "real numbers. \"yes, all sizes\" is proved for all sizes, \"yes\" for every input at the "
      "few "
      "small sizes that `--json` lists. A counterexample gives the inputs that are not 0 and the "
      "values of both sides at one element; it refutes the weakest level that does not hold.\n\n"
      "It is the smallest one: at sizes of the tensors that are the first, in an ascending list, "
      "at "
      "which a test finds a difference, the one with the fewest elements that are not +0; of these "
      "the one whose exponents are nearest to 0 (the sum of their distances), then the one with "
      "the "
      "fewest significant bits, then the one with the fewest negative elements. (-0 counts as an "
      "element that is not +0, and is plainer than 1; infinity and NaN are farther than any "
      "number.) Nothing smaller shows a difference: with fewer elements both sides are equal "
      "terms, "
      "or all values were tried. \"Smallest found\" means that the search was cut short.\n\n"
      "`finite` says nothing of inputs for which a side meets NaN or infinity: so x/x = 1 holds at "
      "it, bit for bit, because 0/0 is NaN. At `real` equality is claimed where no divisor is "
      "0.\n";
  out += kLaws;
  for (const AuditSection &section : sections)
    append_section(out, section);
  return out;
}

} // namespace isamorph::verify
