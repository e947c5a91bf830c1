#pragma once
// The synthesis pipeline: proved rules -> search (a kernel without loops, or else one of tiles) ->
// proof of the kernel -> certificate. What
// `isamorph synth` does, as one call; it reports what each stage found and never hands out a kernel
// that the verifier did not accept.

#include "costmodel/traffic.h"
#include "search/lower_bound.h"
#include "search/search.h"
#include "verify/verdict.h"

#include <atomic>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace isamorph::corpus {

struct SynthesisOptions {
  semantics::Level level = semantics::Level::Bits;
  costmodel::CostModel cost = costmodel::CostModel::Count;
  /// Of the search, without what rules must be proved anew: then the best kernel so far, with its
  /// bound. The proof and the certificate of that kernel may take as long again.
  double time_limit_seconds = 60;
  int jobs = 0;             ///< 0: as many as there are cores
  std::string checkpoint;   ///< see search::SearchOptions
  bool certificate = false; ///< also make the certificate's text
  bool use_cache = true;    ///< of proved rules and lemmas
  const std::atomic<bool> *interrupt = nullptr;
  /// Called when the search was interrupted and what it has found so far is going to be proved,
  /// which the flag above ends no more; may be empty.
  std::function<void()> proving_despite_interrupt;
  std::function<void(const std::string &)> progress; ///< one line of text; may be empty
};

struct Synthesis {
  enum class Outcome : std::uint8_t {
    Found,      ///< `search.kernel` is proved equivalent at the level asked for
    Infeasible, ///< the search space holds no kernel
    OutOfTime,  ///< stopped without a kernel, or not all attributes' values were tried
    Unproved,   ///< a kernel was found that the verifier did not accept: `verdict` says why
  };
  Outcome outcome = Outcome::OutOfTime;
  search::SearchResult search;
  verify::Verdict verdict;
  costmodel::Traffic traffic;         ///< of `search.kernel`, if there is one
  search::TrafficBound traffic_bound; ///< of every kernel of the program
  std::string reason; ///< one paragraph for people: why there is no kernel, or what the bound means
  std::string chain_absent; ///< why the certificate has no chain of rewriting, if it has none
  std::string certificate;  ///< JSON text when asked for and found
  std::vector<std::pair<std::string, double>> seconds; ///< stage -> wall seconds
};

Synthesis synthesize(const semantics::TensorGraph &graph, const spec::Isa &isa,
                     const SynthesisOptions &options);

} // namespace isamorph::corpus
