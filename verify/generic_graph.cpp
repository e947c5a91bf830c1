#include "verify/generic_graph.h"

#include "semantics/evaluator.h"
#include "verify/symbolic_parts.h"

#include <algorithm>
#include <array>
#include <unordered_map>

namespace isamorph::verify {
namespace {

using semantics::AffineIndex;
using semantics::AttributeKey;
using semantics::Node;
using semantics::NodeId;
using semantics::OpClass;
using semantics::Shape;
using semantics::TensorGraph;

/// An element of an operand: of which operand, and its number among those that are demanded of it.
struct Source {
  std::uint32_t operand, number;
};

/// What is demanded of a node, and from where its elements come.
struct Demanded {
  std::vector<AffineIndex> positions; ///< each once
  std::unordered_map<AffineIndex, std::uint32_t, AffineHash> numbers;
  std::vector<Source> sources; ///< of all elements, as many for each
  std::vector<std::uint8_t> first_bytes;
  /// Folds: for each element its two rows (of a reduce: one), which are lists of sources.
  std::vector<std::array<std::uint32_t, 2>> folds;
  std::vector<std::pair<std::size_t, std::size_t>> rows; ///< in `sources`
  std::vector<TermId> terms;
};

class GenericGraph {
public:
  GenericGraph(TermGraph &terms, const TensorGraph &graph, GenericLoops &loops,
               const InputElement &input, std::int64_t limit)
      : terms_(terms), graph_(graph), loops_(loops), space_(loops.space()), input_(input),
        limit_(limit), demanded_(graph.nodes.size()), varies_(graph.nodes.size(), 0),
        values_(graph.nodes.size()) {
    for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
      varies_[n] = graph.nodes[n].op == OpCode::Parameter;
      for (NodeId operand : graph.nodes[n].operands)
        varies_[n] |= varies_[operand.v];
    }
  }

  std::vector<TermId> run(std::span<const GenericDemand> demands) {
    std::vector<std::uint32_t> numbers;
    for (const GenericDemand &d : demands)
      numbers.push_back(demand(graph_.results[d.result], d.position));
    for (std::size_t n = graph_.nodes.size(); n-- > 0;)
      if (!demanded_[n].positions.empty())
        trace(n);
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n)
      if (!demanded_[n].positions.empty())
        compute(n);
    std::vector<TermId> out;
    for (std::size_t i = 0; i < demands.size(); ++i)
      out.push_back(demanded_[graph_.results[demands[i].result].v].terms[numbers[i]]);
    return out;
  }

private:
  void count(std::size_t work) {
    if ((work_ += static_cast<std::int64_t>(work)) > limit_)
      throw TooMuchWork("a generic iteration of the program needs more than " +
                        std::to_string(limit_) + " steps");
  }

  std::uint32_t demand(NodeId node, const AffineIndex &position) {
    Demanded &d = demanded_[node.v];
    auto [entry, fresh] =
        d.numbers.try_emplace(position, static_cast<std::uint32_t>(d.positions.size()));
    if (fresh) {
      d.positions.push_back(position);
      count(1);
    }
    return entry->second;
  }

  /// Whether a node has one value, which the evaluator gives: sources, and folds of constants.
  bool is_value(const Node &node, std::size_t number) const {
    return node.op == OpCode::Constant || node.op == OpCode::Iota ||
           (semantics::info(node.op).cls == OpClass::Fold && !varies_[number]);
  }

  /// From where the demanded elements of a node come.
  void trace(std::size_t number) {
    const Node &node = graph_.nodes[number];
    Demanded &d = demanded_[number];
    if (node.op == OpCode::Parameter || is_value(node, number))
      return;
    std::vector<Shape> shapes;
    for (NodeId operand : node.operands)
      shapes.push_back(graph_[operand].shape);
    OpClass cls = semantics::info(node.op).cls;
    for (const AffineIndex &position : d.positions)
      if (cls == OpClass::Movement || node.op == OpCode::Pad)
        trace_movement(node, shapes, d, position);
      else if (cls == OpClass::Elementwise)
        trace_elementwise(node, shapes, d, position);
      else if (cls == OpClass::Bitcast)
        trace_bitcast(node, shapes[0], d, position);
      else if (cls != OpClass::Fold)
        loops_.refuse(position.slope); // no operation on positions: whole tensors will do
    if (node.op == OpCode::Dot)
      trace_dot(node, shapes, d);
    else if (node.op == OpCode::Reduce)
      trace_reduce(node, shapes[0], d);
    else if (cls == OpClass::Fold)
      loops_.refuse(d.positions.front().slope);
  }

  void source(const Node &node, Demanded &d, std::size_t operand, const AffineIndex &position) {
    d.sources.push_back(
        {static_cast<std::uint32_t>(operand), demand(node.operands[operand], position)});
  }

  void trace_movement(const Node &node, std::span<const Shape> shapes, Demanded &d,
                      const AffineIndex &position) {
    auto from = movement_source(space_, node.op, shapes, node.attributes, node.shape, position);
    if (!from)
      loops_.refuse(position.slope);
    source(node, d, from->operand, from->element);
  }

  void trace_elementwise(const Node &node, std::span<const Shape> shapes, Demanded &d,
                         const AffineIndex &position) {
    for (std::size_t k = 0; k < shapes.size(); ++k)
      source(node, d, k, shapes[k].rank() == 0 ? AffineIndex{} : position);
  }

  /// The elements, one or several, whose bytes an element is, and the first byte within them.
  void trace_bitcast(const Node &node, const Shape &operand, Demanded &d,
                     const AffineIndex &position) {
    std::int64_t from = semantics::byte_size(operand.type),
                 to = semantics::byte_size(node.shape.type);
    auto byte = space_.scaled(position, to);
    auto at = byte ? space_.divide(*byte, from) : std::nullopt;
    if (!at || !at->remainder.is_constant())
      loops_.refuse(position.slope);
    d.first_bytes.push_back(static_cast<std::uint8_t>(at->remainder.offset));
    for (std::int64_t i = 0; i < std::max<std::int64_t>(1, to / from); ++i)
      source(node, d, 0, {at->quotient.offset + i, at->quotient.slope});
  }

  /// The number of the row of an operand that begins at an element.
  std::uint32_t row(const Node &node, Demanded &d, std::size_t operand, const AffineIndex &base,
                    std::span<const std::int64_t> steps,
                    std::map<AffineIndex, std::uint32_t> &known) {
    auto [entry, fresh] = known.try_emplace(base, static_cast<std::uint32_t>(d.rows.size()));
    if (fresh) {
      d.rows.emplace_back(d.sources.size(), steps.size());
      for (std::int64_t step : steps)
        source(node, d, operand, {base.offset + step, base.slope});
    }
    return entry->second;
  }

  /// The element of an operand whose indices along `dims` are given, the others 0.
  AffineIndex base_of(const Shape &operand, std::span<const std::int64_t> dims,
                      std::span<const AffineIndex> indices, const AffineIndex &position) {
    std::vector<AffineIndex> at(operand.rank());
    for (std::size_t i = 0; i < dims.size(); ++i)
      at[static_cast<std::size_t>(dims[i])] = indices[i];
    auto base = space_.position(at, operand.dims);
    if (!base)
      loops_.refuse(position.slope);
    return *base;
  }

  std::vector<AffineIndex> indices(const Node &node, const AffineIndex &position) {
    auto at = space_.indices(position, node.shape.dims);
    if (!at)
      loops_.refuse(position.slope);
    return *at;
  }

  void trace_dot(const Node &node, std::span<const Shape> shapes, Demanded &d) {
    struct Side {
      std::vector<std::int64_t> dims, steps; ///< batch, then free; offsets of the summands
      std::size_t batch;
      std::map<AffineIndex, std::uint32_t> rows;
    };
    std::array<Side, 2> sides;
    constexpr AttributeKey batch[] = {AttributeKey::LhsBatch, AttributeKey::RhsBatch},
                           contracting[] = {AttributeKey::LhsContracting,
                                            AttributeKey::RhsContracting};
    for (std::size_t s = 0; s < 2; ++s) {
      auto b = node.attributes.get(batch[s]), c = node.attributes.get(contracting[s]);
      sides[s] = {{b.begin(), b.end()}, offsets(shapes[s], c), b.size(), {}};
      auto free = others(shapes[s].rank(), c, b);
      sides[s].dims.insert(sides[s].dims.end(), free.begin(), free.end());
    }
    std::size_t left = sides[0].dims.size();
    for (const AffineIndex &position : d.positions) {
      std::vector<AffineIndex> at = indices(node, position), right(at.begin(), at.end());
      right.erase(right.begin() + static_cast<std::ptrdiff_t>(sides[0].batch),
                  right.begin() + static_cast<std::ptrdiff_t>(left));
      at.resize(left);
      d.folds.push_back({row(node, d, 0, base_of(shapes[0], sides[0].dims, at, position),
                             sides[0].steps, sides[0].rows),
                         row(node, d, 1, base_of(shapes[1], sides[1].dims, right, position),
                             sides[1].steps, sides[1].rows)});
      count(sides[0].steps.size());
    }
  }

  void trace_reduce(const Node &node, const Shape &operand, Demanded &d) {
    auto dims = node.attributes.get(AttributeKey::Dimensions);
    std::vector<std::int64_t> sorted(dims.begin(), dims.end());
    std::ranges::sort(sorted);
    auto free = others(operand.rank(), dims, {}), steps = offsets(operand, sorted);
    std::map<AffineIndex, std::uint32_t> known;
    for (const AffineIndex &position : d.positions) {
      AffineIndex base = base_of(operand, free, indices(node, position), position);
      d.folds.push_back({row(node, d, 0, base, steps, known), 0});
    }
    demand(node.operands[1], {});
  }

  void compute(std::size_t number) {
    const Node &node = graph_.nodes[number];
    Demanded &d = demanded_[number];
    d.terms.reserve(d.positions.size());
    if (node.op == OpCode::Parameter)
      return compute_parameter(number, d);
    if (is_value(node, number))
      return compute_value(number, d);
    switch (semantics::info(node.op).cls) {
    case OpClass::Elementwise:
      return compute_elementwise(node, d);
    case OpClass::Bitcast:
      return compute_bitcast(node, d);
    case OpClass::Fold:
      return compute_fold(node, d);
    default:
      for (const Source &from : d.sources)
        d.terms.push_back(term(node, from));
    }
  }

  TermId term(const Node &node, const Source &from) const {
    return demanded_[node.operands[from.operand].v].terms[from.number];
  }

  void compute_parameter(std::size_t number, Demanded &d) {
    auto parameter =
        std::ranges::find(graph_.parameters, NodeId{static_cast<std::uint32_t>(number)});
    for (const AffineIndex &position : d.positions)
      d.terms.push_back(
          input_(static_cast<std::size_t>(parameter - graph_.parameters.begin()), position));
  }

  void compute_value(std::size_t number, Demanded &d) {
    const semantics::Tensor &value = value_of(number);
    for (const AffineIndex &position : d.positions) {
      auto bits = constant_at(value, position);
      if (!bits)
        loops_.refuse(position.slope);
      d.terms.push_back(terms_.literal(value.shape().type, *bits));
    }
  }

  /// Of a node under which no parameter is.
  const semantics::Tensor &value_of(std::size_t number) {
    std::vector<char> needed(number + 1, 0);
    needed[number] = 1;
    for (std::size_t n = number + 1; n-- > 0;)
      for (NodeId operand : graph_.nodes[n].operands)
        needed[operand.v] |= needed[n] && !values_[n];
    for (std::size_t n = 0; n <= number; ++n) {
      if (!needed[n] || values_[n])
        continue;
      const Node &node = graph_.nodes[n];
      if (node.op == OpCode::Constant) {
        values_[n] = *node.attributes.literal;
        continue;
      }
      std::vector<const semantics::Tensor *> operands;
      for (NodeId operand : node.operands)
        operands.push_back(&*values_[operand.v]);
      values_[n] =
          semantics::evaluate_op(node.op, node.attributes, operands, node.shape, terms_.profile());
    }
    return *values_[number];
  }

  void compute_elementwise(const Node &node, Demanded &d) {
    auto detail = static_cast<std::uint8_t>(node.attributes.get_one(AttributeKey::Direction));
    bool same = keeps_bits(node, graph_[node.operands[0]].shape.type);
    std::size_t arity = node.operands.size();
    std::array<TermId, 3> in{};
    for (std::size_t i = 0; i < d.positions.size(); ++i) {
      for (std::size_t k = 0; k < arity; ++k)
        in[k] = term(node, d.sources[i * arity + k]);
      d.terms.push_back(
          same ? in[0] : terms_.operation(node.op, detail, node.shape.type, {in.data(), arity}));
    }
  }

  void compute_bitcast(const Node &node, Demanded &d) {
    int from = semantics::byte_size(graph_[node.operands[0]].shape.type),
        to = semantics::byte_size(node.shape.type);
    auto parts = static_cast<std::size_t>(std::max(1, to / from));
    std::vector<TermId> bytes;
    for (std::size_t i = 0; i < d.positions.size(); ++i) {
      bytes.clear();
      for (std::size_t p = 0; p < parts; ++p)
        for (int b = 0; b < std::min(from, to); ++b)
          bytes.push_back(terms_.extract(term(node, d.sources[i * parts + p]),
                                         static_cast<std::uint8_t>(d.first_bytes[i] + b)));
      d.terms.push_back(terms_.join(node.shape.type, bytes));
    }
  }

  void compute_fold(const Node &node, Demanded &d) {
    std::vector<VectorId> rows;
    std::vector<TermId> scratch;
    for (auto [first, length] : d.rows) {
      scratch.clear();
      for (std::size_t i = first; i < first + length; ++i)
        scratch.push_back(term(node, d.sources[i]));
      rows.push_back(terms_.vector(scratch));
    }
    if (node.op == OpCode::Dot) {
      for (auto [left, right] : d.folds)
        d.terms.push_back(terms_.dot(node.shape.type, rows[left], rows[right]));
      return;
    }
    auto op = static_cast<OpCode>(node.attributes.get_one(AttributeKey::Reducer));
    TermId init = demanded_[node.operands[1].v].terms[demanded_[node.operands[1].v].numbers.at({})];
    for (auto [only, unused] : d.folds)
      d.terms.push_back(terms_.reduce(op, node.shape.type, init, rows[only]));
  }

  TermGraph &terms_;
  const TensorGraph &graph_;
  GenericLoops &loops_;
  semantics::IndexSpace &space_;
  const InputElement &input_;
  std::int64_t limit_, work_ = 0;
  std::vector<Demanded> demanded_; ///< by node, as below
  std::vector<char> varies_;       ///< with the inputs
  std::vector<std::optional<semantics::Tensor>> values_;
};

} // namespace

std::vector<TermId> execute_generic(TermGraph &terms, const TensorGraph &graph, GenericLoops &loops,
                                    const InputElement &input,
                                    std::span<const GenericDemand> demands, std::int64_t limit) {
  return GenericGraph(terms, graph, loops, input, limit).run(demands);
}

} // namespace isamorph::verify
