#include "verify/renaming.h"

#include <algorithm>
#include <map>

namespace isamorph::verify {
namespace {

/// Pairs of one shape that are tried as the one that a pair is an instance of.
constexpr std::size_t kMostTried = 4;
/// Terms that are looked at in one attempt, and in all; how deep.
constexpr std::int64_t kMostSteps = std::int64_t{1} << 20, kMostInAll = std::int64_t{1} << 28;
constexpr int kDeepest = 4000;

std::uint64_t mix(std::uint64_t h, std::uint64_t v) {
  h ^= v + 0x9e3779b97f4a7c15 + (h << 6) + (h >> 2);
  return (h ^ h >> 29) * 0xff51afd7ed558ccd;
}

/// Whether the first two operands may be exchanged.
bool commutes(const Term &t) {
  return t.kind == TermKind::Op && t.count == 2 && semantics::info(t.op).commutative;
}

/// Hashes of terms in which all input elements of a parameter are one, and the order of operands
/// that may be exchanged is nothing.
class Shapes {
public:
  explicit Shapes(const TermGraph &terms, const StopToken &stop) : terms_(terms) {
    hashes_.reserve(terms.size());
    for (std::uint32_t t = 0; t < terms.size(); ++t) { // operands come first
      stop.poll();
      hashes_.push_back(hash(TermId{t}));
    }
  }
  std::uint64_t operator[](TermId id) const { return hashes_[id.v]; }
  std::uint64_t vector(std::uint32_t id) const {
    std::uint64_t h = 0;
    for (TermId e : terms_.elements({id}))
      h = mix(h, hashes_[e.v]);
    return h;
  }

private:
  std::uint64_t hash(TermId id) const {
    const Term &t = terms_[id];
    std::uint64_t h =
        mix(static_cast<std::uint64_t>(t.kind) << 24 | static_cast<std::uint64_t>(t.type) << 16 |
                static_cast<std::uint64_t>(t.op) << 8 | t.detail,
            t.bits);
    if (t.kind == TermKind::Input)
      return mix(h, t.a);
    auto in = terms_.operands(id);
    if (commutes(t))
      h = mix(h, hashes_[in[0].v] + hashes_[in[1].v]);
    else
      for (TermId operand : in)
        h = mix(h, hashes_[operand.v]);
    if (t.kind == TermKind::Dot)
      h = mix(h, vector(t.a) + vector(t.b));
    else if (t.kind == TermKind::Reduce)
      h = mix(h, vector(t.a));
    return h;
  }

  const TermGraph &terms_;
  std::vector<std::uint64_t> hashes_;
};

/// A replacement of inputs, found while two terms are walked through side by side: a map from terms
/// to terms, of which each is what the other one becomes.
class Replacement {
public:
  Replacement(const TermGraph &terms, const Shapes &shapes, const StopToken &stop)
      : terms_(terms), shapes_(shapes), stop_(stop), image_(terms.size(), {0, {}}) {}

  /// Whether there is one that turns the first pair into the second.
  bool turns(const TermPair &from, const TermPair &to) {
    ++attempt_;
    trail_.clear();
    steps_left_ = std::min(kMostSteps, in_all_left_);
    in_all_left_ -= steps_left_;
    bool out = maps(from.left, to.left) && maps(from.right, to.right);
    in_all_left_ += std::max<std::int64_t>(0, steps_left_);
    return out;
  }

private:
  struct Image {
    std::uint32_t attempt; ///< in which it was set
    TermId term;
  };

  bool maps(TermId from, TermId to) {
    if (image_[from.v].attempt == attempt_)
      return image_[from.v].term == to;
    stop_.poll();
    if (--steps_left_ < 0 || shapes_[from] != shapes_[to] || !same_head(terms_[from], terms_[to]))
      return false;
    std::size_t before = trail_.size();
    bool mapped = ++depth_ <= kDeepest && maps_parts(from, to);
    --depth_;
    if (!mapped) {
      forget(before);
      return false;
    }
    image_[from.v] = {attempt_, to};
    trail_.push_back(from);
    return true;
  }

  static bool same_head(const Term &x, const Term &y) {
    return x.kind == y.kind && x.type == y.type && x.op == y.op && x.detail == y.detail &&
           x.bits == y.bits && x.count == y.count && (x.kind != TermKind::Input || x.a == y.a);
  }

  bool maps_parts(TermId from, TermId to) {
    const Term &x = terms_[from], &y = terms_[to];
    if (x.kind == TermKind::Dot)
      return in_either_order(terms_.elements({x.a}), terms_.elements({x.b}), terms_.elements({y.a}),
                             terms_.elements({y.b}));
    auto in = terms_.operands(from), out = terms_.operands(to);
    if (commutes(x))
      return in_either_order(in.first(1), in.last(1), out.first(1), out.last(1));
    return all_map(in, out) &&
           (x.kind != TermKind::Reduce || all_map(terms_.elements({x.a}), terms_.elements({y.a})));
  }

  using Terms = std::span<const TermId>;
  bool all_map(Terms from, Terms to) {
    if (from.size() != to.size())
      return false;
    for (std::size_t i = 0; i < from.size(); ++i)
      if (!maps(from[i], to[i]))
        return false;
    return true;
  }

  bool in_either_order(Terms a, Terms b, Terms x, Terms y) {
    std::size_t before = trail_.size();
    if (all_map(a, x) && all_map(b, y))
      return true;
    forget(before);
    return all_map(a, y) && all_map(b, x);
  }

  void forget(std::size_t before) {
    for (; trail_.size() > before; trail_.pop_back())
      image_[trail_.back().v].attempt = 0;
  }

  const TermGraph &terms_;
  const Shapes &shapes_;
  const StopToken &stop_;
  std::vector<Image> image_;
  std::vector<TermId> trail_; ///< whose images were set, in order
  std::uint32_t attempt_ = 0;
  std::int64_t steps_left_ = 0, in_all_left_ = kMostInAll;
  int depth_ = 0;
};

} // namespace

std::vector<std::size_t> representatives(const TermGraph &terms, std::span<const TermPair> pairs,
                                         const StopToken &stop) {
  Shapes shapes(terms, stop);
  Replacement replacement(terms, shapes, stop);
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::vector<std::size_t>> by_shape;
  std::vector<std::size_t> out;
  for (std::size_t p = 0; p < pairs.size(); ++p) {
    auto &tried = by_shape[{shapes[pairs[p].left], shapes[pairs[p].right]}];
    auto found = std::ranges::find_if(
        tried, [&](std::size_t r) { return replacement.turns(pairs[r], pairs[p]); });
    out.push_back(found != tried.end() ? *found : p);
    if (found == tried.end() && tried.size() < kMostTried)
      tried.push_back(p);
  }
  return out;
}

} // namespace isamorph::verify
