#pragma once
// E-matching: all ways in which a pattern occurs in a view of an e-graph (egraph_index.h), or only
// those that were not there in an earlier view.
//
// A pattern's operator nodes are atoms of a join: rows of the index whose class and children agree
// with one another and with the variables. For each atom there is a plan that begins with it and
// reaches the others along the pattern's edges, down from a class to its rows or up from a child to
// its uses; sub-terms without variables are looked up once. Incremental (semi-naive) matching runs
// the plan of each atom from its new rows only, with the atoms before it restricted to old rows and
// those after it free, so that each new match is found exactly once. What is matched at all is what
// is new since view 0; so is everything when a sub-term without variables is new or has moved to
// another class, since that makes matches of rows that are old.

#include "search/egraph_index.h"
#include "search/pattern.h"

#include <functional>

namespace isamorph::search {

class EMatcher {
public:
  /// `variables`: how many numbers the pattern's variables may have; those that it lacks stay
  /// unbound in matches. `seek`: rows are found by their first child where it is known (a join over
  /// sorted tables) rather than by going through all rows of a class (a matching machine); the same
  /// matches either way.
  EMatcher(Pattern pattern, std::size_t variables, bool seek = true);

  /// Looks a term up; children are representatives.
  using Lookup = std::function<std::optional<ClassId>(OperatorId, std::span<const ClassId>)>;
  /// Makes ready to match in a view what is new since an earlier view (0: everything). The index
  /// must stay as it is.
  void prepare(const EGraphIndex &index, std::uint32_t since, const Lookup &lookup);

  /// Places at which matches may begin: work to be divided.
  std::size_t starts() const { return starts_; }
  /// Appends the matches that begin at starts [begin, end) to `out`: for each `stride()` numbers,
  /// the class of the root and the classes of the variables. Stops after `limit` matches. May run
  /// in several threads at once.
  void match(std::size_t begin, std::size_t end, std::vector<ClassId> &out,
             std::size_t limit = static_cast<std::size_t>(-1)) const;
  std::size_t stride() const { return 1 + variables_; }

  const Pattern &pattern() const { return pattern_; }

private:
  enum class Age : std::uint8_t { Any, Old, New };
  struct Operand {
    std::uint32_t position, slot;
    bool bind; ///< else compare
  };
  struct Step {
    enum class Kind : std::uint8_t { Start, Up, Down } kind;
    std::uint32_t head, key; ///< key: of the use, for Up
    std::uint32_t from;      ///< the slot of the class (Down) or of the child (Up)
    std::uint32_t root_slot; ///< where the row's class goes; Start and Up
    bool bind_root, first_known;
    std::uint32_t first_slot;
    Age age;
    std::vector<Operand> operands;
  };
  struct Ground {
    std::uint32_t position, slot;
  };
  struct Plan {
    std::vector<Step> steps;
    std::vector<Ground> ground; ///< children of the first atom that have no variables
  };
  /// Where a plan begins in this view: rows, or uses of a ground child.
  struct Start {
    std::uint32_t plan;
    std::size_t first; ///< its first start
    std::span<const std::uint32_t> rows;
    std::span<const EGraphIndex::Use> uses;
    std::span<const ClassId> classes;
    std::size_t size() const { return rows.size() + uses.size() + classes.size(); }
  };
  class Run;

  Plan plan_from(std::size_t start) const;
  Step step_to(std::uint32_t node, Step::Kind kind, Age age, std::vector<char> &known) const;
  void choose_start(std::uint32_t plan, std::uint32_t since);

  Pattern pattern_;
  std::size_t variables_;
  bool seek_;
  std::vector<std::uint32_t> slot_;   ///< by pattern node
  std::vector<std::uint32_t> parent_; ///< by pattern node: the first atom that has it as a child
  std::vector<char> ground_;          ///< by pattern node
  std::vector<std::uint32_t> atoms_;  ///< pattern nodes, root first
  std::size_t slots_ = 0;
  std::vector<Plan> plans_;

  const EGraphIndex *index_ = nullptr;
  std::uint32_t since_ = 0;
  std::vector<ClassId> ground_class_; ///< by slot
  std::vector<Start> start_;
  std::size_t starts_ = 0;
};

} // namespace isamorph::search
