// From instructions of names to a GraphTemplate: the bodies of ISA instructions and the sides of
// rewrite rules.
#include "semantics/hlo.h"
#include "semantics/hlo_syntax.h"

#include <limits>
#include <utility>

namespace isamorph::semantics {
namespace {

using syntax::Instruction;

/// The value that a reduction starts from when the text names none.
double identity_of(OpCode op) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  switch (op) {
  case OpCode::Multiply:
    return 1;
  case OpCode::Maximum:
    return -infinity;
  case OpCode::Minimum:
    return infinity;
  default:
    return 0;
  }
}

/// The identity as an integer type has it: all ones for `and`, the extreme values for maximum and
/// minimum.
std::uint64_t identity_bits(OpCode op, ElementType type) {
  if (is_float(type))
    return encode(type, identity_of(op));
  bool sign = is_signed_integer(type);
  int bits = 8 * byte_size(type);
  std::uint64_t ones = bits == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
  std::uint64_t top = std::uint64_t{1} << (bits - 1);
  if (type == ElementType::Pred)
    return op == OpCode::Multiply || op == OpCode::And || op == OpCode::Minimum;
  switch (op) {
  case OpCode::Multiply:
    return 1;
  case OpCode::And:
    return ones;
  case OpCode::Maximum:
    return sign ? top : 0;
  case OpCode::Minimum:
    return sign ? ones ^ top : ones;
  default:
    return 0;
  }
}

class Builder {
public:
  Builder(Cursor &cursor, const Symbols &symbols)
      : cursor_(cursor), symbols_(symbols), reader_(cursor, &symbols_) {}

  GraphTemplate read(std::span<const NamedShape> operands, std::span<const std::string> wanted) {
    for (const NamedShape &operand : operands) {
      TemplateNode node;
      node.op = OpCode::Parameter;
      node.attributes = {{AttributeKey::ParameterNumber,
                          {IntExpr(static_cast<std::int64_t>(graph_.parameters.size()))}}};
      node.shape = operand.shape;
      node.name = operand.name;
      node.location = operand.location;
      graph_.parameters.push_back(define(std::move(node)));
    }
    Location begin = cursor_.here();
    std::optional<std::uint32_t> root;
    while (!cursor_.looking_at("}") && !cursor_.at_end())
      read_one(root);
    choose_results(root, wanted, begin);
    name_earlier_ones();
    return std::move(graph_);
  }

private:
  void read_one(std::optional<std::uint32_t> &root) {
    Location place = cursor_.here();
    if (cursor_.accept_word("repeat"))
      return read_loop(root);
    std::optional<syntax::OperandName> root_name;
    auto instruction = reader_.instruction(root_name);
    bool is_root = !instruction || instruction->root;
    if (is_root && root)
      fail(place, "a second ROOT");
    std::uint32_t node = instruction ? add(*instruction) : find(*root_name);
    if (is_root)
      root = node;
  }

  /// `repeat NAME in START..END { ... }`: the instructions once for each value, which is a constant
  /// in them.
  void read_loop(std::optional<std::uint32_t> &root) {
    Location place = cursor_.here();
    std::string variable = cursor_.identifier("the loop's variable");
    if (symbols_.integers.find(variable) || symbols_.constants.contains(variable))
      fail(place, "'" + variable + "' already has a meaning here");
    cursor_.expect_word("in");
    std::int64_t start = loop_bound();
    cursor_.expect("..");
    Location end_place = cursor_.here();
    std::int64_t end = loop_bound();
    if (start >= end)
      fail(end_place, "this loop has no iteration");
    cursor_.expect("{");
    std::size_t begin = cursor_.offset();
    ++loops_;
    for (std::int64_t value = start; value < end; ++value) {
      cursor_.seek(begin);
      symbols_.constants[variable] = value;
      while (!cursor_.accept("}")) {
        if (cursor_.at_end())
          cursor_.error_expected("'}'");
        read_one(root);
      }
      if (graph_.nodes.size() > kMaxLoopNodes)
        fail(place, "loops of more than " + std::to_string(kMaxLoopNodes) + " instructions");
    }
    symbols_.constants.erase(variable);
    --loops_;
  }

  std::int64_t loop_bound() {
    Location place = cursor_.here();
    IntExpr bound = parse_int_expr(cursor_, symbols_.integers, symbols_.constants);
    if (!bound.is_constant())
      fail(place, "a loop's bound must be a constant");
    return bound.value();
  }

  /// What a loop defined again keeps its name for the last time; earlier ones get numbers.
  void name_earlier_ones() {
    for (auto [earlier, later] : redefined_) {
      std::string base = graph_.nodes[later].name;
      std::uint32_t &number = numbers_[base];
      std::string name;
      do
        name = base + "." + std::to_string(++number);
      while (names_.contains(name));
      graph_.nodes[earlier].name = std::move(name);
    }
  }

  void choose_results(std::optional<std::uint32_t> root, std::span<const std::string> wanted,
                      const Location &begin) {
    if (root)
      graph_.results = {*root};
    else
      for (const std::string &name : wanted)
        graph_.results.push_back(find({name, begin}));
    if (graph_.results.empty())
      fail(begin, "the body has no ROOT");
  }

  std::uint32_t define(TemplateNode node) {
    auto id = static_cast<std::uint32_t>(graph_.nodes.size());
    auto [known, fresh] = names_.emplace(node.name, id);
    if (!fresh && (loops_ == 0 || graph_.nodes[known->second].op == decltype(node.op)(
                                      OpCode::Parameter)))
      fail(node.location, "'%" + node.name + "' is defined twice");
    if (!fresh)
      redefined_.emplace_back(std::exchange(known->second, id), id);
    graph_.nodes.push_back(std::move(node));
    return id;
  }

  std::uint32_t find(const syntax::OperandName &name) {
    auto found = names_.find(name.name);
    if (found != names_.end())
      return found->second;
    std::vector<std::string> known;
    for (const auto &[other, id] : names_)
      known.push_back(other);
    fail(name.location, "unknown name '%" + name.name + "'", suggest(name.name, known));
  }

  std::uint32_t add(const Instruction &i) {
    if (i.shape.tuple)
      fail(i.shape.location, "a tuple stands where a tensor is expected");
    TemplateNode node;
    node.op = i.op;
    for (const auto &entry : i.attributes)
      if (!entry.second.empty())
        node.attributes.push_back(entry);
    node.literal = i.literal;
    node.literal_value = i.literal_value;
    node.shape = i.shape.shape;
    node.name = i.name;
    node.location = i.location;
    for (const syntax::OperandName &name : i.operands)
      node.operands.push_back(find(name));
    if (i.kind == syntax::Kind::ReduceWithIdentity)
      node.operands.push_back(identity(i));
    check_arity(i, node);
    std::uint32_t id = define(std::move(node));
    if (const auto *op = std::get_if<OpCode>(&i.op); op && *op == OpCode::Parameter) {
      std::int64_t number = i.attributes.front().second.front().value();
      if (number != static_cast<std::int64_t>(graph_.parameters.size()))
        fail(i.location, "parameters must stand in order, without gaps");
      graph_.parameters.push_back(id);
    }
    return id;
  }

  void check_arity(const Instruction &i, const TemplateNode &node) const {
    auto count = static_cast<int>(node.operands.size());
    bool symbol = std::holds_alternative<std::uint32_t>(i.op);
    int least = symbol ? symbols_.operation_arity[std::get<std::uint32_t>(i.op)]
                       : info(std::get<OpCode>(i.op)).min_arity;
    int most = symbol ? least : info(std::get<OpCode>(i.op)).max_arity;
    if (count < least || (most >= 0 && count > most))
      fail(i.op_location, "this operation takes " + std::to_string(least) +
                              (most < 0 ? " or more" : "") + " operands, not " +
                              std::to_string(count));
  }

  std::uint32_t identity(const Instruction &i) {
    const auto *type = std::get_if<ElementType>(&i.shape.shape.type);
    if (!type)
      fail(i.op_location, "a reduction without initial value needs a known element type");
    auto op = static_cast<OpCode>(i.attributes.front().second.front().value());
    for (const auto &[key, values] : i.attributes)
      if (key == AttributeKey::Reducer)
        op = static_cast<OpCode>(values.front().value());
    TemplateNode node;
    node.op = OpCode::Constant;
    auto value = std::make_shared<Tensor>(Shape{*type, {}});
    value->set_bits(0, identity_bits(op, *type));
    node.literal = value;
    node.shape.type = *type;
    node.name = i.name + ".init";
    node.location = i.location;
    return define(std::move(node));
  }

  /// Nodes of a body with loops.
  static constexpr std::size_t kMaxLoopNodes = std::size_t{1} << 17;

  Cursor &cursor_;
  Symbols symbols_; ///< with the values of loops' variables
  syntax::Reader reader_;
  GraphTemplate graph_;
  std::map<std::string, std::uint32_t> names_;
  std::size_t loops_ = 0; ///< around what is read
  std::vector<std::pair<std::uint32_t, std::uint32_t>> redefined_; ///< by whom
  std::map<std::string, std::uint32_t> numbers_;
};

} // namespace

GraphTemplate parse_template_body(Cursor &cursor, const Symbols &symbols,
                                  std::span<const NamedShape> operands,
                                  std::span<const std::string> wanted) {
  return Builder(cursor, symbols).read(operands, wanted);
}

ShapeTemplate parse_shape_template(Cursor &cursor, const Symbols &symbols) {
  return syntax::Reader(cursor, &symbols).shape_template();
}

} // namespace isamorph::semantics
