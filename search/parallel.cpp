#include "search/parallel.h"

#include <algorithm>
#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

namespace isamorph::search {

void parallel_for(int jobs, std::size_t count, const std::function<void(std::size_t)> &body) {
  if (jobs <= 1 || count <= 1) {
    for (std::size_t i = 0; i < count; ++i)
      body(i);
    return;
  }
  tbb::task_arena arena(std::min(jobs, tbb::info::default_concurrency()));
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
