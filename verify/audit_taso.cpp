// From TASO's expressions to the language of rules: sizes by unification, then the HLO text of both
// sides over the same parameters.
#include "verify/audit_taso.h"

#include "semantics/cursor.h"
#include "semantics/hlo.h"
#include "verify/audit_taso_sizes.h"

#include <algorithm>
#include <fmt/format.h>

namespace isamorph::verify {
namespace {

using semantics::ElementType;
using semantics::RewriteRule;
using SizeIds = std::vector<SizeId>;

int input_number(const std::string &name) {
  return name.starts_with("input_") ? std::stoi(name.substr(6)) : 0;
}

/// The shapes of all expressions of a rule, as sizes to be unified.
class Shapes {
public:
  explicit Shapes(const TasoRule &rule) : rule_(rule), of_(rule.nodes.size()) {
    for (std::uint32_t i = 0; i < rule.nodes.size(); ++i)
      of_[i] = infer(rule.nodes[i]);
    if (!unify(of_[rule.left], of_[rule.right]))
      semantics::fail(rule.nodes[rule.right].location,
                      "the two sides have different shapes: " + text(of_[rule.left]) + " and " +
                          text(of_[rule.right]));
    for (std::uint32_t i = 0; i < rule.nodes.size(); ++i)
      for (SizeId size : of_[i])
        if (!sizes.moderate(size))
          semantics::fail(rule.nodes[i].location, "a size here is the sum of too many others");
  }

  const SizeIds &operator[](std::uint32_t node) const { return of_[node]; }
  /// By number.
  const std::map<int, SizeIds> &inputs() const { return inputs_; }
  TasoSizes sizes;

  std::string text(const SizeIds &shape) {
    std::string out = "[";
    for (std::size_t i = 0; i < shape.size(); ++i)
      out += (i ? "," : "") + sizes.text(shape[i]);
    return out + "]";
  }

private:
  const TasoRule &rule_;
  std::vector<SizeIds> of_;
  std::map<int, SizeIds> inputs_;

  SizeIds weights(std::int64_t height, std::int64_t width) {
    return {sizes.unknown(), sizes.unknown(), sizes.number(height), sizes.number(width)};
  }

  SizeIds image() {
    return {sizes.unknown(), sizes.unknown(), sizes.unknown(true), sizes.unknown(true)};
  }

  SizeIds input(int number) {
    auto [entry, fresh] = inputs_.emplace(number, SizeIds{});
    if (!fresh)
      return entry->second;
    SizeIds &out = entry->second;
    if (number <= 6)
      out = {sizes.unknown(), sizes.unknown()};
    else if (number <= 9)
      out = image();
    else if (number <= 12)
      out = weights(3, 3);
    else if (number <= 15)
      out = weights(1, 3);
    else if (number <= 18)
      out = weights(3, 1);
    else if (number == 19)
      out = {sizes.unknown(), sizes.number(1), sizes.number(3), sizes.number(3)};
    return out;
  }

  bool unify(const SizeIds &a, const SizeIds &b) {
    if (a.size() != b.size())
      return false;
    for (std::size_t i = 0; i < a.size(); ++i)
      if (!sizes.unify(a[i], b[i]))
        return false;
    return true;
  }

  [[noreturn]] void misfit(const TasoNode &node, const std::string &why) {
    std::string shapes;
    for (std::uint32_t operand : node.operands)
      shapes += (shapes.empty() ? "" : " and ") + text(of_[operand]);
    semantics::fail(node.location, "'" + node.name + "' of " + shapes + ": " + why);
  }

  void need_rank(const TasoNode &node, std::size_t rank) {
    for (std::uint32_t operand : node.operands)
      if (of_[operand].size() != rank)
        misfit(node, "operands must have rank " + std::to_string(rank));
  }

  SizeIds infer(const TasoNode &node) {
    const std::string &op = node.name;
    if (int number = input_number(op))
      return input(number);
    if (op == "Imatmul") {
      SizeId n = sizes.unknown();
      return {n, n};
    }
    if (op == "Iewmul")
      return image();
    if (op == "Iconv" || op == "Cpool") {
      SizeId channels = sizes.unknown();
      return {channels, op == "Iconv" ? channels : sizes.number(1), sizes.number(node.numbers[0]),
              sizes.number(node.numbers[1])};
    }
    const SizeIds &x = of_[node.operands[0]];
    if (op == "relu")
      return x;
    if (op == "transpose") {
      need_rank(node, 2);
      return {x[1], x[0]};
    }
    if (op == "split_0" || op == "split_1")
      return split(node, x);
    if (op == "poolavg" || op == "poolmax") {
      need_rank(node, 4);
      return windows(node, x, x[1], sizes.number(node.numbers[0]), sizes.number(node.numbers[1]),
                     2);
    }
    if (op == "enlarge") {
      need_rank(node, 4);
      return {x[0], x[1], sizes.number(node.numbers[0]), sizes.number(node.numbers[1])};
    }
    return infer_binary(node, x, of_[node.operands[1]]);
  }

  SizeIds infer_binary(const TasoNode &node, const SizeIds &x, const SizeIds &y) {
    const std::string &op = node.name;
    if (op == "smul") {
      if (!y.empty())
        misfit(node, "the second operand must be a scalar");
      return x;
    }
    if (op == "matmul") {
      need_rank(node, 2);
      if (!sizes.unify(x[1], y[0]))
        misfit(node, "the first operand's columns and the second one's rows cannot be as many");
      return {x[0], y[1]};
    }
    if (op == "concat")
      return concat(node, x, y);
    if (op == "conv2d") {
      need_rank(node, 4);
      bool depthwise = sizes.is_number(y[1], 1);
      if (!sizes.unify(x[1], depthwise ? y[0] : y[1]))
        misfit(node, "the channels cannot be as many");
      return windows(node, x, y[0], y[2], y[3], 0);
    }
    if (!unify(x, y))
      misfit(node, "the shapes cannot be equal");
    return x;
  }

  std::size_t axis(const TasoNode &node, const SizeIds &x) {
    auto out = static_cast<std::size_t>(node.numbers[0]);
    if (out >= x.size())
      misfit(node, "there is no axis " + std::to_string(out));
    return out;
  }

  SizeIds split(const TasoNode &node, SizeIds out) {
    std::size_t along = axis(node, out);
    std::pair<SizeId, SizeId> halves;
    if (!sizes.parts(out[along], halves))
      misfit(node, "that axis is no sum of two sizes");
    out[along] = node.name == "split_0" ? halves.first : halves.second;
    return out;
  }

  SizeIds concat(const TasoNode &node, const SizeIds &x, const SizeIds &y) {
    std::size_t along = axis(node, x);
    if (x.size() != y.size())
      misfit(node, "the ranks differ");
    SizeIds out = x;
    for (std::size_t i = 0; i < x.size(); ++i)
      if (i == along)
        out[i] = sizes.sum(x[i], y[i]);
      else if (!sizes.unify(x[i], y[i]))
        misfit(node, "the other sizes cannot be equal");
    return out;
  }

  /// Strides and padding stand at `strides` in the node's numbers.
  SizeIds windows(const TasoNode &node, const SizeIds &x, SizeId channels, SizeId height,
                  SizeId width, std::size_t strides) {
    bool padded = node.numbers[strides + 2] == 0;
    return {x[0], channels, sizes.windows(x[2], height, node.numbers[strides], padded),
            sizes.windows(x[3], width, node.numbers[strides + 1], padded)};
  }
};

/// The body of one side.
class Side {
public:
  Side(const TasoRule &rule, Shapes &shapes, ElementType type)
      : rule_(rule), shapes_(shapes), type_(semantics::name(type)) {}

  std::string body(std::uint32_t root) {
    std::string result = emit(root);
    return text_ + "ROOT %" + result + "\n";
  }
  const std::vector<std::string> &conditions() const { return conditions_; }

private:
  using Texts = std::vector<std::string>;
  const TasoRule &rule_;
  Shapes &shapes_;
  std::string type_, text_;
  Texts conditions_;
  int next_ = 0;

  std::string size(SizeId id) { return shapes_.sizes.text(id); }

  Texts sizes(std::uint32_t node) {
    Texts out;
    for (SizeId id : shapes_[node])
      out.push_back(size(id));
    return out;
  }

  static std::string quoted(const Texts &sizes, const char *separator = ",") {
    Texts all;
    for (const std::string &size : sizes)
      all.push_back("`" + size + "`");
    return semantics::join(all, separator);
  }

  /// A line `%eN = type[sizes] operation`; its name.
  std::string line(const std::string &type, const Texts &sizes, const std::string &operation) {
    std::string name = "e" + std::to_string(next_++);
    text_ += fmt::format("%{} = {}[{}] {}\n", name, type, quoted(sizes), operation);
    return name;
  }
  std::string line(const Texts &sizes, const std::string &operation) {
    return line(type_, sizes, operation);
  }

  std::string filled(const Texts &sizes, const std::string &value) {
    std::string scalar = line({}, "constant(" + value + ")");
    return line(sizes, "broadcast(%" + scalar + "), dimensions={}");
  }

  std::string emit(std::uint32_t id) {
    const TasoNode &node = rule_.nodes[id];
    if (input_number(node.name))
      return node.name;
    Texts shape = sizes(id), operands;
    for (std::uint32_t operand : node.operands)
      operands.push_back("%" + emit(operand));
    return operation(node, shape, operands);
  }

  std::string operation(const TasoNode &node, const Texts &shape, const Texts &in) {
    const std::string &op = node.name;
    std::string all = semantics::join(in, ", ");
    if (op == "ewadd")
      return line(shape, "add(" + all + ")");
    if (op == "ewmul")
      return line(shape, "multiply(" + all + ")");
    if (op == "smul")
      return line(shape, fmt::format("multiply({}, %{})", in[0],
                                     line(shape, "broadcast(" + in[1] + "), dimensions={}")));
    if (op == "matmul")
      return line(shape, "dot(" + all + "), lhs_contracting_dims={1}, rhs_contracting_dims={0}");
    if (op == "transpose")
      return line(shape, "transpose(" + all + "), dimensions={1,0}");
    if (op == "relu")
      return relu(shape, in[0]);
    if (op == "concat")
      return line(shape, fmt::format("concatenate({}), dimensions={{{}}}", all, node.numbers[0]));
    if (op == "split_0" || op == "split_1")
      return split(node, shape, in[0]);
    if (op == "conv2d")
      return convolution(node, shape, in);
    if (op == "poolavg" || op == "poolmax")
      return pool(node, shape, in[0]);
    if (op == "enlarge")
      return enlarge(node, shape, in[0]);
    if (op == "Imatmul")
      return identity(shape);
    if (op == "Iewmul")
      return filled(shape, "1");
    if (op == "Iconv")
      return identity_weights(node, shape);
    std::string one = filled(shape, "1"), many = filled(shape, window_elements(node));
    return line(shape, fmt::format("divide(%{}, %{})", one, many));
  }

  static std::string window_elements(const TasoNode &node) {
    return std::to_string(node.numbers[0] * node.numbers[1]);
  }

  std::string relu(const Texts &shape, const std::string &x) {
    return line(shape, fmt::format("maximum({}, %{})", x, filled(shape, "0")));
  }

  std::string split(const TasoNode &node, const Texts &shape, const std::string &x) {
    Texts whole = sizes(node.operands[0]), ranges;
    auto axis = static_cast<std::size_t>(node.numbers[0]);
    for (std::size_t i = 0; i < shape.size(); ++i) {
      bool second = i == axis && node.name == "split_1";
      ranges.push_back(fmt::format("[`{}`:`{}`]", second ? whole[i] + "-" + shape[i] : "0",
                                   second ? whole[i] : shape[i]));
    }
    return line(shape, fmt::format("slice({}), slice={{{}}}", x, semantics::join(ranges)));
  }

  /// `pad=` for sizes to be covered by windows; "" where none is.
  std::string padding(const Texts &in, const Texts &out, const Texts &kernel,
                      std::span<const std::int64_t> strides) {
    Texts pads;
    for (std::size_t i = 0; i < in.size(); ++i) {
      std::string total =
          fmt::format("max(({}-1)*{}+{}-{},0)", out[i], strides[i], kernel[i], in[i]);
      pads.push_back(fmt::format("`{0}/2`_`{0}-{0}/2`", total));
    }
    return " pad=" + semantics::join(pads, "x");
  }

  /// The last two dimensions.
  static Texts plane(const Texts &shape) { return {shape[2], shape[3]}; }

  void need_windows(const Texts &shape) {
    for (const std::string &count : plane(shape))
      conditions_.push_back("1 <= " + count);
  }

  std::string convolution(const TasoNode &node, const Texts &shape, const Texts &in) {
    Texts image = sizes(node.operands[0]), weights = sizes(node.operands[1]);
    std::string window = "size=" + quoted(plane(weights), "x") +
                         fmt::format(" stride={}x{}", node.numbers[0], node.numbers[1]);
    if (node.numbers[2] == 0)
      window += padding(plane(image), plane(shape), plane(weights), node.numbers);
    else
      need_windows(shape);
    std::string groups =
        weights[1] == "1" ? fmt::format(", feature_group_count=`{}`", image[1]) : "";
    std::string out =
        line(shape, fmt::format("convolution({}, {}), window={{{}}}, dim_labels=bf01_oi01->bf01{}",
                                in[0], in[1], window, groups));
    return activation(node.numbers[3], shape, out);
  }

  std::string activation(std::int64_t kind, const Texts &shape, const std::string &x) {
    switch (kind) {
    case 1:
      return line(shape, "logistic(%" + x + ")");
    case 2:
      return relu(shape, "%" + x);
    case 3:
      return line(shape, "tanh(%" + x + ")");
    default:
      return x;
    }
  }

  std::string pool(const TasoNode &node, const Texts &shape, const std::string &x) {
    Texts image = sizes(node.operands[0]),
          kernel = {std::to_string(node.numbers[0]), std::to_string(node.numbers[1])};
    std::span<const std::int64_t> strides = std::span(node.numbers).subspan(2);
    bool average = node.name == "poolavg";
    std::string window = fmt::format("size=1x1x{}x{} stride=1x1x{}x{}", kernel[0], kernel[1],
                                     strides[0], strides[1]);
    if (node.numbers[4] == 0) {
      Texts in = {"1", "1", image[2], image[3]}, out = {"1", "1", shape[2], shape[3]},
            sides = {"1", "1", kernel[0], kernel[1]};
      std::vector<std::int64_t> steps = {1, 1, strides[0], strides[1]};
      window += padding(in, out, sides, steps);
    } else {
      need_windows(shape);
    }
    std::string init = line({}, average ? "constant(0)" : "constant(-inf)");
    std::string out = line(shape, fmt::format("reduce-window({}, %{}), window={{{}}}, to_apply={}",
                                              x, init, window, average ? "add" : "maximum"));
    if (!average)
      return out;
    return line(shape, fmt::format("divide(%{}, %{})", out, filled(shape, window_elements(node))));
  }

  std::string enlarge(const TasoNode &node, const Texts &shape, const std::string &x) {
    Texts small = sizes(node.operands[0]), pads = {"0_0", "0_0"};
    for (std::size_t i = 2; i < 4; ++i) {
      std::string more = shape[i] + "-" + small[i];
      conditions_.push_back(small[i] + " <= " + shape[i]);
      pads.push_back(fmt::format("`({0})/2`_`{0}-({0})/2`", more));
    }
    std::string zero = line({}, "constant(0)");
    return line(shape,
                fmt::format("pad({}, %{}), padding={}", x, zero, semantics::join(pads, "x")));
  }

  std::string identity(const Texts &square) {
    std::string i = line("s32", square, "iota(), iota_dimension=0"),
                j = line("s32", square, "iota(), iota_dimension=1");
    std::string same = line("pred", square, fmt::format("compare(%{}, %{}), direction=EQ", i, j));
    return line(square, "convert(%" + same + ")");
  }

  std::string identity_weights(const TasoNode &node, const Texts &shape) {
    std::string channels = identity({shape[0], shape[1]});
    std::string middle =
        line({shape[0], shape[1], "1", "1"}, "broadcast(%" + channels + "), dimensions={0,1}");
    std::string zero = line({}, "constant(0)");
    auto around = [](std::int64_t size) {
      return fmt::format("{}_{}", size / 2, size - 1 - size / 2);
    };
    return line(shape, fmt::format("pad(%{}, %{}), padding=0_0x0_0x{}x{}", middle, zero,
                                   around(node.numbers[0]), around(node.numbers[1])));
  }
};

semantics::GraphTemplate parse_side(const std::string &name, const std::string &body,
                                    const semantics::Symbols &symbols,
                                    std::span<const semantics::NamedShape> parameters) {
  semantics::Cursor cursor(semantics::make_source("<" + name + ">", body));
  semantics::GraphTemplate out = semantics::parse_template_body(cursor, symbols, parameters, {});
  out.name = name;
  return out;
}

/// What sizes are tried; unknowns are numbered apart for heights and widths and for the others.
std::vector<std::vector<std::int64_t>> size_choices(const std::vector<bool> &spatial) {
  std::vector<std::int64_t> various;
  std::size_t planes = 0, others = 0;
  bool images = std::find(spatial.begin(), spatial.end(), true) != spatial.end();
  for (bool plane : spatial)
    if (plane)
      various.push_back(2 + static_cast<std::int64_t>(planes++ % 2));
    else
      various.push_back(1 + static_cast<std::int64_t>((others++ + 1) % (images ? 3 : 4)));
  return {std::vector<std::int64_t>(spatial.size(), 1),
          std::vector<std::int64_t>(spatial.size(), 2), various};
}

std::optional<RuleInstance> instantiate(const RewriteRule &rule,
                                        const std::vector<std::int64_t> &sizes) {
  semantics::SymbolValues values(rule.symbols);
  for (std::size_t i = 0; i < values.integers.size(); ++i)
    values.integers[i] = i < sizes.size() ? sizes[i] : 1;
  for (const semantics::IntExpr &condition : rule.conditions)
    if (condition.evaluate(values.integers).value_or(0) == 0)
      return std::nullopt;
  return RuleInstance{semantics::instantiate(rule.from, values),
                      semantics::instantiate(rule.to, values)};
}

struct Translation {
  RewriteRule rule;
  std::vector<bool> spatial; ///< by integer symbol
};

Translation translate(const TasoRule &taso, ElementType type) {
  Shapes shapes(taso);
  std::vector<semantics::NamedShape> parameters;
  std::string header;
  Translation out;
  RewriteRule &rule = out.rule;
  rule.name = taso.text;
  rule.location = taso.nodes[taso.left].location;
  std::vector<std::string> dims;
  for (const auto &[number, sizes] : shapes.inputs())
    dims.push_back(shapes.text(sizes));
  Side left(taso, shapes, type), right(taso, shapes, type);
  std::string from = left.body(taso.left), to = right.body(taso.right);
  out.spatial = shapes.sizes.spatial();
  for (std::size_t i = 0; i < out.spatial.size(); ++i)
    rule.symbols.integers.add("n" + std::to_string(i));
  std::size_t next = 0;
  for (const auto &[number, sizes] : shapes.inputs()) {
    std::string name = "input_" + std::to_string(number),
                shape = std::string(semantics::name(type)) + dims[next++];
    semantics::Cursor cursor(semantics::make_source("<" + name + ">", shape));
    parameters.push_back({name, semantics::parse_shape_template(cursor, rule.symbols),
                          taso.nodes[taso.left].location});
    header += "%" + name + " : " + shape + "\n";
  }
  rule.from = parse_side("left", from, rule.symbols, parameters);
  rule.to = parse_side("right", to, rule.symbols, parameters);
  std::string where;
  for (const Side *side : {&left, &right})
    for (const std::string &condition : side->conditions()) {
      semantics::Cursor cursor(semantics::make_source("<condition>", condition));
      rule.conditions.push_back(semantics::parse_int_expr(cursor, rule.symbols.integers));
      where += "where " + condition + "\n";
    }
  rule.text = header + where + "from {\n" + from + "}\nto {\n" + to + "}\n";
  return out;
}

} // namespace

RewriteRule taso_rewrite(const TasoRule &rule, ElementType type) {
  return translate(rule, type).rule;
}

RuleSubject taso_subject(const TasoRule &taso, ElementType type) {
  Translation translation = translate(taso, type);
  RuleSubject out;
  out.rule = taso.text;
  std::vector<std::vector<std::int64_t>> tried;
  for (const auto &sizes : size_choices(translation.spatial)) {
    if (std::find(tried.begin(), tried.end(), sizes) != tried.end())
      continue;
    tried.push_back(sizes);
    if (auto instance = instantiate(translation.rule, sizes))
      out.instances.push_back(std::move(*instance));
  }
  out.general = std::move(translation.rule);
  return out;
}

} // namespace isamorph::verify
