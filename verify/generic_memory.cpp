#include "verify/generic_memory.h"

#include "verify/symbolic.h"

#include <algorithm>

namespace isamorph::verify {
namespace {

using semantics::AffineIndex;
using semantics::IndexSpace;
using semantics::SlopeId;

/// Bytes [begin, end) that positions of one slope are.
struct Run {
  std::int64_t begin, end;
  SlopeId slope;
};

/// More runs than these over the whole box are not enumerated.
constexpr std::int64_t kMaxRuns = std::int64_t{1} << 24;

/// Offsets that are written, and those that are only read, as runs of one slope each.
struct Accesses {
  std::vector<Run> written, read;
};

void extend(std::vector<Run> &runs, SlopeId slope, std::int64_t offset) {
  if (!runs.empty() && runs.back().slope == slope && runs.back().end == offset)
    ++runs.back().end;
  else
    runs.push_back({offset, offset + 1, slope});
}

Accesses accesses(const Places &memory) {
  Accesses out;
  memory.for_each([&](SlopeId slope, std::int64_t offset, const Place &place) {
    if (place.written)
      extend(out.written, slope, offset);
    else if (place.read)
      extend(out.read, slope, offset);
  });
  return out;
}

/// The bytes of a run for all values of the variables.
void enumerate(const Run &run, const IndexSpace &space, std::vector<Run> &out) {
  const std::vector<std::int64_t> &factors = space.factors(run.slope), &counts = space.counts();
  std::vector<std::int64_t> moves = {0};
  for (std::size_t v = 0; v < factors.size(); ++v) {
    if (factors[v] == 0)
      continue;
    if (static_cast<std::int64_t>(moves.size()) > kMaxRuns / counts[v])
      throw TooMuchWork("the places that a kernel's loops write are too many to enumerate");
    std::vector<std::int64_t> further;
    further.reserve(moves.size() * static_cast<std::size_t>(counts[v]));
    for (std::int64_t move : moves)
      for (std::int64_t i = 0; i < counts[v]; ++i)
        further.push_back(move + i * factors[v]);
    moves = std::move(further);
  }
  if (static_cast<std::int64_t>(out.size() + moves.size()) > kMaxRuns)
    throw TooMuchWork("the places that a kernel's loops write are too many to enumerate");
  for (std::int64_t move : moves)
    out.push_back({run.begin + move, run.end + move, run.slope});
}

} // namespace

Place &Places::at(const AffineIndex &position) {
  if (position.slope.v >= slopes_.size())
    slopes_.resize(position.slope.v + 1);
  Pages &pages = slopes_[position.slope.v];
  // Rounded down, also for the negative offsets that slopes downwards may have.
  std::int64_t number = position.offset / kPage - (position.offset % kPage < 0);
  if (!pages.last || number != pages.last_number) {
    auto &page = pages.pages[number];
    if (!page)
      page = std::make_unique<Page>();
    pages.last = page.get();
    pages.last_number = number;
  }
  return (*pages.last)[static_cast<std::size_t>(position.offset - number * kPage)];
}

std::optional<SlopeId> Places::overlapping(const AffineIndex &position,
                                           const GenericLoops &loops) const {
  IndexSpace::Range at = loops.space().range(position);
  std::optional<SlopeId> found;
  for_each([&](SlopeId slope, std::int64_t offset, const Place &place) {
    IndexSpace::Range range = loops.space().range({offset, slope});
    if (place.written && slope != position.slope && range.low <= at.high && at.low <= range.high)
      found = slope;
  });
  return found;
}

std::uint32_t Executions::begin(std::uint32_t loop) {
  all_.push_back({loop, current_, now_ + 1});
  return current_ = static_cast<std::uint32_t>(all_.size() - 1);
}

void Executions::end() {
  all_[current_].over = true;
  current_ = all_[current_].parent;
}

void Executions::read(Place &place, SlopeId slope) const {
  for (std::uint32_t e = place.execution; all_[e].over; e = all_[e].parent)
    if (!loops_.depends(slope, all_[e].loop))
      throw UnrollLoops{{all_[e].loop}};
  place.read = now_;
}

void Executions::write(Place &place, SlopeId slope, TermId term) const {
  for (std::uint32_t e = current_; e != 0; e = all_[e].parent)
    if (place.written < all_[e].begin && place.read >= all_[e].begin &&
        !loops_.depends(slope, all_[e].loop))
      throw UnrollLoops{{all_[e].loop}};
  place.term = term;
  place.written = now_;
  place.execution = current_;
}

void check_disjoint(const Places &memory, const GenericLoops &loops,
                    std::span<const std::pair<std::int64_t, std::int64_t>> outputs) {
  const IndexSpace &space = loops.space();
  Accesses used = accesses(memory);
  std::vector<Run> bytes;
  for (const Run &run : used.written)
    enumerate(run, space, bytes);
  std::ranges::sort(bytes, {}, &Run::begin);
  for (std::size_t i = 1; i < bytes.size(); ++i)
    if (bytes[i - 1].end > bytes[i].begin)
      loops.refuse(bytes[i - 1].slope, bytes[i].slope);
  for (const Run &run : used.read) {
    std::int64_t begin = space.range({run.begin, run.slope}).low,
                 end = space.range({run.end, run.slope}).high;
    auto next = std::ranges::upper_bound(bytes, begin, {}, &Run::end);
    if (next != bytes.end() && next->begin < end)
      loops.refuse(run.slope, next->slope);
  }
  for (auto [begin, end] : outputs)
    for (auto next = std::ranges::upper_bound(bytes, begin, {}, &Run::end); begin < end; ++next) {
      if (next == bytes.end() || next->begin > begin)
        loops.refuse({});
      begin = next->end;
    }
}

} // namespace isamorph::verify
