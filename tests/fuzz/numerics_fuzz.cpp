// Numerics profiles: a printed profile reads back to itself.
#include "semantics/numerics.h"
#include "tests/fuzz/readers.h"

void isamorph::fuzz::numerics(const semantics::SourceRef &source) {
  for (const semantics::NumericsProfile &profile : semantics::parse_numerics(source)) {
    auto again = read_printed(semantics::print_numerics(profile),
                              [](const auto &s) { return semantics::parse_numerics(s); });
    require(again.size() == 1 && again[0] == profile, "the printed profile is another");
  }
}
