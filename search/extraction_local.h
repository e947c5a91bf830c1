#pragma once
// Local search over extractions of one problem: change the node of one class, follow what becomes
// unneeded and what becomes needed, keep what is cheaper.

#include "search/extraction_problem.h"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace isamorph::search {

/// The cheapest derivation of every class when shared parts are counted every time they are used,
/// with `weights` in place of the nodes' costs; kNoNode where none exists. Choices are acyclic.
std::vector<std::uint32_t> cheapest_derivations(const ExtractionProblem &problem,
                                                const Users &users,
                                                std::span<const std::int64_t> weights);

class LocalSearch {
public:
  /// Starts from choices for all classes that are acyclic where the roots reach.
  LocalSearch(const ExtractionProblem &problem, const Users &users,
              std::vector<std::uint32_t> choice);

  /// Passes over all classes until none can be changed for the better.
  void descend(const std::function<bool()> &stop);
  /// Changes some classes at random, descends, and returns to the best when that was in vain; until
  /// `rounds` rounds in a row brought nothing or `stop`.
  void perturb(std::uint64_t rounds, const std::function<bool()> &stop);

  std::int64_t cost() const { return cost_; }
  const ExtractionProblem &problem() const { return p_; }
  ExtractionSolution solution() const;

private:
  void count_uses();
  void refresh_unused();
  bool improve_class(std::uint32_t c);
  void kick();
  void acquire(std::uint32_t n, std::int64_t limit);
  void release(std::uint32_t n);
  void undo_acquire();
  bool closes_cycle(std::uint32_t c);
  std::uint64_t random();

  const ExtractionProblem &p_;
  const Users &users_;
  std::vector<std::uint32_t> choice_, uses_;
  std::vector<char> is_root_;
  std::int64_t cost_ = 0;
  std::vector<std::uint32_t> stack_, acquired_;
  std::vector<std::uint32_t> open_, closed_; ///< per class: the last check that met it
  std::uint32_t check_ = 0;
  std::uint64_t state_ = 0x9e3779b97f4a7c15;
};

} // namespace isamorph::search
