#pragma once
// Checkpoints of a search: one file that holds everything the search goes on from, written whole or
// not at all. A header names the format and the task (a digest of what is searched and of every
// option that decides the order); a checksum covers the rest. A file that does not fit is an
// InputError. Numbers are stored as the machine has them (the shipped platforms are little-endian).

#include <cassert>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace isamorph::search {

/// A 64-bit digest of a sequence of values, the same in every run. Not cryptographic.
class Digest {
public:
  void add(std::uint64_t value);
  void add(std::string_view text);
  template <class T> void add(const std::vector<T> &values) {
    add(values.size());
    for (const T &value : values)
      add(static_cast<std::uint64_t>(value));
  }
  std::uint64_t value() const { return state_; }

private:
  std::uint64_t state_ = 0x243f6a8885a308d3ull;
};

/// Numbers and vectors of plain structures (without padding), one after the other.
class Writer {
public:
  template <class T> void put(const T &value) {
    static_assert(std::has_unique_object_representations_v<T>);
    bytes_.append(reinterpret_cast<const char *>(&value), sizeof value);
  }
  template <class T> void put(const std::vector<T> &values) {
    static_assert(std::has_unique_object_representations_v<T>);
    put(std::uint64_t{values.size()});
    bytes_.append(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T));
  }
  const std::string &bytes() const { return bytes_; }

private:
  std::string bytes_;
};

/// Reads what a Writer wrote; `fail` throws the InputError that the file is damaged.
class Reader {
public:
  Reader(std::string path, std::string_view bytes) : path_(std::move(path)), rest_(bytes) {}

  template <class T> T get() {
    static_assert(std::has_unique_object_representations_v<T>);
    T value;
    take(&value, sizeof value);
    return value;
  }
  template <class T> void get(std::vector<T> &values) {
    auto size = get<std::uint64_t>();
    require(size <= rest_.size() / sizeof(T));
    values.resize(size);
    take(values.data(), size * sizeof(T));
  }
  bool empty() const { return rest_.empty(); }
  void require(bool holds) const {
    if (!holds)
      fail();
  }
  [[noreturn]] void fail() const;

private:
  void take(void *to, std::size_t size);

  std::string path_;
  std::string_view rest_;
};

/// Writes the body under a header for `task`; throws InputError when the file cannot be written.
void write_checkpoint(const std::string &path, std::uint64_t task, std::string_view body);

/// The whole file, whose body begins at `body`; empty when there is no such file. Throws InputError
/// when it is no checkpoint, of another version or task, incomplete or damaged.
struct CheckpointFile {
  std::string bytes;
  std::string_view body() const;
  bool found() const { return !bytes.empty(); }
};
CheckpointFile read_checkpoint(const std::string &path, std::uint64_t task);

/// Removes a checkpoint whose search is done.
void remove_checkpoint(const std::string &path);

} // namespace isamorph::search
