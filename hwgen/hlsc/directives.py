# SPDX-License-Identifier: Apache-2.0
"""Which arguments of each directive the compiler honours; anything else is refused, never ignored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from hwgen.errors import did_you_mean
from hwgen.hlsc.errors import HlsError

if TYPE_CHECKING:
    from hwgen.hlsc.pragmas import Directive

_NAME, _NUMBER, _FLAG, _ANY = r"\w+(?:(?:\.|->|::)\w+)*", r"\d+", "", ".*"
_RAMS = "ram_1p|ram_2p|ram_s2p|ram_t2p|ram_1wnr|rom_1p|rom_2p|rom_np"
_PARTITION = {
    "variable": _NAME, "type": "complete|cyclic|block", "complete": _FLAG, "cyclic": _FLAG, "block": _FLAG,
    "factor": "[1-9]\\d*", "dim": _NUMBER,
}  # fmt: skip

_HONOURED: Mapping[str, Mapping[str, str]] = {
    "UNROLL": {"factor": _ANY},
    "PIPELINE": {"ii": _ANY, "off": _FLAG, "style": "flp|frp", "rewind": _FLAG},
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
}  # fmt: skip
"""For each directive its arguments and their values; a trip count is a promise that is not needed."""


def check(directive: Directive) -> None:
    """Refuse a directive that asks for what the compiler does not do.

    Raises
    ------
    HlsError
        At the directive's place.
    """
    honoured = _HONOURED.get(directive.name)
    if honoured is None:
        raise _refusal(directive, f"{directive.name} has no effect yet, so it must not be asked for.", "Remove it.")
    for key, value in directive.args.items():
        if key not in honoured:
            what = f"{directive.name} has no argument {key} that this compiler honours."
            raise _refusal(directive, what, did_you_mean(key, list(honoured)) or "Remove it.")
        if re.fullmatch(honoured[key], value, re.IGNORECASE):
            continue
        wanted = honoured[key].replace("|", ", ")
        rule = f"{directive.name}'s {key} must be one of {wanted}, not {value or 'nothing'}."
        if honoured[key] in (_NAME, _NUMBER, _FLAG):
            kind = {_NAME: "a name", _NUMBER: "a number", _FLAG: "without a value"}[honoured[key]]
            rule = f"{directive.name}'s {key} must be {kind}, not {value or 'nothing'}."
        raise _refusal(directive, rule, "Change the directive, or remove it.")
    if directive.name == "DEPENDENCE":
        _check_dependence(directive)
    if directive.name in ("ARRAY_PARTITION", "ARRAY_RESHAPE"):
        _check_partition(directive)


def _check_partition(directive: Directive) -> None:
    """Refuse a partition with two kinds, or without the factor that its kind has."""
    args = directive.args
    kinds = {k for k in ("complete", "cyclic", "block") if k in args} | {
        args[k].lower() for k in ("type",) if k in args
    }
    if len(kinds) > 1:
        raise _refusal(directive, f"{directive.name} must have one type, not {len(kinds)}.", "Keep one of them.")
    factor = not kinds <= {"complete"}
    if factor != ("factor" in args):
        rule = f"{directive.name} must {'have a factor' if factor else 'have no factor, as it is complete'}."
        raise _refusal(directive, rule, "Write type=cyclic factor=n, or type=complete.")


def _check_dependence(directive: Directive) -> None:
    """Refuse a DEPENDENCE that contradicts itself or says nothing."""
    args = {key: value.lower() for key, value in directive.args.items()}
    kinds = {k for k in ("inter", "intra") if k in args} | {args[k] for k in ("type",) if k in args}
    truths = {k for k in ("true", "false") if k in args} | {args[k] for k in ("dependent",) if k in args}
    if len(kinds) > 1 or len(truths) != 1:
        raise _refusal(
            directive,
            "DEPENDENCE must say once whether it is inter or intra, and once whether it is true or false.",
            "Write #pragma HLS DEPENDENCE variable=x type=inter dependent=false.",
        )
    if "distance" in args and "false" in truths:
        raise _refusal(directive, "A DEPENDENCE that is false must have no distance.", "Remove distance.")


def _refusal(directive: Directive, rule: str, fix: str) -> HlsError:
    return HlsError(rule, file=directive.file, line=directive.line, fix=fix)
