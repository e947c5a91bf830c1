// Merging: classes folded into what uses them, and classes whose only node is certain or costs
// nothing taken out.
#include "search/extraction_problem.h"

#include <algorithm>
#include <utility>

namespace isamorph::search {
namespace {

/// Merging does not lengthen lists of children by more than this in one place.
constexpr std::size_t kMaxGrowth = 256;

/// One round over the classes that no earlier step of the same round has touched.
class Merger {
public:
  explicit Merger(ExtractionProblem &problem) : p_(problem), users_(problem) {
    state_.assign(p_.classes(), Free);
    is_root_.assign(p_.classes(), 0);
    for (std::uint32_t root : p_.roots)
      is_root_[root] = 1;
    drafts_.resize(p_.classes());
  }

  bool run() {
    bool any = false;
    for (std::uint32_t c = 0; c < p_.classes(); ++c)
      if (state_[c] == Free && (take(c) || substitute(c) || fold(c)))
        any = true;
    if (any)
      rebuild();
    return any;
  }

private:
  enum State : char { Free, Touched, Gone };
  struct Draft {
    std::int64_t cost = 0;
    std::vector<std::uint32_t> children, origins;
  };

  std::uint32_t size_of(std::uint32_t c) const { return p_.class_at[c + 1] - p_.class_at[c]; }
  Draft draft_of(std::uint32_t n) const {
    auto children = p_.children(n), origins = p_.origins(n);
    return {p_.cost[n], {children.begin(), children.end()}, {origins.begin(), origins.end()}};
  }
  std::vector<Draft> &drafts_of(std::uint32_t c) {
    if (state_[c] == Free) {
      state_[c] = Touched;
      for (std::uint32_t n = p_.class_at[c]; n < p_.class_at[c + 1]; ++n)
        drafts_[c].push_back(draft_of(n));
    }
    return drafts_[c];
  }
  void take_node(std::uint32_t n) {
    p_.constant += p_.cost[n];
    auto origins = p_.origins(n);
    p_.taken.insert(p_.taken.end(), origins.begin(), origins.end());
  }

  void add_roots(std::uint32_t n) {
    for (std::uint32_t child : p_.children(n)) {
      new_roots_.push_back(child);
      is_root_[child] = 1;
    }
  }

  /// A root with one node that no node uses: what it costs is certain.
  bool take(std::uint32_t c) {
    if (!is_root_[c] || size_of(c) != 1 || !users_.of(c).empty())
      return false;
    std::uint32_t n = p_.class_at[c];
    take_node(n);
    add_roots(n);
    state_[c] = Gone;
    return true;
  }

  /// A class with one node that costs nothing stands for that node's children.
  bool substitute(std::uint32_t c) {
    if (size_of(c) != 1 || p_.cost[p_.class_at[c]] != 0)
      return false;
    std::uint32_t n = p_.class_at[c];
    auto children = p_.children(n);
    auto users = users_.of(c);
    if (children.size() > 1 && users.size() * (children.size() - 1) > kMaxGrowth)
      return false;
    for (std::uint32_t user : users)
      if (state_[p_.node_class[user]] != Free)
        return false;
    for (std::uint32_t child : children)
      if (state_[child] == Gone)
        return false;
    take_node(n);
    state_[c] = Gone;
    for (std::uint32_t user : users) {
      std::uint32_t d = p_.node_class[user];
      Draft &draft = drafts_of(d)[user - p_.class_at[d]];
      std::erase(draft.children, c);
      draft.children.insert(draft.children.end(), children.begin(), children.end());
    }
    if (is_root_[c])
      add_roots(n);
    return true;
  }

  /// A class that only one node uses, or one with a single node that only one class uses.
  bool fold(std::uint32_t c) {
    auto users = users_.of(c);
    if (is_root_[c] || users.empty())
      return false;
    std::uint32_t d = p_.node_class[users[0]];
    for (std::uint32_t user : users)
      if (p_.node_class[user] != d)
        return false;
    if (d == c || state_[d] != Free || (users.size() > 1 && size_of(c) > 1) ||
        (size_of(c) > 1 && size_of(c) * p_.children(users[0]).size() > kMaxGrowth))
      return false;
    for (std::uint32_t n = p_.class_at[c]; n < p_.class_at[c + 1]; ++n)
      for (std::uint32_t child : p_.children(n))
        if (state_[child] == Gone)
          return false;
    std::vector<Draft> &into = drafts_of(d);
    for (std::uint32_t user : users) {
      Draft base = into[user - p_.class_at[d]];
      std::erase(base.children, c);
      for (std::uint32_t n = p_.class_at[c]; n < p_.class_at[c + 1]; ++n) {
        Draft joined = base, own = draft_of(n);
        joined.cost += own.cost;
        joined.children.insert(joined.children.end(), own.children.begin(), own.children.end());
        joined.origins.insert(joined.origins.end(), own.origins.begin(), own.origins.end());
        if (n == p_.class_at[c])
          into[user - p_.class_at[d]] = std::move(joined);
        else
          into.push_back(std::move(joined));
      }
    }
    state_[c] = Gone;
    return true;
  }

  void rebuild() {
    ExtractionProblem out;
    std::vector<std::uint32_t> renamed(p_.classes(), kNoNode), children;
    std::uint32_t classes = 0;
    for (std::uint32_t c = 0; c < p_.classes(); ++c)
      if (state_[c] != Gone)
        renamed[c] = classes++;
    auto rename = [&](std::span<const std::uint32_t> list) {
      children.clear();
      for (std::uint32_t c : list)
        children.push_back(renamed[c]);
    };
    for (std::uint32_t c = 0; c < p_.classes(); ++c) {
      if (state_[c] == Gone)
        continue;
      out.add_class();
      for (const Draft &draft : drafts_[c]) {
        rename(draft.children);
        out.add_node(draft.cost, children, draft.origins);
      }
      for (std::uint32_t n = p_.class_at[c]; state_[c] == Free && n < p_.class_at[c + 1]; ++n) {
        rename(p_.children(n));
        out.add_node(p_.cost[n], children, p_.origins(n));
      }
    }
    for (std::uint32_t root : p_.roots)
      if (state_[root] != Gone)
        out.roots.push_back(renamed[root]);
    for (std::uint32_t root : new_roots_)
      if (state_[root] != Gone)
        out.roots.push_back(renamed[root]);
    std::sort(out.roots.begin(), out.roots.end());
    out.roots.erase(std::unique(out.roots.begin(), out.roots.end()), out.roots.end());
    out.constant = p_.constant;
    out.taken = std::move(p_.taken);
    p_ = std::move(out);
  }

  ExtractionProblem &p_;
  Users users_;
  std::vector<State> state_;
  std::vector<char> is_root_;
  std::vector<std::vector<Draft>> drafts_;
  std::vector<std::uint32_t> new_roots_;
};

} // namespace

bool merge_classes(ExtractionProblem &problem) { return Merger(problem).run(); }

} // namespace isamorph::search
