// Kernels as Python files: `@kernel(hbm=.., input=[..], constant=[..], output=[..])` over a
// function of api calls. The text is read, never run: of Python only what such files need is known,
// and everything else is refused at its line.
#include "spec/python_values.h"

#include <algorithm>
#include <utility>

namespace isamorph::spec {
namespace {

using semantics::fail;
using semantics::Location;
using Kind = PythonToken::Kind;

class Reader {
public:
  Reader(const semantics::SourceRef &source, const Isa &isa) : p_(source, isa), isa_(isa) {}

  Kernel read() {
    skip_imports();
    std::optional<std::string> outer;
    std::uint32_t outer_indent = 0;
    if (p_.is_word("def")) {
      outer_indent = p_.token().indent;
      outer = outer_definition();
      skip_imports();
      if (p_.token().indent <= outer_indent)
        p_.error("expected the indented body of '" + *outer + "'");
    }
    if (!p_.is("@"))
      unexpected("'@" + kernel_word_ + "(hbm=..., input=[...], ...)'");
    std::uint32_t indent = p_.token().indent;
    decorator();
    if (!p_.is_word("def") || p_.token().indent != indent)
      p_.error_expected("the function that '@" + kernel_word_ + "' decorates");
    std::string inner = inner_definition();
    kernel_.name = outer ? *outer : inner;
    body(indent);
    finish(outer ? inner : "");
    return std::move(kernel_);
  }

private:
  [[noreturn]] void unexpected(const std::string &what) {
    static const std::vector<std::string> kStatements = {"while", "if",     "with",  "class",
                                                         "try",   "lambda", "yield", "assert",
                                                         "del",   "global", "raise"};
    if (p_.token().kind == Kind::Name &&
        std::find(kStatements.begin(), kStatements.end(), p_.token().text) != kStatements.end())
      p_.error("Python's '" + p_.token().text + "' is not supported in kernels",
               "write the instructions out, one a line");
    p_.error_expected(what);
  }

  void end_of_line() {
    p_.accept(";");
    if (p_.token().kind == Kind::End)
      return;
    if (p_.token().kind != Kind::NewLine)
      p_.error_expected("the end of the line");
    p_.advance();
  }

  void skip_line() {
    while (p_.token().kind != Kind::NewLine && p_.token().kind != Kind::End)
      p_.advance();
    end_of_line();
  }

  /// Imports and docstrings.
  void skip_imports() {
    while (p_.token().kind == Kind::NewLine || p_.token().kind == Kind::String ||
           p_.is_word("import") || p_.is_word("from"))
      if (p_.is_word("import") || p_.is_word("from")) {
        skip_line();
      } else {
        p_.advance();
        end_of_line();
      }
  }

  void annotation_and_colon() {
    if (p_.accept("->"))
      p_.dotted_name("a type");
    p_.expect(":");
    end_of_line();
  }

  /// `def NAME(kernel, api):`; the parameters say what decorator and calls are named.
  std::string outer_definition() {
    p_.advance();
    std::string name = p_.name("the kernel's name");
    p_.expect("(");
    std::vector<std::string> parameters;
    while (!p_.accept(")")) {
      parameters.push_back(p_.name("a parameter"));
      if (p_.accept(":"))
        p_.dotted_name("a type");
      if (!p_.is(")"))
        p_.expect(",");
    }
    if (parameters.size() > 2)
      p_.error("a kernel file's function has the parameters kernel and api");
    if (!parameters.empty())
      kernel_word_ = parameters[0];
    if (parameters.size() == 2)
      api_word_ = parameters[1];
    annotation_and_colon();
    return name;
  }

  std::string inner_definition() {
    p_.advance();
    std::string name = p_.name("the function's name");
    p_.expect("(");
    p_.expect(")");
    annotation_and_colon();
    return name;
  }

  void decorator() {
    Location where = p_.here();
    p_.expect("@");
    Location place = p_.here();
    if (std::string word = p_.dotted_name("the decorator"); word != kernel_word_)
      fail(place, "unknown decorator '@" + word + "'", "expected '@" + kernel_word_ + "'");
    p_.expect("(");
    std::vector<std::string> seen;
    static const std::vector<std::string> kKeywords = {"hbm", "input", "constant", "output"};
    while (!p_.accept(")")) {
      Location keyword_place = p_.here();
      std::string keyword = p_.name("hbm, input, constant or output");
      if (std::find(kKeywords.begin(), kKeywords.end(), keyword) == kKeywords.end())
        fail(keyword_place, "unknown argument '" + keyword + "'",
             semantics::suggest(keyword, kKeywords));
      if (std::find(seen.begin(), seen.end(), keyword) != seen.end())
        fail(keyword_place, "'" + keyword + "' is given twice");
      seen.push_back(keyword);
      p_.expect("=");
      if (keyword == "hbm")
        kernel_.off_chip_bytes = p_.integer();
      else
        tensors(keyword);
      if (!p_.is(")"))
        p_.expect(",");
    }
    end_of_line();
    if (std::find(seen.begin(), seen.end(), "hbm") == seen.end())
      fail(where, "the decorator has no hbm=BYTES");
  }

  void tensors(const std::string &keyword) {
    auto &group = keyword == "input"      ? kernel_.inputs
                  : keyword == "constant" ? kernel_.constants
                                          : kernel_.outputs;
    std::string close = p_.is("(") ? ")" : "]";
    if (!p_.accept("("))
      p_.expect("[");
    while (!p_.accept(close)) {
      group.push_back(tensor(keyword == "constant"));
      if (group.back().name.empty())
        group.back().name = keyword + "_" + std::to_string(group.size() - 1);
      if (!p_.is(close))
        p_.expect(",");
    }
  }

  /// One dictionary. Keys before `value` say the type and shape that a bare list or number lacks.
  Placed tensor(bool constant) {
    Placed out;
    out.location = p_.here();
    p_.expect("{");
    std::optional<std::int64_t> address;
    std::optional<std::vector<std::int64_t>> dims;
    std::optional<semantics::ElementType> type;
    std::vector<std::string> seen;
    while (!p_.accept("}")) {
      Location place = p_.here();
      if (p_.token().kind != Kind::String)
        p_.error_expected("a key: 'addr', 'shape', 'dtype', 'value' or 'name'");
      std::string key = p_.token().text;
      p_.advance();
      if (std::find(seen.begin(), seen.end(), key) != seen.end())
        fail(place, "key '" + key + "' is given twice");
      seen.push_back(key);
      p_.expect(":");
      if (key == "addr")
        address = p_.integer();
      else if (key == "shape")
        dims = p_.shape();
      else if (key == "dtype")
        type = p_.element_type();
      else if (key == "name" && p_.token().kind == Kind::String)
        out.name = p_.token().text, p_.advance();
      else if (key == "value" && constant)
        out.value = p_.tensor(type, dims);
      else
        unknown_key(key, place, constant);
      if (!p_.is("}"))
        p_.expect(",");
    }
    check_tensor(out, address, dims, type, constant);
    return out;
  }

  [[noreturn]] static void unknown_key(const std::string &key, const Location &place,
                                       bool constant) {
    static const std::vector<std::string> kKeys = {"addr", "shape", "dtype", "value", "name"};
    if (key == "value" && !constant)
      fail(place, "only constants have a 'value'");
    fail(place, key == "name" ? "a tensor's name is a string" : "unknown key '" + key + "'",
         semantics::suggest(key, kKeys));
  }

  static void check_tensor(Placed &out, const std::optional<std::int64_t> &address,
                           const std::optional<std::vector<std::int64_t>> &dims,
                           const std::optional<semantics::ElementType> &type, bool constant) {
    auto missing = [&](const char *key) {
      fail(out.location, std::string("this tensor has no '") + key + "'");
    };
    if (!address)
      missing("addr");
    if (constant && !out.value)
      missing("value");
    if (!dims && !out.value)
      missing("shape");
    if (!type && !out.value)
      missing("dtype");
    out.address = *address;
    out.shape = checked_shape(type ? *type : out.value->shape().type,
                              dims ? *dims : out.value->shape().dims, out.location);
    if (out.value && out.value->shape() != out.shape)
      fail(out.location, "the value is " + out.value->shape().to_string() + ", but the tensor is " +
                             out.shape.to_string());
  }

  /// The lines indented more than `outer_indent`; loops nest by their indentation.
  void body(std::uint32_t outer_indent) {
    std::vector<std::uint32_t> indents; // of the function's lines and of the loops around here
    std::uint32_t head = outer_indent;  // of the line whose body begins
    bool opened = true;
    while (p_.token().kind != Kind::End && p_.token().indent > outer_indent) {
      std::uint32_t indent = p_.token().indent;
      if (opened && indent <= head)
        p_.error("expected the indented body of the loop");
      if (opened)
        indents.push_back(indent);
      for (; indents.size() > 1 && indent < indents.back(); indents.pop_back())
        loops_.close();
      if (indent != indents.back())
        p_.error("unexpected indentation");
      head = indent;
      opened = p_.is_word("for");
      if (opened) {
        open_loop();
      } else if (simple_statement() && p_.token().kind != Kind::End &&
                 p_.token().indent > outer_indent) {
        p_.error("this line is never reached");
      }
    }
    if (opened)
      p_.error(loops_.empty() ? "expected the indented body of the function"
                              : "expected the indented body of the loop");
    for (; indents.size() > 1; indents.pop_back())
      loops_.close();
  }

  /// Whether it was `return`.
  bool simple_statement() {
    if (p_.token().kind == Kind::String || p_.is_word("pass")) {
      p_.advance();
      end_of_line();
    } else if (p_.is_word(api_word_)) {
      call();
    } else if (p_.is_word("return") && loops_.empty()) {
      p_.advance();
      end_of_line();
      return true;
    } else {
      unexpected("'" + api_word_ + ".INSTRUCTION(...)'");
    }
    return false;
  }

  /// `for VARIABLE in range([START,] END [, STEP]):`
  void open_loop() {
    Loop loop;
    loop.location = p_.here();
    p_.advance();
    loop.variable = p_.name("the loop's variable");
    if (!p_.is_word("in"))
      p_.error_expected("'in'");
    p_.advance();
    if (!p_.is_word("range"))
      p_.error_expected("'range(...)'");
    p_.advance();
    p_.expect("(");
    loop.end = p_.integer();
    if (p_.accept(",")) {
      loop.start = std::exchange(loop.end, p_.integer());
      if (p_.accept(","))
        loop.step = p_.integer();
    }
    p_.expect(")");
    p_.expect(":");
    end_of_line();
    loops_.open(std::move(loop));
  }

  void call() {
    p_.advance();
    p_.expect(".");
    Location place = p_.here();
    std::string name = p_.name("an instruction");
    p_.expect("(");
    std::vector<Argument> arguments;
    while (!p_.accept(")")) {
      Argument argument;
      argument.location = p_.here();
      if (p_.token().kind == Kind::Name && !is_variable()) {
        argument.name = p_.name("an attribute");
        p_.expect("=");
      }
      argument.value = p_.affine(loops_.variables());
      arguments.push_back(std::move(argument));
      if (!p_.is(")"))
        p_.expect(",");
    }
    end_of_line();
    kernel_.instructions.push_back(bind_arguments(isa_, name, place, arguments));
  }

  /// Of a loop, and not the name of an attribute.
  bool is_variable() const {
    bool named = p_.token_after(1).kind == Kind::Operator && p_.token_after(1).text == "=";
    return !named && find_variable(loops_.variables(), p_.token().text).has_value();
  }

  /// `return NAME_`, and nothing more.
  void finish(const std::string &inner) {
    if (!inner.empty() && p_.is_word("return")) {
      p_.advance();
      Location place = p_.here();
      if (std::string name = p_.name("'" + inner + "'"); name != inner)
        fail(place, "expected 'return " + inner + "'");
      end_of_line();
    }
    while (p_.token().kind == Kind::NewLine)
      p_.advance();
    if (p_.token().kind != Kind::End)
      unexpected("the end of the file: one kernel a file");
  }

  PythonValues p_;
  const Isa &isa_;
  Kernel kernel_;
  LoopStack loops_{kernel_};
  std::string kernel_word_ = "kernel", api_word_ = "api";
};

} // namespace

Kernel read_python(const semantics::SourceRef &source, const Isa &isa) {
  return Reader(source, isa).read();
}

} // namespace isamorph::spec
