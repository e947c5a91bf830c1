// The floors of the project and what code may not know: on the real tree, and on small trees that
// break each rule.
#include "tests/include_graph/source_tree.h"

#include "semantics/op.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace {

using namespace isamorph;
using namespace isamorph::source_tree;

Tree tree_of(const std::map<std::string, std::string> &texts) {
  Tree tree;
  for (const auto &[path, text] : texts)
    tree[path] = parse_source(text);
  return tree;
}

std::vector<std::string> folders() {
  std::vector<std::string> names;
  for (const auto &[name, floor] : floors())
    names.push_back(name);
  return names;
}

const Tree &project() {
  static const Tree tree = read_tree(ISAMORPH_SOURCE_DIR, folders());
  return tree;
}

std::set<std::string> shipped_names() {
  std::set<std::string> names;
  for (const auto &entry : std::filesystem::directory_iterator(ISAMORPH_SOURCE_DIR "/spec/isa")) {
    std::ifstream stream(entry.path());
    std::stringstream text;
    text << stream.rdbuf();
    names.merge(names_of_isa(text.str()));
  }
  // An operation of tensor graphs may share its name with an instruction: code then means the
  // operation.
  for (const std::string &operation : semantics::op_names())
    names.erase(operation);
  for (const char *word : {"read", "write", "matmul"}) // tpuv1 has instructions of these names
    names.erase(word);
  return names;
}

void require_none(const Complaints &complaints) {
  std::string all;
  for (const std::string &complaint : complaints)
    all += "\n  " + complaint;
  INFO(all);
  CHECK(complaints.empty());
}

TEST_CASE("includes run downward only") {
  REQUIRE(project().size() > 20);
  require_none(upward_includes(project()));
}

TEST_CASE("public headers show no third-party library") {
  require_none(leaking_headers(project()));
}

TEST_CASE("the checker shares no code with the search or with what finds proofs") {
  REQUIRE(project().count("verify/checker/checker.cpp"));
  require_none(checker_dependences(project()));
}

TEST_CASE("the checker's library links no solver") {
  std::ifstream stream(ISAMORPH_SOURCE_DIR "/verify/checker/CMakeLists.txt");
  std::stringstream text;
  text << stream.rdbuf();
  REQUIRE(text.str().find("isamorph_library(checker") != std::string::npos);
  for (const char *library : {"z3", "TBB", "isamorph_verify", "isamorph_search", "isamorph_sim"})
    CHECK(text.str().find(library) == std::string::npos);
}

TEST_CASE("no code names a shipped ISA or instruction") {
  REQUIRE(shipped_names().size() > 5);
  require_none(named_accelerators(project(), shipped_names()));
}

TEST_CASE("the solver's fused multiply-add is not used") { require_none(solver_fma(project())); }

TEST_CASE("no two files define types of one name in one namespace") {
  Tree tree = project();
  tree.merge(read_tree(ISAMORPH_SOURCE_DIR, {"tests"}));
  require_none(repeated_types(tree));
}

TEST_CASE("the result of every property is required") {
  // rc::check prints a counterexample and returns false, which Catch does not see by itself.
  int properties = 0;
  for (const auto &entry :
       std::filesystem::recursive_directory_iterator(ISAMORPH_SOURCE_DIR "/tests")) {
    if (entry.path().extension() != ".cpp" && entry.path().extension() != ".h")
      continue;
    std::ifstream file(entry.path());
    std::string line;
    for (int number = 1; std::getline(file, line); ++number) {
      std::size_t first = line.find_first_not_of(' ');
      properties += line.find("(rc::check(") != std::string::npos;
      INFO(entry.path().string() << ":" << number);
      CHECK((first == std::string::npos || line.compare(first, 9, "rc::check") != 0));
    }
  }
  CHECK(properties >= 30);
}

TEST_CASE("an upward include is found") {
  std::map<std::string, std::string> texts = {{"semantics/op.h", ""},
                                              {"spec/isa.h", "#include \"semantics/op.h\"\n"},
                                              {"sim/run.h", "#include \"spec/isa.h\"\n"}};
  CHECK(upward_includes(tree_of(texts)).empty());
  texts["semantics/op.cpp"] = "#include \"semantics/op.h\"\n// \n#include \"spec/isa.h\"\n";
  CHECK(upward_includes(tree_of(texts)) ==
        Complaints{"semantics/op.cpp:3: semantics/ may not include spec/"});
}

TEST_CASE("neighbours of one floor, unknown folders and missing files are found") {
  CHECK(upward_includes(tree_of({{"sim/a.h", ""}, {"costmodel/b.h", "#include \"sim/a.h\"\n"}})) ==
        Complaints{"costmodel/b.h:1: costmodel/ may not include sim/"});
  CHECK(upward_includes(tree_of({{"sim/a.h", "#include \"b.h\"\n"}})).size() == 1);
  CHECK(upward_includes(tree_of({{"sim/a.h", "#include \"spec/none.h\"\n"}})).size() == 1);
  CHECK(upward_includes(tree_of({{"spec/b.h", ""}, {"sim/a.h", "#include <spec/b.h>\n"}})).size() ==
        1);
  CHECK(upward_includes(tree_of({{"sim/a.h", "#include <vector>\n"}})).empty());
}

TEST_CASE("a third-party header is private to its folder") {
  std::map<std::string, std::string> texts = {
      {"verify/solver.h", "#include <z3++.h>\n"},
      {"verify/prove.h", ""},
      {"verify/prove.cpp", "#include \"verify/solver.h\"\n"},
      {"corpus/a.cpp", "#include \"verify/prove.h\"\n"}};
  CHECK(leaking_headers(tree_of(texts)).empty());
  texts["verify/prove.h"] = "#include \"verify/solver.h\"\n";
  CHECK(leaking_headers(tree_of(texts)).size() == 1);
}

TEST_CASE("what the checker reaches through others is found") {
  std::map<std::string, std::string> texts = {
      {"search/plan.h", ""},
      {"verify/finder.h", "#include \"search/plan.h\"\n"},
      {"verify/checker/checker.cpp", "#include \"verify/finder.h\"\n"}};
  CHECK(checker_dependences(tree_of(texts)) ==
        Complaints{"verify/checker/checker.cpp reaches search/plan.h",
                   "verify/checker/checker.cpp reaches verify/finder.h"});
  texts["verify/checker/checker.cpp"] =
      "#include <vector>\n#include <fmt/format.h>\n#include \"spec/isa.h\"\n";
  texts["spec/isa.h"] = "";
  CHECK(checker_dependences(tree_of(texts)).empty());
  texts["spec/isa.h"] = "#include <z3++.h>\n";
  CHECK(checker_dependences(tree_of(texts)) ==
        Complaints{"verify/checker/checker.cpp reaches <z3++.h>"});
  texts["spec/isa.h"] = "#include <boost/multiprecision/cpp_int.hpp>\n#include <boost/any.hpp>\n";
  CHECK(checker_dependences(tree_of(texts)) ==
        Complaints{"verify/checker/checker.cpp reaches <boost/any.hpp>"});
}

TEST_CASE("a type of a name that another file gave is found") {
  const std::string value = "namespace isamorph::verify {\nstruct Value {\n  int a;\n};\n"
                            "} // namespace isamorph::verify\n";
  std::map<std::string, std::string> texts = {{"verify/a.h", value}, {"verify/checker/b.h", value}};
  CHECK(repeated_types(tree_of(texts)) ==
        Complaints{"verify/checker/b.h:2: isamorph::verify::Value is defined in verify/a.h, too"});
  for (const char *other :
       {"namespace isamorph::sim {\nstruct Value {\n};\n} // namespace isamorph::sim\n",
        "namespace isamorph::verify {\nnamespace {\nstruct Value {\n};\n} // namespace\n}\n",
        "namespace isamorph::verify {\nstruct Value;\nstruct Value::Inner {\n};\n}\n",
        "namespace isamorph::verify {\nnamespace {\nstruct Other {\n};\n} // namespace\n"
        "template <class T> class Values : Value {\n};\n}\n"}) {
    texts["verify/checker/b.h"] = other;
    CHECK(repeated_types(tree_of(texts)).empty());
  }
  texts["verify/checker/b.h"] = "namespace isamorph::verify {\nnamespace {\nint a;\n"
                                "} // namespace\nclass Value final : public Base {\n};\n}\n";
  CHECK(repeated_types(tree_of(texts)).size() == 1);
}

TEST_CASE("names in code and literals are found, in comments and help examples not") {
  std::set<std::string> names =
      names_of_isa("// isa not_this\nisa toy {\n  instruction shuffle (n) {\n");
  CHECK(names == std::set<std::string>{"toy", "shuffle"});
  auto complaints = [&](const char *text) {
    return named_accelerators(tree_of({{"cli/a.cpp", text}}), names).size();
  };
  CHECK(complaints("if (name == \"shuffle\") {}") == 1);
  CHECK(complaints("int shuffle = 1;\nint toy;") == 2);
  CHECK(complaints("auto text = R\"(toy)\";") == 1);
  CHECK(complaints("// shuffle\n/* toy */ int shuffles = 1'000;") == 0);
  CHECK(complaints("const char *url = \"http://toy\";") == 1);
  CHECK(complaints("app.footer(example(\"  (run) --isa toy\" + more(1)));") == 0);
  CHECK(complaints("app.footer(example(\"a)\"), \"toy\");") == 1);
}

TEST_CASE("every way to the solver's fused multiply-add is found") {
  auto complaints = [](const char *text) {
    return solver_fma(tree_of({{"verify/a.cpp", text}})).size();
  };
  CHECK(complaints("Z3_mk_fpa_fma(c, r, x, y, z);") == 1);
  CHECK(complaints("out << \"(fp.fma RNE x y z)\";") == 1);
  CHECK(complaints("#include <z3++.h>\nauto e = fma(a, b, c, r);") == 1);
  CHECK(complaints("#include <z3++.h>\nfloat e = std::fma(a, b, c);") == 0);
  CHECK(complaints("// never fp.fma\n") == 0);
  CHECK(complaints("if (text.find(\"fp.fma\") != npos) refuse();") == 0);
  CHECK(complaints("if (text.find(\"fp.fma\") != npos) text += \"fp.fma\";") == 1);
}

} // namespace
