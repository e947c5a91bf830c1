#include "spec/assembly.h"
#include "spec/body_text.h"
#include "spec/isa.h"

#include <algorithm>
#include <sstream>

namespace isamorph::spec {
namespace {

using semantics::GraphTemplate;
using semantics::TemplateNode;

class Difference {
public:
  Difference(const Isa &a, const Isa &b, DiffScope scope)
      : a_(a), b_(b), name_a_(a.name), name_b_(b.name),
        everything_(scope == DiffScope::Everything) {
    if (a.name != b.name)
      return;
    bool same = parameters(a) == parameters(b);
    name_a_ = same ? "the first" : a.name + "(" + parameters(a) + ")";
    name_b_ = same ? "the second" : b.name + "(" + parameters(b) + ")";
  }

  std::vector<std::string> lines() {
    say("parameters", parameters(a_), parameters(b_));
    buffers();
    if (everything_)
      say("units", semantics::join(a_.units), semantics::join(b_.units));
    each(a_.state, b_.state, "state ", [&](const StateVariable &x, const StateVariable &y) {
      say("state " + x.name, state_text(x), state_text(y));
    });
    if (!(a_.numerics == b_.numerics))
      say("numerics", one_line(semantics::print_numerics(a_.numerics)),
          one_line(semantics::print_numerics(b_.numerics)));
    instructions();
    if (everything_)
      assemblies();
    return std::move(lines_);
  }

private:
  static std::string one_line(const std::string &text) {
    std::istringstream in(text);
    std::string out;
    for (std::string word; in >> word;)
      out += (out.empty() ? "" : " ") + word;
    return out;
  }

  void only_in(const std::string &what, const std::string &name) {
    lines_.push_back(what + ": only in " + name);
  }

  void say(const std::string &what, const std::string &in_a, const std::string &in_b) {
    auto shown = [](const std::string &text) {
      return text.empty() ? std::string("nothing") : text;
    };
    if (in_a != in_b)
      lines_.push_back(what + ": " + shown(in_a) + " in " + name_a_ + ", " + shown(in_b) + " in " +
                       name_b_);
  }

  static std::string parameters(const Isa &isa) {
    std::vector<std::string> out;
    for (const auto &[name, value] : isa.parameters)
      out.push_back(name + " = " + std::to_string(value));
    return semantics::join(out);
  }

  static std::string buffer_text(const Buffer &buffer) {
    if (buffer.off_chip)
      return "hbm";
    std::string out = "[" + semantics::join_dims(buffer.addressed) + "] x " +
                      std::string(semantics::name(buffer.type));
    return out + "[" + semantics::join_dims(buffer.unit) + "]";
  }

  void buffers() {
    each(a_.buffers, b_.buffers, "buffer ", [&](const Buffer &x, const Buffer &y) {
      say("buffer " + x.name, buffer_text(x), buffer_text(y));
    });
  }

  /// Calls `compare` for items of the same name, and reports those that one side lacks.
  template <class Item, class Compare>
  void each(const std::vector<Item> &in_a, const std::vector<Item> &in_b, const std::string &kind,
            Compare compare) {
    auto find = [](const std::vector<Item> &items, const std::string &name) {
      return std::find_if(items.begin(), items.end(),
                          [&](const Item &item) { return item.name == name; });
    };
    for (const Item &item : in_a)
      if (auto other = find(in_b, item.name); other != in_b.end())
        compare(item, *other);
      else
        only_in(kind + item.name, name_a_);
    for (const Item &item : in_b)
      if (find(in_a, item.name) == in_a.end())
        only_in(kind + item.name, name_b_);
  }

  static std::string region_text(const Isa &isa, const Region &region) {
    std::string out = isa.buffer(region.buffer).name + "[";
    for (std::size_t i = 0; i < region.starts.size(); ++i)
      out += (i ? ", " : "") + region.starts[i].to_string() + " : " +
             (region.steps ? region.steps->count.to_string() + " step " +
                                 region.steps->distance.to_string() + " : "
                           : "") +
             region.extents[i].to_string();
    return out + "]";
  }

  static std::string state_text(const StateVariable &variable) {
    return std::to_string(variable.low) + ".." + std::to_string(variable.high) + " = " +
           std::to_string(variable.initial);
  }

  static std::string updates_text(const Isa &isa, const std::vector<Update> &updates) {
    std::vector<std::string> parts;
    for (const Update &update : updates)
      parts.push_back(isa.state[update.variable].name + " = " + update.value.to_string());
    return semantics::join(parts);
  }

  static std::string attributes(const Instruction &instruction) {
    auto names = instruction.attribute_names();
    auto split = names.begin() + instruction.computational;
    return "(" + semantics::join(std::vector<std::string>(names.begin(), split)) + ") [" +
           semantics::join(std::vector<std::string>(split, names.end())) + "]";
  }

  void instructions() {
    each(a_.instructions, b_.instructions, "instruction ",
         [&](const Instruction &x, const Instruction &y) { instruction(x, y); });
  }

  void instruction(const Instruction &x, const Instruction &y) {
    std::string what = "instruction " + x.name + ": ";
    say(what + "attributes", attributes(x), attributes(y));
    say(what + "update before", updates_text(a_, x.before), updates_text(b_, y.before));
    if (everything_) {
      say(what + "unit", a_.units[x.cost.unit], b_.units[y.cost.unit]);
      say(what + "latency", x.cost.latency.to_string(), y.cost.latency.to_string());
      say(what + "bytes", x.cost.bytes.to_string(), y.cost.bytes.to_string());
      say(what + "assembly", one_line(x.assembly), one_line(y.assembly));
    }
    auto ways_x = x.ways(), ways_y = y.ways();
    if (ways_x.size() != ways_y.size())
      return say(what + "ways through its conditions", std::to_string(ways_x.size()),
                 std::to_string(ways_y.size()));
    for (std::size_t i = 0; i < ways_x.size(); ++i)
      way(x.arms.empty() ? what : what + "arm " + std::to_string(i + 1) + ": ", ways_x[i],
          ways_y[i]);
  }

  void way(const std::string &what, const Instruction &x, const Instruction &y) {
    say(what + "condition", x.guard.to_string(), y.guard.to_string());
    auto list = [&](const std::string &name, std::size_t count_x, std::size_t count_y, auto text_x,
                    auto text_y) {
      for (std::size_t i = 0; i < std::max(count_x, count_y); ++i)
        say(what + name, i < count_x ? text_x(i) : "", i < count_y ? text_y(i) : "");
    };
    list(
        "reads", x.reads.size(), y.reads.size(),
        [&](std::size_t i) { return region_text(a_, x.reads[i].region); },
        [&](std::size_t i) { return region_text(b_, y.reads[i].region); });
    list(
        "writes", x.writes.size(), y.writes.size(),
        [&](std::size_t i) { return region_text(a_, x.writes[i].region); },
        [&](std::size_t i) { return region_text(b_, y.writes[i].region); });
    list(
        "where", x.constraints.size(), y.constraints.size(),
        [&](std::size_t i) { return x.constraints[i].to_string(); },
        [&](std::size_t i) { return y.constraints[i].to_string(); });
    say(what + "update after", updates_text(a_, x.after), updates_text(b_, y.after));
    body(what, x, y);
  }

  /// Bodies with nothing in common, such as unrolled loops, are not listed in full.
  static constexpr std::size_t kShownNodes = 12;

  /// What a node is, but for its own name and its operands' names.
  static std::string kind(const TemplateNode &node) {
    return std::string(semantics::info(std::get<semantics::OpCode>(node.op)).name);
  }
  static std::string details(const TemplateNode &node) {
    std::string out = attribute_text(node);
    if (node.literal || node.literal_value)
      out += ", value " + literal_text(node);
    return out.empty() ? out : out.substr(2);
  }

  void body(const std::string &what, const Instruction &x, const Instruction &y) {
    const GraphTemplate &in_a = x.body, &in_b = y.body;
    bool same_skeleton = in_a.nodes.size() == in_b.nodes.size();
    for (std::size_t i = 0; same_skeleton && i < in_a.nodes.size(); ++i)
      same_skeleton = in_a.nodes[i].op == in_b.nodes[i].op;
    if (same_skeleton)
      nodes_by_position(what, in_a, in_b);
    else
      nodes_by_name(what, in_a, in_b);
    for (std::size_t i = 0; i < std::min(in_a.results.size(), in_b.results.size()); ++i)
      if (!same_skeleton ? in_a.nodes[in_a.results[i]].name != in_b.nodes[in_b.results[i]].name
                         : in_a.results[i] != in_b.results[i])
        say(what + "what is written", "%" + in_a.nodes[in_a.results[i]].name,
            "%" + in_b.nodes[in_b.results[i]].name);
  }

  void nodes_by_position(const std::string &what, const GraphTemplate &in_a,
                         const GraphTemplate &in_b) {
    auto operands = [](const GraphTemplate &body, const TemplateNode &node) {
      std::vector<std::string> names;
      for (std::uint32_t operand : node.operands)
        names.push_back("%" + body.nodes[operand].name);
      return "(" + semantics::join(names) + ")";
    };
    for (std::size_t i = 0; i < in_a.nodes.size(); ++i) {
      const TemplateNode &x = in_a.nodes[i], &y = in_b.nodes[i];
      std::string node = what + "%" + x.name + " = " + kind(x);
      if (x.operands != y.operands)
        say(node + ": operands", operands(in_a, x), operands(in_b, y));
      say(node + ": shape", shape_text(x.shape), shape_text(y.shape));
      say(node, details(x), details(y));
    }
  }

  void nodes_by_name(const std::string &what, const GraphTemplate &in_a,
                     const GraphTemplate &in_b) {
    std::size_t before = lines_.size();
    std::vector<std::string> texts_a, texts_b;
    for (const TemplateNode &node : in_a.nodes)
      texts_a.push_back(node_text(in_a, node));
    for (const TemplateNode &node : in_b.nodes)
      texts_b.push_back(node_text(in_b, node));
    each(in_a.nodes, in_b.nodes, what + "%", [&](const TemplateNode &x, const TemplateNode &y) {
      say(what + "%" + x.name, texts_a[static_cast<std::size_t>(&x - in_a.nodes.data())],
          texts_b[static_cast<std::size_t>(&y - in_b.nodes.data())]);
    });
    std::size_t found = lines_.size() - before;
    if (found <= kShownNodes)
      return;
    lines_.resize(before + kShownNodes);
    lines_.push_back(what + std::to_string(found - kShownNodes) + " more operations differ");
  }

  void assemblies() {
    each(a_.assemblies, b_.assemblies, "assembly ",
         [&](const AssemblySyntax &x, const AssemblySyntax &y) {
           for (const AssemblyTemplate &item : assembly_templates())
             if (x.*(item.text) != y.*(item.text))
               lines_.push_back("assembly " + x.name + ": template " + std::string(item.key) +
                                " differs");
           if (x.types != y.types)
             lines_.push_back("assembly " + x.name + ": types differ");
         });
  }

  const Isa &a_, &b_;
  std::string name_a_, name_b_; ///< as they are told apart
  bool everything_;
  std::vector<std::string> lines_;
};

} // namespace

std::vector<std::string> diff(const Isa &a, const Isa &b, DiffScope scope) {
  return Difference(a, b, scope).lines();
}

} // namespace isamorph::spec
