// Reads a program and an ISA with the installed libraries.
#include "semantics/hlo.h"
#include "spec/isa.h"

#include <iostream>

int main(int argc, char **argv) {
  using namespace isamorph;
  if (argc != 3)
    return 2;
  semantics::TensorGraph graph = semantics::parse_hlo(semantics::read_source(argv[1]));
  spec::Isa isa = spec::load_isa(argv[2]);
  std::cout << graph.name << ": " << graph.parameters.size() << " parameters; " << isa.name << ": "
            << isa.instructions.size() << " instructions\n";
}
