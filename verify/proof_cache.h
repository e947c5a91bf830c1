#pragma once
// Claims that were proved before, or tried in vain, on disk (see prover.h for where and why they
// may be believed).

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
  /// The longest time-out with which a claim was tried and not proved; 0 when never.
  unsigned tried(const std::string &key) const;
  void add_tried(const std::string &key, unsigned timeout_ms);
  void add(const std::string &key, Entry entry);
  /// Merges with what is on disk and writes whole or not at all, if anything was added; a folder
  /// that cannot be written to is no error.
  void save() const;
  /// The file's path; "" when there is no place for it.
  static std::string path();

private:
  std::map<std::string, Entry> entries_;
  std::map<std::string, unsigned> tried_;
  bool changed_ = false;
};

} // namespace isamorph::verify
