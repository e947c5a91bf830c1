"""What JAX and XLA take on the CPU for the programs of tests/bench/sim_bench.cpp.

    python3 tests/reference/xla_bench.py [--threads N]

needs jax, jaxlib and numpy. For each program: compile-and-run from nothing (tracing, compilation and first result), and the
steady state of the compiled code (best and median call, result awaited, and processor time a call over all threads, which a busy
machine disturbs least). `--threads` binds the process to N processors, which
is what bounds XLA's own pool.
"""
import argparse
import os
import statistics
import time


def measure(make, inputs, calls):
    import jax

    jax.clear_caches()
    begin = time.perf_counter()
    compiled = jax.jit(make())
    compiled(*inputs).block_until_ready()
    first = time.perf_counter() - begin
    times = []
    processor = time.process_time()
    for _ in range(calls):
        begin = time.perf_counter()
        compiled(*inputs).block_until_ready()
        times.append(time.perf_counter() - begin)
    return first, min(times), statistics.median(times), (time.process_time() - processor) / calls


def programs():
    import jax
    import jax.numpy as jnp
    import numpy as np

    def bf16(seed, *shape):
        values = np.random.default_rng(seed).uniform(-0.2, 0.2, shape).astype(np.float32)
        return jnp.asarray(values, dtype=jnp.bfloat16)

    def attention(q, k, v):
        e = jnp.exp(jnp.dot(q, k.T))
        return jnp.dot(e / jnp.sum(e, axis=1, keepdims=True), v)

    def chain(x, w):
        return jax.lax.fori_loop(0, 1000, lambda _, y: jnp.dot(y, w), x)

    def product(a, b):
        return jax.lax.dot(a, b, preferred_element_type=jnp.int32)

    def s8(seed):
        return jnp.asarray(np.random.default_rng(seed).integers(-128, 128, (512, 512)), dtype=jnp.int8)

    square = (64, 64)
    yield "attention", lambda: lambda *x: attention(*x), [bf16(i, *square) for i in range(3)], 2000
    yield "chain of 1000", lambda: lambda *x: chain(*x), [bf16(i, *square) for i in range(2)], 20
    yield "512x512x512 s8", lambda: lambda *x: product(*x), [s8(1), s8(2)], 50


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=0)
    threads = parser.parse_args().threads
    if threads:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    os.environ["JAX_PLATFORMS"] = "cpu"
    import jax

    jax.jit(lambda x: x + 1)(1).block_until_ready()  # what the process pays once
    print(f"jax {jax.__version__}, {len(os.sched_getaffinity(0))} processors")
    for name, make, inputs, calls in programs():
        first, best, median, processor = measure(make, inputs, calls)
        print(f"{name}: compile and run {first * 1e3:.1f} ms, then best {best * 1e6:.0f} us, "
              f"median {median * 1e6:.0f} us, processor {processor * 1e6:.0f} us")


if __name__ == "__main__":
    main()
