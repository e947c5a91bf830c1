#include "search/best_first.h"

#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <thread>

namespace isamorph::search {

struct Crew::Arena {
  explicit Arena(int jobs)
      : threads(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(jobs)),
        arena(jobs) {}
  tbb::global_control threads; ///< as many as asked for, also where there are fewer cores
  tbb::task_arena arena;
};

Crew::Crew(int jobs)
    : size_(jobs > 0 ? jobs : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()))) {
  if (size_ > 1)
    arena_ = std::make_unique<Arena>(size_);
}

Crew::~Crew() = default;

void Crew::run(std::size_t count, const std::function<void(std::size_t, std::size_t)> &work) {
  if (!arena_) {
    for (std::size_t i = 0; i < count; ++i)
      work(i, 0);
    return;
  }
  arena_->arena.execute([&] {
    tbb::parallel_for(
        tbb::blocked_range<std::size_t>(0, count),
        [&](const tbb::blocked_range<std::size_t> &range) {
          auto thread = static_cast<std::size_t>(tbb::this_task_arena::current_thread_index());
          for (std::size_t i = range.begin(); i != range.end(); ++i)
            work(i, thread);
        },
        tbb::simple_partitioner());
  });
}

} // namespace isamorph::search
