#include "verify/rule_witness.h"

namespace isamorph::verify {
namespace {

std::string index_text(const semantics::Shape &shape, std::int64_t element) {
  std::string out;
  for (std::size_t d = shape.rank(); d-- > 0;) {
    out = std::to_string(element % shape.dims[d]) + (out.empty() ? "" : ",") + out;
    element /= shape.dims[d];
  }
  return out.empty() ? "" : "[" + out + "]";
}

} // namespace

std::string text(const RuleWitness &witness) {
  std::string out;
  for (std::size_t t = 0; t < witness.inputs.size(); ++t) {
    const semantics::Tensor &tensor = witness.inputs[t];
    for (std::int64_t i = 0; i < tensor.elements(); ++i)
      if (tensor.bits(i) != 0)
        out += witness.names[t] + index_text(tensor.shape(), i) + "=" +
               semantics::element_text(tensor.shape().type, tensor.bits(i)) + " ";
  }
  return (out.empty() ? "all zeros" : out + "else 0") + ": " + witness.left + " and " +
         witness.right;
}

} // namespace isamorph::verify
