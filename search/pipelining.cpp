#include "search/pipelining.h"

namespace isamorph::search {
namespace {

using semantics::IntOp;

/// A region that a call touches, where all variables are 0.
struct Touched {
  std::uint32_t buffer = 0;
  std::int64_t start = 0, end = 0; ///< along the first dimension
  bool write = false;
};

class Pipeliner {
public:
  Pipeliner(const PipelinedBody &body, const spec::Isa &isa, std::uint32_t pairs)
      : body_(body), isa_(isa), pairs_(pairs) {}

  std::optional<std::vector<LoopNest>> run(const std::string &variable) {
    if (body_.count < 2 || !split() || head_.empty() || tail_.empty())
      return std::nullopt;
    std::int64_t count = body_.count, whole_pairs = (count - 1) / 2;
    LoopNest first{at(head_, 0, 0), 0, {}, 0, 1, 1, {}};
    // Iterations 2p and 2p+1; what 2p loads is there already.
    std::vector<AffineCall> steady;
    add(steady, at(head_, 2, 1));
    add(steady, at(tail_, 2, 0));
    add(steady, at(head_, 2, 2));
    add(steady, at(tail_, 2, 1));
    LoopNest loop{
        {}, pairs_, variable, 0, whole_pairs, 1, {LoopNest{std::move(steady), 0, {}, 0, 1, 1, {}}}};
    std::vector<AffineCall> last;
    if (count % 2 == 0)
      add(last, at(head_, 0, count - 1));
    add(last, at(tail_, 0, 2 * whole_pairs));
    if (count % 2 == 0)
      add(last, at(tail_, 0, count - 1));
    std::vector<LoopNest> out = {std::move(first)};
    if (whole_pairs > 0)
      out.push_back(std::move(loop));
    out.push_back({std::move(last), 0, {}, 0, 1, 1, {}});
    return out;
  }

private:
  static void add(std::vector<AffineCall> &to, std::vector<AffineCall> calls) {
    to.insert(to.end(), calls.begin(), calls.end());
  }

  /// The calls in iteration factor * pair + offset.
  std::vector<AffineCall> at(const std::vector<AffineCall> &calls, std::int64_t factor,
                             std::int64_t offset) const {
    std::vector<AffineCall> out = calls;
    for (AffineCall &call : out) {
      for (Affine &attribute : call.attributes) {
        auto own = attribute.factors.find(body_.loop);
        if (own == attribute.factors.end())
          continue;
        std::int64_t distance = own->second;
        attribute.factors.erase(own);
        attribute.base += distance * offset;
        attribute.add(pairs_, distance * factor);
      }
      if (offset % 2 != 0)
        move(call);
    }
    return out;
  }

  /// Every region of a call with the attribute that is its address.
  template <class F> void for_each_region(const AffineCall &call, F f) const {
    const spec::Instruction &instruction = isa_.instructions[call.instruction];
    for (const spec::Read &read : instruction.reads)
      f(read.region, false);
    for (const spec::Write &write : instruction.writes)
      f(write.region, true);
  }

  bool moves(const spec::Region &region, std::int64_t start) const {
    return body_.move[region.buffer] != 0 && start >= body_.from[region.buffer];
  }

  void move(AffineCall &call) const {
    std::map<std::uint32_t, std::int64_t> by_attribute;
    for_each_region(call, [&](const spec::Region &region, bool) {
      if (region.starts.empty() || region.starts[0].op() != IntOp::Variable)
        return;
      std::uint32_t attribute = region.starts[0].variable_index();
      if (moves(region, call.attributes[attribute].base))
        by_attribute[attribute] = body_.move[region.buffer];
    });
    for (auto [attribute, distance] : by_attribute)
      call.attributes[attribute].base += distance;
  }

  /// The on-chip regions of a call; nullopt when an address in a buffer that moves is no bare
  /// attribute.
  std::optional<std::vector<Touched>> touched(const AffineCall &call) const {
    semantics::Bindings bindings;
    for (const Affine &attribute : call.attributes)
      bindings.push_back(attribute.base);
    std::vector<Touched> out;
    bool known = true;
    for_each_region(call, [&](const spec::Region &region, bool write) {
      if (region.buffer == isa_.off_chip)
        return;
      if (region.starts.empty()) {
        out.push_back({region.buffer, 0, 1, write});
        return;
      }
      auto start = region.starts[0].evaluate(bindings),
           extent = region.extents[0].evaluate(bindings);
      known &= start && extent &&
               (body_.move[region.buffer] == 0 || region.starts[0].op() == IntOp::Variable);
      if (known)
        out.push_back({region.buffer, *start, *start + *extent, write});
    });
    return known ? std::optional(out) : std::nullopt;
  }

  bool loads(const AffineCall &call) const {
    bool reads = false, writes = false;
    for_each_region(call, [&](const spec::Region &region, bool write) {
      if (region.buffer == isa_.off_chip)
        (write ? writes : reads) = true;
    });
    return reads && !writes;
  }

  /// Loads that go to places which move, and which nothing before them in the body touches, go
  /// ahead; the rest stays.
  bool split() {
    std::vector<Touched> before;
    for (const AffineCall &call : body_.calls) {
      auto regions = touched(call);
      if (!regions)
        return false;
      bool ahead = loads(call);
      for (const Touched &region : *regions) {
        ahead &= region.write && body_.move[region.buffer] != 0 &&
                 region.start >= body_.from[region.buffer];
        for (const Touched &other : before)
          ahead &= other.buffer != region.buffer || other.end <= region.start ||
                   region.end <= other.start;
      }
      (ahead ? head_ : tail_).push_back(call);
      before.insert(before.end(), regions->begin(), regions->end());
    }
    return true;
  }

  const PipelinedBody &body_;
  const spec::Isa &isa_;
  std::uint32_t pairs_;
  std::vector<AffineCall> head_, tail_;
};

} // namespace

std::optional<std::vector<LoopNest>> pipelined(const PipelinedBody &body, const spec::Isa &isa,
                                               std::uint32_t pairs, const std::string &variable) {
  return Pipeliner(body, isa, pairs).run(variable);
}

} // namespace isamorph::search
