#pragma once
// Positions that are affine in the variables of a box: offset + the sum of factor * variable, each
// variable from 0 to its count - 1. What a loop does in a generic iteration is said with them:
// addresses, and which element of which tensor. Counts are at least 2, so that two positions are
// equal all over the box exactly when their factors and offsets are.
//
// Whether an operation on positions is affine again is decided by the extremes over the box, which
// an affine function takes at corners; where it is not, there is no answer, never a wrong one.

#include "semantics/int_expr.h"
#include "semantics/op.h"

#include <compare>
#include <map>

namespace isamorph::semantics {

/// The factors of all variables, in the space that made it; 0: all are zero.
struct SlopeId {
  std::uint32_t v = 0;
  auto operator<=>(const SlopeId &) const = default;
};

struct AffineIndex {
  std::int64_t offset = 0;
  SlopeId slope = {};
  bool is_constant() const { return slope.v == 0; }
  auto operator<=>(const AffineIndex &) const = default;
};

/// The box, and the slopes over it. What may leave (-2^61, 2^61) has no value.
class IndexSpace {
public:
  /// `counts`: of the values of each variable, at least 2.
  explicit IndexSpace(std::vector<std::int64_t> counts);

  const std::vector<std::int64_t> &counts() const { return counts_; }
  std::optional<SlopeId> slope(const std::vector<std::int64_t> &factors); ///< one a variable
  const std::vector<std::int64_t> &factors(SlopeId slope) const { return slopes_[slope.v].factors; }

  /// The least and the largest value over the box.
  struct Range {
    std::int64_t low, high;
  };
  Range range(const AffineIndex &index) const;

  std::optional<AffineIndex> sum(const AffineIndex &a, const AffineIndex &b);
  std::optional<AffineIndex> scaled(const AffineIndex &index, std::int64_t factor);
  /// Floor division by a positive divisor, and its remainder.
  struct Division {
    AffineIndex quotient, remainder;
  };
  std::optional<Division> divide(const AffineIndex &index, std::int64_t divisor);

  /// The indices along the dimensions of the element at a row-major position that lies inside.
  std::optional<std::vector<AffineIndex>> indices(const AffineIndex &position,
                                                  std::span<const std::int64_t> dims);
  /// The row-major position of the element with these indices.
  std::optional<AffineIndex> position(std::span<const AffineIndex> indices,
                                      std::span<const std::int64_t> dims);

private:
  struct Slope {
    std::vector<std::int64_t> factors;
    Range range; ///< of the variables' part
  };
  struct Split {
    SlopeId quotient, remainder;
  };
  const Split &split(SlopeId slope, std::int64_t divisor);

  std::vector<std::int64_t> counts_;
  std::vector<Slope> slopes_;
  std::map<std::vector<std::int64_t>, SlopeId> by_factors_;
  std::map<std::pair<SlopeId, std::int64_t>, Split> splits_;
  std::map<std::pair<SlopeId, SlopeId>, std::optional<SlopeId>> sums_;
};

/// The value of an expression whose variables have these values.
std::optional<AffineIndex> affine_value(IndexSpace &space, const IntExpr &expression,
                                        std::span<const AffineIndex> variables);

/// Which element of which operand an element of a result is.
struct AffineSource {
  std::size_t operand;
  AffineIndex element;
};
/// Of a Movement operation or a pad; the pad's value is element 0 of operand 1.
std::optional<AffineSource> movement_source(IndexSpace &space, OpCode code,
                                            std::span<const Shape> operands,
                                            const Attributes &attributes, const Shape &result,
                                            const AffineIndex &element);

} // namespace isamorph::semantics
