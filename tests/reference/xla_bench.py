"""What JAX and XLA take on the CPU for the programs of tests/bench/sim_bench.cpp, beside what isamorph takes.

    python3 tests/reference/xla_bench.py [--threads N] [--bench build/bench/tests/bench/isamorph_bench]

needs jax, jaxlib and numpy, and for `--bench` the program that `./dev bench` builds. XLA compiles the HLO texts that isamorph
compiles (corpus/). For each: compile-and-run from nothing (the text parsed, compiled, first result), and the steady state of the
compiled code, results awaited: nine times the mean of calls for a tenth of a second, of which the best and the median, and
processor time a call over all threads, which a busy machine disturbs least; as Google Benchmark does for ours. `--threads` binds
the process to N processors, which is what bounds XLA's own pool.

With `--bench`, both are measured on one thread and on two, each alone, and a table (Markdown) is printed; what misses its bar is
marked. Bars: attention's first result ten times sooner than XLA's, attention no slower than XLA's compiled code, 512x512x512
instruction by instruction under 130 ms.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

CORPUS = pathlib.Path(__file__).resolve().parents[2] / "corpus"

CHAIN = """HloModule chain
body {
  s = (s32[], bf16[64,64], bf16[64,64]) parameter(0)
  i = s32[] get-tuple-element(s), index=0
  one = s32[] constant(1)
  next = s32[] add(i, one)
  y = bf16[64,64] get-tuple-element(s), index=1
  w = bf16[64,64] get-tuple-element(s), index=2
  z = bf16[64,64] dot(y, w), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  ROOT t = (s32[], bf16[64,64], bf16[64,64]) tuple(next, z, w)
}
condition {
  s = (s32[], bf16[64,64], bf16[64,64]) parameter(0)
  i = s32[] get-tuple-element(s), index=0
  n = s32[] constant(1000)
  ROOT less = pred[] compare(i, n), direction=LT
}
ENTRY chain {
  x = bf16[64,64] parameter(0)
  w = bf16[64,64] parameter(1)
  zero = s32[] constant(0)
  s = (s32[], bf16[64,64], bf16[64,64]) tuple(zero, x, w)
  t = (s32[], bf16[64,64], bf16[64,64]) while(s), condition=condition, body=body
  ROOT y = bf16[64,64] get-tuple-element(t), index=1
}
"""

REPETITIONS, SECONDS = 9, 0.1

# Name, ours by number of threads (steady state; from nothing).
PROGRAMS = [
    ("attention", "simulate_attention/{}/process_time/real_time", "first_attention"),
    ("chain of 1000", "simulate_chain/1000/{}/process_time/real_time", "first_chain/1000"),
    ("512x512x512 s8", "simulate_tiles/0/{}/process_time/real_time", "first_tiles/0"),
    ("512x512x512 s8, loops", "simulate_tiles/1/{}/process_time/real_time", "first_tiles/1"),
    ("784x1024x256 s8, loops", "simulate_gemmini/{}/process_time/real_time", "first_gemmini"),
]


def text_and_inputs(name):
    import ml_dtypes
    import numpy as np

    def floats(seed):
        return np.random.default_rng(seed).uniform(-0.2, 0.2, (64, 64)).astype(ml_dtypes.bfloat16)

    def bytes_of(seed, *shape):
        return np.random.default_rng(seed).integers(-128, 128, shape, dtype=np.int8)

    if name == "attention":
        return (CORPUS / "qkv/attention.hlo").read_text(), [floats(i) for i in range(3)]
    if name == "chain of 1000":
        return CHAIN, [floats(0), floats(1)]
    m, n, k = (784, 1024, 256) if name.startswith("784") else (512, 512, 512)
    text = (CORPUS / f"gemmini/gemm_{m}x{n}x{k}.hlo").read_text()
    return text, [bytes_of(1, m, k), bytes_of(2, k, n)]


def compile_text(text):
    """A function of arrays on the device, which awaits its result."""
    from jax._src import xla_bridge
    from jaxlib import _hlo, _jax, xla_client

    cpu = xla_bridge.get_backend("cpu")
    module = _hlo.hlo_module_from_text(text)
    computation = _hlo.XlaComputation(module.as_serialized_hlo_module_proto())
    mlir = _jax.mlir.xla_computation_to_mlir_module(computation)
    devices = xla_client.DeviceList(tuple(cpu.local_devices()[:1]))
    program = cpu.compile_and_load(mlir, devices, xla_client.CompileOptions())

    def call(inputs):
        for output in program.execute(inputs):
            output.block_until_ready()

    return call


def measure_xla():
    """Seconds by program: first, best, median, processor."""
    import jax

    add_one = "HloModule m\nENTRY e { x = f32[] parameter(0)\n ROOT y = f32[] add(x, x) }"
    compile_text(add_one)([jax.device_put(1.0)])  # what the process pays once
    out = {}
    for name, _, _ in PROGRAMS:
        text, arrays = text_and_inputs(name)
        inputs = [jax.device_put(x) for x in arrays]
        begin = time.perf_counter()
        call = compile_text(text)
        call(inputs)
        first, times, processor, calls = time.perf_counter() - begin, [], time.process_time(), 0
        for _ in range(REPETITIONS):
            begin, here = time.perf_counter(), 0
            while time.perf_counter() < begin + SECONDS:
                call(inputs)
                here += 1
            times.append((time.perf_counter() - begin) / here)
            calls += here
        out[name] = {"first": first, "best": min(times), "median": statistics.median(times),
                     "processor": (time.process_time() - processor) / calls}
    return out


def measure_ours(bench, threads):
    """Seconds by benchmark: the least and the median of the repetitions, and processor time."""
    names = [n.format(threads) for _, steady, first in PROGRAMS for n in (steady, first)]
    command = [bench, "--benchmark_format=json", f"--benchmark_repetitions={REPETITIONS}",
               f"--benchmark_min_time={SECONDS}",
               "--benchmark_enable_random_interleaving=true",
               "--benchmark_filter=^(" + "|".join(names) + ")$"]
    runs = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["benchmarks"]
    scale = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1}
    out = {}
    for name in names:
        real, processor = ([r[key] * scale[r["time_unit"]] for r in runs
                            if r["run_name"] == name and r["run_type"] == "iteration"]
                           for key in ("real_time", "cpu_time"))
        out[name] = {"best": min(real), "median": statistics.median(real), "processor": min(processor)}
    return out


def bind(threads):
    if threads:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def shown(seconds):
    return f"{seconds * 1e6:.1f} us" if seconds < 1e-3 else f"{seconds * 1e3:.2f} ms" if seconds < 1 else f"{seconds:.2f} s"


def times(measured):
    return f"{shown(measured['best'])} ({shown(measured['median'])}; {shown(measured['processor'])})"


def rows(threads, ours, xla):
    for name, steady, first in PROGRAMS:
        mine, from_nothing, theirs = ours[steady.format(threads)], ours[first], xla[name]
        missed = []
        if name == "attention" and 10 * from_nothing["best"] > theirs["first"]:
            missed.append("first")
        if name == "attention" and mine["best"] > theirs["best"]:
            missed.append("steady")
        if name == "512x512x512 s8" and mine["best"] > 0.130:
            missed.append("130 ms")
        yield [name, str(threads), shown(from_nothing["best"]), shown(theirs["first"]),
               times(mine), times(theirs),
               "misses " + ", ".join(missed) if missed else ""]


def table(bench):
    print("| program | threads | first result | XLA, compile and run | steady state: best (median; processor) | XLA's compiled code | bar |")
    print("|---|---|---|---|---|---|---|")
    all_processors = os.sched_getaffinity(0)
    for threads in (1, 2):
        if len(all_processors) < threads:
            break
        bind(threads)
        command = [sys.executable, __file__, "--threads", str(threads), "--json"]
        xla = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        for row in rows(threads, measure_ours(bench, threads), xla):
            print("| " + " | ".join(row) + " |", flush=True)
        os.sched_setaffinity(0, all_processors)
    print(f"\nThe load is {os.getloadavg()[0]:.1f}: both should have run alone.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print the times as JSON")
    parser.add_argument("--bench", help="measure isamorph too, and print a table")
    options = parser.parse_args()
    os.environ["JAX_PLATFORMS"] = "cpu"
    if options.bench:
        return table(options.bench)
    bind(options.threads)
    times = measure_xla()
    if options.json:
        print(json.dumps(times))
        return
    import jax

    print(f"jax {jax.__version__}, {len(os.sched_getaffinity(0))} processors")
    for name, t in times.items():
        print(f"{name}: compile and run {shown(t['first'])}, then best {shown(t['best'])}, median {shown(t['median'])}, "
              f"processor {shown(t['processor'])}")


if __name__ == "__main__":
    main()
