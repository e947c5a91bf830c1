#include "verify/smallest.h"

#include "verify/checker/scalar_claim.h"
#include "verify/differential.h"
#include "verify/normalize.h"
#include "verify/ordered_values.h"
#include "verify/parameter_shapes.h"
#include "verify/symbolic.h"
#include "verify/term_columns.h"
#include "verify/term_values.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace isamorph::verify {
namespace {

using semantics::Tensor;

/// For each number of elements that are not zero: terms evaluated (when it is one, all its values
/// may be tried), and terms made anew for choices of these elements.
constexpr std::int64_t kMostEvaluated = 6'000'000, kMostForOne = 20'000'000, kMostMade = 50'000;
/// More elements than so many that are not zero are not searched through.
constexpr std::size_t kMostNonzero = 6;

/// An element of the inputs.
struct Place {
  std::uint32_t parameter, element;
  auto operator<=>(const Place &) const = default;
};

/// How inputs compare.
struct InputCost {
  std::size_t nonzero = 0;   ///< elements that are not +0
  std::uint64_t reading = 0; ///< the sum of reading_cost
  auto operator<=>(const InputCost &) const = default;
};

InputCost cost_of(std::span<const Tensor> inputs) {
  InputCost out;
  for (const Tensor &input : inputs)
    for (std::int64_t i = 0; i < input.elements(); ++i) {
      out.nonzero += input.bits(i) != 0;
      out.reading += reading_cost(input.shape().type, input.bits(i));
    }
  return out;
}

/// An element of both results, where all inputs but some are zero. The inputs of the terms are
/// parameters of one element each, behind those of the graphs.
struct Pair {
  std::vector<Place> support;
  TermId left, right;
  std::vector<TermId> cone, ///< what decides quickly: of the normal forms, if there are any
      all;                  ///< of the terms themselves
  TermId exact_left, exact_right;
  bool several = false; ///< it stands for others, too, of the same normal forms
};

/// Values of some elements, for ever more inputs at a time.
class Block {
public:
  /// Their terms are parameters from `first` on.
  Block(std::span<const ElementType> types, std::size_t first) : first_(first), columns_(first) {
    for (ElementType type : types)
      columns_.emplace_back(semantics::Shape{type, {kMost}});
  }

  std::int64_t size() const { return static_cast<std::int64_t>(costs_.size()); }
  bool full() const { return size() == capacity_; }
  void clear() {
    costs_.clear();
    capacity_ = std::min(kMost, 2 * capacity_);
  }
  void add(std::uint64_t cost, std::span<const std::uint64_t> values) {
    for (std::size_t i = 0; i < values.size(); ++i)
      columns_[first_ + i].set_bits(size(), values[i]);
    costs_.push_back(cost);
  }

  std::uint64_t cost(std::int64_t i) const { return costs_[static_cast<std::size_t>(i)]; }
  std::vector<Tensor> columns() const {
    std::vector<Tensor> out(first_);
    for (std::size_t c = first_; c < columns_.size(); ++c) {
      ElementType type = columns_[c].shape().type;
      auto used =
          columns_[c].bytes().first(static_cast<std::size_t>(size() * semantics::byte_size(type)));
      out.emplace_back(semantics::Shape{type, {size()}},
                       std::vector<std::byte>(used.begin(), used.end()));
    }
    return out;
  }
  /// One of the inputs, each element a tensor.
  std::vector<Tensor> input(std::int64_t i) const {
    std::vector<Tensor> out(first_);
    for (std::size_t c = first_; c < columns_.size(); ++c) {
      out.emplace_back(semantics::Shape{columns_[c].shape().type, {}});
      out.back().set_bits(0, columns_[c].bits(i));
    }
    return out;
  }

private:
  static constexpr std::int64_t kMost = 1024;
  std::int64_t capacity_ = 16;
  std::size_t first_;
  std::vector<Tensor> columns_;
  std::vector<std::uint64_t> costs_;
};

/// Subsets of {0..n-1} of one size, in lexicographic order.
bool next_subset(std::vector<std::size_t> &chosen, std::size_t n) {
  for (std::size_t i = chosen.size(); i-- > 0;)
    if (chosen[i] < n - (chosen.size() - i)) {
      ++chosen[i];
      for (std::size_t j = i + 1; j < chosen.size(); ++j)
        chosen[j] = chosen[j - 1] + 1;
      return true;
    }
  return false;
}

class Search {
public:
  Search(const semantics::TensorGraph &left, const semantics::TensorGraph &right,
         const semantics::NumericsProfile &profile, Level level, std::vector<Tensor> inputs,
         const MinimizingTest &test, const StopToken &stop)
      : profile_(profile), level_(level), test_(test), stop_(stop), terms_(profile),
        normalizer_(terms_), columns_(terms_),
        shapes_(parameter_shapes(left)), best_{std::move(inputs), true},
        best_cost_(cost_of(best_.inputs)) {
    terms_.stop_with(&stop);
    auto symbols = symbolic_inputs(terms_, shapes_);
    left_ = execute(terms_, left, symbols).at(0).elements;
    right_ = execute(terms_, right, symbols).at(0).elements;
  }

  Smallest run() {
    std::size_t most = best_cost_.nonzero;
    if (most > kMostNonzero)
      best_.least = false;
    for (std::size_t nonzero = 0; nonzero <= std::min(most, kMostNonzero); ++nonzero)
      if (search(nonzero))
        break;
    if (test_.spent())
      best_.least = false;
    return std::move(best_);
  }

private:
  bool spent() const { return work_left_ <= 0 || test_.spent(); }

  /// Whether something smaller was found.
  bool search(std::size_t nonzero) {
    work_left_ = nonzero <= 1 ? kMostForOne : kMostEvaluated;
    std::map<std::vector<ElementType>, std::vector<Pair>> by_types;
    for (Pair &pair : pairs(nonzero)) {
      std::vector<ElementType> types;
      for (Place place : pair.support)
        types.push_back(shapes_[place.parameter].type);
      by_types[types].push_back(std::move(pair));
    }
    bool found = false;
    for (const auto &[types, list] : by_types)
      found |= search(types, list);
    return found;
  }

  /// The pairs whose two sides may differ; of those that differ in the names of inputs only, the
  /// first.
  std::vector<Pair> pairs(std::size_t nonzero) {
    std::vector<Pair> out;
    std::set<std::pair<TermId, TermId>> elements;
    std::map<std::pair<TermId, TermId>, std::size_t> seen; // to their places
    std::int64_t made = 0;
    for (std::size_t i = 0; i < left_.size(); ++i) {
      if (left_[i] == right_[i] || !elements.insert({left_[i], right_[i]}).second)
        continue;
      std::vector<Place> places = inputs_of(left_[i], right_[i]);
      if (places.size() < nonzero)
        continue;
      std::vector<std::size_t> chosen(nonzero);
      for (std::size_t c = 0; c < nonzero; ++c)
        chosen[c] = c;
      do {
        std::vector<Place> support;
        for (std::size_t c : chosen)
          support.push_back(places[c]);
        Pair pair = restricted(left_[i], right_[i], std::move(support));
        made += static_cast<std::int64_t>(pair.all.size());
        if (pair.left == pair.right)
          continue;
        auto [entry, fresh] = seen.emplace(std::pair(pair.left, pair.right), out.size());
        if (fresh)
          out.push_back(std::move(pair));
        else
          out[entry->second].several = true;
      } while (made < kMostMade && next_subset(chosen, places.size()));
      if (made >= kMostMade) {
        best_.least = false;
        break;
      }
    }
    return out;
  }

  std::vector<Place> inputs_of(TermId left, TermId right) const {
    std::vector<Place> out;
    for (TermId id : cone_of(terms_, std::array{left, right}))
      if (terms_[id].kind == TermKind::Input)
        out.push_back({terms_[id].a, terms_[id].b});
    std::sort(out.begin(), out.end());
    return out;
  }

  Pair restricted(TermId left, TermId right, std::vector<Place> support) {
    auto by = [&](TermId input) {
      const Term term = terms_[input];
      auto at = std::lower_bound(support.begin(), support.end(), Place{term.a, term.b});
      if (at == support.end() || *at != Place{term.a, term.b})
        return terms_.literal(term.type, 0);
      auto number = static_cast<std::uint32_t>(at - support.begin() + shapes_.size());
      return terms_.input(number, 0, term.type);
    };
    auto both = substituted(terms_, std::array{left, right}, by);
    Pair out{support, both[0], both[1], {}, cone_of(terms_, both), both[0], both[1]};
    if (level_ != Level::Bits && both[0] != both[1]) {
      TermId l = normalizer_.normalize(both[0]), r = normalizer_.normalize(both[1]);
      if (!normalizer_.blocked(both[0]) && !normalizer_.blocked(both[1])) {
        auto plain = substituted(
            terms_, std::array{l, r}, [](TermId input) { return input; },
            [&](TermId made) { return multiplied(made); });
        out.left = plain[0];
        out.right = plain[1];
      }
    }
    out.cone = cone_of(terms_, std::array{out.left, out.right});
    return out;
  }

  /// A multiplication in place of a dot of one product.
  TermId multiplied(TermId id) {
    const Term term = terms_[id];
    if (term.kind != TermKind::Dot || terms_.elements({term.a}).size() != 1 ||
        !one_product_is_multiplied(profile_, term.type))
      return id;
    return terms_.operation(
        OpCode::Multiply, 0, term.type,
        std::array{terms_.elements({term.a}).front(), terms_.elements({term.b}).front()});
  }

  /// Of evaluating terms once; folds take longer than single operations.
  std::int64_t work_of(std::span<const TermId> which) const {
    std::int64_t out = 0;
    for (TermId id : which)
      if (const Term &term = terms_[id]; term.kind == TermKind::Op)
        ++out;
      else if (term.kind == TermKind::Dot || term.kind == TermKind::Reduce)
        out += 4 + static_cast<std::int64_t>(terms_.elements({term.a}).size());
    return out + 1;
  }

  /// Through the values of elements of these types; true when something smaller was found.
  bool search(std::span<const ElementType> types, const std::vector<Pair> &list) {
    if (list.empty())
      return false;
    Block block(types, shapes_.size());
    bool found = false;
    std::uint64_t reached = 0;
    auto visit = [&](std::uint64_t cost, std::span<const std::uint64_t> values) {
      reached = cost;
      if (best_cost_ <= InputCost{types.size(), cost})
        return true;
      block.add(cost, values);
      if (!block.full())
        return false;
      found = take(block, list);
      block.clear();
      return found || spent();
    };
    std::uint64_t complete = for_each_by_cost(types, false, visit);
    if (!found && !spent())
      found = take(block, list);
    if (best_cost_.nonzero == types.size())
      reached = std::min(reached, best_cost_.reading);
    if (spent() || reached > complete)
      best_.least = false;
    return found;
  }

  /// Makes the first elements of a block that show a difference the best input.
  bool take(const Block &block, const std::vector<Pair> &list) {
    if (block.size() == 0)
      return false;
    std::map<std::int64_t, const Pair *> where; // those that may, and by which pair
    std::vector<Tensor> columns = block.columns();
    for (const Pair &pair : list) {
      stop_.poll();
      if (spent())
        return false;
      work_left_ -= block.size() * work_of(pair.cone);
      columns_.evaluate(pair.cone, columns, block.size());
      const Tensor &left = columns_[pair.left], &right = columns_[pair.right];
      ElementType type = left.shape().type;
      for (std::int64_t i = 0; i < block.size(); ++i)
        if (std::uint64_t l = left.bits(i), r = right.bits(i);
            l != r && !equal_element(type, l, r, level_))
          where.try_emplace(i, &pair);
    }
    for (const auto &[i, first] : where)
      for (const Pair *pair = first; pair != list.data() + list.size(); ++pair)
        if (take(block.input(i), *pair, block.cost(i)))
          return true;
    return false;
  }

  /// Makes these elements the best input, if they show a difference.
  bool take(std::span<const Tensor> elements, const Pair &pair, std::uint64_t cost) {
    constexpr std::int64_t alone = 20; // as much as so many of a block
    work_left_ -= alone * work_of(pair.all);
    stop_.poll();
    if (!differs(pair, elements)) {
      best_.least = best_.least && !pair.several; // of those, one may
      return false;
    }
    std::vector<Tensor> inputs;
    for (const semantics::Shape &shape : shapes_)
      inputs.emplace_back(shape);
    for (std::size_t i = 0; i < pair.support.size(); ++i)
      inputs[pair.support[i].parameter].set_bits(pair.support[i].element,
                                                 elements[shapes_.size() + i].bits(0));
    if (!test_.accepts(inputs)) { // as something else than this pair of elements decides
      best_.least = false;
      return false;
    }
    best_.inputs = std::move(inputs);
    best_cost_ = {pair.support.size(), cost};
    return true;
  }

  /// The terms themselves differ; but at `bits`, numbers only count, and no denormals that are
  /// flushed.
  bool differs(const Pair &pair, std::span<const Tensor> elements) {
    for (std::size_t i = shapes_.size(); level_ != Level::Bits && i < elements.size(); ++i)
      if (ElementType type = elements[i].shape().type;
          semantics::flushes(profile_, type) && is_denormal(type, elements[i].bits(0)))
        return false;
    evaluate_terms(terms_, pair.all, elements, values_);
    if (equal_element(terms_[pair.exact_left].type, values_[pair.exact_left.v],
                      values_[pair.exact_right.v], level_))
      return false;
    return level_ == Level::Bits || std::all_of(pair.all.begin(), pair.all.end(), [&](TermId id) {
             const Term &term = terms_[id];
             bool constant =
                 term.kind == TermKind::Literal && !semantics::is_nan(term.type, term.bits);
             return constant || semantics::is_finite(term.type, values_[id.v]);
           });
  }

  const semantics::NumericsProfile &profile_;
  Level level_;
  const MinimizingTest &test_;
  const StopToken &stop_;
  TermGraph terms_;
  Normalizer normalizer_;
  TermColumns columns_;
  std::vector<semantics::Shape> shapes_;
  std::vector<TermId> left_, right_; ///< the elements of the results
  Smallest best_;
  InputCost best_cost_;
  std::vector<std::uint64_t> values_; ///< of terms, by number
  std::int64_t work_left_ = 0;
};

} // namespace

Smallest smallest(const semantics::TensorGraph &left, const semantics::TensorGraph &right,
                  const semantics::NumericsProfile &profile, Level level,
                  std::vector<Tensor> inputs, const MinimizingTest &test, const StopToken &stop) {
  try {
    return Search(left, right, profile, level, inputs, test, stop).run();
  } catch (const semantics::InputError &) { // an operation without symbolic semantics
  } catch (const TooMuchWork &) {
  }
  return {std::move(inputs), false};
}

} // namespace isamorph::verify
