#include "search/explain.h"

#include "search/byte_sources.h"
#include "search/isa_views.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace isamorph::search {

using semantics::Node;
using semantics::TensorGraph;

namespace {

/// The name of a node's term over its children's names; empty if a child has none.
std::string term_name(const TensorEGraph &egraph, ENodeId node,
                      const std::vector<std::string> &names) {
  const TensorOperator &op = egraph.operator_of(node);
  const Shape &shape = egraph.operators().shape(op.shape);
  std::vector<std::string> children;
  for (ClassId c : egraph.graph().children(node)) {
    children.push_back(names[egraph.find(c).v]);
    if (children.back().empty())
      return {};
  }
  if (op.op == OpCode::Constant)
    return fmt::format("constant {}", shape.to_string());
  if (op.op == OpCode::Iota)
    return fmt::format("iota {}", shape.to_string());
  if (shape.type == ElementType::U8 && op.op == OpCode::BitcastConvert)
    return fmt::format("bytes({})", children[0]);
  if (shape.type == ElementType::U8 && op.op == OpCode::Reshape &&
      children[0].starts_with("bytes("))
    return children[0];
  return fmt::format("{}({})", semantics::info(op.op).name, fmt::join(children, ", "));
}

} // namespace

std::vector<std::string> value_names(const TensorEGraph &egraph, const TensorGraph &graph,
                                     std::span<const ClassId> classes) {
  std::vector<std::string> names(egraph.graph().class_limit());
  for (std::size_t i = 0; i < graph.nodes.size(); ++i)
    if (std::string &name = names[egraph.find(classes[i]).v]; name.empty())
      name = graph.nodes[i].name;
  std::vector<char> fixed(names.size(), 0);
  for (std::size_t c = 0; c < names.size(); ++c)
    fixed[c] = !names[c].empty();
  std::vector<ClassId> all = egraph.graph().classes();
  bool changed = true;
  for (int round = 0; round < 12 && changed; ++round) {
    changed = false;
    for (ClassId c : all) {
      if (fixed[c.v])
        continue;
      for (ENodeId node : egraph.graph().nodes_of(c)) {
        std::string name = term_name(egraph, node, names);
        if (name.empty() || (!names[c.v].empty() && name.size() >= names[c.v].size()))
          continue;
        names[c.v] = std::move(name);
        changed = true;
      }
    }
  }
  return names;
}

namespace {

std::string value_name(const StateSpace &space, std::span<const std::string> values, VertexId v) {
  ClassId c = space.graph().vertices[v.v].value;
  return values[c.v].empty() ? fmt::format("value {}", c.v) : values[c.v];
}

std::string output_name(const Piece &piece) {
  return fmt::format(" as output {}", piece.tensor) +
         (piece.whole ? "" : fmt::format(" from byte {}", piece.offset));
}

} // namespace

std::vector<std::string> fact_names(const StateSpace &space, std::span<const std::string> values) {
  std::vector<std::string> out;
  for (std::uint32_t v = 0; v < space.graph().vertices.size(); ++v)
    out.push_back(fmt::format("{} in {}", value_name(space, values, {v}),
                              space.isa().buffer(space.graph().vertices[v].buffer).name));
  for (const Piece &piece : space.graph().outputs)
    out.push_back(value_name(space, values, piece.vertex) + output_name(piece));
  return out;
}

std::vector<std::string> action_names(const StateSpace &space,
                                      std::span<const std::string> values) {
  std::vector<std::string> out;
  for (const StateSpace::Variant &variant : space.variants()) {
    const Instance &instance = space.graph().instances[variant.instance];
    const spec::Instruction &instruction = space.isa().instructions[instance.instruction];
    std::vector<std::string> attributes, from, to;
    for (std::uint32_t i = 0; i < instruction.computational; ++i)
      attributes.push_back(
          fmt::format("{}={}", instruction.symbols.integers.names[i], *instance.attributes[i]));
    auto place = [&](VertexId v) {
      return fmt::format("{} in {}", value_name(space, values, v),
                         space.isa().buffer(space.graph().vertices[v.v].buffer).name);
    };
    for (VertexId v : instance.reads)
      space.graph().each_part(v, [&](VertexId part) { from.push_back(place(part)); });
    for (std::size_t w = 0; w < instance.writes.size(); ++w) {
      std::uint32_t location = variant.destinations[w];
      bool output =
          location != 0xffffffff && space.locations().all[location].kind == Locations::Kind::Output;
      space.graph().each_part(instance.writes[w], [&](VertexId part) {
        to.push_back(place(part));
        if (output)
          to.back() += output_name(space.graph().outputs[space.locations().all[location++].index]);
      });
    }
    out.push_back(fmt::format("{}({}): {} -> {}", instruction.name, fmt::join(attributes, ", "),
                              fmt::join(from, ", "), fmt::join(to, ", ")));
  }
  return out;
}

namespace {

std::string place_of(const Node &node) {
  if (!node.location.source)
    return fmt::format("'{}'", node.name);
  const std::string &text = node.location.source->text;
  auto end = text.begin() +
             static_cast<std::ptrdiff_t>(std::min<std::size_t>(node.location.offset, text.size()));
  return fmt::format("'{}' ({}:{})", node.name, node.location.source->name,
                     1 + std::count(text.begin(), end, '\n'));
}

/// Why no on-chip buffer holds a value of this shape; empty if one does.
std::string fits_no_buffer(const spec::Isa &isa, const Shape &shape) {
  std::vector<std::string> too_small;
  for (const spec::Buffer &buffer : isa.buffers) {
    if (buffer.off_chip || buffer.type != shape.type)
      continue;
    std::size_t rank = buffer.addressed.size() + buffer.unit.size();
    if (rank != shape.rank() ||
        !std::equal(buffer.unit.begin(), buffer.unit.end(),
                    shape.dims.end() - static_cast<std::ptrdiff_t>(buffer.unit.size())))
      continue;
    bool fits = true;
    for (std::size_t d = 0; d < buffer.addressed.size(); ++d)
      if (shape.dims[d] > buffer.addressed[d]) {
        fits = false;
        too_small.push_back(fmt::format("{} has {}", buffer.name, buffer.addressed[d]));
      }
    if (fits)
      return {};
  }
  if (too_small.empty())
    return fmt::format("no buffer of {} holds {}", isa.name, shape.to_string());
  return fmt::format("{} needs {} rows: {}", shape.to_string(), shape.dims[0],
                     fmt::join(too_small, ", "));
}

/// Instructions whose body has an operation.
std::vector<std::string> with_operation(const spec::Isa &isa, OpCode op) {
  std::vector<std::string> out;
  for (const spec::Instruction &instruction : isa.instructions)
    for (const semantics::TemplateNode &node : instruction.body.nodes)
      if (const auto *own = std::get_if<OpCode>(&node.op); own && *own == op) {
        out.push_back(instruction.name);
        break;
      }
  return out;
}

/// A parameter whose bytes no load brings together as an instruction reads them; empty if there is
/// none.
std::string cannot_be_gathered(const TensorEGraph &egraph, const spec::Isa &isa,
                               const TensorGraph &graph, std::span<const ClassId> classes,
                               const PlacementGraph &placements) {
  constexpr std::size_t shown = 6;
  std::vector<ClassId> parameters;
  for (semantics::NodeId id : graph.parameters)
    parameters.push_back(classes[id.v]);
  ByteOrigins origins(egraph, parameters);
  for (const PlacementGraph::Missing &missing : placements.missing) {
    const auto &writes = isa.instructions[missing.instruction].writes;
    if (std::any_of(writes.begin(), writes.end(), [&](const spec::Write &write) {
          return isa.buffer(write.region.buffer).off_chip;
        }))
      continue; // it moves on what it does not need
    const ByteSources *bytes = origins.of(missing.value);
    if (!bytes || bytes->size() < shown ||
        std::any_of(bytes->begin(), bytes->end(),
                    [&](ByteSource byte) { return byte.tensor != (*bytes)[0].tensor; }))
      continue;
    std::vector<std::uint32_t> first;
    for (std::size_t i = 0; i < shown; ++i)
      first.push_back((*bytes)[i].offset);
    return fmt::format("no instruction of {} loads the bytes of {} in the order in which {} reads "
                       "them: bytes {}, ... would have to lie side by side",
                       isa.name, place_of(graph[graph.parameters[(*bytes)[0].tensor]]),
                       isa.instructions[missing.instruction].name, fmt::join(first, ", "));
  }
  return {};
}

} // namespace

std::string explain_unreachable(const TensorEGraph &egraph, const spec::Isa &isa,
                                const TensorGraph &graph, std::span<const ClassId> classes,
                                const PlacementGraph &placements) {
  std::size_t count = graph.nodes.size();
  if (moves_pieces(isa))
    if (std::string why = cannot_be_gathered(egraph, isa, graph, classes, placements); !why.empty())
      return why;
  // Covered: computable, or used by something computable (then it is inside an instruction's body).
  std::vector<char> covered(count, 0);
  for (std::size_t i = 0; i < count; ++i)
    covered[i] = std::binary_search(placements.computable.begin(), placements.computable.end(),
                                    egraph.find(classes[i]));
  for (std::size_t i = 0; i < count; ++i)
    covered[i] |= graph.nodes[i].op == OpCode::Parameter || graph.nodes[i].op == OpCode::Constant;
  for (std::size_t i = count; i-- > 0;)
    if (covered[i])
      for (semantics::NodeId operand : graph.nodes[i].operands)
        covered[operand.v] = 1;

  for (std::size_t i = 0; i < count; ++i) {
    const Node &node = graph.nodes[i];
    if (covered[i])
      continue;
    for (semantics::NodeId operand : node.operands) {
      const Node &used = graph[operand];
      bool on_chip = std::binary_search(placements.computable.begin(), placements.computable.end(),
                                        egraph.find(classes[operand.v]));
      if (std::string why = fits_no_buffer(isa, used.shape);
          !on_chip && used.op != OpCode::Constant && !why.empty())
        return fmt::format("{} cannot be brought on chip: {}", place_of(used), why);
    }
    std::string text = fmt::format(
        "no instruction of {} covers {} = {} {}, alone or with the operations around it", isa.name,
        place_of(node), node.shape.to_string(), semantics::info(node.op).name);
    auto candidates = with_operation(isa, node.op);
    if (candidates.empty())
      return text;
    return fmt::format("{} ({} {} {} with other shapes, attributes or operands)", text,
                       fmt::join(candidates, ", "), candidates.size() == 1 ? "has" : "have",
                       semantics::info(node.op).name);
  }
  for (semantics::NodeId result : graph.results) {
    const Node &node = graph[result];
    if (std::string why = fits_no_buffer(isa, node.shape); !why.empty())
      return fmt::format("the result {} fits no buffer: {}", place_of(node), why);
  }
  return fmt::format("no sequence of instructions of {} writes the result {} to off-chip memory",
                     isa.name, place_of(graph[graph.results[0]]));
}

std::string explain_undetermined(const spec::Isa &isa,
                                 const PlacementGraph::Undetermined &undetermined) {
  const spec::Instruction &instruction = isa.instructions[undetermined.instruction];
  return fmt::format("not every use of {0} was searched: neither shapes nor `where` determine its "
                     "attribute {1}, or "
                     "leave it few enough values to be tried",
                     instruction.name, instruction.symbols.integers.names[undetermined.attribute]);
}

} // namespace isamorph::search
