#include "verify/outside_solver.h"

#include "verify/child_process.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <unistd.h>

namespace isamorph::verify {
namespace {

/// A file of its own in the folder for temporary files, removed when it goes out of scope.
class TemporaryFile {
public:
  explicit TemporaryFile(const std::string &text) {
    std::error_code error;
    path_ = std::filesystem::temp_directory_path(error) / "isamorph-XXXXXX.smt2";
    int descriptor = mkstemps(path_.data(), 5);
    if (descriptor < 0) {
      path_.clear();
      return;
    }
    write_all(descriptor, text);
    close(descriptor);
    written_ = std::filesystem::file_size(path_, error) == text.size();
  }
  ~TemporaryFile() {
    std::error_code ignored;
    if (!path_.empty())
      std::filesystem::remove(path_, ignored);
  }
  TemporaryFile(const TemporaryFile &) = delete;

  bool written() const { return written_; }
  const std::string &path() const { return path_; }

private:
  std::string path_;
  bool written_ = false;
};

std::string quoted(const std::string &word) {
  std::string out = "'";
  for (char c : word)
    out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string without_space_around(const std::string &text) {
  std::size_t begin = text.find_first_not_of(" \t\r\n");
  return begin == std::string::npos
             ? std::string()
             : text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

SmtResult read_answer(const ChildResult &run) {
  constexpr std::size_t kShown = 80;
  std::string said = without_space_around(run.output);
  if (!run.reason.empty())
    return {SmtAnswer::Unknown, run.reason, 0};
  if (run.status == 126 || run.status == 127)
    return {SmtAnswer::Unknown, std::string(kCannotRun), 0};
  if (run.status != 0)
    return {SmtAnswer::Unknown,
            fmt::format("it ended with status {}: '{}'", run.status, said.substr(0, kShown)), 0};
  if (said == "unsat")
    return {SmtAnswer::Proved, {}, 0};
  if (said == "sat")
    return {SmtAnswer::Refuted, {}, 0};
  if (said == "unknown")
    return {SmtAnswer::Unknown, "it answers 'unknown'", 0};
  return {SmtAnswer::Unknown,
          said.empty() ? "it says nothing"
                       : fmt::format("its answer is not understood: '{}'", said.substr(0, kShown)),
          0};
}

} // namespace

Solver outside_solver(const std::string &command, const OutsideSolverOptions &options) {
  return [command, options](const Obligation &obligation) -> SmtResult {
    auto begin = std::chrono::steady_clock::now();
    TemporaryFile file(obligation.smtlib);
    if (!file.written())
      return {SmtAnswer::Unknown, "the obligation cannot be written to a temporary file", 0};
    SmtResult result = read_answer(
        run_command(command + " " + quoted(file.path()), {options.timeout_ms, options.interrupt}));
    result.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return result;
  };
}

} // namespace isamorph::verify
