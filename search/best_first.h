#pragma once
// A best-first search over any state space: A* (Hart, Nilsson and Raphael 1968), weighted A* (Pohl
// 1970) and beam search, deterministic for every number of threads.
//
// A state is a sequence of 32-bit words, so that all states lie in one arena and the space of a
// search can be written to a file as it is. Evaluation is deferred: a successor enters the queue
// with a lower bound that its parent promises, and its own bound is computed when it is taken from
// the queue; if that is larger, it goes back. Among equal f, larger g comes first, then the order
// of generation. States may be reopened, since bounds need not be consistent. When the queue's
// least f reaches the cost of a known plan, that plan is optimal.
//
// Threads work ahead: bounds and successors of the entries at the front of the queue are computed
// in parallel before the one loop that orders everything asks for them. Both depend on the state
// alone, so the expansions and the result are those of one thread; only work on entries that are
// never taken is lost.

#include "search/bucket_queue.h"
#include "search/checkpoint.h"

#include <algorithm>
#include <bit>
#include <concepts>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <unordered_map>

namespace isamorph::search {

using Words = std::span<const std::uint32_t>;

/// The successors of one state, in the order of their generation.
class Successors {
public:
  void clear() {
    words_.clear();
    entries_.clear();
  }
  /// `promise`: a lower bound of what the successor still costs.
  void add(Words state, std::int64_t cost, std::int64_t promise) {
    words_.insert(words_.end(), state.begin(), state.end());
    entries_.push_back({words_.size(), cost, promise});
  }
  std::size_t size() const { return entries_.size(); }
  Words state(std::size_t i) const {
    std::size_t begin = i == 0 ? 0 : entries_[i - 1].end;
    return Words(words_).subspan(begin, entries_[i].end - begin);
  }
  std::int64_t cost(std::size_t i) const { return entries_[i].cost; }
  std::int64_t promise(std::size_t i) const { return entries_[i].promise; }

private:
  struct Entry {
    std::size_t end;
    std::int64_t cost, promise;
  };
  std::vector<std::uint32_t> words_;
  std::vector<Entry> entries_;
};

/// A space hands out workers, one for each thread, whose answers depend on the state alone.
/// `bound` is admissible; nullopt: the goal cannot be reached. Costs are not negative.
template <class S>
concept SearchSpace = requires(const S &space, typename S::Worker &worker, Words state,
                               Successors &out) {
  { space.root() } -> std::convertible_to<std::vector<std::uint32_t>>;
  { space.worker() } -> std::same_as<std::unique_ptr<typename S::Worker>>;
  { space.plausible(state) } -> std::convertible_to<bool>; ///< for states read from files
  { worker.is_goal(state) } -> std::convertible_to<bool>;
  { worker.bound(state) } -> std::same_as<std::optional<std::int64_t>>;
  worker.expand(state, out);
};

/// A filter for dominance: `a` may dominate `b` only if the groups are equal and all that b needs
/// is among what a has.
struct Shade {
  std::uint64_t group = 0, has = 0, needs = 0;
};

/// A space with dominance: when `a` dominates `b`, every plan from b can be followed from a at no
/// more cost and in no more steps.
template <class S>
concept HasDominance = requires(typename S::Worker &worker, Words a, Words b) {
  { worker.shade(a) } -> std::same_as<Shade>;
  { worker.dominates(a, b) } -> std::same_as<bool>;
};

/// Threads for the work ahead.
class Crew {
public:
  explicit Crew(int jobs); ///< 0: one a core
  ~Crew();
  int size() const { return size_; }
  /// Calls work(item, thread) for all items below `count`; `thread` is below size().
  void run(std::size_t count, const std::function<void(std::size_t, std::size_t)> &work);

private:
  struct Arena;
  std::unique_ptr<Arena> arena_;
  int size_;
};

/// How one search goes.
struct BestFirstOptions {
  std::int64_t weight = 1; ///< of the bound in f; above 1 the first plan need not be optimal
  /// States that are expanded among those of one number of steps, by f; 0: all. Does not keep
  /// optimality.
  std::uint32_t beam = 0;
  /// Leave out states that an expanded one dominates at no more cost. Keeps optimality.
  bool dominance = true;
};

/// A way from the root: which successor to take at each step.
struct Path {
  std::vector<std::uint32_t> ordinals;
  std::int64_t cost = 0;
};

/// One search, which can be run for a while, continued, saved and loaded.
template <SearchSpace S> class BestFirst {
public:
  enum class Outcome : std::uint8_t { Goal, Exhausted, Bounded, Paused };
  using Workers = std::vector<std::unique_ptr<typename S::Worker>>;

  /// `workers`: one for each thread of the crew.
  BestFirst(const S &space, Crew &crew, Workers &workers, const BestFirstOptions &options)
      : space_(space), crew_(crew), workers_(workers), options_(options), index_(1024, kNone) {
    reach(space.root(), 0, 0, 0, 0);
  }

  /// Runs until a goal, an empty queue, f >= `incumbent`, or `pause` says so.
  template <class Pause> Outcome run(std::optional<std::int64_t> incumbent, Pause &&pause) {
    while (skip_stale()) {
      std::uint32_t id = queue_.front();
      Record &record = records_[id];
      if (incumbent && record.g + record.h >= *incumbent) {
        if (exact())
          return Outcome::Bounded;
        queue_.pop();
        continue;
      }
      if (pause())
        return Outcome::Paused;
      queue_.pop();
      if (!(record.flags & kEvaluated) && !evaluate(id))
        continue;
      if (workers_[0]->is_goal(state(id))) {
        goal_ = id;
        return Outcome::Goal;
      }
      expand(id);
    }
    return Outcome::Exhausted;
  }

  Path extract() const {
    Path path;
    path.cost = records_[goal_].g;
    for (std::uint32_t at = goal_; at != 0; at = records_[at].parent)
      path.ordinals.push_back(records_[at].ordinal);
    std::reverse(path.ordinals.begin(), path.ordinals.end());
    return path;
  }

  /// The least f of the queue: no unexplored plan is cheaper (of an exact search).
  std::int64_t least() { return skip_stale() ? queue_.key().first : 0; }

  std::size_t states() const { return records_.size(); }
  std::uint64_t expanded() const { return counts_.expanded; }
  std::uint64_t evaluated() const { return counts_.evaluated; }
  std::uint64_t dominated() const { return counts_.dominated; }

  void save(Writer &out) const {
    out.put(words_);
    out.put(records_);
    out.put(shades_);
    out.put(counts_);
    std::vector<Queued> queued;
    queue_.each([&](BucketQueue::Key key, std::uint32_t id) {
      queued.push_back({key.first, key.second, id, 0});
      return true;
    });
    out.put(queued);
  }

  void load(Reader &in) {
    in.get(words_);
    in.get(records_);
    in.get(shades_);
    counts_ = in.get<Counts>();
    std::vector<Queued> queued;
    in.get(queued);
    in.require(!records_.empty() && records_.size() < kNone);
    for (const Record &record : records_)
      in.require(record.at <= words_.size() && record.size <= words_.size() - record.at &&
                 record.parent < records_.size());
    in.require(parents_lead_to_root());
    for (std::uint32_t id = 0; id < records_.size(); ++id)
      in.require(space_.plausible(state(id)));
    groups_.clear();
    for (std::uint32_t i = 0; i < shades_.size(); ++i) {
      in.require(shades_[i].record < records_.size() &&
                 (shades_[i].next == kNone || shades_[i].next < i));
      groups_[shades_[i].group] = i;
    }
    queue_ = {};
    for (const Queued &entry : queued) {
      in.require(entry.record < records_.size());
      queue_.push({entry.first, entry.second}, entry.record);
    }
    rebuild_index(std::bit_ceil(records_.size() * 2 + 1024));
  }

private:
  static constexpr std::uint32_t kNone = 0xffffffff;
  static constexpr std::uint32_t kEvaluated = 1, kDead = 2, kClosed = 4, kShaded = 8;
  static constexpr std::uint64_t kAlone = 256;    ///< evaluations before threads are worth it
  static constexpr std::size_t kAhead = 64;       ///< entries of one round of work ahead
  static constexpr std::size_t kMostShades = 512; ///< that one state is compared with

  /// From every record the parents lead to the first one, and on the way nothing gets dearer: then
  /// no later search can close a circle either.
  bool parents_lead_to_root() const {
    std::vector<std::uint32_t> seen(records_.size(), 0); // by which walk, from 1 on
    seen[0] = kNone;
    for (std::uint32_t id = 1; id < records_.size(); ++id) {
      std::uint32_t at = id;
      for (; seen[at] == 0; at = records_[at].parent) {
        if (records_[at].g < records_[records_[at].parent].g)
          return false;
        seen[at] = id;
      }
      if (seen[at] == id)
        return false; // the walk met itself
    }
    return true;
  }

  struct Record {
    std::uint64_t at; ///< where its words begin
    std::int64_t g, h;
    std::uint32_t size, hash, parent, ordinal, steps, flags;
  };
  struct ShadeEntry {
    std::uint64_t group, has;
    std::uint32_t record, next;
  };
  struct Counts {
    std::uint64_t expanded = 0, evaluated = 0, dominated = 0, layer = 0, taken = 0;
  };
  struct Queued {
    std::int64_t first, second;
    std::uint32_t record, zero;
  };
  /// What was computed ahead for one record.
  struct Work {
    bool has_bound = false, has_successors = false;
    std::optional<std::int64_t> bound;
    Successors successors;
  };

  bool exact() const { return options_.weight == 1 && options_.beam == 0; }
  Words state(std::uint32_t id) const {
    return Words(words_).subspan(records_[id].at, records_[id].size);
  }

  BucketQueue::Key key(const Record &record) const {
    std::int64_t f = record.g + options_.weight * record.h;
    return options_.beam ? BucketQueue::Key{record.steps, f} : BucketQueue::Key{f, -record.g};
  }
  void push(std::uint32_t id) { queue_.push(key(records_[id]), id); }
  bool stale(BucketQueue::Key entry, std::uint32_t id) const {
    const Record &record = records_[id];
    return (record.flags & (kClosed | kDead)) != 0 || entry != key(record);
  }
  /// Brings an entry that counts to the front; false when there is none.
  bool skip_stale() {
    while (!queue_.empty()) {
      bool full = options_.beam && counts_.taken >= options_.beam &&
                  static_cast<std::uint64_t>(queue_.key().first) == counts_.layer;
      if (!full && !stale(queue_.key(), queue_.front()))
        return true;
      queue_.pop();
    }
    return false;
  }

  static std::uint32_t hash(Words state) {
    std::uint64_t h = state.size();
    for (std::uint32_t word : state) {
      h = (h ^ word) * 0xff51afd7ed558ccdull;
      h ^= h >> 32;
    }
    return static_cast<std::uint32_t>(h ^ (h >> 29));
  }

  void rebuild_index(std::size_t size) {
    index_.assign(size, kNone);
    for (std::uint32_t id = 0; id < records_.size(); ++id) {
      std::size_t at = records_[id].hash & (size - 1);
      while (index_[at] != kNone)
        at = (at + 1) & (size - 1);
      index_[at] = id;
    }
  }

  /// The record of a state, which may be made for it.
  std::pair<std::uint32_t, bool> find_or_add(Words words) {
    std::uint32_t h = hash(words);
    std::size_t mask = index_.size() - 1, at = h & mask;
    for (; index_[at] != kNone; at = (at + 1) & mask)
      if (records_[index_[at]].hash == h && std::ranges::equal(state(index_[at]), words))
        return {index_[at], false};
    auto id = static_cast<std::uint32_t>(records_.size());
    index_[at] = id;
    records_.push_back(
        {words_.size(), 0, 0, static_cast<std::uint32_t>(words.size()), h, 0, 0, 0, 0});
    words_.insert(words_.end(), words.begin(), words.end());
    if (records_.size() * 2 > index_.size())
      rebuild_index(index_.size() * 2);
    return {id, true};
  }

  void reach(Words words, std::int64_t g, std::int64_t h, std::uint32_t parent,
             std::uint32_t ordinal) {
    auto [id, fresh] = find_or_add(words);
    Record &record = records_[id];
    if (record.flags & kDead)
      return;
    bool raised = h > record.h; // each parent's promise is admissible
    record.h = std::max(record.h, h);
    if (fresh || g < record.g) {
      record.g = g;
      record.parent = parent;
      record.ordinal = ordinal;
      record.steps = id == 0 ? 0 : records_[parent].steps + 1;
      record.flags &= ~kClosed;
    } else if (!raised || (record.flags & kClosed)) {
      return;
    }
    push(id);
  }

  /// Takes a record's own bound; false when it is dead or went back to the queue.
  bool evaluate(std::uint32_t id) {
    Record &record = records_[id];
    std::optional<std::int64_t> bound;
    if (Work *work = ahead(id, [](const Work &w) { return w.has_bound; }))
      bound = work->bound;
    else
      bound = workers_[0]->bound(state(id));
    record.flags |= kEvaluated;
    ++counts_.evaluated;
    if (!bound)
      record.flags |= kDead;
    else if (*bound > record.h)
      record.h = *bound, push(id);
    else
      return true;
    return false;
  }

  void expand(std::uint32_t id) {
    records_[id].flags |= kClosed;
    if (is_dominated(id)) {
      ++counts_.dominated;
      return;
    }
    ++counts_.expanded;
    std::uint64_t layer = records_[id].steps;
    counts_.taken = layer == counts_.layer ? counts_.taken + 1 : 1;
    counts_.layer = layer;
    if (Work *work = ahead(id, [](const Work &w) { return w.has_successors; })) {
      merge(id, work->successors);
      ahead_.erase(id);
      return;
    }
    own_.clear();
    workers_[0]->expand(state(id), own_);
    merge(id, own_);
  }

  void merge(std::uint32_t id, const Successors &successors) {
    std::int64_t g = records_[id].g, h = records_[id].h;
    for (std::uint32_t i = 0; i < successors.size(); ++i) {
      std::int64_t cost = successors.cost(i);
      reach(successors.state(i), g + cost,
            std::max({std::int64_t{0}, h - cost, successors.promise(i)}), id, i);
    }
  }

  bool is_dominated(std::uint32_t id) {
    if constexpr (HasDominance<S>) {
      if (!options_.dominance)
        return false;
      Shade shade = workers_[0]->shade(state(id));
      auto [group, fresh] = groups_.try_emplace(shade.group, kNone);
      std::size_t compared = 0;
      for (std::uint32_t at = group->second; at != kNone && compared < kMostShades;
           at = shades_[at].next, ++compared) {
        std::uint32_t other = shades_[at].record;
        if ((shade.needs & ~shades_[at].has) == 0 && other != id &&
            records_[other].g <= records_[id].g && workers_[0]->dominates(state(other), state(id)))
          return true;
      }
      if (!(records_[id].flags & kShaded)) {
        shades_.push_back({shade.group, shade.has, id, group->second});
        group->second = static_cast<std::uint32_t>(shades_.size() - 1);
        records_[id].flags |= kShaded;
      }
    }
    return false;
  }

  /// What was computed ahead for a record, after a round of work if need be; null when alone.
  template <class Has> Work *ahead(std::uint32_t id, Has &&has) {
    if (crew_.size() == 1 || counts_.evaluated < kAlone)
      return nullptr;
    auto found = ahead_.find(id);
    if (found == ahead_.end() || !has(found->second)) {
      work_ahead(id);
      found = ahead_.find(id);
    }
    return &found->second;
  }

  void work_ahead(std::uint32_t first) {
    if (ahead_.size() > 32 * kAhead)
      ahead_.clear();
    // Near a goal the queue's front changes with every expansion and most work ahead is lost.
    std::size_t most =
        ahead_.size() < 4 * kAhead ? kAhead : 2 * static_cast<std::size_t>(crew_.size());
    std::vector<std::pair<std::uint32_t, Work *>> batch = {{first, &ahead_[first]}};
    std::size_t seen = 0;
    queue_.each([&](BucketQueue::Key entry, std::uint32_t id) {
      if (stale(entry, id))
        return true;
      Work &work = ahead_[id];
      bool done = records_[id].flags & kEvaluated ? work.has_successors : work.has_bound;
      if (!done && id != first)
        batch.push_back({id, &work});
      return batch.size() < most && ++seen < 4 * kAhead;
    });
    crew_.run(batch.size(), [&](std::size_t item, std::size_t thread) {
      auto [id, work] = batch[item];
      const Record &record = records_[id];
      typename S::Worker &worker = *workers_[thread];
      if (!(record.flags & kEvaluated)) {
        work->bound = worker.bound(state(id));
        work->has_bound = true;
        if (!work->bound || *work->bound > record.h)
          return; // it will go back to the queue
      }
      work->successors.clear();
      worker.expand(state(id), work->successors);
      work->has_successors = true;
    });
  }

  const S &space_;
  Crew &crew_;
  Workers &workers_;
  BestFirstOptions options_;
  std::vector<std::uint32_t> words_; ///< of all states
  std::vector<Record> records_;
  std::vector<std::uint32_t> index_; ///< open addressing: record ids by hash
  BucketQueue queue_;
  std::vector<ShadeEntry> shades_;                          ///< of expanded states
  std::unordered_map<std::uint64_t, std::uint32_t> groups_; ///< their last by group; look-up only
  std::unordered_map<std::uint32_t, Work> ahead_;           ///< by record; look-up only
  Successors own_;
  Counts counts_;
  std::uint32_t goal_ = 0;
};

} // namespace isamorph::search
