// From computations of names to a TensorGraph: names resolved, calls and fusions inlined, tuples
// split, layouts at the boundary made explicit.
#include "semantics/hlo.h"
#include "semantics/hlo_layout.h"
#include "semantics/hlo_syntax.h"

#include <algorithm>
#include <set>

namespace isamorph::semantics {
namespace {

using syntax::Computation;
using syntax::Instruction;
using syntax::WrittenShape;

/// More than this is refused: calls and tuples may multiply the text's size.
constexpr std::size_t kMaxNodes = 100'000, kMaxValues = 1'000'000;

/// What a name denotes: a tensor, or a tuple of values.
struct Value {
  NodeId node;
  std::vector<Value> elements;
  bool tuple = false;

  /// Tensors and tuples that are in it.
  std::size_t size() const {
    std::size_t sum = 1;
    for (const Value &element : elements)
      sum += element.size();
    return sum;
  }
};

class Lowering {
public:
  explicit Lowering(const syntax::Module &module) : module_(module) {
    for (const Computation &c : module.computations)
      computations_.emplace(c.name, &c);
  }

  TensorGraph lower() {
    const Computation &entry = *std::find_if(
        module_.computations.begin(), module_.computations.end(), [](auto &c) { return c.entry; });
    graph_.name = !module_.name.empty() ? module_.name : !entry.name.empty() ? entry.name : "main";
    check_parameter_numbers(entry);
    Value root = computation(entry, nullptr);
    const WrittenShape &written = entry.instructions[entry.root].shape;
    const WrittenShape *layouts = module_.entry_result ? &*module_.entry_result : nullptr;
    collect_results(root, written, layouts);
    if (graph_.results.empty())
      fail(entry.instructions[entry.root].location, "the program has no result");
    name_movements();
    std::sort(graph_.parameters.begin(), graph_.parameters.end(), [&](NodeId a, NodeId b) {
      return graph_[a].attributes.get_one(AttributeKey::ParameterNumber) <
             graph_[b].attributes.get_one(AttributeKey::ParameterNumber);
    });
    return graph_.without_dead_nodes();
  }

private:
  static Shape concrete(const WrittenShape &written) {
    if (written.tuple)
      fail(written.location, "a tuple stands where a tensor is expected");
    auto shape = instantiate(written.shape, SymbolValues{});
    if (!shape)
      fail(written.location, "this shape has more than 2^31 elements");
    return *shape;
  }

  static void check_parameter_numbers(const Computation &c) {
    std::vector<const Instruction *> parameters;
    for (const Instruction &i : c.instructions)
      if (is(i, OpCode::Parameter))
        parameters.push_back(&i);
    std::set<std::int64_t> seen;
    for (const Instruction *p : parameters) {
      std::int64_t number = p->attributes.front().second.front().value();
      if (!seen.insert(number).second)
        fail(p->location, "a second parameter(" + std::to_string(number) + ")");
      if (number >= static_cast<std::int64_t>(parameters.size()))
        fail(p->location, "parameter(" + std::to_string(number) + ") in a computation with " +
                              std::to_string(parameters.size()) +
                              " parameters: numbers run from 0 without gaps");
    }
  }

  static bool is(const Instruction &i, OpCode op) {
    return i.kind == syntax::Kind::Operation && std::get<OpCode>(i.op) == op;
  }

  /// `arguments` is null for ENTRY.
  Value computation(const Computation &c, const std::vector<Value> *arguments) {
    std::map<std::string, Value> names;
    for (const Instruction &instruction : c.instructions) {
      Value value = lower_instruction(c, instruction, arguments, names);
      if (!names.emplace(instruction.name, std::move(value)).second)
        fail(instruction.location, "'" + instruction.name + "' is defined twice");
      if (graph_.nodes.size() > kMaxNodes)
        fail(instruction.location, "the program has more than 100000 operations after inlining");
    }
    return names.at(c.instructions[c.root].name);
  }

  Value operand(const Computation &c, const syntax::OperandName &name,
                const std::map<std::string, Value> &names) {
    auto found = names.find(name.name);
    if (found != names.end())
      return found->second;
    std::vector<std::string> known;
    for (const Instruction &i : c.instructions) {
      if (i.name == name.name)
        fail(name.location, "'" + name.name + "' is used before it is defined",
             "instructions stand in topological order; a cycle is not a tensor program");
      known.push_back(i.name);
    }
    fail(name.location, "unknown name '" + name.name + "'", suggest(name.name, known));
  }

  Value lower_instruction(const Computation &c, const Instruction &i,
                          const std::vector<Value> *arguments,
                          const std::map<std::string, Value> &names) {
    std::vector<Value> operands;
    ++values_;
    for (const syntax::OperandName &name : i.operands) {
      operands.push_back(operand(c, name, names));
      values_ += operands.back().size();
    }
    if (values_ > kMaxValues)
      fail(i.location, "the program has more than a million operands after inlining",
           "elements of tuples count too");
    if (i.kind == syntax::Kind::Call)
      return call(i, operands);
    OpCode op = std::get<OpCode>(i.op);
    if (op == OpCode::Tuple)
      return {{}, std::move(operands), true};
    if (op == OpCode::GetTupleElement)
      return element_of_tuple(i, operands);
    if (op == OpCode::Parameter)
      return parameter(i, arguments);
    std::vector<NodeId> nodes;
    for (std::size_t k = 0; k < operands.size(); ++k) {
      if (operands[k].tuple)
        fail(i.operands[k].location, "'" + i.operands[k].name + "' is a tuple");
      nodes.push_back(operands[k].node);
    }
    if (op == OpCode::Dot || op == OpCode::Convolution)
      return {product(i, op, std::move(nodes)), {}, false};
    return {graph_.add(op, std::move(nodes), attributes(i, op), concrete(i.shape), unique(i.name),
                       i.location),
            {},
            false};
  }

  /// A dot or convolution; one of several types with the conversions that it implies.
  NodeId product(const Instruction &i, OpCode op, std::vector<NodeId> nodes) {
    Shape shape = concrete(i.shape);
    std::vector<ElementType> types;
    for (NodeId node : nodes)
      types.push_back(graph_[node].shape.type);
    auto mixed = syntax::product_type(types, shape.type);
    ElementType type = mixed.value_or(shape.type);
    auto converted = [&](NodeId node, ElementType to, const std::string &name) {
      return graph_.add(OpCode::Convert, {node}, {}, {to, graph_[node].shape.dims}, unique(name),
                        i.location);
    };
    if (mixed)
      for (NodeId &node : nodes)
        if (graph_[node].shape.type != type)
          node = converted(node, type, i.name + ".operand");
    bool last = type == shape.type;
    NodeId out = graph_.add(op, std::move(nodes), attributes(i, op), {type, shape.dims},
                            unique(last ? i.name : i.name + ".product"), i.location);
    return last ? out : converted(out, shape.type, i.name);
  }

  Attributes attributes(const Instruction &i, OpCode op) {
    Attributes out;
    for (const auto &[key, values] : i.attributes) {
      std::vector<std::int64_t> list;
      for (const IntExpr &v : values)
        list.push_back(v.value());
      out.set(key, std::move(list));
    }
    out.literal = i.literal;
    if (op == OpCode::Reduce || op == OpCode::ReduceWindow)
      out.set(AttributeKey::Reducer, {static_cast<std::int64_t>(reducer(i))});
    return out;
  }

  const Computation &callee(const Instruction &i) {
    if (i.callee.name.empty())
      fail(i.op_location, "expected to_apply= or calls= with a computation");
    auto found = computations_.find(i.callee.name);
    if (found != computations_.end())
      return *found->second;
    std::vector<std::string> known;
    for (const auto &[name, c] : computations_)
      known.push_back(name);
    fail(i.callee.location, "unknown computation '" + i.callee.name + "'",
         suggest(i.callee.name, known));
  }

  /// The operation that a reduction's computation applies to its two parameters.
  OpCode reducer(const Instruction &i) {
    const Computation &c = callee(i);
    const Instruction &root = c.instructions[c.root];
    auto refuse = [&] [[noreturn]] {
      fail(i.callee.location, "computation '" + c.name + "' is no reduction that isamorph knows",
           "it must be add, multiply, maximum, minimum, and, or of its two scalar parameters");
    };
    if (c.instructions.size() != 3 || root.kind != syntax::Kind::Operation ||
        root.operands.size() != 2)
      refuse();
    std::set<std::string> parameters, used;
    for (const Instruction &p : c.instructions)
      if (is(p, OpCode::Parameter) && !p.shape.tuple && p.shape.shape.dims.empty())
        parameters.insert(p.name);
    for (const syntax::OperandName &name : root.operands)
      used.insert(name.name);
    OpCode op = std::get<OpCode>(root.op);
    bool known = op == OpCode::Add || op == OpCode::Multiply || op == OpCode::Maximum ||
                 op == OpCode::Minimum || op == OpCode::And || op == OpCode::Or;
    if (!known || parameters.size() != 2 || used != parameters || root.shape.tuple)
      refuse();
    for (const Instruction &p : c.instructions)
      if (p.shape.shape.type != i.shape.shape.type || !p.shape.shape.dims.empty())
        fail(i.callee.location,
             "computation '" + c.name + "' works on another type than the reduction");
    return op;
  }

  Value call(const Instruction &i, const std::vector<Value> &operands) {
    const Computation &c = callee(i);
    if (!active_.insert(&c).second)
      fail(i.callee.location, "computation '" + c.name + "' calls itself");
    if (active_.size() > 200)
      fail(i.callee.location, "calls are nested too deeply");
    check_parameter_numbers(c);
    auto count =
        static_cast<std::size_t>(std::count_if(c.instructions.begin(), c.instructions.end(),
                                               [](auto &p) { return is(p, OpCode::Parameter); }));
    if (count != operands.size())
      fail(i.op_location, "computation '" + c.name + "' takes " + std::to_string(count) +
                              " operands, not " + std::to_string(operands.size()));
    Value result = computation(c, &operands);
    active_.erase(&c);
    if (!result.tuple && (i.shape.tuple || graph_[result.node].shape != concrete(i.shape)))
      fail(i.shape.location,
           "computation '" + c.name + "' gives " + graph_[result.node].shape.to_string());
    return result;
  }

  Value parameter(const Instruction &i, const std::vector<Value> *arguments) {
    auto number = static_cast<std::size_t>(i.attributes.front().second.front().value());
    if (arguments) {
      const Value &value = (*arguments)[number];
      if (!value.tuple && (i.shape.tuple || graph_[value.node].shape != concrete(i.shape)))
        fail(i.shape.location, "parameter(" + std::to_string(number) + ") is given " +
                                   graph_[value.node].shape.to_string());
      return value;
    }
    if (i.shape.tuple)
      fail(i.shape.location, "tuple parameters of ENTRY are not supported");
    const WrittenShape *layout_source = &i.shape;
    if (!i.shape.layout && number < module_.entry_parameters.size())
      layout_source = &module_.entry_parameters[number];
    std::size_t first = graph_.nodes.size();
    NodeId node = read_boundary(graph_, concrete(i.shape), layout_source->layout,
                                static_cast<std::int64_t>(number), unique(i.name), i.location);
    remember_movements(first + 1);
    return {node, {}, false};
  }

  Value element_of_tuple(const Instruction &i, const std::vector<Value> &operands) {
    if (operands.size() != 1 || !operands[0].tuple)
      fail(i.op_location, "get-tuple-element takes one tuple");
    if (!i.has(AttributeKey::TupleIndex))
      fail(i.op_location, "get-tuple-element needs index=");
    std::int64_t index = i.attributes.front().second.front().value();
    if (index < 0 || index >= static_cast<std::int64_t>(operands[0].elements.size()))
      fail(i.op_location, "index " + std::to_string(index) + " of a tuple of " +
                              std::to_string(operands[0].elements.size()) + " elements");
    return operands[0].elements[static_cast<std::size_t>(index)];
  }

  void collect_results(const Value &value, const WrittenShape &written,
                       const WrittenShape *layouts) {
    if (!value.tuple) {
      const auto &layout = !written.tuple && written.layout ? written.layout
                           : layouts && !layouts->tuple     ? layouts->layout
                                                            : written.layout;
      std::size_t first = graph_.nodes.size();
      graph_.results.push_back(write_boundary(graph_, value.node, layout, written.location));
      remember_movements(first);
      return;
    }
    for (std::size_t k = 0; k < value.elements.size(); ++k) {
      const WrittenShape *element =
          written.tuple && k < written.elements.size() ? &written.elements[k] : nullptr;
      if (!element)
        fail(written.location,
             "the root is a tuple of " + std::to_string(value.elements.size()) + " elements");
      bool has = layouts && layouts->tuple && k < layouts->elements.size();
      collect_results(value.elements[k], *element, has ? &layouts->elements[k] : nullptr);
    }
  }

  /// Names of inlined computations may repeat: later ones get a number.
  std::string unique(const std::string &name) {
    std::string out = name;
    for (int &n = next_number_[name]; !used_names_.insert(out).second;)
      out = name + "." + std::to_string(++n);
    return out;
  }

  void remember_movements(std::size_t first) {
    for (std::size_t i = first; i < graph_.nodes.size(); ++i)
      movements_.push_back(static_cast<std::uint32_t>(i));
  }

  /// What layouts became has no name in the text, and yields to the names that stand there.
  void name_movements() {
    for (std::uint32_t i : movements_)
      graph_.nodes[i].name = unique(graph_.nodes[i].name);
  }

  const syntax::Module &module_;
  std::map<std::string, const Computation *> computations_;
  std::set<const Computation *> active_;
  std::set<std::string> used_names_;
  std::map<std::string, int> next_number_; ///< by name: the last number given to it
  std::vector<std::uint32_t> movements_;   ///< nodes that layouts at the boundary became
  std::size_t values_ = 0;                 ///< instructions and operands so far
  TensorGraph graph_;
};

} // namespace

TensorGraph parse_hlo(const SourceRef &source) {
  Cursor cursor(source);
  syntax::Module module = syntax::Reader(cursor, nullptr).module();
  return Lowering(module).lower();
}

} // namespace isamorph::semantics
