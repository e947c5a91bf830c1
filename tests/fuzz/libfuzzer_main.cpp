// What libFuzzer calls; ISAMORPH_FUZZED is one of the readers. A Finding that nobody catches ends
// the program, which is how libFuzzer takes note of it.
#include "tests/fuzz/readers.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  isamorph::fuzz::accepts(isamorph::fuzz::ISAMORPH_FUZZED,
                          std::string(reinterpret_cast<const char *>(data), size));
  return 0;
}
