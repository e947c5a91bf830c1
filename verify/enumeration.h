#pragma once
// Proof by exhaustion: a claim about single elements whose variables have at most 32 bits together
// (two of a 16-bit type) is evaluated for every value of them, by the evaluator itself, in blocks
// and in parallel.

#include "verify/checker/scalar_claim.h"

#include <atomic>

namespace isamorph::verify {

struct EnumerationOptions {
  const std::atomic<bool> *interrupt = nullptr; ///< set: the enumeration is given up, soon
};

/// What every value of the variables gives. The same on every run, for any number of threads.
struct Enumeration {
  std::int64_t cases = 0;    ///< all values of all variables
  std::int64_t failures = 0; ///< for how many the claim fails
  /// SHA-256 of what the left side gives: of all its results in order for up to 65536 cases; else
  /// of block_checksum (checker/digest.h) of every 4096 results, or of as many as the last variable
  /// has values where these are fewer. The last variable runs fastest.
  std::string digest;
  std::optional<ScalarWitness> witness; ///< the failure of least reading_cost, the first of them
};

/// Whether the claim's variables are few and narrow enough.
bool enumerable(const ScalarClaim &claim);

/// Of an enumerable claim at `bits` or `finite`; nullopt when interrupted.
std::optional<Enumeration> enumerate(const ScalarClaim &claim, semantics::Level level,
                                     const semantics::NumericsProfile &profile,
                                     const EnumerationOptions &options = {});

} // namespace isamorph::verify
