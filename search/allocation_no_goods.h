#pragma once
// Memory of states without a solution, by a hash of all that decides them.

#include <cstddef>
#include <cstdint>
#include <unordered_set>

namespace isamorph::search {

/// The sum over a state's parts of two 64-bit hashes each: the order of the parts is of no account.
class StateSignature {
public:
  void add(std::uint64_t part, std::uint64_t value) {
    std::uint64_t word = mix(mix(part + 0x9e3779b97f4a7c15) + value);
    low_ += word;
    high_ += mix(word + 0xd1b54a32d192ed03);
  }
  std::uint64_t low() const { return low_; }
  bool operator==(const StateSignature &) const = default;

private:
  /// The finalizer of SplitMix64, a bijection.
  static std::uint64_t mix(std::uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
  }
  std::uint64_t low_ = 0, high_ = 0;
};

/// Holds the first `kMost` states it is given.
class NoGoods {
public:
  void add(const StateSignature &state) {
    if (states_.size() < kMost)
      states_.insert(state);
  }
  bool contains(const StateSignature &state) const { return states_.contains(state); }

private:
  static constexpr std::size_t kMost = std::size_t{1} << 20;
  struct Hash {
    std::size_t operator()(const StateSignature &state) const { return state.low(); }
  };
  std::unordered_set<StateSignature, Hash> states_;
};

} // namespace isamorph::search
