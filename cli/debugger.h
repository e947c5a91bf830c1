#pragma once
// What `isamorph run` shows of a kernel while it runs: breaks, dumps, watched places, traps on NaN
// and infinity, and the first result that belongs to no value of a graph.

#include "cli/common.h"
#include "cli/written.h"

#include "sim/graph_values.h"
#include "sim/observer.h"
#include "spec/state.h"

#include <optional>
#include <variant>

namespace isamorph::cli {

struct DebugOptions {
  std::string break_at;             ///< an instruction's name, or the number of an execution
  std::vector<std::string> dumps;   ///< PLACE[@N][=FILE], PLACE a state variable's name too
  std::vector<std::string> watches; ///< PLACE
  std::vector<std::string> traps;   ///< nan, inf
  std::string diff;                 ///< a graph

  bool any() const {
    return !break_at.empty() || !dumps.empty() || !watches.empty() || !traps.empty() ||
           !diff.empty();
  }
};
void add_debug_options(CLI::App &app, DebugOptions &options);

/// Prints what happens, or collects it for --json.
class Debugger : public sim::Observer {
public:
  /// Throws InputError on a place, an instruction or a graph that does not fit.
  Debugger(const DebugOptions &options, const spec::Isa &isa, const spec::Kernel &kernel,
           std::span<const semantics::Tensor> inputs, bool json);

  bool before(const sim::Execution &execution) override;
  bool after(const sim::Execution &execution) override;

  /// kDifferent when a trap or a difference ended the run, else kDone.
  int status() const { return status_; }
  /// {"events": [...], "stopped_at": N}; the latter when the run was ended.
  Json json() const;

private:
  struct StateVariable {
    std::uint32_t index; ///< into Isa::state
  };
  using Place = std::variant<spec::ConcreteRegion, StateVariable>;
  struct Dump {
    Place place;
    std::optional<WrittenPlaces> written; ///< of a region
    std::size_t after = 0;                ///< a number of executions; 0: at the break or the end
    std::string file;                     ///< empty: to the terminal
  };
  struct Watched {
    Place place;
    std::optional<WrittenPlaces> written; ///< of a region
    std::optional<semantics::Tensor> last;
  };
  struct Write {
    spec::ConcreteRegion region;
    semantics::Tensor value;
  };

  Place parse_place(semantics::Cursor &cursor) const;
  std::optional<WrittenPlaces> nothing_written(const Place &place) const;
  void mark_written(const sim::Execution &execution);
  semantics::Tensor read(StateVariable variable) const;
  semantics::Tensor read(const Place &place, const sim::Machine &machine) const;
  std::string text(const Place &place) const;
  Dump parse_dump(const std::string &text) const;
  void parse_break(const std::string &text);
  [[noreturn]] void fail_at_number(const semantics::Location &where) const;
  bool breaks_at(const sim::Execution &execution) const;
  std::vector<Write> writes(const sim::Execution &execution) const;
  std::string describe(const sim::Execution &execution) const;
  std::string where(const sim::Execution &execution) const;
  void stop(const sim::Execution &execution, int status);
  void show(const Dump &dump, const sim::Machine &machine);
  void report(const std::string &kind, const std::string &text, Json details);

  void show_watched(const sim::Execution &execution);
  bool trap(const sim::Execution &execution, const Write &write);
  bool diff(const sim::Execution &execution, const Write &write);
  bool diff_outputs(const sim::Execution &execution);

  const spec::Isa &isa_;
  const spec::Kernel &kernel_;
  bool json_output_;
  std::optional<spec::Control> control_;    ///< of ISAs with state
  std::optional<spec::Control::Step> step_; ///< the one that runs
  std::optional<std::size_t> break_number_;
  std::string break_name_;
  std::vector<Dump> dumps_;
  std::vector<Watched> watched_;
  bool trap_nan_ = false, trap_infinity_ = false;
  std::optional<sim::GraphValues> values_;
  std::vector<semantics::Tensor> results_; ///< of the graph
  Json events_ = Json::array();
  std::size_t total_;
  std::optional<std::size_t> stopped_at_;
  int status_ = kDone;
};

} // namespace isamorph::cli
