#pragma once
// Claims that were proved before, on disk (see prover.h for where and why they may be believed).

#include <map>
#include <string>
#include <vector>

namespace isamorph::verify {

class ProofCache {
public:
  struct Entry {
    std::string name;
    std::vector<std::string> lemmas;
  };

  /// What the file holds; empty when it is absent or damaged.
  static ProofCache load();
  const Entry *find(const std::string &key) const;
  void add(const std::string &key, Entry entry);
  /// Merges with what is on disk and writes whole or not at all, if anything was added; a folder that cannot be written to is
  /// no error.
  void save() const;
  /// The file's path; "" when there is no place for it.
  static std::string path();

private:
  std::map<std::string, Entry> entries_;
  bool changed_ = false;
};

} // namespace isamorph::verify
