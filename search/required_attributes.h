#pragma once
// What a match must bind of an instruction's attributes besides what shapes determine. Each is
// enumerated if the conditions leave it a small range. Attributes on which nothing depends but the
// cost take one value, of least cost: any other could be replaced by it in every kernel.

#include "spec/isa.h"

#include <functional>
#include <optional>

namespace isamorph::search {

/// The largest range of an attribute that is enumerated.
inline constexpr std::int64_t kMaxEnumerated = 64;
/// How many values of attributes on which only the cost depends are compared.
inline constexpr std::int64_t kMaxCompared = std::int64_t{1} << 16;

struct RequiredAttributes {
  std::vector<std::uint32_t> list; ///< indices of attributes
  /// Of the list, those that no region, body, state or condition on addresses mentions.
  std::vector<std::uint32_t> indifferent = {};
  /// Of the list, those that say how far apart a region's pieces lie: tiling determines them.
  std::vector<std::uint32_t> distances = {};
  semantics::IntExpr cost = 0; ///< cycles
};

/// The computational attributes, and addresses that no region uses and no update takes over as they
/// are.
RequiredAttributes required_attributes(const spec::Instruction &instruction);

/// Calls `found` for every completion of `values` in which the required attributes are bound and
/// every condition whose variables are all bound is true; of completions that differ in indifferent
/// attributes alone, for the first of least cost. Returns an attribute that has too many values to
/// be tried, other than a distance, if there is one: then completions are missing.
std::optional<std::uint32_t>
complete(const semantics::SymbolValues &values, const RequiredAttributes &required,
         std::span<const semantics::IntExpr> conditions,
         const std::function<void(const semantics::SymbolValues &)> &found);

/// Between which numbers the instruction's conditions keep an attribute, whatever the others are.
struct AttributeRange {
  std::optional<std::int64_t> low, high; ///< absent: not bounded by conditions on it alone
};
AttributeRange attribute_range(const spec::Instruction &instruction, std::uint32_t attribute);

} // namespace isamorph::search
