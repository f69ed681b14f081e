# SPDX-License-Identifier: Apache-2.0
"""LLVM passes over one module, run as a script of its own so that a crash of LLVM is not ours.

Reads an LLVM module from standard input; the first argument is the mangled name of the process function, into which
everything else is inlined, the second the most seconds of processor time. Writes the optimised module to standard
output. A third argument ``plain`` leaves out value numbering, whose assertions stop LLVM 22 for a few functions.

The calls that stand for directives about variables (see `variables`) are taken out. Comments behind the module name the
objects that those about arrays had the addresses of; LLVM is not told what an array holds that is bound to storage. The
multiplications that BIND_OP names become calls that LLVM leaves alone; a comment tells of each directive without one.
"""

from __future__ import annotations

import re
import resource
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

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
_AGAIN = 3
"""Most further rounds of unrolling for loops with a directive that two rounds leave."""

_MARK = "__hwgen_mark_"
_ARRAY = f"{_MARK}array"
_BOUND = f"{_ARRAY}_bound"
_PLAIN = ("trunc", "zext", "sext", "freeze", "and", "or", "shl", "lshr", "ashr")
_MUL = re.compile(r"(?P<to>%\S+) = mul (?:nuw )?(?:nsw )?(?P<type>i\d+) (?P<left>\S+), (?P<right>[^,]+)(?P<rest>.*)$")
_PURE = "nounwind speculatable willreturn nosync nofree memory(none)"


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

    def promote(target: llvm.ValueRef) -> None:
        manager = llvm.create_new_function_pass_manager()
        manager.add_sroa_pass()
        manager.run(target, builder)

    notes, kept = "", set[str]()
    if any(f.name.startswith(_ARRAY) for f in module.functions):
        promote(module.get_function(function))
        notes, kept = arrays(_Function(module.get_function(function)))
        module = llvm.parse_assembly(_without_calls(str(module), _ARRAY))
    module, unbound = bind(module, function, promote)
    notes += unbound

    def run(stage: Callable[[llvm.newpassmanagers.FunctionPassManager], None]) -> None:
        manager = llvm.create_new_function_pass_manager()
        stage(manager)
        manager.run(module.get_function(function), builder)

    with unknown(module, kept):
        for stage in (_clean, _unroll, _unroll):
            run(stage)
        for _ in range(_AGAIN):
            if "llvm.loop.unroll.full" not in str(module):
                break
            run(_unroll_again)
        run(_finish if numbering else _finish_plain)
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


def _unroll_again(manager: llvm.newpassmanagers.FunctionPassManager) -> None:
    """Unroll what rotation hid: it leaves joins of a counter with itself, which hide the trip count."""
    manager.add_instruction_combine_pass()
    _unroll(manager)


def _finish(manager: llvm.newpassmanagers.FunctionPassManager) -> None:
    manager.add_instruction_combine_pass()
    manager.add_new_gvn_pass()
    _finish_plain(manager)


def _finish_plain(manager: llvm.newpassmanagers.FunctionPassManager) -> None:
    manager.add_sccp_pass()
    manager.add_simplify_cfg_pass()
    manager.add_instruction_combine_pass()
    manager.add_aggressive_dce_pass()


def _without_calls(text: str, function: str) -> str:
    """Return a module without the calls and the declaration of a function, or of all whose names begin like this."""
    return re.sub(
        rf"^ *(?:tail )?(?:call|declare) void (?:\(ptr, i32, \.\.\.\) )?@{function}\w*\(.*\n", "", text, flags=re.M
    )


def arrays(code: _Function) -> tuple[str, set[str]]:
    """Return a comment for each mark about an array (number, object, the object's shape), and the bound objects."""
    notes: dict[str, None] = {}
    bound: set[str] = set()
    for function, variable, (number, *shape) in code.marks():
        if function.startswith(_ARRAY):
            name = _object(variable)
            notes[f"; hwgen.variable {' '.join(map(str, [number, name, *shape]))}\n"] = None
            bound |= {name} if function == _BOUND else set()
    return "".join(notes), bound


def _object(text: str) -> str:
    """Return the first name in the text of a value: the variable's own where it is one."""
    name = re.search(r'[%@](?:"[^"]+"|[\w.$-]+)', text)
    return name[0] if name else "null"


@contextmanager
def unknown(module: llvm.ModuleRef, names: set[str]) -> Iterator[None]:
    """Keep what some global variables hold from LLVM: of a table, its reads stay, and do not become logic instead."""
    found = [(each, each.linkage) for each in module.global_variables if _object(str(each)) in names]
    for each, _ in found:
        each.linkage = llvm.Linkage.weak_any
    yield
    for each, linkage in found:
        each.linkage = linkage


class _Function:
    """Instructions of a function by their text, which is unique for those with a result."""

    def __init__(self, function: llvm.ValueRef) -> None:
        self.insts: Sequence[llvm.ValueRef] = [i for block in function.blocks for i in block.instructions]
        self.defined = {str(i).strip(): i for i in self.insts}
        self.stores: dict[str, list[llvm.ValueRef]] = {}
        for inst in self.insts:
            if inst.opcode == "store":
                value, pointer = inst.operands
                self.stores.setdefault(self.root(pointer), []).append(value)

    def root(self, pointer: llvm.ValueRef) -> str:
        """Return the text of the variable that a pointer points into."""
        inst = self.defined.get(str(pointer).strip())
        while inst is not None and inst.opcode == "getelementptr":
            pointer = next(iter(inst.operands))
            inst = self.defined.get(str(pointer).strip())
        return str(pointer).strip()

    def marks(self) -> Iterator[tuple[str, str, list[int]]]:
        """Return function and variable of each mark, and its numbers, of which the first is the directive's."""
        for inst in self.insts:
            if inst.opcode != "call":
                continue
            pointer, *rest = inst.operands
            if rest and rest[-1].name.startswith(_MARK):
                numbers = [int(str(operand).split()[-1]) for operand in rest[:-1]]
                yield rest[-1].name, self.root(pointer), numbers

    def operations(self, variable: str, op: str) -> set[str]:
        """Return the operations of kind `op` whose results a variable is assigned, as they are or cut or extended."""
        found: set[str] = set()
        seen: set[str] = set()
        work = list(self.stores.get(variable, ()))
        while work:
            text = str(work.pop()).strip()
            inst = self.defined.get(text)
            if inst is None or text in seen:
                continue
            seen.add(text)
            operands = list(inst.operands)
            if inst.opcode == op:
                found.add(text)
            elif inst.opcode == "load":
                root = self.root(operands[0])
                work += self.stores.get(root, ()) if self._local(root) else ()
            elif inst.opcode in ("phi", "select") or inst.opcode in _PLAIN:
                work += operands
        return found

    def _local(self, root: str) -> bool:
        return root in self.defined and self.defined[root].opcode == "alloca"


def bind(module: llvm.ModuleRef, function: str, clean: Callable[[llvm.ValueRef], None]) -> tuple[llvm.ModuleRef, str]:
    """Return the module with the marked multiplications as calls, and comments about marks without an operation.

    Parameters
    ----------
    module
        With everything inlined into `function`.
    function
        The process function's symbol.
    clean
        Removes the variables that have no address.
    """
    if not any(f.name.startswith(_MARK) for f in module.functions):
        return module, ""
    clean(module.get_function(function))
    code = _Function(module.get_function(function))
    bound: dict[str, int] = {}
    notes: set[str] = set()
    for mark, variable, (number, *_) in code.marks():
        op = mark.removeprefix(_MARK)
        found = code.operations(variable, op)
        notes |= set() if found else {f"; hwgen.bind {number} missing\n"}
        for text in found if op == "mul" else ():
            if bound.setdefault(_unnumbered(text), number) != number:
                notes.add(f"; hwgen.bind {number} twice\n")
    text, types = _replace(_without_calls(str(module), _MARK), bound)
    text += "".join(f"declare {kind} {name}({kind}, {kind}) {_PURE}\n" for name, kind in sorted(types.items()))
    return llvm.parse_assembly(text), "".join(sorted(notes))


def _unnumbered(text: str) -> str:
    """Return an instruction without its metadata, which LLVM numbers anew for each text."""
    return text.partition(", !")[0]


def _replace(text: str, bound: dict[str, int]) -> tuple[str, dict[str, str]]:
    """Return the text with the bound multiplications as calls, and the type of each callee."""
    types: dict[str, str] = {}
    lines = text.split("\n")
    missing = dict(bound)
    for index, line in enumerate(lines):
        number = missing.pop(_unnumbered(line.strip()), None) if " mul " in line else None
        if number is not None:
            match = _MUL.match(line.strip())
            assert match, line
            kind = match["type"]
            name = f"@hwgen.bind.{number}.{kind}"
            types[name] = kind
            lines[index] = f"  {match['to']} = call {kind} {name}({kind} {match['left']}, {kind} {match['right']})"
            lines[index] += match["rest"]
    assert not missing, f"no such multiplications: {sorted(missing)}"
    return "\n".join(lines), types


def main() -> None:
    """Run on standard input."""
    symbol, seconds, *options = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), resource.getrlimit(resource.RLIMIT_CPU)[1]))
    sys.stdout.write(optimise(sys.stdin.read(), symbol, "plain" not in options))


if __name__ == "__main__":
    main()
