// The isamorph command: subcommands, errors, exit statuses.
#include "cli/common.h"

#include "semantics/interrupt_point.h"
#include "semantics/source.h"

#include <algorithm>
#include <iostream>
#include <new>

namespace {

/// Names the first word that should be a subcommand and is none; false if there is no such word.
bool refuse_unknown_command(const CLI::App *app, int argc, char **argv) {
  using namespace isamorph;
  std::vector<std::string> known;
  for (const CLI::App *command : app->get_subcommands([](const CLI::App *) { return true; }))
    known.push_back(command->get_name());
  if (known.empty() || argc < 2 || argv[1][0] == '-')
    return false;
  std::string word = argv[1];
  if (std::find(known.begin(), known.end(), word) != known.end())
    return refuse_unknown_command(app->get_subcommand(word), argc - 1, argv + 1);
  std::string nearest = semantics::suggest(word, known);
  std::cerr << cli::bold_red("error: ") << "unknown command '" << word << "'; "
            << (nearest.empty() ? "commands: " + semantics::join(known) : nearest) << '\n';
  return true;
}

} // namespace

int main(int argc, char **argv) {
  using namespace isamorph;
  cli::install_interrupt_handler(argc, argv);
  CLI::App app{"isamorph: the cheapest kernel for a tensor program on an accelerator, with a proof",
               "isamorph"};
  app.set_version_flag("--version", "isamorph " ISAMORPH_VERSION);
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Help of every subcommand");
  cli::Context context;
  cli::add_synth(app, context);
  cli::add_verify(app, context);
  cli::add_run(app, context);
  cli::add_eval(app, context);
  cli::add_cost(app, context);
  cli::add_check(app, context);
  cli::add_isa(app, context);
  cli::add_rules(app, context);
  cli::add_numerics(app, context);
  cli::add_egraph(app, context);
  cli::add_allocate(app, context);
  app.footer(cli::example("  isamorph synth corpus/qkv/attention.hlo --isa qkv -o attention.py "
                          "--certificate proof.json\n"
                          "  isamorph check proof.json"));
  app.failure_message([](const CLI::App *, const CLI::Error &error) {
    return cli::bold_red("error: ") + error.what() +
           "\nRun with --help or --help-all for more information.\n";
  });
  try {
    app.parse(argc, argv);
    cli::finish_at_leisure();
  } catch (const CLI::ParseError &error) {
    if (refuse_unknown_command(&app, argc, argv))
      return cli::kBadInput;
    int status = app.exit(error);
    return status == 0 ? cli::kDone : cli::kBadInput;
  } catch (const semantics::InputError &error) {
    cli::clear_progress();
    std::cerr << (error.line() ? "" : cli::bold_red("error: ")) << error.what() << '\n';
    return cli::kBadInput;
  } catch (const semantics::Interrupted &stopped) {
    cli::clear_progress();
    return cli::report_interrupted(stopped.what());
  } catch (const std::bad_alloc &) {
    cli::clear_progress();
    std::cerr << cli::bold_red("error: ") << "out of memory\n";
    return cli::kUnknown;
  } catch (const std::exception &error) {
    cli::clear_progress();
    std::cerr
        << cli::bold_red("internal error: ") << error.what()
        << "\nThis is a mistake of isamorph; please report it with the command and its input.\n";
    return cli::kInternalError;
  }
  return context.status;
}
