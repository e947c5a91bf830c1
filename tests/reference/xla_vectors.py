#!/usr/bin/env python3
"""Writes the reference vectors of tests/reference/xla/: what XLA computes on the CPU.

Every case is an HLO module that XLA itself has read and printed, its inputs (boundary values and
seeded random ones) and XLA's outputs. `tables.vectors`, and semantics/numerics/xla_cpu.functions of
functions that are approximated, hold all 65536 results of each unary operation of bf16 and f16, as
the differences from the function in f64 rounded to f32 and then to the type, and a digest of all.

Usage: xla_vectors.py DIRECTORY [elementwise|movement|folds|windows|programs|tables ...]
It needs jax, numpy and ml_dtypes; the files name their versions. tests/semantics/xla_vectors_test.cpp
reads the format: `tensor NAME SHAPE BYTES`, then for each `case NAME` the module's text after its
number of lines, the names of the inputs, and the outputs; bytes are hexadecimal, little-endian.
"""

import math
import pathlib
import sys

import jax
import jaxlib
import ml_dtypes
import numpy as np
from jax._src import xla_bridge
from jaxlib import _hlo, _jax, xla_client

jax.config.update("jax_enable_x64", True)

TYPES = {
    "pred": np.bool_, "s8": np.int8, "u8": np.uint8, "s16": np.int16, "u16": np.uint16,
    "s32": np.int32, "u32": np.uint32, "s64": np.int64, "u64": np.uint64,
    "f16": np.float16, "bf16": ml_dtypes.bfloat16, "f32": np.float32, "f64": np.float64,
}
FLOATS = ["f16", "bf16", "f32", "f64"]
INTEGERS = ["s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64"]
UNARY_FLOAT = ["abs", "negate", "sign", "floor", "ceil", "round-nearest-even", "exponential",
               "exponential-minus-one", "log", "log-plus-one", "logistic", "tanh", "erf", "sqrt",
               "rsqrt", "cbrt", "sine", "cosine"]
FUNCTIONS = ["exponential", "exponential-minus-one", "log", "log-plus-one", "logistic", "tanh", "erf",
             "rsqrt", "cbrt", "sine", "cosine"]
BINARY_FLOAT = ["add", "subtract", "multiply", "divide", "remainder", "maximum", "minimum", "power"]
BINARY_INTEGER = BINARY_FLOAT + ["and", "or", "xor"]
SHIFTS = ["shift-left", "shift-right-arithmetic", "shift-right-logical"]

CPU = xla_bridge.get_backend("cpu")


def signature(array):
    name = next(n for n, t in TYPES.items() if np.dtype(t) == array.dtype)
    return f"{name}[{','.join(map(str, array.shape))}]"


def run(module, inputs):
    """XLA's outputs for a parsed module."""
    computation = _hlo.XlaComputation(module.as_serialized_hlo_module_proto())
    mlir = _jax.mlir.xla_computation_to_mlir_module(computation)
    devices = xla_client.DeviceList(tuple(CPU.local_devices()[:1]))
    program = CPU.compile_and_load(mlir, devices, xla_client.CompileOptions())
    results = program.execute_sharded([jax.device_put(x) for x in inputs])
    return [np.asarray(r[0]) for r in results.disassemble_into_single_device_arrays()]


def reducer(op, type_name):
    t = f"{type_name}[]"
    return f"r {{ a = {t} parameter(0) b = {t} parameter(1) ROOT c = {t} {op}(a, b) }}\n"


class Family:
    """One file of cases; tensors that several cases share are written once."""

    def __init__(self, name, kind="vectors"):
        self.name, self.kind, self.lines, self.tensors = name, kind, [], {}

    def tensor(self, array):
        text = f"{signature(array)} {np.ascontiguousarray(array).tobytes().hex()}"
        if text not in self.tensors:
            self.tensors[text] = f"t{len(self.tensors)}"
            self.lines.append(f"tensor {self.tensors[text]} {text}".rstrip())
        return self.tensors[text]

    def case(self, name, result, inputs, helper=""):
        """`result` is the instruction over parameters p0, p1, ...: "f32[4] add(p0, p1)"."""
        parameters = " ".join(f"p{i} = {signature(x)} parameter({i})" for i, x in enumerate(inputs))
        text = f"HloModule m\n{helper}ENTRY e {{ {parameters} ROOT y = {result} }}"
        self.module(name, _hlo.hlo_module_from_text(text), inputs)

    def module(self, name, module, inputs):
        try:
            outputs = run(module, inputs)
        except jax.errors.JaxRuntimeError as error:
            print(f"not defined by XLA: {name}: {str(error)[:200]}")
            return
        names = [self.tensor(x) for x in inputs]
        printed = module.to_string().strip().splitlines()
        self.lines += [f"case {name}", f"hlo {len(printed)}", *printed, "input " + " ".join(names)]
        for out in outputs:
            hexadecimal = np.ascontiguousarray(out).tobytes().hex()
            self.lines.append(f"output {signature(out)} {hexadecimal}".rstrip())

    def write(self, directory):
        head = [f"// {self.name}: made by tests/reference/{pathlib.Path(sys.argv[0]).name} with jax {jax.__version__}, "
                f"jaxlib {jaxlib.__version__}, numpy {np.__version__}, ml_dtypes "
                f"{ml_dtypes.__version__}; XLA on the CPU."]
        if self.kind == "functions":
            directory = pathlib.Path(__file__).parents[2] / "semantics" / "numerics"
        path = pathlib.Path(directory) / f"{self.name}.{self.kind}"
        path.write_text("\n".join(head + self.lines) + "\n")
        print(path, path.stat().st_size)


def boundary_floats(t):
    info = ml_dtypes.finfo(t)
    one, eps = 1.0, float(info.eps)
    low, tiny, big = float(info.smallest_subnormal), float(info.tiny), float(info.max)
    values = [0.0, low, tiny - low, tiny, one, one + eps, one - eps / 2, 0.5, 1.5, 2.0, 2.5, 3.0, big,
              math.inf, 1e-3, 10.0, math.pi]
    return np.array(values + [-v for v in values] + [math.nan]).astype(t)


def floats(t, count, seed):
    """Boundary values, numbers around one, and any bits."""
    random = np.random.default_rng(seed)
    edge = boundary_floats(t)
    rest = count - len(edge)
    plain = (random.standard_normal(rest // 2) * 8).astype(t)
    size = np.dtype(t).itemsize
    bits = random.integers(0, 256, (rest - rest // 2) * size, dtype=np.uint8).view(t)
    return np.concatenate([edge, plain, bits])


def integers(t, count, seed):
    random = np.random.default_rng(seed)
    if t == np.bool_:
        return random.integers(0, 2, count).astype(t)
    info = np.iinfo(t)
    width = info.bits
    edge = [0, 1, 2, 3, 7, width - 1, width, width + 1, info.max, info.max - 1, info.min,
            info.min + 1]
    if info.min < 0:
        edge += [-1, -2, -3, -width]
    small = random.integers(0, 20, count // 4) - (10 if info.min < 0 else 0)
    rest = count - len(edge) - len(small)
    bits = random.integers(0, 256, rest * info.bits // 8, dtype=np.uint8).view(t)
    return np.concatenate([np.array(edge, dtype=t), small.astype(t), bits])


def values(name, count, seed):
    t = TYPES[name]
    return floats(t, count, seed) if name in FLOATS else integers(t, count, seed)


def pairs(name, count, seed):
    """All pairs of some boundary values, and random ones."""
    random = np.random.default_rng(seed)
    a, b = values(name, count, seed), values(name, count, seed + 1)
    random.shuffle(a)
    edge = boundary_floats(TYPES[name]) if name in FLOATS else integers(TYPES[name], 24, seed)[:16]
    left, right = np.meshgrid(edge[random.permutation(len(edge))[:12]],
                              edge[random.permutation(len(edge))[:12]])
    return (np.concatenate([a, left.ravel()[:count]]), np.concatenate([b, right.ravel()[:count]]))


def elementwise():
    unary, binary, convert = Family("unary"), Family("binary"), Family("convert")
    for n in ["f32", "f64"]:
        x = values(n, 128, 1)
        for op in UNARY_FLOAT:
            unary.case(f"{op}.{n}", f"{n}[{len(x)}] {op}(p0)", [x])
    for n in INTEGERS:
        x = values(n, 48, 2)
        for op in ["abs", "negate", "sign", "not"]:
            if op in ("abs", "negate") and n[0] == "u":
                continue
            unary.case(f"{op}.{n}", f"{n}[{len(x)}] {op}(p0)", [x])
    unary.case("not.pred", "pred[8] not(p0)", [values("pred", 8, 3)])
    for n in FLOATS + INTEGERS + ["pred"]:
        a, b = pairs(n, 96 if n in FLOATS else 40, 4)
        shape = f"[{len(a)}]"
        ops = (BINARY_FLOAT if n in FLOATS else
               ["add", "multiply", "maximum", "minimum", "and", "or", "xor"] if n == "pred" else
               BINARY_INTEGER + SHIFTS)
        for op in ops:
            binary.case(f"{op}.{n}", f"{n}{shape} {op}(p0, p1)", [a, b])
        for direction in ["EQ", "NE", "LT", "LE", "GT", "GE"]:
            binary.case(f"compare-{direction}.{n}",
                        f"pred{shape} compare(p0, p1), direction={direction}", [a, b])
        low, x, high = a, b, np.roll(a, 7)
        if n != "pred":
            binary.case(f"clamp.{n}", f"{n}{shape} clamp(p0, p1, p2)", [low, x, high])
        flags = values("pred", len(a), 5)
        binary.case(f"select.{n}", f"{n}{shape} select(p0, p1, p2)", [flags, a, b])
    for n in TYPES:
        x = values(n, 64 if n in FLOATS else 40, 6)
        if n in FLOATS:  # around the ends of the integer types
            ends = [s * (2.0 ** w + d) for w in (7, 8, 15, 16, 31, 32, 63, 64) for s in (1, -1)
                    for d in (-1, -0.5, 0, 1)]
            with np.errstate(over="ignore"):
                x = np.concatenate([x, np.array(ends).astype(TYPES[n])])
        for to in TYPES:
            if to != n:
                convert.case(f"convert.{n}.{to}", f"{to}[{len(x)}] convert(p0)", [x])
    return [unary, binary, convert]


def movement():
    f = Family("movement")
    for n in TYPES:
        x = values(n, 48, 7)[:24].reshape(2, 3, 4)
        scalar = values(n, 48, 8)[-1:].reshape(())
        f.case(f"copy.{n}", f"{n}[2,3,4] copy(p0)", [x])
        f.case(f"transpose.{n}", f"{n}[4,2,3] transpose(p0), dimensions={{2,0,1}}", [x])
        f.case(f"reverse.{n}", f"{n}[2,3,4] reverse(p0), dimensions={{0,2}}", [x])
        f.case(f"slice.{n}", f"{n}[1,2,2] slice(p0), slice={{[1:2], [0:3:2], [1:4:2]}}", [x])
        f.case(f"broadcast.{n}", f"{n}[2,2,3,4] broadcast(p0), dimensions={{0,2,3}}", [x])
        f.case(f"reshape.{n}", f"{n}[4,6] reshape(p0)", [x])
        f.case(f"concatenate.{n}", f"{n}[2,6,4] concatenate(p0, p0), dimensions={{1}}", [x])
        f.case(f"pad.{n}", f"{n}[3,3,8] pad(p0, p1), padding=1_0x-1_1x0_1_1", [x, scalar])
        i, j = np.int32(-3), np.int32(100)
        f.case(f"dynamic-slice.{n}",
               f"{n}[1,2,2] dynamic-slice(p0, p1, p2, p3), dynamic_slice_sizes={{1,2,2}}",
               [x, np.array(j), np.array(i), np.array(np.int32(1))])
        f.case(f"dynamic-update-slice.{n}",
               f"{n}[2,3,4] dynamic-update-slice(p0, p1, p2, p3, p4)",
               [x, x[:1, :2, :2], np.array(i), np.array(np.int32(1)), np.array(j)])
        if n != "pred":
            f.case(f"iota.{n}", f"{n}[3,5] iota(), iota_dimension=1", [])
    for index in INTEGERS:
        x = np.arange(10, dtype=np.int16)
        for k, start in enumerate(values(index, 24, 9)[:16]):
            f.case(f"dynamic-slice.{index}.{k}",
                   "s16[4] dynamic-slice(p0, p1), dynamic_slice_sizes={4}", [x, np.array(start)])
    for a, b, shape in [("f32", "u8", "6,4"), ("u8", "s16", "3"), ("f16", "u16", "6"),
                        ("s64", "f16", "6,4"), ("bf16", "f64", "")]:
        count = 4 if b == "f64" else 6
        x = values(a, 48, 10)[:count]
        x = x.reshape(3, 2) if a == "u8" else x
        f.case(f"bitcast-convert.{a}.{b}", f"{b}[{shape}] bitcast-convert(p0)", [x])
    x = np.arange(256, dtype=np.int32).reshape((2,) * 8)
    f.case("transpose.rank8", "s32[2,2,2,2,2,2,2,2] transpose(p0), dimensions={7,0,6,1,5,2,4,3}", [x])
    f.case("reverse.rank8", "s32[2,2,2,2,2,2,2,2] reverse(p0), dimensions={0,3,7}", [x])
    f.case("reduce.rank8", "s32[2,2,2,2] reduce(p0, p1), dimensions={0,2,4,6}, to_apply=r",
           [x, np.array(np.int32(5))], reducer("add", "s32"))
    empty = np.zeros((0, 3), np.float32)
    f.case("transpose.empty", "f32[3,0] transpose(p0), dimensions={1,0}", [empty])
    f.case("pad.empty", "f32[2,3] pad(p0, p1), padding=1_1x0_0", [empty, np.array(np.float32(7))])
    f.case("reduce.empty", "f32[3] reduce(p0, p1), dimensions={0}, to_apply=r",
           [empty, np.array(np.float32(2))], reducer("add", "f32"))
    f.case("dot.empty", "f32[3,3] dot(p0, p0), lhs_contracting_dims={0}, rhs_contracting_dims={0}",
           [empty])
    f.case("add.scalar", "f32[] add(p0, p0)", [np.array(np.float32(1.5))])
    return [f]


def small(name, shape, seed, scale=1.0):
    """Numbers whose sums show the order in which they were added."""
    random = np.random.default_rng(seed)
    t = TYPES[name]
    if name in FLOATS:
        wide = random.standard_normal(shape) * np.exp2(random.integers(-6, 7, shape)) * scale
        return wide.astype(t)
    if name == "pred":
        return random.integers(0, 2, shape).astype(t)
    size = int(np.prod(shape)) * np.dtype(t).itemsize
    return random.integers(0, 256, size, dtype=np.uint8).view(t).reshape(shape)


def folds():
    reduce, dot = Family("reduce"), Family("dot")
    for n in TYPES:
        for op in ["add", "multiply", "maximum", "minimum", "and", "or"]:
            if (op in ("and", "or")) == (n in FLOATS):
                continue
            if n == "pred" and op in ("add", "multiply"):
                continue
            for rows, columns in [(4, 7), (3, 32), (2, 64), (2, 100)]:
                if columns > 32 and (op != "add" or n not in FLOATS):
                    continue
                x = small(n, (rows, columns), 11, 0.05 if op == "multiply" else 1.0)
                init = small(n, (1,), 12).reshape(())
                reduce.case(f"reduce-{op}.{n}.{columns}",
                            f"{n}[{rows}] reduce(p0, p1), dimensions={{1}}, to_apply=r", [x, init],
                            reducer(op, n))
    for n in FLOATS:
        x, zero = small(n, (3, 5, 6), 13), np.zeros((), TYPES[n])
        reduce.case(f"reduce-two.{n}", f"{n}[5] reduce(p0, p1), dimensions={{2,0}}, to_apply=r",
                    [x, zero], reducer("add", n))
        x = small(n, (33, 33), 14)
        reduce.case(f"reduce-square.{n}", f"{n}[] reduce(p0, p1), dimensions={{0,1}}, to_apply=r",
                    [x, zero], reducer("add", n))
        edge = boundary_floats(TYPES[n])
        for op in ["add", "maximum", "minimum"]:
            reduce.case(f"reduce-edge-{op}.{n}",
                        f"{n}[{len(edge)}] reduce(p0, p1), dimensions={{1}}, to_apply=r",
                        [np.stack([edge, edge[::-1]], 1), zero], reducer(op, n))
    for n in TYPES:
        for k in [1, 5, 33]:
            a, b = small(n, (3, k), 15), small(n, (k, 4), 16)
            if n == "pred":
                continue
            dot.case(f"dot.{n}.{k}", f"{n}[3,4] dot(p0, p1), lhs_contracting_dims={{1}}, "
                     "rhs_contracting_dims={0}", [a, b])
        if n != "pred":
            a, b = small(n, (2, 3, 2, 4), 17), small(n, (4, 2, 3, 2), 18)
            dot.case(f"dot-batch.{n}", f"{n}[2,3,3] dot(p0, p1), lhs_batch_dims={{0}}, "
                     "lhs_contracting_dims={2,3}, rhs_batch_dims={1}, rhs_contracting_dims={3,0}",
                     [a, b])
    # Enough rows and columns for XLA's library of large products.
    dot.case("dot.f32.large", "f32[17,19] dot(p0, p1), lhs_contracting_dims={1}, "
             "rhs_contracting_dims={0}", [small("f32", (17, 33), 19), small("f32", (33, 19), 20)])
    return [reduce, dot]


MIXED = [("s8", "s8", "s32"), ("u8", "u8", "s32"), ("u8", "s8", "s32"), ("s8", "s8", "s16"),
         ("u8", "u8", "u64"), ("s32", "s32", "s8"), ("s8", "s8", "f32"), ("s32", "s32", "f32"),
         ("bf16", "bf16", "f32"), ("f16", "f16", "f32"), ("bf16", "f32", "f32"),
         ("bf16", "f16", "f32"), ("f32", "f32", "f64"), ("bf16", "bf16", "f64"),
         ("f32", "f32", "bf16"), ("f16", "f16", "bf16")]


def mixed():
    """Dots and convolutions whose result has another type than their operands."""
    f = Family("mixed")
    for left, right, result in MIXED:
        name = f"{left}.{right}.{result}"
        for k in [1, 5, 40]:
            a, b = small(left, (3, k), 40), small(right, (k, 4), 41)
            f.case(f"dot.{name}.{k}", f"{result}[3,4] dot(p0, p1), lhs_contracting_dims={{1}}, "
                   "rhs_contracting_dims={0}", [a, b])
        a, b = small(left, (1, 5, 5, 2), 42), small(right, (3, 3, 2, 3), 43)
        f.case(f"convolution.{name}", f"{result}[1,3,3,3] convolution(p0, p1), "
               "window={size=3x3}, dim_labels=b01f_01io->b01f", [a, b])
    x, k = small("s8", (4, 6), 44), small("s8", (6, 3), 45)
    text = jax.jit(lambda x, k: jax.lax.dot(x, k, preferred_element_type=np.int32)).lower(
        x, k).compiler_ir("hlo").as_hlo_text()
    f.module("preferred.s8", _hlo.hlo_module_from_text(text), [x, k])
    return [f]


WINDOWS = [
    ("plain", "size=1x3", "3,6"),
    ("stride", "size=2x3 stride=1x2", "2,3"),
    ("pad", "size=2x3 pad=1_0x1_2", "3,9"),
    ("negative", "size=1x2 pad=0_0x-1_-2", "3,4"),
    ("dilated", "size=2x2 rhs_dilate=2x3", "1,5"),
    ("holes", "size=2x3 pad=1_1x0_1 lhs_dilate=2x2", "6,14"),
]

# name, lhs, rhs, result shapes and attributes
CONVOLUTIONS = [
    ("1d", "1,8,2", "3,2,3", "1,8,3", "window={size=3 pad=1_1}, dim_labels=b0f_0io->b0f"),
    ("0d", "3,4", "4,5", "3,5", "window={}, dim_labels=bf_io->bf"),
    ("2d", "2,5,6,3", "3,2,3,4", "2,5,5,4",
     "window={size=3x2 pad=1_1x0_0}, dim_labels=b01f_01io->b01f"),
    ("nchw", "2,3,5,6", "4,3,3,2", "2,4,3,3",
     "window={size=3x2 stride=1x2 pad=0_0x1_0}, dim_labels=bf01_oi01->bf01"),
    ("odd", "3,5,2,6", "2,3,4,3", "4,5,6,2",
     "window={size=2x3 pad=1_0x1_1}, dim_labels=f0b1_0i o1->o".replace(" ", "")),
    ("reversed", "1,5,6,2", "3,2,2,3", "1,3,5,3",
     "window={size=3x2 rhs_reversal=1x1}, dim_labels=b01f_01io->b01f"),
    ("dilated", "1,6,6,2", "2,2,2,2", "1,4,3,2",
     "window={size=2x2 rhs_dilate=2x3}, dim_labels=b01f_01io->b01f"),
    ("transposed", "1,3,4,2", "3,3,2,2", "1,6,8,2",
     "window={size=3x3 pad=1_2x1_2 lhs_dilate=2x2 rhs_reversal=1x1}, dim_labels=b01f_01io->b01f"),
    ("negative", "1,6,6,1", "2,2,1,2", "1,3,4,2",
     "window={size=2x2 pad=-1_-1x0_-1}, dim_labels=b01f_01io->b01f"),
    ("features", "2,5,6,4", "3,3,2,6", "2,3,4,6",
     "window={size=3x3}, dim_labels=b01f_01io->b01f, feature_group_count=2"),
    ("depthwise", "1,5,5,3", "3,3,1,6", "1,5,5,6",
     "window={size=3x3 pad=1_1x1_1}, dim_labels=b01f_01io->b01f, feature_group_count=3"),
    ("batches", "4,5,6,2", "3,3,2,6", "2,3,4,6",
     "window={size=3x3}, dim_labels=b01f_01io->b01f, batch_group_count=2"),
    ("3d", "1,4,4,4,2", "2,2,2,2,2", "1,3,3,2,2",
     "window={size=2x2x2 stride=1x1x2}, dim_labels=b012f_012io->b012f"),
]


def shape_of(text):
    return tuple(int(d) for d in text.split(","))


def windows():
    f = Family("window")
    for n in TYPES:
        x = small(n, (3, 8), 19)
        init = small(n, (1,), 20).reshape(())
        ops = ["and", "or"] if n == "pred" else ["add", "maximum"] if n in FLOATS else ["add", "or"]
        for op in ops + (["minimum", "multiply"] if n in ("f32", "s32") else []):
            for name, window, shape in WINDOWS:
                f.case(f"reduce-window-{op}.{n}.{name}",
                       f"{n}[{shape}] reduce-window(p0, p1), window={{{window}}}, to_apply=r",
                       [x, init], reducer(op, n))
        if n == "pred":
            continue
        for name, left, right, result, attributes in CONVOLUTIONS:
            if n not in ("f32", "s32", "bf16") and name not in ("1d", "2d", "transposed"):
                continue
            a, b = small(n, shape_of(left), 21), small(n, shape_of(right), 22)
            if name == "odd":
                attributes = "window={size=2x3 pad=1_0x1_1}, dim_labels=f0b1_0io1->f0b1"
                a, b = small(n, (3, 5, 2, 6), 21), small(n, (2, 3, 4, 3), 22)
                result = "4,5,2,6"
            f.case(f"convolution.{n}.{name}", f"{n}[{result}] convolution(p0, p1), {attributes}",
                   [a, b])
    return [f]


def canonical(bits, name):
    magnitude, nan = bits & 0x7fff, 0x7fc0 if name == "bf16" else 0x7e00
    infinity = 0x7f80 if name == "bf16" else 0x7c00
    return np.where(magnitude > infinity, nan, bits).astype(np.uint16)


def fnv(words):
    h = 0xcbf29ce484222325
    for byte in words.astype("<u2").tobytes():
        h = ((h ^ byte) * 0x100000001b3) & 0xffffffffffffffff
    return h


REFERENCE = {
    "abs": np.abs, "negate": np.negative, "floor": np.floor, "ceil": np.ceil,
    "sign": lambda x: np.where(x > 0, 1.0, np.where(x < 0, -1.0, x)),
    "round-nearest-even": np.rint, "exponential": np.exp, "exponential-minus-one": np.expm1,
    "log": np.log, "log-plus-one": np.log1p, "logistic": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh, "erf": np.vectorize(math.erf), "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x), "cbrt": np.cbrt, "sine": np.sin, "cosine": np.cos,
}


def tables():
    """`table OP TYPE DIGEST`, then tokens INPUT[*COUNT]=OUTPUT (hexadecimal) where XLA differs.

    Those of FUNCTIONS are semantics/numerics/xla_cpu.functions, from which profiles take them.
    """
    rest, own = Family("tables"), Family("xla_cpu", "functions")
    for n in ["bf16", "f16"]:
        bits = np.arange(65536, dtype=np.uint16)
        x = bits.view(TYPES[n])
        for op in UNARY_FLOAT:
            module = _hlo.hlo_module_from_text(
                f"HloModule m\nENTRY e {{ p = {n}[65536] parameter(0) ROOT y = {n}[65536] {op}(p) }}")
            got = canonical(run(module, [x])[0].view(np.uint16), n)
            with np.errstate(all="ignore"):
                exact = REFERENCE[op](x.astype(np.float64))
                expected = canonical(exact.astype(np.float32).astype(TYPES[n]).view(np.uint16), n)
            different, tokens, i = got != expected, [], 0
            while i < 65536:
                if not different[i]:
                    i += 1
                    continue
                end = i
                while end < 65536 and different[end] and got[end] == got[i]:
                    end += 1
                count = f"*{end - i:x}" if end - i > 1 else ""
                tokens.append(f"{i:x}{count}={got[i]:x}")
                i = end
            f = own if op in FUNCTIONS else rest
            f.lines.append(f"table {op} {n} {fnv(got):016x}")
            f.lines += [" ".join(tokens[k:k + 12]) for k in range(0, len(tokens), 12)]
            print(op, n, int(different.sum()), len(tokens))
    return [rest, own]


def programs():
    """Small functions as JAX itself lowers them."""
    f = Family("programs")
    lax, jnp = jax.lax, jax.numpy

    def lowered(name, function, *inputs):
        text = jax.jit(function).lower(*inputs).compiler_ir("hlo").as_hlo_text()
        f.module(name, _hlo.hlo_module_from_text(text), list(inputs))

    for n in ["s32", "bf16", "f32"]:
        image, kernel = small(n, (1, 6, 6, 2), 30), small(n, (3, 3, 2, 4), 31)
        labels = ("NHWC", "HWIO", "NHWC")
        lowered(f"conv-same.{n}", lambda x, k: lax.conv_general_dilated(
            x, k, (1, 1), "SAME", dimension_numbers=labels), image, kernel)
        lowered(f"conv-strided.{n}", lambda x, k: lax.conv_general_dilated(
            x, k, (2, 2), "SAME", dimension_numbers=labels), image, kernel)
        lowered(f"conv-transpose.{n}", lambda x, k: lax.conv_transpose(
            x, k, (2, 2), "SAME", dimension_numbers=labels), image, kernel)
        lowered(f"max-pool.{n}", lambda x: lax.reduce_window(
            x, np.array(-jnp.inf, x.dtype) if n != "s32" else np.int32(-2**31), lax.max,
            (1, 2, 2, 1), (1, 2, 2, 1), "VALID"), image)
        lowered(f"sum-pool.{n}", lambda x: lax.reduce_window(
            x, np.zeros((), x.dtype), lax.add, (1, 3, 3, 1), (1, 1, 1, 1), "SAME"), image)
        lowered(f"take.{n}", lambda x, i: lax.dynamic_slice(
            x, (i - i, i, i - np.int32(3), i - i), (1, 2, 3, 2)), image, np.int32(5))
        lowered(f"update.{n}", lambda x, i: lax.dynamic_update_slice(
            x, x[:, :2, :2], (i - i, i, i, i - i)), image, np.int32(3))
        lowered(f"pad.{n}", lambda x: jnp.pad(x[0, :, :, 0], ((1, 2), (0, 1)))[::-1], image)
        lowered(f"relu.{n}", lambda x: jnp.maximum(x, 0) + jnp.where(x > 0, x, -x), image)
        lowered(f"matmul.{n}", lambda x, k: jnp.einsum("hwc,hwco->o", x[0, :3, :3], k), image, kernel)
    x = small("bf16", (4, 16), 32)
    lowered("softmax.bf16", lambda x: jnp.exp(x - x.max(1, keepdims=True)) /
            jnp.sum(jnp.exp(x - x.max(1, keepdims=True)), 1, keepdims=True, dtype=x.dtype), x)
    lowered("quantize", lambda x: jnp.clip(jnp.round(x * 16), -128, 127).astype(jnp.int8), x)
    return [f]


FAMILIES = [elementwise, movement, folds, mixed, windows, programs, tables]


def main():
    """With names of functions after the directory, only those families."""
    for function in FAMILIES:
        if len(sys.argv) == 2 or function.__name__ in sys.argv[2:]:
            for family in function():
                family.write(sys.argv[1])


if __name__ == "__main__":
    main()
