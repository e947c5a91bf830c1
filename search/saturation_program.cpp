#include "search/saturation_program.h"

#include "semantics/cursor.h"

#include <filesystem>
#include <fmt/format.h>
#include <set>

namespace isamorph::search {

using semantics::Cursor;

namespace {

constexpr std::string_view kNameCharacters = "-./+*";

constexpr int kMaxIncludes = 16;

/// What all files of one program share: the names of its rules, and what may still be included.
struct Shared {
  std::set<std::string> rules;
  std::size_t files = 1000, bytes = std::size_t{256} << 20;
};

class Reader {
public:
  Reader(semantics::SourceRef source, SaturationProgram &program, Shared &shared, int depth)
      : cursor_(std::move(source)), program_(program), shared_(shared), depth_(depth) {}

  void read() {
    while (!cursor_.at_end())
      statement();
  }

private:
  void statement() {
    if (cursor_.accept_word("include")) {
      include();
    } else if (cursor_.accept_word("term")) {
      program_.terms.push_back(ground_term());
    } else if (cursor_.accept_word("rule")) {
      rule();
    } else if (cursor_.accept_word("prove")) {
      goal();
    } else if (cursor_.accept_word("fold")) {
      fold();
    } else if (cursor_.accept_word("prune")) {
      program_.prune = true;
    } else if (cursor_.accept_word("limit")) {
      limit();
    } else if (cursor_.accept_word("scheduler")) {
      scheduler();
    } else {
      unknown("a statement",
              {"include", "term", "rule", "prove", "fold", "prune", "limit", "scheduler"});
    }
  }

  /// A path is relative to the file that includes it.
  void include() {
    semantics::Location here = cursor_.here();
    std::filesystem::path path = cursor_.quoted_string();
    if (depth_ == kMaxIncludes)
      semantics::fail(here, "files include one another more than 16 deep");
    if (shared_.files-- == 0)
      semantics::fail(here, "a program includes at most 1000 files");
    if (path.is_relative())
      path = std::filesystem::path(cursor_.source()->name).parent_path() / path;
    std::error_code error;
    if (std::filesystem::exists(path, error) && !std::filesystem::is_regular_file(path, error))
      semantics::fail(here, path.string() + ": is no file"); // a pipe or a terminal may never end
    semantics::SourceRef source;
    try {
      source = semantics::read_source(path.string(), shared_.bytes);
    } catch (const semantics::InputError &unreadable) {
      semantics::fail(here, unreadable.message());
    }
    shared_.bytes -= source->text.size();
    Reader(std::move(source), program_, shared_, depth_ + 1).read();
  }

  [[noreturn]] void unknown(std::string_view what, const std::vector<std::string> &known) {
    semantics::Location here = cursor_.here();
    auto word = cursor_.try_identifier("-");
    if (!word)
      cursor_.error_expected(fmt::format("{} ({})", what, semantics::join(known)));
    semantics::fail(here, fmt::format("'{}' is not {}", *word, what),
                    semantics::suggest(*word, known));
  }

  Pattern ground_term() {
    semantics::Location here = cursor_.here();
    std::vector<std::string> variables;
    Pattern term = read_pattern(cursor_, program_.names, variables);
    if (!variables.empty())
      semantics::fail(here, "a term has no variables, but this one has " + variables[0]);
    return term;
  }

  void rule() {
    ProgramRule rule;
    rule.location = cursor_.here();
    rule.name = cursor_.identifier("the rule's name", kNameCharacters);
    claim_name(rule);
    cursor_.expect(":");
    rule.from = read_pattern(cursor_, program_.names, rule.variables);
    std::size_t bound = rule.variables.size();
    bool both = cursor_.accept("<=>");
    if (!both)
      cursor_.expect("=>");
    semantics::Location right = cursor_.here();
    rule.to = read_pattern(cursor_, program_.names, rule.variables);
    if (rule.variables.size() > bound)
      semantics::fail(right, rule.variables[bound] + " does not occur on the left side");
    if (cursor_.accept_word("if"))
      conditions(rule);
    ProgramRule back = rule;
    program_.rules.push_back(std::move(rule));
    if (!both)
      return;
    back.name += "-rev";
    std::swap(back.from, back.to);
    for (std::uint32_t v = 0; v < back.variables.size(); ++v)
      if (std::none_of(back.from.nodes.begin(), back.from.nodes.end(),
                       [&](const Pattern::Node &n) { return n.is_variable && n.number == v; }))
        semantics::fail(right, back.variables[v] + " does not occur on the right side, so the rule "
                                                   "cannot be used backwards");
    claim_name(back);
    program_.rules.push_back(std::move(back));
  }

  void claim_name(const ProgramRule &rule) {
    if (!shared_.rules.insert(rule.name).second)
      semantics::fail(rule.location, "there is a rule named '" + rule.name + "' already");
  }

  void conditions(ProgramRule &rule) {
    do {
      Condition condition{};
      if (cursor_.accept_word("number"))
        condition.kind = Condition::Kind::Number;
      else if (cursor_.accept_word("symbol"))
        condition.kind = Condition::Kind::Symbol;
      else if (cursor_.accept_word("leaf"))
        condition.kind = Condition::Kind::Leaf;
      else if (cursor_.accept_word("nonzero"))
        condition.kind = Condition::Kind::Nonzero;
      else if (cursor_.accept_word("distinct"))
        condition.kind = Condition::Kind::Distinct;
      else
        unknown("a condition", {"number", "symbol", "leaf", "nonzero", "distinct"});
      condition.a = variable(rule);
      if (condition.kind == Condition::Kind::Distinct)
        condition.b = variable(rule);
      rule.conditions.push_back(condition);
    } while (cursor_.accept(","));
  }

  std::uint32_t variable(const ProgramRule &rule) {
    semantics::Location here = cursor_.here();
    std::vector<std::string> names = rule.variables;
    Pattern pattern = read_pattern(cursor_, program_.names, names);
    if (pattern.nodes.size() != 1 || !pattern.nodes[0].is_variable)
      semantics::fail(here, "a condition speaks of a variable, such as " +
                                (rule.variables.empty() ? "?a" : rule.variables[0]));
    if (names.size() > rule.variables.size())
      semantics::fail(here, names.back() + " does not occur in the rule");
    return pattern.nodes[0].number;
  }

  void goal() {
    Goal goal;
    goal.location = cursor_.here();
    goal.left = ground_term();
    cursor_.expect("=");
    goal.right = read_pattern(cursor_, program_.names, goal.variables);
    program_.goals.push_back(std::move(goal));
  }

  void fold() {
    bool any = false;
    while (true) {
      cursor_.skip_space();
      std::size_t before = cursor_.offset();
      const std::string &text = cursor_.source()->text;
      std::size_t end = before;
      while (end < text.size() && std::string_view(" \t\r\n").find(text[end]) == std::string::npos)
        ++end;
      std::string word = text.substr(before, end - before);
      if (!NumberFolding::can_fold(word))
        break;
      cursor_.seek(end);
      program_.folded.push_back(program_.names.intern(word));
      any = true;
    }
    if (!any)
      cursor_.error_expected("operators that can be folded: + - * / pow neg");
  }

  std::size_t count() {
    semantics::Location here = cursor_.here();
    std::int64_t value = cursor_.integer("a number");
    if (value < 0)
      semantics::fail(here, "this cannot be negative");
    return static_cast<std::size_t>(value);
  }

  void limit() {
    if (cursor_.accept_word("nodes")) {
      program_.limits.nodes = count();
    } else if (cursor_.accept_word("iterations")) {
      program_.limits.iterations = count();
    } else if (cursor_.accept_word("seconds")) {
      semantics::Location here = cursor_.here();
      auto seconds = number_of(cursor_.number_text());
      if (!seconds || *seconds < 0)
        semantics::fail(here, "expected a number of seconds");
      program_.limits.seconds = *seconds;
    } else {
      unknown("a limit", {"nodes", "iterations", "seconds"});
    }
  }

  void scheduler() {
    if (cursor_.accept_word("simple")) {
      program_.scheduler = {};
    } else if (cursor_.accept_word("backoff")) {
      program_.scheduler.backoff = true;
      if (cursor_.at_number())
        program_.scheduler.match_limit = count();
      if (cursor_.at_number())
        program_.scheduler.ban_length = count();
    } else {
      unknown("a scheduler", {"simple", "backoff"});
    }
  }

  Cursor cursor_;
  SaturationProgram &program_;
  Shared &shared_;
  int depth_;
};

using Graph = EGraph<NumberFolding>;

bool holds(const Condition &condition, Graph &graph, std::span<const ClassId> bindings) {
  ClassId a = graph.find(bindings[condition.a]);
  const NumberFolding::Data &data = graph.data(a);
  switch (condition.kind) {
  case Condition::Kind::Number:
    return data.number || data.has_number_leaf;
  case Condition::Kind::Symbol:
    return data.has_symbol;
  case Condition::Kind::Leaf:
    return data.number || data.has_number_leaf || data.has_symbol;
  case Condition::Kind::Nonzero:
    return !data.number || *data.number != 0;
  case Condition::Kind::Distinct:
    return a != graph.find(bindings[condition.b]);
  }
  return false;
}

std::vector<Rewrite<Graph>> compile(const SaturationProgram &program) {
  std::vector<Rewrite<Graph>> rules;
  for (const ProgramRule &rule : program.rules) {
    Rewrite<Graph> out{rule.name, rule.variables, rule.from, {rule.to}, {}};
    if (!rule.conditions.empty())
      out.choose = [&rule](Graph &graph, ClassId,
                           std::span<ClassId> bindings) -> std::optional<std::size_t> {
        for (const Condition &condition : rule.conditions)
          if (!holds(condition, graph, bindings))
            return std::nullopt;
        return 0;
      };
    rules.push_back(std::move(out));
  }
  return rules;
}

ClassId add(Graph &graph, const Pattern &term) {
  std::vector<ClassId> scratch;
  return instantiate<ClassId>(
      term, {}, scratch,
      [&](OperatorId op, std::span<const ClassId> children) { return graph.add(op, children); });
}

/// Classes for the variables of a goal's right side such that it is in a class of the present view.
std::optional<std::vector<ClassId>> find_goal(const Graph &graph, const Goal &goal, ClassId left) {
  EMatcher matcher(goal.right, goal.variables.size());
  matcher.prepare(graph.index(), 0, [&](OperatorId op, std::span<const ClassId> children) {
    return graph.find_term(op, children);
  });
  std::vector<ClassId> found;
  for (std::size_t i = 0; i < matcher.starts(); ++i) {
    found.clear();
    matcher.match(i, i + 1, found);
    for (std::size_t m = 0; m < found.size(); m += matcher.stride())
      if (graph.find(found[m]) == graph.find(left))
        return std::vector<ClassId>(found.begin() + static_cast<std::ptrdiff_t>(m) + 1,
                                    found.begin() +
                                        static_cast<std::ptrdiff_t>(m + matcher.stride()));
  }
  return std::nullopt;
}

} // namespace

SaturationProgram parse_saturation_program(semantics::SourceRef source) {
  SaturationProgram program;
  Shared shared;
  Reader(std::move(source), program, shared, 0).read();
  return program;
}

ProgramResult run(SaturationProgram &program, const ProgramOptions &options) {
  ProgramResult result;
  result.graph =
      std::make_unique<Graph>(NumberFolding(&program.names, program.folded, program.prune));
  Graph &graph = *result.graph;
  if (options.explain)
    graph.enable_explanations();
  for (const Pattern &term : program.terms)
    result.roots.push_back(add(graph, term));
  std::vector<ClassId> lefts;
  for (const Goal &goal : program.goals)
    lefts.push_back(add(graph, goal.left));
  result.roots.insert(result.roots.end(), lefts.begin(), lefts.end());
  result.goals.resize(program.goals.size());
  auto prove = [&] {
    bool all = true;
    for (std::size_t g = 0; g < lefts.size(); ++g) {
      if (!result.goals[g].proved)
        result.goals[g].proved = find_goal(graph, program.goals[g], lefts[g]).has_value();
      all &= result.goals[g].proved;
    }
    return all;
  };
  std::vector<Rewrite<Graph>> rules = compile(program);
  RewriteOptions how;
  how.limits = program.limits;
  how.limits.interrupt = options.interrupt;
  how.scheduler = program.scheduler;
  how.incremental = options.incremental;
  how.seek = options.seek;
  how.jobs = options.jobs;
  graph.rebuild();
  result.report = saturate<Graph>(graph, rules, how, [&](const RewriteReport &report) {
    if (options.progress)
      options.progress(report);
    return prove() && !lefts.empty() && options.stop_when_proved;
  });
  prove();
  if (!options.explain)
    return result;
  std::vector<TermId> scratch;
  auto add_term = [&](OperatorId op, std::span<const TermId> children) {
    return graph.add_term(op, children);
  };
  for (std::size_t g = 0; g < lefts.size(); ++g) {
    if (!result.goals[g].proved)
      continue;
    auto found = find_goal(graph, program.goals[g], lefts[g]);
    if (!found)
      continue;
    std::vector<TermId> bindings;
    for (ClassId c : *found)
      bindings.push_back(graph.term_of(c));
    TermId left = instantiate<TermId>(program.goals[g].left, {}, scratch, add_term);
    TermId right = instantiate<TermId>(program.goals[g].right, bindings, scratch, add_term);
    result.goals[g].terms = {left, right};
  }
  return result;
}

} // namespace isamorph::search
