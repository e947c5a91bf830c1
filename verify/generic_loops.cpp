#include "verify/generic_loops.h"

#include "verify/symbolic.h"

#include <algorithm>

namespace isamorph::verify {
namespace {

using semantics::AffineIndex;
using semantics::SlopeId;

/// Input terms from this number on are generic elements; those below are themselves.
constexpr std::uint32_t kFirstGeneric = std::uint32_t{1} << 31;

std::vector<std::int64_t> iterations(const spec::Kernel &kernel,
                                     const std::vector<std::uint32_t> &loops) {
  std::vector<std::int64_t> out;
  for (std::uint32_t l : loops)
    out.push_back(kernel.loops[l].iterations());
  return out;
}

} // namespace

GenericLoops::GenericLoops(const spec::Kernel &kernel, std::vector<std::uint32_t> loops)
    : loops_(std::move(loops)), space_(iterations(kernel, loops_)) {}

std::optional<std::size_t> GenericLoops::variable(std::uint32_t loop) const {
  auto found = std::ranges::lower_bound(loops_, loop);
  return found != loops_.end() && *found == loop
             ? std::optional(static_cast<std::size_t>(found - loops_.begin()))
             : std::nullopt;
}

bool GenericLoops::depends(SlopeId slope, std::uint32_t loop) const {
  auto v = variable(loop);
  return v && space_.factors(slope)[*v] != 0;
}

void GenericLoops::refuse(SlopeId slope, SlopeId other) const {
  for (std::size_t v = loops_.size(); v-- > 0;)
    if (space_.factors(slope)[v] != 0 || space_.factors(other)[v] != 0)
      throw UnrollLoop{loops_[v]};
  if (loops_.empty())
    throw std::logic_error("a kernel without symbolic loops has no generic iteration to refuse");
  throw UnrollLoop{loops_.back()};
}

TermId GenericInputs::element(std::size_t parameter, const AffineIndex &position) {
  auto p = static_cast<std::uint32_t>(parameter);
  ElementType type = shapes_[parameter].type;
  if (position.is_constant() && position.offset < kFirstGeneric)
    return terms_.input(p, static_cast<std::uint32_t>(position.offset), type);
  auto &numbers = numbers_[parameter];
  if (numbers.size() >= kFirstGeneric)
    throw TooMuchWork("a generic iteration reads more than 2^31 elements");
  auto next = kFirstGeneric + static_cast<std::uint32_t>(numbers.size());
  return terms_.input(p, numbers.try_emplace(position, next).first->second, type);
}

std::optional<std::uint64_t> constant_at(const semantics::Tensor &tensor,
                                         const AffineIndex &position) {
  if (position.is_constant())
    return tensor.bits(position.offset);
  std::uint64_t first = tensor.bits(0);
  for (std::int64_t i = 1; i < tensor.elements(); ++i)
    if (tensor.bits(i) != first)
      return std::nullopt;
  return first;
}

} // namespace isamorph::verify
