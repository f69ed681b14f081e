# SPDX-License-Identifier: Apache-2.0
"""LLVM passes over one module, run as a script of its own so that a crash of LLVM is not ours.

Reads an LLVM module from standard input; the argument is the mangled name of the process function. Everything else is
inlined into it. Writes the optimised module to standard output. A second argument ``plain`` leaves out value numbering,
whose assertions stop LLVM 22 for a few functions.

The calls that stand for directives about arrays (see `variables`) are taken out; comments behind the module name the
objects that they had the addresses of.
"""

from __future__ import annotations

import re
import sys

import llvmlite.binding as llvm

OPTIONS = (
    "-pragma-unroll-threshold=100000000",
    "-unroll-threshold=1",
    "-unroll-allow-partial=0",
    "-unroll-runtime=0",
    "-unroll-allow-peeling=0",
    "-unroll-max-upperbound=0",
)
"""Only loops with a directive unroll, and those always."""


_VARIABLE = "__hwgen_variable"
_VARIABLE_CALL = re.compile(rf"^ *(?:tail )?(?:call|declare) void @{_VARIABLE}\(.*\n", re.MULTILINE)


def optimise(text: str, function: str, numbering: bool = True) -> str:
    """Return `text` with all calls inlined into `function`, marked loops unrolled and values simplified."""
    for option in OPTIONS:
        llvm.set_option("hwgen", option)
    llvm.initialize_native_target()
    machine = llvm.Target.from_default_triple().create_target_machine()
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=1))
    module = llvm.parse_assembly(text)
    for other in module.functions:
        if not other.is_declaration and other.name != function:
            other.linkage = llvm.Linkage.internal
            other.add_function_attribute("alwaysinline")
    passes = llvm.create_new_module_pass_manager()
    passes.add_always_inliner_pass()
    passes.add_global_dead_code_eliminate_pass()
    passes.run(module, builder)
    if any(f.name == _VARIABLE for f in module.functions):
        manager = llvm.create_new_function_pass_manager()
        manager.add_sroa_pass()
        manager.run(module.get_function(function), builder)
        notes = variables(module.get_function(function))
        module = llvm.parse_assembly(_VARIABLE_CALL.sub("", str(module)))
    else:
        notes = ""
    for stage in (_clean, _unroll, _unroll, _finish if numbering else _finish_plain):
        manager = llvm.create_new_function_pass_manager()
        stage(manager)
        manager.run(module.get_function(function), builder)
    return str(module) + notes


def _clean(manager: llvm.newpassmanagers.FunctionPassManager) -> None:
    manager.add_sroa_pass()
    manager.add_simplify_cfg_pass()
    manager.add_instruction_combine_pass()
    manager.add_sccp_pass()


def _unroll(manager: llvm.newpassmanagers.FunctionPassManager) -> None:
    manager.add_loop_simplify_pass()
    manager.add_loop_rotate_pass()
    manager.add_loop_unroll_pass()
    manager.add_sroa_pass()
    manager.add_sccp_pass()
    manager.add_simplify_cfg_pass()


def _finish(manager: llvm.newpassmanagers.FunctionPassManager) -> None:
    manager.add_instruction_combine_pass()
    manager.add_new_gvn_pass()
    _finish_plain(manager)


def _finish_plain(manager: llvm.newpassmanagers.FunctionPassManager) -> None:
    manager.add_sccp_pass()
    manager.add_simplify_cfg_pass()
    manager.add_instruction_combine_pass()
    manager.add_aggressive_dce_pass()


def variables(function: llvm.ValueRef) -> str:
    """Return a comment for each call that stands for a directive: the number of the directive and its object."""
    insts = [inst for block in function.blocks for inst in block.instructions]
    defined = {str(inst).strip(): inst for inst in insts}
    notes: dict[str, None] = {}
    for inst in insts:
        if inst.opcode != "call":
            continue
        pointer, *rest = inst.operands
        if not rest or rest[-1].name != _VARIABLE:
            continue
        text = str(pointer).strip()
        while text in defined and defined[text].opcode == "getelementptr":
            text = str(next(iter(defined[text].operands))).strip()
        name = re.search(r'[%@](?:"[^"]+"|[\w.$-]+)', text)
        notes[f"; hwgen.variable {str(rest[0]).split()[-1]} {name[0] if name else 'null'}\n"] = None
    return "".join(notes)


def main() -> None:
    """Run on standard input."""
    sys.stdout.write(optimise(sys.stdin.read(), sys.argv[1], "plain" not in sys.argv[2:]))


if __name__ == "__main__":
    main()
