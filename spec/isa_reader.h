#pragma once
// Reading .isa text. Private to spec/: others call parse_isa.

#include "spec/isa.h"

#include <map>
#include <set>

namespace isamorph::spec {

using Arguments = std::vector<std::pair<std::string, std::int64_t>>;

/// Reads one ISA file with what it extends and includes. `depth` counts the nesting of files.
class IsaReader {
public:
  IsaReader(semantics::SourceRef source, Arguments arguments, int depth);
  Isa read();

private:
  // isa_reader.cpp: the file, its parameters, buffers, units, numerics.
  void read_header();
  void read_parameters();
  void inherit(const std::string &base, const semantics::Location &where);
  void read_items(bool inside_braces);
  void read_item();
  void include();
  void read_buffer();
  void read_shape_of_buffer(Buffer &buffer);
  void check_size_of_buffer(const Buffer &buffer);
  void read_units();
  void read_state();
  void read_numerics();
  void finish();
  std::int64_t constant(std::string_view what);
  std::string new_name(std::string_view kind);

  // isa_instruction_reader.cpp
  void read_instruction();
  void read_attributes(Instruction &instruction);
  void read_ways(Instruction &instruction);
  Instruction read_way(const Instruction &head);
  bool next_way();
  void read_items_of(Instruction &instruction, bool &has_body);
  void read_instruction_item(Instruction &instruction, bool &has_body);
  void read_condition(Instruction &instruction, bool &has_body);
  void read_updates(Instruction &instruction);
  void skip_block();
  void skip_else_if();
  void only_outside_conditions(std::string_view what);
  void read_read(Instruction &instruction);
  void read_write(Instruction &instruction);
  void read_constraints(Instruction &instruction);
  void read_cost(Instruction &instruction);
  void read_own_template(Instruction &instruction);
  void read_body(Instruction &instruction);
  void refuse_unbuilt_words_in_body();
  void resolve_results(Instruction &instruction);
  void check_write(const Instruction &instruction, std::size_t write);
  Region read_region(const Instruction &instruction);
  void read_steps(const Instruction &instruction, Region &region);
  void check_region(const Region &region) const;
  semantics::IntExpr expression(const Instruction &instruction);

  // isa_assembly_reader.cpp
  void read_assembly();
  void read_types(AssemblySyntax &syntax);
  std::string read_text();
  void check_placeholders(const std::string &text, std::size_t begin, const std::string &what,
                          std::span<const std::string> known);

  bool refuse_unbuilt_word();

  semantics::SourceRef source_;
  semantics::Cursor *cursor_ = nullptr;
  Arguments arguments_;
  int depth_;
  Isa isa_;
  semantics::Location location_;
  semantics::Constants parameters_;
  std::map<std::string, std::string> names_; ///< declared buffers, units, instructions -> kind
  std::set<std::string> inherited_; ///< instructions and assembly blocks that may be replaced
  std::vector<semantics::Location> written_; ///< places of the current instruction's written values
  std::vector<char> choices_;   ///< for each `if` on the way that is read: whether it is taken
  std::size_t conditions_ = 0;  ///< how many were met
  std::size_t inside_ifs_ = 0;  ///< how many are open
  bool has_numerics_ = false;
};

/// Words of the design's section 6 that have no meaning yet.
std::span<const std::string_view> unbuilt_words();

} // namespace isamorph::spec
