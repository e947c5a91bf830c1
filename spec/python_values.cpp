#include "spec/python_values.h"

#include "spec/constants.h"

#include <algorithm>
#include <charconv>

namespace isamorph::spec {
namespace {

using semantics::ElementType;
using semantics::fail;
using semantics::Location;
using Kind = PythonToken::Kind;
using Dims = std::vector<std::int64_t>;

constexpr int kMaxDepth = 100;

/// The names that numpy and jax.numpy have for element types.
std::optional<ElementType> numpy_type(std::string_view name) {
  static const std::vector<std::pair<std::string_view, ElementType>> kTypes = {
      {"bool", ElementType::Pred},   {"bool_", ElementType::Pred},  {"int8", ElementType::S8},
      {"uint8", ElementType::U8},    {"int16", ElementType::S16},   {"uint16", ElementType::U16},
      {"int32", ElementType::S32},   {"uint32", ElementType::U32},  {"int64", ElementType::S64},
      {"uint64", ElementType::U64},  {"float16", ElementType::F16}, {"bfloat16", ElementType::BF16},
      {"float32", ElementType::F32}, {"float64", ElementType::F64},
  };
  for (const auto &[known, type] : kTypes)
    if (known == name)
      return type;
  return std::nullopt;
}

} // namespace

PythonValues::PythonValues(const semantics::SourceRef &source, const Isa &isa)
    : source_(source), isa_(isa), tokens_(python_tokens(source)) {}

bool PythonValues::is(std::string_view op) const {
  return token().kind == Kind::Operator && token().text == op;
}
bool PythonValues::is_word(std::string_view word) const {
  return token().kind == Kind::Name && token().text == word;
}

bool PythonValues::accept(std::string_view op) {
  if (!is(op))
    return false;
  advance();
  return true;
}

void PythonValues::expect(std::string_view op) {
  if (!accept(op))
    error_expected("'" + std::string(op) + "'");
}

std::string PythonValues::name(std::string_view what) {
  if (token().kind != Kind::Name)
    error_expected(what);
  std::string text = token().text;
  advance();
  return text;
}

std::string PythonValues::dotted_name(std::string_view what) {
  std::string out = name(what);
  while (accept("."))
    out += "." + name("a name");
  return out;
}

void PythonValues::error(const std::string &message, const std::string &hint) const {
  fail(here(), message, hint);
}

void PythonValues::error_expected(std::string_view what) const {
  std::string found = token().kind == Kind::End       ? "the end of the text"
                      : token().kind == Kind::NewLine ? "the end of the line"
                      : token().kind == Kind::String  ? "a string"
                                                      : "'" + token().text.substr(0, 40) + "'";
  error("expected " + std::string(what) + ", found " + found);
}

/// '/' for Python's `//`, '%': of constants.
Affine PythonValues::divided(char op, const Affine &a, const Affine &b,
                             const Location &place) const {
  if (!a.terms.empty() || !b.terms.empty())
    fail(place, "a quotient of loop variables is not affine");
  std::int64_t x = a.constant, y = b.constant, out = 0;
  if (y == 0)
    fail(place, "division by zero");
  if (y == -1) {
    if (op == '/' && __builtin_sub_overflow(std::int64_t{0}, x, &out))
      fail(place, "this integer does not fit 64 bits");
    return {out, {}};
  }
  // Python rounds quotients down; the remainder has the divisor's sign.
  std::int64_t quotient = x / y - (x % y != 0 && (x < 0) != (y < 0));
  return {op == '/' ? quotient : x - quotient * y, {}};
}

std::int64_t PythonValues::integer() { return affine({}).constant; }

Affine PythonValues::affine(std::span<const std::string> variables) {
  variables_ = variables;
  return sum(0);
}

Affine PythonValues::sum(int depth) {
  Affine left = product(depth);
  while (is("+") || is("-")) {
    Location place = here();
    char op = token().text[0];
    advance();
    left = combine(op, left, product(depth), place);
  }
  return left;
}

Affine PythonValues::product(int depth) {
  Affine left = factor(depth);
  while (is("*") || is("//") || is("%")) {
    Location place = here();
    char op = token().text[0];
    advance();
    Affine right = factor(depth);
    left = op == '*' ? combine(op, left, right, place) : divided(op, left, right, place);
  }
  if (is("/"))
    error("'/' gives a float in Python; use '//'");
  return left;
}

Affine PythonValues::factor(int depth) {
  if (depth > kMaxDepth)
    error("this expression is nested too deeply");
  Location place = here();
  if (accept("-"))
    return combine('-', {}, factor(depth + 1), place);
  if (accept("+"))
    return factor(depth + 1);
  Affine base = atom(depth), out{1, {}};
  if (!is("**"))
    return base;
  place = here();
  advance();
  Affine exponent = factor(depth + 1);
  if (!exponent.terms.empty() || exponent.constant < 0 || exponent.constant > 64)
    fail(place, "expected an exponent between 0 and 64");
  for (; exponent.constant > 0; --exponent.constant)
    out = combine('*', out, base, place);
  return out;
}

Affine PythonValues::atom(int depth) {
  if (accept("(")) {
    Affine value = sum(depth + 1);
    expect(")");
    return value;
  }
  if (token().kind == Kind::Name)
    if (auto variable = find_variable(variables_, token().text)) {
      advance();
      return {0, {{*variable, 1}}};
    }
  if (token().kind != Kind::Number)
    error_expected("an integer");
  std::string_view text = token().text;
  int base = text.starts_with("0x") ? 16 : 10;
  if (base == 16)
    text.remove_prefix(2);
  std::int64_t value = 0;
  auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (status == std::errc::result_out_of_range)
    error("this integer does not fit 64 bits");
  if (status != std::errc{} || end != text.data() + text.size())
    error("expected an integer, found '" + token().text + "'");
  advance();
  return {value, {}};
}

ElementType PythonValues::element_type() {
  Location place = here();
  bool quoted = token().kind == Kind::String;
  std::string text = quoted ? token().text : "";
  if (quoted)
    advance();
  else
    text = dotted_name("an element type");
  for (const AssemblySyntax &syntax : isa_.assemblies)
    for (const auto &[type, written] : syntax.types)
      if (written == text)
        return type;
  std::size_t dot = text.rfind('.');
  std::string last = dot == std::string::npos ? text : text.substr(dot + 1);
  if (auto type = numpy_type(last))
    return *type;
  if (auto type = quoted ? semantics::element_type(text) : std::nullopt)
    return *type;
  fail(place, "unknown element type '" + text + "'",
       "for example jnp.bfloat16, np.float32 or \"int8\"");
}

Dims PythonValues::shape() {
  Dims dims;
  if (!is("(") && !is("[")) {
    dims.push_back(integer());
    return dims;
  }
  std::string close = is("(") ? ")" : "]";
  advance();
  bool comma = false;
  while (!accept(close)) {
    dims.push_back(integer());
    if (!is(close)) {
      expect(",");
      comma = true;
    }
  }
  if (close == ")" && dims.size() == 1 && !comma)
    error("a tuple of one size is written (" + std::to_string(dims[0]) + ",)");
  return dims;
}

std::uint64_t PythonValues::bits(const std::string &text, ElementType type,
                                 const Location &place) const {
  auto value = semantics::parse_element(type, text);
  // Python's integers may stand for floats and the other way round: 1.0 for an int8 is 1.
  if (!value && text.ends_with(".0"))
    value = semantics::parse_element(type, text.substr(0, text.size() - 2));
  if (!value && type == ElementType::Pred)
    value = text == "1"   ? std::optional<std::uint64_t>(1)
            : text == "0" ? std::optional<std::uint64_t>(0)
                          : std::nullopt;
  if (!value)
    fail(place, "'" + text + "' is no " + std::string(semantics::name(type)));
  return *value;
}

std::string PythonValues::element() {
  std::string sign;
  for (; is("-") || is("+"); advance())
    sign = is("-") == sign.empty() ? "-" : "";
  if (token().kind == Kind::Number) {
    std::string text = token().text;
    if (text.starts_with("0x"))
      error("hexadecimal elements are not supported");
    advance();
    if (text.starts_with("."))
      text = "0" + text;
    // An integer has no negative zero.
    if (text.find_first_not_of('0') == std::string::npos)
      sign.clear();
    return sign + text;
  }
  Location place = here();
  std::string word = dotted_name("a number");
  if (word == "True" || word == "False")
    return word == "True" ? "1" : "0";
  if (word == "float") {
    expect("(");
    if (token().kind != Kind::String)
      error_expected("'inf' or 'nan'");
    word = token().text;
    advance();
    expect(")");
    if (word.starts_with("-") || word.starts_with("+")) {
      sign = (word[0] == '-') == sign.empty() ? "-" : "";
      word.erase(0, 1);
    }
  } else if (std::size_t dot = word.rfind('.'); dot != std::string::npos) {
    word.erase(0, dot + 1);
  }
  if (word == "inf" || word == "nan")
    return word == "nan" ? word : sign + word;
  fail(place, "expected a number, found '" + word + "'");
}

void PythonValues::elements(std::vector<std::string> &out, Dims &dims, std::size_t depth) {
  if (!is("[") && !is("(")) {
    if (depth != dims.size())
      error("this list is not rectangular");
    if (out.size() >= static_cast<std::size_t>(kMaxConstantBytes))
      error("this list is too long");
    out.push_back(element());
    return;
  }
  if (depth > 16)
    error("a tensor has at most 16 dimensions");
  std::string close = is("(") ? ")" : "]";
  Location place = here();
  advance();
  bool first = depth == dims.size();
  if (first && !out.empty())
    fail(place, "this list is not rectangular");
  if (first)
    dims.push_back(-1);
  std::int64_t count = 0;
  for (; !accept(close); ++count) {
    // Only the first element of the first list may still find its depth open.
    if (dims[depth] >= 0 && count >= dims[depth])
      error("this list is not rectangular");
    elements(out, dims, depth + 1);
    if (!is(close))
      expect(",");
  }
  if (dims[depth] >= 0 && dims[depth] != count)
    fail(place, "this list is not rectangular");
  dims[depth] = count;
}

semantics::TensorRef PythonValues::from_elements(const std::vector<std::string> &texts, Dims dims,
                                                 ElementType type, const Location &place) {
  semantics::Shape shape = checked_shape(type, std::move(dims), place);
  if (shape.elements() != static_cast<std::int64_t>(texts.size()))
    fail(place, "this list is not rectangular");
  count_constant_bytes(constant_bytes_, shape.bytes(), place);
  auto tensor = std::make_shared<semantics::Tensor>(shape);
  for (std::size_t i = 0; i < texts.size(); ++i)
    tensor->set_bits(static_cast<std::int64_t>(i), bits(texts[i], type, place));
  return tensor;
}

semantics::TensorRef PythonValues::tensor(std::optional<ElementType> type,
                                          const std::optional<Dims> &dims) {
  Location place = here();
  bool signed_number = is("-") || is("+") || is("[") || is("(");
  if (token().kind == Kind::Name && !signed_number) {
    std::string function = dotted_name("a constant");
    std::size_t dot = function.rfind('.');
    return call(dot == std::string::npos ? function : function.substr(dot + 1), type, place);
  }
  std::vector<std::string> texts;
  Dims own;
  elements(texts, own, 0);
  if (!type)
    fail(place, "a list needs a 'dtype' before its 'value'");
  if (own.empty() && dims) {
    semantics::Shape shape = checked_shape(*type, *dims, place);
    count_constant_bytes(constant_bytes_, shape.bytes(), place);
    return uniform_tensor(shape, bits(texts.front(), *type, place));
  }
  return from_elements(texts, own, *type, place);
}

/// What a call of numpy or jax.numpy says.
struct PythonValues::Calls {
  std::optional<std::int64_t> size;
  std::optional<Dims> dims;
  std::optional<std::string> fill;
  std::vector<std::string> texts;
  Dims list_dims;
  bool has_list = false;
  std::optional<ElementType> type;
};

semantics::TensorRef PythonValues::call(const std::string &function,
                                        std::optional<ElementType> type, const Location &place) {
  static const std::vector<std::pair<std::string, std::vector<std::string>>> kFunctions = {
      {"eye", {"N"}},
      {"identity", {"n"}},
      {"zeros", {"shape"}},
      {"ones", {"shape"}},
      {"full", {"shape", "fill_value"}},
      {"array", {"object"}},
      {"asarray", {"a"}},
  };
  auto found = std::find_if(kFunctions.begin(), kFunctions.end(),
                            [&](const auto &f) { return f.first == function; });
  if (found == kFunctions.end())
    fail(place, "unknown constant '" + function + "'",
         "known: jnp.eye, jnp.identity, jnp.zeros, jnp.ones, jnp.full, jnp.array, or nested lists");
  Calls given;
  expect("(");
  std::vector<std::string> parameters = found->second;
  parameters.push_back("dtype");
  std::vector<char> seen(parameters.size(), 0);
  for (std::size_t position = 0; !accept(")"); ++position) {
    Location argument = here();
    std::size_t index = position;
    if (token().kind == Kind::Name && token_after(1).kind == Kind::Operator &&
        token_after(1).text == "=") {
      std::string keyword = name("a keyword");
      index = static_cast<std::size_t>(std::find(parameters.begin(), parameters.end(), keyword) -
                                       parameters.begin());
      if (index == parameters.size())
        fail(argument, function + " has no parameter '" + keyword + "' here",
             semantics::suggest(keyword, parameters));
      expect("=");
    }
    if (index >= parameters.size())
      fail(argument, function + " has too many arguments");
    if (seen[index]++)
      fail(argument, "'" + parameters[index] + "' is given twice");
    const std::string &parameter = parameters[index];
    if (parameter == "dtype")
      given.type = element_type();
    else if (parameter == "N" || parameter == "n")
      given.size = integer();
    else if (parameter == "shape")
      given.dims = shape();
    else if (parameter == "fill_value")
      given.fill = element();
    else
      elements(given.texts, given.list_dims, 0);
    if (!is(")"))
      expect(",");
  }
  for (std::size_t i = 0; i + 1 < parameters.size(); ++i)
    if (!seen[i])
      fail(place, function + " needs '" + parameters[i] + "'");
  std::optional<ElementType> element = given.type ? given.type : type;
  if (!element)
    fail(place, "the element type of this constant is missing", "for example dtype=jnp.bfloat16");
  if (given.size) {
    semantics::Shape shape = checked_shape(*element, {*given.size, *given.size}, place);
    count_constant_bytes(constant_bytes_, shape.bytes(), place);
    return identity_tensor(*element, *given.size);
  }
  if (given.dims) {
    semantics::Shape shape = checked_shape(*element, *given.dims, place);
    count_constant_bytes(constant_bytes_, shape.bytes(), place);
    std::string text = given.fill ? *given.fill : function == "ones" ? "1" : "0";
    return uniform_tensor(shape, bits(text, *element, place));
  }
  return from_elements(given.texts, given.list_dims, *element, place);
}

} // namespace isamorph::spec
