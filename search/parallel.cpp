#include "search/parallel.h"

#include <algorithm>
#include <memory>
#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>
#include <utility>

namespace isamorph::search {

void parallel_for(int jobs, std::size_t count, const std::function<void(std::size_t)> &body) {
  if (jobs <= 1 || count <= 1) {
    for (std::size_t i = 0; i < count; ++i)
      body(i);
    return;
  }
  // Making an arena takes longer than many a piece of work, so a thread keeps the one that it used
  // last.
  thread_local std::pair<int, std::unique_ptr<tbb::task_arena>> kept;
  int width = std::min(jobs, tbb::info::default_concurrency());
  if (kept.first != width)
    kept = {width, std::make_unique<tbb::task_arena>(width)};
  tbb::task_arena &arena = *kept.second;
  arena.execute([&] {
    tbb::parallel_for(
        tbb::blocked_range<std::size_t>(0, count, 1),
        [&](const tbb::blocked_range<std::size_t> &range) {
          for (std::size_t i = range.begin(); i < range.end(); ++i)
            body(i);
        },
        tbb::simple_partitioner());
  });
}

} // namespace isamorph::search
