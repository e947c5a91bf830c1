// Any bytes as HLO text and as rewrite rules: either an InputError, or a graph whose printed text
// reads back to an equal graph.
#include "semantics/hlo.h"
#include "semantics/rules.h"

#include <cstdlib>

using namespace isamorph::semantics;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  SourceRef source = make_source("<fuzz>", std::string(reinterpret_cast<const char *>(data), size));
  try {
    parse_rules(source);
  } catch (const InputError &) {
  }
  TensorGraph graph;
  try {
    graph = parse_hlo(source);
  } catch (const InputError &) {
    return 0;
  }
  // What was printed must be accepted: an InputError here is a finding.
  if (!equal(parse_hlo(make_source("<printed>", print_hlo(graph))), graph))
    std::abort();
  return 0;
}
