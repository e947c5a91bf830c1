#pragma once
// All values that a tensor graph computes for given inputs, to be recognised in a running kernel.
//
// A result belongs to a value when it is that value, one of its transposes, consecutive elements of
// either (rows, a reshape, the bytes of it), or a rectangle of them whose rows are the result's
// last dimension (a tile). All-zero results belong to any graph: kernels clear places.

#include "semantics/graph.h"
#include "semantics/numerics.h"

#include <map>

namespace isamorph::sim {

class GraphValues {
public:
  /// Evaluates every operation that the results depend on. Throws InputError when inputs do not
  /// fit.
  GraphValues(const semantics::TensorGraph &graph, std::span<const semantics::Tensor> inputs,
              const semantics::NumericsProfile &profile);
  /// A further value, such as a constant of the kernel.
  void add(const std::string &name, semantics::Tensor value);

  /// What the tensor belongs to: "k", "k transposed {1,0}", "part of k"; nullopt when it belongs
  /// to nothing. Bits are compared; all NaN results have the same.
  std::optional<std::string> find(const semantics::Tensor &tensor) const;

  /// The value of the same shape that differs in the fewest elements.
  struct Nearest {
    std::string name;
    std::int64_t mismatches = 0, first = 0; ///< elements; the first that differs
    semantics::Tensor value;
  };
  std::optional<Nearest> nearest(const semantics::Tensor &tensor) const;

private:
  struct Value {
    std::string name;
    semantics::Tensor tensor;
  };
  std::vector<Value> values_;
  std::vector<Value> transposes_; ///< of values of two to four dimensions
};

} // namespace isamorph::sim
