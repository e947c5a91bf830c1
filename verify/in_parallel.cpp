#include "verify/in_parallel.h"

#include <algorithm>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <thread>

namespace isamorph::verify {

void in_parallel(std::size_t count, int jobs, const std::function<void(std::size_t)> &f) {
  std::size_t threads =
      jobs > 0 ? static_cast<std::size_t>(jobs) : std::max(1U, std::thread::hardware_concurrency());
  tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);
  tbb::parallel_for(std::size_t{0}, count, f, tbb::simple_partitioner());
}

} // namespace isamorph::verify
