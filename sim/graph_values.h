#pragma once
// All values that a tensor graph computes for given inputs, to be recognised in a running kernel.
//
// A result belongs to a value when it is that value, one of its transposes, consecutive elements of
// either (rows, a reshape, the bytes of it), or a rectangle of them whose rows are the result's
// last dimension (a tile), or tiles of one value one after the other. All-zero results belong to
// any graph: kernels clear places. So do the partial sums that accumulators hold, where they are
// asked for.

#include "sim/partial_sums.h"

namespace isamorph::sim {

class GraphValues {
public:
  /// Evaluates every operation that the results depend on. Throws InputError when inputs do not
  /// fit.
  GraphValues(const semantics::TensorGraph &graph, std::span<const semantics::Tensor> inputs,
              const semantics::NumericsProfile &profile);
  /// A further value, such as a constant of the kernel.
  void add(const std::string &name, semantics::Tensor value);
  /// From now on sums over multiples of each of `steps` terms belong, too (sim/partial_sums.h).
  void add_partial_sums(std::set<std::int64_t> steps);

  /// What the tensor belongs to: "k", "k transposed {1,0}", "part of k"; nullopt when it belongs
  /// to nothing. Bits are compared; all NaN results have the same.
  std::optional<std::string> find(const semantics::Tensor &tensor);

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
  using Group = std::vector<Value>;

  static void add_transposes(const Value &value, Group &out);
  std::optional<std::string> find_partial_sum(const semantics::Tensor &tensor);

  semantics::TensorGraph graph_; ///< all of whose nodes are results
  semantics::NumericsProfile profile_;
  Group values_;
  Group transposes_; ///< of values of two to four dimensions
  std::optional<PartialSums> partial_;
  std::set<semantics::ElementType> summed_; ///< types of which `sums_` has all partial sums
  Group sums_;                              ///< and their transposes
  std::size_t last_ = 0;                    ///< of `sums_`: the next one found is likely near
};

} // namespace isamorph::sim
