#pragma once
// What a kernel computes as terms over its inputs: each instruction is its body, with the terms of
// the values that it reads as parameters. This is the end of a chain of rewriting. What is read in
// other pieces than it was written is slices of values, concatenated.

#include "semantics/tensor_terms.h"
#include "spec/kernel.h"

namespace isamorph::verify {

/// For each output of a kernel that spec::validate accepted, the term of its bytes in off-chip
/// memory, u8[bytes]; `parameters` are the terms of its inputs. Throws Refused when an instruction
/// reads values that do not lie one after the other along a buffer's first dimension.
std::vector<semantics::NodeId> kernel_images(semantics::TensorTerms &terms,
                                             const spec::Kernel &kernel, const spec::Isa &isa,
                                             std::span<const semantics::NodeId> parameters);

} // namespace isamorph::verify
