#pragma once
// Where two numerics profiles part: one operation under both, on random inputs of several classes
// that are known to show differences, and a small input on which they differ. Counts are samples
// and prove nothing, but for unary operations of 16-bit types, which are compared on every input; a
// witness is an evaluation under both profiles. Any NaN equals any NaN.

#include "semantics/evaluator.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace isamorph::verify {

/// How inputs are drawn. Masks: one large number, its opposite, and ones elsewhere, which shows the
/// order of a sum (Xie, Gao and Zhang: FPRev). Every: all values of one 16-bit operand.
enum class InputClass : std::uint8_t { Normal, WideExponents, Cancelling, Masks, Boundary, Every };
inline constexpr int kRandomClassCount = 5;    ///< all but Every
std::string_view name(InputClass input_class); ///< "normal", "wide exponents", ...

/// Names of the operations that can be asked about.
std::vector<std::string> comparable_operations();

struct ProfileQuestion {
  /// Dot, Reduce (with add), Convert (from f32), or one of + - * / and the unary functions.
  semantics::OpCode op = semantics::OpCode::Dot;
  semantics::ElementType type = semantics::ElementType::BF16; ///< a float, of the result
  std::int64_t terms = 64;                                    ///< Dot and Reduce: at least 1
  std::uint64_t seed = 0;
  std::int64_t tests = 1000; ///< of each class
};

struct ClassCount {
  InputClass input_class;
  std::int64_t tests = 0, different = 0;
  std::int64_t special = 0;  ///< differences in which one result is NaN or infinite
  double mean_ulp = 0;       ///< over the other differences, in ulps of the result type
  std::uint64_t max_ulp = 0; ///< over the same
};

/// Operands as bits: Dot two rows, Reduce one, other operations rows of one element.
struct ProfileWitness {
  std::vector<std::vector<std::uint64_t>> operands;
  std::uint64_t first = 0, second = 0; ///< the two results
  std::int64_t nonzero = 0;            ///< elements of the operands
};

struct ProfileDifference {
  std::vector<ClassCount> classes;       ///< those that were begun
  bool complete = true;                  ///< false: `goes_on` ended it
  std::optional<ProfileWitness> witness; ///< none found with fewer non-zero elements
};

/// The element type of the operands.
semantics::ElementType operand_type(const ProfileQuestion &question);

/// Asked before each evaluation, with the number of tests that have ended; false ends the
/// comparison with what it has.
using GoesOn = std::function<bool(std::int64_t tests)>;

/// The same for a seed on every machine. Throws InputError for a question that makes no sense.
ProfileDifference compare_profiles(const semantics::NumericsProfile &first,
                                   const semantics::NumericsProfile &second,
                                   const ProfileQuestion &question, const GoesOn &goes_on = {});

} // namespace isamorph::verify
