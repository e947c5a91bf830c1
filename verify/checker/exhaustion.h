#pragma once
// Proof by exhaustion, done again: a claim about single elements of at most 32 bits of variables is
// evaluated for every value of them, one block of values after another, on one thread. Written
// apart from verify/enumeration.*, whose digests it must reproduce.

#include "verify/checker/scalar_claim.h"

#include <atomic>

namespace isamorph::verify {

/// How many values the variables take together; nullopt when one has more than 16 bits, all have
/// more than 32, or there are none.
std::optional<std::int64_t> exhaustion_cases(const ScalarClaim &claim);

struct Exhaustion {
  std::int64_t failures = 0; ///< for how many values the claim fails
  /// SHA-256 of what the left side gives, as little-endian elements in order, the last variable
  /// fastest: of all of them for up to 65536 cases; else, as little-endian words, of block_checksum
  /// (digest.h) of every 4096 of them, or of as many as the last variable has values where these
  /// are fewer.
  std::string digest;
};
/// Of a claim for which exhaustion_cases is a number, at `bits` or `finite`; nullopt once
/// `interrupt`, which may be null, is set.
std::optional<Exhaustion> exhaust(const ScalarClaim &claim, semantics::Level level,
                                  const semantics::NumericsProfile &profile,
                                  const std::atomic<bool> *interrupt);

} // namespace isamorph::verify
