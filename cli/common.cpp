#include "cli/common.h"

#include "semantics/source.h"

#include <cstdlib>
#include <fmt/format.h>
#include <iostream>
#include <unistd.h>

namespace isamorph::cli {

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

std::string example(const std::string &commands) { return "Example:\n" + commands; }

} // namespace isamorph::cli
