// What XLA computes on the CPU, bit for bit, but for the disagreements listed in
// tests/reference/xla/disagreements.txt, whose causes semantics/NUMERICS.md explains: under the
// profile xla_cpu, and under xla_cpu_x86. The vectors are made by tests/reference/xla_vectors.py.
#include "semantics/function_table.h"
#include "semantics/hlo.h"

#include "evaluation.h"

#include <cstdio>
#include <fstream>
#include <iomanip>
#include <map>
#include <sstream>

using namespace isamorph::semantics;
using namespace isamorph::semantics::test;

namespace {

const std::string kDirectory = ISAMORPH_SOURCE_DIR "/tests/reference/xla";

/// Elements that differ (NaN equals NaN), and the largest distance between two finite numbers.
struct Difference {
  std::int64_t elements = 0;
  std::uint64_t max_ulp = 0;
  bool operator==(const Difference &) const = default;
};
using Differences = std::map<std::string, Difference>;

void compare(Difference &difference, ElementType type, std::uint64_t ours, std::uint64_t theirs) {
  if (ours == theirs || (is_nan(type, ours) && is_nan(type, theirs)))
    return;
  ++difference.elements;
  if (is_float(type) && is_finite(type, ours) && is_finite(type, theirs))
    difference.max_ulp = std::max(difference.max_ulp, ulp_distance(type, ours, theirs));
}

/// A tensor as "f32[2,3] 0000803f...": its bytes in memory.
Tensor parse_tensor(const std::string &shape_text, const std::string &hex) {
  TensorGraph graph =
      parse_hlo(make_source("shape", "ENTRY e { ROOT p = " + shape_text + " parameter(0) }"));
  Tensor out(graph.nodes[0].shape);
  REQUIRE(hex.size() == 2 * out.bytes().size());
  for (std::size_t i = 0; i < out.bytes().size(); ++i)
    out.bytes()[i] = static_cast<std::byte>(std::stoi(hex.substr(2 * i, 2), nullptr, 16));
  return out;
}

/// Runs every case of a file under a profile; `cases` counts them.
Differences run_file(const std::string &name, const NumericsProfile &numerics, int &cases) {
  std::ifstream file(kDirectory + "/" + name + ".vectors");
  REQUIRE(file);
  Differences out;
  std::map<std::string, Tensor> tensors;
  std::string line, current, hlo;
  std::vector<Tensor> results;
  std::size_t next = 0;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string key, a, b, c;
    words >> key;
    if (key == "tensor") {
      words >> a >> b >> c;
      tensors[a] = parse_tensor(b, c);
    } else if (key == "case") {
      words >> current;
      ++cases;
    } else if (key == "hlo") {
      int lines = 0;
      words >> lines;
      for (hlo.clear(); lines > 0 && std::getline(file, line); --lines)
        hlo += line + "\n";
    } else if (key == "input") {
      std::vector<Tensor> inputs;
      while (words >> a)
        inputs.push_back(tensors.at(a));
      INFO(name << " " << current);
      TensorGraph graph = parse_hlo(make_source(current, hlo));
      REQUIRE(equal(parse_hlo(make_source("printed", print_hlo(graph))), graph));
      results = evaluate(graph, inputs, numerics);
      next = 0;
    } else if (key == "output") {
      words >> a >> b;
      Tensor expected = parse_tensor(a, b);
      INFO(name << " " << current);
      REQUIRE(next < results.size());
      REQUIRE(results[next].shape() == expected.shape());
      Difference difference;
      for (std::int64_t i = 0; i < expected.elements(); ++i)
        compare(difference, expected.shape().type, results[next].bits(i), expected.bits(i));
      if (difference.elements)
        out[current] = difference;
      ++next;
    }
  }
  return out;
}

/// The listed differences of one file, its lines being "file case elements max_ulp cause", after
/// "profile NAME".
Differences listed(const std::string &name, const NumericsProfile &numerics) {
  std::ifstream file(kDirectory + "/disagreements.txt");
  REQUIRE(file);
  Differences out;
  std::string line, profile_name;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string family, current, cause;
    Difference d;
    if (line.starts_with("//") || line.empty())
      continue;
    if (line.starts_with("profile ")) {
      profile_name = line.substr(8);
      continue;
    }
    REQUIRE(words >> family >> current >> d.elements >> d.max_ulp >> cause);
    if (profile_name == numerics.name && family == name)
      out[current] = d;
  }
  return out;
}

void check(const std::string &name, const NumericsProfile &numerics, const Differences &found) {
  Differences expected = listed(name, numerics);
  INFO("under " << numerics.name);
  for (const auto &[current, d] : found)
    if (!expected.contains(current) || !(expected[current] == d))
      FAIL_CHECK(name << " " << current << " " << d.elements << " " << d.max_ulp
                      << " is not what disagreements.txt says");
  for (const auto &[current, d] : expected)
    if (!found.contains(current))
      FAIL_CHECK(name << " " << current << " agrees, but disagreements.txt lists it");
}

/// Both profiles, on each file.
int check_files(std::initializer_list<const char *> names) {
  int cases = 0;
  for (const char *profile_name : {"xla_cpu", "xla_cpu_x86"})
    for (const char *name : names) {
      const NumericsProfile &numerics = numerics_profile(profile_name);
      check(name, numerics, run_file(name, numerics, cases));
    }
  return cases / 2;
}

std::uint64_t digest(std::span<const std::uint16_t> words) {
  std::uint64_t h = 0xcbf29ce484222325;
  for (std::uint16_t word : words)
    for (int byte : {word & 0xff, word >> 8})
      h = (h ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3;
  return h;
}

} // namespace

TEST_CASE("XLA's element-wise operations") {
  CHECK(check_files({"unary", "binary", "convert"}) > 400);
}

TEST_CASE("XLA's movements") { CHECK(check_files({"movement"}) > 200); }

TEST_CASE("XLA's folds") { CHECK(check_files({"reduce", "dot", "window"}) > 300); }

TEST_CASE("XLA's dots and convolutions of mixed types") { CHECK(check_files({"mixed"}) > 50); }

TEST_CASE("programs as JAX lowers them") { CHECK(check_files({"programs"}) > 30); }

TEST_CASE("random programs of several operations") { CHECK(check_files({"random"}) == 60); }

TEST_CASE("XLA's own functions are the evaluator's rounded ones, but for the listed inputs") {
  Differences found;
  for (int o = 0; o < kOpCodeCount; ++o)
    for (ElementType type : {ElementType::BF16, ElementType::F16}) {
      auto op = static_cast<OpCode>(o);
      if (!is_function(op))
        continue;
      auto theirs = function_table("xla_cpu", op, type), ours = unary_table(op, type, xla_cpu());
      Difference difference;
      for (std::size_t i = 0; i < theirs.size(); ++i)
        compare(difference, type, ours[i], theirs[i]);
      if (difference.elements)
        found[std::string(info(op).name) + "." + std::string(name(type))] = difference;
    }
  check("functions", xla_cpu(), found);
}

TEST_CASE("XLA's exact unary operations for all 65536 inputs of bf16 and f16") {
  std::ifstream file(kDirectory + "/tables.vectors");
  REQUIRE(file);
  // The file tells differences from this profile.
  NumericsProfile reference = profile("numerics reference { compute f32 }");
  Differences found;
  std::string line, name, expected_digest;
  std::vector<std::uint16_t> theirs;
  ElementType type = ElementType::BF16;
  OpCode op = OpCode::Abs;
  int tables = 0;
  auto finish = [&] {
    if (theirs.empty())
      return;
    INFO(name);
    std::ostringstream sum;
    sum << std::hex << std::setw(16) << std::setfill('0') << digest(theirs);
    REQUIRE(sum.str() == expected_digest);
    auto ours = unary_table(op, type, numerics_profile("xla_cpu"));
    Difference difference;
    for (std::size_t i = 0; i < theirs.size(); ++i)
      compare(difference, type, ours[i], theirs[i]);
    if (difference.elements)
      found[name] = difference;
    ++tables;
  };
  while (std::getline(file, line)) {
    std::istringstream words(line);
    if (line.starts_with("//"))
      continue;
    if (line.starts_with("table")) {
      finish();
      std::string key, op_name, type_name;
      words >> key >> op_name >> type_name >> expected_digest;
      op = op_code(op_name).value();
      type = type_name == "bf16" ? ElementType::BF16 : ElementType::F16;
      name = op_name + "." + type_name;
      auto table = unary_table(op, type, reference);
      theirs.assign(table.begin(), table.end());
      continue;
    }
    std::string token;
    while (words >> token) {
      unsigned first = 0, count = 1, value = 0;
      if (std::sscanf(token.c_str(), "%x*%x=%x", &first, &count, &value) != 3) {
        count = 1;
        REQUIRE(std::sscanf(token.c_str(), "%x=%x", &first, &value) == 2);
      }
      for (unsigned i = 0; i < count; ++i)
        theirs.at(first + i) = static_cast<std::uint16_t>(value);
    }
  }
  finish();
  check("tables", xla_cpu(), found);
  CHECK(tables == 14);
}
