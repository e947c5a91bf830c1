// Live ranges in CSV: the problem is well-formed, and printed with places it has the same items.
#include "search/allocation_csv.h"
#include "tests/fuzz/readers.h"

namespace isamorph::fuzz {
namespace {

/// The text without its last column, the offsets.
std::string without_offsets(const std::string &text) {
  std::string out;
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = text.find('\n', begin);
    std::string line = text.substr(begin, end - begin);
    out += line.substr(0, line.rfind(',')) + "\n";
    begin = end + 1;
  }
  return out;
}

bool equal(const search::AllocationItem &a, const search::AllocationItem &b) {
  return a.id == b.id && a.live == b.live && a.size == b.size && a.alignment == b.alignment;
}

} // namespace

void allocation(const semantics::SourceRef &source) {
  search::AllocationProblem problem = search::parse_allocation_csv(source, 100);
  search::check_problem(problem);
  std::vector<search::Place> places(problem.items.size());
  search::AllocationProblem again =
      read_printed(without_offsets(search::print_allocation_csv(problem, places)),
                   [](const auto &s) { return search::parse_allocation_csv(s, 100); });
  require(std::equal(problem.items.begin(), problem.items.end(), again.items.begin(),
                     again.items.end(), equal),
          "the printed items are others");
}

} // namespace isamorph::fuzz
