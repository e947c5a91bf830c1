// Any bytes as an ISA: either an InputError, or a model whose printed text reads back to itself.
#include "spec/isa.h"

#include <cstdlib>

using namespace isamorph;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  std::string printed;
  try {
    spec::Isa isa = spec::parse_isa(
        semantics::make_source("<fuzz>", std::string(reinterpret_cast<const char *>(data), size)));
    printed = spec::print_isa(isa);
  } catch (const semantics::InputError &) {
    return 0;
  }
  // What was printed must be accepted: an InputError here is a finding.
  if (spec::print_isa(spec::parse_isa(semantics::make_source("<printed>", printed))) != printed)
    std::abort();
  return 0;
}
