#pragma once
// The README as a test: its files are written, its commands run, its outputs compared.
//
// * A fenced block whose info string is `LANGUAGE FILENAME` is written to FILENAME.
// * A fenced `console` block that begins with `$ isamorph` is a session: each `$ ` line is a shell
// command, the lines up to the
//   next one are what it prints, standard error included. It must succeed, or be followed by `$
//   echo $?`.
// * In what is printed, `...` stands for any text within a line, and a line of `...` alone for any
// number of lines.

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
/// The steps of a session block; empty when the block is no session.
std::vector<SessionStep> session_steps(const FencedBlock &block);

/// `...` in `expected` matches as described above.
bool matches(const std::vector<std::string> &expected, const std::vector<std::string> &actual);

} // namespace isamorph::cli_tests
