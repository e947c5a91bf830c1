#include "semantics/files_written.h"

#include <atomic>

namespace isamorph::semantics {
namespace {

std::atomic<int> g_files{0};
static_assert(std::atomic<int>::is_always_lock_free);

} // namespace

FileBeingWritten::FileBeingWritten() { ++g_files; }
FileBeingWritten::~FileBeingWritten() { --g_files; }

int files_being_written() { return g_files; }

} // namespace isamorph::semantics
