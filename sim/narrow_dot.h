#pragma once
// Dots of integers of 8 and 16 bits on raw element storage, two or four terms at once and sixteen
// results side by side, from sums that are there already: exact modulo 2^bits, in any order.
// Private to sim/.

#include "sim/lane_layout.h"

namespace isamorph::sim {

class NarrowDot {
public:
  /// Whether the result is of integers of at most 32 bits, to which all elements of the operands
  /// are congruent as signed integers of 16 bits.
  static bool takes(semantics::ElementType lhs, semantics::ElementType rhs,
                    semantics::ElementType result);
  /// Of types that it takes. Operands may be of narrower types than the result.
  NarrowDot(const semantics::Attributes &attributes, const semantics::Shape &lhs,
            const semantics::Shape &rhs, semantics::ElementType result, VectorTarget target);

  std::size_t scratch_bytes() const;
  /// `addend`, null for zeros, is of the result's shape; `out` overlaps no operand, but may be the
  /// addend itself. `scratch` is aligned for lanes. Allocates nothing unless the product is large
  /// enough to be divided among threads.
  void run(const std::byte *lhs, const std::byte *rhs, const std::byte *addend, std::byte *out,
           std::byte *scratch) const;

private:
  template <class Terms>
  void run_as(const std::byte *lhs, const std::byte *rhs, const std::byte *addend, std::byte *out,
              std::byte *scratch) const;
  template <class Terms, class L>
  void pack_left(const L *left, typename Terms::Element *packed) const;
  template <class Terms, class Target, class R>
  void pack_right(Target target, const R *right, std::uint32_t *panels) const;
  template <class Terms, class S> struct Rows;

  /// Where the panels begin.
  std::size_t packed_bytes() const { return aligned_bytes(layout_.rows() * words_ * 4); }

  LaneLayout layout_;
  semantics::ElementType left_, right_, result_;
  VectorTarget target_;
  std::size_t word_terms_; ///< 2 or 4
  std::size_t words_;      ///< of a row's terms, the last one filled up with zeros
  bool left_dense_, rows_dense_, columns_dense_; ///< all, the terms of a row, the columns of a term
};

} // namespace isamorph::sim
