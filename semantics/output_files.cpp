#include "semantics/output_files.h"

#include "semantics/source.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace isamorph::semantics {
namespace {

namespace fs = std::filesystem;

std::atomic<int> g_files_being_written{0};
static_assert(std::atomic<int>::is_always_lock_free);

[[noreturn]] void cannot_write(const std::string &path, const std::string &why,
                               std::string_view what = {}) {
  throw InputError((what.empty() ? "" : "the " + std::string(what) + " ") + path +
                   ": cannot be written: " + why);
}

std::string temporary_name(const std::string &path) {
  return path + ".tmp" + std::to_string(getpid());
}

/// A device or a pipe cannot be renamed over.
bool is_special(const std::string &path) {
  std::error_code error;
  return fs::exists(path, error) && !fs::is_regular_file(path, error);
}

/// 0, or the system's reason.
int write_content(const std::string &path, std::string_view content) {
  errno = 0;
  std::ofstream file(path, std::ios::binary);
  bool written = file.is_open() &&
                 file.write(content.data(), static_cast<std::streamsize>(content.size())).flush();
  return written ? 0 : errno ? errno : EIO;
}

void remove_quietly(const std::string &path) {
  std::error_code ignored;
  fs::remove(path, ignored);
}

} // namespace

int files_being_written() { return g_files_being_written; }

void check_writable(const std::string &path, std::string_view what) {
  std::error_code error;
  if (fs::is_directory(path, error))
    cannot_write(path, "it is a folder", what);
  if (is_special(path))
    return;
  std::string temporary = temporary_name(path);
  int reason = write_content(temporary, "");
  remove_quietly(temporary);
  if (reason)
    cannot_write(path, std::strerror(reason), what);
}

OutputFiles::~OutputFiles() {
  for (const auto &[temporary, path] : renames_)
    remove_quietly(temporary);
  if (counted_)
    --g_files_being_written;
}

void OutputFiles::stage(const std::string &path, std::string content) {
  if (!counted_)
    ++g_files_being_written;
  counted_ = true;
  if (is_special(path)) {
    direct_.emplace_back(path, std::move(content));
    return;
  }
  std::string temporary = temporary_name(path);
  for (const auto &[other, before] : renames_)
    if (before == path)
      throw InputError(path + ": named for two outputs");
  renames_.emplace_back(temporary, path);
  if (int reason = write_content(temporary, content))
    cannot_write(path, std::strerror(reason));
}

void OutputFiles::commit() {
  for (const auto &[path, content] : direct_)
    if (int reason = write_content(path, content))
      cannot_write(path, std::strerror(reason));
  for (const auto &[temporary, path] : renames_) {
    std::error_code error;
    fs::rename(temporary, path, error);
    if (error)
      cannot_write(path, error.message());
  }
  renames_.clear();
  direct_.clear();
}

void write_file_atomically(const std::string &path, std::string_view content) {
  OutputFiles files;
  files.stage(path, std::string(content));
  files.commit();
}

} // namespace isamorph::semantics
