#pragma once
// Dots of integers of 8 and 16 bits on raw element storage, pairs of terms at once and sixteen
// results side by side, from sums that are there already: exact modulo 2^bits, in any order.
// Private to sim/.

#include "sim/lane_layout.h"

namespace isamorph::sim {

class PairDot {
public:
  /// Whether the result is of integers of at most 32 bits, to which all elements of the operands
  /// are congruent as signed integers of 16 bits.
  static bool takes(semantics::ElementType lhs, semantics::ElementType rhs,
                    semantics::ElementType result);
  /// Of types that it takes. Operands may be of narrower types than the result.
  PairDot(const semantics::Attributes &attributes, const semantics::Shape &lhs,
          const semantics::Shape &rhs, semantics::ElementType result, VectorTarget target);

  std::size_t scratch_bytes() const;
  /// `addend`, null for zeros, is of the result's shape; `out` overlaps no operand, but may be the
  /// addend itself. `scratch` is aligned for lanes. Allocates nothing unless the product is large
  /// enough to be divided among threads.
  void run(const std::byte *lhs, const std::byte *rhs, const std::byte *addend, std::byte *out,
           std::byte *scratch) const;

private:
  template <class L> void pack_left(const L *left, std::int16_t *packed) const;
  template <class R> void pack_right(const R *right, std::uint32_t *panels) const;
  template <class S>
  void multiply(const std::int16_t *left, const std::uint32_t *panels, const S *addend,
                S *out) const;
  template <class S> struct Rows;

  std::size_t pairs() const { return (layout_.terms() + 1) / 2; }

  LaneLayout layout_;
  semantics::ElementType left_, right_, result_;
  VectorTarget target_;
  bool rows_dense_, columns_dense_; ///< the terms of a row, the columns of a term
};

} // namespace isamorph::sim
