// Kernels of a shipped ISA, in its own assembly, Python or JSON: every form prints and reads back.
#include "spec/kernel.h"
#include "tests/fuzz/readers.h"

void isamorph::fuzz::kernel(const semantics::SourceRef &source) {
  static const spec::Isa isa = spec::load_isa(ISAMORPH_SOURCE_DIR "/spec/isa/qkv.isa");
  spec::Kernel kernel = spec::parse_kernel(source, isa);
  for (const std::string &form : spec::kernel_forms(isa)) {
    std::string text = spec::print_kernel(kernel, isa, form);
    spec::Kernel again =
        read_printed(text, [](const auto &s) { return spec::parse_kernel(s, isa); });
    require(again.instructions == kernel.instructions &&
                spec::print_kernel(again, isa, form) == text,
            "the printed kernel is another");
  }
}
