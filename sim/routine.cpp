#include "sim/routine.h"

#include "semantics/interrupt_point.h"

namespace isamorph::sim {
namespace {

/// The strictest alignment of an element.
constexpr std::size_t kElementAlignment = 8;

} // namespace

Routine::Routine(Body body, std::vector<Footprint> footprints, std::size_t reads)
    : body_(std::move(body)), footprints_(std::move(footprints)), reads_(reads), body_scratch_(0),
      work_(body_.work()) {
  for (const Footprint &footprint : footprints_) {
    stage_.push_back(body_scratch_);
    body_scratch_ += aligned_bytes(footprint.bytes);
    work_ += footprint.bytes / 16;
  }
  scratch_bytes_ = body_scratch_ + body_.scratch_bytes();
}

bool Routine::needs_staging(std::size_t operand, std::size_t alignment) const {
  return !footprints_[operand].dense() || alignment % kElementAlignment != 0;
}

bool Routine::touch(std::size_t first, std::size_t second, std::int64_t low,
                    std::int64_t high) const {
  auto hull = [&](std::size_t i) { return static_cast<std::int64_t>(footprints_[i].hull()); };
  return low < hull(second) && high > -hull(first);
}

void Routine::run(const Operand *operands, const Memory &memory, Worker &worker) const {
  semantics::interrupt_point();
  std::size_t writes = footprints_.size() - reads_;
  std::byte *scratch = worker.scratch.data();
  for (std::size_t i = 0; i < reads_; ++i) {
    worker.reads[i] = memory.at(operands[i].address);
    if (operands[i].staged) {
      footprints_[i].gather(worker.reads[i], scratch + stage_[i]);
      worker.reads[i] = scratch + stage_[i];
    }
  }
  for (std::size_t i = 0; i < writes; ++i)
    worker.writes[i] = operands[reads_ + i].staged ? scratch + stage_[reads_ + i]
                                                   : memory.at(operands[reads_ + i].address);
  body_.run({worker.reads.data(), reads_}, {worker.writes.data(), writes}, scratch + body_scratch_);
  for (std::size_t i = 0; i < writes; ++i)
    if (operands[reads_ + i].staged)
      footprints_[reads_ + i].scatter(worker.writes[i], memory.at(operands[reads_ + i].address));
  ++worker.executed;
}

} // namespace isamorph::sim
