"""The Python package against the isamorph command: TAIDL files become ISAs, kernels run."""
import importlib
import os
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from isamorph import (Accelerator, IsamorphError, command, generate_backend,  # noqa: E402
                      generate_oracle, simulator)

CORPUS = HERE.parent.parent / "corpus" / "qkv"


def isamorph(*arguments):
    return subprocess.run([*command(), *map(str, arguments)], capture_output=True, text=True,
                          check=False)


def bf16(values):
    """Numbers that bf16 holds exactly."""
    return b"".join(struct.pack("<f", v)[2:] for v in values)


class Scratch(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def described(self, module):
        accelerator = importlib.import_module(module).qkv
        accelerator.base_dir = self.folder
        return accelerator

    def small(self, **given):
        """An accelerator of one instruction that moves rows; parts may be given."""
        accelerator = Accelerator("Small", base_dir=self.folder)
        accelerator.add_data_model("m", [8], [4], "s8")
        move = accelerator.add_instruction("move", ["n"], ["from_", "to"])
        move.set_inputs(given.get("inputs", [["m", ["@a.from_"], ["@c.n"]]]))
        move.set_outputs(given.get("outputs", [["m", ["@a.to"], ["@c.n"]]]))
        move.add_semantics(given.get("semantics", """
            ENTRY move {
                %In1 = s8[`@c.n`,4] parameter(0);
                ROOT %Out0 = s8[`@c.n`,4] copy(%In1);
            }"""))
        return accelerator


class Import(Scratch):
    def test_the_seven_instructions_mean_what_the_shipped_ones_mean(self):
        path = generate_oracle(self.described("taidl_qkv"))
        self.assertEqual(path, self.folder / "QKV.isa")
        done = isamorph("isa", "diff", path, "qkv", "--semantics")
        self.assertEqual((done.returncode, done.stdout), (0, "no difference\n"))
        self.assertEqual(isamorph("isa", "diff", path, "qkv").returncode, 1)  # costs

    def test_the_ten_instructions_are_the_shipped_ones_costs_included(self):
        path = generate_oracle(self.described("taidl_qkv_new"))
        lines = isamorph("isa", "diff", path, "qkv_new").stdout.splitlines()
        self.assertEqual([l for l in lines if not l.startswith("units:")], [])  # their order

    def test_a_changed_broadcast_is_a_difference(self):
        accelerator = self.described("taidl_qkv")
        softmax = accelerator.instructions[-1]
        original = softmax.instr_semantics
        self.addCleanup(lambda: softmax.add_semantics(original))
        softmax.add_semantics(original.replace("dimensions={0}", "dimensions={1}"))
        softmax.add_constraints("@c.n == 64")
        self.addCleanup(softmax.constraints.clear)
        done = isamorph("isa", "diff", generate_oracle(accelerator), "qkv", "--semantics")
        self.assertEqual(done.returncode, 1)
        self.assertIn("instruction softmax: %b = broadcast", done.stdout)

    def test_a_small_accelerator_is_checked_and_its_sizes_are_limited(self):
        text = generate_oracle(self.small()).read_text()
        self.assertIn("where  1 <= n, n <= 8", text)
        self.assertIn("buffer m [8] x s8[4]", text)

    def test_sizes_may_be_spelled_otherwise_and_the_folder_be_a_text(self):
        accelerator = self.small(semantics="""
            ENTRY move {
                %In1 = s8[`(2*@c.n)/2`,`2*2`] parameter(0);
                ROOT %Out0 = s8[`@c.n`,4] copy(%In1);
            }""")
        accelerator.base_dir = str(self.folder)
        self.assertEqual(generate_oracle(accelerator), self.folder / "Small.isa")

    def test_mistakes_are_named(self):
        cases = [({"inputs": [["k", ["@a.from_"], ["@c.n"]]]}, "there is no data model 'k'"),
                 ({"inputs": [["m", ["@a.from_"]]]}, "expected [buffer, [start, ...]"),
                 ({"inputs": []}, "0 inputs, but the parameters of its semantics are [0]"),
                 ({"inputs": [["m", ["@a.from_", "1"], ["@c.n", "2"]]]}, "a part of m's places"),
                 ({"semantics": "ENTRY e { %In1 = s8[`@c.n`,3] parameter(0);\n"
                                "ROOT %Out0 = s8[`@c.n`,4] copy(%In1); }"},
                  "%In1 is declared as s8[n,3], but input 1 is s8[n,4]"),
                 ({"semantics": "ENTRY e { %In1 = u8[`@c.n`,4] parameter(0);\n"
                                "ROOT %Out0 = s8[`@c.n`,4] bitcast_convert(%In1); }"},
                  "%In1 is declared as u8[n,4]"),
                 ({"semantics": "ENTRY e { %In1 = s8[`@c.n + 1`,4] parameter(0);\n"
                                "ROOT %Out0 = s8[`@c.n`,4] copy(%In1); }"},
                  "%In1 is declared as s8[n + 1,4]"),
                 ({"semantics": "move"}, "expected `ENTRY name { ... }`"),
                 ({"semantics": "ENTRY e { %In1 = s8[4 parameter(0); }"}, "cannot read"),
                 ({"semantics": "ENTRY e { %In1 = s8[`@c.n`,4] parameter(0);\n"
                                "ROOT %Out0 = s8[`@s.k`,4] copy(%In1); }"}, "control state"),
                 ({"semantics": "ENTRY e { %In1 = s8[`@c.n`,4] parameter(0);\n"
                                "ROOT %Out0 = s8[`@c.n`,4] frobnicate(%In1); }"}, "frobnicate")]
        for given, words in cases:
            with self.subTest(words), self.assertRaises(IsamorphError) as raised:
                generate_oracle(self.small(**given))
            self.assertIn(words, str(raised.exception))

    def test_control_state_is_refused(self):
        with self.assertRaisesRegex(IsamorphError, "control state"):
            Accelerator("A", base_dir=self.folder).add_instruction("i", [], [], update=["@s.x = 1"])


class Backend(Scratch):
    def test_the_backend_compiles(self):
        backend = generate_backend(self.described("taidl_qkv"))
        self.assertEqual(backend, self.folder / "backends" / "QKV")
        output, log = self.folder / "out.py", self.folder / "log"
        done = subprocess.run([backend, "--input", CORPUS / "matmul.hlo", "--output", output,
                               "--log", log], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("api.gemm(", output.read_text())
        self.assertEqual(isamorph("check", log / "certificate.json").returncode, 0)
        done = isamorph("verify", output, "--isa", "qkv", "--against", CORPUS / "matmul.hlo")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_missing_option_is_a_usage_error(self):
        backend = generate_backend(self.described("taidl_qkv"))
        done = subprocess.run([backend, "--input", "x"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("usage:", done.stderr)


class Kernels(unittest.TestCase):
    place = {"shape": (64, 64), "dtype": "bf16"}

    def test_a_kernel_runs_bit_exactly(self):
        kernel, api = simulator("qkv")

        @kernel(hbm=16384, input=[{"addr": 0, **self.place}], constant=[],
                output=[{"addr": 8192, **self.place}])
        def transpose():
            api.load_cm(n=64, addr_in=0, addr_out=0)
            api.store_rm(n=64, addr_in=0, addr_out=8192)

        result, = transpose(bf16([i % 128 for i in range(4096)]))
        self.assertEqual(result, bf16([(i % 64 * 64 + i // 64) % 128 for i in range(4096)]))

    def test_constants_and_loops(self):
        kernel, api = simulator("qkv")

        @kernel(hbm=24576, input=[{"addr": 0, **self.place}],
                constant=[{"addr": 8192, **self.place,
                           "value": [[2.0 * (i == j) for j in range(64)] for i in range(64)]}],
                output=[{"addr": 16384, **self.place}])
        def double():
            for i in range(2):
                api.load_rm(n=64, addr_in=8192 * i, addr_out=64 * i)
            api.gemm(addr_1=0, addr_2=64, addr_out=0)
            api.mov(n=64, addr_in=0, addr_out=0)
            api.store_rm(n=64, addr_in=0, addr_out=16384)

        result, = double(bf16([i % 64 for i in range(4096)]))
        self.assertEqual(result, bf16([2 * (i % 64) for i in range(4096)]))

    def test_mistakes_are_named(self):
        kernel, api = simulator("qkv")
        with self.assertRaisesRegex(IsamorphError, "outside of a kernel"):
            api.mov(n=1, addr_in=0, addr_out=0)

        @kernel(hbm=8192, input=[{"addr": 0, **self.place}], constant=[], output=[])
        def unknown():
            api.fly(n=64)
        with self.assertRaisesRegex(IsamorphError, "takes 1 inputs, not 0"):
            unknown()
        here = r"test_isamorph\.py:\d+: error: .*"
        with self.assertRaisesRegex(IsamorphError, here + r"fly.*\n  api\.fly\(n=64\)"):
            unknown(bytes(8192))

        @kernel(hbm=0, input=[{"addr": 0, **self.place}], constant=[], output=[])
        def small():
            api.load_rm(n=64, addr_in=0, addr_out=0)
        with self.assertRaisesRegex(IsamorphError, here + r"\n  @kernel\(hbm=0"):
            small(bytes(8192))

    def test_a_missing_command_is_named(self):
        old = os.environ.get("ISAMORPH")
        os.environ["ISAMORPH"] = "no-such-command"
        try:
            with self.assertRaisesRegex(IsamorphError, "no-such-command"):
                simulator("qkv")[0](hbm=0, input=[], constant=[], output=[])(lambda: None)()
        finally:
            if old is None:
                del os.environ["ISAMORPH"]
            else:
                os.environ["ISAMORPH"] = old


if __name__ == "__main__":
    unittest.main()
