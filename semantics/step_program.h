#pragma once
// Step programs: how a matrix unit sums a row of terms into an accumulator, as independent knobs.
//
// The row is cut into blocks of `block` consecutive terms. For each block, in order: the terms are
// formed (products of two factors, or plain summands), summed as `sum` says, and joined with the
// accumulator as `join` says; every result is rounded to the accumulator's type by `round`. Nothing
// else is ever rounded: products of 16-bit and 32-bit factors are exact unless `round_products`.
//
//   Chain      one term after the other, each rounded; `chains` > 1: term i goes to partial sum
//              i mod chains, and the partial sums are then added in order
//   Tree       a balanced tree, the first half one term longer when their number is odd
//   Exact      the exact sum, rounded once
//   Aligned    terms are shifted to the largest exponent among them and rounded there to `fraction`
//              bits after the binary point of a significand of 1.x, then summed exactly. A
//              product's exponent is the sum of its factors' (its significand is below 4); a zero
//              has the accumulator's least exponent.
//
//   Within     the accumulator is the first term of the sum (of the chain, of the exact or aligned
//              terms)
//   After      the block's sum is rounded, then added to the accumulator, rounded
//   Aligned    the unrounded sums of the block's groups and the accumulator are aligned again, each
//              side with bits and rounding of its own
//
// With `phases`, each factor's significand is cut in slices, of which one a side takes part at a
// time: phase p multiplies the right factor's slice p mod R with the left one's slice p / R, R
// being the number of slices on the right. All phases of `phase_span` terms run before the next
// terms. A product with an infinite factor or NaN belongs to phase 0 alone, whole.

#include "semantics/nan_form.h"
#include "semantics/rounding.h"

#include <optional>
#include <string>
#include <vector>

namespace isamorph::semantics {

class Cursor;

/// Bits and direction of a shift to a common exponent.
struct Alignment {
  int fraction = 0;
  Rounding rounding = Rounding::TowardZero;
  bool operator==(const Alignment &) const = default;
};

struct StepProgram {
  enum class Sum : std::uint8_t { Chain, Tree, Exact, Aligned };
  enum class Join : std::uint8_t { Within, After, Aligned };
  enum class Inputs : std::uint8_t {
    Keep,
    Flush,        ///< denormals are read as zeros of their sign
    FlushPositive ///< as +0
  };
  static constexpr std::int64_t kWholeRow = 0;

  std::vector<ElementType> elements = {ElementType::BF16}; ///< what the unit takes: bf16, f16, f32
  std::int64_t block = 1;                                  ///< terms, or kWholeRow
  bool descending = false;                    ///< terms of a block from the last to the first
  bool round_products = false;                ///< else exact
  bool bounded_products = false;              ///< beyond the accumulator's range they are infinite
  std::vector<int> left_slices, right_slices; ///< significand bits, high ones first; empty: all
  int phases = 1;
  std::int64_t phase_span = kWholeRow; ///< a multiple of block, or kWholeRow
  Sum sum = Sum::Chain;
  std::int64_t chains = 1;
  Alignment alignment;     ///< Sum::Aligned
  std::int64_t groups = 1; ///< Sum::Aligned with Join::Aligned: so many parts of a block, apart
  Join join = Join::Within;
  Alignment sum_alignment, accumulator_alignment; ///< Join::Aligned
  RoundingStep round;
  Inputs inputs = Inputs::Keep;
  bool operator==(const StepProgram &) const = default;

  bool takes(ElementType type) const;
  bool flushes() const; ///< some denormals, in or out
};

/// Exchanging the two factors of every product can never change a bit.
bool symmetric(const StepProgram &program);
/// x times 1 plus zeros is x for every finite x of an element type no wider than the accumulator,
/// which is no denormal where those are flushed, by the argument of the lemma "unit vector dot":
/// products are exact, and all additions are rounded to nearest even.
bool keeps_unit_vectors(const StepProgram &program);

/// Changes what the block `{ key value ... }` at the cursor states. Throws InputError, also when
/// the knobs together make no sense.
void parse_step_program(Cursor &cursor, StepProgram &program);
/// The block with every knob, one a line, indented for a profile.
std::string print_step_program(const StepProgram &program);

/// NaNs in the doubles that a runner takes and gives: an element with its payload, and what stands
/// for an invalid operation's or, of an element, for its bits in some type.
double nan_operand(ElementType type, std::uint64_t bits);
std::uint64_t nan_result(double nan, ElementType type, const NanForm &form);

/// Runs a program on rows of one element type. The program must outlive the runner, which is for
/// one thread.
class StepRunner {
public:
  /// `accumulator` is f32, f16 or bf16; it holds every sum. NaNs are told apart by nan_result, if
  /// those that go in are nan_operands.
  StepRunner(const StepProgram &program, ElementType element, ElementType accumulator,
             NanForm nan = {});

  /// What the accumulator holds after the row, from `init`, which it holds exactly. Factors are
  /// values of the element type, as many on both sides; when `right` is empty, the terms are the
  /// values on the left.
  double run(double init, std::span<const double> left, std::span<const double> right);

private:
  struct Factor {
    double whole = 0; ///< as the unit reads it
    int exponent = 0;
  };
  struct Term {
    double value = 0;
    int exponent = 0; ///< for Sum::Aligned
    std::size_t index = 0;
  };
  Factor read(double value) const;
  double flushed(double value) const;
  void read_row(std::span<const double> values, const std::vector<int> &slices,
                std::vector<Factor> &row, std::vector<double> &parts) const;
  double rounded(double odd) const;
  int exponent_of(double accumulator) const;
  Term term(std::size_t index, int phase) const;
  void gather(std::size_t begin, std::size_t end, int phase);
  double step(double accumulator);
  double chain(double accumulator) const;
  double nan_sum(double accumulator, const Term &term) const;
  double chains() const;
  double tree(std::size_t begin, std::size_t end) const;
  double exact(std::optional<double> accumulator);
  double aligned_within(double accumulator);
  double aligned_twice(double accumulator);

  const StepProgram &program_;
  NanForm nan_;
  ElementType element_, accumulator_;
  bool products_ = false;
  std::vector<Factor> left_, right_;
  std::vector<double> left_parts_, right_parts_; ///< slices of each factor in turn, if any
  std::vector<Term> terms_, sums_;               ///< of the block at hand, of its groups
  std::vector<double> scratch_;
};

} // namespace isamorph::semantics
