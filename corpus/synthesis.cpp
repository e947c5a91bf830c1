#include "corpus/synthesis.h"

#include "verify/equivalence.h"

#include <chrono>
#include <fmt/format.h>

namespace isamorph::corpus {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

std::string progress_line(const search::Progress &p) {
  return fmt::format("planning: {} states, best {}, bound {}", p.expanded,
                     p.best ? std::to_string(*p.best) : std::string("none"), p.bound);
}

search::SearchOptions search_options(const SynthesisOptions &options) {
  search::SearchOptions out;
  out.level = options.level;
  out.cost = options.cost;
  if (options.time_limit_seconds > 0)
    out.time_limit_seconds = options.time_limit_seconds;
  out.jobs = options.jobs;
  out.interrupt = options.interrupt;
  if (options.progress)
    out.progress = [report = options.progress](const search::Progress &p) { report(progress_line(p)); };
  return out;
}

void add_search_seconds(Synthesis &out) {
  out.seconds.emplace_back("saturate", out.search.seconds.saturate);
  out.seconds.emplace_back("match", out.search.seconds.match);
  out.seconds.emplace_back("plan", out.search.seconds.plan);
}

} // namespace

Synthesis synthesize(const semantics::TensorGraph &graph, const spec::Isa &isa, const SynthesisOptions &options) {
  Synthesis out;
  out.search = search::find_kernel(graph, isa, semantics::shipped_rules(), search_options(options));
  add_search_seconds(out);
  out.reason = out.search.reason;
  if (!out.search.kernel) {
    out.outcome = out.search.status == search::SearchResult::Status::Infeasible ? Synthesis::Outcome::Infeasible
                                                                                : Synthesis::Outcome::OutOfTime;
    return out;
  }
  auto begin = Clock::now();
  verify::VerifyOptions verification;
  verification.level = options.level;
  verification.tests.interrupt = options.interrupt;
  out.verdict = verify::verify_kernel(*out.search.kernel, isa, graph, verification);
  out.seconds.emplace_back("verify", since(begin));
  out.outcome = out.verdict.outcome == verify::Outcome::Equivalent ? Synthesis::Outcome::Found
                                                                   : Synthesis::Outcome::Unproved;
  if (out.outcome == Synthesis::Outcome::Unproved)
    out.reason = "the kernel that was found is not proved equal to the program: " + out.verdict.reason;
  return out;
}

} // namespace isamorph::corpus
