// Kernels as JSON:
//   {"kernel": NAME, "memory": BYTES,
//    "inputs": [{"name": .., "address": .., "type": "bf16", "shape": [..]}], "constants": [{..,
//    "value": VALUE}], "outputs": [..], "instructions": [{"instruction": NAME, "attributes": {"n":
//    64, ..}}, LOOP, ..]}
// LOOP is {"loop": VARIABLE, "start": .., "end": .., "step": .., "body": [..]}, the step 1 if
// absent; within it an attribute may be {"constant": .., "factors": {VARIABLE: .., ..}}. VALUE is
// "eye", {"full": NUMBER} or the elements as one flat list; numbers that JSON lacks are strings
// ("inf", "nan").
#include "spec/constants.h"
#include "spec/kernel_text.h"
#include "spec/unroll.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace isamorph::spec {
namespace {

using semantics::ElementType;
using semantics::fail;
using semantics::Location;
using semantics::Shape;

constexpr std::size_t kMaxDepth = 8 + 2 * kMaxLoopDepth;

/// A JSON value that knows where it stands.
struct Json {
  enum class Kind : std::uint8_t { Null, Boolean, Integer, Number, String, List, Object };
  Kind kind = Kind::Null;
  std::string text;         ///< of a string or a number
  std::int64_t integer = 0; ///< of an Integer; Booleans: 0 or 1
  double number = 0;        ///< of a Number
  std::vector<Json> items;  ///< of a List or an Object
  std::vector<std::string> keys;
  Location location;
};

/// The text as an input iterator that counts, for the places of what the parser reports.
class Position {
public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char *;
  using reference = const char &;

  Position(const char *at, std::size_t *count) : at_(at), count_(count) {}
  reference operator*() const { return *at_; }
  Position &operator++() {
    ++at_;
    ++*count_;
    return *this;
  }
  Position operator++(int) {
    Position old = *this;
    ++*this;
    return old;
  }
  bool operator==(const Position &other) const { return at_ == other.at_; }
  bool operator!=(const Position &other) const { return at_ != other.at_; }

private:
  const char *at_;
  std::size_t *count_;
};

/// Builds the tree from nlohmann's events.
class Builder {
public:
  Builder(semantics::SourceRef source, const std::size_t &count)
      : source_(std::move(source)), count_(count) {}

  bool null() { return add({}); }
  bool boolean(bool value) {
    return add({Json::Kind::Boolean, value ? "true" : "false", value, 0, {}, {}, {}});
  }
  bool number_integer(std::int64_t value) {
    return add({Json::Kind::Integer,
                std::to_string(value),
                value,
                static_cast<double>(value),
                {},
                {},
                {}});
  }
  bool number_unsigned(std::uint64_t value) {
    if (value > static_cast<std::uint64_t>(INT64_MAX))
      return add(
          {Json::Kind::Number, std::to_string(value), 0, static_cast<double>(value), {}, {}, {}});
    return number_integer(static_cast<std::int64_t>(value));
  }
  bool number_float(double value, const std::string &text) {
    return add({Json::Kind::Number, text, 0, value, {}, {}, {}});
  }
  bool string(std::string &value) { return add({Json::Kind::String, value, 0, 0, {}, {}, {}}); }
  bool binary(std::vector<std::uint8_t> &) { return false; }
  bool start_object(std::size_t) { return open(Json::Kind::Object); }
  bool start_array(std::size_t) { return open(Json::Kind::List); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string &key) {
    Json &object = open_.back();
    if (std::find(object.keys.begin(), object.keys.end(), key) != object.keys.end())
      fail(place(), "key \"" + key + "\" is given twice");
    object.keys.push_back(key);
    return true;
  }
  bool parse_error(std::size_t position, const std::string &,
                   const nlohmann::detail::exception &error) {
    std::string message = error.what();
    std::size_t begin = message.find("syntax error");
    Location where{source_, static_cast<std::uint32_t>(
                                std::min(position > 0 ? position - 1 : 0, source_->text.size()))};
    fail(where,
         "this is no JSON: " + (begin == std::string::npos ? message : message.substr(begin)));
  }

  Json root;

private:
  Location place() const {
    std::size_t at = std::min(count_ > 0 ? count_ - 1 : 0, source_->text.size());
    return {source_, static_cast<std::uint32_t>(at)};
  }
  bool add(Json value) {
    value.location = place();
    if (open_.empty())
      root = std::move(value);
    else
      open_.back().items.push_back(std::move(value));
    return true;
  }
  bool open(Json::Kind kind) {
    if (open_.size() >= kMaxDepth)
      fail(place(), "the JSON is nested too deeply");
    open_.emplace_back();
    open_.back().kind = kind;
    open_.back().location = place();
    return true;
  }
  bool close() {
    Json value = std::move(open_.back());
    open_.pop_back();
    Location begin = value.location;
    add(std::move(value));
    (open_.empty() ? root : open_.back().items.back()).location = begin;
    return true;
  }

  semantics::SourceRef source_;
  const std::size_t &count_;
  std::vector<Json> open_;
};

class Reader {
public:
  explicit Reader(const Isa &isa) : isa_(isa) {}

  Kernel read(const Json &root) {
    known_keys(root, {"kernel", "memory", "inputs", "constants", "outputs", "instructions"});
    kernel_.name = name(member(root, "kernel"));
    kernel_.off_chip_bytes = integer(member(root, "memory"));
    kernel_.inputs = tensors(root, "inputs", false);
    kernel_.constants = tensors(root, "constants", true);
    kernel_.outputs = tensors(root, "outputs", false);
    steps(member(root, "instructions"));
    return std::move(kernel_);
  }

private:
  static const Json *find(const Json &object, std::string_view key) {
    for (std::size_t i = 0; i < object.keys.size(); ++i)
      if (object.keys[i] == key)
        return &object.items[i];
    return nullptr;
  }
  static const Json &member(const Json &object, const std::string &key) {
    const Json *found = find(object, key);
    if (!found)
      fail(object.location, "key \"" + key + "\" is missing");
    return *found;
  }
  static void known_keys(const Json &object, const std::vector<std::string> &known) {
    if (object.kind != Json::Kind::Object)
      fail(object.location, "expected an object");
    for (std::size_t i = 0; i < object.keys.size(); ++i)
      if (std::find(known.begin(), known.end(), object.keys[i]) == known.end())
        fail(object.items[i].location, "unknown key \"" + object.keys[i] + "\"",
             semantics::suggest(object.keys[i], known));
  }
  static std::int64_t integer(const Json &value) {
    if (value.kind != Json::Kind::Integer)
      fail(value.location, "expected an integer of 64 bits");
    return value.integer;
  }
  static const std::string &string(const Json &value) {
    if (value.kind != Json::Kind::String)
      fail(value.location, "expected a string");
    return value.text;
  }
  static const Json &list(const Json &value) {
    if (value.kind != Json::Kind::List)
      fail(value.location, "expected a list");
    return value;
  }
  /// A name that the other forms can write.
  static std::string name(const Json &value) {
    const std::string &text = string(value);
    auto letter = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    bool good = !text.empty() && letter(text[0]);
    for (char c : text)
      good = good && (letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '-');
    if (!good)
      fail(value.location,
           "a name has letters, digits, '_', '.' and '-', and begins with a letter or '_'");
    return text;
  }

  std::vector<Placed> tensors(const Json &root, const std::string &key, bool constants) {
    std::vector<Placed> out;
    for (const Json &item : list(member(root, key)).items) {
      known_keys(item, constants
                           ? std::vector<std::string>{"name", "address", "type", "shape", "value"}
                           : std::vector<std::string>{"name", "address", "type", "shape"});
      Placed tensor;
      tensor.location = item.location;
      tensor.name = name(member(item, "name"));
      tensor.address = integer(member(item, "address"));
      const Json &type_text = member(item, "type");
      auto type = semantics::element_type(string(type_text));
      if (!type)
        fail(type_text.location, "unknown element type '" + type_text.text + "'");
      std::vector<std::int64_t> dims;
      for (const Json &size : list(member(item, "shape")).items)
        dims.push_back(integer(size));
      tensor.shape = checked_shape(*type, std::move(dims), item.location);
      if (constants)
        tensor.value = value(member(item, "value"), tensor.shape);
      out.push_back(std::move(tensor));
    }
    return out;
  }

  semantics::TensorRef value(const Json &json, const Shape &shape) {
    count_constant_bytes(constant_bytes_, shape.bytes(), json.location);
    if (json.kind == Json::Kind::String && json.text == "eye") {
      if (shape.rank() != 2 || shape.dims[0] != shape.dims[1])
        fail(json.location, "\"eye\" needs a square matrix, not " + shape.to_string());
      return identity_tensor(shape.type, shape.dims[0]);
    }
    if (json.kind == Json::Kind::Object) {
      known_keys(json, {"full"});
      return uniform_tensor(shape, element(member(json, "full"), shape.type));
    }
    if (json.kind != Json::Kind::List)
      fail(json.location, "expected \"eye\", {\"full\": NUMBER} or a list");
    if (static_cast<std::int64_t>(json.items.size()) != shape.elements())
      fail(json.location, shape.to_string() + " has " + std::to_string(shape.elements()) +
                              " elements, not " + std::to_string(json.items.size()));
    auto tensor = std::make_shared<semantics::Tensor>(shape);
    for (std::size_t i = 0; i < json.items.size(); ++i)
      tensor->set_bits(static_cast<std::int64_t>(i), element(json.items[i], shape.type));
    return tensor;
  }

  static std::uint64_t element(const Json &json, ElementType type) {
    auto bits = semantics::parse_element(type, json.text);
    if (json.kind == Json::Kind::List || json.kind == Json::Kind::Object || !bits)
      fail(json.location, "expected a value of " + std::string(semantics::name(type)));
    return *bits;
  }

  /// Instructions and loops; the text's depth is bounded.
  void steps(const Json &items) { // NOLINT(misc-no-recursion)
    for (const Json &item : list(items).items)
      if (item.kind == Json::Kind::Object && find(item, "loop"))
        loop(item);
      else
        instruction(item);
  }

  void loop(const Json &item) { // NOLINT(misc-no-recursion)
    known_keys(item, {"loop", "start", "end", "step", "body"});
    Loop loop;
    loop.location = item.location;
    const Json &variable = member(item, "loop");
    loop.variable = name(variable);
    if (loop.variable.find_first_of(".-") != std::string::npos)
      fail(variable.location, "the name of a loop's variable has letters, digits and '_'");
    loop.start = integer(member(item, "start"));
    loop.end = integer(member(item, "end"));
    if (const Json *step = find(item, "step"))
      loop.step = integer(*step);
    loops_.open(std::move(loop));
    steps(member(item, "body"));
    loops_.close();
  }

  /// An integer or an affine form.
  Affine affine(const Json &value) const {
    if (value.kind != Json::Kind::Object)
      return {integer(value), {}};
    known_keys(value, {"constant", "factors"});
    Affine out{integer(member(value, "constant")), {}};
    const Json &factors = member(value, "factors");
    if (factors.kind != Json::Kind::Object)
      fail(factors.location, "expected an object");
    for (std::size_t i = 0; i < factors.keys.size(); ++i) {
      const Json &factor = factors.items[i];
      auto variable = find_variable(loops_.variables(), factors.keys[i]);
      if (!variable)
        fail(factor.location, "\"" + factors.keys[i] + "\" is the variable of no loop here",
             semantics::suggest(factors.keys[i], loops_.variables()));
      out = combine('+', out,
                    combine('*', {0, {{*variable, 1}}}, {integer(factor), {}}, factor.location),
                    factor.location);
    }
    return out;
  }

  void instruction(const Json &item) {
    known_keys(item, {"instruction", "attributes"});
    const Json &attributes = member(item, "attributes");
    if (attributes.kind != Json::Kind::Object)
      fail(attributes.location, "expected an object");
    std::vector<Argument> arguments;
    for (std::size_t i = 0; i < attributes.keys.size(); ++i)
      arguments.push_back(
          {attributes.keys[i], affine(attributes.items[i]), attributes.items[i].location});
    const Json &called = member(item, "instruction");
    kernel_.instructions.push_back(bind_arguments(isa_, string(called), item.location, arguments));
  }

  const Isa &isa_;
  Kernel kernel_;
  LoopStack loops_{kernel_};
  std::int64_t constant_bytes_ = 0;
};

using Ordered = nlohmann::ordered_json;

/// A number where JSON has it, a string otherwise.
std::string element_json(ElementType type, std::uint64_t bits) {
  std::string text = semantics::element_text(type, bits);
  if (semantics::is_float(type) && !semantics::is_finite(type, bits))
    return "\"" + text + "\"";
  // JSON integers have no negative zero.
  return text == "-0" ? "-0.0" : text;
}

std::string value_json(const semantics::Tensor &tensor) {
  ElementType type = tensor.shape().type;
  if (is_identity(tensor))
    return "\"eye\"";
  if (auto bits = uniform_value(tensor))
    return "{\"full\": " + element_json(type, *bits) + "}";
  std::string out;
  for (std::int64_t i = 0; i < tensor.elements(); ++i)
    out += (i ? ", " : "") + element_json(type, tensor.bits(i));
  return "[" + out + "]";
}

std::string tensors_json(const char *key, const std::vector<Placed> &group) {
  std::string out = std::string(",\n  \"") + key + "\": [";
  for (std::size_t i = 0; i < group.size(); ++i) {
    const Placed &tensor = group[i];
    out += (i ? ",\n    {" : "\n    {") + std::string("\"name\": ") + Ordered(tensor.name).dump() +
           ", \"address\": " + std::to_string(tensor.address) + ", \"type\": \"" +
           std::string(semantics::name(tensor.shape.type)) +
           "\", \"shape\": " + Ordered(tensor.shape.dims).dump();
    if (tensor.value)
      out += ", \"value\": " + value_json(*tensor.value);
    out += "}";
  }
  return out + (group.empty() ? "]" : "\n  ]");
}

/// A loop up to its body.
std::string loop_json(const Loop &loop) {
  return "{\"loop\": " + Ordered(loop.variable).dump() +
         ", \"start\": " + std::to_string(loop.start) + ", \"end\": " + std::to_string(loop.end) +
         (loop.step == 1 ? "" : ", \"step\": " + std::to_string(loop.step)) + ", \"body\": [";
}

std::string attribute_json(const KernelInstruction &call, std::uint32_t attribute,
                           std::span<const std::string> variables) {
  std::string factors;
  for (const Stride &stride : call.strides)
    if (stride.attribute == attribute)
      factors += (factors.empty() ? "" : ", ") + Ordered(variables[stride.depth]).dump() + ": " +
                 std::to_string(stride.factor);
  std::string constant = std::to_string(call.attributes[attribute]);
  return factors.empty() ? constant
                         : "{\"constant\": " + constant + ", \"factors\": {" + factors + "}}";
}

std::string instruction_json(const KernelInstruction &call, const Isa &isa,
                             std::span<const std::string> variables) {
  const Instruction &definition = isa.instructions[call.instruction];
  std::string out = "{\"instruction\": " + Ordered(definition.name).dump() + ", \"attributes\": {";
  for (std::uint32_t a = 0; a < call.attributes.size(); ++a)
    out += (a ? ", " : "") + Ordered(definition.symbols.integers.names[a]).dump() + ": " +
           attribute_json(call, a, variables);
  return out + "}}";
}

} // namespace

Kernel read_json(const semantics::SourceRef &source, const Isa &isa) {
  std::size_t count = 0;
  Builder builder(source, count);
  const char *begin = source->text.data(), *end = begin + source->text.size();
  nlohmann::ordered_json::sax_parse(Position(begin, &count), Position(end, &count), &builder);
  return Reader(isa).read(builder.root);
}

std::string print_json(const Kernel &kernel, const Isa &isa) {
  std::string out = "{\n  \"kernel\": " + Ordered(kernel.name).dump() +
                    ",\n  \"memory\": " + std::to_string(kernel.off_chip_bytes);
  out += tensors_json("inputs", kernel.inputs) + tensors_json("constants", kernel.constants) +
         tensors_json("outputs", kernel.outputs) + ",\n  \"instructions\": [";
  std::vector<std::vector<std::uint32_t>> around = enclosing_loops(kernel);
  std::size_t depth = 0, next = 0;
  auto new_line = [&] { return "\n    " + std::string(2 * depth, ' '); };
  for (std::size_t i = 0; i < around.size(); ++i) {
    for (; depth > shared_loops(around, i); --depth)
      out += "]}";
    out += i ? "," : "";
    for (; depth < around[i].size(); ++depth)
      out += new_line() + loop_json(kernel.loops[next++]);
    out +=
        new_line() + instruction_json(kernel.instructions[i], isa, variables_of(kernel, around[i]));
  }
  for (; depth > 0; --depth)
    out += "]}";
  return out + (kernel.instructions.empty() ? "]\n}\n" : "\n  ]\n}\n");
}

} // namespace isamorph::spec
