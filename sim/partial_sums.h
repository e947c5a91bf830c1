#pragma once
// What an accumulator holds on the way to a graph's contractions and sums: their values over a
// leading part of the dimension that is summed, evaluated as the profile does.

#include "semantics/graph.h"
#include "semantics/numerics.h"
#include "spec/kernel.h"

#include <set>

namespace isamorph::sim {

/// How many terms the dots and reduces of a kernel's instructions add at a time: where a loop
/// varies that, those of its first iteration.
std::set<std::int64_t> terms_added(const spec::Isa &isa, const spec::Kernel &kernel);

class PartialSums {
public:
  /// `values`: of the graph's nodes. Sums over multiples of each of `steps` terms are looked at.
  PartialSums(const semantics::TensorGraph &graph, std::vector<semantics::Tensor> values,
              const semantics::NumericsProfile &profile, std::set<std::int64_t> steps);

  struct Sum {
    std::string name; ///< "the partial sum of c over k = 0..32", "... plus d", "c in f32"
    semantics::Tensor value;
  };
  /// Of dots and of reduces that add, fewest terms first: over less than all terms, also with an
  /// integer addend of theirs; and where `type` is wider than the graph's, of the widened operands,
  /// over all terms, too. None of other types, and of an operation none beyond kMostBytes.
  std::vector<Sum> of_type(semantics::ElementType type) const;

  static constexpr std::int64_t kMostBytes = std::int64_t{1} << 30; ///< of an operation's sums

private:
  void add_sums(semantics::NodeId node, semantics::ElementType type, std::vector<Sum> &out) const;
  /// The first `length` places of a dimension.
  semantics::Tensor prefix(semantics::Tensor value, std::int64_t dimension,
                           std::int64_t length) const;
  semantics::Tensor sum(semantics::NodeId node, std::int64_t length,
                        semantics::ElementType type) const;

  semantics::TensorGraph graph_;
  std::vector<semantics::Tensor> values_;
  semantics::NumericsProfile profile_;
  std::set<std::int64_t> steps_;
};

} // namespace isamorph::sim
