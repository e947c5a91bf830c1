// ISAs: the printed ISA reads back to one that prints the same.
#include "spec/isa.h"
#include "tests/fuzz/readers.h"

void isamorph::fuzz::isa(const semantics::SourceRef &source) {
  std::string text = spec::print_isa(spec::parse_isa(source));
  spec::Isa again = read_printed(text, [](const auto &s) { return spec::parse_isa(s); });
  require(spec::print_isa(again) == text, "the printed ISA is another");
}
