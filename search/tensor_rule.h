#pragma once
// What the saturation of tensor programs runs: matches are kept between search and apply.

#include "search/tensor_egraph.h"

namespace isamorph::search {

class TensorRule {
public:
  virtual ~TensorRule() = default;
  /// Looks at a rebuilt e-graph.
  virtual void search(const TensorEGraph &egraph) = 0;
  /// Adds terms and equalities for what was found.
  virtual void apply(TensorEGraph &egraph) = 0;
};

} // namespace isamorph::search
