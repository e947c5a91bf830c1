#pragma once
// Numerics profiles: how operations round. A profile is data, read from a `numerics NAME { ... }`
// block; the shipped ones are in semantics/numerics/profiles.numerics, embedded into the library at
// build time.

#include "semantics/element_type.h"
#include "semantics/nan_form.h"
#include "semantics/op.h"
#include "semantics/source.h"
#include "semantics/step_program.h"

namespace isamorph::semantics {

class Cursor;

/// The tree of additions that a fold denotes. `Sequential`: ((init+t0)+t1)+...; `Blocks(w)`: rows
/// longer than w are cut in blocks of w, each summed sequentially from init, and the block sums are
/// then added in order, from init; `centred`: the last block is filled up on both sides, so that
/// the first one is shorter too (as XLA pads windows); `Pairwise`: a balanced tree over the terms
/// (the first half has one term more when their number is odd), init added last, as init+tree. The
/// terms of a fold over several dimensions are one row, in row-major order.
struct OrderDescriptor {
  enum class Kind : std::uint8_t { Sequential, Blocks, Pairwise };
  Kind kind = Kind::Sequential;
  std::int64_t width = 0; ///< Blocks only
  bool centred = false;   ///< Blocks only

  /// The length of the first block of a row of more than `width` terms; all others but the last
  /// have `width`.
  std::int64_t first_block(std::int64_t terms) const {
    std::int64_t filling = (width - terms % width) % width;
    return centred ? width - filling / 2 : width;
  }
  bool operator==(const OrderDescriptor &) const = default;
};

/// How `dot` or `reduce` accumulates float elements. Integers always wrap and are exact.
struct FoldNumerics {
  /// The type in which the running value is kept and every step is rounded: f32 or f64 where that
  /// is wider than the element type; nullopt: the element type itself.
  std::optional<ElementType> accumulator;
  OrderDescriptor order;
  /// Sums of the element types that the unit takes, instead of `order`: dots, and reductions with
  /// add. Its accumulator is never f64.
  std::optional<StepProgram> unit = std::nullopt;
  /// Of NaN sums. Operands propagate in units that add one product after the other to the
  /// accumulator; elsewhere the pattern stands.
  NanForm nan = {};
  bool operator==(const FoldNumerics &) const = default;
};

/// How a class of operations puts its results into their type.
struct ElementNumerics {
  ResultRounding round;
  NanForm nan = {};
  bool operator==(const ElementNumerics &) const = default;
};

/// What an operation does with denormals; a zero that takes their place has their sign.
enum class DenormalWay : std::uint8_t {
  Keep,
  Flush,          ///< operands are read as zeros, and results that round to a denormal become zeros
  FlushAfter,     ///< so are operands, and results tiny after rounding (x86's FTZ and DAZ)
  FlushInputs,    ///< operands alone
  FlushResults,   ///< results alone, as of Flush
  FlushLastInput, ///< the last operand alone: a divisor
};
inline constexpr int kDenormalWayCount = 6;

/// An exception from what a profile does with denormals. An empty list means all.
struct DenormalException {
  DenormalWay way = DenormalWay::Keep;
  std::vector<OpCode> operations; ///< arithmetic alone; a window's fold goes with reduce or dot
  std::vector<ElementType> operands, results;
  bool operator==(const DenormalException &) const = default;
};

/// A way, taken apart.
struct DenormalUse {
  bool inputs = false;                     ///< operands but the last are read as zeros
  bool last_input = false;                 ///< so is the last
  TinyResults results = TinyResults::Keep; ///< Keep, FlushAfter or FlushRounded
  bool operator==(const DenormalUse &) const = default;
};

/// Float element-wise operations of types narrower than `compute` (f32 or f64) are done in
/// `compute` and rounded once; for +, -, *, / and sqrt of bf16 in f32, to nearest even, that is the
/// correctly rounded result. Transcendental functions are computed in f64, rounded to `compute`,
/// then to the element type, to nearest even, or are tables. Integers convert by way of `compute`.
struct NumericsProfile {
  std::string name;
  std::optional<ElementType> compute; ///< nullopt: in the element type
  FoldNumerics dot; ///< products are exact if they fit the accumulator type, else rounded to it
  FoldNumerics reduce;
  /// Of all arithmetic (movement, select, negate and abs never change denormals), but for these, of
  /// which the last that fits decides. Folds take Keep, Flush and FlushAfter alone.
  DenormalWay denormals = DenormalWay::Keep;
  std::vector<DenormalException> denormal_exceptions = {};
  /// Rounding to a narrower float type reads denormals as zeros, even where arithmetic keeps them:
  /// in `convert`, and at the end of element-wise operations.
  bool flush_narrowing = false;
  /// Of +, -, *, / and sqrt, each rounding of theirs; NaNs of all element-wise float operations.
  ElementNumerics elementwise = {};
  /// Of `convert` to a float type: from integers, and from floats.
  ElementNumerics conversion = {};
  /// Whose unary functions of 16-bit types are used (semantics/function_table.h); empty: rounded
  /// ones. A table says what becomes of denormals, too.
  std::string functions = {};
  bool operator==(const NumericsProfile &) const = default;
};

/// Element-wise operations and conversions round to nearest even and overflow to infinity, and the
/// order of operands shows in no NaN: what lemmas about single float elements are proved for.
bool rounds_plainly(const NumericsProfile &profile);

/// Of floats: what is left when the bits are not just moved.
bool is_arithmetic(OpCode op);

/// What an operation with operands and a result of these types does with denormals: an element-wise
/// one, Dot (convolution too) or Reduce (reduce-window too). Of units and of narrowing it says
/// nothing.
DenormalUse denormal_use(const NumericsProfile &profile, OpCode op, ElementType operand,
                         ElementType result);
inline DenormalUse denormal_use(const NumericsProfile &profile, OpCode op, ElementType type) {
  return denormal_use(profile, op, type, type);
}

/// Some operation of the profile reads or writes denormals as zeros; the second: those of a type.
bool flushes_somewhere(const NumericsProfile &profile);
bool flushes(const NumericsProfile &profile, ElementType type);

/// The unit by which a fold sums elements of this type; null where it follows `order`.
const StepProgram *unit_for(const FoldNumerics &fold, ElementType type);

/// dot(a, b) and dot(b, a) have the same bits under this profile, those of NaNs included.
bool factors_commute(const FoldNumerics &dot, ElementType type);

/// The type in which element-wise operations of a float type are done, and in which its sums are
/// kept.
ElementType compute_type(const NumericsProfile &profile, ElementType type);
ElementType accumulator_type(const FoldNumerics &fold, ElementType type);

/// Parses the profile blocks of a text, each `numerics NAME [extends OTHER] { key value ... }`.
std::vector<NumericsProfile> parse_numerics(const SourceRef &source);
/// One block at the cursor (an ISA may declare its own); `known` are profiles that `extends` may
/// name.
NumericsProfile parse_numerics_block(Cursor &cursor, std::span<const NumericsProfile> known);

const std::vector<NumericsProfile> &shipped_numerics();
/// Throws InputError that lists the known names.
const NumericsProfile &numerics_profile(std::string_view name);
std::string print_numerics(const NumericsProfile &profile);

} // namespace isamorph::semantics
