#include "semantics/fold_layout.h"

#include <algorithm>
#include <span>

namespace isamorph::semantics {
namespace {

using Dims = std::vector<std::int64_t>;

/// Offsets of all index tuples over some dimensions, row-major.
std::vector<std::size_t> offsets(std::span<const std::int64_t> dims,
                                 std::span<const std::int64_t> steps) {
  std::vector<std::size_t> out{0};
  for (std::size_t d = 0; d < dims.size(); ++d) {
    std::vector<std::size_t> next;
    next.reserve(out.size() * static_cast<std::size_t>(dims[d]));
    for (std::size_t base : out)
      for (std::int64_t i = 0; i < dims[d]; ++i)
        next.push_back(base + static_cast<std::size_t>(i * steps[d]));
    out = std::move(next);
  }
  return out;
}

/// Some dimensions of a tensor, with their strides.
struct Axes {
  Dims dims, steps;
  std::vector<std::size_t> offsets() const { return semantics::offsets(dims, steps); }
};
Axes axes(const Shape &shape, std::span<const std::int64_t> which) {
  Dims strides = row_major_strides(shape.dims);
  Axes out;
  for (std::int64_t d : which) {
    out.dims.push_back(shape.dims[static_cast<std::size_t>(d)]);
    out.steps.push_back(strides[static_cast<std::size_t>(d)]);
  }
  return out;
}
/// The dimensions of a tensor that are in neither list.
Dims others(const Shape &shape, std::span<const std::int64_t> a,
            std::span<const std::int64_t> b = {}) {
  Dims out;
  for (std::int64_t d = 0; d < static_cast<std::int64_t>(shape.rank()); ++d)
    if (std::find(a.begin(), a.end(), d) == a.end() && std::find(b.begin(), b.end(), d) == b.end())
      out.push_back(d);
  return out;
}

} // namespace

ReduceLayout reduce_layout(const Attributes &attributes, const Shape &input) {
  auto reduced = attributes.get(AttributeKey::Dimensions);
  Dims over(reduced.begin(), reduced.end());
  std::sort(over.begin(), over.end());
  return {axes(input, others(input, over)).offsets(), axes(input, over).offsets()};
}

DotLayout dot_layout(const Attributes &attributes, const Shape &lhs, const Shape &rhs) {
  auto lc = attributes.get(AttributeKey::LhsContracting),
       rc = attributes.get(AttributeKey::RhsContracting);
  auto lb = attributes.get(AttributeKey::LhsBatch), rb = attributes.get(AttributeKey::RhsBatch);
  DotLayout layout{axes(lhs, lb).offsets(),
                   axes(rhs, rb).offsets(),
                   axes(lhs, others(lhs, lb, lc)).offsets(),
                   axes(rhs, others(rhs, rb, rc)).offsets(),
                   axes(lhs, lc).offsets(),
                   axes(rhs, rc).offsets(),
                   0,
                   1};
  layout.result_row = layout.right_columns.size();
  return layout;
}

} // namespace isamorph::semantics
