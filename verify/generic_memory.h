#pragma once
// The memories of a kernel that runs with symbolic loops (generic_kernel.h gives the rules).
// Private to verify/.

#include "verify/generic_loops.h"

#include <array>
#include <memory>

namespace isamorph::verify {

/// Content of a place, and when it was last written and read; time begins at 1.
struct Place {
  TermId term;
  std::uint32_t written = 0, read = 0;
  std::uint32_t execution = 0; ///< in which it was written
};

/// Places by position, in pages so that a large memory costs what is used of it.
class Places {
public:
  Place &at(const semantics::AffineIndex &position);
  /// Calls f(slope, offset, place) for the places of all pages, by slope, then offset.
  template <class F> void for_each(F f) const { each(*this, f); }
  template <class F> void for_each(F f) { each(*this, f); }

  /// The slope of a written position that is another one and may be the same place.
  std::optional<semantics::SlopeId> overlapping(const semantics::AffineIndex &position,
                                                const GenericLoops &loops) const;

private:
  template <class Self, class F> static void each(Self &self, F &f) {
    for (std::uint32_t slope = 0; slope < self.slopes_.size(); ++slope)
      for (const auto &[number, page] : self.slopes_[slope].pages)
        for (std::int64_t i = 0; i < kPage; ++i)
          f(semantics::SlopeId{slope}, number * kPage + i, (*page)[static_cast<std::size_t>(i)]);
  }

  static constexpr std::int64_t kPage = 1024;
  using Page = std::array<Place, kPage>;
  struct Pages {
    std::map<std::int64_t, std::unique_ptr<Page>> pages;
    std::int64_t last_number = -1; ///< of the page that was used last
    Page *last = nullptr;
  };
  std::vector<Pages> slopes_;
};

/// Executions of symbolic loops, and whether places are private to their iterations.
class Executions {
public:
  explicit Executions(const GenericLoops &loops) : loops_(loops), all_(1) {}

  std::uint32_t begin(std::uint32_t loop); ///< the number of the execution; later ones are higher
  void end();
  void next_instruction() { ++now_; }

  /// Notes a read. Throws UnrollLoops when the place was written in a loop that is over.
  void read(Place &place, semantics::SlopeId slope) const;
  /// Throws UnrollLoops when a loop's body read what was there before the loop.
  void write(Place &place, semantics::SlopeId slope, TermId term) const;

private:
  struct Execution {
    std::uint32_t loop = 0, parent = 0, begin = 0;
    bool over = false;
  };
  const GenericLoops &loops_;
  std::vector<Execution> all_; ///< [0]: outside of loops
  std::uint32_t current_ = 0, now_ = 1;
};

/// Throws UnrollLoops unless all positions of a memory that are written are different places all
/// over the box, none of them among those that are only read, and `outputs` (first place, end) are
/// written whole.
void check_disjoint(const Places &memory, const GenericLoops &loops,
                    std::span<const std::pair<std::int64_t, std::int64_t>> outputs);

} // namespace isamorph::verify
