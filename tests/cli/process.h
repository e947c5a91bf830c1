#pragma once
// Runs a program as a user would and keeps all that it says: the base of the command-line tests.

#include <filesystem>
#include <string>
#include <vector>

namespace isamorph::cli_tests {

struct Outcome {
  int status = -1;        ///< exit status; -1 when a signal ended the program
  int signal = 0;         ///< the signal, or 0
  bool timed_out = false; ///< it was killed after the limit
  std::string out, err;   ///< with `merge_streams`, both are in `out` in the order written

  /// "exit status 2" and both streams, for failure messages.
  std::string describe() const;
};

struct RunOptions {
  std::filesystem::path directory = {}; ///< working directory; empty: the source tree
  int seconds = 120; ///< limit; generous, since sanitizers and busy machines are slow
  bool merge_streams = false;
};

/// `arguments[0]` is looked up in PATH, in which the folder of the built command comes first.
/// Standard input is empty.
Outcome run(const std::vector<std::string> &arguments, const RunOptions &options = {});

/// The built command with these arguments.
Outcome run_isamorph(std::vector<std::string> arguments, const RunOptions &options = {});

std::string read_file(const std::filesystem::path &path);
void write_file(const std::filesystem::path &path, const std::string &content);
std::vector<std::string> lines_of(const std::string &text);

/// A new folder, removed with all that is in it.
class ScratchFolder {
public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder &) = delete;
  ScratchFolder &operator=(const ScratchFolder &) = delete;

  const std::filesystem::path &path() const { return path_; }
  std::string operator/(const std::string &name) const { return (path_ / name).string(); }
  /// Relative names of the files in it, sorted.
  std::vector<std::string> files() const;

private:
  std::filesystem::path path_;
};

} // namespace isamorph::cli_tests
