#include "verify/checker/bounds_checker.h"

#include "costmodel/cost_model.h"
#include "costmodel/traffic.h"
#include "spec/state.h"
#include "verify/checker/addends.h"
#include "verify/checker/lowest_price.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <limits>
#include <map>
#include <numeric>
#include <set>

namespace isamorph::verify {
namespace {

using semantics::AttributeKey;
using semantics::IntExpr;
using semantics::IntOp;
using semantics::NodeId;
using semantics::OpClass;
using semantics::OpCode;
__extension__ using Wide = __int128;

/// What every kernel must do.
enum Work : std::size_t { kLoaded, kStored, kMoved, kMultiplied, kWorks };
constexpr std::array<const char *, kWorks> kNames = {"loaded", "stored", "moved", "multiplied"};
using Amounts = std::array<std::int64_t, kWorks>;

IntExpr times(const IntExpr &a, const IntExpr &b) { return IntExpr::make(IntOp::Multiply, {a, b}); }
IntExpr plus(const IntExpr &a, const IntExpr &b) { return IntExpr::make(IntOp::Add, {a, b}); }

IntExpr size_of(const semantics::ShapeTemplate &shape) {
  return std::accumulate(shape.dims.begin(), shape.dims.end(), IntExpr(1), times);
}

/// No fewer than the products that an operation of a body with several data operands forms; nullopt
/// where that is not known.
std::optional<IntExpr> products_of(const semantics::GraphTemplate &body,
                                   const semantics::TemplateNode &node, OpCode op) {
  const auto &first = body.nodes[node.operands[0]].shape;
  if (op == OpCode::Reduce)
    return size_of(first);
  if (semantics::info(op).cls == OpClass::Fold && op != OpCode::Dot)
    return std::nullopt;
  IntExpr out = size_of(node.shape);
  for (const auto &[key, dimensions] : node.attributes)
    for (const IntExpr &d : dimensions) {
      if (op != OpCode::Dot || key != AttributeKey::LhsContracting)
        continue;
      if (!d.is_constant())
        return std::nullopt;
      out = times(out, first.dims[static_cast<std::size_t>(d.value())]);
    }
  return out;
}

std::optional<IntExpr> products_of(const spec::Instruction &instruction) {
  const semantics::GraphTemplate &body = instruction.body;
  std::set<std::uint32_t> data;
  IntExpr out = 0;
  for (std::uint32_t n = 0; n < body.nodes.size(); ++n) {
    const semantics::TemplateNode &node = body.nodes[n];
    if (!std::holds_alternative<OpCode>(node.op))
      return std::nullopt;
    OpCode op = std::get<OpCode>(node.op);
    std::size_t operands = 0;
    for (std::uint32_t operand : node.operands)
      operands += data.count(operand);
    if (op == OpCode::Parameter || operands > 0)
      data.insert(n);
    auto cls = semantics::info(op).cls;
    bool linear = cls == OpClass::Movement || op == OpCode::Add || op == OpCode::Maximum ||
                  op == OpCode::Minimum;
    if (cls != OpClass::Fold && (operands < 2 || linear))
      continue;
    auto more = products_of(body, node, op);
    if (!more)
      return std::nullopt;
    out = plus(out, *more);
  }
  return out;
}

/// Bytes of off-chip memory among what is read, or written.
template <class Operands> IntExpr bytes_of(const Operands &operands, const spec::Isa &isa) {
  IntExpr out = 0;
  for (const auto &operand : operands)
    if (const spec::Region &region = operand.region; region.buffer == isa.off_chip) {
      IntExpr bytes = region.extents[0];
      if (region.steps)
        bytes = times(bytes, region.steps->count);
      out = plus(out, IntExpr::make(IntOp::Max, {bytes, 0}));
    }
  return out;
}

/// Whether some instruction both touches off-chip memory and may form products.
bool multiplies_in_transit(const spec::Isa &isa) {
  for (const spec::Instruction &instruction : isa.instructions) {
    bool touches = false;
    for (const spec::Read &read : instruction.reads)
      touches |= read.region.buffer == isa.off_chip;
    for (const spec::Write &write : instruction.writes)
      touches |= write.region.buffer == isa.off_chip;
    auto products = products_of(instruction);
    if (touches && (!products || !products->is_constant() || products->value() > 0))
      return true;
  }
  return false;
}

/// Bytes that are moved since what the chip holds must be used again and again: w r, with r the
/// greatest number for which (r + 2 S)^2 S <= 4 P^2. 0 where there is none, or P or S is beyond
/// 2^40.
std::int64_t reuse_of(const semantics::TensorGraph &graph, const Addend &product,
                      const spec::Isa &isa) {
  Wide width = product.width, bytes = 0, most = Wide{1} << 40;
  for (NodeId factor : product.factors)
    width = std::min<Wide>(width, semantics::byte_size(graph[factor].shape.type));
  for (const spec::Buffer &buffer : isa.buffers) {
    if (buffer.off_chip)
      continue;
    Wide element = semantics::byte_size(buffer.type);
    width = std::min(width, element);
    bytes += element * buffer.places() * buffer.unit_elements();
  }
  Wide held = (bytes + width - 1) / width, products = product.products;
  if (held <= 0 || held > most || products > most)
    return 0;
  Wide side = 0; // the integer square root of 4 P^2 / S, bit by bit
  for (Wide bit = most * 4; bit > 0; bit /= 2)
    if ((side + bit) * (side + bit) <= 4 * products * products / held)
      side += bit;
  return static_cast<std::int64_t>(std::max<Wide>(0, side - 2 * held) * width);
}

/// What every kernel of the program does at least.
Amounts work_of(const semantics::TensorGraph &graph, const spec::Isa &isa) {
  Amounts out{};
  for (NodeId result : graph.results)
    out[kStored] += graph[result].shape.bytes();
  std::int64_t reuse = 0;
  bool in_transit = multiplies_in_transit(isa);
  for (const Addend &addend : addends_of(graph)) {
    for (NodeId factor : addend.factors)
      out[kLoaded] += graph[factor].shape.bytes();
    out[kMultiplied] += addend.products;
    if (addend.products > 0 && !in_transit)
      reuse = std::max(reuse, reuse_of(graph, addend, isa));
  }
  out[kMoved] = std::max(out[kLoaded] + out[kStored], reuse);
  return out;
}

/// Which instructions do a kind of work, on which units, at which price.
struct Doers {
  std::set<std::size_t> instructions;
  std::set<std::uint32_t> units;
  Price price;
};

std::array<Doers, kWorks> doers_of(const spec::Isa &isa, costmodel::CostModel model) {
  std::array<Doers, kWorks> out;
  std::map<std::string, std::optional<Price>> prices; // instructions are often alike
  for (std::size_t i = 0; i < isa.instructions.size(); ++i) {
    const spec::Instruction &instruction = isa.instructions[i];
    IntExpr loaded = bytes_of(instruction.reads, isa), stored = bytes_of(instruction.writes, isa),
            cost = model == costmodel::CostModel::Count ? IntExpr(1) : instruction.cost.latency;
    std::array<std::optional<IntExpr>, kWorks> amounts = {loaded, stored, plus(loaded, stored),
                                                          products_of(instruction)};
    for (std::size_t w = 0; w < kWorks; ++w) {
      std::optional<Price> price = Price{};
      if (amounts[w]) {
        std::string text = cost.to_string() + "|" + amounts[w]->to_string();
        for (const IntExpr &constraint : instruction.constraints)
          text += "|" + constraint.to_string();
        auto at = prices.find(text);
        if (at == prices.end())
          at = prices
                   .emplace(text, lowest_price(cost, *amounts[w], instruction.constraints,
                                               instruction.symbols.integers.names.size()))
                   .first;
        price = at->second;
      }
      if (!price)
        continue;
      if (out[w].instructions.empty() || below(*price, out[w].price))
        out[w].price = *price;
      out[w].instructions.insert(i);
      out[w].units.insert(instruction.cost.unit);
    }
  }
  return out;
}

std::int64_t rounded_up(Wide a, Wide b) {
  constexpr Wide most = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::min(most, (a + b - 1) / b));
}

class CostBound {
public:
  CostBound(const Amounts &amounts, const spec::Isa &isa, costmodel::CostModel model)
      : doers_(doers_of(isa, model)) {
    for (std::size_t w = 0; w < kWorks; ++w)
      costs_[w] = rounded_up(Wide{amounts[w]} * doers_[w].price.cost, doers_[w].price.amount);
  }

  /// Of all units together, or of one.
  std::int64_t of(std::optional<std::uint32_t> unit) const {
    return std::max(sum({kLoaded, kStored, kMultiplied}, unit), sum({kMoved, kMultiplied}, unit));
  }

private:
  bool common(std::size_t a, std::size_t b) const {
    return std::any_of(doers_[a].instructions.begin(), doers_[a].instructions.end(),
                       [&](std::size_t i) { return doers_[b].instructions.count(i) != 0; });
  }

  /// Each kind of work counts, but of those that are chained by common instructions only the
  /// dearest.
  std::int64_t sum(std::vector<std::size_t> works, std::optional<std::uint32_t> unit) const {
    std::erase_if(works, [&](std::size_t w) {
      const auto &units = doers_[w].units;
      return unit && !(units.empty() || (units.size() == 1 && *units.begin() == *unit));
    });
    Wide out = 0;
    while (!works.empty()) {
      std::vector<std::size_t> chain = {works.back()};
      works.pop_back();
      for (std::size_t c = 0; c < chain.size(); ++c)
        std::erase_if(works, [&, link = chain[c]](std::size_t w) {
          bool chained = common(link, w);
          if (chained)
            chain.push_back(w);
          return chained;
        });
      std::int64_t dearest = 0;
      for (std::size_t w : chain)
        dearest = std::max(dearest, costs_[w]);
      out += dearest;
    }
    return rounded_up(out, 1);
  }

  std::array<Doers, kWorks> doers_;
  std::array<std::int64_t, kWorks> costs_{};
};

std::int64_t cost_bound(const Amounts &amounts, const spec::Isa &isa, costmodel::CostModel model) {
  CostBound bound(amounts, isa, model);
  if (model != costmodel::CostModel::Overlap)
    return bound.of(std::nullopt);
  auto units = static_cast<std::uint32_t>(isa.units.size());
  std::int64_t out = rounded_up(bound.of(std::nullopt), units);
  for (std::uint32_t u = 0; u < units; ++u)
    out = std::max(out, bound.of(u));
  return out;
}

void expect(const Part &part, std::int64_t found, const std::string &what) {
  if (std::int64_t said = part.integer(); said != found)
    part.refuse(fmt::format("{} {}, not {}", what, found, said));
}

} // namespace

BoundsFinding check_bounds(const Part &part, const semantics::TensorGraph &graph,
                           const spec::Kernel &kernel, const spec::Isa &given) {
  part.only({"model", "cost", "cost_bound", "bytes", "bytes_bound", "work"});
  BoundsFinding out;
  out.model = part.at("model").text();
  auto model = costmodel::cost_model(out.model);
  if (!model)
    part.at("model").refuse("unknown cost model '" + out.model + "'");
  std::optional<spec::Arms> arms;
  if (spec::has_control(given))
    arms.emplace(given);
  const spec::Isa &isa = arms ? arms->isa : given;
  Amounts amounts = work_of(graph, isa);
  const Part work = part.at("work");
  work.only({"loaded", "stored", "moved", "multiplied"});
  for (std::size_t w = 0; w < kWorks; ++w)
    expect(work.at(kNames[w]), amounts[w], "every kernel of the program does at least");
  out.cost = costmodel::cost(given, kernel, *model);
  out.bytes = costmodel::traffic(given, kernel).total();
  out.bytes_bound = amounts[kMoved];
  out.cost_bound = cost_bound(amounts, isa, *model);
  expect(part.at("cost"), out.cost, "the kernel costs");
  expect(part.at("bytes"), out.bytes, "the kernel moves");
  expect(part.at("bytes_bound"), out.bytes_bound, "every kernel of the program moves at least");
  expect(part.at("cost_bound"), out.cost_bound, "every kernel of the program costs at least");
  if (out.cost < out.cost_bound || out.bytes < out.bytes_bound)
    part.refuse("the kernel is below the bounds: they are wrong");
  return out;
}

} // namespace isamorph::verify
