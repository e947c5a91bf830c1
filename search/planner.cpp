#include "search/planner.h"

#include <mutex>

namespace isamorph::search {
namespace {

struct FactsHash {
  std::size_t operator()(const std::vector<std::uint32_t> &facts) const {
    std::uint64_t h = facts.size();
    for (std::uint32_t f : facts)
      h = (h ^ f) * 0x9e3779b97f4a7c15ull, h ^= h >> 29;
    return h;
  }
};

/// A state's landmark bound and what its landmarks charge to actions.
struct Estimate {
  std::optional<std::int64_t> bound;
  std::vector<std::pair<std::uint32_t, std::int64_t>> charges; ///< not zero, by action
};

/// Estimates by set of facts, for all threads: states that differ in addresses only share one.
class Estimates {
public:
  explicit Estimates(bool landmarks) : landmarks_(landmarks) {}

  const Estimate &of(const std::vector<std::uint32_t> &facts, LmCut &engine) {
    Shard &shard = shards_[FactsHash{}(facts) % kShards];
    {
      std::lock_guard lock(shard.mutex);
      if (auto known = shard.map.find(facts); known != shard.map.end())
        return known->second;
    }
    Estimate fresh{engine.evaluate(facts), {}};
    if (!landmarks_ && fresh.bound)
      fresh.bound = 0;
    else if (fresh.bound)
      for (std::uint32_t a = 0; a < engine.charged().size(); ++a)
        if (engine.charged()[a] != 0)
          fresh.charges.push_back({a, engine.charged()[a]});
    std::lock_guard lock(shard.mutex);
    return shard.map.try_emplace(facts, std::move(fresh)).first->second;
  }

private:
  static constexpr std::size_t kShards = 64;
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::vector<std::uint32_t>, Estimate, FactsHash> map; ///< look-up only
  };
  bool landmarks_;
  std::array<Shard, kShards> shards_;
};

void to_state(Words words, State &state) {
  state.clear();
  for (std::size_t i = 0; i + 1 < words.size(); i += 2)
    state.push_back({words[i], words[i + 1]});
}

void to_words(const State &state, std::vector<std::uint32_t> &words) {
  words.clear();
  for (Placement p : state) {
    words.push_back(p.vertex);
    words.push_back(p.slot);
  }
}

/// The state space as the engine sees it: a placement is two words.
class PlacementSpace {
public:
  PlacementSpace(const StateSpace &space, bool landmarks) : space_(space), estimates_(landmarks) {}

  class Worker {
  public:
    explicit Worker(const PlacementSpace &owner)
        : space_(owner.space_), estimates_(owner.estimates_), engine_(space_.relaxed()),
          expander_(space_), charges_(space_.relaxed().actions.size(), 0) {}

    bool is_goal(Words words) {
      to_state(words, state_);
      return space_.is_goal(state_);
    }
    std::optional<std::int64_t> bound(Words words) { return estimate(words).bound; }

    void expand(Words words, Successors &out) {
      const Estimate &own = estimate(words);
      for (auto [action, charge] : own.charges)
        charges_[action] = charge;
      expander_(state_, [&](const Transition &transition, const State &next) {
        to_words(next, words_);
        out.add(words_, space_.cost(transition.variant),
                own.bound.value_or(0) - charges_[transition.variant]);
      });
      for (auto [action, charge] : own.charges)
        charges_[action] = 0;
    }

    Shade shade(Words words) {
      to_state(words, state_);
      const std::vector<char> &useful = useful_for(state_);
      Shade out;
      Digest outputs;
      for (Placement p : state_) {
        std::uint64_t bit = std::uint64_t{1}
                            << ((p.vertex * 0x9e3779b1u ^ place(p) * 0x85ebca6bu) >> 26);
        out.has |= bit;
        if (space_.is_output(p.slot) || space_.is_control(p))
          outputs.add(p.slot);
        else if (useful[p.vertex])
          out.needs |= bit;
      }
      out.group = outputs.value();
      return out;
    }

    /// The same outputs are filled in both.
    bool dominates(Words a, Words b) {
      to_state(a, other_);
      to_state(b, state_);
      if (!same_control(other_, state_))
        return false;
      const std::vector<char> &useful = useful_for(state_);
      for (std::size_t i = 0; i < state_.size(); ++i) {
        Placement p = state_[i];
        if (space_.is_output(p.slot) || space_.is_control(p) || !useful[p.vertex])
          continue;
        auto same = [&](Placement q) { return q.vertex == p.vertex && place(q) == place(p); };
        std::ptrdiff_t wanted = 1;
        if (std::uint32_t buffer = buffer_of(p); space_.symmetric(buffer) && space_.tied(buffer))
          wanted = std::count_if(state_.begin(), state_.end(), same);
        if (std::count_if(other_.begin(), other_.end(), same) < wanted)
          return false;
      }
      return true;
    }

  private:
    std::uint32_t buffer_of(Placement p) const { return space_.graph().vertices[p.vertex].buffer; }
    /// A slot, where it matters which one.
    std::uint32_t place(Placement p) const {
      return !space_.is_control(p) && space_.symmetric(buffer_of(p)) ? 0 : p.slot;
    }
    /// States are sorted: control state comes last.
    bool same_control(const State &a, const State &b) const {
      auto x = a.rbegin(), y = b.rbegin();
      for (; x != a.rend() && space_.is_control(*x); ++x, ++y)
        if (y == b.rend() || *x != *y)
          return false;
      return y == b.rend() || !space_.is_control(*y);
    }

    const Estimate &estimate(Words words) {
      to_state(words, state_);
      space_.facts(state_, facts_);
      return estimates_.of(facts_, engine_);
    }

    /// The facts from which the outputs that are not filled may be reached, by fact.
    const std::vector<char> &useful_for(const State &state) {
      std::vector<std::uint32_t> wanted;
      const RelaxedTask &task = space_.relaxed();
      space_.facts(state, facts_);
      for (std::uint32_t fact : task.goal)
        if (!std::binary_search(facts_.begin(), facts_.end(), fact))
          wanted.push_back(fact);
      auto [found, fresh] = useful_.try_emplace(wanted);
      std::vector<char> &useful = found->second;
      if (!fresh)
        return useful;
      useful.assign(task.facts, 0);
      for (std::uint32_t fact : wanted)
        useful[fact] = 1;
      for (bool changed = true; changed;) {
        changed = false;
        for (const RelaxedAction &action : task.actions) {
          if (std::none_of(action.adds.begin(), action.adds.end(),
                           [&](std::uint32_t f) { return useful[f]; }))
            continue;
          for (std::uint32_t need : action.needs) {
            changed |= !useful[need];
            useful[need] = 1;
          }
        }
      }
      return useful;
    }

    const StateSpace &space_;
    Estimates &estimates_;
    LmCut engine_;
    StateSpace::Expander expander_;
    State state_, other_;
    std::vector<std::uint32_t> facts_, words_;
    std::vector<std::int64_t> charges_;
    std::map<std::vector<std::uint32_t>, std::vector<char>> useful_; ///< by facts wanted
  };

  std::vector<std::uint32_t> root() const { return {}; }
  std::unique_ptr<Worker> worker() const { return std::make_unique<Worker>(*this); }
  bool plausible(Words words) const {
    State state;
    to_state(words, state);
    return words.size() % 2 == 0 && space_.plausible(state);
  }

private:
  const StateSpace &space_;
  mutable Estimates estimates_;
};

/// The steps of a path.
Plan follow(const StateSpace &space, const Path &path) {
  Plan plan;
  plan.cost = path.cost;
  StateSpace::Expander expander(space);
  State state;
  for (std::uint32_t wanted : path.ordinals) {
    std::uint32_t ordinal = 0;
    State next;
    expander(state, [&](const Transition &transition, const State &successor) {
      if (ordinal++ != wanted)
        return;
      plan.steps.push_back(transition);
      plan.states.push_back(state);
      next = successor;
    });
    if (wanted >= ordinal)
      throw semantics::InputError("the checkpoint's plan cannot be followed");
    state = std::move(next);
  }
  return plan;
}

} // namespace

PlanResult plan(const StateSpace &space, const PlannerOptions &options) {
  PlacementSpace placements(space, options.landmarks);
  Digest task;
  task.add(space.fingerprint());
  task.add(options.landmarks);
  AnytimeSearch<PlacementSpace> search(placements, options, task.value());
  AnytimeResult found = search.run();
  PlanResult result{
      found.status,    {}, found.bound, found.expanded, found.evaluated, found.dominated,
      found.stopped_by};
  if (found.status == PlanResult::Status::Optimal || found.status == PlanResult::Status::Feasible)
    result.plan = follow(space, found.path);
  return result;
}

} // namespace isamorph::search
