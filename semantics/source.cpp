#include "semantics/source.h"

#include "semantics/files_written.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <unistd.h>

namespace isamorph::semantics {
namespace {

struct Position {
  std::uint32_t line = 1, column = 1;
  std::string text;
};

Position position_of(const Location &where) {
  const std::string &text = where.source->text;
  std::size_t offset = std::min<std::size_t>(where.offset, text.size());
  Position p;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < offset; ++i)
    if (text[i] == '\n') {
      ++p.line;
      begin = i + 1;
    }
  p.column = static_cast<std::uint32_t>(offset - begin + 1);
  std::size_t end = text.find('\n', begin);
  p.text = text.substr(begin, end == std::string::npos ? end : end - begin);
  return p;
}

/// At most this much of a line is shown around the caret.
constexpr std::size_t kShownColumns = 160;

/// The line (cut around the column, control characters shown as spaces) and a caret below it.
std::string excerpt(const Position &p) {
  std::size_t column = p.column - 1;
  std::size_t from = column > kShownColumns / 2 ? column - kShownColumns / 2 : 0;
  std::string line = p.text.substr(std::min(from, p.text.size()), kShownColumns);
  for (char &c : line)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f)
      c = c == '\t' ? ' ' : '?';
  return "  " + line + "\n  " + std::string(column - from, ' ') + "^";
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t change = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row[b.size()];
}

} // namespace

SourceRef make_source(std::string name, std::string text) {
  return std::make_shared<const SourceText>(SourceText{std::move(name), std::move(text)});
}

SourceRef read_source(const std::string &path, std::size_t limit) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error))
    throw InputError(path + ": is a directory");
  std::ifstream file(path, std::ios::binary);
  if (!file)
    throw InputError(path + ": cannot be read: " + std::strerror(errno));
  std::string text;
  char buffer[1 << 16];
  while (file.read(buffer, sizeof buffer) || file.gcount() > 0) {
    text.append(buffer, static_cast<std::size_t>(file.gcount()));
    if (text.size() > limit)
      throw InputError(path + ": larger than " + std::to_string(limit) + " bytes");
  }
  return make_source(path, std::move(text));
}

InputError::InputError(std::string message) : text_(message), message_(std::move(message)) {}

InputError::InputError(const Location &where, std::string message, std::string hint)
    : message_(std::move(message)) {
  if (!where.source) {
    text_ = message_ + (hint.empty() ? "" : "\n" + hint);
    return;
  }
  Position p = position_of(where);
  file_ = where.source->name;
  line_ = p.line;
  column_ = p.column;
  text_ = file_ + ":" + std::to_string(line_) + ":" + std::to_string(column_) +
          ": error: " + message_ + "\n" + excerpt(p) + (hint.empty() ? "" : "\n" + hint);
}

void fail(const Location &where, std::string message, std::string hint) {
  throw InputError(where, std::move(message), std::move(hint));
}

std::string suggest(std::string_view name, std::span<const std::string> known) {
  if (name.size() > 64)
    return {};
  std::size_t best = std::max<std::size_t>(1, name.size() / 3) + 1;
  const std::string *nearest = nullptr;
  for (const std::string &word : known)
    if (std::size_t distance = edit_distance(name, word); distance < best) {
      best = distance;
      nearest = &word;
    }
  return nearest ? "did you mean '" + *nearest + "'?" : "";
}

std::string join(std::span<const std::string> words, std::string_view separator) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i)
      out += separator;
    out += words[i];
  }
  return out;
}

namespace {

std::atomic<int> g_files_being_written{0};
static_assert(std::atomic<int>::is_always_lock_free);

struct BeingWritten {
  BeingWritten() { ++g_files_being_written; }
  ~BeingWritten() { --g_files_being_written; }
  BeingWritten(const BeingWritten &) = delete;
};

} // namespace

int files_being_written() { return g_files_being_written; }

void write_file_atomically(const std::string &path, std::string_view content) {
  BeingWritten being_written;
  std::error_code error;
  std::filesystem::path target(path);
  if (std::filesystem::exists(target, error) && !std::filesystem::is_regular_file(target, error)) {
    // A device or a pipe (/dev/stdout) cannot be renamed over: write to it.
    std::ofstream direct(path, std::ios::binary);
    if (!direct.write(content.data(), static_cast<std::streamsize>(content.size())).flush())
      throw InputError(path + ": cannot be written: " + std::strerror(errno));
    return;
  }
  std::string temporary = path + ".tmp" + std::to_string(getpid());
  std::ofstream file(temporary, std::ios::binary);
  bool written = file.is_open() &&
                 file.write(content.data(), static_cast<std::streamsize>(content.size())).flush();
  int reason = errno;
  file.close();
  if (written)
    std::filesystem::rename(temporary, target, error);
  if (!written || error) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    throw InputError(path +
                     ": cannot be written: " + (written ? error.message() : std::strerror(reason)));
  }
}

} // namespace isamorph::semantics
