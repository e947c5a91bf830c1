#include "spec/isa_reader.h"

#include "spec/isa_files.h"

#include <algorithm>
#include <array>

namespace isamorph::spec {
namespace {

using semantics::Cursor;
using semantics::fail;
using semantics::Location;

constexpr int kMaxDepth = 8;
constexpr std::int64_t kMaxBufferBytes = std::int64_t{1} << 34;

constexpr std::array<std::string_view, 4> kUnbuiltWords = {"fifo", "push", "wait", "pop"};

} // namespace

std::span<const std::string_view> unbuilt_words() { return kUnbuiltWords; }

IsaReader::IsaReader(semantics::SourceRef source, Arguments arguments, int depth)
    : source_(std::move(source)), arguments_(std::move(arguments)), depth_(depth) {}

Isa IsaReader::read() {
  Cursor cursor(source_);
  cursor_ = &cursor;
  read_header();
  read_items(true);
  if (!cursor.at_end())
    cursor.error_expected("the end of the file: one ISA a file");
  finish();
  return std::move(isa_);
}

void IsaReader::read_header() {
  cursor_->expect_word("isa");
  location_ = cursor_->here();
  std::string name = cursor_->identifier("the ISA's name");
  if (cursor_->accept("("))
    read_parameters();
  if (cursor_->accept_word("extends")) {
    Location where = cursor_->here();
    inherit(cursor_->identifier("the name of another ISA"), where);
  }
  isa_.name = name;
  isa_.source = source_;
  cursor_->expect("{");
}

void IsaReader::read_parameters() {
  while (!cursor_->accept(")")) {
    Location place = cursor_->here();
    std::string name = cursor_->identifier("a parameter's name");
    if (parameters_.contains(name))
      fail(place, "parameter '" + name + "' is declared twice");
    cursor_->expect("=");
    std::int64_t value = constant("a parameter's default");
    for (const auto &[argument, given] : arguments_)
      if (argument == name)
        value = given;
    parameters_[name] = value;
    isa_.parameters.emplace_back(name, value);
    if (!cursor_->looking_at(")"))
      cursor_->expect(",");
  }
}

/// Everything of the other ISA becomes this one's. Its parameters keep their names; ours of the
/// same name set them.
void IsaReader::inherit(const std::string &base, const Location &where) {
  if (depth_ >= kMaxDepth)
    fail(where, "ISAs extend and include each other too deeply (or in a circle)");
  Arguments passed = isa_.parameters;
  for (const auto &argument : arguments_)
    if (!parameters_.contains(argument.first))
      passed.push_back(argument);
  Isa inherited =
      IsaReader(find_isa_file(base + ".isa", source_, where), passed, depth_ + 1).read();
  for (const auto &parameter : isa_.parameters)
    if (std::none_of(inherited.parameters.begin(), inherited.parameters.end(),
                     [&](const auto &p) { return p.first == parameter.first; }))
      inherited.parameters.push_back(parameter);
  isa_ = std::move(inherited);
  for (const auto &[name, value] : isa_.parameters)
    parameters_[name] = value;
  for (const Buffer &buffer : isa_.buffers)
    names_[buffer.name] = "buffer";
  for (const std::string &unit : isa_.units)
    names_[unit] = "unit";
  for (const StateVariable &variable : isa_.state)
    names_[variable.name] = "state";
  for (const Instruction &instruction : isa_.instructions) {
    names_[instruction.name] = "instruction";
    inherited_.insert("instruction " + instruction.name);
  }
  for (const AssemblySyntax &syntax : isa_.assemblies)
    inherited_.insert("assembly " + syntax.name);
}

void IsaReader::read_items(bool inside_braces) {
  while (inside_braces ? !cursor_->accept("}") : !cursor_->at_end())
    read_item();
}

bool IsaReader::refuse_unbuilt_word() {
  for (std::string_view word : kUnbuiltWords)
    if (cursor_->looking_at_word(word))
      cursor_->error("'" + std::string(word) + "' is not built yet",
                     "the word is reserved by the ISA language; control state (`state`) counts "
                     "what a FIFO holds");
  return false;
}

void IsaReader::read_item() {
  static const std::vector<std::string> kItems = {
      "buffer", "numerics", "unit", "state", "instruction", "assembly", "include"};
  refuse_unbuilt_word();
  if (cursor_->accept_word("buffer"))
    read_buffer();
  else if (cursor_->looking_at_word("numerics"))
    read_numerics();
  else if (cursor_->accept_word("unit"))
    read_units();
  else if (cursor_->accept_word("state"))
    read_state();
  else if (cursor_->accept_word("instruction"))
    read_instruction();
  else if (cursor_->accept_word("assembly"))
    read_assembly();
  else if (cursor_->accept_word("include"))
    include();
  else {
    std::size_t begin = cursor_->here().offset;
    auto word = cursor_->try_identifier();
    cursor_->seek(begin);
    std::string hint = word ? semantics::suggest(*word, kItems) : "";
    if (!hint.empty())
      cursor_->error("unknown declaration '" + *word + "'", hint);
    cursor_->error_expected("buffer, numerics, unit, state, instruction, assembly, include or '}'");
  }
}

void IsaReader::include() {
  Location where = cursor_->here();
  std::string name = cursor_->quoted_string();
  if (depth_ >= kMaxDepth)
    fail(where, "ISAs extend and include each other too deeply (or in a circle)");
  Cursor inner(find_isa_file(name, where.source, where));
  Cursor *outer = cursor_;
  ++depth_;
  cursor_ = &inner;
  read_items(false);
  cursor_ = outer;
  --depth_;
}

std::int64_t IsaReader::constant(std::string_view what) {
  Location place = cursor_->here();
  semantics::IntExpr value = semantics::parse_int_expr(*cursor_, {}, parameters_);
  auto number = value.evaluate({});
  if (!number)
    fail(place, std::string(what) + " has no value (overflow, or a division by zero)");
  return *number;
}

std::string IsaReader::new_name(std::string_view kind) {
  Location place = cursor_->here();
  std::string name = cursor_->identifier("the " + std::string(kind) + "'s name");
  auto [found, is_new] = names_.emplace(name, kind);
  if (!is_new)
    fail(place, "'" + name + "' is already the name of " +
                    (found->second == "instruction"  ? "an instruction"
                     : found->second == "state" ? "control state"
                                                : "a " + found->second));
  return name;
}

void IsaReader::read_buffer() {
  Buffer buffer;
  buffer.location = cursor_->here();
  buffer.name = new_name("buffer");
  if (cursor_->accept_word("hbm")) {
    for (const Buffer &other : isa_.buffers)
      if (other.off_chip)
        fail(buffer.location, "'" + other.name + "' is already the off-chip buffer");
    buffer.off_chip = true;
    buffer.addressed = {0};
    isa_.off_chip = static_cast<std::uint32_t>(isa_.buffers.size());
  } else {
    read_shape_of_buffer(buffer);
    check_size_of_buffer(buffer);
  }
  isa_.buffers.push_back(std::move(buffer));
}

void IsaReader::read_shape_of_buffer(Buffer &buffer) {
  auto sizes = [&](std::vector<std::int64_t> &out) {
    while (!cursor_->accept("]")) {
      Location place = cursor_->here();
      out.push_back(constant("a size"));
      if (out.back() <= 0)
        fail(place, "a size must be positive, not " + std::to_string(out.back()));
      if (!cursor_->looking_at("]"))
        cursor_->expect(",");
    }
  };
  if (cursor_->accept("[")) {
    sizes(buffer.addressed);
    cursor_->expect_word("x");
  }
  Location place = cursor_->here();
  std::string word = cursor_->identifier("hbm, '[' or an element type");
  auto type = semantics::element_type(word);
  if (!type) {
    std::vector<std::string> known;
    for (int i = 0; i < semantics::kElementTypeCount; ++i)
      known.emplace_back(semantics::name(static_cast<ElementType>(i)));
    fail(place, "unknown element type '" + word + "'", semantics::suggest(word, known));
  }
  buffer.type = *type;
  if (cursor_->accept("["))
    sizes(buffer.unit);
}

void IsaReader::check_size_of_buffer(const Buffer &buffer) {
  std::int64_t bytes = semantics::byte_size(buffer.type), elements = 1;
  for (std::int64_t size : buffer.unit)
    if (__builtin_mul_overflow(elements, size, &elements) || elements > semantics::kMaxElements)
      fail(buffer.location,
           "one place of buffer '" + buffer.name + "' has more than 2^31 elements");
  bytes *= elements;
  for (std::int64_t size : buffer.addressed)
    if (__builtin_mul_overflow(bytes, size, &bytes) || bytes > kMaxBufferBytes)
      fail(buffer.location, "buffer '" + buffer.name + "' is larger than 16 GiB");
}

void IsaReader::read_units() {
  do
    isa_.units.push_back(new_name("unit"));
  while (cursor_->accept(","));
}

void IsaReader::read_state() {
  StateVariable variable;
  variable.location = cursor_->here();
  variable.name = new_name("state");
  if (parameters_.contains(variable.name))
    fail(variable.location, "'" + variable.name + "' is already the name of a parameter");
  for (const Instruction &instruction : isa_.instructions)
    if (instruction.symbols.integers.find(variable.name))
      fail(variable.location, "'" + variable.name + "' is already the name of an attribute of '" +
                                  instruction.name + "'");
  cursor_->expect_word("in");
  variable.low = constant("the least value");
  cursor_->expect("..");
  variable.high = constant("the largest value");
  cursor_->expect("=");
  Location place = cursor_->here();
  variable.initial = constant("the initial value");
  if (variable.initial < variable.low || variable.initial > variable.high)
    fail(place, "the initial value " + std::to_string(variable.initial) + " is not in " +
                    std::to_string(variable.low) + ".." + std::to_string(variable.high));
  isa_.state.push_back(std::move(variable));
}

void IsaReader::read_numerics() {
  Location place = cursor_->here();
  if (has_numerics_)
    fail(place, "an ISA has one `numerics`");
  has_numerics_ = true;
  cursor_->expect_word("numerics");
  Location name_place = cursor_->here();
  std::string name = cursor_->identifier("the numerics profile's name");
  if (cursor_->looking_at("{") || cursor_->looking_at_word("extends")) {
    cursor_->seek(place.offset);
    isa_.numerics = semantics::parse_numerics_block(*cursor_, semantics::shipped_numerics());
    return;
  }
  std::vector<std::string> known;
  for (const auto &profile : semantics::shipped_numerics()) {
    known.push_back(profile.name);
    if (profile.name == name) {
      isa_.numerics = profile;
      return;
    }
  }
  std::string hint = semantics::suggest(name, known);
  fail(name_place, "unknown numerics profile '" + name + "'",
       (hint.empty() ? "" : hint + " ") + "shipped: " + semantics::join(known));
}

void IsaReader::finish() {
  bool off_chip = false;
  for (const Buffer &buffer : isa_.buffers)
    off_chip = off_chip || buffer.off_chip;
  if (!off_chip)
    fail(location_, "ISA '" + isa_.name + "' has no off-chip buffer", "declare one: buffer d0 hbm");
  if (isa_.instructions.empty())
    fail(location_, "ISA '" + isa_.name + "' has no instruction");
  if (isa_.numerics.name.empty())
    isa_.numerics = semantics::shipped_numerics().front();
}

Isa parse_isa(const semantics::SourceRef &source, const Arguments &arguments) {
  Isa isa = IsaReader(source, arguments, 0).read();
  std::vector<std::string> known;
  for (const auto &[name, value] : isa.parameters)
    known.push_back(name);
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string &name = arguments[i].first;
    for (std::size_t j = 0; j < i; ++j)
      if (arguments[j].first == name)
        throw semantics::InputError("parameter '" + name + "' is given twice");
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw semantics::InputError(
          "ISA '" + isa.name + "' has no parameter '" + name + "'" +
          (known.empty() ? "" : "; its parameters: " + semantics::join(known)));
  }
  return isa;
}

} // namespace isamorph::spec
