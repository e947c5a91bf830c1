#include "tests/cli/process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <sstream>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

namespace isamorph::cli_tests {
namespace {

using Clock = std::chrono::steady_clock;

std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0)
    throw std::runtime_error("pipe failed");
  return ends;
}

[[noreturn]] void become(std::vector<char *> &argv, const std::string &directory,
                         const std::string &search_path, int out, int err) {
  int nothing = open("/dev/null", O_RDONLY);
  if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0 ||
      chdir(directory.c_str()) != 0 || setenv("PATH", search_path.c_str(), 1) != 0)
    _exit(126);
  execvp(argv[0], argv.data());
  _exit(127);
}

/// Collects both streams until they close; false when the time is over first.
bool collect(int out, int err, Outcome &outcome, Clock::time_point deadline) {
  std::array<pollfd, 2> ends = {pollfd{out, POLLIN, 0}, pollfd{err, POLLIN, 0}};
  std::array<std::string *, 2> texts = {&outcome.out, &outcome.err};
  std::array<char, 65536> buffer;
  while (ends[0].fd >= 0 || ends[1].fd >= 0) {
    auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0)
      return false;
    if (poll(ends.data(), ends.size(), static_cast<int>(left)) < 0 && errno != EINTR)
      throw std::runtime_error("poll failed");
    for (std::size_t i = 0; i < ends.size(); ++i) {
      if (ends[i].fd < 0 || ends[i].revents == 0)
        continue;
      ssize_t count = read(ends[i].fd, buffer.data(), buffer.size());
      if (count > 0)
        texts[i]->append(buffer.data(), static_cast<std::size_t>(count));
      else if (count == 0 || errno != EINTR)
        ends[i].fd = -1;
    }
  }
  return true;
}

} // namespace

std::string Outcome::describe() const {
  std::string how = timed_out ? "timed out"
                    : signal  ? "signal " + std::to_string(signal)
                              : "exit status " + std::to_string(status);
  return how + "\n--- standard output\n" + out + "--- standard error\n" + err + "---";
}

Outcome run(const std::vector<std::string> &arguments, const RunOptions &options) {
  std::vector<char *> argv;
  for (const std::string &argument : arguments)
    argv.push_back(const_cast<char *>(argument.c_str()));
  argv.push_back(nullptr);
  std::string directory =
      options.directory.empty() ? ISAMORPH_SOURCE_DIR : options.directory.string();
  const char *inherited = std::getenv("PATH");
  std::string search_path = std::filesystem::path(ISAMORPH_COMMAND).parent_path().string() + ":" +
                            (inherited ? inherited : "");

  std::array<int, 2> out = make_pipe(), err = make_pipe();
  pid_t child = fork();
  if (child < 0)
    throw std::runtime_error("fork failed");
  if (child == 0)
    become(argv, directory, search_path, out[1], options.merge_streams ? out[1] : err[1]);
  close(out[1]);
  close(err[1]);

  Outcome outcome;
  if (!collect(out[0], err[0], outcome, Clock::now() + std::chrono::seconds(options.seconds))) {
    outcome.timed_out = true;
    kill(child, SIGKILL);
  }
  close(out[0]);
  close(err[0]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR)
    continue;
  if (WIFEXITED(status))
    outcome.status = WEXITSTATUS(status);
  else if (!outcome.timed_out)
    outcome.signal = WTERMSIG(status);
  return outcome;
}

Outcome run_isamorph(std::vector<std::string> arguments, const RunOptions &options) {
  arguments.insert(arguments.begin(), ISAMORPH_COMMAND);
  return run(arguments, options);
}

std::string read_file(const std::filesystem::path &path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream)
    throw std::runtime_error("cannot read " + path.string());
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

void write_file(const std::filesystem::path &path, const std::string &content) {
  std::ofstream stream(path, std::ios::binary);
  stream << content;
  if (!stream.flush())
    throw std::runtime_error("cannot write " + path.string());
}

std::vector<std::string> lines_of(const std::string &text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);)
    lines.push_back(line);
  return lines;
}

ScratchFolder::ScratchFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "isamorph-test-XXXXXX").string();
  if (!mkdtemp(name.data()))
    throw std::runtime_error("cannot make a folder " + name);
  path_ = name;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::vector<std::string> ScratchFolder::files() const {
  std::vector<std::string> names;
  for (const auto &entry : std::filesystem::recursive_directory_iterator(path_))
    if (!entry.is_directory())
      names.push_back(std::filesystem::relative(entry.path(), path_).string());
  std::sort(names.begin(), names.end());
  return names;
}

} // namespace isamorph::cli_tests
