#pragma once
// An instruction's body with the places of its operands: what runs at given addresses. Private to
// sim/.

#include "sim/body.h"
#include "sim/memory.h"

namespace isamorph::sim {

/// Where an operand lies in one execution.
struct Operand {
  std::size_t address; ///< of the first byte, in memory
  bool staged;         ///< read or written by way of scratch
};

/// What a thread needs of its own.
struct Worker {
  AlignedBytes scratch;
  std::vector<const std::byte *> reads;
  std::vector<std::byte *> writes;
  std::vector<Operand> operands;
  std::size_t executed = 0; ///< routines, in this run
  Worker(std::size_t scratch_bytes, std::size_t most_operands)
      : scratch(scratch_bytes), reads(most_operands), writes(most_operands),
        operands(most_operands) {}
};

class Routine {
public:
  /// `footprints`: of the reads, then of the writes.
  Routine(Body body, std::vector<Footprint> footprints, std::size_t reads);

  std::span<const Footprint> footprints() const { return footprints_; }
  std::size_t reads() const { return reads_; } ///< how many of the footprints
  std::size_t scratch_bytes() const { return scratch_bytes_; }
  /// How many elements it computes, products it forms and sixteen bytes it moves, about.
  std::size_t work() const { return work_; }

  /// Whether an operand must be staged for its own sake: it has gaps, or can be anywhere of which
  /// `alignment` divides the addresses.
  bool needs_staging(std::size_t operand, std::size_t alignment) const;
  /// Whether the bytes of two operands, gaps included, can touch: the first begins between `low`
  /// and `high` bytes behind the second.
  bool touch(std::size_t first, std::size_t second, std::int64_t low, std::int64_t high) const;

  /// Operands parallel to the footprints; a write that touches another operand is staged.
  void run(const Operand *operands, const Memory &memory, Worker &worker) const;

private:
  Body body_;
  std::vector<Footprint> footprints_;
  std::vector<std::size_t> stage_; ///< where each lies in scratch when it is staged
  std::size_t reads_, body_scratch_, scratch_bytes_, work_;
};

} // namespace isamorph::sim
