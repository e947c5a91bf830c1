#pragma once
// Sums over dimensions on raw element storage, sixteen rows side by side, each in its profile's
// order: the bits of semantics::evaluate_op. Private to sim/.

#include "semantics/fold_layout.h"
#include "semantics/graph.h"
#include "semantics/numerics.h"
#include "sim/plain_numerics.h"
#include "sim/vector_target.h"

namespace isamorph::sim {

class ReduceAdd {
public:
  /// nullopt unless bf16 or f32 is summed sequentially or in blocks, with an accumulator of the
  /// element type or f32. Sums of no terms are left to the evaluator where denormals are flushed.
  static std::optional<ReduceAdd> compile(const semantics::Attributes &attributes,
                                          const semantics::Shape &input,
                                          const semantics::NumericsProfile &profile,
                                          VectorTarget target);

  std::size_t scratch_bytes() const;
  /// `out` overlaps no operand; `scratch` is aligned for lanes. Allocates nothing.
  void run(const std::byte *input, const std::byte *init, std::byte *out, std::byte *scratch) const;

private:
  template <class S, class A> void run_as(const S *input, S init, S *out, float *packed) const;

  semantics::ElementType type_ = semantics::ElementType::F32;
  bool rounds_steps_ = false; ///< the accumulator is of the element type
  bool flushes_ = false;      ///< in a flushing scope
  VectorTarget target_ = VectorTarget::Portable;
  semantics::ReduceLayout layout_;
  Blocks blocks_;
};

} // namespace isamorph::sim
