#include "cli/common.h"

#include "semantics/source.h"

#include <charconv>
#include <cstdlib>
#include <fmt/format.h>
#include <iostream>
#include <unistd.h>

namespace isamorph::cli {

namespace {

constexpr std::uint64_t kMostJobs = 4096;

} // namespace

void print_json(const Json &json) {
  std::string text = json.dump(2);
  Answering answering;
  std::cout << text << '\n' << std::flush;
}

bool stderr_is_terminal() { return isatty(STDERR_FILENO) != 0; }

std::string bold_red(const std::string &text) {
  return stderr_is_terminal() && !std::getenv("NO_COLOR") ? "\033[1;31m" + text + "\033[0m" : text;
}

void show_progress(const std::string &line) {
  if (stderr_is_terminal())
    std::cerr << "\r\033[K" << line << std::flush;
}

void clear_progress() {
  if (stderr_is_terminal())
    std::cerr << "\r\033[K" << std::flush;
}

void Stopwatch::start(const std::string &name) {
  stop();
  running_ = name;
  since_ = Clock::now();
}

void Stopwatch::stop() {
  if (!running_.empty())
    stages_.emplace_back(std::exchange(running_, {}),
                         std::chrono::duration<double>(Clock::now() - since_).count());
}

double Stopwatch::total() const {
  return std::chrono::duration<double>(Clock::now() - created_).count();
}

Json Stopwatch::json() const {
  Json out = Json::object();
  for (const auto &[name, seconds] : stages_)
    out[name] = (out.contains(name) ? out[name].get<double>() : 0.0) + seconds;
  out["total"] = total();
  return out;
}

std::vector<semantics::RewriteRule> rules_of_file(const std::string &path) {
  std::vector<semantics::RewriteRule> rules = semantics::parse_rules(semantics::read_source(path));
  if (rules.empty())
    throw semantics::InputError(path + ": there is no rule in it");
  return rules;
}

std::string shell_word(const std::string &text) {
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
      "_@%+=:,./-";
  if (!text.empty() && text.find_first_not_of(plain) == std::string::npos)
    return text;
  std::string out = "'";
  for (char c : text)
    out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

CLI::Validator not_negative() {
  return CLI::Validator(
      [](std::string &text) {
        char *end = nullptr;
        double value = std::strtod(text.c_str(), &end);
        bool good = !text.empty() && *end == '\0' && value >= 0;
        return good ? std::string()
                    : "expected a number that is not negative, found '" + text + "'";
      },
      "");
}

CLI::Validator whole_number(std::uint64_t largest, std::uint64_t least) {
  return CLI::Validator(
      [largest, least](std::string &text) {
        std::uint64_t value = 0;
        auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        bool digits = !text.empty() && end == text.data() + text.size();
        if (digits && error == std::errc() && value >= least && value <= largest)
          return std::string();
        bool large = digits && (error != std::errc() || value > largest);
        return fmt::format("expected a whole number from {}{}, found '{}'", least,
                           large ? fmt::format(" to {}", largest) : "", text);
      },
      "");
}

void add_jobs_option(CLI::App &app, int &jobs) {
  app.add_option("--jobs", jobs, "Threads (0: one a core); the result is the same for every number")
      ->type_name("N")
      ->check(whole_number(kMostJobs))
      ->capture_default_str();
}

std::string example(const std::string &commands) { return "Example:\n" + commands; }

} // namespace isamorph::cli
