#include "semantics/function_table.h"

#include "semantics/evaluator.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <map>
#include <sstream>
#include <stdexcept>

namespace isamorph::embedded {
extern const char xla_cpu_functions[];
} // namespace isamorph::embedded

namespace isamorph::semantics {
namespace {

constexpr std::array kFunctions = {OpCode::Exponential, OpCode::ExponentialMinusOne,
                                   OpCode::Log,         OpCode::LogPlusOne,
                                   OpCode::Logistic,    OpCode::Tanh,
                                   OpCode::Erf,         OpCode::Rsqrt,
                                   OpCode::Cbrt,        OpCode::Sine,
                                   OpCode::Cosine};

using Table = std::vector<std::uint16_t>;
using Tables = std::map<std::pair<OpCode, ElementType>, Table>;

/// FNV-1a of the results' bytes, little-endian.
std::uint64_t digest(const Table &table) {
  std::uint64_t h = 0xcbf29ce484222325;
  for (std::uint16_t word : table)
    for (int byte : {word & 0xff, word >> 8})
      h = (h ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3;
  return h;
}

std::uint64_t hexadecimal(std::string_view text) {
  std::uint64_t value = 0;
  auto [stop, status] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (status != std::errc{} || stop != text.data() + text.size())
    throw std::logic_error("a table of functions holds '" + std::string(text) + "'");
  return value;
}

/// `INPUT=OUTPUT` or `INPUT*COUNT=OUTPUT`, in hexadecimal.
void apply_exception(std::string_view token, Table &table) {
  std::size_t equals = token.find('='), star = token.substr(0, equals).find('*');
  std::uint64_t first = hexadecimal(token.substr(0, std::min(star, equals)));
  std::uint64_t count =
      star == std::string_view::npos ? 1 : hexadecimal(token.substr(star + 1, equals - star - 1));
  auto value = static_cast<std::uint16_t>(hexadecimal(token.substr(equals + 1)));
  for (std::uint64_t i = 0; i < count; ++i)
    table.at(first + i) = value;
}

/// The rounded functions that exceptions are told from: in f64, rounded to f32, then to the type.
Table rounded_function(OpCode op, ElementType type) {
  NumericsProfile rounded;
  rounded.compute = ElementType::F32;
  auto table = unary_table(op, type, rounded);
  return {table.begin(), table.end()};
}

/// Lines `table OP TYPE DIGEST`, each followed by lines of exceptions.
Tables read_tables(const std::string &set, const char *text) {
  Tables out;
  Table *table = nullptr;
  std::uint64_t expected = 0;
  std::string function;
  auto check = [&] {
    if (table && digest(*table) != expected)
      throw InputError(fmt::format("the functions '{}' cannot be used on this machine: its {} is "
                                   "rounded otherwise than where they were recorded",
                                   set, function));
  };
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string word, type;
    if (line.starts_with("//"))
      continue;
    if (line.starts_with("table ")) {
      check();
      words >> word >> function >> type >> word;
      OpCode op = op_code(function).value();
      ElementType element = element_type(type).value();
      table = &(out[{op, element}] = rounded_function(op, element));
      expected = hexadecimal(word);
      continue;
    }
    while (words >> word)
      apply_exception(word, *table);
  }
  check();
  return out;
}

} // namespace

bool is_function(OpCode op) { return std::ranges::find(kFunctions, op) != kFunctions.end(); }

const std::vector<std::string> &function_sets() {
  static const std::vector<std::string> sets = {"xla_cpu"};
  return sets;
}

bool uses_table(const NumericsProfile &profile, OpCode op, ElementType type) {
  return !profile.functions.empty() && is_function(op) &&
         (type == ElementType::F16 || type == ElementType::BF16);
}

std::span<const std::uint16_t> function_table(const std::string &set, OpCode op, ElementType type) {
  if (set != function_sets()[0])
    throw std::logic_error("no functions '" + set + "'");
  static const Tables tables = read_tables(set, embedded::xla_cpu_functions);
  return tables.at({op, type});
}

} // namespace isamorph::semantics
