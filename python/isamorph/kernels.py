"""Kernels as ACT writes them, run on isamorph's simulator:

    from isamorph import simulator

    kernel, api = simulator("qkv")

    @kernel(hbm=16384, input=[{'addr': 0, 'shape': (64, 64), 'dtype': 'bf16'}], constant=[],
            output=[{'addr': 8192, 'shape': (64, 64), 'dtype': 'bf16'}])
    def copy():
        api.load_rm(n=64, addr_in=0, addr_out=0)
        api.store_rm(n=64, addr_in=0, addr_out=8192)

    result, = copy(data)     # bytes or anything with a buffer, row-major, little-endian; gives bytes
"""
import json
import linecache
import re
import sys
import tempfile
from pathlib import Path

from .command import IsamorphError, run

_ELEMENTS = {"bfloat16": "bf16", "float16": "f16", "float32": "f32", "float64": "f64",
             "bool": "pred", "bool_": "pred"}


def _element(dtype):
    """isamorph's name of an element type given as a name, a NumPy type or a jax.numpy one."""
    name = dtype if isinstance(dtype, str) else getattr(dtype, "name", None) or \
        getattr(dtype, "__name__", str(dtype))
    name = _ELEMENTS.get(name, name)
    return name.replace("uint", "u").replace("int", "s")


def _bytes(array):
    """The bytes of a bytes-like object or an array in row-major order."""
    return array.tobytes() if hasattr(array, "tobytes") else bytes(array)


def _flat(value):
    """The numbers of nested lists, in order."""
    return [x for v in value for x in _flat(v)] if isinstance(value, (list, tuple)) else [value]


class _Kernel:
    """A decorated function: calling it runs its instructions on the simulator."""

    def __init__(self, api, function, memory, tensors):
        self._api, self._function, self._memory, self._tensors = api, function, memory, tensors
        self.__name__, self.__doc__ = function.__name__, function.__doc__

    def text(self):
        """The kernel as isamorph's JSON. The function is called to record its instructions."""
        return self._text_and_places()[0]

    def _text_and_places(self):
        """The JSON, each instruction in a line of its own, and where the function gives them: a
        dictionary from such lines to (file, line)."""
        with self._api.recording() as recorded:
            self._function()
        def place(role, tensors):
            return [{"name": f"{role}_{i}", "address": t["addr"], "type": _element(t["dtype"]),
                     "shape": list(t["shape"])} for i, t in enumerate(tensors)]
        constants = place("constant", self._tensors["constant"])
        for entry, tensor in zip(constants, self._tensors["constant"]):
            value = tensor["value"]
            entry["value"] = _flat(value.tolist() if hasattr(value, "tolist") else value)
        head = json.dumps({"kernel": self.__name__.strip("_"), "memory": self._memory,
                           "inputs": place("input", self._tensors["input"]),
                           "constants": constants,
                           "outputs": place("output", self._tensors["output"])}, indent=1)
        head = head.removesuffix("\n}") + ',\n "instructions": ['
        first = head.count("\n") + 2
        lines = ",\n".join("  " + json.dumps(instruction) for instruction, _ in recorded)
        return (f"{head}\n{lines}\n ]\n}}\n",
                {first + i: where for i, (_, where) in enumerate(recorded)})

    def _explained(self, error, path, places):
        """The error of a command about the JSON at `path`, told of the Python that it is from: the
        line of the instruction, or the kernel's first."""
        first, *rest = str(error).splitlines()
        found = re.match(re.escape(str(path)) + r":(\d+):\d+: (.*)", first)
        if not found:
            return error
        code = self._function.__code__
        file, line = places.get(int(found[1]), (code.co_filename, code.co_firstlineno))
        source = linecache.getline(file, line).strip()
        shown = [f"  {source}"] if source else []
        return IsamorphError("\n".join([f"{file}:{line}: {found[2]}", *shown, *rest[2:]]))

    def __call__(self, *arrays):
        """The bytes of each output."""
        if len(arrays) != len(self._tensors["input"]):
            raise IsamorphError(f"kernel {self.__name__} takes {len(self._tensors['input'])} "
                                f"inputs, not {len(arrays)}")
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            text, places = self._text_and_places()
            (folder / "kernel.json").write_text(text, encoding="utf-8")
            arguments = ["run", folder / "kernel.json", "--isa", self._api.isa]
            for i, array in enumerate(arrays):
                (folder / f"input_{i}.bin").write_bytes(_bytes(array))
            if arrays:
                arguments += ["--input", *(folder / f"input_{i}.bin" for i in range(len(arrays)))]
            outputs = [folder / f"output_{i}.bin" for i in range(len(self._tensors["output"]))]
            if outputs:
                arguments += ["--output", *outputs]
            try:
                run(*arguments)
            except IsamorphError as error:
                raise self._explained(error, folder / "kernel.json", places) from None
            return [path.read_bytes() for path in outputs]


class _Api:
    """Every attribute is an instruction; calling it records it in the kernel being run."""

    def __init__(self, isa):
        self.isa = isa
        self._recorded = None

    def recording(self):
        return _Recording(self)

    def __getattr__(self, instruction):
        if instruction.startswith("_"):
            raise AttributeError(instruction)
        def record(**attributes):
            if self._recorded is None:
                raise IsamorphError(f"api.{instruction} outside of a kernel")
            caller = sys._getframe(1)  # pylint: disable=protected-access
            self._recorded.append(({"instruction": instruction,
                                    "attributes": {k: int(v) for k, v in attributes.items()}},
                                   (caller.f_code.co_filename, caller.f_lineno)))
        return record


class _Recording:
    def __init__(self, api):
        self._api = api

    def __enter__(self):
        self._api._recorded = []
        return self._api._recorded

    def __exit__(self, *_):
        self._api._recorded = None


def simulator(isa):
    """The decorator `kernel` and the object `api` for a shipped ISA or the path of one."""
    api = _Api(isa)

    def kernel(hbm, input, constant, output):  # pylint: disable=redefined-builtin
        return lambda function: _Kernel(
            api, function, hbm, {"input": input, "constant": constant, "output": output})
    return kernel, api
