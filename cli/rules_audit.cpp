// isamorph rules audit: at which levels do equalities between tensor expressions hold?
#include "cli/common.h"

#include "semantics/interrupt_point.h"
#include "semantics/output_files.h"
#include "semantics/source.h"
#include "verify/audit_rules.h"
#include "verify/audit_taso.h"

#include <algorithm>
#include <fmt/format.h>

namespace isamorph::cli {
namespace {

constexpr std::array<verify::Level, 3> kLevels = {verify::Level::Bits, verify::Level::Finite,
                                                  verify::Level::Real};

struct RulesAuditOptions {
  std::vector<std::string> files;
  std::string type = "bf16", numerics = "xla_cpu_ieee", markdown;
  bool no_cache = false, json = false;
  int jobs = 0;
};

semantics::ElementType element_type(const std::string &name) {
  auto type = semantics::element_type(name);
  if (!type || !semantics::is_float(*type))
    throw semantics::InputError("'" + name + "' is no float type; types: f16, bf16, f32, f64");
  return *type;
}

/// Refuses a list of statements LEFT => RIGHT, which are no equalities in TASO's language.
void refuse_statements(const semantics::SourceRef &source) {
  for (const char *arrow : {"=>", "\u21d2"})
    if (std::size_t at = source->text.find(arrow); at != std::string::npos)
      semantics::fail({source, static_cast<std::uint32_t>(at)}, "expected LEFT == RIGHT",
                      "statements with an arrow leave shapes and types open; TensorRight's are "
                      "spelled out as rules in semantics/rules/tensorright.rules: audit that file");
}

std::vector<verify::RuleSubject> subjects(const std::string &file,
                                          const RulesAuditOptions &options) {
  semantics::ElementType type = element_type(options.type);
  semantics::SourceRef source = semantics::read_source(file);
  refuse_statements(source);
  std::vector<verify::RuleSubject> out;
  for (const verify::TasoRule &rule : verify::read_taso_rules(source))
    out.push_back(verify::taso_subject(rule, type));
  if (out.empty())
    throw semantics::InputError(file + ": there is no equality in it");
  return out;
}

Json inputs_json(const verify::RuleWitness &witness) {
  Json out = Json::array();
  for (std::size_t t = 0; t < witness.inputs.size(); ++t) {
    const semantics::Tensor &tensor = witness.inputs[t];
    Json values = Json::array();
    for (std::int64_t i = 0; i < tensor.elements(); ++i)
      values.push_back(semantics::element_text(tensor.shape().type, tensor.bits(i)));
    out.push_back(
        {{"name", witness.names[t]}, {"shape", tensor.shape().to_string()}, {"values", values}});
  }
  return out;
}

Json row_json(const verify::AuditRow &row) {
  Json out = {{"rule", row.rule}}, method, sizes, reach, reason, witness;
  for (verify::Level level : kLevels) {
    std::string name(semantics::name(level));
    const verify::LevelAnswer &answer = row.at(level);
    out[name] = std::string(verify::answer_text(answer.outcome));
    if (!answer.method.empty())
      method[name] = answer.method;
    if (std::string text = verify::sizes_text(answer); !text.empty())
      sizes[name] = text;
    if (!answer.reach.empty())
      reach[name] = answer.reach;
    if (!answer.reason.empty())
      reason[name] = answer.reason;
    if (answer.witness)
      witness[name] = {
          {"inputs", inputs_json(*answer.witness)}, {"nonzero", answer.witness->nonzero_inputs},
          {"smallest", answer.witness->least},      {"element", answer.witness->element},
          {"left", answer.witness->left},           {"right", answer.witness->right}};
  }
  for (auto &[key, value] :
       {std::pair("method", &method), std::pair("sizes", &sizes), std::pair("reach", &reach),
        std::pair("reason", &reason), std::pair("witness", &witness)})
    if (!value->is_null())
      out[key] = *value;
  return out;
}

std::string table_cell(const verify::LevelAnswer &answer) {
  std::string sizes = verify::sizes_text(answer);
  return fmt::format("{}{}{}", verify::answer_text(answer.outcome), sizes.empty() ? "" : ", ",
                     sizes);
}

/// The witness of the weakest level that fails, and why levels are unknown.
void print_remarks(const verify::AuditRow &row) {
  for (verify::Level level : kLevels) {
    const verify::LevelAnswer &answer = row.at(level);
    if (answer.witness &&
        (level == verify::Level::Real || !row.levels[static_cast<std::size_t>(level) + 1].witness))
      fmt::print("    {}: {}\n", semantics::name(level), verify::text(*answer.witness));
    if (!answer.reason.empty())
      fmt::print("    {}: {}\n", semantics::name(level), answer.reason);
  }
}

void print_totals(std::span<const verify::AuditRow> rows) {
  for (verify::Level level : kLevels) {
    std::array<std::size_t, 3> counts = verify::count_outcomes(rows, level);
    auto all = std::count_if(rows.begin(), rows.end(), [&](const verify::AuditRow &row) {
      return verify::sizes_text(row.at(level)) == "all sizes";
    });
    fmt::print("{}: {} hold ({} for all sizes), {} do not, {} unknown\n", semantics::name(level),
               counts[0], all, counts[1], counts[2]);
  }
}

void print_table(std::span<const verify::AuditRow> rows) {
  fmt::print("{:<17} {:<17} {:<17} rule\n", "bits", "finite", "real");
  for (const verify::AuditRow &row : rows) {
    for (verify::Level level : kLevels)
      fmt::print("{:<17} ", table_cell(row.at(level)));
    fmt::print("{}\n", row.rule);
    print_remarks(row);
  }
  print_totals(rows);
}

/// Rows, what JSON adds to each, and what stands above them as Markdown.
struct Audit {
  std::vector<verify::AuditRow> rows;
  std::vector<Json> more;
  verify::AuditHeading heading;
};

Audit audit_taso(const std::string &file, const RulesAuditOptions &options) {
  verify::AuditOptions how;
  how.profile = semantics::numerics_profile(options.numerics);
  how.jobs = options.jobs;
  how.use_cache = !options.no_cache;
  how.interrupt = &interrupted();
  how.progress = show_progress;
  Audit out;
  out.rows = verify::audit_rules(subjects(file, options), how);
  out.more.assign(out.rows.size(), Json::object());
  out.heading = verify::taso_heading(out.rows.size(), how.profile, element_type(options.type));
  return out;
}

Audit audit_rule_file(const std::string &file, const RulesAuditOptions &options) {
  verify::RuleFileOptions how;
  how.profile = semantics::numerics_profile(options.numerics);
  how.jobs = options.jobs;
  how.use_cache = !options.no_cache;
  how.interrupt = &interrupted();
  how.progress = show_progress;
  if (semantics::flushes_somewhere(how.profile))
    throw semantics::InputError("rules are audited under profiles that keep denormals");
  Audit out;
  std::vector<semantics::RewriteRule> rules = rules_of_file(file);
  for (verify::RuleFileRow &row : verify::audit_rule_file(rules, how)) {
    out.more.push_back({{"rule", row.row.rule},
                        {"types", std::string(verify::name(row.types))},
                        {"statement", row.statement},
                        {"lemmas", row.lemmas},
                        {"laws", row.laws},
                        {"seconds", row.seconds}});
    out.rows.push_back(verify::titled_row(row));
  }
  out.heading = verify::rule_file_heading(*semantics::read_source(file), rules.size(), how.profile);
  return out;
}

/// Throws Interrupted: rows that nobody looked at are no answer.
std::vector<Audit> audits_of(const RulesAuditOptions &options) {
  semantics::InterruptScope interruptible(interrupted());
  std::vector<Audit> out;
  try {
    for (const std::string &file : options.files)
      out.push_back(file.ends_with(".rules") ? audit_rule_file(file, options)
                                             : audit_taso(file, options));
  } catch (const semantics::Interrupted &) { // in some evaluation, which says nothing
  }
  clear_progress();
  if (interrupted())
    throw semantics::Interrupted("interrupted");
  return out;
}

int audit(const RulesAuditOptions &options) {
  if (!options.markdown.empty())
    semantics::check_writable(options.markdown, "table");
  std::vector<Audit> audits = audits_of(options);
  Json list = Json::array();
  std::vector<verify::AuditSection> sections;
  for (const Audit &part : audits) {
    for (std::size_t i = 0; options.json && i < part.rows.size(); ++i) {
      list.push_back(row_json(part.rows[i]));
      list.back().update(part.more[i]);
    }
    if (!options.json)
      print_table(part.rows);
    sections.push_back({part.heading, part.rows});
  }
  if (options.json)
    print_json(list);
  if (!options.markdown.empty())
    semantics::write_file_atomically(options.markdown, verify::markdown(sections));
  return kDone;
}

} // namespace

void add_rules_audit(CLI::App &rules, Context &context) {
  CLI::App *command = rules.add_subcommand("audit", "At which levels do equalities hold?");
  auto options = std::make_shared<RulesAuditOptions>();
  command
      ->add_option("FILE", options->files,
                   "Rules (.rules), or TASO's equalities, one a line: LEFT == RIGHT")
      ->required()
      ->expected(1, -1);
  command->add_option("--type", options->type, "Element type of all tensors in TASO's equalities")
      ->type_name("TYPE");
  command->add_option("--numerics", options->numerics, "Numerics profile")->type_name("PROFILE");
  command->add_option("--markdown", options->markdown, "Also write a table as Markdown")
      ->type_name("FILE");
  command->add_flag("--json", options->json, "Print JSON on standard output");
  command->add_flag("--no-cache", options->no_cache, "Believe no earlier proof");
  add_jobs_option(*command, options->jobs);
  command->callback([options, &context] { context.status = audit(*options); });
  command->footer(
      example("  echo 'ewadd(input_1,input_2) == ewadd(input_2,input_1)' > equalities.txt\n"
              "  isamorph rules audit equalities.txt --type f16"));
}

} // namespace isamorph::cli
