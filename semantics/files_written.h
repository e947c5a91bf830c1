#pragma once
// For handlers of signals, which wait until no file is half written.

namespace isamorph::semantics {

/// Lives while a file is being written.
class FileBeingWritten {
public:
  FileBeingWritten();
  ~FileBeingWritten();
  FileBeingWritten(const FileBeingWritten &) = delete;
};

/// How many of them there are, in all threads. Async-signal-safe.
int files_being_written();

} // namespace isamorph::semantics
