#pragma once
// Certificates: one JSON text with all that a stranger needs to re-check a result: the program, the
// ISA and the kernel as text, the level, the scalar lemmas with their SMT-LIB obligations, and, for
// synthesized kernels, the landmarks that bound the cost. The schema is in verify/CERTIFICATES.md.

#include "semantics/rewrite_chain.h"
#include "spec/kernel.h"
#include "verify/checker/checker.h"
#include "verify/prover.h"
#include "verify/verdict.h"

namespace isamorph::verify {

/// A lower bound on cost, in the search's own task but free of its types: facts and actions by
/// name, landmarks as sets of actions of which every plan contains one.
struct OptimalityClaim {
  std::string model;               ///< count, latency, overlap
  std::string unit;                ///< overlap: the unit whose work bounds the makespan; else empty
  std::int64_t cost = 0;           ///< of the kernel
  std::int64_t bound = 0;          ///< proved by the search
  std::int64_t landmark_bound = 0; ///< proved by the landmarks alone
  /// How the saturation ended that made the values of the task: "saturated", or the limit.
  std::string saturation;
  struct Action {
    std::string name; ///< "gemm(): S in d1, T in d1 -> U in d2"
    std::vector<std::uint32_t> needs, adds;
    std::int64_t cost = 0;
  };
  struct Landmark {
    std::vector<std::uint32_t> actions;
    std::int64_t weight = 0;
  };
  std::vector<std::string> facts;
  std::vector<Action> actions;
  std::vector<std::uint32_t> initial, goal;
  std::vector<Landmark> landmarks;
};

/// What every kernel of the program must do, and a kernel does: for kernels of tiles, which have no
/// landmarks.
struct BoundsClaim {
  std::string model;
  std::int64_t cost = 0, cost_bound = 0;   ///< of the kernel; of every kernel
  std::int64_t bytes = 0, bytes_bound = 0; ///< moved between off-chip memory and the chip
  std::int64_t loaded = 0, stored = 0, moved = 0, multiplied = 0; ///< least work
};

/// How the search found the kernel: a chain of rewriting from the program's terms to the kernel's,
/// and for each of its rules, in their order, the proof that it is true; or why there is none.
struct ChainClaim {
  semantics::RewriteChain chain;
  std::vector<ClaimProof> proofs;
  std::string absent = {}; ///< not empty: there is no chain, for this reason
};

/// What was asked for.
struct CertificateOptions {
  Level level = Level::Bits;
  double time_limit_seconds = 60;
};

/// The certificate's text for a verdict Equivalent. `optimality`, `chain` and `bounds` may be null;
/// `optimality` and `bounds` are of one cost model.
std::string make_certificate(const spec::Kernel &kernel, const spec::Isa &isa,
                             const semantics::TensorGraph &graph, const Verdict &verdict,
                             const OptimalityClaim *optimality,
                             const CertificateOptions &options = {},
                             const ChainClaim *chain = nullptr,
                             const BoundsClaim *bounds = nullptr);

/// The proof of a rule, made anew, as the checker takes it (checker.h); empty when it fails.
RuleProof rule_proof(const semantics::RewriteRule &rule);

/// Where the obligations of a certificate lie as files: "proof.obligations" beside "proof.json".
std::string obligations_folder(const std::string &certificate_path);

/// Writes a certificate, whole or not at all, and its obligations, if there are any, as files that
/// an outside solver can be given; they are ready when the certificate appears, and go when it
/// cannot be written. Obligations of an earlier certificate of that name are replaced. Throws
/// InputError.
void write_certificate(const std::string &path, const std::string &text);

} // namespace isamorph::verify
