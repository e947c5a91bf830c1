#include "verify/child_process.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace isamorph::verify {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostOutput = std::size_t{16} << 20;
constexpr int kPollMs = 20;

/// Reads until the child closes its end, within the limits; "" or why it did not come to that.
std::string read_output(int descriptor, const ChildLimits &limits, std::string &output) {
  auto deadline = Clock::now() + std::chrono::milliseconds(limits.timeout_ms);
  std::array<char, 4096> buffer{};
  while (true) {
    if (limits.interrupt && limits.interrupt->load())
      return "interrupted";
    if (Clock::now() >= deadline)
      return fmt::format("no answer within {} ms", limits.timeout_ms);
    pollfd wait{descriptor, POLLIN, 0};
    if (poll(&wait, 1, kPollMs) <= 0)
      continue;
    ssize_t count = read(descriptor, buffer.data(), buffer.size());
    if (count == 0)
      return {};
    if (count < 0 && errno != EINTR)
      return std::strerror(errno);
    output.append(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (output.size() > kMostOutput)
      return "more output than any answer has";
  }
}

/// Waits for the end of a child whose output has ended, within the limits, and leaves it to be
/// collected.
std::string wait_for(pid_t child, const ChildLimits &limits, Clock::time_point begin) {
  siginfo_t info{};
  while (waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT | WNOHANG) == 0 &&
         info.si_pid == 0) {
    if (limits.interrupt && limits.interrupt->load())
      return "interrupted";
    if (Clock::now() >= begin + std::chrono::milliseconds(limits.timeout_ms))
      return fmt::format("not ended within {} ms", limits.timeout_ms);
    poll(nullptr, 0, 1);
  }
  return {};
}

ChildResult supervise(pid_t child, int descriptor, const ChildLimits &limits) {
  ChildResult out;
  auto begin = Clock::now();
  setpgid(child, child); // also done by the child: whoever is first
  out.reason = read_output(descriptor, limits, out.output);
  if (out.reason.empty())
    out.reason = wait_for(child, limits, begin);
  close(descriptor);
  kill(-child, SIGKILL); // and what it started
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (out.reason.empty() && WIFSIGNALED(status))
    out.reason =
        fmt::format("ended by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  out.status = WEXITSTATUS(status);
  return out;
}

} // namespace

void write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    ssize_t count = write(descriptor, text.data(), text.size());
    if (count < 0 && errno != EINTR)
      return;
    text.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  }
}

ChildResult run_in_child(const std::function<void(int)> &work, const ChildLimits &limits) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return {std::string("no pipe: ") + std::strerror(errno), {}, 0};
  pid_t child = fork();
  if (child == 0) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL); // however this process ends
    std::signal(SIGINT, SIG_DFL);
    close(ends[0]);
    work(ends[1]);
    _exit(0);
  }
  close(ends[1]);
  if (child < 0) {
    close(ends[0]);
    return {std::string("no process: ") + std::strerror(errno), {}, 0};
  }
  return supervise(child, ends[0], limits);
}

ChildResult run_command(const std::string &command, const ChildLimits &limits) {
  return run_in_child(
      [&](int out) {
        int nothing = open("/dev/null", O_RDWR);
        dup2(nothing, STDIN_FILENO);
        dup2(out, STDOUT_FILENO);
        dup2(nothing, STDERR_FILENO);
        execl("/bin/sh", "sh", "-c", command.c_str(), static_cast<char *>(nullptr));
        _exit(127);
      },
      limits);
}

} // namespace isamorph::verify
