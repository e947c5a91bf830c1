#pragma once
// Console sessions as tests: what a document shows is what the commands print. Documents are the
// README and the files of tests/cli/golden.
//
// * A fenced block whose info string is `LANGUAGE FILENAME` is written to FILENAME.
// * A session (a fenced `console` block, or a golden file) begins with `$ isamorph`. Each `$ ` line
// is a shell command, the lines up to the
//   next one are what it prints, standard error included. It must succeed, or be followed by `$
//   echo $?`.
// * In what is printed, `...` stands for any text within a line, and a line of `...` alone for any
// number of lines.

#include "tests/cli/process.h"

#include <string>
#include <vector>

namespace isamorph::cli_tests {

struct FencedBlock {
  std::string language, file_name; ///< the info string's first two words; file_name may be empty
  std::string text;
  int line = 0; ///< of the opening fence
};
std::vector<FencedBlock> fenced_blocks(const std::string &markdown);

struct SessionStep {
  std::string command;
  std::vector<std::string> expected;
  int line = 0; ///< in the document
};
/// The steps of a session whose text begins at a line of a document; empty when it does not begin
/// with `$ isamorph`.
std::vector<SessionStep> session_steps(const std::string &text, int line);

/// `...` in `expected` matches as described above.
bool matches(const std::vector<std::string> &expected, const std::vector<std::string> &actual);

/// Makes the project's folders visible in a scratch folder, so that sessions read as if run in the
/// source tree.
void link_project(const ScratchFolder &scratch);

/// Runs the steps in a folder and CHECKs each. Returns what each printed.
std::vector<std::vector<std::string>> check_session(const std::string &document,
                                                    const std::vector<SessionStep> &steps,
                                                    const std::filesystem::path &directory);

} // namespace isamorph::cli_tests
