#pragma once
// The rows of one product on several threads. Private to sim/.

#include "semantics/interrupt_point.h"

#include <cstddef>
#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>

namespace isamorph::sim {

/// Calls `run_rows(begin, end)` for parts of [0, rows), at the same time when there are enough
/// `multiplications` in all. Allocates nothing otherwise.
template <class F>
void divide_rows(std::size_t rows, std::size_t multiplications, const F &run_rows) {
  constexpr std::size_t enough = std::size_t{1} << 21, rows_of_a_part = 16;
  if (multiplications < enough)
    return run_rows(0, rows);
  tbb::parallel_for(tbb::blocked_range<std::size_t>(0, rows, rows_of_a_part),
                    [&](const auto &range) {
                      semantics::interrupt_point();
                      run_rows(range.begin(), range.end());
                    });
}

} // namespace isamorph::sim
