#pragma once
// Which vector instructions the simulator's kernels use: chosen at run time. Private to sim/.

#include <cstddef>
#include <cstdint>

namespace isamorph::sim {

/// Each has the instructions of those before it. Avx2: with FMA, as all processors have it that
/// were ever sold.
enum class VectorTarget : std::uint8_t { Portable, Avx2, Avx512, Avx512Vnni };
/// The widest that this machine has.
VectorTarget host_vector_target();

/// How many results are computed side by side, for every target.
inline constexpr std::size_t kLanes = 16;

/// Bytes rounded up so that what follows is aligned for lanes.
constexpr std::size_t aligned_bytes(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

} // namespace isamorph::sim
