# SPDX-License-Identifier: Apache-2.0
"""`#pragma HLS` and `#pragma HWGEN`: which arguments of each the compiler honours; anything else is refused."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from hwgen.errors import did_you_mean
from hwgen.hlsc.errors import HlsError


@dataclass(frozen=True)
class Directive:
    """One `#pragma HLS` or `#pragma HWGEN`: `name` in capitals, `args` as ``key=value`` (a bare word has the value "").

    `function` is the name of the function it stands in, "" where there is none.
    """

    name: str
    args: Mapping[str, str]
    file: str
    line: int
    function: str = ""

    def refused(self, rule: str, fix: str) -> HlsError:
        """Return the error to raise at the directive's place."""
        return HlsError(rule, file=self.file, line=self.line, fix=fix)


_NAME, _NUMBER, _FLAG, _ANY = r"\w+(?:(?:\.|->|::)\w+)*", r"[0-9]{1,9}", "", ".*"
_RAMS = "ram_1p|ram_2p|ram_s2p|ram_t2p|ram_1wnr|rom_1p|rom_2p|rom_np"
_PARTITION = {
    "variable": _NAME, "type": "complete|cyclic|block", "complete": _FLAG, "cyclic": _FLAG, "block": _FLAG,
    "factor": "[1-9][0-9]{0,8}", "dim": _NUMBER,
}  # fmt: skip

_HONOURED: Mapping[str, Mapping[str, str]] = {
    "UNROLL": {"factor": _ANY},
    "PIPELINE": {"ii": _ANY, "off": _FLAG, "style": "flp", "rewind": _FLAG},
    "INLINE": {"recursive": _FLAG},
    "STREAM": {"variable": _NAME, "depth": _ANY, "type": "fifo"},
    "DATAFLOW": {"disable_start_propagation": _FLAG},
    "ARRAY_PARTITION": _PARTITION,
    "ARRAY_RESHAPE": _PARTITION,
    "BIND_STORAGE": {"variable": _NAME, "type": _RAMS, "impl": "auto|lutram|bram|uram", "latency": "-1|[1-8]"},
    "BIND_OP": {"variable": _NAME, "op": "mul|add|sub", "impl": "dsp|fabric", "latency": "-1|[0-4]"},
    "DEPENDENCE": {
        "variable": _NAME, "class": "array", "array": _FLAG, "type": "inter|intra", "inter": _FLAG, "intra": _FLAG,
        "direction": "raw|war|waw", "distance": _NUMBER, "dependent": "true|false", "true": _FLAG, "false": _FLAG,
    },
    "INTERFACE": {
        "mode": "axis|s_axilite|m_axi|ap_ctrl_none", "axis": _FLAG, "s_axilite": _FLAG, "m_axi": _FLAG,
        "ap_ctrl_none": _FLAG, "port": _NAME, "register": _FLAG, "bundle": _NAME, "offset": "slave|off",
        "depth": _NUMBER, "max_read_burst_length": _NUMBER, "max_write_burst_length": _NUMBER,
        "num_read_outstanding": _NUMBER, "num_write_outstanding": _NUMBER,
    },
    "LOOP_TRIPCOUNT": {"min": _NUMBER, "max": _NUMBER, "avg": _NUMBER},
    "RESET": {"variable": _NAME},
    "WIRES": {"variable": _NAME},
}  # fmt: skip
"""For each directive its arguments and their values; a trip count is a promise that is not needed."""

_HWGEN = ("WIRES",)
"""Directives after ``#pragma HWGEN``, which a compiler of C++ ignores as it must any pragma it does not know."""

_INSTEAD: Mapping[tuple[str, str], tuple[str, str]] = {
    ("INLINE", "off"): (
        "INLINE must not be off: every function is inlined into the process that calls it.",
        "To keep it apart, make it a process of its own and call that in a dataflow top.",
    ),
    ("INLINE", "region"): ("INLINE has no argument region: every function is inlined.", "Write INLINE alone."),
    ("DATAFLOW", "interval"): ("DATAFLOW has no argument interval: a top starts as its streams let it.", "Remove it."),
}
"""Per directive and argument, for what has another way here, the rule and what to do."""

_NEEDED: Mapping[str, tuple[str, ...]] = {
    "STREAM": ("variable", "depth"),
    "WIRES": ("variable",),
    "BIND_OP": ("variable", "op", "impl"),
}
"""Arguments that a directive must have; those about arrays say so themselves."""

_TOPS = ("DATAFLOW", "STREAM", "WIRES", "INTERFACE")
"""What a dataflow top may have. Only the compilation of the function that they stand in reads them."""


def number(text: str) -> int | None:
    """Return a number of at most nine decimal digits, None for any other text."""
    return int(text) if re.fullmatch(_NUMBER, text) else None


def parse(text: str, file: str, line: int, function: str = "", owner: str = "HLS") -> Directive:
    """Return the directive written as `text` after ``#pragma`` and its `owner`, HLS or HWGEN.

    Raises
    ------
    HlsError
        For a name that is no directive's, and for an argument that is given twice.
    """
    words = re.sub(r"\s*=\s*", "=", text.split("//")[0]).split()
    name = words[0].upper() if words else ""
    args: dict[str, str] = {}
    directive = Directive(name, args, file, line, function)
    names = [known for known in _HONOURED if (known in _HWGEN) == (owner == "HWGEN")]
    if name not in names:
        raise directive.refused(f'"{name}" is no {owner} directive.', did_you_mean(name, names))
    for word in words[1:]:
        left, _, right = word.partition("=")
        if left.lower() in args:
            raise directive.refused(f"{name} must have {left} once, not twice.", "Keep one of them.")
        args[left.lower()] = right
    return directive


def check(directive: Directive) -> None:
    """Refuse a directive that asks for what the compiler does not do.

    Raises
    ------
    HlsError
        At the directive's place.
    """
    honoured = _HONOURED[directive.name]
    for key, value in directive.args.items():
        if (directive.name, key) in _INSTEAD:
            raise directive.refused(*_INSTEAD[directive.name, key])
        if key not in honoured:
            what = f"{directive.name} has no argument {key} that this compiler honours."
            raise directive.refused(what, did_you_mean(key, list(honoured)) or "Remove it.")
        if re.fullmatch(honoured[key], value, re.IGNORECASE):
            continue
        wanted = honoured[key].replace("|", ", ")
        rule = f"{directive.name}'s {key} must be one of {wanted}, not {value or 'nothing'}."
        if honoured[key] in (_NAME, _NUMBER, _FLAG):
            kind = {_NAME: "a name", _NUMBER: "a number", _FLAG: "without a value"}[honoured[key]]
            rule = f"{directive.name}'s {key} must be {kind}, not {value or 'nothing'}."
        raise directive.refused(rule, "Change the directive, or remove it.")
    missing = [key for key in _NEEDED.get(directive.name, ()) if key not in directive.args]
    if missing:
        raise directive.refused(f"{directive.name} must have {missing[0]}.", f"Write {missing[0]}=...")
    if directive.name in _TOPS and not directive.function:
        raise directive.refused(
            f"{directive.name} must stand in the body of a function.",
            "Move it into the dataflow top, or into the process, that it is about.",
        )
    if directive.name == "BIND_OP":
        _check_operation(directive)
    if directive.name == "LOOP_TRIPCOUNT":
        _check_trip_count(directive)
    if directive.name == "DEPENDENCE":
        _check_dependence(directive)
    if directive.name in ("ARRAY_PARTITION", "ARRAY_RESHAPE"):
        _check_partition(directive)


def _check_operation(directive: Directive) -> None:
    """Refuse a BIND_OP that asks for what no operation can have."""
    op, impl = directive.args["op"].lower(), directive.args["impl"].lower()
    if op != "mul" and impl == "dsp":
        raise directive.refused(f"BIND_OP's impl must be fabric where op is {op}, not dsp.", "Bind multiplications.")
    if impl == "fabric" and int(directive.args.get("latency", "-1")) >= 0:
        what = "BIND_OP's latency must be asked for with impl=dsp only; what is made of LUTs is pipelined by the clock."
        raise directive.refused(what, "Remove latency.")


def _check_partition(directive: Directive) -> None:
    """Refuse a partition with two kinds, or without the factor that its kind has."""
    args = directive.args
    kinds = {k for k in ("complete", "cyclic", "block") if k in args} | {
        args[k].lower() for k in ("type",) if k in args
    }
    if len(kinds) > 1:
        raise directive.refused(f"{directive.name} must have one type, not {len(kinds)}.", "Keep one of them.")
    factor = not kinds <= {"complete"}
    if factor != ("factor" in args):
        rule = f"{directive.name} must {'have a factor' if factor else 'have no factor, as it is complete'}."
        raise directive.refused(rule, "Write type=cyclic factor=n, or type=complete.")


def _check_trip_count(directive: Directive) -> None:
    """Refuse a trip count whose least is above its mean or its most."""
    counts = [int(directive.args[key]) for key in ("min", "avg", "max") if key in directive.args]
    if counts != sorted(counts):
        raise directive.refused("LOOP_TRIPCOUNT's min, avg and max must not fall.", "Exchange them.")


def _check_dependence(directive: Directive) -> None:
    """Refuse a DEPENDENCE that contradicts itself or says nothing."""
    args = {key: value.lower() for key, value in directive.args.items()}
    kinds = {k for k in ("inter", "intra") if k in args} | {args[k] for k in ("type",) if k in args}
    truths = {k for k in ("true", "false") if k in args} | {args[k] for k in ("dependent",) if k in args}
    if len(kinds) > 1 or len(truths) != 1:
        raise directive.refused(
            "DEPENDENCE must say once whether it is inter or intra, and once whether it is true or false.",
            "Write #pragma HLS DEPENDENCE variable=x type=inter dependent=false.",
        )
    if "distance" in args and "false" in truths:
        raise directive.refused("A DEPENDENCE that is false must have no distance.", "Remove distance.")


def check_process(directives: Iterable[Directive], process: str, inlined: Collection[str]) -> None:
    """Refuse in a process, and in the functions inlined into it, the directives that only others can follow.

    Raises
    ------
    HlsError
        At the first of them.
    """
    for directive in directives:
        if directive.name in ("STREAM", "WIRES", "DATAFLOW") and directive.function == process:
            raise directive.refused(
                f"{directive.name} must stand in a dataflow top, not in the process {process}.",
                "Move it to the function that declares the streams and calls the processes.",
            )
        if directive.name in _TOPS and directive.function in inlined:
            raise directive.refused(
                f"{directive.name} must not stand in {directive.function}, which is inlined into {process}.",
                "Move it to the function that it is about.",
            )


def check_top(directives: Iterable[Directive], top: str) -> None:
    """Refuse in a dataflow top the directives that only a process can follow.

    Raises
    ------
    HlsError
        At the first of them.
    """
    for directive in directives:
        if directive.function == top and directive.name not in _TOPS:
            rule = f"{directive.name} must stand in a process, not in the dataflow top {top}."
            raise directive.refused(rule, f"A top may have {', '.join(_TOPS)}: remove it, or move it.")


def stream_depths(directives: Iterable[Directive], top: str, streams: Collection[str]) -> dict[str, int]:
    """Return the depths that STREAM asks for in a dataflow top, 0 for what WIRES says to be wires.

    Parameters
    ----------
    directives
        All directives of the file.
    top
        The top's name.
    streams
        Names of the streams that it declares.

    Raises
    ------
    HlsError
        For a stream that is not declared there, a depth that is no positive number, two depths of a stream, and
        wires that are asked to hold more than the one word that is the least for STREAM.
    """
    found: dict[str, int] = {}
    wires: dict[str, Directive] = {}
    for directive in directives:
        if directive.name not in ("STREAM", "WIRES") or directive.function != top:
            continue
        name = directive.args["variable"]
        if name not in streams:
            rule = f"{directive.name}'s variable must be a stream that {top} declares, not {name}."
            raise directive.refused(rule, did_you_mean(name, list(streams)) or "A port has no FIFO: remove it.")
        if directive.name == "WIRES":
            wires[name] = directive
            continue
        words = number(directive.args["depth"])
        if not words:
            rule, fix = (
                f"STREAM's depth must be a positive number of at most nine digits, not {directive.args['depth']}.",
                f"Write #pragma HLS STREAM variable={name} depth=2.",
            )
            raise directive.refused(rule, fix)
        if found.setdefault(name, words) != words:
            raise directive.refused(f"The stream {name} must have one depth.", "Keep one of the directives.")
    for name, directive in wires.items():
        if found.get(name, 1) > 1:
            rule = f"The stream {name} must have depth 1 to be wires, which hold no words, not {found[name]}."
            raise directive.refused(rule, "Remove WIRES, or write depth=1.")
    return found | dict.fromkeys(wires, 0)
