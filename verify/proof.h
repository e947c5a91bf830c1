#pragma once
// The structural half of a verdict: symbolic execution of both sides and equality of terms. Loops
// are unrolled, or some of them are taken as one generic iteration (generic_kernel.h), which proves
// all of them: the work is then that of the loops within.

#include "verify/checker/statement.h"
#include "verify/symbolic.h"
#include "verify/verdict.h"

namespace isamorph::verify {

/// Whether equal terms prove a level. No tests are run.
struct Proof {
  bool proved = false;
  Level level = Level::Bits; ///< the strongest at which the terms are equal
  std::vector<std::string> lemmas;
  std::int64_t terms = 0;
  std::string difference;               ///< the first output element whose terms differ at `asked`
  std::string method;                   ///< proved: how, as a sentence for people
  bool gave_up = false;                 ///< too much work; `difference` says of what
  bool stopped = false;                 ///< by the token; `difference` says while doing what
  std::vector<std::uint32_t> induction; ///< the loops that were not unrolled (Kernel::loops)
};
inline constexpr std::int64_t kMaxUnrolledWork = std::int64_t{1} << 29;
/// Loops are unrolled: every instance is executed symbolically, up to `limit` (execute).
Proof prove(TermGraph &terms, const spec::Kernel &kernel, const spec::Isa &isa,
            const semantics::TensorGraph &graph, Level asked, const StopToken &stop = {},
            std::int64_t limit = kMaxUnrolledWork);
/// By induction over as many loops as have generic iterations; nullopt when none has. What is not
/// proved may still be equal: a generic iteration knows nothing of the values of the variables.
/// Gives up when one takes more than `limit` steps.
std::optional<Proof> prove_by_induction(const spec::Kernel &kernel, const spec::Isa &isa,
                                        const semantics::TensorGraph &graph, Level asked,
                                        const StopToken &stop = {},
                                        std::int64_t limit = std::int64_t{1} << 26);

} // namespace isamorph::verify
