#pragma once
// What of a kernel one element of its results rests on (program slicing, Weiser 1984): the cone of
// an element is small where the kernel is large. Private to verify/.

#include "spec/kernel.h"
#include "verify/stop_token.h"

namespace isamorph::verify {

/// The instances that one element of an output depends on, in their order, as a kernel without
/// loops whose only output is that element; nullopt where more memory is used
/// than is looked at. `kernel` is valid and its ISA has no control (spec::Resolved). Throws
/// Stopped.
std::optional<spec::Kernel> slice_of(const spec::Kernel &kernel, const spec::Isa &isa,
                                     std::size_t output, std::int64_t element,
                                     const StopToken &stop);

} // namespace isamorph::verify
