"""TAIDL's Accelerator and Instruction (github.com/act-compiler/taidl), written out in isamorph's
ISA language. A TAIDL file runs unchanged but for its import line:

    from isamorph import Accelerator, generate_oracle, generate_backend

`d0` is the off-chip memory, as in TAIDL. What TAIDL does not say is derived or can be added:
  * An attribute that is a size is at least 1 and at most what the smallest of its buffers holds, or
    exactly the number that makes the result fit its region.
  * `add_constraints` takes conditions over @c. and @a. attributes.
  * `set_cost(unit, latency, bytes)`: isamorph's costs. Without it an instruction that touches d0
    runs on the unit `dma`, others on `compute`, with latency 1, or the `cost` of add_instruction.
"""
import inspect
import os
import re
import shlex
from pathlib import Path

from .command import IsamorphError, command, run, write_whole

_OFF_CHIP = "d0"
_HLO_NAMES = {"exp": "exponential"}
_STATEMENT = re.compile(
    r"^(?P<root>ROOT\s+)?%(?P<name>[\w.]+)\s*=\s*(?P<type>[a-z]+\d*)\[(?P<dims>(?:`[^`]*`|[^\]`])*)\]"
    r"(?:\{[^}]*\})?\s+(?P<op>[\w-]+)\((?P<operands>(?:`[^`]*`|[^()`])*)\)(?P<rest>.*)$", re.DOTALL)
_CONSTRAINT = re.compile(r"@(?P<kind>[cas])\.(?P<name>\w+)")


def _expression(text):
    """An expression over @c. and @a. in isamorph's words."""
    def attribute(match):
        if match["kind"] == "s":
            raise IsamorphError(f"control state (@s.{match['name']}) is not supported yet")
        return match["name"]
    text = _CONSTRAINT.sub(attribute, str(text)).strip().strip("`")
    for word, sign in (("and", "&&"), ("or", "||")):
        text = re.sub(rf"\b{word}\b", sign, text)
    return re.sub(r"\s+", " ", text)


def _dims(text):
    """The sizes of a shape: "`@c.n`,64" is ["n", "64"]."""
    parts = re.findall(r"`[^`]*`|[^,`\s]+", text)
    return [_expression(p) for p in parts]


def _size(text):
    """As it stands in the brackets of a shape."""
    return text if re.fullmatch(r"\w+", text) else f"`{text}`"


def _size_at(size, values):
    """A size for these values of the attributes; None where it has none."""
    numbers = re.sub(r"[A-Za-z_]\w*", lambda m: str(values.get(m[0], m[0])), size)
    try:
        return eval(re.sub("/+", "//", numbers),  # pylint: disable=eval-used
                    {"__builtins__": {}, "min": min, "max": max})
    except (NameError, SyntaxError, TypeError, ZeroDivisionError):
        return None


def _same_size(left, right, attributes):
    """Whether two sizes are spelled alike or are equal for several values of the attributes."""
    def equal(first, step):
        values = {name: first + step * i for i, name in enumerate(attributes)}
        return _size_at(left, values) == _size_at(right, values) is not None
    return left == right or all(equal(first, step) for first, step in ((3, 2), (64, 7), (101, 10)))


class _Buffer:
    def __init__(self, name, addressed, unit, element):
        self.name, self.addressed, self.unit, self.element = name, addressed, unit, element

    def text(self):
        if self.name == _OFF_CHIP:
            return f"  buffer {self.name} hbm"
        places = f"[{', '.join(map(str, self.addressed))}] x " if self.addressed else ""
        unit = f"[{','.join(map(str, self.unit))}]" if self.unit else ""
        return f"  buffer {self.name} {places}{self.element}{unit}"


class _Region:
    """[buffer, starts, extents]; dimensions after the addressed ones must be whole."""

    def __init__(self, accelerator, what, item):
        try:
            name, starts, extents = item
        except ValueError as error:
            raise IsamorphError(f"{what}: expected [buffer, [start, ...], [extent, ...]], "
                                f"got {item!r}") from error
        self.buffer = accelerator.buffer(name, what)
        addressed = 1 if name == _OFF_CHIP else len(self.buffer.addressed)
        starts, extents = [_expression(s) for s in starts], [_expression(e) for e in extents]
        self.starts, self.extents = starts[:addressed], extents[:addressed]
        if len(self.starts) != addressed or len(self.extents) != addressed:
            raise IsamorphError(f"{what}: {name} has {addressed} addressed dimensions, the region "
                                f"{len(starts)} starts and {len(extents)} extents")
        inner = list(zip(starts[addressed:], extents[addressed:], map(str, self.buffer.unit)))
        if len(starts) != len(extents) or any(s != "0" or e != u for s, e, u in inner):
            raise IsamorphError(f"{what}: a part of {name}'s places cannot be accessed; each place "
                                f"is a {self.buffer.element}{self.buffer.unit}")

    def shape(self):
        return self.extents + [str(u) for u in self.buffer.unit]

    def text(self):
        pairs = ", ".join(f"{s} : {e}" for s, e in zip(self.starts, self.extents))
        return f"{self.buffer.name}[{pairs}]" if pairs else self.buffer.name


class Instruction:
    """One instruction; made by Accelerator.add_instruction."""

    def __init__(self, accelerator, name, computational, addressing, cost, constraints):
        self.accelerator = accelerator
        self.instruction = name.replace(" ", "_")
        self.comp_attr, self.parameters = list(computational), list(addressing)
        self.constraints = list(constraints)
        self.instr_inputs, self.instr_outputs, self.instr_semantics = [], [], ""
        self._unit, self._latency, self._bytes = None, cost if str(cost) != "0" else "1", None

    def set_inputs(self, inputs):
        self.instr_inputs = inputs

    def set_outputs(self, outputs):
        self.instr_outputs = outputs

    def add_semantics(self, semantics):
        self.instr_semantics = semantics

    def add_constraints(self, constraints):
        """Conditions, a list or one a line."""
        if isinstance(constraints, str):
            constraints = constraints.strip().splitlines()
        self.constraints += [c for c in constraints if c.strip()]

    def set_cost(self, unit, latency, bytes_moved="0"):
        """isamorph's costs: the unit that works, cycles, and bytes to or from d0."""
        self._unit, self._latency, self._bytes = unit, latency, bytes_moved

    @property
    def unit(self):
        return self._unit or ("dma" if self._touches_memory() else "compute")

    def _what(self, part):
        return f"{self.accelerator.name}: instruction {self.instruction}: {part}"

    def _regions(self, items, part):
        return [_Region(self.accelerator, self._what(f"{part} {i + 1}"), item)
                for i, item in enumerate(items)]

    def _touches_memory(self):
        return any(item[0] == _OFF_CHIP for item in self.instr_inputs + self.instr_outputs)

    def _check_parameters(self, reads, statements):
        """Refuses a parameter that is declared as something else than its input."""
        for match in (m for m in statements if m["op"] == "parameter"):
            read, dims = reads[int(match["operands"])], _dims(match["dims"])
            shape, attributes = read.shape(), self.comp_attr + self.parameters
            if match["type"] != read.buffer.element or len(dims) != len(shape) or not all(
                    _same_size(d, s, attributes) for d, s in zip(dims, shape)):
                raise IsamorphError(self._what(
                    f"%{match['name']} is declared as {match['type']}[{','.join(dims)}], but input "
                    f"{int(match['operands']) + 1} is {read.buffer.element}[{','.join(shape)}]"))

    def _statements(self):
        body = re.search(r"\{(.*)\}", self.instr_semantics, re.DOTALL)
        if not body:
            raise IsamorphError(self._what("expected `ENTRY name { ... }` as its semantics"))
        text = re.sub(r"//[^\n]*|/\*.*?\*/", "", body[1], flags=re.DOTALL)
        out = []
        for line in filter(None, (s.strip() for s in re.split(r";\s*\n|;\s*$|\n", text))):
            match = _STATEMENT.match(line)
            if not match:
                raise IsamorphError(self._what(f"cannot read `{line}`"))
            out.append(match)
        return out

    @staticmethod
    def _hlo(match):
        op, operands = match["op"], match["operands"].strip()
        hlo = _HLO_NAMES.get(op, op)
        if not hlo.startswith("reduce_"):
            hlo = hlo.replace("_", "-")
        if op == "constant":
            value = _expression(operands)
            operands = value if re.fullmatch(r"-?[\d.]+(e-?\d+)?|-?inf|nan", value) else f"`{value}`"
        dims = ",".join(_size(d) for d in _dims(match["dims"]))
        rest = re.sub(r"`([^`]*)`", lambda m: f"`{_expression(m[1])}`", match["rest"])
        return f"%{match['name']} = {match['type']}[{dims}] {hlo}({operands}){rest}"

    def _limits(self, regions, written):
        """What attributes must be for the results to fit their regions, and regions their buffers."""
        fixed, limits = [], {}
        for region, dims in written:
            for have, want in zip(dims, region.shape()):
                if have != want and (have in self.comp_attr or want in self.comp_attr):
                    name, other = (have, want) if have in self.comp_attr else (want, have)
                    if f"{name} == {other}" not in fixed:
                        fixed.append(f"{name} == {other}")
        for region in regions:
            for extent, capacity in zip(region.extents, region.buffer.addressed):
                if extent in self.comp_attr:
                    limits[extent] = min(limits.get(extent, capacity), int(capacity))
        fixed_names = {f.split()[0] for f in fixed}
        ranges = [c for name in self.comp_attr if name in limits and name not in fixed_names
                  for c in (f"1 <= {name}", f"{name} <= {limits[name]}")]
        return fixed + ranges

    def text(self):
        """The instruction in isamorph's ISA language."""
        reads = self._regions(self.instr_inputs, "input")
        writes = self._regions(self.instr_outputs, "output")
        statements = self._statements()
        parameters = {int(m["operands"]): m["name"] for m in statements if m["op"] == "parameter"}
        if sorted(parameters) != list(range(len(reads))):
            raise IsamorphError(self._what(f"{len(reads)} inputs, but the parameters of its "
                                           f"semantics are {sorted(parameters)}"))
        self._check_parameters(reads, statements)
        body = [m for m in statements if m["op"] != "parameter"]
        by_name = {m["name"]: m for m in statements}
        root = next((m["name"] for m in statements if m["root"]), statements[-1]["name"])
        results = [f"Out{i}" if f"Out{i}" in by_name else root for i in range(len(writes))]
        given = [_expression(c) for c in self.constraints]
        constraints = given or self._limits(reads + writes, [
            (w, _dims(by_name[r]["dims"])) for w, r in zip(writes, results)])
        moved = self._bytes
        if moved is None:
            moved = " + ".join(r.extents[0] for r in reads + writes
                               if r.buffer.name == _OFF_CHIP) or "0"
        lines = [f"  instruction {self.instruction} ({', '.join(self.comp_attr)}) "
                 f"[{', '.join(self.parameters)}] {{"]
        lines += [f"    reads  %{parameters[i]} = {r.text()}" for i, r in enumerate(reads)]
        lines += [f"    writes {w.text()} = %{r}" for w, r in zip(writes, results)]
        lines += [f"    where  {', '.join(constraints)}"] if constraints else []
        lines.append(f"    cost   unit {self.unit}, latency {_expression(self._latency)}, "
                     f"bytes {_expression(moved)}")
        if body:
            lines += ["    semantics {", *(f"      {self._hlo(m)}" for m in body), "    }"]
        return "\n".join([*lines, "  }"])


class Accelerator:
    """An instruction set. `numerics` names a profile of isamorph (xla_cpu unless told)."""

    def __init__(self, name, base_dir=None, numerics="xla_cpu"):
        self.name = name.replace(" ", "_")
        self.numerics = numerics
        if base_dir is None:
            caller = inspect.stack()[1].filename
            base_dir = os.path.dirname(os.path.abspath(caller)) if os.path.exists(caller) else "."
        self.base_dir = base_dir
        self.instructions = []
        self._buffers = [_Buffer(_OFF_CHIP, [], [], "u8")]

    def add_data_model(self, model_name, dimensions, unit_dim, var_type):
        if any(b.name == model_name for b in self._buffers):
            raise IsamorphError(f"{self.name}: there are two data models {model_name}")
        self._buffers.append(_Buffer(model_name, list(dimensions), list(unit_dim), var_type))

    def add_instruction(self, instruction, computation_attr, addressing_attr, cost="0", update=(),
                        constraints=()):
        if update:
            raise IsamorphError(f"{self.name}: instruction {instruction}: control state "
                                "(`update`) is not supported yet")
        self.instructions.append(Instruction(self, instruction, computation_attr, addressing_attr,
                                             cost, constraints))
        return self.instructions[-1]

    def buffer(self, name, what):
        for buffer in self._buffers:
            if buffer.name == name:
                return buffer
        raise IsamorphError(f"{what}: there is no data model {name!r}; there are "
                            f"{', '.join(b.name for b in self._buffers)}")

    def text(self):
        """The accelerator in isamorph's ISA language."""
        units = list(dict.fromkeys(i.unit for i in self.instructions)) or ["compute"]
        return "\n".join([f"isa {self.name} {{", *(b.text() for b in self._buffers),
                          f"  numerics {self.numerics}", f"  unit {', '.join(units)}", "",
                          "\n\n".join(i.text() for i in self.instructions), "",
                          '  include "act.assembly"', "}", ""])

    def write(self):
        """Writes NAME.isa beside the file that describes the accelerator, type-checked; its path.
        Raises IsamorphError with the command's words when the check fails."""
        path = Path(self.base_dir) / f"{self.name}.isa"
        write_whole(path, self.text())
        run("isa", "check", path)
        return path


def generate_oracle(accelerator):
    """NAME.isa, from which `isamorph run` and `isamorph.simulator` simulate. Returns its path."""
    return accelerator.write()


_LAUNCHER = '''#!/bin/sh
# Compiles HLO for {name}: {program} --input x.hlo --output y.py [--log DIR]
input= output= log=
while [ $# -gt 0 ]; do
  case "$1" in
    --input) input=$2; shift 2 ;;
    --output) output=$2; shift 2 ;;
    --log) log=$2; shift 2 ;;
    *) echo "usage: $0 --input x.hlo --output y.py [--log DIR]" >&2; exit 2 ;;
  esac
done
if [ -z "$input" ] || [ -z "$output" ]; then
  echo "usage: $0 --input x.hlo --output y.py [--log DIR]" >&2
  exit 2
fi
isa=$(dirname "$0")/../{name}.isa
if [ -z "$log" ]; then
  exec ${{ISAMORPH:-{command}}} synth "$input" --isa "$isa" --emit act -o "$output"
fi
mkdir -p "$log" || exit 2
${{ISAMORPH:-{command}}} synth "$input" --isa "$isa" --emit act -o "$output" \\
  --certificate "$log/certificate.json" --json > "$log/synth.json" 2> "$log/synth.log"
status=$?
cat "$log/synth.log" >&2
exit $status
'''


def generate_backend(accelerator):
    """NAME.isa and the executable backends/NAME, which compiles HLO text to a kernel file. Returns
    the executable's path."""
    accelerator.write()
    path = Path(accelerator.base_dir) / "backends" / accelerator.name
    write_whole(path, _LAUNCHER.format(name=accelerator.name, program=f"backends/{accelerator.name}",
                                       command=shlex.join(command())), executable=True)
    return path
