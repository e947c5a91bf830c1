#include "verify/element_cone.h"

#include "spec/state.h"
#include "verify/generic_graph.h"
#include "verify/generic_kernel.h"
#include "verify/kernel_slice.h"
#include "verify/parameter_shapes.h"
#include "verify/symbolic.h"
#include "verify/term_values.h"

#include <array>

namespace isamorph::verify {
namespace {

/// More steps are not taken for one element.
constexpr std::int64_t kMaxSteps = std::int64_t{1} << 24;

} // namespace

std::optional<ElementCone> ElementCone::of(const semantics::TensorGraph &graph,
                                           const spec::Kernel &kernel, const spec::Isa &isa,
                                           std::size_t output, std::int64_t element,
                                           const StopToken &stop) {
  spec::Resolved resolved(isa, kernel);
  auto slice = slice_of(resolved.kernel(), resolved.isa(), output, element, stop);
  if (!slice)
    return std::nullopt;
  ElementCone out(isa.numerics);
  out.terms_.stop_with(&stop);
  std::vector<semantics::Shape> shapes = parameter_shapes(graph);
  InputElement input = [&](std::size_t p, const semantics::AffineIndex &at) {
    return out.terms_.input(static_cast<std::uint32_t>(p), static_cast<std::uint32_t>(at.offset),
                            shapes[p].type);
  };
  try {
    GenericLoops none(*slice, {});
    std::array<GenericDemand, 1> demand = {{{output, {element, {}}}}};
    out.expected_ = execute_generic(out.terms_, graph, none, input, demand, kMaxSteps).front();
    out.actual_ =
        execute_generic(out.terms_, resolved.isa(), *slice, none, input, kMaxSteps).front().term;
  } catch (const NotAffine &) {
    return std::nullopt;
  } catch (const TooMuchWork &) {
    return std::nullopt;
  }
  out.terms_.stop_with(nullptr);
  out.cone_ = cone_of(out.terms_, std::array{out.expected_, out.actual_});
  return out;
}

std::vector<semantics::Tensor>
ElementCone::depended_on(std::span<const semantics::Tensor> inputs) const {
  std::vector<semantics::Tensor> out;
  for (const semantics::Tensor &input : inputs)
    out.emplace_back(input.shape());
  for (TermId id : cone_)
    if (const Term &term = terms_[id]; term.kind == TermKind::Input)
      out[term.a].set_bits(term.b, inputs[term.a].bits(term.b));
  return out;
}

bool ElementCone::differs(std::span<const semantics::Tensor> inputs) const {
  std::vector<std::uint64_t> values = evaluate_terms(terms_, cone_, inputs);
  std::uint64_t e = values[expected_.v], a = values[actual_.v];
  ElementType type = terms_[expected_].type;
  return e != a && !(semantics::is_nan(type, e) && semantics::is_nan(type, a));
}

} // namespace isamorph::verify
