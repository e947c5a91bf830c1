#include "verify/proof_cache.h"
#include "verify/prover.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace isamorph;
using namespace isamorph::verify;

namespace {

/// A cache of its own under the working folder, for as long as it lives.
class CacheFolder {
public:
  explicit CacheFolder(const std::string &name) : folder_(std::filesystem::current_path() / name) {
    if (const char *old = std::getenv("ISAMORPH_CACHE"))
      old_ = old;
    std::filesystem::remove_all(folder_);
    setenv("ISAMORPH_CACHE", folder_.c_str(), 1);
  }
  CacheFolder(const CacheFolder &) = delete;
  CacheFolder &operator=(const CacheFolder &) = delete;
  ~CacheFolder() {
    std::filesystem::remove_all(folder_);
    old_.empty() ? unsetenv("ISAMORPH_CACHE") : setenv("ISAMORPH_CACHE", old_.c_str(), 1);
  }

private:
  std::filesystem::path folder_;
  std::string old_;
};

std::vector<semantics::RewriteRule> rules(const std::string &text) {
  return semantics::parse_rules(semantics::make_source("test.rules", text));
}

const char *const kSame = "rule same bits {\n  type T  int m\n  %x : T[m]\n  from { ROOT %y = T[m] "
                          "copy(%x) }\n  to { ROOT %x }\n}\n";
const char *const kWrong = "rule same bits {\n  type T  int m\n  %x : T[m]\n  from { ROOT %y = "
                           "T[m] negate(%x) }\n  to { ROOT %x }\n}\n";

} // namespace

TEST_CASE("the cache gives back what was added, and merges with what is on disk") {
  CacheFolder folder("cache-round-trip");
  ProofCache first = ProofCache::load(), second = ProofCache::load();
  CHECK(first.find("a") == nullptr);
  first.add("a", {"rule a", {"lemma 1", "lemma 2"}});
  second.add("b", {"rule b", {}});
  first.save();
  second.save();
  ProofCache both = ProofCache::load();
  REQUIRE(both.find("a"));
  CHECK(both.find("a")->name == "rule a");
  CHECK(both.find("a")->lemmas == std::vector<std::string>{"lemma 1", "lemma 2"});
  CHECK(both.find("b"));
}

TEST_CASE("a damaged cache counts as empty") {
  CacheFolder folder("cache-damaged");
  ProofCache cache;
  cache.add("a", {"rule a", {}});
  cache.save();
  for (const char *text : {"", "{", "[]", "{\"version\": 0, \"proved\": {}}",
                           "{\"version\": 1, \"proved\": {\"a\": 3}}"}) {
    std::ofstream(ProofCache::path()) << text;
    CHECK(ProofCache::load().find("a") == nullptr);
  }
  cache.save();
  CHECK(ProofCache::load().find("a"));
}

TEST_CASE("a folder that cannot be made is no error") {
  CacheFolder folder("cache-unwritable");
  setenv("ISAMORPH_CACHE", "/dev/null/proofs", 1);
  ProofCache cache;
  cache.add("a", {"rule a", {}});
  CHECK_NOTHROW(cache.save());
  CHECK(ProofCache::load().find("a") == nullptr);
}

TEST_CASE("a proof is remembered for its text alone") {
  CacheFolder folder("cache-rules");
  ClaimProof first = prove_rules(rules(kSame), {})[0], again = prove_rules(rules(kSame), {})[0];
  CHECK(first.answer == SmtAnswer::Proved);
  CHECK_FALSE(first.cached);
  CHECK(again.answer == SmtAnswer::Proved);
  CHECK(again.cached);
  ProveOptions afresh;
  afresh.use_cache = false;
  CHECK_FALSE(prove_rules(rules(kSame), afresh)[0].cached);
  // Another rule of the same name is another claim; what was not proved is never remembered as
  // proved.
  for (int time = 0; time < 2; ++time)
    CHECK(prove_rules(rules(kWrong), {})[0].answer != SmtAnswer::Proved);
}
