// Of a state space: which buffers have interchangeable places, which ones control state names, and
// which addresses are tried in the others.
#include "search/state_space.h"
#include "spec/unroll.h"

#include <set>

namespace isamorph::search {

using semantics::Bindings;
using semantics::IntExpr;
using semantics::IntOp;

namespace {

constexpr std::size_t kMaxCandidates = 4096; ///< addresses of one dimension that are tried

/// All sums of extents that leave room for at least the smallest one.
std::vector<std::int64_t> normal_patterns(const std::set<std::int64_t> &extents,
                                          std::int64_t size) {
  std::set<std::int64_t> sums = {0};
  std::vector<std::int64_t> open = {0};
  while (!open.empty() && sums.size() < kMaxCandidates) {
    std::int64_t at = open.back();
    open.pop_back();
    for (std::int64_t extent : extents)
      if (extent > 0 && at + extent < size && sums.insert(at + extent).second)
        open.push_back(at + extent);
  }
  return {sums.begin(), sums.end()};
}

bool is_zero(const IntExpr &e) { return e.is_constant() && e.value() == 0; }

/// `a != b` of two attributes.
bool tells_apart(const IntExpr &e) {
  return e.op() == IntOp::NotEqual && e.arguments()[0].op() == IntOp::Variable &&
         e.arguments()[1].op() == IntOp::Variable;
}

} // namespace

bool StateSpace::breaks_symmetry(const spec::Instruction &instruction, std::uint32_t buffer) const {
  std::vector<char> here(instruction.symbols.integers.names.size(), 0), elsewhere = here;
  bool simple = true;
  auto look = [&](const spec::Region &region) {
    for (const IntExpr &start : region.starts) {
      bool first = &start == region.starts.data();
      if (region.buffer == buffer && !(first ? start.op() == IntOp::Variable : is_zero(start)))
        simple = false;
      start.for_each_variable(
          [&](std::uint32_t v) { (region.buffer == buffer ? here : elsewhere)[v] = 1; });
    }
  };
  for (const spec::Read &read : instruction.reads)
    look(read.region);
  for (const spec::Write &write : instruction.writes)
    look(write.region);
  if (!simple)
    return true;
  for (std::size_t v = 0; v < here.size(); ++v)
    if (here[v] &&
        (elsewhere[v] || v < instruction.computational || v >= instruction.attribute_count()))
      return true;
  for (const IntExpr &constraint : instruction.constraints) {
    bool mentions = false, others = false;
    constraint.for_each_variable([&](std::uint32_t v) { (here[v] ? mentions : others) = true; });
    if (mentions && (others || !tells_apart(constraint)))
      return true; // but no exchange of places makes two that differ alike
  }
  for (const spec::Update &update : instruction.after) {
    bool mentions = false;
    update.value.for_each_variable([&](std::uint32_t v) { mentions |= here[v] != 0; });
    if (mentions)
      return true;
  }
  return false;
}

/// Those of which the graph has instances.
std::vector<const spec::Instruction *> StateSpace::instructions_used() const {
  std::set<std::uint32_t> used;
  for (const Instance &instance : graph_.instances)
    used.insert(instance.instruction);
  std::vector<const spec::Instruction *> out;
  for (std::uint32_t i : used)
    out.push_back(&isa_.instructions[i]);
  return out;
}

/// The control-state variables that are addresses in a buffer as they are.
std::vector<std::uint32_t> StateSpace::namers_of(std::uint32_t buffer) const {
  std::set<std::uint32_t> out;
  for (const spec::Instruction *instruction : instructions_used()) {
    auto look = [&](const spec::Region &region) {
      for (const IntExpr &start : region.starts)
        if (region.buffer == buffer && start.op() == IntOp::Variable &&
            start.variable_index() >= instruction->attribute_count())
          out.insert(start.variable_index() -
                     static_cast<std::uint32_t>(instruction->attribute_count()));
    };
    for (const spec::Read &read : instruction->reads)
      look(read.region);
    for (const spec::Write &write : instruction->writes)
      look(write.region);
  }
  return {out.begin(), out.end()};
}

/// An instruction uses addresses of a buffer, some of them from control state (`variables`), as
/// they are and for nothing else: permuting the buffer's slots and the values of the variables
/// changes nothing.
bool StateSpace::only_names(const spec::Instruction &instruction, std::uint32_t buffer,
                            std::span<const std::uint32_t> variables) const {
  auto count = static_cast<std::uint32_t>(instruction.attribute_count());
  std::vector<char> here(instruction.symbols.integers.names.size(), 0);
  for (std::uint32_t s : variables)
    here[count + s] = 1;
  auto is_namer = [&](std::uint32_t s) {
    return std::binary_search(variables.begin(), variables.end(), s);
  };
  bool simple = true;
  auto each_start = [&](auto f) {
    for (const spec::Read &read : instruction.reads)
      for (const IntExpr &start : read.region.starts)
        f(read.region.buffer == buffer, start);
    for (const spec::Write &write : instruction.writes)
      for (const IntExpr &start : write.region.starts)
        f(write.region.buffer == buffer, start);
  };
  auto name = [&](const IntExpr &value) {
    simple &= value.op() == IntOp::Variable;
    if (value.op() == IntOp::Variable)
      here[value.variable_index()] = 1;
  };
  each_start([&](bool inside, const IntExpr &start) {
    if (inside)
      name(start);
  });
  for (const spec::Update &update : instruction.after)
    if (is_namer(update.variable))
      name(update.value);
  auto outside = [&](const IntExpr &expression) {
    expression.for_each_variable([&](std::uint32_t v) { simple &= !here[v]; });
  };
  each_start([&](bool inside, const IntExpr &start) {
    if (!inside)
      outside(start);
  });
  for (const spec::Update &update : instruction.after)
    if (!is_namer(update.variable))
      outside(update.value);
  for (const IntExpr &constraint : instruction.constraints)
    outside(constraint);
  for (std::uint32_t v : spec::body_variables(instruction))
    simple &= !here[v];
  outside(instruction.cost.latency);
  for (std::uint32_t v = 0; v < instruction.computational; ++v)
    simple &= !here[v];
  for (std::uint32_t v = count; v < here.size(); ++v)
    simple &= !here[v] || is_namer(v - count);
  return simple;
}

/// Sets `renamable` of a buffer that is not symmetric, if it is. Places that hold nothing were
/// never used, so that they are alike in time, too.
void StateSpace::find_renamable(std::uint32_t b) {
  const spec::Buffer &buffer = isa_.buffer(b);
  BufferInfo &info = buffers_[b];
  if (buffer.addressed.size() != 1 || info.shapes.size() != 1 || info.shapes[0][0] <= 0 ||
      (buffer.addressed[0] - reserved(b)) % info.shapes[0][0] != 0)
    return;
  std::vector<std::uint32_t> namers = namers_of(b);
  for (const spec::Instruction *instruction : instructions_used())
    if (namers.empty() || !only_names(*instruction, b, namers))
      return;
  info.renamable = true;
  info.named_by = std::move(namers);
  for (std::int64_t at = reserved(b); at + info.shapes[0][0] <= buffer.addressed[0];
       at += info.shapes[0][0])
    info.slots.push_back(slot_id(b, std::span(&at, 1), info.shapes[0]));
}

void StateSpace::classify_buffers() {
  std::vector<std::set<std::vector<std::int64_t>>> shapes(buffers_.size());
  std::vector<char> broken(buffers_.size(), 0);
  for (const Instance &instance : graph_.instances) {
    const spec::Instruction &instruction = isa_.instructions[instance.instruction];
    for (const spec::Read &read : instruction.reads)
      shapes[read.region.buffer].insert(extents(read.region, instance.attributes));
    for (const spec::Write &write : instruction.writes) {
      shapes[write.region.buffer].insert(extents(write.region, instance.attributes));
      std::set<std::uint32_t> variables;
      for (const IntExpr &start : write.region.starts)
        start.for_each_variable([&](std::uint32_t v) { variables.insert(v); });
      for (const spec::Read &read : instruction.reads)
        for (const IntExpr &start : read.region.starts)
          start.for_each_variable([&](std::uint32_t v) {
            buffers_[write.region.buffer].tied |= variables.count(v) != 0;
          });
    }
    for (std::uint32_t b = 0; b < buffers_.size(); ++b)
      if (breaks_symmetry(instruction, b))
        broken[b] = 1;
    if (std::any_of(instruction.constraints.begin(), instruction.constraints.end(), tells_apart))
      for (BufferInfo &info : buffers_)
        info.two_copies = true;
  }
  for (std::uint32_t b = 0; b < buffers_.size(); ++b)
    if (!isa_.buffer(b).off_chip)
      buffers_[b].shapes.assign(shapes[b].begin(), shapes[b].end());
  number_slots();
  find_extents();
  for (std::uint32_t b = 0; b < buffers_.size(); ++b)
    if (!isa_.buffer(b).off_chip && !buffers_[b].shapes.empty())
      find_addresses(b, broken[b] != 0);
  find_name_candidates();
}

/// Which addresses are tried in a buffer that the graph uses.
void StateSpace::find_addresses(std::uint32_t b, bool broken) {
  const spec::Buffer &buffer = isa_.buffer(b);
  BufferInfo &info = buffers_[b];
  const std::vector<std::int64_t> &first = info.shapes[0];
  info.symmetric = options_.symmetry && info.shapes.size() == 1 && !broken && !first.empty() &&
                   first[0] > 0 && (buffer.addressed[0] - reserved(b)) % first[0] == 0;
  if (info.symmetric) {
    std::vector<std::int64_t> starts(first.size(), 0);
    for (starts[0] = reserved(b); starts[0] + first[0] <= buffer.addressed[0];
         starts[0] += first[0])
      info.slots.push_back(slot_id(b, starts, first));
    return;
  }
  if (options_.own_places && !broken && !info.tied && !info.two_copies && !first.empty())
    find_places(b);
  if (!info.places.empty())
    return;
  find_renamable(b);
  for (std::size_t d = 0; d < buffer.addressed.size(); ++d) {
    std::set<std::int64_t> sizes;
    for (const auto &shape : info.shapes)
      sizes.insert(shape[d]);
    // Where constraints or expressions tie addresses, sums of extents may miss the only ones
    // allowed.
    if (broken && buffer.addressed[d] <= static_cast<std::int64_t>(kMaxCandidates))
      sizes.insert(1);
    std::int64_t first_free = d == 0 ? reserved(b) : 0;
    info.candidates.push_back(normal_patterns(sizes, buffer.addressed[d] - first_free));
    for (std::int64_t &start : info.candidates.back())
      start += first_free;
  }
}

/// The extents of every vertex on chip; where instructions see it in several ways, none.
void StateSpace::find_extents() {
  extents_.resize(graph_.vertices.size());
  std::vector<char> seen(graph_.vertices.size(), 0);
  auto look = [&](const spec::Region &region, VertexId v, const Bindings &attributes) {
    if (region.buffer == isa_.off_chip)
      return;
    std::vector<std::int64_t> found = extents(region, attributes);
    if (seen[v.v] && extents_[v.v] != found)
      found.clear();
    seen[v.v] = 1;
    extents_[v.v] = std::move(found);
  };
  for (const Instance &instance : graph_.instances) {
    const spec::Instruction &instruction = isa_.instructions[instance.instruction];
    for (std::size_t i = 0; i < instance.reads.size(); ++i)
      look(instruction.reads[i].region, instance.reads[i], instance.attributes);
    for (std::size_t i = 0; i < instance.writes.size(); ++i)
      look(instruction.writes[i].region, instance.writes[i], instance.attributes);
  }
}

/// For each vertex of a buffer that must lie after another one, that one; nullopt where one must
/// lie after or before two.
std::optional<std::map<std::uint32_t, std::uint32_t>>
StateSpace::neighbours(std::uint32_t buffer) const {
  std::map<std::uint32_t, std::uint32_t> before, after;
  for (std::uint32_t v = 0; v < graph_.parts.size(); ++v) {
    if (graph_.vertices[v].buffer != buffer)
      continue;
    const std::vector<VertexId> &parts = graph_.parts[v];
    for (std::size_t k = 1; k < parts.size(); ++k)
      if (before.try_emplace(parts[k].v, parts[k - 1].v).first->second != parts[k - 1].v ||
          after.try_emplace(parts[k - 1].v, parts[k].v).first->second != parts[k].v)
        return std::nullopt;
  }
  return before;
}

/// True when some instruction writes one value to several places at once.
bool StateSpace::writes_twice(std::uint32_t buffer) const {
  return std::any_of(graph_.instances.begin(), graph_.instances.end(), [&](const Instance &i) {
    return std::any_of(i.writes.begin(), i.writes.end(), [&](VertexId v) {
      return graph_.vertices[v.v].buffer == buffer &&
             std::count(i.writes.begin(), i.writes.end(), v) > 1;
    });
  });
}

/// Sets `places` of a buffer if it has room for all: a slot for each vertex, those that must lie
/// after another one after it.
void StateSpace::find_places(std::uint32_t b) {
  auto before = neighbours(b);
  if (!before || writes_twice(b))
    return;
  std::vector<std::uint32_t> places(graph_.vertices.size(), kNone);
  std::map<std::uint32_t, std::uint32_t> after;
  for (auto [next, first] : *before)
    after[first] = next;
  std::int64_t end = reserved(b);
  auto place = [&](std::uint32_t v, std::int64_t start) {
    std::vector<std::int64_t> starts(extents_[v].size(), 0);
    starts[0] = start;
    places[v] = slot_id(b, starts, extents_[v]);
  };
  for (std::uint32_t v = 0; v < graph_.vertices.size(); ++v) {
    if (graph_.vertices[v].buffer != b || graph_.is_joint({v}) || before->contains(v))
      continue;
    for (auto at = v;; at = after[at]) {
      if (extents_[at].empty() || end + extents_[at][0] > isa_.buffer(b).addressed[0])
        return;
      place(at, end);
      end += extents_[at][0];
      if (!after.contains(at))
        break;
    }
  }
  for (std::uint32_t v = 0; v < graph_.parts.size(); ++v)
    if (graph_.is_joint({v}) && graph_.vertices[v].buffer == b) {
      std::uint32_t first = places[graph_.parts[v][0].v];
      if (first == kNone || extents_[v].empty())
        return; // they must lie in a circle
      place(v, slot(first).starts[0]);
    }
  buffers_[b].places = std::move(places);
}

void StateSpace::find_name_candidates() {
  std::vector<std::set<std::int64_t>> found(isa_.state.size());
  for (std::uint32_t b = 0; b < buffers_.size() && !isa_.state.empty(); ++b)
    if (!buffers_[b].renamable && buffers_[b].candidates.size() == 1)
      for (std::uint32_t s : namers_of(b))
        found[s].insert(buffers_[b].candidates[0].begin(), buffers_[b].candidates[0].end());
  for (const std::set<std::int64_t> &addresses : found)
    name_candidates_.emplace_back(addresses.begin(), addresses.end());
}

} // namespace isamorph::search
