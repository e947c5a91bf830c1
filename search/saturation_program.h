#pragma once
// Equality saturation as a text file, for those who want only the engine: terms, rules and limits.
//
//   include "arithmetic.rules"         // what another file says; relative to this one
//   term (+ (* x 2) (* x 0))           // adds a term; several are one e-graph
//   rule comm-add: (+ ?a ?b) => (+ ?b ?a)
//   rule assoc-add: (+ ?a (+ ?b ?c)) <=> (+ (+ ?a ?b) ?c)
//   rule div-self: (/ ?a ?a) => 1 if nonzero ?a
//   fold + - * /                       // arithmetic on constants in f64 (number_folding.h)
//   prune                              // a class that is a number keeps that leaf only
//   prove (+ (* x 2) 0) = (* 2 ?y)     // adds the left side; the right one may have variables
//   limit nodes 10000                  // or: iterations N, seconds S
//   scheduler backoff 1000 5           // match limit and ban length; or: simple
//
// Conditions look at what the class of a variable holds: `number`, `symbol`, `leaf` (a leaf of that
// kind, or of either), `nonzero` (it is not known to be 0), `distinct ?a ?b` (the classes differ).

#include "search/number_folding.h"
#include "search/rewrite.h"

#include "semantics/source.h"

namespace isamorph::search {

struct Condition {
  enum class Kind : std::uint8_t { Number, Symbol, Leaf, Nonzero, Distinct } kind;
  std::uint32_t a = 0, b = 0; ///< variables
};

struct ProgramRule {
  std::string name;
  std::vector<std::string> variables;
  Pattern from, to;
  std::vector<Condition> conditions;
  semantics::Location location;
};

struct Goal {
  Pattern left, right;
  std::vector<std::string> variables; ///< of the right side
  semantics::Location location;
};

struct SaturationProgram {
  OperatorNames names;
  std::vector<Pattern> terms;
  std::vector<ProgramRule> rules;
  std::vector<Goal> goals;
  std::vector<OperatorId> folded;
  bool prune = false;
  SaturationLimits limits;
  Scheduler scheduler;
};

/// The source's name is the path against which includes are resolved. Throws InputError with the
/// place.
SaturationProgram parse_saturation_program(semantics::SourceRef source);

struct ProgramOptions {
  int jobs = 1; ///< the result does not depend on it
  bool explain = false;
  bool incremental = true;
  bool seek = true;             ///< see RewriteOptions
  bool stop_when_proved = true; ///< once all goals are, should there be any
  const std::atomic<bool> *interrupt = nullptr;
  std::function<void(const RewriteReport &)> progress;
};

struct GoalResult {
  bool proved = false;
  std::optional<std::pair<TermId, TermId>> terms; ///< when explained
};

struct ProgramResult {
  std::unique_ptr<EGraph<NumberFolding>> graph;
  std::vector<ClassId> roots; ///< of the program's terms, then of the goals' left sides
  RewriteReport report;
  std::vector<GoalResult> goals;
};

/// Runs a program; its names may get new constants.
ProgramResult run(SaturationProgram &program, const ProgramOptions &options);

} // namespace isamorph::search
