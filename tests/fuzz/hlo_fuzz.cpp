// HLO text: the printed graph reads back to an equal one.
#include "semantics/hlo.h"
#include "tests/fuzz/readers.h"

void isamorph::fuzz::hlo(const semantics::SourceRef &source) {
  semantics::TensorGraph graph = semantics::parse_hlo(source);
  semantics::TensorGraph again = read_printed(
      semantics::print_hlo(graph), [](const auto &s) { return semantics::parse_hlo(s); });
  require(equal(again, graph), "the printed graph is another");
}
