// The times of a buffer's places are those of all accesses that overlap, forgotten ones aside.
#include "costmodel/buffer_history.h"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace isamorph;
using costmodel::BufferHistory;

namespace {

struct Access {
  spec::ConcreteRegion region;
  bool write;
  std::int64_t end;
};

/// Of a buffer with `rank` dimensions of eight places; some are empty.
spec::ConcreteRegion region(std::size_t rank) {
  spec::ConcreteRegion out;
  for (std::size_t d = 0; d < rank; ++d) {
    out.starts.push_back(*rc::gen::inRange(0, 8));
    out.extents.push_back(*rc::gen::inRange<std::int64_t>(0, 9 - out.starts.back()));
  }
  return out;
}

bool overlap(const spec::ConcreteRegion &a, const spec::ConcreteRegion &b) {
  for (std::size_t d = 0; d < a.starts.size(); ++d)
    if (std::max(a.starts[d], b.starts[d]) >=
        std::min(a.starts[d] + a.extents[d], b.starts[d] + b.extents[d]))
      return false;
  return true;
}

/// What every access that overlaps leaves to wait for.
std::int64_t ready(const std::vector<Access> &all, const spec::ConcreteRegion &of, bool write) {
  std::int64_t time = 0;
  for (const Access &earlier : all)
    if ((write || earlier.write) && overlap(earlier.region, of))
      time = std::max(time, earlier.end);
  return time;
}

} // namespace

TEST_CASE("places are ready when all accesses to them are over") {
  REQUIRE(rc::check("as all accesses say", [] {
    auto rank = *rc::gen::inRange<std::size_t>(0, 4);
    BufferHistory history;
    std::vector<Access> all;
    std::int64_t forgotten = 0; // nothing begins before
    for (int i = 0; i < 150; ++i) {
      Access access{region(rank), *rc::gen::arbitrary<bool>(), 0};
      std::int64_t expected = ready(all, access.region, access.write);
      RC_ASSERT(std::max(forgotten, history.ready(access.region, access.write)) ==
                std::max(forgotten, expected));
      access.end = std::max(forgotten, expected) + *rc::gen::inRange(0, 5);
      history.add(access.region, access.write, access.end);
      all.push_back(access);
      forgotten = std::max(forgotten, access.end - 6);
      history.forget(forgotten);
    }
  }));
}

TEST_CASE("many runs of places are forgotten, and not those that are still in use") {
  BufferHistory history;
  for (std::int64_t place = 0; place < 1000; ++place) {
    history.add({0, {2 * place}, {1}}, false, place);
    history.forget(place - 3);
  }
  CHECK(history.ready({0, {2 * 999}, {1}}, true) == 999);
  CHECK(history.ready({0, {0}, {5000}}, true) == 999);
  CHECK(history.ready({0, {2 * 997}, {1}}, true) == 997);
  CHECK(history.ready({0, {0}, {5000}}, false) == 0);
}
