#include "verify/checker/checker.h"

#include "semantics/hlo.h"
#include "spec/unroll.h"
#include "verify/checker/digest.h"
#include "verify/checker/execution.h"
#include "verify/checker/induction.h"
#include "verify/checker/integer_forms.h"
#include "verify/checker/lemmas.h"
#include "verify/checker/levels.h"
#include "verify/checker/optimality_checker.h"
#include "verify/checker/rewrite_checker.h"
#include "verify/checker/statement.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

namespace isamorph::verify {
namespace {

using semantics::InputError;
using semantics::Level;

/// An embedded text whose digest fits.
semantics::SourceRef embedded(const Part &part) {
  part.only({"text", "sha256"});
  const std::string &text = part.at("text").text();
  if (sha256(text) != part.at("sha256").text())
    part.at("sha256").refuse("the digest does not fit the text");
  return semantics::make_source("<certificate: " + part.path() + ">", text);
}

/// Reads an embedded text; a mistake in it refuses the certificate.
template <class Read> auto read_embedded(const Part &part, Read read) {
  semantics::SourceRef source = embedded(part);
  try {
    return read(source);
  } catch (const InputError &error) {
    part.refuse(error.what());
  }
}

/// What the embedded texts say.
struct Subject {
  semantics::TensorGraph graph;
  spec::Isa isa;
  spec::Kernel kernel;
  Level level = Level::Bits;
  std::vector<std::uint32_t> induction; ///< loops of the kernel
};

Subject read_subject(const Part &root) {
  Subject out;
  out.graph = read_embedded(root.at("program"),
                            [](const auto &source) { return semantics::parse_hlo(source); });
  out.isa =
      read_embedded(root.at("isa"), [](const auto &source) { return spec::parse_isa(source); });
  out.kernel = read_embedded(root.at("kernel"), [&](const auto &source) {
    spec::Kernel kernel = spec::parse_kernel(source, out.isa);
    check_interface(kernel, out.graph);
    return kernel;
  });
  return out;
}

Level level_of(const Part &part) {
  auto level = semantics::level(part.text());
  if (!level)
    part.refuse("'" + part.text() + "' is no level of equivalence");
  return *level;
}

/// The loops over which the proof goes by induction, ascending.
std::vector<std::uint32_t> loops_of(const Part &part, const spec::Kernel &kernel) {
  std::vector<std::uint32_t> out;
  for (const Part &element : part.elements()) {
    std::int64_t loop = element.integer();
    if (loop < 0 || loop >= static_cast<std::int64_t>(kernel.loops.size()))
      element.refuse(fmt::format("the kernel has {} loops", kernel.loops.size()));
    if (!out.empty() && loop <= out.back())
      element.refuse("loops are listed in ascending order");
    out.push_back(static_cast<std::uint32_t>(loop));
  }
  if (out.empty())
    part.refuse("induction goes over no loop");
  return out;
}

void check_claim(const Part &claim, Subject &subject) {
  claim.only({"verdict", "level", "reach", "profile", "induction"});
  if (claim.at("verdict").text() != "equivalent")
    claim.at("verdict").refuse("the claim is not 'equivalent'");
  subject.level = level_of(claim.at("level"));
  std::string words = reach(subject.graph, subject.level);
  if (claim.at("reach").text() != words)
    claim.at("reach").refuse("the proof reaches '" + words + "'");
  if (claim.at("profile").text() != subject.isa.numerics.name)
    claim.at("profile").refuse("the ISA's numerics profile is '" + subject.isa.numerics.name + "'");
  if (claim.has("induction"))
    subject.induction = loops_of(claim.at("induction"), subject.kernel);
}

/// The options must be such that they can have led to the claim.
void check_options(const Part &root, const Subject &subject) {
  const Part options = root.at("options");
  options.only({"level", "model", "time_limit_ms"});
  Level asked = level_of(options.at("level"));
  if (!semantics::implies(subject.level, asked))
    options.at("level").refuse("the claim's level is weaker than the one that was asked for");
  if (options.has("time_limit_ms") && options.at("time_limit_ms").integer() < 0)
    options.at("time_limit_ms").refuse("a time limit is not negative");
  if (options.has("model") != root.has("optimality"))
    options.refuse("a cost model is chosen exactly when $.optimality bounds the cost");
  if (options.has("model") &&
      options.at("model").text() != root.at("optimality").at("model").text())
    options.at("model").refuse("$.optimality.model is another");
}

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
  if (result.answer != SmtAnswer::Proved)
    part.refuse(
        fmt::format("the solver does not prove '{}': {}", expected.name,
                    result.answer == SmtAnswer::Refuted ? "it is satisfiable" : result.detail));
}

std::set<std::string> check_lemmas(const Part &lemmas, const CheckOptions &options,
                                   CheckReport &report) {
  std::set<std::string> listed;
  for (const Part &lemma : lemmas.elements()) {
    lemma.only({"name", "method", "obligations"});
    const std::string &name = lemma.at("name").text();
    auto expected = lemma_obligations(name);
    if (!expected)
      lemma.at("name").refuse("unknown lemma '" + name + "'");
    if (!listed.insert(name).second)
      lemma.at("name").refuse("lemma '" + name + "' is listed twice");
    if (lemma.at("method").text() != "smt")
      lemma.at("method").refuse("unknown method '" + lemma.at("method").text() + "'");
    std::vector<Part> obligations = lemma.at("obligations").elements();
    if (obligations.size() != expected->size())
      lemma.at("obligations")
          .refuse(fmt::format("lemma '{}' has {} obligations, not {}", name, expected->size(),
                              obligations.size()));
    for (std::size_t i = 0; i < obligations.size(); ++i)
      check_obligation(obligations[i], (*expected)[i], options);
    report.steps.push_back(
        fmt::format("lemma {}: {} obligations proved", name, obligations.size()));
  }
  return listed;
}

/// Elements of both sides that must be equal: all, or those of a generic iteration.
std::vector<GenericResult> execute_both(Values &values, const Subject &subject) {
  if (!subject.induction.empty())
    return run_generic(values, subject.graph, subject.kernel, subject.isa, subject.induction);
  std::vector<ValueTensor> inputs = input_values(values, subject.graph);
  std::vector<ValueTensor> expected = run(values, subject.graph, inputs),
                           actual = run(values, subject.kernel, subject.isa, inputs);
  std::vector<GenericResult> out;
  for (std::size_t t = 0; t < expected.size(); ++t)
    for (std::size_t i = 0; i < expected[t].size(); ++i)
      out.push_back({t, expected[t][i], actual.at(t).at(i)});
  return out;
}

/// " of a generic iteration over i, j"
std::string iteration_words(const Subject &subject) {
  std::string names;
  for (const std::string &name : spec::variables_of(subject.kernel, subject.induction))
    names += (names.empty() ? " of a generic iteration over " : ", ") + name;
  return names;
}

/// Both sides executed anew, using listed lemmas only; every listed one must have been of use.
void check_equality(const Part &root, const Subject &subject, const std::set<std::string> &listed,
                    CheckReport &report) {
  Values values(subject.isa.numerics, listed);
  std::vector<GenericResult> results = execute_both(values, subject);
  std::set<ValueId> asked;
  for (const GenericResult &r : results)
    if (r.program != r.kernel)
      asked.insert({r.program, r.kernel});
  std::optional<IntegerForms> integers;
  if (!asked.empty())
    integers.emplace(values, asked);
  std::optional<LevelForms> forms;
  if (subject.level != Level::Bits)
    forms.emplace(values, subject.level);
  auto equal = [&](ValueId a, ValueId b) {
    if (a == b)
      return true;
    ValueId x = integers->form(a), y = integers->form(b);
    return x == y || (forms && forms->equal(x, y));
  };
  std::size_t number = 0, output = 0; // of the element, within its output
  for (const GenericResult &r : results) {
    number = r.output == output ? number : 0;
    output = r.output;
    if (!equal(r.program, r.kernel))
      root.at("claim").refuse(fmt::format(
          "program and kernel do not compute the same at {} by the listed lemmas: element {} of "
          "output {}{} differs",
          semantics::name(subject.level), number, output, iteration_words(subject)));
    ++number;
  }
  for (const std::string &lemma : listed)
    if (!values.used().count(lemma))
      root.at("lemmas").refuse("the proof has no use for lemma '" + lemma + "'");
  report.steps.push_back(fmt::format(
      "program and kernel executed again: {} values, each of {} output elements{} equal at {}",
      values.size(), results.size(), iteration_words(subject), semantics::name(subject.level)));
}

/// The digest of everything else, with keys sorted and no white space between.
void check_digest(const Part &root) {
  nlohmann::json rest = root.json();
  rest.erase("sha256");
  if (sha256(rest.dump()) != root.at("sha256").text())
    root.at("sha256").refuse("the digest does not fit the certificate");
}

void check_version(const Part &root, int known) {
  std::int64_t version = root.at("version").integer();
  if (version != known)
    root.at("version").refuse(
        fmt::format("this isamorph reads version {}, not version {}", known, version));
}

void check_kernel_certificate(const Part &root, const CheckOptions &options, CheckReport &report) {
  check_version(root, kCertificateVersion);
  root.only({"format", "version", "tool", "options", "program", "isa", "kernel", "claim", "lemmas",
             "optimality", "sha256"});
  const Part tool = root.at("tool");
  tool.only({"name", "version"});
  tool.at("name").text();
  tool.at("version").text();
  Subject subject = read_subject(root);
  report.steps.push_back(fmt::format(
      "program, ISA {} and kernel of {} instructions read; the kernel breaks no rule of the ISA",
      subject.isa.name, subject.kernel.instructions.size()));
  check_claim(root.at("claim"), subject);
  report.level = semantics::name(subject.level);
  check_options(root, subject);
  std::set<std::string> listed = check_lemmas(root.at("lemmas"), options, report);
  check_equality(root, subject, listed, report);
  if (root.has("optimality")) {
    OptimalityFinding found = check_optimality(root.at("optimality"), subject.kernel, subject.isa);
    report.has_bound = true;
    report.cost = found.cost;
    report.bound = found.bound;
    report.steps.push_back(fmt::format(
        "{} landmarks: each unavoidable in the placement graph, together {} of the kernel's {} {}",
        found.landmarks, found.bound, found.cost, found.model));
  }
  check_digest(root);
}

} // namespace

CheckReport check_certificate(const semantics::SourceRef &source, const CheckOptions &options) {
  nlohmann::json json = parse_json(source);
  Part root(json, source);
  CheckReport report;
  try {
    const std::string &format = root.at("format").text();
    if (format == "isamorph certificate") {
      check_kernel_certificate(root, options, report);
    } else if (format == "isamorph rewrite proof") {
      check_version(root, kRewriteProofVersion);
      check_rewrite_proofs(root, report);
    } else {
      root.at("format").refuse("'" + format + "' is no format that isamorph checks");
    }
    report.accepted = true;
  } catch (const Refused &refused) {
    report.reason = refused.reason;
  }
  return report;
}

} // namespace isamorph::verify
