#include "search/checkpoint.h"

#include "semantics/source.h"

#include <filesystem>
#include <fstream>

namespace isamorph::search {
namespace {

constexpr std::string_view kFormat = "isamorph checkpoint 1\n", kAnyFormat = "isamorph checkpoint ";

struct Header {
  std::uint64_t task, size, checksum;
};
constexpr std::size_t kBody = kFormat.size() + sizeof(Header);

std::uint64_t checksum(std::string_view bytes) {
  Digest digest;
  digest.add(bytes);
  return digest.value();
}

} // namespace

void Digest::add(std::uint64_t value) {
  state_ = (state_ ^ value) * 0xff51afd7ed558ccdull;
  state_ ^= state_ >> 32;
}

void Digest::add(std::string_view text) {
  add(text.size());
  while (text.size() >= 8) {
    std::uint64_t word;
    std::memcpy(&word, text.data(), 8);
    add(word);
    text.remove_prefix(8);
  }
  std::uint64_t last = 0;
  std::memcpy(&last, text.data(), text.size());
  add(last);
}

void Reader::fail() const {
  throw semantics::InputError(path_ + ": the checkpoint is damaged (delete it to start anew)");
}

void Reader::take(void *to, std::size_t size) {
  require(size <= rest_.size());
  if (size != 0)
    std::memcpy(to, rest_.data(), size);
  rest_.remove_prefix(size);
}

std::string_view CheckpointFile::body() const { return std::string_view(bytes).substr(kBody); }

void write_checkpoint(const std::string &path, std::uint64_t task, std::string_view body) {
  Header header{task, body.size(), checksum(body)};
  std::string bytes(kFormat);
  bytes.reserve(kBody + body.size());
  bytes.append(reinterpret_cast<const char *>(&header), sizeof header);
  bytes += body;
  semantics::write_file_atomically(path, bytes);
}

CheckpointFile read_checkpoint(const std::string &path, std::uint64_t task) {
  std::error_code error;
  if (!std::filesystem::exists(path, error))
    return {};
  CheckpointFile file;
  std::ifstream in(path, std::ios::binary);
  auto size = std::filesystem::file_size(path, error);
  if (!in || error)
    throw semantics::InputError(path + ": cannot be read as a checkpoint");
  file.bytes.resize(size);
  in.read(file.bytes.data(), static_cast<std::streamsize>(size));
  if (in.gcount() != static_cast<std::streamsize>(size))
    throw semantics::InputError(path + ": cannot be read as a checkpoint");
  if (!file.bytes.starts_with(kAnyFormat))
    throw semantics::InputError(path + ": is not a checkpoint, and will not be overwritten");
  if (!file.bytes.starts_with(kFormat))
    throw semantics::InputError(path + ": is a checkpoint of another version of isamorph");
  if (file.bytes.size() < kBody)
    throw semantics::InputError(path + ": the checkpoint is incomplete");
  Header header;
  std::memcpy(&header, file.bytes.data() + kFormat.size(), sizeof header);
  if (header.size != file.body().size())
    throw semantics::InputError(path + ": the checkpoint is incomplete");
  if (header.checksum != checksum(file.body()))
    throw semantics::InputError(path + ": the checkpoint is damaged: its checksum does not fit");
  if (header.task != task)
    throw semantics::InputError(
        path + ": the checkpoint is of another task: the graph, ISA, level, cost model or search "
               "options differ");
  return file;
}

void remove_checkpoint(const std::string &path) {
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
}

} // namespace isamorph::search
