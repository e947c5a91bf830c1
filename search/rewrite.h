#pragma once
// Rewrite rules over any e-graph, compiled for matching, and the loop that saturates with them.
//
//   Rewrite<EGraph<MyAnalysis>> rule;   // name, and patterns over one numbering of variables
//   saturate<EGraph<MyAnalysis>>(graph, rules, {.limits = {.nodes = 10'000}});
//
// A rule may have a hook `choose`, called for every match before it is applied: it sees the e-graph
// and may add to it, may bind variables that the left side lacks, and says which right side to use,
// or none. That covers conditions and appliers of one's own.
//
// Matches are applied in blocks: those of a block are found on the frozen view, then those that
// would change nothing (the right side is known already and in the class of the left) are dropped,
// both on several threads; what is left is applied one after another. Blocks do not depend on the
// number of threads, so nothing else does.
//
// Schedulers: `simple` applies every match. `backoff` is egg's: a rule with more than match_limit *
// 2^k matches in one iteration is banned for ban_length * 2^k iterations, where k counts its bans
// so far. All matches of a view count, so back-off matches everything every time; the same rules
// and terms give the counts that egg gives.

#include "search/egraph.h"
#include "search/ematch.h"
#include "search/parallel.h"
#include "search/saturation_loop.h"

#include <array>

namespace isamorph::search {

template <class Graph> struct Rewrite {
  std::string name;
  std::vector<std::string> variables; ///< names by number
  Pattern from;
  std::vector<Pattern> to;
  /// Parallel to the variables. Returns the number of the right side, or nullopt to leave the match
  /// out. Null: the first one.
  std::function<std::optional<std::size_t>(Graph &, ClassId root, std::span<ClassId> bindings)>
      choose;
  /// False when what `choose` says of a match depends on more than the analysis data of its classes
  /// and their being different: then all matches are found again in every iteration.
  bool stable = true;
};

struct Scheduler {
  bool backoff = false;
  std::size_t match_limit = 1000, ban_length = 5;
};

struct RewriteOptions {
  SaturationLimits limits;
  Scheduler scheduler;
  /// Match only what changed since a rule was last matched; not with back-off. Keeps every result;
  /// the order of additions may differ.
  bool incremental = true;
  /// Drop matches that change nothing before applying. Keeps every result.
  bool filter = true;
  /// Find rows by their first child where it is known (ematch.h). Keeps every result.
  bool seek = true;
  int jobs = 1; ///< the result does not depend on it
};

struct RuleReport {
  std::size_t matches = 0; ///< found
  std::size_t applied = 0; ///< changed something
  std::size_t bans = 0;
};
struct RewriteReport : SaturationReport {
  std::vector<std::vector<RuleReport>> rules; ///< by iteration, by rule
  double search_seconds = 0, apply_seconds = 0, rebuild_seconds = 0;
};

/// A pattern ready for looking up many instances at once: their hashes first, then what these name,
/// so that memory is waited for once and not in turn.
class TemplateFilter {
public:
  static constexpr std::size_t kBatch = 64;

  explicit TemplateFilter(const Pattern &pattern) : pattern_(pattern) {
    for (const Pattern::Node &node : pattern.nodes)
      heads_.push_back(
          node.is_variable ? 0 : NodeTable::make_head({node.number}, node.children.size()));
  }

  /// Where batches are worked on; one for each thread.
  using Workspace = std::vector<std::array<ClassId, kBatch>>;

  /// Removes from `matches` (records of `stride`: root, variables) those whose instance is known to
  /// be in the root's class; returns how many records are left at the front.
  template <class Graph>
  std::size_t drop_known(const Graph &graph, std::size_t stride, std::span<ClassId> matches,
                         Workspace &values) const {
    struct Classes {
      const Graph &graph;
      const NodeTable &table() const { return graph.table(); }
      ClassId variable(ClassId c) const { return graph.find(c); }
      ClassId value(std::uint32_t node) const { return graph.find({table().owner(node)}); }
    } classes{graph};
    std::size_t kept = 0;
    for (std::size_t begin = 0; begin < matches.size(); begin += kBatch * stride) {
      std::size_t count = std::min(kBatch, (matches.size() - begin) / stride);
      look_up(classes, matches.data() + begin, stride, count, values);
      for (std::size_t i = 0; i < count; ++i) {
        const ClassId *match = matches.data() + begin + i * stride;
        ClassId result = values.back()[i];
        if (result.v != kNone && result == graph.find(match[0]))
          continue;
        std::copy(match, match + stride, matches.data() + kept * stride);
        ++kept;
      }
    }
    return kept;
  }

  /// Brings the terms that instances consist of near. At most kBatch records.
  template <class Graph>
  void touch_terms(const Graph &graph, std::size_t stride, std::span<const ClassId> matches,
                   Workspace &values) const {
    struct Terms {
      const Graph &graph;
      const NodeTable &table() const { return graph.proofs()->terms(); }
      ClassId variable(ClassId c) const { return {graph.term_of(c).v}; }
      ClassId value(std::uint32_t term) const { return {term}; }
    };
    look_up(Terms{graph}, matches.data(), stride, matches.size() / stride, values);
  }

private:
  template <class Source>
  void look_up(const Source &source, const ClassId *matches, std::size_t stride, std::size_t count,
               Workspace &values) const {
    values.resize(pattern_.nodes.size());
    for (std::size_t n = 0; n < pattern_.nodes.size(); ++n) {
      const Pattern::Node &node = pattern_.nodes[n];
      if (node.is_variable)
        for (std::size_t i = 0; i < count; ++i)
          values[n][i] = source.variable(matches[i * stride + 1 + node.number]);
      else
        look_up_node(source, n, count, values);
    }
  }

  /// A child that is not known is kNone, which no node has, so that its parent is not found either.
  template <class Source>
  void look_up_node(const Source &source, std::size_t n, std::size_t count,
                    Workspace &values) const {
    const NodeTable &table = source.table();
    const auto &kids = pattern_.nodes[n].children;
    std::array<std::uint64_t, kBatch> hashes;
    std::array<std::uint32_t, kBatch> found;
    std::uint32_t head = heads_[n];
    if (kids.size() == 2) {
      const auto &a = values[kids[0]], &b = values[kids[1]];
      for (std::size_t i = 0; i < count; ++i) {
        ClassId pair[] = {a[i], b[i]};
        hashes[i] = NodeTable::hash(head, pair);
        table.prefetch(hashes[i]);
      }
      for (std::size_t i = 0; i < count; ++i)
        table.prefetch_node(hashes[i]);
      for (std::size_t i = 0; i < count; ++i)
        found[i] = table.lookup(head, a[i], b[i], hashes[i]);
    } else {
      ClassId buffer[EGraphIndex::kUsePositions];
      std::span<ClassId> children(buffer, kids.size());
      for (std::size_t i = 0; i < count; ++i) {
        for (std::size_t k = 0; k < children.size(); ++k)
          children[k] = values[kids[k]][i];
        found[i] = table.lookup(head, children, NodeTable::hash(head, children));
      }
    }
    for (std::size_t i = 0; i < count; ++i)
      values[n][i] = found[i] == kNone ? ClassId{kNone} : source.value(found[i]);
  }

  Pattern pattern_;
  std::vector<std::uint32_t> heads_;
};

/// A rule within saturation_loop.
template <class Graph> class CompiledRewrite {
public:
  CompiledRewrite(const Rewrite<Graph> &rule, std::uint32_t number, const RewriteOptions &options,
                  const SaturationGuard &guard)
      : rule_(rule), number_(number), options_(options), guard_(guard),
        matcher_(rule.from, rule.variables.size(), options.seek), left_(rule.from),
        filter_(rule.to.front()) {}

  void search(const Graph &graph) {
    report = {};
    held_.clear();
    active_ = iteration_++ >= banned_until_;
    if (!active_)
      return;
    std::uint32_t since = incremental() ? matched_ : 0;
    if (since == graph.index().view()) { // nothing is new
      active_ = false;
      return;
    }
    matcher_.prepare(graph.index(), since, [&](OperatorId op, std::span<const ClassId> children) {
      return graph.find_term(op, children);
    });
    if (!options_.scheduler.backoff)
      return;
    std::size_t limit = bans_ < 40 ? options_.scheduler.match_limit << bans_ : ~std::size_t{0} >> 1;
    matcher_.match(0, matcher_.starts(), held_, limit + 1);
    report.matches = held_.size() / matcher_.stride();
    if (report.matches <= limit)
      return;
    held_.clear();
    active_ = false;
    report.bans = 1;
    banned_until_ =
        iteration_ - 1 + (options_.scheduler.ban_length << std::min<std::size_t>(bans_, 40));
    ++bans_;
  }

  void apply(Graph &graph) {
    if (!active_)
      return;
    std::uint32_t view = graph.index().view();
    if (options_.scheduler.backoff) {
      apply_block(graph, held_);
    } else {
      std::vector<std::vector<ClassId>> found(kBlock);
      for (std::size_t begin = 0; begin < matcher_.starts(); begin += kBlock * kChunk) {
        if (guard_.stop(graph.node_count()) || graph.contradiction())
          return; // what is left is matched again, should there be another time
        find_block(graph, begin, found);
        for (std::vector<ClassId> &chunk : found)
          apply_block(graph, chunk);
        graph.restore_congruence();
      }
    }
    matched_ = view;
  }

  bool resting() const { return banned_until_ > iteration_; }
  /// Bans end by so much that the first one is over.
  void wake(std::size_t by) { banned_until_ -= std::min(by, banned_until_); }
  std::size_t rest() const { return resting() ? banned_until_ - iteration_ : 0; }

  RuleReport report;

private:
  /// Starts that a thread takes at once, and how many of these make a block.
  static constexpr std::size_t kChunk = 64, kBlock = 16;

  void find_block(Graph &graph, std::size_t begin, std::vector<std::vector<ClassId>> &found) {
    std::array<std::size_t, kBlock> counts{};
    std::size_t chunks = std::min(kBlock, (matcher_.starts() - begin + kChunk - 1) / kChunk);
    for (auto &chunk : found)
      chunk.clear();
    parallel_for(options_.jobs, chunks, [&](std::size_t c) {
      std::size_t from = begin + c * kChunk, to = std::min(from + kChunk, matcher_.starts());
      matcher_.match(from, to, found[c]);
      counts[c] = found[c].size() / matcher_.stride();
      if (filters()) {
        TemplateFilter::Workspace workspace;
        found[c].resize(matcher_.stride() *
                        filter_.drop_known(graph, matcher_.stride(), found[c], workspace));
      }
    });
    for (std::size_t count : counts)
      report.matches += count;
  }

  bool incremental() const {
    return options_.incremental && rule_.stable && !options_.scheduler.backoff;
  }
  bool filters() const { return options_.filter && !rule_.choose; }

  void apply_block(Graph &graph, std::span<ClassId> matches) {
    // Filtered again, now that those before it are applied, and with what it needs brought near.
    std::size_t batch = TemplateFilter::kBatch * matcher_.stride();
    for (std::size_t begin = 0; begin < matches.size(); begin += batch) {
      std::span<ClassId> some = matches.subspan(begin, std::min(batch, matches.size() - begin));
      if (filters())
        some = some.first(matcher_.stride() *
                          filter_.drop_known(graph, matcher_.stride(), some, workspace_));
      if (graph.proofs() && !rule_.choose) {
        left_.touch_terms(graph, matcher_.stride(), some, workspace_);
        filter_.touch_terms(graph, matcher_.stride(), some, workspace_);
      }
      apply_some(graph, some);
    }
  }

  void apply_some(Graph &graph, std::span<ClassId> matches) {
    std::size_t stride = matcher_.stride();
    for (std::size_t i = 0; i < matches.size() && !graph.contradiction(); i += stride) {
      ClassId root = matches[i];
      std::span<ClassId> bindings(matches.data() + i + 1, stride - 1);
      std::size_t side = 0;
      std::size_t before = graph.changes();
      if (rule_.choose) {
        auto chosen = rule_.choose(graph, root, bindings);
        if (!chosen)
          continue;
        side = *chosen;
      }
      if (graph.proofs())
        apply_terms(graph, bindings, rule_.to[side]);
      else
        apply_classes(graph, root, bindings, rule_.to[side]);
      report.applied += graph.changes() != before;
    }
  }

  void apply_classes(Graph &graph, ClassId root, std::span<const ClassId> bindings,
                     const Pattern &to) {
    if (to.nodes.back().is_variable) {
      graph.merge(root, bindings[to.nodes.back().number]);
      return;
    }
    auto left = std::count_if(to.nodes.begin(), to.nodes.end(),
                              [](const Pattern::Node &node) { return !node.is_variable; });
    instantiate<ClassId>(to, bindings, scratch_,
                         [&](OperatorId op, std::span<const ClassId> children) {
                           if (--left > 0)
                             return graph.add(op, children);
                           graph.add_to(root, op, children); // no class of its own for the root
                           return root;
                         });
  }

  void apply_terms(Graph &graph, std::span<const ClassId> bindings, const Pattern &to) {
    terms_.clear();
    for (ClassId c : bindings)
      terms_.push_back(graph.term_of(c));
    auto add = [&](OperatorId op, std::span<const TermId> children) {
      return graph.add_term(op, children);
    };
    TermId from = instantiate<TermId>(rule_.from, terms_, term_scratch_, add);
    TermId result = instantiate<TermId>(to, terms_, term_scratch_, add);
    graph.merge_terms(from, result, {Reason::Kind::Rule, number_});
  }

  const Rewrite<Graph> &rule_;
  std::uint32_t number_;
  const RewriteOptions &options_;
  const SaturationGuard &guard_;
  EMatcher matcher_;
  TemplateFilter left_, filter_;
  std::uint32_t matched_ = 0; ///< the view that was matched last
  bool active_ = false;
  std::size_t iteration_ = 0, banned_until_ = 0, bans_ = 0;
  std::vector<ClassId> held_, scratch_;
  std::vector<TermId> terms_, term_scratch_;
  TemplateFilter::Workspace workspace_;
};

/// `goal(report)` is asked after each iteration; true ends the saturation.
template <class Graph>
RewriteReport saturate(Graph &graph, std::span<const Rewrite<Graph>> rules,
                       const RewriteOptions &options,
                       const std::function<bool(const RewriteReport &)> &goal = {}) {
  SaturationGuard guard(options.limits);
  std::vector<CompiledRewrite<Graph>> compiled;
  compiled.reserve(rules.size());
  for (std::uint32_t r = 0; r < rules.size(); ++r)
    compiled.emplace_back(rules[r], r, options, guard);
  RewriteReport out;
  struct Rules {
    std::vector<CompiledRewrite<Graph>> &all;
    const SaturationGuard &guard;
    RewriteReport &out;
    double applied_at = 0;
    void search(const Graph &graph) {
      double start = guard.seconds();
      for (auto &rule : all)
        rule.search(graph);
      out.search_seconds += guard.seconds() - start;
    }
    void apply(Graph &graph) {
      double start = guard.seconds();
      for (auto &rule : all) {
        rule.apply(graph);
        if (guard.stop(graph.node_count()) || graph.contradiction())
          break;
      }
      applied_at = guard.seconds();
      out.apply_seconds += applied_at - start;
    }
    bool resting() const {
      return std::any_of(all.begin(), all.end(), [](const auto &r) { return r.resting(); });
    }
    void wake() {
      std::size_t least = ~std::size_t{0};
      for (const auto &rule : all)
        if (rule.resting())
          least = std::min(least, rule.rest());
      for (auto &rule : all)
        if (rule.resting())
          rule.wake(least);
    }
  };
  std::array<Rules, 1> loop{Rules{compiled, guard, out}};
  static_cast<SaturationReport &>(out) =
      saturation_loop(graph, std::span<Rules>(loop), guard, [&](const SaturationReport &report) {
        out.rebuild_seconds += guard.seconds() - loop[0].applied_at;
        out.rules.emplace_back();
        for (const auto &rule : compiled)
          out.rules.back().push_back(rule.report);
        if (!goal)
          return false;
        out.iterations = report.iterations;
        return goal(out);
      });
  return out;
}

} // namespace isamorph::search
