// Sums in programs, as the checker and as the search find them: the same, and every element of a
// parameter that is said to be loaded changes the result for some input.
#include "search/summands.h"
#include "semantics/evaluator.h"
#include "semantics/hlo.h"
#include "verify/checker/addends.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <random>

using namespace isamorph;

namespace {

/// Of matrices of two rows and columns: bytes, and words.
class RandomProgram {
public:
  explicit RandomProgram(unsigned seed) : engine_(seed) {}

  semantics::TensorGraph graph() {
    for (int p = 0; p < 4; ++p)
      add(p % 2 == 0 ? "s8" : "s32", fmt::format("parameter({})", p));
    while (types_.size() < 12)
      grow();
    std::size_t root = text_.rfind("\n v") + 1;
    text_.insert(root, " ROOT");
    return semantics::parse_hlo(
               semantics::make_source("<test>", "HloModule m\nENTRY m {\n" + text_ + "}\n"))
        .without_dead_nodes();
  }

private:
  std::size_t pick(std::size_t end) { return engine_() % end; }
  int number(int low, int high) {
    return low + static_cast<int>(pick(std::size_t(high - low + 1)));
  }

  void add(const std::string &type, const std::string &value) {
    text_ += fmt::format(" v{} = {}[2,2] {}\n", types_.size(), type, value);
    types_.push_back(type);
  }
  std::string constant(const std::string &type, int value) {
    text_ += fmt::format(" s{0} = {1}[] constant({2})\n c{0} = {1}[2,2] broadcast(s{0}), "
                         "dimensions={{}}\n",
                         constants_, type, value);
    return fmt::format("c{}", constants_++);
  }

  void grow() {
    std::size_t a = types_.size() - 1 - pick(std::min<std::size_t>(types_.size(), 5)),
                b = pick(types_.size());
    std::string type = types_[a];
    switch (pick(7)) {
    case 0:
      return add(pick(2) ? "s8" : "s32", fmt::format("convert(v{})", a));
    case 1:
      return add(type, fmt::format("reverse(v{}), dimensions={{0}}", a));
    case 2: {
      std::string zero = constant(type, number(-1, 1));
      return add(type, fmt::format("maximum({}, v{})", zero, a));
    }
    case 3: {
      std::string low = constant(type, number(-2, 1)), high = constant(type, number(0, 2));
      return add(type, fmt::format("clamp({}, v{}, {})", low, a, high));
    }
    default:
      if (types_[b] != type)
        return;
      if (pick(3) == 0)
        return add(type, fmt::format("dot(v{}, v{}), lhs_contracting_dims={{1}}, "
                                     "rhs_contracting_dims={{0}}",
                                     a, b));
      return add(type, fmt::format("{}(v{}, v{})", pick(3) ? "add" : "subtract", a, b));
    }
  }

  std::mt19937 engine_;
  std::string text_;
  std::vector<std::string> types_;
  int constants_ = 0;
};

using Known = std::map<std::set<semantics::NodeId>, std::int64_t>; ///< factors -> products

/// Whether an element shows in the result: for zeros elsewhere, but for at most a one.
bool matters(const semantics::TensorGraph &graph, std::size_t parameter, std::int64_t element) {
  std::vector<semantics::Tensor> base;
  for (semantics::NodeId p : graph.parameters)
    base.emplace_back(graph[p].shape);
  auto changes = [&](std::vector<semantics::Tensor> &inputs) {
    auto before = semantics::evaluate(graph, inputs, {});
    for (std::uint64_t value : {std::uint64_t{1}, ~std::uint64_t{0}}) {
      auto after = inputs;
      after[parameter].set_bits(element, value);
      if (semantics::evaluate(graph, after, {}) != before)
        return true;
    }
    return false;
  };
  if (changes(base))
    return true;
  for (semantics::Tensor &tensor : base)
    for (std::int64_t e = 0; e < tensor.elements(); ++e) {
      tensor.set_bits(e, 1);
      if (changes(base))
        return true;
      tensor.set_bits(e, 0);
    }
  return false;
}

} // namespace

TEST_CASE("sums are found twice alike, and all elements of their parameters matter") {
  int sums = 0, limited = 0;
  for (unsigned seed = 0; seed < 1000; ++seed) {
    semantics::TensorGraph graph = RandomProgram(seed).graph();
    INFO(semantics::print_hlo(graph));
    Known by_search, by_checker;
    for (const search::ProgramSummand &s : search::summands(graph))
      by_search[{s.lhs, s.rhs}] = s.multiplications;
    for (const verify::Addend &a : verify::addends_of(graph))
      by_checker[a.factors] = a.products;
    REQUIRE(by_search == by_checker);
    sums += !by_search.empty();
    limited +=
        !by_search.empty() && std::any_of(graph.nodes.begin(), graph.nodes.end(), [](auto &n) {
          return n.op == semantics::OpCode::Clamp || n.op == semantics::OpCode::Maximum;
        });
    for (const auto &[factors, products] : by_search)
      for (std::size_t p = 0; p < graph.parameters.size(); ++p)
        for (std::int64_t e = 0; factors.contains(graph.parameters[p]) && e < 4; ++e)
          REQUIRE(matters(graph, p, e));
  }
  CHECK(sums > 100);
  CHECK(limited > 25);
}
