#include "verify/proof_cache.h"

#include "semantics/source.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

namespace isamorph::verify {
namespace {

constexpr int kVersion = 1;
using Json = nlohmann::json;

std::string environment(const char *name) {
  const char *value = std::getenv(name);
  return value ? value : "";
}

} // namespace

std::string ProofCache::path() {
  std::filesystem::path folder = environment("ISAMORPH_CACHE");
  if (folder.empty() && !environment("XDG_CACHE_HOME").empty())
    folder = std::filesystem::path(environment("XDG_CACHE_HOME")) / "isamorph";
  if (folder.empty() && !environment("HOME").empty())
    folder = std::filesystem::path(environment("HOME")) / ".cache" / "isamorph";
  return folder.empty() ? std::string() : (folder / "proofs.json").string();
}

ProofCache ProofCache::load() {
  ProofCache cache;
  std::error_code error;
  std::string file = path();
  if (file.empty() || !std::filesystem::is_regular_file(file, error))
    return cache;
  try {
    Json json = Json::parse(semantics::read_source(file, std::size_t{16} << 20)->text);
    if (json.at("version") != kVersion)
      return cache;
    for (const auto &[key, value] : json.at("proved").items())
      cache.entries_[key] = {value.at("name").get<std::string>(),
                             value.at("lemmas").get<std::vector<std::string>>()};
    cache.tried_ = json.value("tried", std::map<std::string, unsigned>());
  } catch (const std::exception &) { // damaged: everything is proved anew
    cache.entries_.clear();
    cache.tried_.clear();
  }
  return cache;
}

const ProofCache::Entry *ProofCache::find(const std::string &key) const {
  auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second;
}

unsigned ProofCache::tried(const std::string &key) const {
  auto found = tried_.find(key);
  return found == tried_.end() ? 0 : found->second;
}

void ProofCache::add_tried(const std::string &key, unsigned timeout_ms) {
  unsigned &longest = tried_[key];
  if (timeout_ms > longest) {
    longest = timeout_ms;
    changed_ = true;
  }
}

void ProofCache::add(const std::string &key, Entry entry) {
  entries_[key] = std::move(entry);
  changed_ = true;
}

void ProofCache::save() const {
  std::string file = path();
  if (!changed_ || file.empty())
    return;
  ProofCache disk = load();
  std::map<std::string, Entry> all = disk.entries_;
  all.insert(entries_.begin(), entries_.end());
  std::map<std::string, unsigned> tried = disk.tried_;
  for (const auto &[key, timeout] : tried_)
    tried[key] = std::max(tried[key], timeout);
  Json proved = Json::object();
  for (const auto &[key, entry] : all)
    proved[key] = {{"name", entry.name}, {"lemmas", entry.lemmas}};
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(file).parent_path(), error);
  try {
    semantics::write_file_atomically(
        file, Json{{"version", kVersion}, {"proved", proved}, {"tried", tried}}.dump(1));
  } catch (const semantics::InputError &) { // a cache that cannot be kept costs time, nothing else
  }
}

} // namespace isamorph::verify
