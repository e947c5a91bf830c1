#pragma once
// Ctrl-C. The first one raises a flag that long work polls, so that a command can still say what it
// has found. Work that has not ended kGraceSeconds later, wherever it hangs, is ended: nothing more
// is written, the answer is "unknown", and the exit status is 3. So does a second Ctrl-C. Signals
// within half a second of the first count as one: `timeout` sends two.

#include <atomic>
#include <string>

namespace isamorph::cli {

inline constexpr unsigned kGraceSeconds = 2;

/// To be called first in main. With `--json` among the arguments, what is ended prints one JSON
/// object with the keys verdict and reason.
void install_interrupt_handler(int argc, const char *const *argv);

/// Set by the first Ctrl-C.
const std::atomic<bool> &interrupted();

/// Says that it was interrupted, and where: "interrupted after 5 instructions". The exit status.
int report_interrupted(const std::string &where);

/// From now on, what an earlier Ctrl-C left to do may take its time; only another one ends it.
void finish_at_leisure();

/// While one lives, the answer is being written to standard output: the grace lasts until that is
/// done, as it does for files (semantics/output_files.h).
class Answering {
public:
  Answering();
  ~Answering();
  Answering(const Answering &) = delete;
};

} // namespace isamorph::cli
