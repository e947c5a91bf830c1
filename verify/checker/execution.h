#pragma once
// The checker's own execution of programs and kernels on values (values.h): plain loops over maps,
// written apart from the verifier's symbolic execution, so that a mistake in one shows as a
// refusal. What an operation does to positions and constants comes from semantics/, what an
// instruction reads, computes and writes from spec/.

#include "spec/kernel.h"
#include "verify/checker/values.h"

namespace isamorph::verify {

/// Elements in row-major order.
using ValueTensor = std::vector<ValueId>;

/// Element e of parameter p is the input (p, e).
std::vector<ValueTensor> input_values(Values &values, const semantics::TensorGraph &graph);

/// The results of a graph. Throws Refused at an operation that the checker does not know.
std::vector<ValueTensor> run(Values &values, const semantics::TensorGraph &graph,
                             const std::vector<ValueTensor> &inputs);

/// The element numbers of a region of a buffer, in row-major order.
std::vector<std::int64_t> element_numbers(const spec::Buffer &buffer,
                                          const spec::ConcreteRegion &region);

/// The outputs of a kernel that spec::validate accepted. Throws Refused when it reads what was
/// never written.
std::vector<ValueTensor> run(Values &values, const spec::Kernel &kernel, const spec::Isa &isa,
                             const std::vector<ValueTensor> &inputs);

} // namespace isamorph::verify
