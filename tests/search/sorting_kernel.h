#pragma once
// The sorting-kernel machine as a search problem: n registers and one scratch register; `mov a b`,
// `cmp a b`, and `cmovl a b`, `cmovg a b`, which move when the last comparison said less or
// greater. A program sorts when it does so for every order of n distinct inputs. It stands beside
// instruction selection as an outside check of the enumerative search: 11 instructions are the
// least for n = 3, and 20 for n = 4 (Mankowitz et al., Nature 618, 2023; Ullrich and Hack, CGO
// 2025).
//
// A state is the set of machine states (registers and flags) that the n! inputs have become, by
// number. A subset of such a set dominates it, since a program that sorts all of it sorts the part.
// The bound is the greatest distance to sorted of any pair of members, from a table made backwards
// for all pairs.

#include "search/best_first.h"

#include <array>
#include <numeric>

namespace isamorph::search {

struct SortingOptions {
  /// `cmp a b` only for a < b: the reverse swaps what the flags mean. Keeps optimality.
  bool ordered_compares = true;
  /// Bound by pairs of members instead of by nothing. Keeps optimality.
  bool pair_bound = true;
};

class SortingMachine {
public:
  static constexpr std::uint32_t kLost = 0xffffffff; ///< an input's value is in no register

  explicit SortingMachine(std::uint32_t inputs, const SortingOptions &options = {})
      : inputs_(inputs), options_(options) {
    number_states();
    make_operations();
    if (options.pair_bound)
      measure_pairs();
  }

  std::vector<std::uint32_t> root() const {
    std::vector<std::uint32_t> values(inputs_ + 1, 0), members;
    std::iota(values.begin(), values.end() - 1, 1);
    do
      members.push_back(number_[code(values, 0)]);
    while (std::next_permutation(values.begin(), values.end() - 1));
    std::sort(members.begin(), members.end());
    return members;
  }
  bool plausible(Words state) const {
    return std::ranges::all_of(state, [&](std::uint32_t m) { return m < codes_.size(); });
  }

  /// The program that a path stands for.
  std::vector<std::string> program(const Path &path) const {
    std::vector<std::string> out;
    std::vector<std::uint32_t> state = root(), after;
    for (std::uint32_t ordinal : path.ordinals) {
      std::size_t operation = 0;
      for (std::uint32_t seen = 0; operation < next_.size(); ++operation)
        if (apply(operation, state, after) && seen++ == ordinal)
          break;
      out.push_back(names_.at(operation));
      state = after;
    }
    return out;
  }

  class Worker {
  public:
    explicit Worker(const SortingMachine &machine) : machine_(machine) {}

    bool is_goal(Words state) const {
      return std::ranges::all_of(state, [&](std::uint32_t m) { return machine_.sorted_[m] != 0; });
    }
    std::optional<std::int64_t> bound(Words state) const {
      std::int64_t most = 0;
      if (machine_.options_.pair_bound)
        for (std::size_t i = 0; i < state.size(); ++i)
          for (std::size_t j = i; j < state.size(); ++j)
            most = std::max<std::int64_t>(most, machine_.distance(state[i], state[j]));
      if (most == kFar)
        return std::nullopt;
      return most;
    }
    void expand(Words state, Successors &out) {
      for (std::size_t operation = 0; operation < machine_.next_.size(); ++operation)
        if (machine_.apply(operation, state, members_))
          out.add(members_, 1, 0);
    }
    /// A subset's members are among those of the set.
    Shade shade(Words state) const {
      std::uint64_t mask = 0;
      for (std::uint32_t m : state)
        mask |= std::uint64_t{1} << (m % 64);
      return {0, ~mask, ~mask};
    }
    bool dominates(Words a, Words b) const {
      return std::includes(b.begin(), b.end(), a.begin(), a.end());
    }

  private:
    const SortingMachine &machine_;
    std::vector<std::uint32_t> members_;
  };
  std::unique_ptr<Worker> worker() const { return std::make_unique<Worker>(*this); }

private:
  static constexpr std::uint8_t kFar = 255;
  static constexpr std::uint32_t kLess = 1, kGreater = 2;

  /// Registers as digits, then the flags (nothing, less, greater).
  std::uint32_t code(const std::vector<std::uint32_t> &values, std::uint32_t flags) const {
    std::uint32_t out = 0;
    for (std::uint32_t v : values)
      out = out * (inputs_ + 1) + v;
    return out * 3 + flags;
  }
  std::vector<std::uint32_t> values(std::uint32_t code) const {
    std::vector<std::uint32_t> out(inputs_ + 1);
    code /= 3;
    for (std::size_t i = out.size(); i-- > 0; code /= inputs_ + 1)
      out[i] = code % (inputs_ + 1);
    return out;
  }

  /// Numbers the machine states in which no input is lost.
  void number_states() {
    std::uint32_t codes = 3;
    for (std::uint32_t i = 0; i <= inputs_; ++i)
      codes *= inputs_ + 1;
    number_.assign(codes, kLost);
    for (std::uint32_t c = 0; c < codes; ++c) {
      std::vector<std::uint32_t> held = values(c);
      std::vector<char> found(inputs_ + 1, 0);
      for (std::uint32_t v : held)
        found[v] = 1;
      if (std::find(found.begin() + 1, found.end(), 0) != found.end())
        continue;
      number_[c] = static_cast<std::uint32_t>(codes_.size());
      codes_.push_back(c);
      std::vector<std::uint32_t> wanted(inputs_);
      std::iota(wanted.begin(), wanted.end(), 1);
      sorted_.push_back(std::equal(wanted.begin(), wanted.end(), held.begin()));
    }
  }

  void make_operations() {
    for (std::string kind : {"mov", "cmp", "cmovl", "cmovg"})
      for (std::uint32_t a = 0; a <= inputs_; ++a)
        for (std::uint32_t b = 0; b <= inputs_; ++b) {
          if (a == b || (kind == "cmp" && options_.ordered_compares && a > b))
            continue;
          names_.push_back(kind + " r" + std::to_string(a) + " r" + std::to_string(b));
          std::vector<std::uint32_t> &next = next_.emplace_back();
          for (std::uint32_t c : codes_)
            next.push_back(number_[after(kind, a, b, c)]);
        }
  }
  std::uint32_t after(const std::string &kind, std::uint32_t a, std::uint32_t b,
                      std::uint32_t before) const {
    std::vector<std::uint32_t> held = values(before);
    std::uint32_t flags = before % 3;
    if (kind == "cmp")
      flags = held[a] < held[b] ? kLess : held[a] > held[b] ? kGreater : 0;
    else if (kind == "mov" || flags == (kind == "cmovl" ? kLess : kGreater))
      held[a] = held[b];
    return code(held, flags);
  }

  /// False when an input's value gets lost.
  bool apply(std::size_t operation, Words state, std::vector<std::uint32_t> &after) const {
    after.clear();
    for (std::uint32_t m : state)
      after.push_back(next_[operation][m]);
    std::sort(after.begin(), after.end());
    after.erase(std::unique(after.begin(), after.end()), after.end());
    return after.back() != kLost;
  }

  std::uint8_t distance(std::uint32_t i, std::uint32_t j) const {
    return distances_[i * codes_.size() + j];
  }
  /// Breadth first from the pairs that are sorted, backwards.
  void measure_pairs() {
    std::size_t count = codes_.size();
    std::vector<std::vector<std::vector<std::uint32_t>>> before(next_.size());
    for (std::size_t op = 0; op < next_.size(); ++op) {
      before[op].resize(count);
      for (std::uint32_t m = 0; m < count; ++m)
        if (next_[op][m] != kLost)
          before[op][next_[op][m]].push_back(m);
    }
    distances_.assign(count * count, kFar);
    std::vector<std::pair<std::uint32_t, std::uint32_t>> open;
    for (std::uint32_t i = 0; i < count; ++i)
      for (std::uint32_t j = 0; j < count; ++j)
        if (sorted_[i] && sorted_[j]) {
          distances_[i * count + j] = 0;
          open.push_back({i, j});
        }
    for (std::size_t at = 0; at < open.size(); ++at) {
      auto [i, j] = open[at];
      auto further = static_cast<std::uint8_t>(distance(i, j) + 1);
      for (const auto &by_result : before)
        for (std::uint32_t p : by_result[i])
          for (std::uint32_t q : by_result[j])
            if (std::uint8_t &d = distances_[p * count + q]; d == kFar) {
              d = further;
              open.push_back({p, q});
            }
    }
  }

  std::uint32_t inputs_;
  SortingOptions options_;
  std::vector<std::uint32_t> number_, codes_; ///< machine state by code, and back
  std::vector<char> sorted_;
  std::vector<std::string> names_;
  std::vector<std::vector<std::uint32_t>> next_; ///< by operation and machine state
  std::vector<std::uint8_t> distances_;          ///< of pairs to sorted; kFar: never
};

static_assert(SearchSpace<SortingMachine> && HasDominance<SortingMachine>);

} // namespace isamorph::search
