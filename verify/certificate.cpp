#include "verify/certificate.h"

#include "semantics/hlo.h"
#include "semantics/output_files.h"
#include "verify/chain_json.h"
#include "verify/checker/checker.h"
#include "verify/checker/digest.h"

#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace isamorph::verify {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr double kLongestLimit = 1e12; ///< seconds; more is as good as none

Json options_json(const CertificateOptions &options, const OptimalityClaim *optimality,
                  const BoundsClaim *bounds) {
  Json out = {{"level", std::string(semantics::name(options.level))}};
  if (optimality || bounds)
    out["model"] = optimality ? optimality->model : bounds->model;
  out["time_limit_ms"] = std::llround(std::min(options.time_limit_seconds, kLongestLimit) * 1000);
  return out;
}

Json optimality_json(const OptimalityClaim &claim) {
  Json actions = Json::array(), landmarks = Json::array();
  for (const auto &a : claim.actions)
    actions.push_back({{"name", a.name}, {"needs", a.needs}, {"adds", a.adds}, {"cost", a.cost}});
  for (const auto &l : claim.landmarks)
    landmarks.push_back({{"actions", l.actions}, {"weight", l.weight}});
  Json out = {{"model", claim.model}};
  if (!claim.unit.empty())
    out["unit"] = claim.unit;
  out["cost"] = claim.cost;
  out["bound"] = claim.bound;
  out["landmark_bound"] = claim.landmark_bound;
  if (!claim.saturation.empty())
    out["saturation"] = claim.saturation;
  out["facts"] = claim.facts;
  out["actions"] = actions;
  out["initial"] = claim.initial;
  out["goal"] = claim.goal;
  out["landmarks"] = landmarks;
  return out;
}

Json bounds_json(const BoundsClaim &claim) {
  return {{"model", claim.model},
          {"cost", claim.cost},
          {"cost_bound", claim.cost_bound},
          {"bytes", claim.bytes},
          {"bytes_bound", claim.bytes_bound},
          {"work",
           {{"loaded", claim.loaded},
            {"stored", claim.stored},
            {"moved", claim.moved},
            {"multiplied", claim.multiplied}}}};
}

/// The obligations' folder, written under another name and renamed when the certificate is there;
/// what was written disappears if it is not.
class ObligationFiles {
public:
  explicit ObligationFiles(std::string folder)
      : folder_(std::move(folder)), temporary_(folder_ + fmt::format(".tmp{}", getpid())) {}
  ~ObligationFiles() { remove_files(temporary_); }
  ObligationFiles(const ObligationFiles &) = delete;

  void write(const Json &certificate) {
    for (const Json &obligation : all_obligations(certificate)) {
      std::error_code error;
      fs::create_directory(temporary_, error);
      semantics::write_file_atomically(
          (fs::path(temporary_) / obligation.at("file").get<std::string>()).string(),
          obligation.at("smtlib").get<std::string>());
    }
  }

  void keep() {
    if (folder_.empty())
      return;
    remove_files(folder_);
    std::error_code error;
    if (fs::exists(temporary_, error))
      fs::rename(temporary_, folder_, error);
    if (error)
      throw semantics::InputError(folder_ + ": cannot be written: " + error.message());
  }

private:
  /// Removes obligations, and the folder if it holds nothing else.
  static void remove_files(const std::string &folder) {
    std::error_code ignored;
    std::vector<fs::path> files;
    for (const auto &entry : fs::directory_iterator(folder, ignored))
      if (entry.path().extension() == ".smt2")
        files.push_back(entry.path());
    for (const fs::path &file : files)
      fs::remove(file, ignored);
    if (!folder.empty() && fs::is_directory(folder, ignored))
      fs::remove(folder, ignored); // fails where something else is in it
  }

  std::string folder_, temporary_;
};

} // namespace

std::string make_certificate(const spec::Kernel &kernel, const spec::Isa &isa,
                             const semantics::TensorGraph &graph, const Verdict &verdict,
                             const OptimalityClaim *optimality, const CertificateOptions &options,
                             const ChainClaim *chain, const BoundsClaim *bounds) {
  LemmaPrinter lemmas;
  Json json = {{"format", "isamorph certificate"},
               {"version", kCertificateVersion},
               {"tool", {{"name", "isamorph"}, {"version", ISAMORPH_VERSION}}},
               {"options", options_json(options, optimality, bounds)},
               {"program", text_json(semantics::print_hlo(graph))},
               {"isa", text_json(spec::print_isa(isa))},
               {"profile", text_json(semantics::print_numerics(isa.numerics))},
               {"kernel", text_json(spec::print_kernel(kernel, isa, "asm"))},
               {"claim",
                {{"verdict", std::string(name(verdict.outcome))},
                 {"level", std::string(semantics::name(verdict.level))},
                 {"reach", verdict.reach},
                 {"profile", isa.numerics.name}}},
               {"lemmas", lemmas.lemmas(verdict.lemmas)}};
  if (!verdict.induction.empty())
    json["claim"]["induction"] = verdict.induction;
  if (chain && !chain->absent.empty())
    json["chain_absent"] = chain->absent;
  else if (chain)
    json["chain"] = chain_json(*chain, lemmas);
  if (optimality)
    json["optimality"] = optimality_json(*optimality);
  if (bounds)
    json["bounds"] = bounds_json(*bounds);
  json["sha256"] = sha256(nlohmann::json(json).dump());
  return json.dump(1) + "\n";
}

RuleProof rule_proof(const semantics::RewriteRule &rule) {
  ProveOptions options;
  options.use_cache = false;
  ClaimProof proof = prove_rule(rule, options);
  if (proof.answer != SmtAnswer::Proved)
    return {};
  return {proof.obligations, proof.lemmas, proof.laws};
}

std::string obligations_folder(const std::string &certificate_path) {
  return fs::path(certificate_path).replace_extension(".obligations").string();
}

void write_certificate(const std::string &path, const std::string &text) {
  semantics::check_writable(path, "certificate");
  std::error_code ignored;
  bool plain = !fs::exists(path, ignored) || fs::is_regular_file(path, ignored);
  ObligationFiles files(plain ? obligations_folder(path) : std::string());
  if (plain)
    files.write(Json::parse(text));
  semantics::write_file_atomically(path, text);
  files.keep();
}

} // namespace isamorph::verify
