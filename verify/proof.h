#pragma once
// The structural half of a verdict: symbolic execution of both sides and equality of terms.

#include "verify/checker/statement.h"
#include "verify/symbolic.h"
#include "verify/verdict.h"

namespace isamorph::verify {

/// Whether equal terms prove a level. No tests are run. Loops are unrolled: every instance is
/// executed symbolically, up to a bound on the work.
struct Proof {
  bool proved = false;
  Level level = Level::Bits; ///< the strongest at which the terms are equal
  std::vector<std::string> lemmas;
  std::int64_t terms = 0;
  std::string difference; ///< the first output element whose terms differ at `asked`
  std::string method;     ///< proved: how, as a sentence for people
  bool gave_up = false;   ///< too much work; `difference` says of what
  bool stopped = false;   ///< by the token; `difference` says while doing what
};
Proof prove(TermGraph &terms, const spec::Kernel &kernel, const spec::Isa &isa,
            const semantics::TensorGraph &graph, Level asked, const StopToken &stop = {});

} // namespace isamorph::verify
