#include "verify/ordered_values.h"

#include "semantics/soft_elementwise.h"
#include "verify/checker/scalar_claim.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <queue>
#include <tuple>

namespace isamorph::verify {
namespace {

using semantics::ElementType;

constexpr std::uint64_t kAll = std::numeric_limits<std::uint64_t>::max();
constexpr int kNarrow = 16;
/// Of wider types: significant bits, and exponents, up to which all values are listed.
constexpr int kDigits = 8, kExponents = 12;

/// What of a wide type has a significand of so many bits, the first and the last of them ones.
void append_wide(ElementType type, int digits, std::vector<std::uint64_t> &out) {
  std::uint64_t first = digits == 1 ? 1 : (std::uint64_t{1} << (digits - 1)) + 1;
  for (std::uint64_t m = first; m < std::uint64_t{1} << digits; m += 2)
    for (int exponent = -kExponents; exponent <= kExponents; ++exponent) {
      double value = std::ldexp(static_cast<double>(m), exponent - (digits - 1));
      if (!semantics::is_float(type) && value != std::trunc(value))
        continue;
      out.push_back(semantics::encode(type, value));
      if (!semantics::is_unsigned_integer(type))
        out.push_back(semantics::encode(type, -value));
    }
}

std::vector<std::uint64_t> values_of(ElementType type) {
  std::vector<std::uint64_t> out;
  int width = semantics::value_bits(type);
  if (width <= kNarrow) {
    for (std::uint64_t bits = 0; bits < std::uint64_t{1} << width; ++bits)
      out.push_back(bits);
    return out;
  }
  out.push_back(0);
  if (semantics::is_float(type))
    for (double special : {-0.0, double{INFINITY}, -double{INFINITY}, double{NAN}})
      out.push_back(semantics::encode(type, special));
  for (int digits = 1; digits <= kDigits; ++digits)
    append_wide(type, digits, out);
  return out;
}

/// Of the first value that a wide type's list leaves out.
std::uint64_t first_left_out(ElementType type) {
  auto cost = [&](double value) { return reading_cost(type, semantics::encode(type, value)); };
  double longer = semantics::is_float(type) ? 1 + std::ldexp(1.0, -kDigits) : (1 << kDigits) + 1;
  return std::min(cost(longer), cost(std::ldexp(1.0, kExponents + 1)));
}

} // namespace

OrderedValues::OrderedValues(ElementType type)
    : complete_below_(semantics::value_bits(type) <= kNarrow ? kAll : first_left_out(type)) {
  std::map<std::uint64_t, std::vector<std::uint64_t>> by_cost;
  for (std::uint64_t bits : values_of(type))
    by_cost[reading_cost(type, bits)].push_back(bits);
  for (auto &[cost, values] : by_cost)
    groups_.push_back({cost, std::move(values)});
}

const OrderedValues &OrderedValues::of(ElementType type) {
  static std::array<std::once_flag, semantics::kElementTypeCount> made;
  static std::array<std::unique_ptr<const OrderedValues>, semantics::kElementTypeCount> all;
  auto index = static_cast<std::size_t>(type);
  std::call_once(made[index], [&] { all[index].reset(new OrderedValues(type)); });
  return *all[index];
}

namespace {

/// One group of each element's values.
struct Choice {
  std::uint64_t cost;
  std::vector<std::uint32_t> groups;
  std::size_t last; ///< the last element whose group is not its first: each choice is made once
  bool operator>(const Choice &other) const {
    return std::tie(cost, groups) > std::tie(other.cost, other.groups);
  }
};

/// Visits the tuples of one choice; true when the visitor did.
bool visit_all(const Choice &choice, std::span<const OrderedValues *const> lists,
               const TupleVisitor &visit) {
  std::vector<std::size_t> at(lists.size(), 0);
  std::vector<std::uint64_t> values(lists.size());
  auto group = [&](std::size_t i) -> const std::vector<std::uint64_t> & {
    return lists[i]->groups()[choice.groups[i]].values;
  };
  while (true) {
    for (std::size_t i = 0; i < lists.size(); ++i)
      values[i] = group(i)[at[i]];
    if (visit(choice.cost, values))
      return true;
    std::size_t i = lists.size();
    while (i > 0 && ++at[i - 1] == group(i - 1).size())
      at[--i] = 0;
    if (i == 0)
      return false;
  }
}

} // namespace

std::uint64_t for_each_by_cost(std::span<const ElementType> types, bool zeros,
                               const TupleVisitor &visit) {
  const std::uint32_t first = zeros ? 0 : 1;
  std::vector<const OrderedValues *> lists;
  Choice least{0, std::vector<std::uint32_t>(types.size(), first), 0};
  for (ElementType type : types) {
    lists.push_back(&OrderedValues::of(type));
    least.cost += lists.back()->groups()[first].cost;
  }
  std::uint64_t complete = kAll;
  for (const OrderedValues *list : lists)
    if (list->complete_below() != kAll)
      complete =
          std::min(complete, least.cost - list->groups()[first].cost + list->complete_below());
  std::priority_queue<Choice, std::vector<Choice>, std::greater<>> next;
  next.push(std::move(least));
  while (!next.empty()) {
    Choice choice = next.top();
    next.pop();
    if (visit_all(choice, lists, visit))
      break;
    for (std::size_t i = choice.last; i < lists.size(); ++i) {
      const auto &groups = lists[i]->groups();
      std::uint32_t g = choice.groups[i];
      if (g + 1 == groups.size())
        continue;
      Choice child = choice;
      child.cost += groups[g + 1].cost - groups[g].cost;
      ++child.groups[i];
      child.last = i;
      next.push(std::move(child));
    }
  }
  return complete;
}

} // namespace isamorph::verify
