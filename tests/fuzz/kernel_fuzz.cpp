// Any bytes as a kernel of a shipped ISA: either an InputError, or a kernel that every form prints
// and reads back.
#include "spec/kernel.h"

#include <cstdlib>

using namespace isamorph;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  static const spec::Isa isa = spec::load_isa(spec::shipped_isa_names().front());
  spec::Kernel kernel;
  try {
    kernel = spec::parse_kernel(
        semantics::make_source("<fuzz>", std::string(reinterpret_cast<const char *>(data), size)),
        isa);
  } catch (const semantics::InputError &) {
    return 0;
  }
  for (const std::string &form : spec::kernel_forms(isa)) {
    std::string text = spec::print_kernel(kernel, isa, form);
    spec::Kernel again = spec::parse_kernel(semantics::make_source("<printed>", text), isa);
    if (again.instructions != kernel.instructions || spec::print_kernel(again, isa, form) != text)
      std::abort();
  }
  return 0;
}
