#pragma once
// Work in a process of its own, which can be killed: for solvers that do not stop when they are
// told to. The child leads a process group, so that what it starts dies with it. Private to
// verify/.

#include <atomic>
#include <functional>
#include <string>
#include <string_view>

namespace isamorph::verify {

struct ChildLimits {
  unsigned timeout_ms = 60'000;
  const std::atomic<bool> *interrupt = nullptr; ///< set: the child is killed
};

struct ChildResult {
  std::string reason; ///< why there is no result: time, interrupt, signal, too much output; or ""
  std::string output; ///< what the child wrote
  int status = 0;     ///< its exit status
};

/// Forks; the child runs `work` with the descriptor of the pipe to write to, then exits with status
/// 0. No other thread may hold a lock that `work` needs.
ChildResult run_in_child(const std::function<void(int)> &work, const ChildLimits &limits);

/// Runs a shell command with its standard output captured and standard error dropped.
ChildResult run_command(const std::string &command, const ChildLimits &limits);

/// Writes a text to a descriptor, as far as that is possible.
void write_all(int descriptor, std::string_view text);

} // namespace isamorph::verify
