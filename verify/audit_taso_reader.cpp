// The reader of TASO's expressions.
#include "verify/audit_taso.h"

#include "semantics/cursor.h"

#include <algorithm>
#include <array>

namespace isamorph::verify {
namespace {

/// What a number of an operator may be.
struct NumberKind {
  std::string_view what;
  std::int64_t least, most;
};
constexpr NumberKind kAxis = {"axis", 0, 3}, kKernel = {"kernel size", 1, 64},
                     kStride = {"stride", 1, 64}, kPadding = {"padding", 0, 1},
                     kActivation = {"activation", 0, 3};

struct OperatorRow {
  std::string_view name;
  std::vector<NumberKind> numbers;
  std::size_t operands;
};

const std::vector<OperatorRow> &operators() {
  static const std::vector<OperatorRow> rows = {
      {"ewadd", {}, 2},
      {"ewmul", {}, 2},
      {"smul", {}, 2},
      {"matmul", {}, 2},
      {"transpose", {}, 1},
      {"relu", {}, 1},
      {"concat", {kAxis}, 2},
      {"split_0", {kAxis}, 1},
      {"split_1", {kAxis}, 1},
      {"conv2d", {kStride, kStride, kPadding, kActivation}, 2},
      {"poolavg", {kKernel, kKernel, kStride, kStride, kPadding}, 1},
      {"poolmax", {kKernel, kKernel, kStride, kStride, kPadding}, 1},
      {"enlarge", {kKernel, kKernel}, 1},
      {"Imatmul", {}, 0},
      {"Iewmul", {}, 0},
      {"Iconv", {kKernel, kKernel}, 0},
      {"Cpool", {kKernel, kKernel}, 0},
  };
  return rows;
}

/// "input_1" to "input_20".
bool is_input(const std::string &name) {
  for (int i = 1; i <= 20; ++i)
    if (name == "input_" + std::to_string(i))
      return true;
  return false;
}

class Reader {
public:
  explicit Reader(const semantics::SourceRef &source) : cursor_(source, true) {}

  std::vector<TasoRule> read() {
    std::vector<TasoRule> rules;
    while (!cursor_.at_end()) {
      rule_ = {};
      rule_.left = expression(0);
      rule_.text += " == ";
      cursor_.expect("==");
      rule_.right = expression(0);
      rules.push_back(std::move(rule_));
    }
    return rules;
  }

private:
  static constexpr int kDeepest = 64;
  static constexpr std::size_t kMostNodes = 256;

  std::uint32_t expression(int depth) {
    TasoNode node;
    node.location = cursor_.here();
    if (depth > kDeepest || rule_.nodes.size() >= kMostNodes)
      cursor_.error("the expression is too large");
    node.name = cursor_.identifier("an expression");
    rule_.text += node.name;
    if (!is_input(node.name))
      arguments(node, row(node), depth);
    rule_.nodes.push_back(std::move(node));
    return static_cast<std::uint32_t>(rule_.nodes.size() - 1);
  }

  static const OperatorRow &row(const TasoNode &node) {
    std::vector<std::string> known;
    for (const OperatorRow &row : operators()) {
      if (row.name == node.name)
        return row;
      known.emplace_back(row.name);
    }
    if (node.name.starts_with("input_"))
      semantics::fail(node.location, "unknown input '" + node.name + "'",
                      "inputs: input_1 to input_20");
    std::string nearest = semantics::suggest(node.name, known);
    semantics::fail(node.location, "unknown operator '" + node.name + "'",
                    nearest.empty() ? "operators: " + semantics::join(known) : nearest);
  }

  void arguments(TasoNode &node, const OperatorRow &row, int depth) {
    if (row.numbers.empty() && row.operands == 0)
      return;
    expect("(");
    bool first = true;
    auto comma = [&] {
      if (!first)
        expect(",");
      first = false;
    };
    for (const NumberKind &kind : row.numbers) {
      comma();
      node.numbers.push_back(number(kind));
      rule_.text += std::to_string(node.numbers.back());
    }
    for (std::size_t i = 0; i < row.operands; ++i) {
      comma();
      node.operands.push_back(expression(depth + 1));
    }
    expect(")");
  }

  void expect(const char *text) {
    cursor_.expect(text);
    rule_.text += text;
  }

  std::int64_t number(const NumberKind &kind) {
    semantics::Location place = cursor_.here();
    std::int64_t value = cursor_.integer("the " + std::string(kind.what));
    if (value < kind.least || value > kind.most)
      semantics::fail(place, "the " + std::string(kind.what) + " is " + std::to_string(value) +
                                 ", not between " + std::to_string(kind.least) + " and " +
                                 std::to_string(kind.most));
    return value;
  }

  semantics::Cursor cursor_;
  TasoRule rule_;
};

} // namespace

std::vector<TasoRule> read_taso_rules(const semantics::SourceRef &source) {
  return Reader(source).read();
}

} // namespace isamorph::verify
