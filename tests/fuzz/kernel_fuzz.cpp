// Kernels of a shipped ISA, in its own assembly, Python or JSON: every form prints and reads back,
// with its loops or, where the form has none, unrolled.
#include "spec/unroll.h"
#include "tests/fuzz/readers.h"

void isamorph::fuzz::kernel(const semantics::SourceRef &source) {
  static const spec::Isa isa = spec::load_isa(ISAMORPH_SOURCE_DIR "/spec/isa/qkv.isa");
  spec::Kernel kernel = spec::parse_kernel(source, isa);
  for (const std::string &form : spec::kernel_forms(isa)) {
    std::string text = spec::print_kernel(kernel, isa, form);
    spec::Kernel again =
        read_printed(text, [](const auto &s) { return spec::parse_kernel(s, isa); });
    bool same = again.loops.empty()
                    ? spec::unrolled(kernel).instructions == again.instructions
                    : kernel.instructions == again.instructions && kernel.loops == again.loops;
    require(same && spec::print_kernel(again, isa, form) == text, "the printed kernel is another");
  }
}
