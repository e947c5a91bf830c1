#include "verify/instruction_comparison.h"

#include "semantics/evaluator.h"
#include "spec/unroll.h"
#include "verify/buffer_contents.h"
#include "verify/differential.h"
#include "verify/integer_normal_form.h"
#include "verify/symbolic_parts.h"

#include <algorithm>
#include <fmt/format.h>
#include <random>
#include <set>

namespace isamorph::verify {
namespace {

using Answer = InstructionComparison::Answer;
using semantics::Tensor;
using Execution = OneInstruction::Execution;

/// Of the numbers from which contents are taken; buffers repeat them.
constexpr std::int64_t kPoolElements = 4096;
/// How often attributes are drawn for each run, until both ISAs allow them.
constexpr int kDraws = 50;
constexpr std::size_t kShownInputs = 6;
/// What taking an element from a buffer or putting it there counts for.
constexpr std::int64_t kElementWork = 32;

/// The texts of an instruction that say what it means.
std::vector<std::string> texts(const spec::Isa &a, const spec::Isa &b) {
  return spec::diff(a, b, spec::DiffScope::Semantics);
}

class Comparison {
public:
  Comparison(const spec::Isa &first, const spec::Isa &second, const std::string &name,
             const InstructionComparisonOptions &options)
      : a_(first, name), b_(second, name), options_(options), engine_(options.seed) {
    out_.instruction = name;
    note_types(a_.instruction());
    note_types(b_.instruction());
    for (const OneInstruction *side : {&a_, &b_})
      for (const spec::Instruction &arm : side->arms().instructions)
        note_numbers(arm);
  }

  InstructionComparison run() {
    if (!comparable())
      return out_;
    work_left_ = options_.work;
    for (int i = 0; i < options_.runs && work_left_ > 0; ++i)
      if (differs_in_run(i))
        return out_;
    if (!out_.reason.empty()) {
      out_.answer = Answer::Different;
      return out_;
    }
    if (out_.runs == 0) {
      out_.reason = "no values of its attributes were found that both allow";
      return out_;
    }
    out_.answer = Answer::NoDifference;
    out_.reason = fmt::format("{} runs on boundary and random contents", out_.runs);
    prove();
    return out_;
  }

private:
  bool comparable() {
    const spec::Instruction &x = a_.instruction(), &y = b_.instruction();
    if (!std::ranges::equal(x.attribute_names(), y.attribute_names()))
      out_.reason = "its attributes differ";
    return out_.reason.empty();
  }

  void note_types(const spec::Instruction &instruction) {
    for (const spec::Instruction &way : instruction.ways())
      for (const semantics::TemplateNode &node : way.body.nodes)
        note_node(node);
  }

  void note_node(const semantics::TemplateNode &node) {
    const auto *type = std::get_if<ElementType>(&node.shape.type);
    if (!type || *type == ElementType::Pred)
      return;
    types_.insert(*type);
    if (node.literal && node.literal->elements() == 1)
      literals_.emplace(*type, node.literal->bits(0));
    if (node.literal_value && node.literal_value->is_constant())
      literals_.emplace(*type, semantics::encode_integer(*type, node.literal_value->value()));
  }

  /// Attributes are drawn from what the ISAs compare them with, and from small numbers.
  void note_numbers(const spec::Instruction &arm) {
    std::function<void(const spec::IntExpr &)> note = [&](const spec::IntExpr &e) {
      if (e.is_constant())
        for (std::int64_t near : {-1, 0, 1})
          if (std::int64_t number; !__builtin_add_overflow(e.value(), near, &number))
            numbers_.insert(number);
      for (const spec::IntExpr &argument : e.arguments())
        note(argument);
    };
    for (const spec::IntExpr &condition : arm.constraints)
      note(condition);
    for (const spec::Buffer &buffer : a_.isa().buffers)
      for (std::int64_t size : buffer.addressed)
        for (std::int64_t number : {size / 2, size - 1, size})
          numbers_.insert(number);
    for (std::int64_t number : {-1, 0, 1, 2, 3, 4, 5, 7, 8, 16, 64, 100, 128, 256, 4096})
      numbers_.insert(number);
  }

  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(bound));
  }

  std::int64_t draw() {
    switch (below(4)) {
    case 0:
      return below(1000);
    case 1:
      return *std::next(numbers_.begin(), below(static_cast<std::int64_t>(numbers_.size())));
    default:
      return below(5);
    }
  }

  /// All types in turn; every second time few numbers only, of those that the bodies name, of
  /// special ones and of the pool.
  BufferContents draw_contents(int number) {
    auto type = std::next(types_.begin(), number / 2 % static_cast<int>(types_.size()));
    Tensor pool = test_input(std::array{semantics::Shape{*type, {kPoolElements}}}, Level::Bits,
                             options_.seed, number)[0];
    if (number % 2 == 0)
      return {std::move(pool), {}};
    std::vector<std::uint64_t> all = special_numbers(*type), few;
    for (auto [named, bits] : literals_)
      if (named == *type)
        all.push_back(bits);
    for (int i = 0; i < 4; ++i)
      few.push_back(all[static_cast<std::size_t>(below(static_cast<std::int64_t>(all.size())))]);
    for (int i = 0; i < 2; ++i)
      few.push_back(pool.bits(below(kPoolElements)));
    return {std::move(pool), std::move(few)};
  }

  bool differs_in_run(int number) {
    for (int i = 0; i < kDraws; ++i) {
      attributes_.clear();
      for (std::size_t a = 0; a < a_.instruction().attribute_count(); ++a)
        attributes_.push_back(draw());
      state_.clear();
      for (const spec::StateVariable &s : a_.isa().state)
        state_.push_back(number == 0 ? s.initial : s.low + below(s.high - s.low + 1));
      auto x = a_.prepare(attributes_, state_), y = b_.prepare(attributes_, state_);
      if (x && y)
        return differs(*x, *y, number);
      if ((x || y) && out_.reason.empty())
        report(fmt::format("only the {} allows it", x ? "first" : "second"));
    }
    return false;
  }

  bool differs(const Execution &x, const Execution &y, int number) {
    ++out_.runs;
    for (std::size_t s = 0; s < x.state.size(); ++s)
      if (x.state[s] != y.state[s]) {
        report(fmt::format("state {} becomes {} in the first and {} in the second",
                           a_.isa().state[s].name, x.state[s], y.state[s]));
        return true;
      }
    BufferContents contents = draw_contents(number);
    auto found = first_difference(x, y, contents);
    if (!found)
      return false;
    make_small(x, y, contents);
    found = first_difference(x, y, contents);
    std::string inputs = inputs_text(x, y, contents);
    report(fmt::format("{} becomes {} in the first and {} in the second; {}",
                       a_.text(found->element), value_text(found->element, found->first),
                       value_text(found->element, found->second), inputs));
    return true;
  }

  struct Difference {
    Element element;
    std::uint64_t first, second;
  };
  std::optional<Difference> first_difference(const Execution &x, const Execution &y,
                                             const BufferContents &contents) {
    auto at = [&](const Element &e) { return contents(e, a_.type(e)); };
    work_left_ -= work(a_, x) + work(b_, y);
    Elements p = a_.run(x, at), q = b_.run(y, at);
    std::set<Element> written;
    for (const Elements *side : {&p, &q})
      for (const auto &[element, bits] : *side)
        written.insert(element);
    for (const Element &element : written) {
      auto in = [&](const Elements &side) {
        auto found = side.find(element);
        return found == side.end() ? at(element) : found->second;
      };
      if (!equal_element(a_.type(element), in(p), in(q), Level::Bits))
        return Difference{element, in(p), in(q)};
    }
    return std::nullopt;
  }

  static std::int64_t work(OneInstruction &side, const Execution &execution) {
    std::size_t elements = 1;
    for (const auto *regions : {&execution.reads, &execution.writes})
      for (const std::vector<Element> &region : *regions)
        elements += region.size();
    return work_of(side.body(execution)) + kElementWork * static_cast<std::int64_t>(elements);
  }

  static std::vector<Element> read_elements(const Execution &x, const Execution &y) {
    std::set<Element> out;
    for (const Execution *side : {&x, &y})
      for (const auto &region : side->reads)
        out.insert(region.begin(), region.end());
    return {out.begin(), out.end()};
  }

  /// Zeros wherever the difference stays, in halves, quarters, ... of what is read.
  void make_small(const Execution &x, const Execution &y, BufferContents &contents) {
    std::vector<Element> elements = read_elements(x, y);
    work_left_ = options_.work;
    for (std::size_t chunk = (elements.size() + 1) / 2; chunk > 0; chunk /= 2)
      for (std::size_t begin = 0; begin < elements.size() && work_left_ > 0; begin += chunk) {
        std::vector<Element> changed;
        for (std::size_t i = begin; i < std::min(begin + chunk, elements.size()); ++i)
          if (contents(elements[i], a_.type(elements[i])) != 0)
            changed.push_back(elements[i]);
        contents.zero().insert(changed.begin(), changed.end());
        if (!changed.empty() && !first_difference(x, y, contents))
          for (const Element &element : changed)
            contents.zero().erase(element);
      }
  }

  std::string inputs_text(const Execution &x, const Execution &y,
                          const BufferContents &contents) const {
    std::string out;
    std::size_t count = 0;
    for (const Element &element : read_elements(x, y))
      if (std::uint64_t bits = contents(element, a_.type(element)); bits != 0 && ++count)
        if (count <= kShownInputs)
          out += (out.empty() ? "" : ", ") + a_.text(element) + " = " + value_text(element, bits);
    if (count == 0)
      return "all that is read is 0";
    if (count > kShownInputs)
      out += fmt::format(" and {} more", count - kShownInputs);
    return "of what is read only " + out + (count == 1 ? " is not 0" : " are not 0");
  }

  /// Floats with their bits, which may be those of integers.
  std::string value_text(const Element &element, std::uint64_t bits) const {
    ElementType type = a_.type(element);
    std::string out = semantics::element_text(type, bits);
    return semantics::is_float(type)
               ? out + fmt::format(" (0x{:0{}x})", bits, 2 * semantics::byte_size(type))
               : out;
  }

  /// A difference, with attributes and state.
  void report(const std::string &what) {
    out_.answer = Answer::Different;
    std::string where;
    auto add = [&](const std::string &name, std::int64_t value) {
      where += fmt::format("{}{}={}", where.empty() ? "" : ", ", name, value);
    };
    for (std::size_t i = 0; i < attributes_.size(); ++i)
      add(a_.instruction().attribute_names()[i], attributes_[i]);
    for (std::size_t i = 0; i < state_.size(); ++i)
      add("state " + a_.isa().state[i].name, state_[i]);
    out_.reason +=
        fmt::format("{}{}({}): {}", out_.reason.empty() ? "" : "\n", out_.instruction, where, what);
  }

  /// Reads before writes, so that what lies where does not matter if it is the same.
  bool same_frame(const spec::Instruction &x, const spec::Instruction &y) const {
    auto regions = [](const spec::Region &p, const spec::Region &q) {
      return p.buffer == q.buffer && p.starts == q.starts && p.extents == q.extents &&
             p.steps.has_value() == q.steps.has_value() &&
             (!p.steps ||
              (p.steps->count == q.steps->count && p.steps->distance == q.steps->distance));
    };
    auto by_region = [&](const auto &p, const auto &q) { return regions(p.region, q.region); };
    auto by_update = [](const spec::Update &p, const spec::Update &q) {
      return p.variable == q.variable && p.value == q.value;
    };
    return x.guard == y.guard && std::ranges::equal(x.constraints, y.constraints) &&
           std::ranges::equal(x.reads, y.reads, by_region) &&
           std::ranges::equal(x.writes, y.writes, by_region) &&
           std::ranges::equal(x.after, y.after, by_update);
  }

  void prove() {
    const auto &xs = a_.arms().instructions, &ys = b_.arms().instructions;
    if (a_.isa().numerics != b_.isa().numerics || xs.size() != ys.size())
      return;
    StopToken stop(nullptr, options_.seconds);
    for (std::size_t i = 0; i < xs.size(); ++i)
      if (!same_frame(xs[i], ys[i]) || !spec::body_variables(xs[i]).empty() ||
          !spec::body_variables(ys[i]).empty() || !bodies_equal(xs[i], ys[i], stop))
        return;
    out_.answer = Answer::Proved;
    out_.reason = "both compute the same terms of what they read";
  }

  /// Of bodies that depend on no attribute, on symbols.
  bool bodies_equal(const spec::Instruction &x, const spec::Instruction &y, const StopToken &stop) {
    try {
      TermGraph terms(a_.isa().numerics);
      terms.stop_with(&stop);
      semantics::TensorGraph p = spec::instantiate_body(x, x.symbols.integers.unbound()),
                             q = spec::instantiate_body(y, y.symbols.integers.unbound());
      std::vector<semantics::Shape> shapes;
      for (semantics::NodeId parameter : p.parameters)
        shapes.push_back(p[parameter].shape);
      std::vector<SymbolicTensor> inputs = symbolic_inputs(terms, shapes),
                                  first = execute(terms, p, inputs),
                                  second = execute(terms, q, inputs);
      IntegerNormalizer normalizer(terms);
      for (std::size_t r = 0; r < first.size(); ++r)
        for (std::size_t e = 0; e < first[r].elements.size(); ++e) {
          TermId s = first[r].elements[e], t = second[r].elements[e];
          if (s != t && normalizer.normalize(s) != normalizer.normalize(t))
            return false;
        }
      return true;
    } catch (const Stopped &) {
    } catch (const TooMuchWork &) {
    } catch (const semantics::InputError &) { // no symbolic semantics
    }
    return false;
  }

  OneInstruction a_, b_;
  const InstructionComparisonOptions &options_;
  std::mt19937_64 engine_;
  std::set<ElementType> types_{ElementType::U8};
  std::set<std::pair<ElementType, std::uint64_t>> literals_; ///< in the bodies
  std::set<std::int64_t> numbers_;
  std::vector<std::int64_t> attributes_, state_; ///< of the run at hand
  std::int64_t work_left_ = 0;
  InstructionComparison out_;
};

} // namespace

std::string_view name(InstructionComparison::Answer answer) {
  constexpr std::array<std::string_view, 4> names = {"equal", "no difference found", "different",
                                                     "not compared"};
  return names[static_cast<std::size_t>(answer)];
}

std::vector<InstructionComparison>
compare_instructions(const spec::Isa &first, const spec::Isa &second,
                     const InstructionComparisonOptions &options) {
  std::vector<InstructionComparison> out;
  std::vector<std::string> around = texts(alone(first, ""), alone(second, ""));
  if (std::ranges::any_of(around, [](const auto &l) { return !l.starts_with("numerics"); }))
    return out;
  for (const spec::Instruction &instruction : first.instructions) {
    const std::string &name = instruction.name;
    if (!second.find_instruction(name) ||
        (texts(alone(first, name), alone(second, name)) == around && around.empty()))
      continue;
    out.push_back(Comparison(first, second, name, options).run());
  }
  return out;
}

} // namespace isamorph::verify
