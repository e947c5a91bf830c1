"""isamorph from Python: accelerators described as TAIDL describes them, and kernels run on the
bit-exact simulator. Pure Python; the work is done by the installed `isamorph` command
($ISAMORPH names another one).

    from isamorph import Accelerator, generate_oracle, generate_backend
    from isamorph import simulator
"""
from .command import IsamorphError, command
from .kernels import simulator
from .taidl import Accelerator, Instruction, generate_backend, generate_oracle

__all__ = ["Accelerator", "Instruction", "IsamorphError", "command", "generate_backend",
           "generate_oracle", "simulator"]
