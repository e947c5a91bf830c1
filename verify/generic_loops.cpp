#include "verify/generic_loops.h"

#include "verify/symbolic.h"

#include <algorithm>

namespace isamorph::verify {
namespace {

using semantics::AffineIndex;
using semantics::SlopeId;

/// Input terms from this number on are generic elements; those below are themselves.
constexpr std::uint32_t kFirstGeneric = std::uint32_t{1} << 31;

/// For each loop its variable of the space, numbered in the order in which they first occur.
std::vector<std::size_t> shared_variables(const spec::Kernel &kernel,
                                          const std::vector<std::uint32_t> &loops) {
  std::map<std::pair<std::string, std::int64_t>, std::size_t> known;
  std::vector<std::size_t> out;
  for (std::uint32_t l : loops)
    out.push_back(
        known.try_emplace({kernel.loops[l].variable, kernel.loops[l].iterations()}, known.size())
            .first->second);
  return out;
}

std::vector<std::int64_t> iterations(const spec::Kernel &kernel,
                                     const std::vector<std::uint32_t> &loops,
                                     const std::vector<std::size_t> &variables) {
  std::vector<std::int64_t> out;
  for (std::size_t i = 0; i < loops.size(); ++i)
    if (variables[i] == out.size())
      out.push_back(kernel.loops[loops[i]].iterations());
  return out;
}

} // namespace

GenericLoops::GenericLoops(const spec::Kernel &kernel, std::vector<std::uint32_t> loops)
    : loops_(std::move(loops)), variables_(shared_variables(kernel, loops_)),
      space_(iterations(kernel, loops_, variables_)) {}

std::optional<std::size_t> GenericLoops::variable(std::uint32_t loop) const {
  auto found = std::ranges::lower_bound(loops_, loop);
  return found != loops_.end() && *found == loop
             ? std::optional(variables_[static_cast<std::size_t>(found - loops_.begin())])
             : std::nullopt;
}

bool GenericLoops::depends(SlopeId slope, std::uint32_t loop) const {
  auto v = variable(loop);
  return v && space_.factors(slope)[*v] != 0;
}

void GenericLoops::refuse(SlopeId slope, SlopeId other) const {
  if (loops_.empty())
    throw NotAffine("an operation takes an element from a place that only data tell");
  const std::vector<std::int64_t> &one = space_.factors(slope), &two = space_.factors(other);
  for (std::size_t i = loops_.size(); i-- > 0;)
    if (one[variables_[i]] != two[variables_[i]])
      unroll(variables_[i]);
  for (std::size_t i = loops_.size(); i-- > 0;)
    if (one[variables_[i]] != 0)
      unroll(variables_[i]);
  unroll(variables_.back());
}

void GenericLoops::unroll(std::size_t variable) const {
  UnrollLoops out;
  for (std::size_t i = 0; i < loops_.size(); ++i)
    if (variables_[i] == variable)
      out.loops.push_back(loops_[i]);
  throw out;
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
