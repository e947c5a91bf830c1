#pragma once
// The files that a command writes: checked before its work begins, written whole, all or none.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace isamorph::semantics {

class Tensor;

/// Throws InputError when a file of that name cannot be written: it is a folder, or its own folder
/// is missing or read-only. Leaves nothing behind. `what` names it in the message, as
/// "certificate"; empty: the path alone.
void check_writable(const std::string &path, std::string_view what = {});

/// Files that appear under their names together, by commit(); without it, none does.
class OutputFiles {
public:
  OutputFiles() = default;
  ~OutputFiles();
  OutputFiles(const OutputFiles &) = delete;
  OutputFiles &operator=(const OutputFiles &) = delete;

  /// Writes the content beside `path`, under another name. What is no regular file (/dev/stdout)
  /// is written at commit. Throws InputError, also when the path was staged before.
  void stage(const std::string &path, std::string content);
  /// Gives the files their names. Throws InputError; then the files before the one that failed
  /// stay.
  void commit();

private:
  bool counted_ = false;                                     ///< in files_being_written()
  std::vector<std::pair<std::string, std::string>> renames_; ///< temporary, path
  std::vector<std::pair<std::string, std::string>> direct_;  ///< path, content
};

/// How many OutputFiles hold what is half written, in all threads: handlers of signals wait until
/// there is none. Async-signal-safe.
int files_being_written();

/// Stages a tensor as `.npy` when the path ends so, as raw bytes otherwise.
void stage_tensor(OutputFiles &files, const std::string &path, const Tensor &tensor);

} // namespace isamorph::semantics
