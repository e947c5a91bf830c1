#pragma once
// The shapes of a graph's parameters, in order: what inputs must look like.

#include "semantics/graph.h"

namespace isamorph::verify {

inline std::vector<semantics::Shape> parameter_shapes(const semantics::TensorGraph &graph) {
  std::vector<semantics::Shape> out;
  for (semantics::NodeId p : graph.parameters)
    out.push_back(graph[p].shape);
  return out;
}

} // namespace isamorph::verify
