#pragma once
// Runs a loop nest, independent iterations on several threads. Private to sim/.

#include "sim/loop_footprints.h"

#include <deque>

namespace isamorph::sim {

/// What some consecutive iterations of a loop need of their own.
struct Share {
  AlignedBytes on_chip;
  Worker worker;
};

class NestRunner {
public:
  /// `independent`: which loops' iterations run side by side (sim/independent_loops.h), for at most
  /// `most_shares` shares of them, which are added to `shares` by `make_share` as they are needed.
  NestRunner(const LoopNest &nest, const LoopFootprints &footprints,
             const std::vector<char> &independent, std::size_t most_shares,
             std::deque<Share> &shares, const std::function<Share()> &make_share)
      : nest_(nest), footprints_(footprints), independent_(independent), most_shares_(most_shares),
        shares_(shares), make_share_(make_share) {}

  /// The whole nest. What memory holds afterwards does not depend on the number of shares.
  void run(const Memory &memory, Worker &worker);

private:
  void run(const std::vector<LoopNest::Item> &items, LoopNest::Iteration &iteration,
           const Memory &memory, Worker &worker);
  void run_iterations(std::uint32_t loop, std::int64_t begin, std::int64_t end,
                      LoopNest::Iteration &iteration, const Memory &memory, Worker &worker);
  void run_shared(std::uint32_t loop, LoopNest::Iteration &iteration, const Memory &memory);
  void copy_read(std::uint32_t loop, std::int64_t begin, std::int64_t end,
                 const LoopNest::Iteration &iteration, const std::byte *from, std::byte *to) const;
  void copy_written(std::uint32_t loop, std::int64_t begin, std::int64_t end,
                    LoopNest::Iteration &iteration, const std::byte *from, std::byte *to) const;

  const LoopNest &nest_;
  const LoopFootprints &footprints_;
  const std::vector<char> &independent_;
  std::size_t most_shares_;
  std::deque<Share> &shares_;
  const std::function<Share()> &make_share_;
};

} // namespace isamorph::sim
