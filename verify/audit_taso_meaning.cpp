// The language of TASO's equalities, as a reader of the audit needs it.
#include "verify/audit_taso.h"

#include <fmt/format.h>

namespace isamorph::verify {
namespace {

struct Meaning {
  const char *taso, *hlo; ///< as Markdown
};

constexpr Meaning kOperators[] = {
    {"`ewadd(x,y)`, `ewmul(x,y)`", "`add`, `multiply`"},
    {"`smul(x,s)`", "`multiply` by the broadcast scalar"},
    {"`matmul(x,y)`", "`dot` over x's columns and y's rows"},
    {"`transpose(x)`", "`transpose`, dimensions={1,0}"},
    {"`relu(x)`", "`maximum` with 0"},
    {"`concat(axis,x,y)`", "`concatenate`"},
    {"`split_0(axis,x)`, `split_1(axis,x)`",
     "`slice`: the first, the second part. A size made by concat remembers its two parts (of "
     "nested ones the outermost counts); any other size is taken to be the sum of two unknown "
     "ones"},
    {"`conv2d(sh,sw,pad,act,x,w)`",
     "`convolution`, bf01_oi01->bf01, strides sh and sw; pad 0: as many windows as size/stride, "
     "rounded up, the smaller half of the zeros before (SAME), 1: no zeros (VALID); act 0 none, 1 "
     "`logistic`, 2 `maximum` with 0, 3 `tanh`. Weights with one input channel are depthwise: as "
     "many groups as x has channels"},
    {"`poolavg(kh,kw,sh,sw,pad,x)`",
     "`reduce-window` of `add` from 0, divided by kh*kw: zeros of the padding count, as in TASO's "
     "axiom poolavg(x) = conv2d(x, Cpool)"},
    {"`poolmax(kh,kw,sh,sw,pad,x)`", "`reduce-window` of `maximum` from -inf"},
    {"`enlarge(kh,kw,w)`", "`pad` with zeros to [o,i,kh,kw], the smaller half before"},
    {"`Imatmul`", "the identity matrix"},
    {"`Iewmul`", "an image [n,c,h,w] of ones"},
    {"`Iconv(kh,kw)`",
     "weights [c,c,kh,kw], one where output and input channel agree in the middle, else zero"},
    {"`Cpool(kh,kw)`", "weights [c,1,kh,kw], each 1/(kh*kw)"},
};

} // namespace

std::string taso_meaning() {
  std::string out =
      "Inputs have the kinds that TASO's generator gives them: `input_1` to `input_6` are "
      "matrices; `input_7` to `input_9` images [n,c,h,w]; `input_10` to `input_12` convolution "
      "weights [o,i,3,3], `input_13` to `input_15` [o,i,1,3], `input_16` to `input_18` [o,i,3,1], "
      "`input_19` [o,1,3,3]; `input_20` is a scalar. Sizes that are no number are unknowns, equal "
      "where the operations need them to be.\n\n| TASO | HLO |\n|---|---|";
  for (const Meaning &row : kOperators)
    out += std::string("\n| ") + row.taso + " | " + row.hlo + " |";
  return out;
}

AuditHeading taso_heading(std::size_t equalities, const semantics::NumericsProfile &profile,
                          semantics::ElementType type) {
  return {"TASO", fmt::format("{} equalit{} in TASO's language, for {} under the numerics profile "
                              "{}.\n\n{}",
                              equalities, equalities == 1 ? "y" : "ies", semantics::name(type),
                              profile.name, taso_meaning())};
}

} // namespace isamorph::verify
