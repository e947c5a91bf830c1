#include "semantics/hlo_syntax.h"

#include "semantics/hlo.h"

#include <algorithm>

namespace isamorph::semantics::syntax {
namespace {

constexpr std::size_t kMaxRank = 16;
constexpr int kMaxTupleDepth = 32;

/// Module attributes that say nothing about values.
bool harmless_module_attribute(std::string_view key) {
  for (std::string_view known : {"is_scheduled", "allow_spmd_sharding_propagation_to_parameters",
                                 "allow_spmd_sharding_propagation_to_output", "frontend_attributes",
                                 "replica_count", "num_partitions"})
    if (key == known)
      return true;
  return false;
}

} // namespace

void Instruction::set(AttributeKey key, std::vector<IntExpr> values) {
  auto place = std::lower_bound(attributes.begin(), attributes.end(), key,
                                [](const auto &entry, AttributeKey k) { return entry.first < k; });
  attributes.insert(place, {key, std::move(values)});
}

bool Instruction::has(AttributeKey key) const {
  return std::any_of(attributes.begin(), attributes.end(),
                     [&](const auto &entry) { return entry.first == key; });
}

std::string Reader::word(std::string_view what) { return cursor_.identifier(what, "-."); }

OperandName Reader::operand_name(std::string_view what) {
  OperandName out;
  out.location = cursor_.here();
  if (!cursor_.accept("%")) {
    out.name = cursor_.identifier(what, "-.");
    return out;
  }
  const std::string &text = cursor_.source()->text;
  std::size_t begin = cursor_.offset(), end = begin;
  auto in_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  };
  while (end < text.size() && in_name(text[end]))
    ++end;
  if (begin == end)
    fail(cursor_.at(begin), "expected a name after '%'");
  cursor_.seek(end);
  out.name = text.substr(begin, end - begin);
  return out;
}

std::optional<ElementType> product_type(std::span<const ElementType> operands, ElementType result) {
  ElementType out = result;
  bool differ = false;
  for (ElementType type : operands) {
    if (type == ElementType::Pred || result == ElementType::Pred ||
        (is_float(type) && !is_float(result)))
      return std::nullopt;
    differ |= type != result;
    if (is_float(type) && byte_size(type) > byte_size(out))
      out = type;
  }
  return differ ? std::optional(out) : std::nullopt;
}

Module Reader::module() {
  Module module;
  if (cursor_.at_end())
    cursor_.error("the text is empty", "expected 'HloModule' or 'ENTRY'");
  if (cursor_.accept_word("HloModule"))
    module_header(module);
  std::map<std::string, Location> seen;
  while (!cursor_.at_end()) {
    bool entry = cursor_.accept_word("ENTRY");
    module.computations.push_back(computation(entry));
    const Computation &c = module.computations.back();
    if (!seen.emplace(c.name, c.location).second)
      fail(c.location, "computation '" + c.name + "' is defined twice");
  }
  auto entries = std::count_if(module.computations.begin(), module.computations.end(),
                               [](auto &c) { return c.entry; });
  if (entries == 0)
    cursor_.error("no ENTRY computation");
  if (entries > 1)
    for (auto it = module.computations.rbegin(); it != module.computations.rend(); ++it)
      if (it->entry)
        fail(it->location, "a second ENTRY computation");
  return module;
}

void Reader::module_header(Module &module) {
  module.name = operand_name("the module's name").name;
  while (cursor_.accept(",")) {
    Location place = cursor_.here();
    std::string key = word("a module attribute");
    cursor_.expect("=");
    if (key != "entry_computation_layout") {
      if (!harmless_module_attribute(key))
        fail(place, "unknown module attribute '" + key + "'");
      skip_value();
      continue;
    }
    cursor_.expect("{");
    cursor_.expect("(");
    while (!cursor_.accept(")")) {
      module.entry_parameters.push_back(shape());
      if (!cursor_.looking_at(")"))
        cursor_.expect(",");
    }
    cursor_.expect("->");
    module.entry_result = shape();
    cursor_.expect("}");
  }
}

Computation Reader::computation(bool entry) {
  Computation out;
  out.entry = entry;
  out.location = cursor_.here();
  if (!cursor_.looking_at("{"))
    out.name = operand_name("a computation's name").name;
  if (cursor_.accept("(")) { // the signature repeats what the body says; shapes are checked there
    while (!cursor_.accept(")")) {
      operand_name("a parameter's name");
      cursor_.expect(":");
      shape();
      if (!cursor_.looking_at(")"))
        cursor_.expect(",");
    }
    cursor_.expect("->");
    shape();
  }
  cursor_.expect("{");
  bool rooted = false;
  while (!cursor_.looking_at("}")) {
    std::optional<OperandName> root_name;
    out.instructions.push_back(*instruction(root_name));
    const Instruction &last = out.instructions.back();
    if (last.root && rooted)
      fail(last.location, "a second ROOT in computation '" + out.name + "'");
    if (last.root || !rooted)
      out.root = out.instructions.size() - 1;
    rooted |= last.root;
  }
  out.end = cursor_.here();
  if (out.instructions.empty())
    cursor_.error("computation '" + out.name + "' is empty");
  cursor_.expect("}");
  while (cursor_.accept(",")) {
    cursor_.expect_word("execution_thread");
    cursor_.expect("=");
    cursor_.quoted_string();
  }
  return out;
}

std::optional<Instruction> Reader::instruction(std::optional<OperandName> &root_name) {
  Instruction out;
  out.root = cursor_.accept_word("ROOT");
  OperandName name = operand_name("an instruction");
  out.name = name.name;
  out.location = name.location;
  if (symbols_ && out.root && !cursor_.looking_at("=")) {
    root_name = name;
    return std::nullopt;
  }
  cursor_.expect("=");
  out.shape = shape();
  operation_name(out);
  operands(out);
  while (cursor_.accept(","))
    attribute(out);
  window_defaults(out);
  return out;
}

IntExpr Reader::number() {
  if (!symbols_ || !cursor_.accept("`"))
    return cursor_.integer();
  IntExpr value = parse_int_expr(cursor_, symbols_->integers, symbols_->constants);
  cursor_.expect("`");
  return value;
}

std::vector<IntExpr> Reader::number_list() {
  std::vector<IntExpr> out;
  cursor_.expect("{");
  while (!cursor_.accept("}")) {
    out.push_back(number());
    if (!cursor_.looking_at("}"))
      cursor_.expect(",");
  }
  return out;
}

/// One size of a shape; templates also take the name of an integer without back-quotes.
IntExpr Reader::dimension() {
  if (cursor_.looking_at("<="))
    cursor_.error("dynamic sizes are not supported");
  char c = cursor_.peek();
  bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  if (!symbols_ || !letter)
    return number();
  Location place = cursor_.here();
  std::string name = cursor_.identifier();
  if (auto index = symbols_->integers.find(name))
    return IntExpr::variable(*index, name);
  if (auto constant = symbols_->constants.find(name); constant != symbols_->constants.end())
    return constant->second;
  std::vector<std::string> known = symbols_->integers.names;
  for (const auto &[constant, value] : symbols_->constants)
    known.push_back(constant);
  fail(place, "unknown size '" + name + "'", suggest(name, known));
}

ShapeTemplate Reader::shape_template() {
  ShapeTemplate out;
  Location place = cursor_.here();
  std::string type = cursor_.identifier("a shape such as bf16[64,64]");
  auto known = element_type(type);
  std::optional<std::uint32_t> symbol = symbols_ ? symbols_->types.find(type) : std::nullopt;
  if (symbol) {
    out.type = *symbol;
  } else if (known) {
    out.type = *known;
  } else {
    std::vector<std::string> names;
    for (int i = 0; i < kElementTypeCount; ++i)
      names.emplace_back(semantics::name(static_cast<ElementType>(i)));
    fail(place, "unknown element type '" + type + "'", "element types: " + join(names));
  }
  cursor_.expect("[");
  while (!cursor_.accept("]")) {
    if (symbols_ && out.dims.empty() && !out.prefix && cursor_.accept("*")) {
      Location star = cursor_.here();
      std::string name = cursor_.identifier("the name of a shape");
      out.prefix = symbols_->shapes.find(name);
      if (!out.prefix)
        fail(star, "unknown shape '" + name + "'", suggest(name, symbols_->shapes.names));
    } else {
      Location size_place = cursor_.here();
      out.dims.push_back(dimension());
      if (out.dims.back().is_constant() && out.dims.back().value() < 0)
        fail(size_place, "a size cannot be negative");
    }
    if (out.dims.size() > kMaxRank)
      fail(place, "more than " + std::to_string(kMaxRank) + " dimensions");
    if (!cursor_.looking_at("]"))
      cursor_.expect(",");
  }
  return out;
}

WrittenShape Reader::shape(int depth) {
  WrittenShape out;
  out.location = cursor_.here();
  if (depth > kMaxTupleDepth)
    cursor_.error("tuples are nested too deeply");
  if (cursor_.accept("(")) {
    out.tuple = true;
    while (!cursor_.accept(")")) {
      out.elements.push_back(shape(depth + 1));
      if (!cursor_.looking_at(")"))
        cursor_.expect(",");
    }
    return out;
  }
  out.shape = shape_template();
  if (layout_follows())
    out.layout = layout();
  return out;
}

/// `{` after a shape begins a layout, or, after a signature, the computation's body.
bool Reader::layout_follows() {
  if (!cursor_.looking_at("{"))
    return false;
  std::size_t begin = cursor_.offset();
  cursor_.seek(begin + 1);
  char next = cursor_.peek();
  cursor_.seek(begin);
  return (next >= '0' && next <= '9') || next == '-' || next == ':' || next == '}';
}

Layout Reader::layout() {
  Layout out;
  out.location = cursor_.here();
  cursor_.expect("{");
  while (!cursor_.looking_at("}") && !cursor_.looking_at(":")) {
    out.minor_to_major.push_back(cursor_.integer("a dimension"));
    if (!cursor_.looking_at("}") && !cursor_.looking_at(":"))
      cursor_.expect(",");
  }
  if (cursor_.accept(":")) {
    if (cursor_.accept("T"))
      while (cursor_.accept("(")) {
        out.tiles.emplace_back();
        do
          out.tiles.back().push_back(cursor_.integer("a tile size"));
        while (cursor_.accept(","));
        cursor_.expect(")");
      }
    while (cursor_.accept("S(") || cursor_.accept("E(")) {
      out.plain = false;
      cursor_.integer();
      cursor_.expect(")");
    }
  }
  cursor_.expect("}");
  return out;
}

/// Skips an attribute's value that carries no meaning: a word, number, string, or anything in
/// balanced brackets.
void Reader::skip_value() {
  std::vector<char> open;
  Location begin = cursor_.here();
  do {
    char c = cursor_.peek();
    if (c == '\0')
      fail(begin, "this value has no end");
    if (c == '"' || c == '\'') {
      cursor_.quoted_string();
    } else if (c == '{' || c == '(' || c == '[') {
      open.push_back(c == '{' ? '}' : c == '(' ? ')' : ']');
      cursor_.seek(cursor_.offset() + 1);
    } else if (c == '}' || c == ')' || c == ']') {
      if (open.empty() || open.back() != c)
        cursor_.error("unbalanced brackets");
      open.pop_back();
      cursor_.seek(cursor_.offset() + 1);
    } else if (!cursor_.try_identifier("-.")) {
      if (open.empty() && c == ',')
        cursor_.error_expected("a value");
      cursor_.seek(cursor_.offset() + 1);
      while (open.empty() && cursor_.offset() < cursor_.source()->text.size() &&
             std::isalnum(static_cast<unsigned char>(cursor_.source()->text[cursor_.offset()])))
        cursor_.seek(cursor_.offset() + 1);
    }
  } while (!open.empty());
}

} // namespace isamorph::semantics::syntax
