#include "search/least_rate.h"

#include "search/wide_integer.h"
#include "spec/int_range.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <queue>
#include <set>

namespace isamorph::search {

using semantics::IntExpr;
using spec::IntRange;

std::int64_t Rate::of(std::int64_t work) const {
  WideInteger whole = (WideInteger{work} * cost + amount - 1) / amount;
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  return whole > most ? most : static_cast<std::int64_t>(whole);
}

bool cheaper(const Rate &a, const Rate &b) {
  return WideInteger{a.cost} * b.amount < WideInteger{b.cost} * a.amount;
}

namespace {

constexpr std::size_t kMaxBoxes = std::size_t{1} << 20;
constexpr std::int64_t kPrecision = 32;

/// Values of all variables, and the least rate that intervals see in them.
struct Box {
  std::vector<IntRange> ranges;
  Rate rate;
  bool narrow = false; ///< is not cut further
};

class RateSearch {
public:
  RateSearch(const IntExpr &cost, const IntExpr &amount, std::span<const IntExpr> conditions)
      : cost_(cost), amount_(amount) {
    for (const IntExpr *expression : {&cost, &amount})
      expression->for_each_variable([&](std::uint32_t v) { relevant_.insert(v); });
    std::ranges::copy_if(conditions, std::back_inserter(conditions_), [&](const IntExpr &c) {
      bool all = true;
      c.for_each_variable([&](std::uint32_t v) { all &= relevant_.count(v) != 0; });
      return all;
    });
  }

  std::optional<Rate> run(std::size_t variables) {
    add(std::vector<IntRange>(variables, IntRange{std::numeric_limits<std::int64_t>::min(),
                                                  std::numeric_limits<std::int64_t>::max()}));
    for (std::size_t boxes = 0; !open_.empty(); ++boxes) {
      if (boxes == kMaxBoxes)
        return Rate{};
      Box box = open_.top();
      auto widest = widest_of(box);
      if (!widest || box.narrow)
        return box.rate;
      open_.pop();
      IntRange &range = box.ranges[*widest], whole = range;
      std::int64_t middle = static_cast<std::int64_t>((WideInteger{whole.low} + whole.high) >> 1);
      range = {whole.low, middle};
      add(box.ranges);
      range = {middle + 1, whole.high};
      add(std::move(box.ranges));
    }
    return std::nullopt;
  }

private:
  struct Dearer {
    bool operator()(const Box &a, const Box &b) const { return cheaper(b.rate, a.rate); }
  };

  void add(std::vector<IntRange> ranges) {
    for (const IntExpr &condition : conditions_)
      if (auto value = spec::range_of(condition, ranges);
          value && value->low == 0 && value->high == 0)
        return;
    auto cost = spec::range_of(cost_, ranges), amount = spec::range_of(amount_, ranges);
    if (amount && amount->high <= 0)
      return;
    Rate rate;
    if (cost && amount && cost->low > 0) {
      std::int64_t common = std::gcd(cost->low, amount->high);
      rate = {cost->low / common, amount->high / common};
    }
    bool narrow = cost && amount && amount->low > 0 &&
                  (WideInteger{amount->high} - amount->low) * kPrecision <= amount->low;
    open_.push({std::move(ranges), rate, narrow});
  }

  /// The relevant variable that is to be halved; nullopt when each has one value.
  std::optional<std::uint32_t> widest_of(const Box &box) const {
    std::optional<std::uint32_t> out;
    for (std::uint32_t v : relevant_)
      if (box.ranges[v].high > box.ranges[v].low &&
          (!out || wider(box.ranges[v], box.ranges[*out])))
        out = v;
    return out;
  }

  /// By the ratio of the ends, where they are positive; others are wider, among them by distance.
  static bool wider(const IntRange &a, const IntRange &b) {
    if (a.low > 0 && b.low > 0)
      return WideInteger{a.high} * b.low > WideInteger{b.high} * a.low;
    if (a.low > 0 || b.low > 0)
      return b.low > 0;
    return WideInteger{a.high} - a.low > WideInteger{b.high} - b.low;
  }

  const IntExpr &cost_, &amount_;
  std::vector<IntExpr> conditions_; ///< that are about relevant variables alone
  std::set<std::uint32_t> relevant_;
  std::priority_queue<Box, std::vector<Box>, Dearer> open_;
};

} // namespace

std::optional<Rate> least_rate(const IntExpr &cost, const IntExpr &amount,
                               std::span<const IntExpr> conditions, std::size_t variables) {
  return RateSearch(cost, amount, conditions).run(variables);
}

} // namespace isamorph::search
