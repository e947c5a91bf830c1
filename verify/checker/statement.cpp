#include "verify/checker/statement.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace isamorph::verify {
namespace {

/// Programs and kernels are compared by positions, and run by names.
void check_order(const std::vector<spec::Placed> &placed, const semantics::TensorGraph &graph,
                 const std::vector<semantics::NodeId> &nodes, const char *what) {
  std::vector<std::string> names, expected;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    names.push_back(placed[i].name);
    expected.push_back(graph[nodes[i]].name);
  }
  if (names == expected || !std::ranges::is_permutation(names, expected))
    return;
  auto crossed = std::ranges::mismatch(names, expected).in1 - names.begin();
  semantics::fail(placed[static_cast<std::size_t>(crossed)].location,
                  fmt::format("the kernel's {0}s are {1}, the program's {2}: the same names in "
                              "another order; {0}s are compared by their positions",
                              what, fmt::join(names, ", "), fmt::join(expected, ", ")));
}

} // namespace

std::string reach(const semantics::TensorGraph &graph, semantics::Level level) {
  std::string shapes;
  for (semantics::NodeId p : graph.parameters)
    shapes += (shapes.empty() ? "" : ", ") + graph[p].shape.to_string();
  switch (level) {
  case semantics::Level::Bits:
    return "every input of these shapes (" + shapes + "), bit for bit";
  case semantics::Level::Finite:
    return "every finite input of these shapes (" + shapes +
           ") for which neither side meets NaN or infinity, up to the sign of zero";
  default:
    return "every input of these shapes (" + shapes +
           "), over the real numbers, where both sides are defined";
  }
}

void check_interface(const spec::Kernel &kernel, const semantics::TensorGraph &graph) {
  auto check = [&](const std::vector<spec::Placed> &placed,
                   const std::vector<semantics::NodeId> &nodes, const char *what) {
    if (placed.size() != nodes.size())
      throw semantics::InputError(
          fmt::format("the kernel has {} {}s, the program {}", placed.size(), what, nodes.size()));
    check_order(placed, graph, nodes, what);
    for (std::size_t i = 0; i < nodes.size(); ++i)
      if (placed[i].shape != graph[nodes[i]].shape)
        semantics::fail(placed[i].location,
                        fmt::format("{} {} of the kernel is {}, of the program {}", what, i,
                                    placed[i].shape.to_string(),
                                    graph[nodes[i]].shape.to_string()));
  };
  check(kernel.inputs, graph.parameters, "input");
  check(kernel.outputs, graph.results, "output");
}

} // namespace isamorph::verify
