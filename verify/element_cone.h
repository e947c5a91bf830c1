#pragma once
// One element of a result, as program and kernel compute it, apart from all others: however large
// both are, it rests on few elements of the inputs and few operations. Terms tell both. Private to
// verify/.

#include "spec/kernel.h"
#include "verify/term.h"

#include <optional>

namespace isamorph::verify {

class ElementCone {
public:
  /// nullopt where an operation of the program takes elements from places that only data tell, or
  /// the kernel is too large to be sliced (kernel_slice.h). `kernel` is valid. Throws
  /// Stopped.
  static std::optional<ElementCone> of(const semantics::TensorGraph &graph,
                                       const spec::Kernel &kernel, const spec::Isa &isa,
                                       std::size_t output, std::int64_t element,
                                       const StopToken &stop);

  /// The inputs with zeros wherever neither side looks: both give what they gave.
  std::vector<semantics::Tensor> depended_on(std::span<const semantics::Tensor> inputs) const;
  /// Whether both sides give different bits.
  bool differs(std::span<const semantics::Tensor> inputs) const;
  std::size_t terms() const { return cone_.size(); }

private:
  explicit ElementCone(const semantics::NumericsProfile &profile) : terms_(profile, false) {}

  TermGraph terms_;
  TermId expected_, actual_;
  std::vector<TermId> cone_; ///< of both
};

} // namespace isamorph::verify
