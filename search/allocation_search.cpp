#include "search/allocation_search.h"

#include "search/allocation_no_goods.h"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>

namespace isamorph::search {
namespace {

/// `Value` holds offsets: 32 bits where they suffice, for the speed of the section bound.
template <class Value> class Search final : public CanonicalSearch {
public:
  Search(const BlockProblem &problem, const CanonicalOptions &options);
  Outcome run(std::uint64_t budget) override;
  std::uint64_t steps() const override { return steps_; }
  std::vector<std::int64_t> offsets() const override;
  std::vector<std::uint64_t> block_failures() const override;
  const std::vector<std::uint64_t> &section_failures() const override { return section_failures_; }

private:
  using Id = std::uint32_t;
  static constexpr std::uint32_t kNone = 0xffffffff;

  struct Span {
    std::uint32_t first, last;
    Value height;
  };
  struct Contact {
    Id block;
    Value height; ///< the other's offset is at least this much more if it is the upper one
    Value below;  ///< the other's is at least this much less if it is the lower one
  };
  struct Forbidden {
    Value from, to; ///< offsets from, ..., to - 1 meet a fixed block
  };
  struct Entry {
    Value least;
    Id block;
    bool operator<(const Entry &other) const {
      return least != other.least ? least < other.least : block < other.block;
    }
  };
  /// Blocks and sections that share nothing with the others that are left.
  struct Component {
    std::uint32_t begin, end;  ///< in lists_: its blocks, fixed ones too, by ascending least offset
    std::uint32_t first, last; ///< its sections
    std::uint32_t movable;
    Value floor; ///< nothing is placed below
    Id after;    ///< nor at `floor` a block up to this one
    StateSignature signature;
  };
  struct Pending {
    Component component;
    std::uint32_t parent, next;
  };
  struct Frame {
    Component component;
    std::uint32_t parent;  ///< the frame whose placement led here
    std::uint32_t pending; ///< the components to do after this one, a list in pending_
    std::uint32_t candidates, next, candidates_end; ///< in candidates_
    std::uint32_t lists, pendings, trail;           ///< sizes to go back to
    Id placed;
  };

  void add_forbidden(const BlockProblem &problem);
  void find_twins(const BlockProblem &problem);
  Value fit(Id block, Value offset) const;
  bool eligible(Id block, const Component &c) const {
    return lowest_[block] > c.floor ||
           (lowest_[block] == c.floor && (c.after == kNone || block > c.after));
  }
  std::optional<Value> least_supported(const Component &c, Id block) const;
  bool bound(Component &c, std::uint32_t begin, std::uint32_t end);
  bool sections_fit(const Component &c);
  void blame(const Component &c, Id block);
  void place(Id block);
  void unplace(Frame &frame);
  bool split(const Frame &frame);
  bool add_component(const Frame &frame, std::uint32_t first, std::uint32_t last);
  void open(const Component &component, std::uint32_t parent, std::uint32_t pending);
  bool fail();
  StateSignature sign(const Component &c) const;
  bool rest_may_do(const Frame &frame);

  AllocationSwitches switches_;
  Value capacity_;
  std::uint32_t sections_;
  // Blocks in order of preference.
  std::vector<Id> original_, twin_;
  std::vector<std::vector<Span>> spans_;
  std::vector<std::vector<Contact>> contacts_;
  std::vector<std::vector<Forbidden>> forbidden_;
  std::vector<Value> height_, alignment_, lowest_, least_;
  std::vector<char> fixed_, placed_;
  std::vector<std::uint32_t> crossing_; ///< blocks left in sections up to s and from s + 1 on
  std::vector<Value> load_;
  std::vector<Entry> lists_, members_, kept_, moved_;
  std::vector<Id> candidates_, passed_;
  std::vector<Pending> pending_;
  std::vector<std::pair<Id, Value>> trail_;
  std::vector<Frame> frames_;
  std::vector<Component> children_;
  NoGoods no_goods_;
  std::vector<std::uint64_t> failures_, section_failures_;
  std::uint64_t steps_ = 0;
  bool started_ = false;
};

template <class Value>
Search<Value>::Search(const BlockProblem &problem, const CanonicalOptions &options)
    : switches_(options.switches), capacity_(static_cast<Value>(problem.capacity)),
      sections_(problem.sections), original_(options.order) {
  std::size_t n = original_.size();
  std::vector<Id> rank(n);
  for (Id b = 0; b < n; ++b)
    rank[original_[b]] = b;
  spans_.resize(n);
  contacts_.resize(n);
  forbidden_.resize(n);
  crossing_.assign(sections_, 0);
  load_.assign(sections_, 0);
  failures_.assign(n, 0);
  section_failures_.assign(sections_, 0);
  placed_.assign(n, 0);
  for (Id b = 0; b < n; ++b) {
    const Block &block = problem.blocks[original_[b]];
    for (const BlockSpan &span : block.spans)
      spans_[b].push_back({span.first, span.last, static_cast<Value>(span.height)});
    for (const BlockContact &contact : block.contacts)
      contacts_[b].push_back({rank[contact.block], static_cast<Value>(contact.height),
                              static_cast<Value>(contact.below)});
    height_.push_back(static_cast<Value>(block.height));
    alignment_.push_back(
        static_cast<Value>(std::min<std::int64_t>(block.alignment, problem.capacity + 1)));
    fixed_.push_back(block.fixed.has_value());
    if (!block.fixed)
      for (std::uint32_t s = block.first(); s + 1 < block.last(); ++s)
        ++crossing_[s];
  }
  add_forbidden(problem);
  for (Id b = 0; b < n; ++b) {
    const Block &block = problem.blocks[original_[b]];
    lowest_.push_back(block.fixed ? static_cast<Value>(*block.fixed) : fit(b, 0));
  }
  least_ = lowest_;
  find_twins(problem);
}

/// twin_: the last block before that only differs in its name.
template <class Value> void Search<Value>::find_twins(const BlockProblem &problem) {
  twin_.assign(original_.size(), kNone);
  if (!switches_.symmetry)
    return;
  std::map<std::tuple<std::vector<BlockSpan>, std::int64_t>, Id> last;
  for (Id b = 0; b < original_.size(); ++b) {
    const Block &block = problem.blocks[original_[b]];
    if (fixed_[b])
      continue;
    auto [at, added] = last.try_emplace({block.spans, block.alignment}, b);
    if (!added)
      twin_[b] = std::exchange(at->second, b);
  }
}

template <class Value> void Search<Value>::add_forbidden(const BlockProblem &problem) {
  for (Id b = 0; b < original_.size(); ++b) {
    if (!fixed_[b])
      continue;
    Value at = static_cast<Value>(*problem.blocks[original_[b]].fixed);
    for (const Contact &contact : contacts_[b]) {
      forbidden_[contact.block].push_back(
          {static_cast<Value>(at - contact.below + 1), static_cast<Value>(at + contact.height)});
    }
  }
  for (auto &list : forbidden_)
    std::sort(list.begin(), list.end(),
              [](const Forbidden &a, const Forbidden &b) { return a.from < b.from; });
}

/// The least offset from `offset` on that is aligned and meets no fixed block.
template <class Value> Value Search<Value>::fit(Id block, Value offset) const {
  auto align = [&](Value v) {
    Value over = v % alignment_[block];
    return over ? static_cast<Value>(v + alignment_[block] - over) : v;
  };
  if (alignment_[block] != 1)
    offset = align(offset);
  for (const Forbidden &range : forbidden_[block])
    if (offset >= range.from && offset < range.to)
      offset = align(range.to);
  return offset;
}

/// The least offset of a block whose lowest place has been passed: on top of a block that is left.
/// Nullopt if there is none to rest on.
template <class Value>
std::optional<Value> Search<Value>::least_supported(const Component &c, Id block) const {
  if (!switches_.support)
    return fit(block, lowest_[block] < c.floor ? c.floor : c.floor + 1);
  Value best = std::numeric_limits<Value>::max();
  for (const Contact &contact : contacts_[block])
    if (!placed_[contact.block] && !fixed_[contact.block])
      best = std::min<Value>(best, std::max(least_[contact.block], c.floor) + contact.below);
  if (best == std::numeric_limits<Value>::max())
    return std::nullopt;
  return fit(block, best);
}

/// Computes least_ of blocks, which the component is to have, and lists them by it. False if no
/// completion exists.
template <class Value>
bool Search<Value>::bound(Component &c, std::uint32_t begin, std::uint32_t end) {
  passed_.clear();
  for (std::uint32_t i = begin; i < end; ++i) {
    Id b = lists_[i].block;
    if (placed_[b] || spans_[b].front().first >= c.last || spans_[b].back().last <= c.first)
      continue;
    c.movable += !fixed_[b];
    least_[b] = lowest_[b];
    if (!fixed_[b] && !eligible(b, c))
      passed_.push_back(b);
    members_.push_back({lists_[i].least, b});
  }
  for (Id b : passed_) {
    std::optional<Value> least = least_supported(c, b);
    if (!least)
      return false;
    least_[b] = *least;
  }
  // Few have moved since the list was made: sort those, and merge.
  c.begin = static_cast<std::uint32_t>(lists_.size());
  moved_.clear();
  kept_.clear();
  for (Entry &entry : members_)
    if (entry.least == least_[entry.block])
      kept_.push_back(entry);
    else
      moved_.push_back({least_[entry.block], entry.block});
  std::sort(moved_.begin(), moved_.end());
  lists_.resize(c.begin + members_.size());
  std::merge(kept_.begin(), kept_.end(), moved_.begin(), moved_.end(), lists_.begin() + c.begin);
  c.end = static_cast<std::uint32_t>(lists_.size());
  return sections_fit(c);
}

/// Adds to four loads; true if one exceeds `room`. Branch-free, for vector instructions.
template <class Value> bool add_load(Value *load, Value height, Value room) {
  Value over[4];
  for (int k = 0; k < 4; ++k) {
    load[k] += height;
    over[k] = room - load[k]; // the sign
  }
  return (over[0] | over[1] | over[2] | over[3]) < 0;
}

template <class Value> bool Search<Value>::sections_fit(const Component &c) {
  std::fill(load_.begin() + c.first, load_.begin() + c.last, Value{0});
  for (std::uint32_t i = c.end; i-- > c.begin;) {
    Id b = lists_[i].block;
    Value room = capacity_ - least_[b];
    if (room < height_[b]) {
      ++failures_[b];
      return false;
    }
    if (!switches_.section_inference)
      continue;
    bool over = false;
    for (const Span &span : spans_[b]) {
      std::uint32_t last = std::min(span.last, c.last);
      std::uint32_t s = std::max(span.first, c.first);
      for (; s + 4 <= last; s += 4)
        over |= add_load(&load_[s], span.height, room);
      for (; s < last; ++s) {
        load_[s] += span.height;
        over |= load_[s] > room;
      }
    }
    if (over) {
      blame(c, b);
      return false;
    }
  }
  return true;
}

template <class Value> void Search<Value>::blame(const Component &c, Id block) {
  Value room = capacity_ - least_[block];
  for (const Span &span : spans_[block])
    for (std::uint32_t s = std::max(span.first, c.first); s < std::min(span.last, c.last); ++s)
      section_failures_[s] += load_[s] > room;
}

template <class Value> void Search<Value>::place(Id block) {
  placed_[block] = 1;
  Value at = lowest_[block];
  for (const Contact &contact : contacts_[block]) {
    Id other = contact.block;
    if (placed_[other] || fixed_[other])
      continue;
    Value above = at + contact.height;
    if (above > lowest_[other]) {
      trail_.emplace_back(other, lowest_[other]);
      lowest_[other] = fit(other, above);
    }
  }
  for (std::uint32_t s = spans_[block].front().first; s + 1 < spans_[block].back().last; ++s)
    --crossing_[s];
}

template <class Value> void Search<Value>::unplace(Frame &frame) {
  for (std::uint32_t s = spans_[frame.placed].front().first;
       s + 1 < spans_[frame.placed].back().last; ++s)
    ++crossing_[s];
  placed_[frame.placed] = 0;
  while (trail_.size() > frame.trail) {
    lowest_[trail_.back().first] = trail_.back().second;
    trail_.pop_back();
  }
  lists_.resize(frame.lists);
  pending_.resize(frame.pendings);
  candidates_.resize(frame.candidates_end);
  frame.placed = kNone;
}

template <class Value>
bool Search<Value>::add_component(const Frame &frame, std::uint32_t first, std::uint32_t last) {
  Component c{0, 0, first, last, 0, lowest_[frame.placed], frame.placed, {}};
  members_.clear();
  if (!bound(c, frame.component.begin, frame.component.end))
    return false;
  if (c.movable == 0)
    return true;
  if (switches_.no_goods) {
    c.signature = sign(c);
    if (no_goods_.contains(c.signature))
      return false;
  }
  children_.push_back(c);
  return true;
}

/// The components that the placement of `frame` leaves; false if one has no completion.
template <class Value> bool Search<Value>::split(const Frame &frame) {
  children_.clear();
  const Component &c = frame.component;
  std::uint32_t begin = c.first;
  if (switches_.decomposition)
    for (std::uint32_t s = c.first; s + 1 < c.last; ++s)
      if (crossing_[s] == 0) {
        if (!add_component(frame, begin, s + 1))
          return false;
        begin = s + 1;
      }
  return add_component(frame, begin, c.last);
}

template <class Value>
void Search<Value>::open(const Component &component, std::uint32_t parent, std::uint32_t pending) {
  Frame frame;
  frame.component = component;
  frame.parent = parent;
  frame.pending = pending;
  frame.candidates = frame.next = static_cast<std::uint32_t>(candidates_.size());
  Value below = std::numeric_limits<Value>::max();
  const Component &c = component;
  if (switches_.dominance)
    for (std::uint32_t i = c.begin; i < c.end; ++i)
      if (!fixed_[lists_[i].block])
        below = std::min<Value>(below, lowest_[lists_[i].block] + height_[lists_[i].block]);
  for (std::uint32_t i = c.begin; i < c.end; ++i) {
    Id b = lists_[i].block;
    if (!fixed_[b] && eligible(b, c) && lowest_[b] < below &&
        (twin_[b] == kNone || placed_[twin_[b]]))
      candidates_.push_back(b);
  }
  // least_ of a component that waited may be another's: lowest_ is not
  std::sort(candidates_.begin() + frame.candidates, candidates_.end(),
            [&](Id a, Id b) { return lowest_[a] != lowest_[b] ? lowest_[a] < lowest_[b] : a < b; });
  frame.candidates_end = static_cast<std::uint32_t>(candidates_.size());
  frame.lists = static_cast<std::uint32_t>(lists_.size());
  frame.pendings = static_cast<std::uint32_t>(pending_.size());
  frame.trail = static_cast<std::uint32_t>(trail_.size());
  frame.placed = kNone;
  frames_.push_back(frame);
}

/// False if no completion exists in which the candidates tried are passed for good.
template <class Value> bool Search<Value>::rest_may_do(const Frame &frame) {
  Id tried = candidates_[frame.next - 1];
  Component c = frame.component;
  c.floor = lowest_[tried];
  c.after = tried;
  members_.clear();
  bool may = bound(c, frame.component.begin, frame.component.end);
  lists_.resize(frame.lists);
  return may;
}

/// The floor decides nothing beyond which blocks have been passed.
template <class Value> StateSignature Search<Value>::sign(const Component &c) const {
  StateSignature out;
  for (std::uint32_t i = c.begin; i < c.end; ++i) {
    Id b = lists_[i].block;
    out.add(2 * std::uint64_t{b} + eligible(b, c), static_cast<std::uint64_t>(lowest_[b]));
  }
  return out;
}

/// Goes back to the placement that led to the failed component. False when there is none.
template <class Value> bool Search<Value>::fail() {
  std::uint32_t parent = frames_.back().parent;
  if (parent == kNone)
    return false;
  if (switches_.no_goods)
    no_goods_.add(frames_.back().component.signature);
  while (frames_.size() - 1 > parent) {
    if (frames_.back().placed != kNone)
      unplace(frames_.back());
    frames_.pop_back();
  }
  unplace(frames_.back());
  return true;
}

template <class Value> CanonicalSearch::Outcome Search<Value>::run(std::uint64_t budget) {
  if (!started_) {
    started_ = true;
    Component root{0, 0, 0, sections_, 0, 0, kNone, {}};
    for (Id b = 0; b < original_.size(); ++b)
      lists_.push_back({lowest_[b], b});
    std::sort(lists_.begin(), lists_.end());
    members_.clear();
    if (!bound(root, 0, static_cast<std::uint32_t>(lists_.size())))
      return Outcome::Exhausted;
    if (root.movable == 0)
      return Outcome::Found;
    open(root, kNone, kNone);
  }
  for (std::uint64_t until = steps_ + budget; steps_ < until;) {
    Frame &frame = frames_.back();
    if (frame.next == frame.candidates_end) {
      if (!fail())
        return Outcome::Exhausted;
      continue;
    }
    if (switches_.passing && frame.next != frame.candidates && !rest_may_do(frame)) {
      frame.next = frame.candidates_end;
      continue;
    }
    ++steps_;
    frame.placed = candidates_[frame.next++];
    place(frame.placed);
    if (!split(frame)) {
      unplace(frame);
      continue;
    }
    std::uint32_t here = static_cast<std::uint32_t>(frames_.size()) - 1, pending = frame.pending;
    for (std::size_t i = children_.size(); i-- > 0;) {
      pending_.push_back({children_[i], here, pending});
      pending = static_cast<std::uint32_t>(pending_.size()) - 1;
    }
    if (pending == kNone)
      return Outcome::Found;
    Pending next = pending_[pending];
    open(next.component, next.parent, next.next);
  }
  return Outcome::Paused;
}

template <class Value> std::vector<std::int64_t> Search<Value>::offsets() const {
  std::vector<std::int64_t> out(original_.size());
  for (Id b = 0; b < original_.size(); ++b)
    out[original_[b]] = lowest_[b];
  return out;
}

template <class Value> std::vector<std::uint64_t> Search<Value>::block_failures() const {
  std::vector<std::uint64_t> out(original_.size());
  for (Id b = 0; b < original_.size(); ++b)
    out[original_[b]] = failures_[b];
  return out;
}

} // namespace

std::unique_ptr<CanonicalSearch> make_canonical_search(const BlockProblem &problem,
                                                       const CanonicalOptions &options) {
  if (problem.capacity < std::int64_t{1} << 29)
    return std::make_unique<Search<std::int32_t>>(problem, options);
  return std::make_unique<Search<std::int64_t>>(problem, options);
}

} // namespace isamorph::search
