# SPDX-License-Identifier: Apache-2.0
"""C++ of the program's own, compiled into its memory: by the clang and the LLVM that build designs, once a version."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from pathlib import Path

import llvmlite.binding as llvm


@functools.cache
def function(source: Path, name: str) -> Callable[[int], None]:
    """Return an ``extern "C"`` function of a C++ file that takes one pointer and returns nothing.

    Parameters
    ----------
    source
        C++17 that needs no library.
    name
        The function's; it gets the pointer as an address.

    Raises
    ------
    UserError
        When there is no clang, and none has compiled this file before.
    """
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(_optimised(source)), _machine())
    engine.finalize_object()
    _ENGINES.append(engine)
    return ctypes.CFUNCTYPE(None, ctypes.c_void_p)(engine.get_function_address(name))


_ENGINES: list[llvm.ExecutionEngine] = []
"""What holds the machine code of the functions in use."""


def _machine() -> llvm.TargetMachine:
    return llvm.Target.from_default_triple().create_target_machine(opt=2, jit=True)


def _optimised(source: Path) -> str:
    from hwgen.hlsc import cache, clang

    def made() -> str:
        machine = _machine()
        module = llvm.parse_assembly(clang.to_llvm(source))
        module.triple, module.data_layout = llvm.get_process_triple(), str(machine.target_data)
        builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
        builder.getModulePassManager().run(module, builder)
        return str(module)

    version = ".".join(map(str, llvm.llvm_version_info))
    name = cache.key("native", version, llvm.get_process_triple(), source.read_text(encoding="utf-8"))
    return cache.remember(name, ".ll", made)
