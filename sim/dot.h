#pragma once
// Dots on raw element storage, sixteen results side by side, each accumulated in its profile's
// order: the bits of semantics::evaluate_op. Private to sim/.

#include "semantics/graph.h"
#include "semantics/numerics.h"
#include "sim/lane_layout.h"
#include "sim/plain_numerics.h"

namespace isamorph::sim {

class Dot {
public:
  /// nullopt when the profile or the type is none of those that have a kernel here: integers of at
  /// most 32 bits, bf16, f16 and f32 summed in f32, sequentially or in blocks, and f32 by a unit
  /// that fuses each product with its addition, one after the other, as x86's instructions do.
  static std::optional<Dot> compile(const semantics::Attributes &attributes,
                                    const semantics::Shape &lhs, const semantics::Shape &rhs,
                                    const semantics::Shape &result,
                                    const semantics::NumericsProfile &profile, VectorTarget target);

  std::size_t scratch_bytes() const;
  /// `out` overlaps no operand; `scratch` is aligned for lanes. Allocates nothing unless the
  /// product is large enough to be divided among threads.
  void run(const std::byte *lhs, const std::byte *rhs, std::byte *out, std::byte *scratch) const;

private:
  template <class S, class C> void run_as(const S *, const S *, S *, std::byte *) const;
  template <class S, class C> void pack_left(const S *left, C *packed) const;
  template <class S, class C> void pack_right(const S *right, C *panels) const;
  template <class S, class C> void multiply(const C *left, const C *panels, S *out) const;
  template <class S, class C, bool Fused = false> struct Rows;

  semantics::ElementType type_ = semantics::ElementType::F32;
  VectorTarget target_ = VectorTarget::Portable;
  bool flushes_ = false; ///< in a flushing scope
  bool fused_ = false;   ///< products are not rounded
  LaneLayout layout_;
  Blocks blocks_;
};

} // namespace isamorph::sim
