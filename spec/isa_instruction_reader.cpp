#include "semantics/hlo.h"
#include "spec/assembly.h"
#include "spec/isa_reader.h"

#include <algorithm>

namespace isamorph::spec {
namespace {

using semantics::Cursor;
using semantics::fail;
using semantics::Location;

/// Source text with comments gone and every run of spaces made one.
std::string one_line(std::string_view text) {
  std::string out;
  bool space = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    bool line = text.substr(i, 2) == "//", block = text.substr(i, 2) == "/*";
    if (line || block) {
      std::size_t end = line ? text.find('\n', i) : text.find("*/", i + 2);
      i = end == std::string_view::npos ? text.size() : line ? end : end + 1;
      space = true;
    } else if (text[i] == ' ' || text[i] == '\t' || text[i] == '\n' || text[i] == '\r') {
      space = true;
    } else {
      out += space && !out.empty() ? " " : "";
      out += text[i];
      space = false;
    }
  }
  return out;
}

std::string type_text(const semantics::ShapeTemplate &shape) {
  return std::string(semantics::name(std::get<ElementType>(shape.type)));
}

std::string shape_text(const semantics::ShapeTemplate &shape) {
  std::string out = type_text(shape) + "[";
  for (std::size_t i = 0; i < shape.dims.size(); ++i)
    out += (i ? "," : "") + shape.dims[i].to_string();
  return out + "]";
}

semantics::ShapeTemplate region_shape(const Region &region, const Buffer &buffer) {
  semantics::ShapeTemplate shape;
  shape.type = buffer.type;
  if (region.steps)
    shape.dims.push_back(region.steps->count);
  shape.dims.insert(shape.dims.end(), region.extents.begin(), region.extents.end());
  for (std::int64_t size : buffer.unit)
    shape.dims.emplace_back(size);
  return shape;
}

std::vector<std::string> node_names(const semantics::GraphTemplate &body) {
  std::vector<std::string> names;
  for (const auto &node : body.nodes)
    names.push_back(node.name);
  return names;
}

/// No size, attribute or constant of the body depends on the instruction's attributes.
bool is_concrete(const semantics::GraphTemplate &body) {
  auto constant = [](const semantics::IntExpr &expression) { return expression.is_constant(); };
  return std::all_of(
      body.nodes.begin(), body.nodes.end(), [&](const semantics::TemplateNode &node) {
        return std::all_of(node.shape.dims.begin(), node.shape.dims.end(), constant) &&
               !node.literal_value &&
               std::all_of(
                   node.attributes.begin(), node.attributes.end(), [&](const auto &attribute) {
                     return std::all_of(attribute.second.begin(), attribute.second.end(), constant);
                   });
      });
}

} // namespace

void IsaReader::read_instruction() {
  Instruction instruction;
  instruction.location = cursor_->here();
  instruction.name = cursor_->identifier("the instruction's name");
  auto [found, is_new] = names_.emplace(instruction.name, "instruction");
  bool replaces = inherited_.erase("instruction " + instruction.name) > 0;
  if (!is_new && !replaces)
    fail(instruction.location,
         found->second == "instruction"
             ? "instruction '" + instruction.name + "' is declared twice"
             : "'" + instruction.name + "' is already the name of a " + found->second);
  instruction.symbols.constants = parameters_;
  read_attributes(instruction);
  for (const StateVariable &variable : isa_.state)
    instruction.symbols.integers.add(variable.name);
  instruction.state_count = static_cast<std::uint32_t>(isa_.state.size());
  cursor_->expect("{");
  read_ways(instruction);
  auto old = std::find_if(isa_.instructions.begin(), isa_.instructions.end(),
                          [&](const Instruction &other) { return other.name == instruction.name; });
  if (old != isa_.instructions.end())
    *old = std::move(instruction);
  else
    isa_.instructions.push_back(std::move(instruction));
}

Instruction IsaReader::read_way(const Instruction &head) {
  Instruction instruction = head;
  written_.clear();
  conditions_ = inside_ifs_ = 0;
  instruction.cost.unit = ~0U;
  bool has_body = false;
  read_items_of(instruction, has_body);
  if (instruction.writes.empty() && instruction.before.empty() && instruction.after.empty())
    fail(instruction.location, "instruction '" + instruction.name + "' writes nothing" +
                                   (choices_.empty() ? "" : " on one way through its conditions"));
  if (instruction.writes.empty() && has_body)
    fail(instruction.location,
         "instruction '" + instruction.name + "' has semantics but writes nothing");
  if (instruction.cost.unit == ~0U)
    fail(instruction.location, "instruction '" + instruction.name + "' has no cost",
         "for example: cost unit dma, latency 10, bytes 0");
  if (!has_body) {
    Cursor nothing(semantics::make_source("<no semantics>", "}"));
    Cursor *outer = std::exchange(cursor_, &nothing);
    read_body(instruction);
    cursor_ = outer;
  }
  resolve_results(instruction);
  return instruction;
}

/// Up to the brace that closes an instruction or an arm.
void IsaReader::read_items_of(Instruction &instruction, bool &has_body) {
  while (!cursor_->accept("}"))
    read_instruction_item(instruction, has_body);
}

void IsaReader::read_attributes(Instruction &instruction) {
  semantics::Scope &scope = instruction.symbols.integers;
  auto list = [&](std::string_view close) {
    while (!cursor_->accept(close)) {
      Location place = cursor_->here();
      std::string name = cursor_->identifier("an attribute's name");
      if (scope.find(name))
        fail(place, "attribute '" + name + "' is declared twice");
      if (parameters_.contains(name))
        fail(place, "attribute '" + name + "' has the name of a parameter of the ISA");
      for (const StateVariable &variable : isa_.state)
        if (variable.name == name)
          fail(place, "attribute '" + name + "' has the name of control state of the ISA");
      scope.add(std::move(name));
      if (!cursor_->looking_at(close))
        cursor_->expect(",");
    }
  };
  if (cursor_->accept("("))
    list(")");
  instruction.computational = static_cast<std::uint32_t>(scope.names.size());
  if (cursor_->accept("["))
    list("]");
}

void IsaReader::read_instruction_item(Instruction &instruction, bool &has_body) {
  refuse_unbuilt_word();
  if (cursor_->accept_word("reads")) {
    if (has_body)
      cursor_->error("`reads` stands before `semantics`");
    read_read(instruction);
  } else if (cursor_->accept_word("writes")) {
    if (has_body)
      cursor_->error("`writes` stands before `semantics`");
    read_write(instruction);
  } else if (cursor_->accept_word("where")) {
    read_constraints(instruction);
  } else if (cursor_->looking_at_word("cost")) {
    only_outside_conditions("the cost");
    cursor_->expect_word("cost");
    read_cost(instruction);
  } else if (cursor_->looking_at_word("assembly")) {
    only_outside_conditions("the assembly");
    cursor_->expect_word("assembly");
    read_own_template(instruction);
  } else if (cursor_->accept_word("update")) {
    read_updates(instruction);
  } else if (cursor_->accept_word("if")) {
    if (has_body)
      cursor_->error("conditions stand before `semantics`");
    read_condition(instruction, has_body);
  } else if (cursor_->looking_at_word("else")) {
    cursor_->error("`else` without `if`");
  } else if (cursor_->looking_at_word("semantics")) {
    if (has_body)
      cursor_->error("an instruction has one `semantics`");
    has_body = true;
    cursor_->expect_word("semantics");
    cursor_->expect("{");
    read_body(instruction);
    cursor_->expect("}");
  } else {
    cursor_->error_expected("reads, writes, where, cost, update, if, assembly, semantics or '}'");
  }
}

void IsaReader::read_updates(Instruction &instruction) {
  bool before = cursor_->looking_at_word("before");
  if (before)
    only_outside_conditions("`update before`");
  if (!cursor_->accept_word("before") && !cursor_->accept_word("after"))
    cursor_->error_expected("before or after");
  std::vector<Update> &updates = before ? instruction.before : instruction.after;
  std::vector<std::string> known;
  for (const StateVariable &variable : isa_.state)
    known.push_back(variable.name);
  cursor_->expect("{");
  do {
    Update update;
    update.location = cursor_->here();
    std::string name = cursor_->identifier("the name of control state");
    auto found = std::find(known.begin(), known.end(), name);
    if (found == known.end())
      fail(update.location, "unknown state '" + name + "'", semantics::suggest(name, known));
    update.variable = static_cast<std::uint32_t>(found - known.begin());
    for (const Update &other : updates)
      if (other.variable == update.variable)
        fail(update.location, "state '" + name + "' is updated twice");
    cursor_->expect("=");
    update.value = expression(instruction);
    updates.push_back(std::move(update));
  } while (cursor_->accept(","));
  cursor_->expect("}");
}

semantics::IntExpr IsaReader::expression(const Instruction &instruction) {
  return semantics::parse_int_expr(*cursor_, instruction.symbols.integers, parameters_);
}

Region IsaReader::read_region(const Instruction &instruction) {
  Region region;
  region.location = cursor_->here();
  std::string name = cursor_->identifier("a buffer's name");
  std::vector<std::string> known;
  for (const Buffer &buffer : isa_.buffers)
    known.push_back(buffer.name);
  auto found = std::find(known.begin(), known.end(), name);
  if (found == known.end())
    fail(region.location, "unknown buffer '" + name + "'", semantics::suggest(name, known));
  region.buffer = static_cast<std::uint32_t>(found - known.begin());
  if (cursor_->accept("["))
    while (!cursor_->accept("]")) {
      region.starts.push_back(expression(instruction));
      region.extents.push_back(cursor_->accept(":") ? expression(instruction)
                                                    : semantics::IntExpr(1));
      if (cursor_->looking_at_word("step"))
        read_steps(instruction, region);
      if (!cursor_->looking_at("]"))
        cursor_->expect(",");
    }
  check_region(region);
  return region;
}

/// After `start : count`.
void IsaReader::read_steps(const Instruction &instruction, Region &region) {
  if (isa_.buffers[region.buffer].addressed.size() != 1)
    cursor_->error("only regions of buffers with one addressed dimension have steps");
  Location place = cursor_->here();
  cursor_->expect_word("step");
  region.steps = Steps{region.extents.back(), expression(instruction)};
  const semantics::IntExpr &count = region.steps->count;
  if (count.is_constant() && count.value() < 1)
    fail(place, "a region is repeated at least once");
  cursor_->expect(":");
  region.extents.back() = expression(instruction);
}

void IsaReader::check_region(const Region &region) const {
  const Buffer &buffer = isa_.buffers[region.buffer];
  if (region.starts.size() != buffer.addressed.size())
    fail(region.location, "buffer '" + buffer.name + "' has " +
                              std::to_string(buffer.addressed.size()) +
                              " addressed dimension(s), but this region has " +
                              std::to_string(region.starts.size()));
  for (std::size_t i = 0; i < region.starts.size(); ++i) {
    const semantics::IntExpr &start = region.starts[i], &extent = region.extents[i];
    std::int64_t size = buffer.addressed[i];
    auto outside = [&](const std::string &what) {
      fail(region.location, what + " of dimension " + std::to_string(i) + " leaves buffer '" +
                                buffer.name + "', which has " + std::to_string(size) + " places");
    };
    if (start.is_constant() && (start.value() < 0 || (!buffer.off_chip && start.value() >= size)))
      outside("start " + start.to_string());
    if (extent.is_constant() && (extent.value() < 0 || (!buffer.off_chip && extent.value() > size)))
      outside("extent " + extent.to_string());
    if (start.is_constant() && extent.is_constant() && !buffer.off_chip &&
        extent.value() > size - start.value())
      outside("region [" + start.to_string() + " : " + extent.to_string() + "]");
  }
}

void IsaReader::read_read(Instruction &instruction) {
  Location place = cursor_->here();
  cursor_->expect("%");
  Read read;
  read.name = cursor_->identifier("the name of what is read", ".-");
  for (const Read &other : instruction.reads)
    if (other.name == read.name)
      fail(place, "'%" + read.name + "' is read twice");
  cursor_->expect("=");
  read.region = read_region(instruction);
  read.shape = region_shape(read.region, isa_.buffers[read.region.buffer]);
  instruction.reads.push_back(std::move(read));
}

void IsaReader::read_write(Instruction &instruction) {
  Write write;
  write.region = read_region(instruction);
  cursor_->expect("=");
  written_.push_back(cursor_->here());
  cursor_->expect("%");
  write.value = cursor_->identifier("the name of what is written", ".-");
  instruction.writes.push_back(std::move(write));
}

void IsaReader::read_constraints(Instruction &instruction) {
  do {
    Location place = cursor_->here();
    instruction.constraints.push_back(expression(instruction));
    std::string_view text = place.source->text;
    instruction.constraint_texts.push_back(
        one_line(text.substr(place.offset, cursor_->offset() - place.offset)));
    const semantics::IntExpr &condition = instruction.constraints.back();
    if (condition.is_constant() && condition.value() == 0)
      fail(place, "this constraint never holds");
  } while (cursor_->accept(","));
}

void IsaReader::read_cost(Instruction &instruction) {
  if (instruction.cost.unit != ~0U)
    cursor_->error("an instruction has one `cost`");
  do {
    if (cursor_->accept_word("unit")) {
      Location place = cursor_->here();
      std::string name = cursor_->identifier("a unit's name");
      auto found = std::find(isa_.units.begin(), isa_.units.end(), name);
      if (found == isa_.units.end())
        fail(place, "unknown unit '" + name + "'", semantics::suggest(name, isa_.units));
      instruction.cost.unit = static_cast<std::uint32_t>(found - isa_.units.begin());
    } else if (cursor_->accept_word("latency")) {
      instruction.cost.latency = expression(instruction);
    } else if (cursor_->accept_word("bytes")) {
      instruction.cost.bytes = expression(instruction);
    } else {
      cursor_->error_expected("unit, latency or bytes");
    }
  } while (cursor_->accept(","));
  if (instruction.cost.unit == ~0U)
    cursor_->error("the cost names no unit", "for example: cost unit dma, latency 10, bytes 0");
}

void IsaReader::read_own_template(Instruction &instruction) {
  if (!instruction.assembly.empty())
    cursor_->error("an instruction has one `assembly`");
  std::size_t begin = cursor_->here().offset;
  instruction.assembly = read_text();
  std::vector<std::string> known = {"instruction", "attributes", "name"};
  for (const std::string &attribute : instruction.attribute_names())
    known.push_back(attribute);
  check_placeholders(instruction.assembly, begin, "an instruction's assembly", known);
}

/// Words that bodies will have one day would otherwise be refused as misspelt instructions.
void IsaReader::refuse_unbuilt_words_in_body() {
  std::size_t begin = cursor_->here().offset;
  while (!cursor_->at_end() && !cursor_->looking_at("}")) {
    if (cursor_->looking_at_word("IF") || cursor_->looking_at_word("if"))
      cursor_->error("a condition stands in the instruction, not in its semantics",
                     "each of its arms has semantics of its own");
    refuse_unbuilt_word();
    cursor_->rest_of_line();
  }
  cursor_->seek(begin);
}

void IsaReader::read_body(Instruction &instruction) {
  refuse_unbuilt_words_in_body();
  instruction.body.name = instruction.name;
  if (instruction.reads.empty() && instruction.writes.empty()) {
    if (!cursor_->looking_at("}"))
      cursor_->error("semantics of an instruction that writes nothing");
    return;
  }
  std::vector<semantics::NamedShape> operands;
  for (const Read &read : instruction.reads)
    operands.push_back({read.name, read.shape, read.region.location});
  // Results are looked up later, where a misspelt name can be reported at the write; any name will
  // do until then.
  std::vector<std::string> wanted;
  if (!instruction.reads.empty())
    wanted.push_back(instruction.reads.front().name);
  else
    for (const Write &write : instruction.writes)
      wanted.push_back(write.value);
  instruction.body =
      semantics::parse_template_body(*cursor_, instruction.symbols, operands, wanted);
  instruction.body.name = instruction.name;
}

void IsaReader::resolve_results(Instruction &instruction) {
  if (instruction.body.parameters.size() != instruction.reads.size())
    fail(instruction.location,
         "the semantics of '" + instruction.name + "' declare parameters of their own",
         "operands come from `reads`");
  instruction.body.results.clear();
  std::vector<std::string> names = node_names(instruction.body);
  for (std::size_t i = 0; i < instruction.writes.size(); ++i) {
    const Write &write = instruction.writes[i];
    auto found = std::find(names.begin(), names.end(), write.value);
    if (found == names.end())
      fail(written_[i], "the semantics define no '%" + write.value + "'",
           semantics::suggest(write.value, names));
    instruction.body.results.push_back(static_cast<std::uint32_t>(found - names.begin()));
    check_write(instruction, i);
  }
  if (is_concrete(instruction.body))
    instantiate_body(instruction, instruction.symbols.integers.unbound());
}

void IsaReader::check_write(const Instruction &instruction, std::size_t index) {
  const Region &region = instruction.writes[index].region;
  const Buffer &buffer = isa_.buffers[region.buffer];
  const semantics::ShapeTemplate &value =
      instruction.body.nodes[instruction.body.results[index]].shape;
  semantics::ShapeTemplate expected = region_shape(region, buffer);
  auto differ = [&](const std::string &why) {
    fail(written_[index], "%" + instruction.writes[index].value + " is " + shape_text(value) +
                              ", but the region of '" + buffer.name + "' holds " +
                              shape_text(expected) + ": " + why);
  };
  if (type_text(value) != type_text(expected))
    differ("the element types differ");
  if (value.dims.size() != expected.dims.size())
    differ("the ranks differ");
  // Sizes with attributes may be equal for the allowed values; verify/isa_check.h decides that.
  for (std::size_t d = 0; d < value.dims.size(); ++d)
    if (value.dims[d].is_constant() && expected.dims[d].is_constant() &&
        !(value.dims[d] == expected.dims[d]))
      differ("dimension " + std::to_string(d) + " differs");
}

} // namespace isamorph::spec
