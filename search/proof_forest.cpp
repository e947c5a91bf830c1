#include "search/proof_forest.h"

#include <queue>

namespace isamorph::search {
namespace {

/// More redundant applications are not worth their memory.
constexpr std::size_t kMaxSpares = std::size_t{1} << 22;
constexpr std::uint64_t kMaxLength = std::uint64_t{1} << 62;

} // namespace

TermId ProofForest::append(std::uint32_t head, std::span<const ClassId> children, std::uint64_t h,
                           ClassId owner) {
  TermId term{terms_.append(head, children, h, owner.v)};
  parent_.push_back(kNone);
  edge_.push_back(kNone);
  return term;
}

void ProofForest::link(TermId a, TermId b, Reason reason, bool turn_a) {
  auto edge = static_cast<std::uint32_t>(edges_.size());
  edges_.push_back({a, b, reason});
  is_spare_.push_back(false);
  std::uint32_t at = turn_a ? a.v : b.v, parent = turn_a ? b.v : a.v;
  while (at != kNone) {
    std::uint32_t next = parent_[at], next_edge = edge_[at];
    parent_[at] = parent;
    edge_[at] = edge;
    parent = at;
    edge = next_edge;
    at = next;
  }
}

void ProofForest::spare(TermId a, TermId b, Reason reason) {
  if (a == b || spares_ == kMaxSpares)
    return;
  ++spares_;
  edges_.push_back({a, b, reason});
  is_spare_.push_back(true);
}

/// One explanation in the making: lemmas by (from, to, age limit).
class ProofForest::Explainer {
public:
  Explainer(const ProofForest &forest, bool shorten) : forest_(forest) {
    if (!shorten || forest.spares_ == 0)
      return;
    for (std::uint32_t e = 0; e < forest_.edges_.size(); ++e) {
      if (!forest_.is_spare_[e])
        continue;
      spares_at_[forest_.edges_[e].a.v].push_back(e);
      spares_at_[forest_.edges_[e].b.v].push_back(e);
    }
  }

  Explanation explain(TermId a, TermId b) {
    prove(a, b, kNone);
    out_.length = lengths_.back();
    return std::move(out_);
  }

private:
  struct Frame {
    TermId a, b;
    std::vector<std::uint32_t> path; ///< edges from a to b
    std::size_t next_edge = 0, next_child = 0;
    TermId at;
    Lemma lemma;
  };

  /// Depth first with a stack of its own: proofs nest deeply.
  std::uint32_t prove(TermId a, TermId b, std::uint32_t age) {
    std::vector<Frame> stack;
    stack.push_back(frame(a, b, age));
    std::uint32_t done = kNone;
    while (!stack.empty()) {
      Frame &top = stack.back();
      if (done != kNone) { // a child's lemma
        top.lemma.steps.back().children.push_back(done);
        ++top.next_child;
        done = kNone;
      }
      if (advance(stack))
        continue;
      done = finish(stack.back());
      stack.pop_back();
    }
    return done;
  }

  Frame frame(TermId a, TermId b, std::uint32_t age) const {
    Frame f;
    f.a = f.at = a;
    f.b = b;
    f.path = path(a, b, age);
    f.lemma = {a, b, {}};
    return f;
  }

  /// Goes on with the top frame; true when a frame was pushed or a step was made, false when the
  /// lemma is whole.
  bool advance(std::vector<Frame> &stack) {
    Frame &top = stack.back();
    if (top.next_edge == top.path.size())
      return false;
    std::uint32_t e = top.path[top.next_edge];
    const Edge &edge = forest_.edges_[e];
    bool along = edge.a == top.at;
    TermId to = along ? edge.b : edge.a;
    if (top.next_child == 0 && !started_step(top))
      top.lemma.steps.push_back({top.at, to, edge.reason, along, {}});
    if (edge.reason.kind == Reason::Kind::Congruence) {
      auto from_kids = forest_.terms_.children(top.at.v), to_kids = forest_.terms_.children(to.v);
      if (top.next_child < from_kids.size()) {
        TermId x{from_kids[top.next_child].v}, y{to_kids[top.next_child].v};
        auto known = known_.find({x, y});
        if (known != known_.end()) {
          top.lemma.steps.back().children.push_back(known->second);
          ++top.next_child;
        } else {
          stack.push_back(frame(x, y, e));
        }
        return true;
      }
    }
    top.at = to;
    top.next_child = 0;
    ++top.next_edge;
    return true;
  }

  static bool started_step(const Frame &frame) {
    return frame.lemma.steps.size() > frame.next_edge;
  }

  std::uint32_t finish(Frame &frame) {
    std::uint64_t length = 0;
    for (const ProofStep &step : frame.lemma.steps) {
      length += step.reason.kind != Reason::Kind::Congruence;
      for (std::uint32_t child : step.children)
        length = std::min(kMaxLength, length + lengths_[child]);
    }
    auto id = static_cast<std::uint32_t>(out_.lemmas.size());
    out_.lemmas.push_back(std::move(frame.lemma));
    lengths_.push_back(std::min(kMaxLength, length));
    known_.try_emplace({frame.a, frame.b}, id);
    return id;
  }

  std::vector<std::uint32_t> path(TermId a, TermId b, std::uint32_t age) const {
    std::vector<std::uint32_t> straight = tree_path(a, b);
    if (spares_at_.empty() || straight.size() < 2)
      return straight;
    return short_path(a, b, age, straight);
  }

  std::vector<std::uint32_t> tree_path(TermId a, TermId b) const {
    std::vector<std::uint32_t> up, down;
    std::uint32_t x = a.v, y = b.v;
    std::size_t dx = depth(x), dy = depth(y);
    for (; dx > dy; --dx, x = forest_.parent_[x])
      up.push_back(forest_.edge_[x]);
    for (; dy > dx; --dy, y = forest_.parent_[y])
      down.push_back(forest_.edge_[y]);
    while (x != y) {
      up.push_back(forest_.edge_[x]);
      down.push_back(forest_.edge_[y]);
      x = forest_.parent_[x];
      y = forest_.parent_[y];
    }
    up.insert(up.end(), down.rbegin(), down.rend());
    return up;
  }
  std::size_t depth(std::uint32_t term) const {
    std::size_t d = 0;
    for (; forest_.parent_[term] != kNone; term = forest_.parent_[term])
      ++d;
    return d;
  }

  /// Dijkstra over the terms of the tree path and spare edges between terms, as far as edges
  /// younger than `age` allow. A congruence edge counts as two steps, any other as one.
  std::vector<std::uint32_t> short_path(TermId a, TermId b, std::uint32_t age,
                                        const std::vector<std::uint32_t> &straight) const {
    auto weight = [&](std::uint32_t e) {
      return forest_.edges_[e].reason.kind == Reason::Kind::Congruence ? 2u : 1u;
    };
    std::uint32_t bound = 0;
    for (std::uint32_t e : straight)
      bound += weight(e);
    std::map<std::uint32_t, std::vector<std::uint32_t>> tree_at;
    for (std::uint32_t e : straight) {
      tree_at[forest_.edges_[e].a.v].push_back(e);
      tree_at[forest_.edges_[e].b.v].push_back(e);
    }
    struct Reached {
      std::uint32_t cost, edge, from;
    };
    std::map<std::uint32_t, Reached> reached{{a.v, {0, kNone, kNone}}};
    std::priority_queue<std::pair<std::uint32_t, std::uint32_t>,
                        std::vector<std::pair<std::uint32_t, std::uint32_t>>, std::greater<>>
        queue;
    queue.push({0, a.v});
    while (!queue.empty()) {
      std::uint32_t cost = queue.top().first, term = queue.top().second;
      queue.pop();
      if (cost > reached.at(term).cost)
        continue;
      if (term == b.v)
        break;
      auto relax = [&](const std::map<std::uint32_t, std::vector<std::uint32_t>> &at) {
        auto here = at.find(term);
        if (here == at.end())
          return;
        for (std::uint32_t e : here->second) {
          const Edge &edge = forest_.edges_[e];
          std::uint32_t other = edge.a.v == term ? edge.b.v : edge.a.v, next = cost + weight(e);
          if (e >= age || next > bound)
            continue;
          auto [place, fresh] = reached.try_emplace(other, Reached{next, e, term});
          if (!fresh && place->second.cost <= next)
            continue;
          place->second = {next, e, term};
          queue.push({next, other});
        }
      };
      relax(tree_at);
      relax(spares_at_);
    }
    auto end = reached.find(b.v);
    if (end == reached.end() || end->second.cost >= bound)
      return straight;
    std::vector<std::uint32_t> path;
    for (std::uint32_t t = b.v; t != a.v; t = reached.at(t).from)
      path.push_back(reached.at(t).edge);
    return {path.rbegin(), path.rend()};
  }

  const ProofForest &forest_;
  std::map<std::uint32_t, std::vector<std::uint32_t>> spares_at_;
  std::map<std::pair<TermId, TermId>, std::uint32_t> known_; ///< finished lemmas
  std::vector<std::uint64_t> lengths_;
  Explanation out_;
};

Explanation ProofForest::explain(TermId a, TermId b, bool shorten) const {
  return Explainer(*this, shorten).explain(a, b);
}

} // namespace isamorph::search
