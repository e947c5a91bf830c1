#include "cli/interrupt.h"

#include "cli/common.h"
#include "semantics/output_files.h"

#include <csignal>
#include <ctime>
#include <iostream>
#include <string_view>
#include <unistd.h>

// What a signal handler touches is lock-free, and what it calls is async-signal-safe.

namespace isamorph::cli {
namespace {

constexpr long kOneWishNanoseconds = 500'000'000;

std::atomic<bool> g_interrupted{false}, g_json{false};
std::atomic<bool> g_answering{false};
std::atomic<bool> g_answered{false}; ///< something is on standard output
std::atomic<long> g_first{0};        ///< when the first Ctrl-C came
static_assert(std::atomic<long>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

long now_nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000L + now.tv_nsec;
}

void say(int descriptor, std::string_view text) {
  [[maybe_unused]] ssize_t written = write(descriptor, text.data(), text.size());
}

/// Ends the program at once as one that was interrupted. Async-signal-safe.
[[noreturn]] void end_as_interrupted() {
  if (g_json && !g_answered)
    say(STDOUT_FILENO, "{\n  \"verdict\": \"unknown\",\n  \"reason\": \"interrupted\"\n}\n");
  say(STDERR_FILENO, "stopped: interrupted\n");
  _exit(kUnknown);
}

extern "C" void on_alarm(int) {
  if (g_answering || semantics::files_being_written() > 0)
    alarm(1);
  else
    end_as_interrupted();
}

extern "C" void on_interrupt(int) {
  if (!g_interrupted.exchange(true)) {
    g_first = now_nanoseconds();
    alarm(kGraceSeconds);
  } else if (now_nanoseconds() - g_first > kOneWishNanoseconds) {
    end_as_interrupted();
  }
}

} // namespace

void install_interrupt_handler(int argc, const char *const *argv) {
  for (int i = 1; i < argc; ++i)
    if (std::string_view(argv[i]) == "--json")
      g_json = true;
  std::signal(SIGALRM, on_alarm);
  std::signal(SIGINT, on_interrupt);
}

int report_interrupted(const std::string &where) {
  finish_at_leisure();
  if (g_json)
    print_json({{"verdict", "unknown"}, {"reason", where}});
  std::cerr << bold_red("stopped: ") << where << '\n';
  return kUnknown;
}

const std::atomic<bool> &interrupted() { return g_interrupted; }

void finish_at_leisure() { alarm(0); }

Answering::Answering() {
  g_answering = true;
  g_answered = true;
}
Answering::~Answering() { g_answering = false; }

} // namespace isamorph::cli
