// Checkpoints of a search: refused, or a search that goes on from them. The bytes are tried as they
// are, then with a header and a checksum that fit, so that the body is looked at too.
#include "search/anytime.h"
#include "tests/fuzz/readers.h"
#include "tests/fuzz/scratch_file.h"

namespace isamorph::fuzz {
namespace {

using search::Words;

/// A ladder: from each number two ways further up, one of them longer, the last being the goal.
struct Ladder {
  static constexpr std::uint32_t kGoal = 12;

  struct Worker {
    bool is_goal(Words state) const { return state[0] == kGoal; }
    std::optional<std::int64_t> bound(Words state) const { return (kGoal - state[0]) / 2; }
    void expand(Words state, search::Successors &out) const {
      for (std::uint32_t by = 1; by <= 2; ++by)
        if (std::uint32_t next = state[0] + by; next <= kGoal)
          out.add(Words(&next, 1), by + state[0] % 3, 0);
    }
    search::Shade shade(Words state) const { return {state[0] / 4, 1, 1}; }
    bool dominates(Words, Words) const { return false; }
  };
  std::unique_ptr<Worker> worker() const { return std::make_unique<Worker>(); }
  std::vector<std::uint32_t> root() const { return {0}; }
  bool plausible(Words state) const { return state.size() == 1 && state[0] <= kGoal; }
};

constexpr std::uint64_t kTask = 1;

search::AnytimeOptions options_for(const std::string &path) {
  search::AnytimeOptions options;
  options.weighted_after = 2;
  options.weighted_expansions = 2;
  options.beam = 2;
  options.max_expansions = 100;
  options.checkpoint = path;
  return options;
}

void go_on(const std::string &path) {
  Ladder ladder;
  search::AnytimeSearch<Ladder>(ladder, options_for(path), kTask).run();
}

/// The number that a checkpoint of these searches has for its task.
std::uint64_t task_of_checkpoints() {
  ScratchFile file("");
  std::filesystem::remove(file.path());
  Ladder ladder;
  search::AnytimeSearch<Ladder> search(ladder, options_for(file.path()), kTask);
  std::string bytes = semantics::read_source(file.path())->text;
  std::uint64_t task = 0;
  std::memcpy(&task, bytes.data() + bytes.find('\n') + 1, sizeof task);
  return task;
}

} // namespace

void checkpoint(const semantics::SourceRef &source) {
  static const std::uint64_t task = task_of_checkpoints();
  try {
    ScratchFile file(source->text);
    go_on(file.path());
  } catch (const semantics::InputError &) {
  }
  constexpr std::size_t header = 22 + 24;
  std::string_view text = source->text;
  ScratchFile fitting("");
  search::write_checkpoint(fitting.path(), task, text.substr(std::min(header, text.size())));
  try {
    go_on(fitting.path());
  } catch (const semantics::InputError &error) {
    semantics::fail({source, 0}, error.message()); // a binary file has no lines
  }
}

} // namespace isamorph::fuzz
