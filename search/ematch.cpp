#include "search/ematch.h"

#include <algorithm>

namespace isamorph::search {

// Slots: 0 .. variables-1 are the variables; then one for each other node of the pattern.

EMatcher::EMatcher(Pattern pattern, std::size_t variables, bool seek)
    : pattern_(std::move(pattern)), variables_(variables), seek_(seek), slots_(variables) {
  const auto &nodes = pattern_.nodes;
  slot_.resize(nodes.size());
  ground_.resize(nodes.size());
  parent_.assign(nodes.size(), kNone);
  for (std::uint32_t n = 0; n < nodes.size(); ++n) {
    slot_[n] = nodes[n].is_variable ? nodes[n].number : static_cast<std::uint32_t>(slots_++);
    ground_[n] = !nodes[n].is_variable;
    for (std::uint32_t child : nodes[n].children)
      ground_[n] &= ground_[child];
  }
  std::uint32_t root = static_cast<std::uint32_t>(nodes.size()) - 1;
  ground_[root] = 0;
  if (nodes[root].is_variable)
    return;
  std::vector<std::uint32_t> todo{root};
  while (!todo.empty()) { // preorder
    std::uint32_t n = todo.back();
    todo.pop_back();
    atoms_.push_back(n);
    for (std::size_t i = nodes[n].children.size(); i-- > 0;) {
      std::uint32_t child = nodes[n].children[i];
      if (nodes[child].is_variable || ground_[child])
        continue;
      parent_[child] = n;
      todo.push_back(child);
    }
  }
  for (std::size_t a = 0; a < atoms_.size(); ++a)
    plans_.push_back(plan_from(a));
}

EMatcher::Step EMatcher::step_to(std::uint32_t node, Step::Kind kind, Age age,
                                 std::vector<char> &known) const {
  const Pattern::Node &n = pattern_.nodes[node];
  Step step{};
  step.kind = kind;
  step.head = NodeTable::make_head({n.number}, n.children.size());
  step.root_slot = slot_[node];
  step.bind_root = !known[slot_[node]];
  step.from = slot_[node];
  step.age = age;
  known[slot_[node]] = 1;
  if (n.children.size() <= NodeTable::kInline && !n.children.empty() &&
      known[slot_[n.children[0]]]) {
    step.first_known = true;
    step.first_slot = slot_[n.children[0]];
  }
  for (std::uint32_t i = 0; i < n.children.size(); ++i) {
    std::uint32_t slot = slot_[n.children[i]];
    step.operands.push_back({i, slot, !known[slot]});
    known[slot] = 1;
  }
  return step;
}

EMatcher::Plan EMatcher::plan_from(std::size_t start) const {
  Plan plan;
  std::vector<char> known(slots_, 0), placed(pattern_.nodes.size(), 0);
  for (std::uint32_t n = 0; n < pattern_.nodes.size(); ++n)
    known[slot_[n]] |= ground_[n];
  auto age_of = [&](std::size_t atom) {
    return atom < start ? Age::Old : atom == start ? Age::New : Age::Any;
  };
  const Pattern::Node &first = pattern_.nodes[atoms_[start]];
  for (std::uint32_t i = 0; i < first.children.size(); ++i)
    if (ground_[first.children[i]] && i < EGraphIndex::kUsePositions)
      plan.ground.push_back({i, slot_[first.children[i]]});
  plan.steps.push_back(step_to(atoms_[start], Step::Kind::Start, Age::New, known));
  placed[atoms_[start]] = 1;
  for (std::size_t count = 1; count < atoms_.size(); ++count) {
    // Next: the atom with the largest share of known children; between equals, one reached upwards,
    // then the first.
    std::size_t best = atoms_.size();
    double best_share = -1;
    bool best_up = false;
    for (std::size_t a = 0; a < atoms_.size(); ++a) {
      std::uint32_t n = atoms_[a];
      if (placed[n])
        continue;
      bool down = parent_[n] != kNone && placed[parent_[n]];
      bool up = false;
      const auto &children = pattern_.nodes[n].children;
      double have = 0;
      for (std::uint32_t child : children) {
        up |= placed[child] != 0;
        have += known[slot_[child]];
      }
      if (!down && !up)
        continue;
      double share = children.empty() ? 1 : have / static_cast<double>(children.size());
      if (share > best_share || (share == best_share && up && !down && !best_up)) {
        best = a;
        best_share = share;
        best_up = up && !down;
      }
    }
    std::uint32_t n = atoms_[best];
    bool down = known[slot_[n]] != 0;
    Step step = step_to(n, down ? Step::Kind::Down : Step::Kind::Up, age_of(best), known);
    if (!down) {
      const auto &children = pattern_.nodes[n].children;
      for (std::uint32_t i = 0; i < children.size(); ++i)
        if (placed[children[i]]) {
          step.from = slot_[children[i]];
          step.key = EGraphIndex::use_key({pattern_.nodes[n].number}, i);
          break;
        }
    }
    placed[n] = 1;
    plan.steps.push_back(std::move(step));
  }
  return plan;
}

namespace {

/// Whether the index has a row with this content that was there in view `since` already.
bool has_old_row(const EGraphIndex &index, ClassId c, std::uint32_t head,
                 std::span<const ClassId> children, std::uint32_t since) {
  EGraphIndex::Range range = index.rows_of(c, head);
  for (std::uint32_t r = range.begin; r != range.end; ++r)
    if (std::ranges::equal(index.children(r), children))
      return index.stamp(r) <= since;
  return false;
}

} // namespace

void EMatcher::prepare(const EGraphIndex &index, std::uint32_t since, const Lookup &lookup) {
  index_ = &index;
  start_.clear();
  starts_ = 0;
  ground_class_.assign(slots_, ClassId{});
  for (std::uint32_t n = 0; n < pattern_.nodes.size(); ++n) {
    if (!ground_[n])
      continue;
    std::vector<ClassId> children;
    for (std::uint32_t child : pattern_.nodes[n].children)
      children.push_back(ground_class_[slot_[child]]);
    auto known = lookup({pattern_.nodes[n].number}, children);
    if (!known)
      return;
    ground_class_[slot_[n]] = *known;
    // A sub-term that was not there, or in another class, makes new matches of old rows.
    std::uint32_t head = NodeTable::make_head({pattern_.nodes[n].number}, children.size());
    if (since != 0 && !has_old_row(index, *known, head, children, since))
      since = 0;
  }
  since_ = since;
  if (atoms_.empty()) {
    start_.push_back({0, 0, {}, {}, index.classes()});
    starts_ = index.classes().size();
    return;
  }
  for (std::uint32_t p = 0; p < plans_.size(); ++p)
    choose_start(p, since);
}

void EMatcher::choose_start(std::uint32_t plan, std::uint32_t since) {
  if (plan > 0 && since == 0)
    return; // there are no old rows for the atoms before this one
  OperatorId op{plans_[plan].steps[0].head >> 3};
  Start start{plan, starts_, {}, {}, {}};
  start.rows = since + 1 == index_->view() ? index_->fresh_with(op) : index_->rows_with(op);
  for (Ground g : plans_[plan].ground) {
    auto uses = index_->uses_of(ground_class_[g.slot], EGraphIndex::use_key(op, g.position));
    if (uses.size() < start.size()) {
      start.uses = uses;
      start.rows = {};
    }
  }
  starts_ += start.size();
  start_.push_back(start);
}

/// Backtracking over the steps of a plan.
class EMatcher::Run {
public:
  Run(const EMatcher &matcher, std::vector<ClassId> &out, std::size_t limit)
      : m_(matcher), index_(*matcher.index_), slots_(matcher.ground_class_), out_(out),
        limit_(limit) {}

  void begin(const Plan &plan, std::uint32_t row) {
    plan_ = &plan;
    try_row(0, row);
  }
  void begin(ClassId c) {
    if (index_.class_stamp(c) <= m_.since_)
      return;
    slots_[m_.slot_.back()] = c;
    emit(c);
  }
  bool full() const { return found_ == limit_; }

private:
  void emit(ClassId root) {
    out_.push_back(root);
    out_.insert(out_.end(), slots_.begin(),
                slots_.begin() + static_cast<std::ptrdiff_t>(m_.variables_));
    ++found_;
  }

  void step(std::size_t number) {
    if (number == plan_->steps.size()) {
      emit(slots_[m_.slot_.back()]);
      return;
    }
    const Step &s = plan_->steps[number];
    if (s.kind == Step::Kind::Up) {
      for (const EGraphIndex::Use &use : index_.uses_of(slots_[s.from], s.key)) {
        try_row(number, use.row);
        if (full())
          return;
      }
      return;
    }
    EGraphIndex::Range range = index_.rows_of(slots_[s.from], s.head);
    if (s.first_known && m_.seek_ && range.size() > 4)
      range = index_.with_first(range, slots_[s.first_slot]);
    for (std::uint32_t r = range.begin; r != range.end && !full(); ++r)
      try_row(number, r);
  }

  void try_row(std::size_t number, std::uint32_t r) {
    const Step &s = plan_->steps[number];
    if (s.age != Age::Any && (index_.stamp(r) > m_.since_) != (s.age == Age::New))
      return;
    if (s.kind != Step::Kind::Down) {
      if (index_.row(r).head != s.head)
        return;
      ClassId root = index_.class_of(r);
      if (s.bind_root)
        slots_[s.root_slot] = root;
      else if (slots_[s.root_slot] != root)
        return;
    }
    std::span<const ClassId> kids = index_.children(r);
    if (kids.size() != s.operands.size())
      return;
    for (const Operand &operand : s.operands) {
      ClassId &slot = slots_[operand.slot];
      if (operand.bind)
        slot = kids[operand.position];
      else if (slot != kids[operand.position])
        return;
    }
    step(number + 1);
  }

  const EMatcher &m_;
  const EGraphIndex &index_;
  const Plan *plan_ = nullptr;
  std::vector<ClassId> slots_;
  std::vector<ClassId> &out_;
  std::size_t limit_, found_ = 0;
};

void EMatcher::match(std::size_t begin, std::size_t end, std::vector<ClassId> &out,
                     std::size_t limit) const {
  Run run(*this, out, limit);
  for (const Start &start : start_) {
    std::size_t from = std::max(begin, start.first), to = std::min(end, start.first + start.size());
    for (std::size_t i = from; i < to; ++i) {
      if (run.full())
        return;
      std::size_t k = i - start.first;
      if (!start.classes.empty())
        run.begin(start.classes[k]);
      else
        run.begin(plans_[start.plan], start.uses.empty() ? start.rows[k] : start.uses[k].row);
    }
  }
}

} // namespace isamorph::search
