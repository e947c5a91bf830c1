// Levels of random instructions against the definition: one more than those they depend on.
#include "sim/schedule.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <rapidcheck.h>

using namespace isamorph::sim;

namespace {

struct Access {
  std::vector<ByteRange> reads, writes;
  std::uint32_t level = 0;
};

bool touch(const std::vector<ByteRange> &a, const std::vector<ByteRange> &b) {
  return std::any_of(a.begin(), a.end(), [&](ByteRange x) {
    return std::any_of(b.begin(), b.end(), [&](ByteRange y) {
      return std::max(x.begin, y.begin) < std::min(x.end, y.end);
    });
  });
}

bool depends(const Access &later, const Access &earlier) {
  return touch(later.reads, earlier.writes) || touch(later.writes, earlier.writes) ||
         touch(later.writes, earlier.reads);
}

} // namespace

TEST_CASE("an instruction's level is one more than that of the last it depends on") {
  REQUIRE(rc::check([] {
    std::mt19937 engine(*rc::gen::arbitrary<std::uint32_t>());
    auto ranges = [&] {
      std::vector<ByteRange> out;
      for (std::size_t i = engine() % 3; i > 0; --i) {
        std::size_t begin = engine() % 40;
        out.push_back({begin, begin + engine() % 12});
      }
      return out;
    };
    LevelAssigner assigner;
    std::vector<Access> done;
    for (int i = 0; i < 30; ++i) {
      Access access{ranges(), ranges()};
      std::uint32_t expected = 0;
      for (const Access &earlier : done)
        if (depends(access, earlier))
          expected = std::max(expected, earlier.level + 1);
      access.level = assigner.next(access.reads, access.writes);
      RC_ASSERT(access.level == expected);
      done.push_back(access);
    }
  }));
}
