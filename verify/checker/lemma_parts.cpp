#include "verify/checker/lemma_parts.h"

#include "verify/checker/digest.h"
#include "verify/checker/lemmas.h"

#include <filesystem>
#include <fmt/format.h>

namespace isamorph::verify {
namespace {

/// An obligation's file, if it is there, says what the certificate says.
void check_file(const Part &part, const std::string &smtlib, const std::string &folder) {
  const std::string &name = part.at("file").text();
  std::filesystem::path path(name);
  if (path.filename() != path || path.extension() != ".smt2")
    part.at("file").refuse("'" + name + "' is no name of an .smt2 file");
  std::error_code ignored;
  std::filesystem::path file = std::filesystem::path(folder) / path;
  if (!folder.empty() && std::filesystem::exists(file, ignored) &&
      semantics::read_source(file.string())->text != smtlib)
    part.at("file").refuse(file.string() + " is not the obligation of the certificate");
}

} // namespace

semantics::SourceRef embedded(const Part &part) {
  const std::string &text = part.at("text").text();
  if (sha256(text) != part.at("sha256").text())
    part.at("sha256").refuse("the digest does not fit the text");
  return semantics::make_source("<certificate: " + part.path() + ">", text);
}

void check_obligation(const Part &part, const Obligation &expected, const CheckOptions &options) {
  part.only({"name", "file", "smtlib", "sha256"});
  if (part.at("name").text() != expected.name)
    part.at("name").refuse("the lemma's obligation is '" + expected.name + "'");
  if (part.at("smtlib").text() != expected.smtlib)
    part.at("smtlib").refuse("the obligation is not what the lemma says");
  if (part.at("sha256").text() != sha256(expected.smtlib))
    part.at("sha256").refuse("the digest does not fit the obligation");
  check_file(part, expected.smtlib, options.obligations_folder);
  if (!options.solver)
    part.refuse("no solver was given");
  SmtResult result = options.solver(expected);
  std::string what = fmt::format("the solver does not prove '{}': ", expected.name);
  if (result.answer == SmtAnswer::Refuted)
    part.refuse(what + "it is satisfiable");
  if (result.answer == SmtAnswer::Unknown)
    part.leave_undecided(what + result.detail);
}

void check_obligations(const Part &list, std::span<const Obligation> expected,
                       const std::string &of, const CheckOptions &options) {
  std::vector<Part> parts = list.elements();
  if (parts.size() != expected.size())
    list.refuse(fmt::format("{} has {} obligations, not {}", of, expected.size(), parts.size()));
  for (std::size_t i = 0; i < parts.size(); ++i)
    check_obligation(parts[i], expected[i], options);
}

std::set<std::string> check_lemmas(const Part &lemmas, const CheckOptions &options,
                                   CheckReport &report) {
  std::set<std::string> listed;
  for (const Part &lemma : lemmas.elements()) {
    lemma.only({"name", "method", "obligations"});
    const std::string &name = lemma.at("name").text();
    bool law = is_law(name);
    auto expected = law ? std::vector<Obligation>{} : lemma_obligations(name);
    if (!expected)
      lemma.at("name").refuse("unknown lemma '" + name + "'");
    if (!listed.insert(name).second)
      lemma.at("name").refuse("lemma '" + name + "' is listed twice");
    if (lemma.at("method").text() != (law ? "law" : "smt"))
      lemma.at("method").refuse("unknown method '" + lemma.at("method").text() + "'");
    check_obligations(lemma.at("obligations"), *expected, "lemma '" + name + "'", options);
    if (law)
      report.steps.push_back(fmt::format("law {}: taken for granted", name));
    else
      report.steps.push_back(
          fmt::format("lemma {}: {} obligations proved", name, expected->size()));
  }
  return listed;
}

} // namespace isamorph::verify
