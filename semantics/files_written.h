#pragma once
// For handlers of signals, which wait until no file is half written.

namespace isamorph::semantics {

/// How many calls of write_file_atomically are under way, in all threads. Async-signal-safe.
int files_being_written();

} // namespace isamorph::semantics
