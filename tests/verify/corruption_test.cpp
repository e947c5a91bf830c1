// Certificates are corrupted systematically, by typed operators at every place where they apply,
// and each is refused with a reason about the corrupted part, although the forger makes all digests
// fit again and the solver believes everything. Not corruptions, since what is left is true:
// another order of the landmarks or of the initial facts, a fact named twice in a list of facts, no
// optimality and no cost model, another tool version or time limit, and kernels that the verifier
// proves at the same cost.
#include "certified_product.h"

#include "tests/effort.h"
#include "verify/checker/lemmas.h"

#include <functional>

using namespace isamorph;
using namespace isamorph::verify;
using test::fit_digests;
using test::outcome;
using test::places;
using Json = nlohmann::json;
using Pointer = Json::json_pointer;

namespace {

struct Corruption {
  std::string what;
  std::string blamed; ///< occurs in the reason
  std::function<void(Json &)> apply;
};
using Corruptions = std::vector<Corruption>;

/// "/optimality/actions/0/cost" as the checker writes it: "$.optimality.actions[0].cost".
std::string path_text(const Pointer &pointer) {
  if (pointer.empty())
    return "$";
  std::string last = pointer.back(), before = path_text(pointer.parent_pointer());
  bool number = last.find_first_not_of("0123456789") == std::string::npos;
  return before + (number ? "[" + last + "]" : "." + last);
}

void missing_keys(const Json &good, Corruptions &out) {
  for (const Pointer &at : places(good)) {
    if (at.empty() || !good[at.parent_pointer()].is_object())
      continue;
    std::string path = path_text(at);
    if (path == "$.options.time_limit_ms")
      continue;
    std::string blamed = path == "$.optimality" || path == "$.options.model"
                             ? "$.options: a cost model is chosen exactly when"
                             : path + " is missing";
    out.push_back(
        {"without " + path, blamed, [at](Json &j) { j[at.parent_pointer()].erase(at.back()); }});
  }
}

void wrong_types(const Json &good, Corruptions &out) {
  for (const Pointer &at : places(good)) {
    if (at.empty())
      continue;
    std::vector<Json> others = {nullptr, Json::object({{"x", 1}}), Json::array({true}), 7, "seven"};
    for (const Json &other : others)
      if (other.type() != good[at].type() && !(other.is_number() && good[at].is_number()))
        out.push_back({path_text(at) + " = " + other.dump(), path_text(at),
                       [at, other](Json &j) { j[at] = other; }});
  }
}

void unknown_keys(const Json &good, Corruptions &out) {
  for (const Pointer &at : places(good))
    if (good[at].is_object())
      out.push_back({"a key more in " + path_text(at),
                     path_text(at) + ".unexpected: not part of the schema",
                     [at](Json &j) { j[at]["unexpected"] = 1; }});
}

void impossible_numbers(const Json &good, Corruptions &out) {
  for (const Pointer &at : places(good)) {
    if (!good[at].is_number())
      continue;
    for (const Json &number : {Json(1.5), Json(1e300), Json(18446744073709551615U),
                               Json(-9223372036854775807 - 1), Json(std::int64_t{1} << 32)})
      if (path_text(at) != "$.options.time_limit_ms" || number != Json(std::int64_t{1} << 32))
        out.push_back({path_text(at) + " = " + number.dump(),
                       number.is_number_float() || number.is_number_unsigned() ||
                               good[at.parent_pointer()].is_array() ||
                               (at.back() != "weight" && at.back() != "landmark_bound")
                           ? path_text(at)
                           : "$.optimality",
                       [at, number](Json &j) { j[at] = number; }});
  }
}

void numbers_beside(const Json &good, Corruptions &out) {
  for (const Pointer &at : places(good)) {
    std::string path = path_text(at);
    if (!good[at].is_number() || path == "$.options.time_limit_ms")
      continue;
    for (int step : {-1, 1})
      out.push_back({path + (step < 0 ? " - 1" : " + 1"),
                     path.starts_with("$.optimality") ? "$.optimality" : path,
                     [at, step](Json &j) { j[at] = j[at].get<std::int64_t>() + step; }});
  }
}

void changed_texts(const Json &good, Corruptions &out) {
  for (const Pointer &at : places(good)) {
    std::string path = path_text(at);
    bool is_label = path.starts_with("$.tool");
    if (!good[at].is_string() || is_label || at.back() == "text" || at.back() == "file")
      continue;
    std::string blamed = path;
    if (path.starts_with("$.optimality.facts")) // an action's or an end's name no longer fits
      blamed = "$.optimality";
    if (path == "$.options.model" || path == "$.optimality.model")
      blamed = "model";
    bool digest = at.back() == "sha256";
    out.push_back({path + " with another end", blamed, [at, digest](Json &j) {
                     std::string text = j[at].get<std::string>();
                     text.back() = text.back() == '0' ? '1' : '0';
                     j[at] = digest ? "#" + text.substr(1) : text;
                   }});
    out.push_back({path + " empty", blamed, [at](Json &j) { j[at] = ""; }});
  }
}

void versions(Corruptions &out) {
  for (const Json &version : {Json(0), Json(1), Json(3), Json(5), Json(-2), Json(1000000)})
    out.push_back({"version " + version.dump(), "$.version: this isamorph reads version 4",
                   [version](Json &j) { j["version"] = version; }});
  for (const char *format : {"isamorph certificates", "ISAMORPH CERTIFICATE", "certificate"})
    out.push_back({format, "$.format", [format](Json &j) { j["format"] = format; }});
}

/// Elements of the arrays of the optimality part, dropped, doubled and exchanged.
void changed_lists(const Json &good, Corruptions &out) {
  Pointer part("/optimality");
  for (const char *list : {"facts", "actions", "landmarks", "initial", "goal"}) {
    Pointer at = part / list;
    bool initial = std::string(list) == "initial";
    for (std::size_t i = 0; i < good[at].size(); ++i) {
      std::string place = path_text(at / i);
      bool unused_action = std::string(list) == "actions" && i + 1 == good[at].size();
      if (!unused_action)
        out.push_back({"drop " + place, "$.optimality", [at, i](Json &j) {
                         j[at].erase(j[at].begin() + static_cast<std::ptrdiff_t>(i));
                       }});
      if (!initial && std::string(list) != "facts" && std::string(list) != "actions")
        out.push_back(
            {"double " + place, "$.optimality", [at, i](Json &j) { j[at].push_back(j[at][i]); }});
      if (i > 0 && std::string(list) == "facts")
        out.push_back({"exchange " + place, "$.optimality",
                       [at, i](Json &j) { std::swap(j[at][i - 1], j[at][i]); }});
    }
  }
  for (std::size_t a = 0; a < good["optimality"]["actions"].size(); ++a)
    for (const char *list : {"needs", "adds"}) {
      Pointer at = part / "actions" / a / list;
      out.push_back({"empty " + path_text(at), path_text(part / "actions" / a),
                     [at](Json &j) { j[at] = Json::array(); }});
      out.push_back({"double in " + path_text(at), path_text(part / "actions" / a),
                     [at](Json &j) { j[at].push_back(j[at][0]); }});
    }
}

void landmarks(const Json &good, Corruptions &out) {
  auto change = [&](const std::string &what, const std::string &blamed,
                    const std::function<void(Json &)> &f) {
    out.push_back({what, blamed, [f](Json &j) { f(j["optimality"]); }});
  };
  for (std::size_t l = 0; l < good["optimality"]["landmarks"].size(); ++l) {
    std::string name = "landmark " + std::to_string(l);
    change(name + " can be avoided", name + " is not unavoidable",
           [l](Json &o) { o["landmarks"][l]["actions"] = {6}; });
    change(name + " is empty", name + " is not unavoidable",
           [l](Json &o) { o["landmarks"][l]["actions"] = Json::array(); });
    change(name + " overlaps another", "landmarks overlap",
           [l](Json &o) { o["landmarks"][l]["actions"].push_back(l == 0 ? 1 : 0); });
    change(name + " names an action twice", name + " names an action twice", [l](Json &o) {
      o["landmarks"][l]["actions"] = Json::array({l, l});
    });
    change(name + " weighs more", "$.optimality: landmarks overlap", [l](Json &o) {
      o["landmarks"][l]["weight"] = 2;
      o["landmark_bound"] = o["bound"] = o["cost"] = 7;
      o["cost"] = 6;
    });
    change(name + " weighs less than nothing", "negative weight",
           [l](Json &o) { o["landmarks"][l]["weight"] = -1; });
  }
  change("a landmark more", "landmarks overlap", [](Json &o) {
    o["landmarks"].push_back({{"actions", {5}}, {"weight", 1}});
    o["landmark_bound"] = 7;
  });
  change("no landmarks, same bound", "add up to 0",
         [](Json &o) { o["landmarks"] = Json::array(); });
  change("a bound above the cost", "$.optimality.bound", [](Json &o) { o["bound"] = 7; });
  change("a bound below the landmarks'", "$.optimality.bound", [](Json &o) { o["bound"] = 5; });
  change("a cheaper kernel", "$.optimality.cost: the kernel costs 6", [](Json &o) {
    o["cost"] = o["bound"] = o["landmark_bound"] = 5;
    o["landmarks"].erase(5);
  });
  change("an action that costs nothing", "$.optimality.actions[3].cost",
         [](Json &o) { o["actions"][3]["cost"] = 0; });
  change("a unit for a sum", "only a makespan", [](Json &o) { o["unit"] = "dma"; });
  change("an instruction of no ISA", "no instruction of the ISA",
         [](Json &o) { o["actions"][6]["name"] = "jump(): a in r -> a in m"; });
  change("an attribute too many", "no instruction of the ISA",
         [](Json &o) { o["actions"][3]["name"] = "gemm(n=4): a in r, b in r -> p in r"; });
  change("no attribute", "no instruction of the ISA",
         [](Json &o) { o["actions"][6]["name"] = "store(): a in r -> a in m"; });
  change("an action of another size", "the kernel's load(n=4) is no action", [](Json &o) {
    for (auto &action : o["actions"])
      if (std::string name = action["name"]; name.starts_with("load(n=4)"))
        action["name"] = "load(n=5)" + name.substr(9);
  });
  change("a result that is there at first", "no value in off-chip memory",
         [](Json &o) { o["initial"].push_back(9); });
  change("a value on chip at first", "no value in off-chip memory",
         [](Json &o) { o["initial"].push_back(3); });
  change("another goal", "is not output 0", [](Json &o) { o["goal"] = {8}; });
}

/// Other cost models, with their own prices or not.
void models(Corruptions &out) {
  for (const char *model : {"latency", "overlap", "speed", "Count"})
    for (bool both : {false, true})
      out.push_back({std::string("model ") + model + (both ? " in both places" : ""), "$.opti",
                     [model, both](Json &j) {
                       j["optimality"]["model"] = model;
                       if (both)
                         j["options"]["model"] = model;
                     }});
  for (const char *unit : {"dma", "mxu", "vpu"})
    out.push_back({std::string("the makespan's unit ") + unit, "$.optimality", [unit](Json &j) {
                     j["optimality"]["model"] = j["options"]["model"] = "overlap";
                     j["optimality"]["unit"] = unit;
                   }});
}

void claims(const Json &good, Corruptions &out) {
  semantics::TensorGraph graph =
      semantics::parse_hlo(semantics::make_source("<p>", good["program"]["text"]));
  auto words = [graph](Level level) { return reach(graph, level); };
  out.push_back({"bits instead of finite", "$.claim: program and kernel do not compute the same",
                 [words](Json &j) {
                   j["claim"]["level"] = j["options"]["level"] = "bits";
                   j["claim"]["reach"] = words(Level::Bits);
                 }});
  out.push_back({"the reach of bits", "$.claim.reach",
                 [words](Json &j) { j["claim"]["reach"] = words(Level::Bits); }});
  out.push_back({"a claim below what was asked", "$.options.level",
                 [](Json &j) { j["options"]["level"] = "bits"; }});
  out.push_back({"real, asked at finite", "$.options.level", [words](Json &j) {
                   j["claim"]["level"] = "real";
                   j["claim"]["reach"] = words(Level::Real);
                 }});
  for (const char *verdict : {"different", "unknown", "proved"})
    out.push_back(
        {verdict, "$.claim.verdict", [verdict](Json &j) { j["claim"]["verdict"] = verdict; }});
  for (const char *profile : {"strict", "XLA_CPU", "xla_cpu "})
    out.push_back(
        {profile, "$.claim.profile", [profile](Json &j) { j["claim"]["profile"] = profile; }});
}

Json lemma_json(const std::string &name) {
  Json obligations = Json::array();
  const std::vector<Obligation> list = lemma_obligations(name).value();
  for (const Obligation &o : list)
    obligations.push_back({{"name", o.name},
                           {"file", std::to_string(obligations.size()) + ".smt2"},
                           {"smtlib", o.smtlib},
                           {"sha256", sha256(o.smtlib)}});
  return {{"name", name}, {"method", "smt"}, {"obligations", obligations}};
}

void lemmas(const Json &good, Corruptions &out) {
  for (std::size_t l = 0; l < good["lemmas"].size(); ++l) {
    std::string at = "$.lemmas[" + std::to_string(l) + "]";
    auto change = [&](const std::string &what, const std::string &blamed,
                      const std::function<void(Json &)> &f) {
      out.push_back({at + " " + what, blamed, f});
    };
    change("dropped", "$.claim: program and kernel do not compute the same",
           [l](Json &j) { j["lemmas"].erase(l); });
    change("listed twice", "is listed twice",
           [l](Json &j) { j["lemmas"].push_back(j["lemmas"][l]); });
    for (const char *method : {"enumeration", "axiom", "SMT", ""})
      change(std::string("by method ") + method, at + ".method",
             [l, method](Json &j) { j["lemmas"][l]["method"] = method; });
    for (const char *other : {"commutative multiply bf16", "commutative add f32", "add zero bf16",
                              "unit vector dot f16 in f32", "join extract", "real ring"})
      change(std::string("replaced by the true ") + other,
             "$.claim: program and kernel do not compute the same",
             [l, other](Json &j) { j["lemmas"][l] = lemma_json(other); });
    for (const char *name : {"everything is equal", "commutative subtract f32", "commutative",
                             "commutative multiply f32 x", "unit vector dot bf16 in s32"})
      change(std::string("named ") + name, "unknown lemma",
             [l, name](Json &j) { j["lemmas"][l]["name"] = name; });
    for (std::size_t o = 0; o < good["lemmas"][l]["obligations"].size(); ++o) {
      std::string place = at + ".obligations[" + std::to_string(o) + "]";
      Pointer obligation = Pointer("/lemmas") / l / "obligations" / o;
      for (const char *text :
           {"(set-logic ALL)\n(assert false)\n(check-sat)\n", "(check-sat)\n", "",
            "(set-logic QF_FP)\n(declare-const x (_ FloatingPoint 8 24))\n(assert (not (= x x)))\n"
            "(check-sat)\n"})
        change("says " + std::string(text).substr(0, 20) + " in " + place, place + ".smtlib",
               [obligation, text](Json &j) { j[obligation]["smtlib"] = text; });
      change("assumes more in " + place, place + ".smtlib", [obligation](Json &j) {
        std::string text = j[obligation]["smtlib"];
        text.insert(text.find("(check-sat)"), "(assert (= x x))\n");
        j[obligation]["smtlib"] = text;
      });
      change("is renamed in " + place, place + ".name",
             [obligation](Json &j) { j[obligation]["name"] = "another"; });
      for (const char *file : {"../x.smt2", "/tmp/x.smt2", "x.txt", ""})
        change("lies in '" + std::string(file) + "' in " + place, place + ".file",
               [obligation, file](Json &j) { j[obligation]["file"] = file; });
      change("lacks " + place, at + ".obligations", [obligation](Json &j) {
        j[obligation.parent_pointer()].erase(std::stoul(obligation.back()));
      });
      if (o > 0)
        change("exchanges " + place, at + ".obligations", [obligation, o](Json &j) {
          std::swap(j[obligation.parent_pointer()][o - 1], j[obligation.parent_pointer()][o]);
        });
    }
  }
  for (const char *more : {"commutative add f32", "commutative multiply bf16", "multiply one bf16",
                           "unit vector dot bf16 in bf16", "join extract", "real division"})
    out.push_back({std::string("the true but useless lemma ") + more,
                   std::string("$.lemmas: the proof has no use for lemma '") + more,
                   [more](Json &j) { j["lemmas"].push_back(lemma_json(more)); }});
}

void replace_in(Json &json, const char *part, const std::string &from, const std::string &to) {
  std::string text = json[part]["text"];
  std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  json[part]["text"] = text.replace(at, from.size(), to);
}

/// Mistakes in the program and the instruction set.
void subjects(Corruptions &out) {
  auto change = [&](const char *part, const std::string &from, const std::string &to,
                    const std::string &blamed) {
    out.push_back({std::string(part) + ": " + from + " becomes " + to, blamed,
                   [=](Json &j) { replace_in(j, part, from, to); }});
  };
  const char *const same = "$.claim: program and kernel do not compute the same";
  change("program", "dot(%s, %t)", "dot(%t, %s)", same);
  change("program", "dot(%s, %t)", "dot(%s, %s)", same);
  change("program", "rhs_contracting_dims={0}", "rhs_contracting_dims={1}", same);
  change("program", "transpose(%b)", "transpose(%a)", same);
  change("program", "transpose(%b), dimensions={1,0}", "transpose(%b), dimensions={0,1}", same);
  change("program", "parameter(1)", "parameter(2)", "$.program");
  change("program", " dot(", " dort(", "$.program");
  change("program", "bf16[4,4] parameter(0)", "bf16[4,5] parameter(0)", "$.program");
  change("isa", "dot(%x, %y)", "dot(%y, %x)", same);
  change("isa", "latency 7", "latncy 7", "$.isa");
  change("isa", "unit dma, mxu", "unit dma", "$.isa");
  change("isa", "buffer r [24]", "buffer r [19]", "$.kernel");
  change("isa", "numerics xla_cpu", "numerics strange", "$.isa");
  change("isa", "n <= 8", "n <= 3", "$.kernel");
  change("isa", "1 <= n", "5 <= n", "$.kernel");
  change("isa", "rhs_contracting_dims={0}", "rhs_contracting_dims={1}", same);
  change("isa", "buffer m hbm", "buffer hbm hbm", "$.isa");
  change("kernel", "kernel product {", "kernel product", "$.kernel");
  change("kernel", "memory 128", "memory 127", "$.kernel");
  change("kernel", "bf16[4,4] = eye", "bf16[4,4] = zeros", "$.");
  change("kernel", "input b @ 32", "input b @ 31", "$.kernel");
  change("kernel", "output c @ 96", "output c @ 80", "$.kernel");
  change("kernel", "input a @ 0 : bf16[4,4]", "input a @ 0 : bf16[4,3]", "$.kernel");
  change("kernel", "constant one @ 64 : bf16[4,4]", "constant one @ 64 : f16[4,4]", "$.");
}

/// Other kernels: instructions dropped, doubled and exchanged, attributes changed. Those that the
/// verifier proves at the same cost are no corruptions.
void kernels(const Json &good, Corruptions &out) {
  spec::Isa isa = spec::parse_isa(semantics::make_source("<isa>", good["isa"]["text"]));
  spec::Kernel kernel =
      spec::parse_kernel(semantics::make_source("<kernel>", good["kernel"]["text"]), isa);
  semantics::TensorGraph graph =
      semantics::parse_hlo(semantics::make_source("<p>", good["program"]["text"]));
  VerifyOptions options;
  options.level = Level::Finite;
  auto add = [&](const std::string &what, const spec::Kernel &other) {
    std::string text = spec::print_kernel(other, isa, "asm");
    try {
      spec::Kernel valid = spec::parse_kernel(semantics::make_source("<kernel>", text), isa);
      if (valid.instructions.size() == kernel.instructions.size() &&
          verify_kernel(valid, isa, graph, options).outcome == Outcome::Equivalent)
        return;
    } catch (const semantics::InputError &) { // not a valid kernel: a corruption
    }
    out.push_back({what, "$.", [text](Json &j) { j["kernel"]["text"] = text; }});
  };
  for (std::size_t i = 0; i < kernel.instructions.size(); ++i) {
    auto at = static_cast<std::ptrdiff_t>(i);
    std::string name = to_string(kernel.instructions[i], isa);
    spec::Kernel other = kernel;
    other.instructions.erase(other.instructions.begin() + at);
    add("drop " + name, other);
    other = kernel;
    other.instructions.insert(other.instructions.begin() + at, kernel.instructions[i]);
    add("double " + name, other);
    for (std::size_t with = i + 1; with < kernel.instructions.size(); ++with) {
      other = kernel;
      std::swap(other.instructions[i], other.instructions[with]);
      add("exchange " + name + " and " + std::to_string(with), other);
    }
    for (std::size_t a = 0; a < kernel.instructions[i].attributes.size(); ++a)
      for (std::int64_t step : {-32, -4, -1, 1, 4, 32}) {
        other = kernel;
        other.instructions[i].attributes[a] += step;
        add(name + " attribute " + std::to_string(a) + " by " + std::to_string(step), other);
      }
  }
}

Corruptions all_corruptions(const Json &good) {
  Corruptions out;
  missing_keys(good, out);
  wrong_types(good, out);
  unknown_keys(good, out);
  impossible_numbers(good, out);
  numbers_beside(good, out);
  changed_texts(good, out);
  versions(out);
  changed_lists(good, out);
  landmarks(good, out);
  models(out);
  claims(good, out);
  lemmas(good, out);
  subjects(out);
  kernels(good, out);
  return out;
}

} // namespace

TEST_CASE("the certificate that is corrupted below is accepted as written") {
  Json good = test::tile_certificate();
  CHECK(good["lemmas"].size() == 2);
  CHECK(outcome(good) == "accepted");
  Json fitted = good;
  fit_digests(fitted);
  CHECK(fitted == good);
}

TEST_CASE("every corruption is refused with a reason about what was corrupted") {
  const Json good = test::tile_certificate();
  Corruptions all = all_corruptions(good);
  std::map<std::string, int> distinct;
  for (std::size_t i = 0; i < all.size(); i += effort::kEvery) {
    const Corruption &corruption = all[i];
    INFO(corruption.what);
    Json bad = good;
    corruption.apply(bad);
    CHECK(bad != good);
    std::string careless = outcome(bad);
    CHECK(careless != "accepted");
    Json refitted = bad;
    bool in_digest = corruption.what.find("sha256") != std::string::npos;
    if (!in_digest)
      fit_digests(refitted);
    ++distinct[refitted.dump()];
    std::string careful = outcome(refitted);
    INFO("blamed: " << corruption.blamed << "\nreason: " << careful);
    CHECK(careful != "accepted");
    CHECK(careful.find(corruption.blamed) != std::string::npos);
  }
  WARN(distinct.size() << " distinct corruptions of " << all.size() << ", all refused");
  CHECK(distinct.size() >= effort::repetitions(200));
}

TEST_CASE("what leaves a true statement is accepted") {
  const Json good = test::tile_certificate();
  std::vector<std::function<void(Json &)>> changes = {
      [](Json &j) { std::swap(j["optimality"]["landmarks"][0], j["optimality"]["landmarks"][1]); },
      [](Json &j) { std::swap(j["optimality"]["initial"][0], j["optimality"]["initial"][1]); },
      [](Json &j) { j["optimality"]["actions"].erase(6); },
      [](Json &j) { j["tool"]["version"] = "another"; },
      [](Json &j) { j["options"].erase("time_limit_ms"); },
      [](Json &j) {
        j.erase("optimality");
        j["options"].erase("model");
      },
      [](Json &j) { // a weaker bound
        j["optimality"]["landmarks"].erase(0);
        j["optimality"]["landmark_bound"] = 5;
      },
      [](Json &j) { std::swap(j["lemmas"][0], j["lemmas"][1]); }};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    INFO("change " << i);
    Json other = good;
    changes[i](other);
    CHECK(outcome(other).find("$.sha256: the digest does not fit") != std::string::npos);
    fit_digests(other);
    CHECK(outcome(other) == "accepted");
  }
}
