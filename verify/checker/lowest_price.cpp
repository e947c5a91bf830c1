#include "verify/checker/lowest_price.h"

#include "spec/int_range.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

namespace isamorph::verify {
namespace {

using semantics::IntExpr;
using spec::IntRange;
__extension__ using Wide = __int128;

constexpr std::size_t kMaxBoxes = std::size_t{1} << 20;

/// Depth first, great values first: large moves are the cheap ones.
class Boxes {
public:
  Boxes(const IntExpr &cost, const IntExpr &amount, std::span<const IntExpr> conditions,
        std::size_t variables)
      : cost_(cost), amount_(amount), box_(variables, {std::numeric_limits<std::int64_t>::min(),
                                                       std::numeric_limits<std::int64_t>::max()}) {
    auto note = [&](std::uint32_t v) {
      if (std::find(varied_.begin(), varied_.end(), v) == varied_.end())
        varied_.push_back(v);
    };
    cost.for_each_variable(note);
    amount.for_each_variable(note);
    std::sort(varied_.begin(), varied_.end());
    for (const IntExpr &condition : conditions) {
      bool about = true;
      condition.for_each_variable(
          [&](std::uint32_t v) { about &= std::binary_search(varied_.begin(), varied_.end(), v); });
      if (about)
        conditions_.push_back(condition);
    }
  }

  std::optional<Price> lowest() {
    visit();
    return boxes_ > kMaxBoxes ? Price{} : best_;
  }

private:
  bool forbidden() const {
    return std::any_of(conditions_.begin(), conditions_.end(), [&](const IntExpr &condition) {
      auto value = spec::range_of(condition, box_);
      return value && value->low == 0 && value->high == 0;
    });
  }

  void visit() {
    if (++boxes_ > kMaxBoxes || forbidden())
      return;
    auto cost = spec::range_of(cost_, box_), amount = spec::range_of(amount_, box_);
    if (amount && amount->high <= 0)
      return;
    Price least; // of the box, if not of a value in it
    if (cost && amount && cost->low > 0)
      least = in_lowest_terms(cost->low, amount->high);
    if (best_ && !below(least, *best_))
      return;
    bool narrow =
        cost && amount && amount->low > 0 && (Wide{amount->high} - amount->low) * 32 <= amount->low;
    IntRange *widest = nullptr;
    for (std::uint32_t v : varied_)
      if (box_[v].high > box_[v].low && (!widest || cut_before(box_[v], *widest)))
        widest = &box_[v];
    if (!widest || narrow) {
      best_ = least;
      return;
    }
    IntRange whole = *widest;
    auto middle = static_cast<std::int64_t>((Wide{whole.low} + whole.high) >> 1);
    *widest = {middle + 1, whole.high};
    visit();
    *widest = {whole.low, middle};
    visit();
    *widest = whole;
  }

  /// Ranges with numbers below 1 before others, the longer first; of others those of the greater
  /// ratio between their ends.
  static bool cut_before(const IntRange &a, const IntRange &b) {
    if ((a.low < 1) != (b.low < 1))
      return a.low < 1;
    return a.low < 1 ? Wide{a.high} - a.low > Wide{b.high} - b.low
                     : Wide{a.high} * b.low > Wide{b.high} * a.low;
  }

  const IntExpr &cost_, &amount_;
  std::vector<IntExpr> conditions_; ///< about varied variables alone
  std::vector<IntRange> box_;       ///< of values, by variable
  std::vector<std::uint32_t> varied_;
  std::optional<Price> best_;
  std::size_t boxes_ = 0;
};

} // namespace

Price in_lowest_terms(std::int64_t cost, std::int64_t amount) {
  std::int64_t common = std::gcd(cost, amount);
  return {cost / common, amount / common};
}

bool below(const Price &a, const Price &b) {
  return Wide{a.cost} * b.amount < Wide{b.cost} * a.amount;
}

std::optional<Price> lowest_price(const IntExpr &cost, const IntExpr &amount,
                                  std::span<const IntExpr> conditions, std::size_t variables) {
  return Boxes(cost, amount, conditions, variables).lowest();
}

} // namespace isamorph::verify
