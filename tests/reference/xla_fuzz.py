#!/usr/bin/env python3
"""Runs random programs through XLA on the CPU and through `isamorph eval`, and compares bit for bit.

A program is a graph of 1 to 8 operations over parameters of random types and shapes (rank 0 to 6, empty
ones too): movement of all types, arithmetic of integers, comparisons, selections, conversions, folds,
windows, dots and convolutions of integers. Arithmetic of floats is left to `xla_vectors.py`, for XLA
keeps more bits between two operations than either rounds to.

Usage: xla_fuzz.py --isamorph COMMAND [--programs N] [--seed S] [--keep DIRECTORY]
       xla_fuzz.py --vectors DIRECTORY [--programs N] [--seed S]
It needs jax, numpy and ml_dtypes. Exit status 1 when a program differs; those are kept, with their inputs.
The second form writes random.vectors, in the format of xla_vectors.py (tests/reference/xla: 60 programs, seed 0).
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import jax
import numpy as np
from jaxlib import _hlo

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from xla_vectors import FLOATS, INTEGERS, TYPES, Family, floats, integers, reducer, run  # noqa: E402

COMPARISONS = ["EQ", "NE", "LT", "LE", "GT", "GE"]
ARITHMETIC = ["add", "subtract", "multiply", "divide", "remainder", "maximum", "minimum", "power",
              "and", "or", "xor", "shift-left", "shift-right-arithmetic", "shift-right-logical"]
FOLDS = ["add", "multiply", "maximum", "minimum"]


def text_of(shape):
    return "{" + ",".join(map(str, shape)) + "}"


class Program:
    """A program that grows by one operation at a time."""

    def __init__(self, rng):
        self.rng, self.lines, self.helpers, self.values = rng, [], {}, []
        self.inputs = []

    def pick(self, options):
        return options[int(self.rng.integers(len(options)))]

    def up_to(self, most):
        return int(self.rng.integers(most + 1))

    def shape(self, rank=None):
        rank = self.pick([0, 1, 1, 2, 2, 2, 3, 3, 4, 5, 6]) if rank is None else rank
        sizes = [0, 1, 2, 3, 4, 5, 7] if rank < 5 else [1, 2, 3]
        weights = np.array([0.02] + [1.0] * (len(sizes) - 1) if rank < 5 else [1.0] * 3)
        return tuple(int(d) for d in self.rng.choice(sizes, rank, p=weights / weights.sum()))

    def parameter(self, kind, shape):
        count, seed = int(np.prod(shape, dtype=np.int64)), int(self.rng.integers(1 << 30))
        t = TYPES[kind]
        pool = (floats if kind in FLOATS else integers)(t, max(count, 64), seed)
        data = np.random.default_rng(seed).permutation(pool)[:count].reshape(shape)
        name = f"p{len(self.inputs)}"
        self.lines.append(f"{name} = {kind}[{','.join(map(str, shape))}] parameter({len(self.inputs)})")
        self.inputs.append(data)
        self.values.append((name, kind, shape))
        return self.values[-1]

    def add(self, kind, shape, what):
        name = f"v{len(self.lines)}"
        self.lines.append(f"{name} = {kind}[{','.join(map(str, shape))}] {what}")
        self.values.append((name, kind, tuple(shape)))
        return self.values[-1]

    def value(self, kinds=None, rank_at_least=0):
        found = [v for v in self.values
                 if (kinds is None or v[1] in kinds) and len(v[2]) >= rank_at_least]
        if found and self.rng.random() < 0.8:
            return self.pick(found)
        kind = self.pick(kinds or list(TYPES))
        return self.parameter(kind, self.shape(max(rank_at_least, self.pick([0, 1, 2, 3]))))

    def like(self, kind, shape):
        found = [v for v in self.values if v[1] == kind and v[2] == tuple(shape)]
        return self.pick(found) if found and self.rng.random() < 0.6 else self.parameter(kind, shape)

    def helper(self, op, kind):
        name = f"{op}_{kind}"
        self.helpers[name] = reducer(op, kind).replace("r {", f"{name} {{", 1)
        return name

    def neutral(self, fold, kind):
        info = np.iinfo(TYPES[kind])
        value = {"add": 0, "multiply": 1, "maximum": info.min, "minimum": info.max}[fold]
        return self.add(kind, (), f"constant({value})")[0]

    def is_square(self, name):
        line = next(line for line in self.lines if line.startswith(f"{name} = "))
        operands = line.partition(" multiply(")[2].rstrip(")").split(", ")
        return len(operands) == 2 and operands[0] == operands[1]

    # ---- Movement ----

    def transpose(self):
        x, kind, s = self.value()
        order = [int(d) for d in self.rng.permutation(len(s))]
        self.add(kind, [s[d] for d in order], f"transpose({x}), dimensions={text_of(order)}")

    def reverse(self):
        x, kind, s = self.value(rank_at_least=1)
        dims = [d for d in range(len(s)) if self.rng.random() < 0.5]
        self.add(kind, s, f"reverse({x}), dimensions={text_of(dims)}")

    def reshape(self):
        x, kind, s = self.value()
        left, out = int(np.prod(s, dtype=np.int64)), []
        for prime in (2, 3, 5, 7):
            while left and left % prime == 0:
                left //= prime
                out.append(prime)
        out = [int(d) for d in self.rng.permutation(out)] if left else list(s)
        while len(out) > 1 and self.rng.random() < 0.5:
            at = self.up_to(len(out) - 2)
            out[at:at + 2] = [out[at] * out[at + 1]]
        if self.rng.random() < 0.3:
            out.insert(self.up_to(len(out)), 1)
        self.add(kind, out, f"reshape({x})")

    def broadcast(self):
        # XLA's compiler flushes denormals in broadcasts of bf16 of some shapes (NUMERICS.md).
        x, kind, s = self.value([k for k in TYPES if k != "bf16"])
        out, dims = list(self.shape(self.up_to(2))), []
        places = sorted(self.rng.choice(len(out) + len(s), len(s), replace=False)) if s else []
        for place, d in zip(places, s):
            out.insert(int(place), d)
            dims.append(int(place))
        self.add(kind, out, f"broadcast({x}), dimensions={text_of(dims)}")

    def slice(self):
        x, kind, s = self.value(rank_at_least=1)
        parts, out = [], []
        for d in s:
            low = self.up_to(d)
            high = low + self.up_to(d - low)
            step = 1 + self.up_to(2)
            parts.append(f"[{low}:{high}:{step}]")
            out.append(-(-(high - low) // step))
        self.add(kind, out, f"slice({x}), slice={{{', '.join(parts)}}}")

    def pad(self):
        x, kind, s = self.value(rank_at_least=1)
        fill = self.like(kind, ())[0]
        parts, out = [], []
        for d in s:
            low, high, inner = self.up_to(6) - 3, self.up_to(6) - 3, self.up_to(2)
            size = d + max(d - 1, 0) * inner + low + high
            if size < 0:
                low, high, size = 0, 0, d + max(d - 1, 0) * inner
            parts.append(f"{low}_{high}_{inner}")
            out.append(size)
        self.add(kind, out, f"pad({x}, {fill}), padding={'x'.join(parts)}")

    def concatenate(self):
        x, kind, s = self.value(rank_at_least=1)
        d, names, size = self.up_to(len(s) - 1), [x], s[self.up_to(0)]
        size = s[d]
        for _ in range(1 + self.up_to(1)):
            other = list(s)
            other[d] = self.up_to(3)
            names.append(self.like(kind, other)[0])
            size += other[d]
        out = list(s)
        out[d] = size
        self.add(kind, out, f"concatenate({', '.join(names)}), dimensions={{{d}}}")

    def dynamic_slice(self):
        x, kind, s = self.value(rank_at_least=1)
        at = self.pick(["s32", "s64", "u32", "s8", "u8"])
        starts = [self.like(at, ())[0] for _ in s]
        sizes = [self.up_to(d) for d in s]
        self.add(kind, sizes, f"dynamic-slice({', '.join([x] + starts)}), "
                 f"dynamic_slice_sizes={text_of(sizes)}")

    def dynamic_update_slice(self):
        x, kind, s = self.value(rank_at_least=1)
        at = self.pick(["s32", "s64", "u32"])
        piece = self.like(kind, [self.up_to(d) for d in s])[0]
        starts = [self.like(at, ())[0] for _ in s]
        self.add(kind, s, f"dynamic-update-slice({', '.join([x, piece] + starts)})")

    def iota(self):
        s = self.shape(self.pick([1, 2, 3]))
        self.add(self.pick(INTEGERS + ["f32"]), s, f"iota(), iota_dimension={self.up_to(len(s) - 1)}")

    def bitcast(self):
        x, kind, s = self.value(rank_at_least=1)
        width = np.dtype(TYPES[kind]).itemsize
        to = self.pick([k for k in TYPES if k != "pred"])
        if kind == "pred":
            return
        other = np.dtype(TYPES[to]).itemsize
        out = list(s)
        if other < width:
            out.append(width // other)
        elif other > width:
            if out[-1] != other // width:
                return
            out.pop()
        self.add(to, out, f"bitcast-convert({x})")

    # ---- Elements ----

    def arithmetic(self):
        op = self.pick(ARITHMETIC)
        kinds = INTEGERS + (["pred"] if op in ("and", "or", "xor", "maximum", "minimum") else [])
        x, kind, s = self.value(kinds)
        y = self.like(kind, s)[0]
        self.add(kind, s, f"{op}({x}, {y})")

    def unary(self):
        x, kind, s = self.value(INTEGERS)
        op = self.pick(["negate", "not", "abs", "sign"] if kind[0] == "s" else ["not", "negate"])
        if op == "abs" and self.is_square(x):  # XLA takes it for the square (NUMERICS.md)
            op = "sign"
        self.add(kind, s, f"{op}({x})")

    def convert(self):
        x, kind, s = self.value(INTEGERS + ["pred", "f32", "f64"])
        to = self.pick(INTEGERS + (["f32", "f64"] if kind in INTEGERS else []))
        self.add(to, s, f"convert({x})")

    def compare(self):
        x, kind, s = self.value()
        y = self.like(kind, s)[0]
        self.add("pred", s, f"compare({x}, {y}), direction={self.pick(COMPARISONS)}")

    def select(self):
        x, kind, s = self.value()
        self.add(kind, s, f"select({self.like('pred', s)[0]}, {x}, {self.like(kind, s)[0]})")

    def clamp(self):
        x, kind, s = self.value(INTEGERS)
        low, high = (self.like(kind, self.pick([s, ()]))[0] for _ in range(2))
        self.add(kind, s, f"clamp({low}, {x}, {high})")

    # ---- Folds, windows, products ----

    def reduce(self):
        x, kind, s = self.value(INTEGERS)
        fold = self.pick(FOLDS)
        dims = [d for d in range(len(s)) if self.rng.random() < 0.5]
        out = [d for i, d in enumerate(s) if i not in dims]
        # XLA drops the initial value where every fold has one element (NUMERICS.md): then a neutral one.
        one_each = all(s[d] == 1 for d in dims)
        start = self.neutral(fold, kind) if one_each else self.like(kind, ())[0]
        self.add(kind, out, f"reduce({x}, {start}), dimensions={text_of(dims)}, "
                 f"to_apply={self.helper(fold, kind)}")

    def window(self, sizes, dilated_base=True):
        """A random window over dimensions of these sizes: its text, and how often it fits."""
        texts = {"size": [], "stride": [], "pad": [], "lhs_dilate": [], "rhs_dilate": []}
        counts = []
        for d, w in sizes:
            step, base, inner = 1 + self.up_to(2), 1 + self.up_to(1) * dilated_base, 1 + self.up_to(1)
            low, high = self.up_to(2), self.up_to(2)
            extent = (d - 1) * base + 1 + low + high if d else low + high
            reach = (w - 1) * inner + 1
            counts.append((extent - reach) // step + 1 if extent >= reach else 0)
            for key, text in zip(texts, (w, step, f"{low}_{high}", base, inner)):
                texts[key].append(str(text))
        body = " ".join(f"{k}={'x'.join(v)}" for k, v in texts.items())
        return f"window={{{body}}}", counts

    def reduce_window(self):
        x, kind, s = self.value(INTEGERS, rank_at_least=1)
        op, start = self.helper(self.pick(FOLDS), kind), self.like(kind, ())[0]
        text, counts = self.window([(d, 1 + self.up_to(2)) for d in s])
        self.add(kind, counts, f"reduce-window({x}, {start}), {text}, to_apply={op}")

    def dot(self):
        kind = self.pick(INTEGERS)
        batch = [1 + self.up_to(2) for _ in range(self.up_to(2))]
        terms = [1 + self.up_to(4) for _ in range(self.up_to(2))]
        sides, places = [], []
        for _ in range(2):
            free = [1 + self.up_to(3) for _ in range(self.up_to(2))]
            labels = [("b", i, d) for i, d in enumerate(batch)] + \
                [("k", i, d) for i, d in enumerate(terms)] + [("f", i, d) for i, d in enumerate(free)]
            labels = [labels[int(i)] for i in self.rng.permutation(len(labels))]
            sides.append(self.like(kind, [d for _, _, d in labels])[0])
            places.append(labels)
        out = batch + [d for side in places for what, _, d in side if what == "f"]

        def dims(side, what, count):
            return text_of([next(n for n, (w, i, _) in enumerate(places[side]) if (w, i) == (what, j))
                            for j in range(count)])
        attributes = []
        if batch:
            attributes += [f"lhs_batch_dims={dims(0, 'b', len(batch))}",
                           f"rhs_batch_dims={dims(1, 'b', len(batch))}"]
        attributes += [f"lhs_contracting_dims={dims(0, 'k', len(terms))}",
                       f"rhs_contracting_dims={dims(1, 'k', len(terms))}"]
        self.add(kind, out, f"dot({sides[0]}, {sides[1]}), {', '.join(attributes)}")

    def convolution(self):
        kind = self.pick(["s8", "s16", "s32"])
        rank, groups = 1 + self.up_to(1), 1 + self.up_to(1)
        size = [1 + self.up_to(4) for _ in range(rank)]
        kernel = [1 + self.up_to(2) for _ in range(rank)]
        channels, features, batch = 1 + self.up_to(1), groups * (1 + self.up_to(1)), 1 + self.up_to(1)
        x = self.like(kind, [batch] + size + [channels * groups])[0]
        w = self.like(kind, kernel + [channels, features])[0]
        text, counts = self.window(list(zip(size, kernel)))
        space = "01"[:rank]
        self.add(kind, [batch] + counts + [features],
                 f"convolution({x}, {w}), {text}, dim_labels=b{space}f_{space}io->b{space}f, "
                 f"feature_group_count={groups}")

    OPERATIONS = [transpose, reverse, reshape, broadcast, slice, pad, concatenate, dynamic_slice,
                  dynamic_update_slice, iota, bitcast, arithmetic, arithmetic, unary, convert, compare,
                  select, clamp, reduce, reduce_window, dot, convolution]

    def text(self):
        """The program's text; its result is the tuple of what was computed."""
        results = [v for v in self.values if v[0].startswith("v")]
        shapes = ", ".join(f"{k}[{','.join(map(str, s))}]" for _, k, s in results)
        root = f"ROOT out = ({shapes}) tuple({', '.join(v[0] for v in results)})"
        return "\n".join(["HloModule fuzz", *self.helpers.values(), "ENTRY main {",
                          *("  " + line for line in self.lines), "  " + root, "}"]) + "\n"


def random_program(seed):
    program = Program(np.random.default_rng(seed))
    while not any(v[0].startswith("v") for v in program.values):
        for _ in range(1 + program.up_to(7)):
            program.pick(Program.OPERATIONS)(program)
    return program


def evaluate(command, program, folder):
    """`isamorph eval`'s results as bytes, or its error."""
    (folder / "program.hlo").write_text(program.text())
    arguments = [command, "eval", "program.hlo"]
    for i, x in enumerate(program.inputs):
        (folder / f"p{i}.bin").write_bytes(x.tobytes())
        arguments += ["--input", f"p{i}.bin"]
    count = sum(v[0].startswith("v") for v in program.values)
    for i in range(count):
        arguments += ["--output", f"out{i}.bin"]
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        return None, done.stderr
    return [(folder / f"out{i}.bin").read_bytes() for i in range(count)], ""


def same(expected, got):
    """Equal bits; any NaN equals any NaN."""
    if expected.tobytes() == got:
        return True
    if expected.dtype.kind in "biu":
        return False
    other = np.frombuffer(got, expected.dtype).reshape(expected.shape)
    bits = f"u{expected.dtype.itemsize}"
    return bool(np.all((expected.view(bits) == other.view(bits)) |
                       ((expected != expected) & (other != other))))


def write_vectors(seeds, directory):
    family = Family("random")
    for seed in seeds:
        program = random_program(seed)
        family.module(f"random.{seed}", _hlo.hlo_module_from_text(program.text()), program.inputs)
    family.write(directory)


def compare(seed, command, keep):
    """'same', 'differs' or 'refused' by XLA; what differs is printed and kept."""
    program = random_program(seed)
    try:
        expected = run(_hlo.hlo_module_from_text(program.text()), program.inputs)
    except (jax.errors.JaxRuntimeError, ValueError) as error:
        print(f"{seed}: refused by XLA: {str(error).splitlines()[0][:150]}")
        return "refused"
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        got, error = evaluate(command, program, folder)
        wrong = [i for i, e in enumerate(expected) if got is None or not same(e, got[i])]
        if not wrong:
            return "same"
        kept = keep / str(seed)
        kept.mkdir(parents=True, exist_ok=True)
        for file in folder.iterdir():
            (kept / file.name).write_bytes(file.read_bytes())
        print(f"{seed}: {error.strip() if got is None else f'results {wrong} differ'}; see {kept}")
        return "differs"


def compare_all(seeds, options):
    """Exit status 1 when a program differs. The programs run in a child, begun again after each that ends
    XLA itself (which divides the least integer by -1 while it compiles)."""
    counts = {"same": 0, "differs": 0, "refused": 0, "died": 0}
    left = list(seeds)
    while left:
        arguments = [sys.executable, __file__, "--isamorph", options.isamorph, "--keep",
                     str(options.keep), "--child", str(left[0]), str(left[-1])]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as child:
            for line in child.stdout:
                if line.strip() in counts:
                    counts[line.strip()] += 1
                    left.pop(0)
                else:
                    print(line, end="", flush=True)
        if left and child.returncode > 0:
            return child.returncode
        if left:
            print(f"{left.pop(0)}: ends XLA itself")
            counts["died"] += 1
    print(f"{counts['same'] + counts['differs']} programs compared, {counts['differs']} differ; "
          f"{counts['refused']} refused by XLA, {counts['died']} end it")
    return 1 if counts["differs"] else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--isamorph", help="the command to compare with XLA")
    what.add_argument("--vectors", type=pathlib.Path, help="where to write random.vectors")
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1, help="the first program is a million times this")
    parser.add_argument("--keep", type=pathlib.Path, default=pathlib.Path("xla_fuzz_differences"),
                        help="where programs that differ go")
    parser.add_argument("--child", type=int, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        for seed in range(options.child[0], options.child[1] + 1):
            print(compare(seed, options.isamorph, options.keep), flush=True)
        return 0
    seeds = range(options.seed * 1_000_000, options.seed * 1_000_000 + options.programs)
    if options.vectors:
        return write_vectors(seeds, options.vectors)
    options.isamorph = str(pathlib.Path(options.isamorph).resolve())
    return compare_all(seeds, options)


if __name__ == "__main__":
    sys.exit(main())
