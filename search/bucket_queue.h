#pragma once
// The queue of best-first searches.

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace isamorph::search {

/// Buckets by (first, second), least first; within a bucket, first in, first out.
class BucketQueue {
public:
  using Key = std::pair<std::int64_t, std::int64_t>;

  bool empty() const { return buckets_.empty(); }
  Key key() const { return buckets_.begin()->first; }
  std::uint32_t front() const {
    const Bucket &bucket = buckets_.begin()->second;
    return bucket.ids[bucket.head];
  }
  void push(Key key, std::uint32_t id) { buckets_[key].ids.push_back(id); }
  void pop() {
    auto at = buckets_.begin();
    if (++at->second.head == at->second.ids.size())
      buckets_.erase(at);
  }
  /// Calls f(key, id) in order until it returns false.
  template <class F> void each(F &&f) const {
    for (const auto &[key, bucket] : buckets_)
      for (std::size_t i = bucket.head; i < bucket.ids.size(); ++i)
        if (!f(key, bucket.ids[i]))
          return;
  }

private:
  struct Bucket {
    std::vector<std::uint32_t> ids;
    std::size_t head = 0;
  };
  std::map<Key, Bucket> buckets_;
};

} // namespace isamorph::search
