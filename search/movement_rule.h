#pragma once
// What movement alone makes equal, in an e-graph that explains: slices of what was concatenated,
// the concatenation of slices, a value that a load of more rows brought along with others. Rules
// about slices and concatenations would have to say it for every rank and every way of cutting;
// where bytes come from says it at once (semantics/byte_sources.h).

#include "search/tensor_rule.h"

#include <memory>

namespace isamorph::search {

/// Whether there is a slice or a concatenation.
bool has_pieces(const TensorEGraph &egraph);
/// Of the values of all classes together; of more, where bytes come from is not followed.
inline constexpr std::int64_t kMostFollowedBytes = std::int64_t{1} << 24;
/// Whether the values of all classes are more bytes than that.
bool too_large_to_follow(const TensorEGraph &egraph);

/// Which of computed values that are movements of each other the rest is taken apart into: pieces
/// of what is also computed as a whole, or wholes of what is also computed in pieces.
enum class Atoms : std::uint8_t { Small, Large };

/// Equates classes of one shape whose bytes are the same bytes of the same classes: as terms that
/// movement alone makes of the same terms, with the reason `Stated`. Does nothing where there is
/// neither a slice nor a concatenation (rules do the rest), nor while the e-graph's values have
/// more than 2^24 bytes in all.
std::unique_ptr<TensorRule> movement_rule(Atoms atoms);

} // namespace isamorph::search
