#include "search/lower_bound.h"

#include "search/least_rate.h"
#include "search/summands.h"
#include "search/wide_integer.h"
#include "spec/state.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <set>

namespace isamorph::search {

using semantics::AttributeKey;
using semantics::IntExpr;
using semantics::IntOp;
using semantics::NodeId;
using semantics::OpClass;
using semantics::OpCode;
using semantics::TensorGraph;

namespace {

bool touches_off_chip(const spec::Instruction &instruction, const spec::Isa &isa) {
  auto off = [&](const auto &access) { return access.region.buffer == isa.off_chip; };
  return std::any_of(instruction.reads.begin(), instruction.reads.end(), off) ||
         std::any_of(instruction.writes.begin(), instruction.writes.end(), off);
}

/// All dimensions multiplied.
IntExpr volume(const semantics::ShapeTemplate &shape) {
  IntExpr out = 1;
  for (const IntExpr &dimension : shape.dims)
    out = IntExpr::make(IntOp::Multiply, {out, dimension});
  return out;
}

/// How often a dot multiplies.
std::optional<IntExpr> dot_products(const semantics::GraphTemplate &body,
                                    const semantics::TemplateNode &dot) {
  IntExpr out = volume(dot.shape);
  for (const auto &[key, values] : dot.attributes)
    if (key == AttributeKey::LhsContracting)
      for (const IntExpr &dimension : values) {
        if (!dimension.is_constant())
          return std::nullopt;
        const auto &dims = body.nodes[dot.operands[0]].shape.dims;
        out = IntExpr::make(IntOp::Multiply,
                            {out, dims[static_cast<std::size_t>(dimension.value())]});
      }
  return out;
}

/// No fewer than the products of two data elements that an instruction forms; nullopt where that is
/// not known. Attributes are no data.
std::optional<IntExpr> products(const spec::Instruction &instruction) {
  const semantics::GraphTemplate &body = instruction.body;
  std::vector<char> data(body.nodes.size(), 0);
  IntExpr out = 0;
  for (std::size_t n = 0; n < data.size(); ++n) {
    const semantics::TemplateNode &node = body.nodes[n];
    const auto *op = std::get_if<OpCode>(&node.op);
    if (!op)
      return std::nullopt;
    auto inputs = std::count_if(node.operands.begin(), node.operands.end(),
                                [&](std::uint32_t operand) { return data[operand] != 0; });
    data[n] = *op == OpCode::Parameter || inputs > 0;
    bool fold = semantics::info(*op).cls == OpClass::Fold;
    bool moves = semantics::info(*op).cls == OpClass::Movement || *op == OpCode::Add ||
                 *op == OpCode::Maximum || *op == OpCode::Minimum;
    if (!fold && (inputs < 2 || moves))
      continue;
    std::optional<IntExpr> more = volume(node.shape);
    if (*op == OpCode::Dot)
      more = dot_products(body, node);
    else if (*op == OpCode::Reduce)
      more = volume(body.nodes[node.operands[0]].shape);
    else if (fold)
      more = std::nullopt;
    if (!more)
      return std::nullopt;
    out = IntExpr::make(IntOp::Add, {out, *more});
  }
  return out;
}

/// Whether an instruction may form products of two data elements.
bool multiplies(const spec::Instruction &instruction) {
  auto count = products(instruction);
  return !count || !count->is_constant() || count->value() > 0;
}

/// The greatest number r of at most 2 P / sqrt(S) - 2 S: of (r + 2 S)^2 S <= 4 P^2; 0 if there is
/// none, or the numbers are too large to say.
std::int64_t reuse(std::int64_t products, WideInteger held) {
  constexpr std::int64_t kMost = std::int64_t{1} << 40;
  if (products > kMost || held > kMost || held <= 0)
    return 0;
  auto holds = [&](std::int64_t r) {
    WideInteger side = r + 2 * held, limit = 4 * WideInteger{products} * products / held;
    return side * side <= limit;
  };
  std::int64_t low = 0, high = 2 * kMost;
  if (!holds(0))
    return 0;
  while (high - low > 1) {
    std::int64_t middle = low + (high - low) / 2;
    (holds(middle) ? low : high) = middle;
  }
  return low;
}

/// 2 M N K / sqrt(S) - 2 S, in bytes.
std::int64_t reuse_bound(const TensorGraph &graph, const ProgramSummand &product,
                         const spec::Isa &isa) {
  std::int64_t width = std::min(semantics::byte_size(graph[product.lhs].shape.type),
                                semantics::byte_size(graph[product.rhs].shape.type));
  WideInteger bytes = 0;
  for (const spec::Buffer &buffer : isa.buffers) {
    if (buffer.off_chip)
      continue;
    width = std::min<std::int64_t>(width, semantics::byte_size(buffer.type));
    bytes +=
        WideInteger{buffer.places()} * buffer.unit_elements() * semantics::byte_size(buffer.type);
  }
  return reuse(product.multiplications, (bytes + width - 1) / width) * width;
}

/// The bytes that an instruction reads from, or writes to, off-chip memory.
template <class Accesses> IntExpr off_chip_bytes(const Accesses &accesses, const spec::Isa &isa) {
  IntExpr out = 0;
  for (const auto &access : accesses) {
    const spec::Region &region = access.region;
    if (region.buffer != isa.off_chip)
      continue;
    IntExpr bytes = region.extents[0];
    if (region.steps)
      bytes = IntExpr::make(IntOp::Multiply, {bytes, region.steps->count});
    bytes = IntExpr::make(IntOp::Max, {bytes, 0});
    out = IntExpr::make(IntOp::Add, {out, bytes});
  }
  return out;
}

/// Kinds of work that every kernel has to do: bytes loaded, stored, and moved either way;
/// elementary products.
enum WorkKind : std::size_t { kLoaded, kStored, kMoved, kMultiplied, kWorkKinds };

/// Who does one kind of work, and what it costs.
struct Workers {
  std::set<std::uint32_t> instructions, units;
  Rate rate; ///< the lowest
  std::int64_t cost = 0;
};

class CostBound {
public:
  CostBound(const TrafficBound &traffic, const spec::Isa &isa, costmodel::CostModel model)
      : isa_(isa), model_(model) {
    for (std::uint32_t i = 0; i < isa.instructions.size(); ++i) {
      const spec::Instruction &instruction = isa.instructions[i];
      IntExpr loaded = off_chip_bytes(instruction.reads, isa),
              stored = off_chip_bytes(instruction.writes, isa);
      add(kLoaded, i, loaded);
      add(kStored, i, stored);
      add(kMoved, i, IntExpr::make(IntOp::Add, {loaded, stored}));
      add(kMultiplied, i, products(instruction));
    }
    std::array<std::int64_t, kWorkKinds> work = {traffic.loaded, traffic.stored, traffic.total(),
                                                 traffic.multiplications};
    for (std::size_t k = 0; k < kWorkKinds; ++k)
      workers_[k].cost = workers_[k].rate.of(work[k]);
  }

  std::int64_t run() const {
    std::set<std::uint32_t> all;
    for (std::uint32_t u = 0; u < isa_.units.size(); ++u)
      all.insert(u);
    if (model_ != costmodel::CostModel::Overlap)
      return share(all);
    auto units = static_cast<std::int64_t>(all.size());
    std::int64_t cost = share(all), out = cost / units + (cost % units != 0);
    for (std::uint32_t u : all)
      out = std::max(out, share({u}));
    return out;
  }

private:
  void add(WorkKind kind, std::uint32_t i, const std::optional<IntExpr> &amount) {
    Workers &workers = workers_[kind];
    const spec::Instruction &instruction = isa_.instructions[i];
    IntExpr cost = model_ == costmodel::CostModel::Count ? 1 : instruction.cost.latency;
    auto rate = amount ? rate_of(instruction, cost, *amount) : Rate{};
    if (!rate)
      return;
    if (workers.instructions.empty() || cheaper(*rate, workers.rate))
      workers.rate = *rate;
    workers.instructions.insert(i);
    workers.units.insert(instruction.cost.unit);
  }

  /// Many instructions are alike.
  std::optional<Rate> rate_of(const spec::Instruction &instruction, const IntExpr &cost,
                              const IntExpr &amount) {
    std::string key = cost.to_string() + " for " + amount.to_string();
    for (const IntExpr &condition : instruction.constraints)
      key += " if " + condition.to_string();
    auto [known, fresh] = rates_.try_emplace(key);
    if (fresh)
      known->second = least_rate(cost, amount, instruction.constraints,
                                 instruction.symbols.integers.names.size());
    return known->second;
  }

  /// What the units of a set must do together.
  std::int64_t share(const std::set<std::uint32_t> &units) const {
    return std::max(sum(units, {kLoaded, kStored, kMultiplied}), sum(units, {kMoved, kMultiplied}));
  }

  /// The sum over kinds of work; of those that have an instruction in common, the dearest.
  std::int64_t sum(const std::set<std::uint32_t> &units, std::vector<WorkKind> kinds) const {
    std::erase_if(kinds, [&](WorkKind k) {
      return !std::includes(units.begin(), units.end(), workers_[k].units.begin(),
                            workers_[k].units.end());
    });
    std::vector<std::pair<std::set<std::uint32_t>, std::int64_t>> groups;
    for (WorkKind k : kinds) {
      std::set<std::uint32_t> instructions = workers_[k].instructions;
      std::int64_t cost = workers_[k].cost;
      std::erase_if(groups, [&](const auto &group) {
        bool common = std::any_of(group.first.begin(), group.first.end(), [&](std::uint32_t i) {
          return workers_[k].instructions.count(i) != 0;
        });
        if (common) {
          instructions.insert(group.first.begin(), group.first.end());
          cost = std::max(cost, group.second);
        }
        return common;
      });
      groups.emplace_back(std::move(instructions), cost);
    }
    std::int64_t out = 0;
    for (const auto &[instructions, cost] : groups)
      out += std::min(cost, std::numeric_limits<std::int64_t>::max() - out);
    return out;
  }

  const spec::Isa &isa_;
  costmodel::CostModel model_;
  std::map<std::string, std::optional<Rate>> rates_;
  std::array<Workers, kWorkKinds> workers_;
};

} // namespace

std::int64_t cost_bound(const TrafficBound &traffic, const spec::Isa &isa,
                        costmodel::CostModel model) {
  if (spec::has_control(isa))
    return CostBound(traffic, spec::Arms(isa).isa, model).run();
  return CostBound(traffic, isa, model).run();
}

std::optional<std::int64_t> most_products(const spec::Isa &isa) {
  std::int64_t most = 0;
  for (const spec::Instruction &instruction : isa.instructions)
    for (const spec::Instruction &way : instruction.ways()) {
      auto amount = products(way);
      auto rate = amount
                      ? least_rate(1, *amount, way.constraints, way.symbols.integers.names.size())
                      : Rate{};
      if (rate && rate->cost == 0)
        return std::nullopt;
      if (rate)
        most = std::max(most, rate->amount / rate->cost);
    }
  return most;
}

TrafficBound traffic_bound(const TensorGraph &graph, const spec::Isa &isa) {
  TrafficBound out;
  for (NodeId result : graph.results)
    out.stored += graph[result].shape.bytes();
  bool computes_in_transit = std::any_of(
      isa.instructions.begin(), isa.instructions.end(), [&](const spec::Instruction &instruction) {
        auto ways = instruction.ways();
        return std::any_of(ways.begin(), ways.end(), [&](const spec::Instruction &way) {
          return touches_off_chip(way, isa) && multiplies(way);
        });
      });
  for (const ProgramSummand &summand : summands(graph)) {
    out.loaded += graph[summand.lhs].shape.bytes();
    if (summand.rhs != summand.lhs)
      out.loaded += graph[summand.rhs].shape.bytes();
    out.multiplications += summand.multiplications;
    if (!computes_in_transit && summand.multiplications > 0)
      out.product = std::max(out.product, reuse_bound(graph, summand, isa));
  }
  return out;
}

} // namespace isamorph::search
